#include "apps/recommend/packed.h"

char *tdl_packed_put(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, value >>= 8)
        *at++ = (char)(value & 0xFF);
    return at;
}

tdl_str tdl_packed_take(tdl_packed *c, size_t n)
{
    tdl_str taken = {c->at, n};

    if (n > c->left) {
        c->bad = true;
        return (tdl_str){0};
    }
    c->at += n;
    c->left -= n;
    return taken;
}

uint64_t tdl_packed_number(tdl_packed *c, size_t bytes)
{
    tdl_str text = tdl_packed_take(c, bytes);
    uint64_t value = 0;

    for (size_t i = text.len; i-- > 0;)
        value = value << 8 | (unsigned char)text.at[i];
    return value;
}
