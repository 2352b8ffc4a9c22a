#include "http/server.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/timestamp.h"
#include "http/acceptor.h"
#include "http/exchange.h"
#include "http/flag_events.h"
#include "http/gate.h"
#include "http/listen.h"

enum {
    BODIES_MAX = 64 << 20,
    INFLATED_MAX = 64 << 20,
    CONNECTIONS_MAX = 8192,
    PER_ADDRESS_MAX = 1024,
    LEAVING_MAX = 512,            /* connections shut down and not closed yet */
    OTHER_FILES = 128,            /* descriptors left to the store, the log, the models */
    FILES_MAX = 1 << 16,          /* descriptors that connections and streams may take */
    PLACE_WAIT_MS = 100,          /* for a place among the connections; then without */
    CONNECTION_MEMORY = 32 << 10, /* headers of one request */
    HEAD_SECONDS = 15,
    BODY_SECONDS = 30,
    IDLE_SECONDS = 60,
    WORKERS = 2,
    POLL_US = 2000,
    SLICE_NS = 100000 /* of an event thread */
};

struct tdl_server {
    tdl_http http;
    struct MHD_Daemon *daemon;
    tdl_acceptor *acceptor; /* NULL once no new connections are taken */
    rlim_t files_max;       /* descriptors from this number on are for others */
    uint16_t port;
    char url[128];
};

/* Percent-encoding stays as it is: a decoded "/" or NUL could not be told from a sent one. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    TDL_UNUSED(context);
    TDL_UNUSED(connection);
    return strlen(text);
}

static unsigned usable_cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    return CPU_COUNT(&set) ? (unsigned)CPU_COUNT(&set) : 1;
}

static unsigned either(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

/* What is asked for, within what the process may open. */
static unsigned connections_max(const tdl_server_options *options)
{
    unsigned wanted = either(options->connections_max, CONNECTIONS_MAX);
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted + LEAVING_MAX + OTHER_FILES)
        return wanted;
    unsigned least = OTHER_FILES + LEAVING_MAX;
    return files.rlim_cur > 2 * least ? (unsigned)files.rlim_cur - least
                                      : (unsigned)files.rlim_cur / 4 + 1;
}

static tdl_status open_connections(tdl_http *http, const tdl_server_options *options,
                                   tdl_report *why)
{
    tdl_connection_limits limits = {.max = connections_max(options),
                                    .per_address =
                                        either(options->connections_per_address, PER_ADDRESS_MAX),
                                    .trusted = &http->trusted,
                                    .head_seconds = either(options->head_seconds, HEAD_SECONDS),
                                    .body_seconds = either(options->body_seconds, BODY_SECONDS),
                                    .idle_seconds = either(options->idle_seconds, IDLE_SECONDS)};

    return tdl_connections_new(&limits, &http->connections, why);
}

static tdl_status open_limits(tdl_http *http, const tdl_server_options *options, tdl_report *why)
{
    http->by_key = tdl_limit_new(options->rate_per_key, options->rate_burst);
    http->by_address = tdl_limit_new(options->rate_per_address, options->rate_burst);
    if ((options->rate_per_key && !http->by_key) ||
        (options->rate_per_address && !http->by_address))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the rate limits");
    return TDL_OK;
}

static tdl_status open_tls(tdl_http *http, const tdl_server_options *options, tdl_report *why)
{
    if (!options->tls_cert && !options->tls_key)
        return TDL_OK;
    if (!options->tls_cert || !options->tls_key)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "give both files or neither",
                             "TLS needs a certificate and its private key: %s is missing",
                             options->tls_cert ? "the key" : "the certificate");
    return tdl_tls_new(options->tls_cert, options->tls_key, &http->tls, why);
}

static tdl_status read_origin(const char *origin, char ret[256], tdl_report *why)
{
    const char *host = !origin                           ? ""
                       : !strncmp(origin, "https://", 8) ? origin + 8
                       : !strncmp(origin, "http://", 7)  ? origin + 7
                                                         : NULL;

    if (!origin)
        return TDL_OK;
    if (!host || !*host || strlen(origin) > 255 || strpbrk(host, "/?#@ \"\\"))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "give scheme and host: https://events.example.com",
                             "\"%.255s\" is no origin of event streams", origin);
    strcpy(ret, origin);
    return TDL_OK;
}

static tdl_status open_parts(tdl_server *server, const tdl_server_options *options, tdl_report *why)
{
    tdl_http *http = &server->http;
    tdl_status st;

    atomic_store(&http->stage, "opening");
    http->access_log = options->access_log;
    http->personal = options->personal;
    http->body_max = options->body_max;
    http->bodies_max = options->bodies_max ? options->bodies_max : BODIES_MAX;
    http->body_limits.inflated_max = options->inflated_max ? options->inflated_max : INFLATED_MAX;
    http->started_us = tdl_time_now();
    http->since_us = tdl_time_monotonic();
    http->metrics = calloc(1, sizeof *http->metrics);
    http->requests = tdl_requests_new();
    http->workers = tdl_workers_new(WORKERS, tdl_exchange_work);
    if (!http->metrics || !http->requests || !http->workers)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the HTTP server");
    if ((st = tdl_networks_parse(options->trusted_proxies, &http->trusted, why))) {
        tdl_report_prefix(why, "trusted proxies");
        return st;
    }
    if ((st = read_origin(options->sse_origin, http->sse_origin, why)) ||
        (st = open_tls(http, options, why)))
        return st;
    tdl_sessions_init(&http->sessions, server->port, http->tls != NULL);
    if ((st = open_limits(http, options, why)))
        return st;
    if ((st = tdl_sse_new(&(tdl_sse_options){0}, &http->sse, why)) ||
        (st = tdl_tails_new(http->sse, &http->tails, why)))
        return st;
    return open_connections(http, options, why);
}

tdl_status tdl_server_open(tdl_server *server, tdl_loop *loop, tdl_report *why)
{
    tdl_http *http = &server->http;

    http->loop = loop;
    http->store = tdl_loop_store(loop);
    tdl_status st = tdl_flag_events_start(http, why);
    if (!st)
        st = tdl_auth_new(http->store, &http->auth, why);
    if (st)
        return st;
    tdl_loop_watch(loop, tdl_tails_tell, http->tails);
    atomic_store(&http->ready, true);
    return TDL_OK;
}

void tdl_server_tell_stage(tdl_server *server, const char *stage)
{
    atomic_store(&server->http.stage, stage);
}

tdl_status tdl_server_reload_tls(tdl_server *server, tdl_report *why)
{
    if (!server->http.tls)
        return TDL_FAIL(why, TDL_E_INVALID, "this server has no certificate to read anew");
    return tdl_tls_reload(server->http.tls, why);
}

static tdl_status start_daemon(tdl_server *server, const tdl_server_options *options,
                               tdl_report *why)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                     MHD_USE_NO_LISTEN_SOCKET | (server->http.tls ? MHD_USE_TLS : 0u);
    unsigned threads = either(options->threads, usable_cores());
    const struct MHD_OptionItem more[] = {
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)tdl_exchange_completed, &server->http},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? (intptr_t)threads : 0, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, FILES_MAX, NULL}, // out of reach: connections.c has ours
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)tdl_gate_connection, &server->http},
        {MHD_OPTION_CONNECTION_TIMEOUT, either(options->idle_seconds, IDLE_SECONDS), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {server->http.tls ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, 0,
         (void *)TDL_TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, tdl_tls_callback()},
        {MHD_OPTION_END, 0, NULL},
    };

    tdl_slice_ask(SLICE_NS); // an event thread does not wait until the writer is through
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, tdl_exchange_handle, &server->http,
                                      MHD_OPTION_URI_LOG_CALLBACK, tdl_exchange_begin,
                                      &server->http, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    tdl_slice_ask(0);
    if (!server->daemon)
        return TDL_FAIL(why, TDL_E_IO, "cannot start the HTTP server on %s", server->url);
    return TDL_OK;
}

static rlim_t files_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > FILES_MAX)
        files.rlim_cur = FILES_MAX;
    return files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : files.rlim_cur;
}

/* To the next event thread in turn: libmicrohttpd goes by the number of the descriptor. That number
 * is the lowest free one, so it also says how many are in use. */
static void hand_over(void *context, int fd, const struct sockaddr *peer, socklen_t size)
{
    const tdl_server *server = context;

    for (int left = PLACE_WAIT_MS; !tdl_connections_expect(server->http.connections, !left) && left;
         left--)
        poll(NULL, 0, 1); // who gave way has yet to be closed; others wait in the kernel
    if ((rlim_t)fd >= server->files_max)
        close(fd);
    else
        MHD_add_connection(server->daemon, fd, peer, size);
}

tdl_status tdl_server_start(tdl_loop *loop, const tdl_server_options *options, tdl_server **ret,
                            tdl_report *why)
{
    static const tdl_server_options defaults = {0};
    tdl_server *server = calloc(1, sizeof *server);
    int fd = -1;
    tdl_status st;

    if (!server)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the HTTP server");
    options = options ? options : &defaults;
    const char *address = options->address ? options->address : "127.0.0.1";
    const char *scheme = options->tls_cert ? "https" : "http";
    if ((st = tdl_listen(address, options->port, scheme, &fd, &server->port, server->url,
                         sizeof server->url, why)))
        goto out;
    if ((st = open_parts(server, options, why)))
        goto out;
    if (loop && (st = tdl_server_open(server, loop, why)))
        goto out;
    if ((st = start_daemon(server, options, why)))
        goto out;
    server->files_max = files_max();
    if (!(server->acceptor = tdl_acceptor_new(fd, hand_over, server))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the HTTP server");
        goto out;
    }
    fd = -1; /* the acceptor's now */
    *ret = server;
    server = NULL; /* the caller's now */
out:
    if (fd >= 0)
        close(fd);
    tdl_server_stop(server);
    return st;
}

uint16_t tdl_server_port(const tdl_server *server)
{
    return server->port;
}

const char *tdl_server_url(const tdl_server *server)
{
    return server->url;
}

/* Wait until `*counter` is 0; at most `timeout_us`, -1 = for ever. */
static bool wait_for_none(atomic_size_t *counter, int64_t timeout_us)
{
    int64_t until_us = tdl_time_monotonic() + timeout_us;
    const struct timespec pause = {.tv_nsec = POLL_US * 1000};

    while (atomic_load(counter)) {
        if (timeout_us >= 0 && tdl_time_monotonic() >= until_us)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

bool tdl_server_drain(tdl_server *server, unsigned timeout_ms)
{
    atomic_store(&server->http.draining, true);
    tdl_acceptor_free(server->acceptor);
    server->acceptor = NULL;
    tdl_sse_close(server->http.sse);
    return wait_for_none(&server->http.in_flight, (int64_t)timeout_ms * 1000);
}

void tdl_server_stop(tdl_server *server)
{
    if (!server)
        return;
    tdl_http *http = &server->http;
    tdl_acceptor_free(server->acceptor);
    atomic_store(&http->draining, true);
    atomic_store(&http->stopping, true); // from here on nothing is suspended
    if (http->sse)
        tdl_sse_end_all(http->sse); // under TLS streams are suspended connections
    if (server->daemon) {
        wait_for_none(&http->suspended, -1); // the store and the workers always answer
        MHD_stop_daemon(server->daemon);
    }
    if (http->loop) {
        tdl_flag_events_stop(http);
        tdl_loop_watch(http->loop, NULL, NULL);
    }
    tdl_sse_free(http->sse);
    tdl_tails_free(http->tails);
    tdl_workers_free(http->workers);
    tdl_auth_free(http->auth);
    tdl_requests_free(http->requests);
    tdl_connections_free(http->connections);
    tdl_limit_free(http->by_key);
    tdl_limit_free(http->by_address);
    tdl_tls_free(http->tls);
    free(http->metrics);
    free(server);
}
