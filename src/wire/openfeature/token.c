/* A token is base64url of: when it expires [8, big-endian], the set's ETag [16], and their
 * HMAC-SHA-512-256 [32]. */
#include <sodium.h>

#include "wire/openfeature/openfeature.h"

enum {
    ETAG_BYTES = TDL_OFREP_ETAG_CHARS / 2,
    SAID_BYTES = 8 + ETAG_BYTES,
    ALL_BYTES = SAID_BYTES + crypto_auth_BYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};
_Static_assert(TDL_OFREP_SECRET_BYTES == crypto_auth_KEYBYTES, "the secret is crypto_auth's key");
_Static_assert(sodium_base64_ENCODED_LEN(ALL_BYTES, BASE64) <= TDL_OFREP_TOKEN_MAX, "room");

void tdl_ofrep_token_write(const tdl_ofrep_token *token,
                           const uint8_t secret[TDL_OFREP_SECRET_BYTES],
                           char ret[TDL_OFREP_TOKEN_MAX])
{
    uint8_t bytes[ALL_BYTES] = {0};

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)token->expires_us >> (56 - 8 * i));
    sodium_hex2bin(bytes + 8, ETAG_BYTES, token->etag, TDL_OFREP_ETAG_CHARS, NULL, NULL, NULL);
    crypto_auth(bytes + SAID_BYTES, bytes, SAID_BYTES, secret);
    sodium_bin2base64(ret, TDL_OFREP_TOKEN_MAX, bytes, sizeof bytes, BASE64);
}

static bool decode(tdl_str text, uint8_t ret[ALL_BYTES])
{
    size_t n;

    return text.len < TDL_OFREP_TOKEN_MAX &&
           !sodium_base642bin(ret, ALL_BYTES, text.at, text.len, NULL, &n, NULL, BASE64) &&
           n == ALL_BYTES;
}

tdl_status tdl_ofrep_token_read(tdl_str text, const uint8_t secret[TDL_OFREP_SECRET_BYTES],
                                int64_t now_us, tdl_ofrep_token *ret, tdl_report *why)
{
    uint8_t bytes[ALL_BYTES];
    uint64_t expires_us = 0;

    bool genuine =
        decode(text, bytes) && !crypto_auth_verify(bytes + SAID_BYTES, bytes, SAID_BYTES, secret);
    for (int i = 0; genuine && i < 8; i++)
        expires_us = expires_us << 8 | bytes[i];
    if (!genuine || (int64_t)expires_us <= now_us)
        return TDL_FAIL_HINT(why, TDL_E_UNAUTHORIZED,
                             "ask for the flags again: a new one comes along",
                             "the stream's token is wrong or has expired");
    ret->expires_us = (int64_t)expires_us;
    sodium_bin2hex(ret->etag, sizeof ret->etag, bytes + 8, ETAG_BYTES);
    return TDL_OK;
}
