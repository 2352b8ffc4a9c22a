#include "http/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/timestamp.h"
#include "http/acceptor.h"
#include "http/exchange.h"
#include "http/flag_events.h"
#include "http/listen.h"

enum {
    BODIES_MAX = 64 << 20,
    INFLATED_MAX = 64 << 20,
    CONNECTIONS_MAX = 1024,
    CONNECTION_MEMORY = 32 << 10, /* headers of one request */
    IDLE_SECONDS = 60,
    WORKERS = 2,
    POLL_US = 2000,
    SLICE_NS = 100000 /* of an event thread */
};

struct tdl_server {
    tdl_http http;
    struct MHD_Daemon *daemon;
    tdl_acceptor *acceptor; /* NULL once no new connections are taken */
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

static tdl_status open_parts(tdl_server *server, tdl_loop *loop, const tdl_server_options *options,
                             tdl_report *why)
{
    tdl_http *http = &server->http;

    http->loop = loop;
    http->store = tdl_loop_store(loop);
    http->body_max = options->body_max;
    http->bodies_max = options->bodies_max ? options->bodies_max : BODIES_MAX;
    http->body_limits.inflated_max = options->inflated_max ? options->inflated_max : INFLATED_MAX;
    http->started_us = tdl_time_now();
    http->metrics = calloc(1, sizeof *http->metrics);
    http->requests = tdl_requests_new();
    http->workers = tdl_workers_new(WORKERS, tdl_exchange_work);
    if (!http->metrics || !http->requests || !http->workers)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the HTTP server");
    tdl_status st = tdl_sse_new(&(tdl_sse_options){0}, &http->sse, why);
    if (!st)
        st = tdl_flag_events_start(http, why);
    return st ? st : tdl_auth_new(http->store, &http->auth, why);
}

static tdl_status start_daemon(tdl_server *server, const tdl_server_options *options,
                               tdl_report *why)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                     MHD_USE_NO_LISTEN_SOCKET;
    unsigned threads = either(options->threads, usable_cores());
    const struct MHD_OptionItem more[] = {
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)tdl_exchange_completed, &server->http},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? (intptr_t)threads : 0, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, either(options->connections_max, CONNECTIONS_MAX), NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, either(options->idle_seconds, IDLE_SECONDS), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
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

/* To the next event thread in turn: libmicrohttpd goes by the number of the descriptor. */
static void hand_over(void *daemon, int fd, const struct sockaddr *peer, socklen_t size)
{
    MHD_add_connection(daemon, fd, peer, size); // closes it when there are too many
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
    if ((st = tdl_listen(address, options->port, &fd, &server->port, server->url,
                         sizeof server->url, why)))
        goto out;
    if ((st = open_parts(server, loop, options, why)))
        goto out;
    if ((st = start_daemon(server, options, why)))
        goto out;
    if (!(server->acceptor = tdl_acceptor_new(fd, hand_over, server->daemon))) {
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
    if (server->daemon) {
        wait_for_none(&http->suspended, -1); // the store and the workers always answer
        MHD_stop_daemon(server->daemon);
    }
    if (http->sse)
        tdl_flag_events_stop(http);
    tdl_sse_free(http->sse);
    tdl_workers_free(http->workers);
    tdl_auth_free(http->auth);
    tdl_requests_free(http->requests);
    free(http->metrics);
    free(server);
}
