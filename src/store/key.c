#include "store/key.h"

#include <sodium.h>
#include <stdio.h>

#include "base/str.h"

static const char *const right_names[] = {
    [TDL_RIGHT_WRITE] = "write",
    [TDL_RIGHT_DECIDE] = "decide",
    [TDL_RIGHT_ADMIN] = "admin",
};

const char *tdl_right_name(tdl_right right)
{
    return right >= TDL_RIGHT_WRITE && right <= TDL_RIGHT_ADMIN ? right_names[right] : "none";
}

bool tdl_right_parse(tdl_str text, tdl_right *ret)
{
    for (int right = TDL_RIGHT_WRITE; right <= TDL_RIGHT_ADMIN; right++)
        if (tdl_str_is(text, right_names[right])) {
            *ret = (tdl_right)right;
            return true;
        }
    return false;
}

void tdl_key_hash(tdl_str text, uint8_t ret[32])
{
    crypto_generichash(ret, 32, (const uint8_t *)text.at, text.len, NULL, 0);
}

void tdl_key_make(tdl_right right, int64_t now_us, tdl_key_row *ret,
                  char ret_text[TDL_KEY_TEXT_MAX])
{
    uint8_t secret[32];
    char
        encoded[sodium_base64_ENCODED_LEN(sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(encoded, sizeof encoded, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(ret_text, TDL_KEY_TEXT_MAX, "tdl_%c_%s", right_names[right][0], encoded);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(encoded, sizeof encoded);
    *ret = (tdl_key_row){.right = right, .created_us = now_us};
    tdl_key_hash(tdl_str_of(ret_text), ret->hash);
    sodium_bin2hex(ret->id, sizeof ret->id, ret->hash, 8);
}
