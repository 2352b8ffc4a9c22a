/* Server: HTTP in front of a loop.
 *
 * Life cycle   tdl_server_start -> (tdl_server_open) -> (tdl_server_drain) -> tdl_server_stop
 * Ownership    the loop is borrowed and must outlive the server
 * Threads      `threads` event threads, which never wait for the disk, and two worker threads for
 *              requests that do. All functions here are for the thread that started the server
 * Failure      a request that fails is answered with a problem; the server goes on
 */
#ifndef TDL_HTTP_SERVER_H
#define TDL_HTTP_SERVER_H

#include "loop/loop.h"
#include "wire/personal.h"

typedef struct tdl_server tdl_server;

typedef struct tdl_server_options {
    const char *address; /* numeric IPv4 or IPv6; NULL = "127.0.0.1" */
    uint16_t port;       /* 0 = any free one */
    unsigned threads;    /* event threads; 0 = one per usable core */
    size_t body_max;     /* bytes of a request body as sent, then 413; 0 = 8 MiB, and for SDKs what
                            theirs is known to be content with */
    size_t inflated_max; /* bytes of a body after inflating; 0 = 64 MiB */
    size_t bodies_max;   /* bytes of all bodies held at once, then 503; 0 = 64 MiB */
    /* who may stay connected: see http/connections.h */
    unsigned connections_max; /* 0 = 8,192, or what the process may open when that is less */
    unsigned connections_per_address; /* of one client; 0 = 1,024 */
    unsigned head_seconds;            /* to send a request's head, and a TLS handshake; 0 = 15 */
    unsigned body_seconds;            /* to send a body, beside its time at 16 KiB/s; 0 = 30 */
    unsigned idle_seconds;            /* between two requests; 0 = 60 */
    /* how often one may ask: requests a second; 0 = no limit. See http/limit.h */
    unsigned rate_per_key, rate_per_address;
    unsigned rate_burst;         /* requests that may come at once; 0 = two seconds' worth */
    const char *trusted_proxies; /* their X-Forwarded-For counts: "127.0.0.1,10.0.0.0/8"; or NULL */
    /* where OpenFeature's pages open their streams: another name of this server, as
     * "https://events.example.com". A browser opens six connections to one name. NULL: this one */
    const char *sse_origin;
    const char *tls_cert, *tls_key; /* PEM files: HTTPS. Both or neither; see http/tls.h */
    bool access_log;                /* a line at info for each request; else at debug */
    tdl_personal_policy personal;   /* of texts in events' properties */
} tdl_server_options;

/* loop NULL: listens and answers 503 to all but /healthz, until tdl_server_open.
 * TDL_E_CONFLICT: the address is in use. TDL_E_INVALID: not an address of this machine, a wrong
 * certificate, key or list of proxies. */
tdl_status tdl_server_start(tdl_loop *loop, const tdl_server_options *options, tdl_server **ret,
                            tdl_report *why);

/* The loop is there: serve it. Once. */
tdl_status tdl_server_open(tdl_server *server, tdl_loop *loop, tdl_report *why);

/* What keeps it from opening, for /readyz; a literal: "migrating". From any thread. */
void tdl_server_tell_stage(tdl_server *server, const char *stage);

/* Read the certificate and its key anew; TDL_E_INVALID without TLS. The former one serves on when
 * it fails. */
tdl_status tdl_server_reload_tls(tdl_server *server, tdl_report *why);

uint16_t tdl_server_port(const tdl_server *server);   /* the real one when 0 was asked for */
const char *tdl_server_url(const tdl_server *server); /* "http://127.0.0.1:8321" */

/* Take no new connections, answer /readyz with 503, and wait until the requests under way are
 * answered, at most `timeout_ms`. True when all were. */
bool tdl_server_drain(tdl_server *server, unsigned timeout_ms);

void tdl_server_stop(tdl_server *server); /* closes every connection; accepts NULL */

#endif
