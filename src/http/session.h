/* Session: a dashboard's sign-in, kept by the browser in a signed cookie instead of a key.
 *
 * The cookie names the key and when it ends, under a secret that lives as long as the server: after
 * a restart one signs in again. The key must still be valid at every request, so revoking it ends
 * its sessions. Page scripts cannot read the cookie (HttpOnly); other sites cannot send it
 * (SameSite=Strict), and a request that changes something must also show the CSRF token, which only
 * a page of this origin can have read.
 */
#ifndef TDL_HTTP_SESSION_H
#define TDL_HTTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
    TDL_SESSION_SECONDS = 12 * 3600,
    TDL_SESSION_TOKEN_MAX = 128, /* of all these the text with its NUL */
    TDL_SESSION_CSRF_MAX = 65,
    TDL_SESSION_COOKIE_MAX = 320,
    TDL_SESSION_NAME_MAX = 40
};

typedef struct tdl_sessions {
    unsigned char secret[32];
    uint16_t port; /* part of the cookie's name: browsers do not tell ports apart */
    bool secure;   /* only ever sent over TLS */
} tdl_sessions;

typedef struct tdl_session {
    char key_id[17];
    int64_t ends_s; /* seconds since 1970 */
    char csrf[TDL_SESSION_CSRF_MAX];
} tdl_session;

void tdl_sessions_init(tdl_sessions *sessions, uint16_t port, bool secure);
void tdl_session_name(const tdl_sessions *sessions, char ret[TDL_SESSION_NAME_MAX]);

/* A session of this key from now_s on; ret_token is the cookie's value. */
void tdl_session_make(const tdl_sessions *sessions, const char *key_id, int64_t now_s,
                      tdl_session *ret, char ret_token[TDL_SESSION_TOKEN_MAX]);
/* False when the token was not made here, was changed, or has ended. */
bool tdl_session_read(const tdl_sessions *sessions, const char *token, int64_t now_s,
                      tdl_session *ret);
/* In constant time; sent may be NULL. */
bool tdl_session_csrf_ok(const tdl_session *session, const char *sent);

/* The value of Set-Cookie; token NULL takes the cookie away. secure: also when sessions->secure is
 * not set (TLS ends at a proxy). */
void tdl_session_cookie(const tdl_sessions *sessions, const char *token, bool secure,
                        char ret[TDL_SESSION_COOKIE_MAX]);

#endif
