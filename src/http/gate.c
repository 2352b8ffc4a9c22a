#include "http/gate.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>

#include "base/timestamp.h"
#include "http/routes.h"

static const char *header(const tdl_request *r, const char *field)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field);
}

/* ---- connections ---- */

static void connected(tdl_http *http, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (!fd)
        return;
    if (http->tls) {
        const union MHD_ConnectionInfo *session =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (session)
            tdl_tls_attach(http->tls, session->tls_session);
    }
    *context = tdl_connections_add(http->connections, fd->connect_fd,
                                   tdl_address_of(peer ? peer->client_addr : NULL));
    if (!*context)
        shutdown(fd->connect_fd, SHUT_RDWR);
}

void tdl_gate_connection(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_ConnectionNotificationCode what)
{
    tdl_http *http = context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        connected(http, connection, slot);
    else
        tdl_connections_remove(http->connections, *slot);
}

tdl_connection *tdl_gate_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* ---- who asks ---- */

/* Several lines of one field are one list. */
static enum MHD_Result add_forwarded(void *context, enum MHD_ValueKind kind, const char *field,
                                     const char *value)
{
    tdl_buf *list = context;

    TDL_UNUSED(kind);
    if (value && !strcasecmp(field, "X-Forwarded-For")) {
        if (list->len)
            tdl_buf_char(list, ',');
        tdl_buf_text(list, value);
    }
    return MHD_YES;
}

tdl_address tdl_gate_client(tdl_request *r)
{
    tdl_address peer = tdl_connection_peer(r->step);
    tdl_buf list = {0};

    if (!tdl_networks_hold(&r->http->trusted, peer))
        return peer;
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_forwarded, &list);
    if (!list.failed)
        peer = tdl_address_forwarded(peer, tdl_buf_view(&list), &r->http->trusted);
    tdl_buf_release(&list);
    return peer;
}

static tdl_status too_often(tdl_request *r, const char *whose, tdl_report *why)
{
    atomic_fetch_add_explicit(&r->http->limited, 1, memory_order_relaxed);
    return TDL_FAIL_HINT(why, TDL_E_RATE, "wait for the seconds of Retry-After",
                         "too many requests of this %s", whose);
}

static tdl_status check_address(tdl_request *r, tdl_report *why)
{
    if (!r->http->by_address)
        return TDL_OK;
    tdl_address holder = tdl_address_holder(tdl_gate_client(r));
    return tdl_limit_take(r->http->by_address, &holder, sizeof holder, r->began_us)
               ? TDL_OK
               : too_often(r, "address", why);
}

/* ---- the key ---- */

static tdl_status check_rate(tdl_request *r, tdl_report *why)
{
    return tdl_limit_take(r->http->by_key, r->key_id, strlen(r->key_id), r->began_us)
               ? TDL_OK
               : too_often(r, "key", why);
}

tdl_status tdl_gate_patience(tdl_request *r, tdl_report *why)
{
    enum {
        PATIENCE_MS = 2000,
        CROWD = 64 /* connections: fewer wait for a slow machine, not for each other */
    };
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct tcp_info tcp = {0};
    socklen_t n = sizeof tcp;
    tdl_connection_counts connections;

    if (!info || getsockopt(info->connect_fd, IPPROTO_TCP, TCP_INFO, &tcp, &n) ||
        tcp.tcpi_last_data_recv <= PATIENCE_MS)
        return TDL_OK;
    tdl_connections_count(r->http->connections, &connections);
    if (connections.now < CROWD)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_FULL, "ask less often, or of a second server",
                         "more is asked than can be answered: this question waited for %u ms",
                         (unsigned)tcp.tcpi_last_data_recv);
}

tdl_status tdl_gate_key(tdl_request *r, tdl_str key, tdl_report *why)
{
    tdl_status st = tdl_auth_identify(r->http->auth, key, r->route->right, r->key_id, why);

    return st ? st : check_rate(r, why);
}

bool tdl_gate_session(tdl_request *r, tdl_session *ret)
{
    char name[TDL_SESSION_NAME_MAX];

    tdl_session_name(&r->http->sessions, name);
    const char *token = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, name);
    return token && tdl_session_read(&r->http->sessions, token, tdl_time_now() / 1000000, ret);
}

/* What changes something also needs the token that only our own page has read. */
static tdl_status check_session(tdl_request *r, const tdl_session *session, tdl_report *why)
{
    unsigned right = tdl_auth_right_of(r->http->auth, session->key_id);

    if (!right)
        return TDL_FAIL_HINT(why, TDL_E_UNAUTHORIZED, "sign in again",
                             "the key of this session is revoked");
    if (right < (unsigned)r->route->right)
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN, "sign in with another key",
                             "this session is of a %s key, a %s key is needed",
                             tdl_right_name((tdl_right)right), tdl_right_name(r->route->right));
    if (strcmp(r->route->method, "GET") && !tdl_session_csrf_ok(session, header(r, "X-CSRF-Token")))
        return TDL_FAIL_HINT(why, TDL_E_FORBIDDEN, "GET /v1/session tells it",
                             "X-CSRF-Token is missing or wrong");
    memcpy(r->key_id, session->key_id, sizeof r->key_id);
    return check_rate(r, why);
}

static tdl_status check_key(tdl_request *r, tdl_report *why)
{
    char key[TDL_CREDENTIAL_MAX];
    tdl_session session;
    size_t len;

    if (!r->route->right || r->preflight)
        return TDL_OK;
    bool sent = tdl_auth_credential(header(r, MHD_HTTP_HEADER_AUTHORIZATION),
                                    header(r, "X-API-Key"), key, &len);
    r->key_in_body = !sent && r->route->sdk && r->route->sdk != TDL_SDK_OPENFEATURE;
    // no cookie opens a route of an SDK: those answer to every origin
    if (!sent && !r->route->sdk && tdl_gate_session(r, &session))
        return check_session(r, &session, why);
    return r->key_in_body ? TDL_OK : tdl_gate_key(r, (tdl_str){key, len}, why);
}

/* Whoever watches the server asks these, also when it is busy. */
static bool always_answered(const tdl_route *route)
{
    return route->handle == tdl_route_health || route->handle == tdl_route_ready;
}

tdl_status tdl_gate_door(tdl_request *r, tdl_report *why)
{
    if (r->route && always_answered(r->route))
        return TDL_OK;
    if (!atomic_load(&r->http->ready))
        return TDL_FAIL_HINT(why, TDL_E_FULL, "/readyz says when", "the server is %s",
                             atomic_load(&r->http->stage));
    return check_address(r, why);
}

tdl_status tdl_gate_enter(tdl_request *r, tdl_report *why)
{
    tdl_status st = tdl_gate_door(r, why);

    return st ? st : check_key(r, why);
}
