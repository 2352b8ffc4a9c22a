#include "http/session.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { MAC_BYTES = 32, MAC_HEX = 64, NONCE_BYTES = 8 };

void tdl_sessions_init(tdl_sessions *sessions, uint16_t port, bool secure)
{
    randombytes_buf(sessions->secret, sizeof sessions->secret);
    sessions->port = port;
    sessions->secure = secure;
}

void tdl_session_name(const tdl_sessions *sessions, char ret[TDL_SESSION_NAME_MAX])
{
    // browsers hold a __Host- cookie to Secure, Path=/ and this host alone
    snprintf(ret, TDL_SESSION_NAME_MAX, "%streadle_%u", sessions->secure ? "__Host-" : "",
             sessions->port);
}

/* Keyed BLAKE2b of what it is for and the text, in hexadecimal. */
static void sign(const tdl_sessions *sessions, const char *purpose, tdl_str text,
                 char ret[MAC_HEX + 1])
{
    crypto_generichash_state state;
    unsigned char mac[MAC_BYTES];

    crypto_generichash_init(&state, sessions->secret, sizeof sessions->secret, sizeof mac);
    crypto_generichash_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, (const unsigned char *)text.at, text.len);
    crypto_generichash_final(&state, mac, sizeof mac);
    sodium_bin2hex(ret, MAC_HEX + 1, mac, sizeof mac);
}

void tdl_session_make(const tdl_sessions *sessions, const char *key_id, int64_t now_s,
                      tdl_session *ret, char ret_token[TDL_SESSION_TOKEN_MAX])
{
    unsigned char nonce[NONCE_BYTES];
    char nonce_hex[2 * NONCE_BYTES + 1], mac[MAC_HEX + 1];

    randombytes_buf(nonce, sizeof nonce);
    sodium_bin2hex(nonce_hex, sizeof nonce_hex, nonce, sizeof nonce);
    snprintf(ret->key_id, sizeof ret->key_id, "%s", key_id);
    ret->ends_s = now_s + TDL_SESSION_SECONDS;
    int n = snprintf(ret_token, TDL_SESSION_TOKEN_MAX, "%s.%" PRId64 ".%s", ret->key_id,
                     ret->ends_s, nonce_hex);
    tdl_str said = {ret_token, (size_t)n};
    sign(sessions, "csrf", said, ret->csrf);
    sign(sessions, "session", said, mac);
    snprintf(ret_token + n, TDL_SESSION_TOKEN_MAX - (size_t)n, ".%s", mac);
}

bool tdl_session_read(const tdl_sessions *sessions, const char *token, int64_t now_s,
                      tdl_session *ret)
{
    char mac[MAC_HEX + 1];
    const char *dot = strrchr(token, '.');

    if (!dot || strlen(dot + 1) != MAC_HEX)
        return false;
    tdl_str said = {token, (size_t)(dot - token)};
    sign(sessions, "session", said, mac);
    if (sodium_memcmp(mac, dot + 1, MAC_HEX))
        return false;
    // from here on it is our own text
    if (sscanf(token, "%16[0-9a-f].%" SCNd64 ".", ret->key_id, &ret->ends_s) != 2)
        return false;
    sign(sessions, "csrf", said, ret->csrf);
    return ret->ends_s > now_s;
}

bool tdl_session_csrf_ok(const tdl_session *session, const char *sent)
{
    return sent && strlen(sent) == MAC_HEX && !sodium_memcmp(session->csrf, sent, MAC_HEX);
}

void tdl_session_cookie(const tdl_sessions *sessions, const char *token, bool secure,
                        char ret[TDL_SESSION_COOKIE_MAX])
{
    char name[TDL_SESSION_NAME_MAX];

    tdl_session_name(sessions, name);
    snprintf(ret, TDL_SESSION_COOKIE_MAX, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s",
             name, token ? token : "", token ? TDL_SESSION_SECONDS : 0,
             secure || sessions->secure ? "; Secure" : "");
}
