/* Connections: who is connected, how long each step of theirs may take, and who gives way.
 *
 * Life cycle   tdl_connections_new -> add -> (rest / expect / work ...) -> remove
 *              -> tdl_connections_free, when none is left
 * Threads      add and remove from any thread; the steps of one connection by whoever serves it.
 *              A watcher ends what is late, at most half a second after its time
 * Invariant    a descriptor is only touched between add and remove, so never after its close
 *
 * libmicrohttpd's own time-out starts anew with every byte: a client that sends one a second would
 * never be late. Here a step has an end.
 *
 * A new connection is always taken while some other one rests (no request, or half of one's head):
 * past a limit the one that has rested longest gives way, so idle clients keep nobody out. When all
 * are at work the new one is closed.
 */
#ifndef TDL_HTTP_CONNECTIONS_H
#define TDL_HTTP_CONNECTIONS_H

#include "http/address.h"

typedef struct tdl_connections tdl_connections;
typedef struct tdl_connection tdl_connection;

typedef struct tdl_connection_limits {
    size_t max;                  /* connections in all */
    size_t per_address;          /* of one holder of addresses; 0 = no limit */
    const tdl_networks *trusted; /* proxies: per_address is not for them. Outlives this; or NULL */
    unsigned head_seconds;       /* from the start of a request, or of the connection, to the end of
                                    its head; the TLS handshake is part of it */
    unsigned body_seconds;       /* for a body, or for taking an answer; beside a second for each
                                    TDL_CONNECTION_PACE bytes */
    unsigned idle_seconds;       /* between two requests */
} tdl_connection_limits;

enum { TDL_CONNECTION_PACE = 16 << 10 /* bytes a second that are always fast enough */ };

typedef struct tdl_connection_counts {
    size_t now;                 /* open */
    uint64_t late, crowded_out; /* closed by us, since the start */
} tdl_connection_counts;

/* TDL_E_NO_MEMORY when a table or the watcher cannot be made. */
tdl_status tdl_connections_new(const tdl_connection_limits *limits, tdl_connections **ret,
                               tdl_report *why);
void tdl_connections_free(tdl_connections *connections); /* accepts NULL */
void tdl_connections_count(tdl_connections *connections, tdl_connection_counts *ret);

/* One more is on its way. False when there is no place for it yet: ask again, in the end with
 * `insist`, which gives up those that never came. */
bool tdl_connections_expect(tdl_connections *connections, bool insist);
/* A connection has begun. When there is no room it is shut down, to be removed like any other. NULL
 * when even the room for that is used up: close it. */
tdl_connection *tdl_connections_add(tdl_connections *connections, int fd, tdl_address peer);
void tdl_connections_remove(tdl_connections *connections, tdl_connection *connection);
tdl_address tdl_connection_peer(const tdl_connection *connection);

/* The steps. All accept NULL. */
void tdl_connection_head(tdl_connection *connection);             /* the request line is there */
void tdl_connection_body(tdl_connection *connection, size_t n);   /* n bytes of it have come */
void tdl_connection_work(tdl_connection *connection);             /* we are busy: no limit */
void tdl_connection_answer(tdl_connection *connection, size_t n); /* n bytes are to be taken */
/* An answer without an end (server-sent events) is work: call tdl_connection_work once it is
 * queued. */
void tdl_connection_rest(tdl_connection *connection); /* answered */

#endif
