#include "store/chain.h"

#include <inttypes.h>
#include <sodium.h>

static void next_hash(const tdl_chain *chain, tdl_str record, uint8_t ret[TDL_CHAIN_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, TDL_CHAIN_BYTES);
    crypto_generichash_update(&state, chain->hash, TDL_CHAIN_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)record.at, record.len);
    crypto_generichash_final(&state, ret, TDL_CHAIN_BYTES);
}

void tdl_chain_add(tdl_chain *chain, tdl_str record)
{
    uint8_t next[TDL_CHAIN_BYTES];

    next_hash(chain, record, next);
    memcpy(chain->hash, next, sizeof next);
    chain->n++;
}

bool tdl_chain_follow(tdl_chain *chain, tdl_str record, const uint8_t hash[TDL_CHAIN_BYTES])
{
    uint8_t next[TDL_CHAIN_BYTES];

    next_hash(chain, record, next);
    if (memcmp(next, hash, sizeof next) != 0)
        return false;
    memcpy(chain->hash, next, sizeof next);
    chain->n++;
    return true;
}

bool tdl_chain_same(const tdl_chain *a, const tdl_chain *b)
{
    return a->n == b->n && !memcmp(a->hash, b->hash, TDL_CHAIN_BYTES);
}

void tdl_chain_format(const tdl_chain *chain, tdl_buf *ret)
{
    char hex[TDL_CHAIN_HEX + 1];

    sodium_bin2hex(hex, sizeof hex, chain->hash, TDL_CHAIN_BYTES);
    tdl_buf_printf(ret, "%" PRId64 " %s", chain->n, hex);
}

/* One more than the value of a digit; 0 is none. */
static const uint8_t digits[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* A table, because branches on random digits are guessed wrong, and what libsodium has hides its
 * time: either would take as long as the hash itself. */
bool tdl_chain_parse_hex(tdl_str hex, uint8_t *ret, size_t n)
{
    bool good = hex.len == 2 * n;

    for (size_t i = 0; good && i < n; i++) {
        unsigned high = digits[(uint8_t)hex.at[2 * i]], low = digits[(uint8_t)hex.at[2 * i + 1]];
        good = high && low;
        ret[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return good;
}

bool tdl_chain_parse(tdl_str text, tdl_chain *ret)
{
    const char *blank = text.len ? memchr(text.at, ' ', text.len) : NULL;
    size_t n = blank ? (size_t)(blank - text.at) : 0;

    return blank && tdl_str_int((tdl_str){text.at, n}, &ret->n) && ret->n >= 0 &&
           tdl_chain_parse_hex((tdl_str){blank + 1, text.len - n - 1}, ret->hash, TDL_CHAIN_BYTES);
}
