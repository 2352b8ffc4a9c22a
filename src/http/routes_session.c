/* Signing in to the dashboard, and out of it. */
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "http/gate.h"
#include "http/routes.h"
#include "store/audit.h"

enum { SECOND_US = 1000000 };

/* Has a proxy we trust taken this request over TLS? */
static bool came_over_tls(const tdl_request *r)
{
    const char *scheme =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "X-Forwarded-Proto");

    return scheme && !strcasecmp(scheme, "https") &&
           tdl_networks_hold(&r->http->trusted, tdl_connection_peer(r->step));
}

static void set_cookie(tdl_request *r, const char *token)
{
    char cookie[TDL_SESSION_COOKIE_MAX];

    tdl_session_cookie(&r->http->sessions, token, came_over_tls(r), cookie);
    r->headers.set_cookie = tdl_arena_str(r->arena, tdl_str_of(cookie)).at;
}

/* session NULL: the right is that of a key sent along, or of nobody. */
static void write_session(tdl_request *r, tdl_right right, const tdl_session *session)
{
    tdl_jw w = tdl_request_writer(r);

    tdl_jw_object(&w);
    tdl_jw_kbool(&w, "signed_in", session != NULL);
    if (session) {
        tdl_jw_ktext(&w, "right", tdl_right_name(right));
        tdl_jw_ktext(&w, "key", session->key_id);
        tdl_jw_ktime(&w, "ends", session->ends_s * SECOND_US);
        tdl_jw_ktext(&w, "csrf", session->csrf);
    }
    tdl_jw_end_object(&w);
}

tdl_status tdl_route_sign_in(tdl_request *r, tdl_report *why)
{
    char token[TDL_SESSION_TOKEN_MAX];
    tdl_session session;
    tdl_report said = {0};

    TDL_UNUSED(why);
    // who looks after a full disk or a broken log must get in
    if (tdl_store_audit(r->http->store, &(tdl_audit_entry){.action = "login"}, &said))
        tdl_log_report(TDL_LOG_WARN, "a sign-in is not in the audit log", &said);
    tdl_session_make(&r->http->sessions, r->key_id, tdl_time_now() / SECOND_US, &session, token);
    set_cookie(r, token);
    write_session(r, tdl_auth_right_of(r->http->auth, r->key_id), &session);
    return TDL_OK;
}

/* Open to all, so that a page can ask whether it is signed in without being refused. */
tdl_status tdl_route_session(tdl_request *r, tdl_report *why)
{
    tdl_session session;
    tdl_right right = 0;

    TDL_UNUSED(why);
    bool signed_in = tdl_gate_session(r, &session) &&
                     (right = tdl_auth_right_of(r->http->auth, session.key_id)) != 0;
    write_session(r, right, signed_in ? &session : NULL);
    return TDL_OK;
}

tdl_status tdl_route_sign_out(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    set_cookie(r, NULL);
    write_session(r, 0, NULL);
    return TDL_OK;
}
