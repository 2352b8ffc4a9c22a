/* A running Treadle inside this process: loop + HTTP server + signals. Used by serve and demo.
 *
 * Life cycle   tdl_service_start -> (tdl_service_wait) -> tdl_service_stop
 *
 * It listens before the store is open: until then /readyz says 503 and what takes its time.
 */
#ifndef TDL_CLI_SERVICE_H
#define TDL_CLI_SERVICE_H

#include "http/server.h"
#include "loop/loop.h"

typedef struct tdl_service_options {
    const char *data_dir, *store; /* store: URL; NULL = in data_dir */
    const char *master_key_file;  /* of the store */
    bool retain;                  /* as in tdl_loop_options */
    int retain_minutes;
    size_t ease_max_bytes; /* 0 = the usual */
    tdl_server_options server;
    bool port_may_move; /* take any free one when `server.port` is taken */
    bool take_hangup;   /* SIGHUP reads the certificate anew instead of ending the process */
} tdl_service_options;

typedef struct tdl_service {
    tdl_loop *loop;
    tdl_server *server;
    char url[128];
    bool tls, takes_hangup;
    char admin_key[TDL_KEY_TEXT_MAX]; /* only when made by this start, else empty */
} tdl_service;

/* Blocks SIGINT and SIGTERM (and SIGHUP, see take_hangup) in all threads from here on, so that
 * tdl_service_wait can take them. Lets the process open as many files as it may. */
tdl_status tdl_service_start(const tdl_service_options *options, tdl_service *ret, tdl_report *why);

/* Until SIGINT or SIGTERM; does the loop's housekeeping meanwhile. SIGHUP reads the certificate
 * anew. */
void tdl_service_wait(tdl_service *service);

/* Has SIGINT or SIGTERM come? It stays pending, for one of the two functions around this one. False
 * in a process that has no service: there a signal has its usual effect. */
bool tdl_service_interrupted(void);

/* Let a pending signal end the process, as it does where nothing blocks it. For work that stopped
 * because of it, after tdl_service_stop. */
void tdl_service_obey(void);

/* Finish what is under way, then close. Accepts a zeroed service. */
void tdl_service_stop(tdl_service *service);

#endif
