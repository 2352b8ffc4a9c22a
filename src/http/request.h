/* Request: one exchange from its first line to the last byte of its answer.
 *
 * Life cycle   made at the request line, recycled when the answer is out (exchange.c)
 * Ownership    everything a handler makes lives in `arena`, or in `out`, `body`, `inflated`
 * Threads      one at a time: the event thread, a worker, or the store's writer
 */
#ifndef TDL_HTTP_REQUEST_H
#define TDL_HTTP_REQUEST_H

#include <stdatomic.h>

#include "http/auth.h"
#include "http/connections.h"
#include "http/limit.h"
#include "http/metrics.h"
#include "http/route.h"
#include "http/session.h"
#include "http/sse.h"
#include "http/tail.h"
#include "http/tls.h"
#include "http/worker.h"
#include "loop/loop.h"
#include "wire/batch.h"
#include "wire/body.h"
#include "wire/openfeature/openfeature.h"
#include "wire/personal.h"

struct MHD_Connection;

typedef struct tdl_requests tdl_requests; /* recycled requests */

/* What all requests of a server share. */
typedef struct tdl_http {
    tdl_loop *loop;   /* this and the next two only when `ready` */
    tdl_store *store; /* of the loop */
    tdl_auth *auth;
    tdl_connections *connections;
    tdl_limit *by_key, *by_address; /* NULL = no limit */
    tdl_networks trusted;           /* proxies */
    tdl_tls *tls;                   /* NULL = plain HTTP */
    tdl_sessions sessions;
    bool access_log;
    char sse_origin[256];         /* empty: streams are where the answers are */
    tdl_personal_policy personal; /* of texts in events' properties */
    tdl_metrics *metrics;
    tdl_workers *workers;
    tdl_sse *sse;
    tdl_tails *tails;
    uint8_t stream_secret[TDL_OFREP_SECRET_BYTES]; /* made at start */
    tdl_requests *requests;
    size_t body_max, bodies_max; /* bytes as sent: of one body (0 = by its route), of all at once */
    tdl_body_limits body_limits;
    int64_t started_us;           /* wall clock */
    int64_t since_us;             /* the same moment, monotonic */
    atomic_uint_fast64_t limited; /* requests refused for their rate */
    atomic_size_t bodies;         /* bytes of bodies held now */
    atomic_size_t in_flight;      /* requests begun and not yet answered */
    atomic_size_t suspended;      /* of them, waiting for a worker or for the store */
    _Atomic(const char *) stage;  /* why it is not ready */
    atomic_bool ready;            /* the loop is open */
    atomic_bool draining;         /* take no new connections, close old ones when answered */
    atomic_bool stopping;         /* suspend nothing any more */
} tdl_http;

typedef enum tdl_request_phase {
    TDL_REQUEST_NEW,     /* headers are not looked at yet */
    TDL_REQUEST_READING, /* the body comes in, or goes away unread once `status` is set */
    TDL_REQUEST_READY    /* the handler is through */
} tdl_request_phase;

typedef struct tdl_headers {  /* beside those that every answer has; NULL = not sent */
    const char *content_type; /* default application/json */
    const char *allow, *etag, *encoding, *cache_control, *set_cookie;
    const char *sse_support; /* of GrowthBook: are changes told as they happen? */
    bool page;               /* of the dashboard: Content-Security-Policy and its kin */
} tdl_headers;

struct tdl_request {
    tdl_http *http;
    struct MHD_Connection *connection;
    tdl_connection *step; /* of the connection; may be NULL */
    tdl_request *next;    /* in a worker's queue, or among the recycled */
    tdl_request_phase phase;
    int64_t began_us; /* monotonic */
    char id[37];
    char key_id[17];    /* of the key it came with, once that is known to be good; else empty */
    const char *method; /* a literal */
    /* the question */
    tdl_str path, query;    /* as sent */
    tdl_str parameter;      /* {id} of the path, decoded */
    tdl_str second;         /* the second one */
    const tdl_route *route; /* NULL when none matched */
    bool preflight;         /* CORS */
    bool head_only;         /* HEAD */
    bool key_in_body;       /* no key came in the headers of an SDK's request */
    bool body_unwanted;     /* thrown away as it comes */
    bool may_wait;          /* on a worker thread: for the disk */
    bool must_wait;         /* set by a handler of TDL_LANE_EITHER; nothing is answered yet */
    size_t body_max;        /* of this request */
    size_t discarded;       /* bytes of a body nobody wants */
    tdl_buf body;           /* as sent */
    tdl_buf inflated;       /* when it was packed */
    tdl_str text;           /* of the body, unpacked */
    tdl_arena *arena;
    tdl_batch batch; /* of an ingest route */
    size_t batch_new_n;
    /* the answer */
    tdl_status status;
    tdl_report why; /* when status is not TDL_OK */
    int http_status;
    tdl_headers headers;
    tdl_buf out;
    const char *stream; /* the answer goes on with the events of this channel; NULL = it ends */
    const tdl_tail_filter *tail; /* or, in place of a channel, with events that are stored */
    tdl_str stream_seen;         /* id of the event that the reader knows; empty = none */
    int64_t streamed_us;         /* monotonic: when its answer became a stream; 0 = it did not */
    size_t answered_n;           /* bytes of the answer's body */
    tdl_str fixed; /* answered instead of `out` when not empty: bytes that outlive the request */
};

tdl_requests *tdl_requests_new(void);
void tdl_requests_free(tdl_requests *requests); /* accepts NULL */
/* NULL when out of memory. */
tdl_request *tdl_request_take(tdl_http *http);
void tdl_request_give_back(tdl_request *request);

/* The body as a JSON object of no other members than `fields` (ends in NULL). ret is to be released
 * with json_decref in any case. TDL_E_INVALID */
tdl_status tdl_request_object(const tdl_request *request, const char *const *fields, json_t **ret,
                              tdl_report *why);

/* Let the answer be this failure. Gives `status`. An SDK is told of a rate limit with 503: some
 * throw away what was answered with 429. */
tdl_status tdl_request_refuse(tdl_request *request, tdl_status status, const tdl_report *why);

/* Forget the body and give its bytes back to the budget. */
void tdl_request_drop_body(tdl_request *request);

/* A JSON writer onto the answer. */
tdl_jw tdl_request_writer(tdl_request *request);

#endif
