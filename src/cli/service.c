#include "cli/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"

enum { DRAIN_MS = 10000, TICK_S = 1, DESCRIPTORS = 65536 };

static void stop_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
}

/* A fresh store gets one admin key; it is never seen again. */
static tdl_status make_first_key(tdl_service *service, tdl_report *why)
{
    tdl_store *store = tdl_loop_store(service->loop);
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    tdl_key_row *keys;
    size_t keys_n;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    st = tdl_store_keys(store, arena, &keys, &keys_n, why);
    for (size_t i = 0; !st && i < keys_n; i++)
        if (keys[i].right == TDL_RIGHT_ADMIN)
            goto out;
    if (!st)
        st = tdl_store_create_key(store, TDL_RIGHT_ADMIN, TDL_STR("first admin"),
                                  service->admin_key, why);
out:
    tdl_arena_free(arena);
    return st;
}

/* An event stream is a descriptor, and shells give 1,024; more may be had without asking. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static tdl_status start_server(const tdl_service_options *options, tdl_service *service,
                               tdl_report *why)
{
    tdl_server_options server = {
        .address = options->address, .port = options->port, .threads = options->threads};
    tdl_status st = tdl_server_start(service->loop, &server, &service->server, why);

    if (st && options->port_may_move) {
        server.port = 0;
        st = tdl_server_start(service->loop, &server, &service->server, why);
    }
    if (!st)
        snprintf(service->url, sizeof service->url, "%s", tdl_server_url(service->server));
    return st;
}

tdl_status tdl_service_start(const tdl_service_options *options, tdl_service *ret, tdl_report *why)
{
    tdl_service service = {0};
    tdl_loop_options loop = {.data_dir = options->data_dir, .exclusive = true};
    tdl_report warning = {0};
    sigset_t signals;
    tdl_status st;

    stop_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    allow_descriptors();
    if ((st = tdl_loop_open(&loop, &service.loop, &warning, why)))
        return st;
    if (warning.status)
        tdl_log_report(TDL_LOG_WARN, "degraded", &warning);
    if ((st = make_first_key(&service, why)))
        goto out;
    if ((st = start_server(options, &service, why)))
        goto out;
    *ret = service;
    return TDL_OK;
out:
    tdl_service_stop(&service);
    return st;
}

void tdl_service_wait(tdl_service *service)
{
    const struct timespec tick = {.tv_sec = TICK_S};
    sigset_t signals;

    stop_signals(&signals);
    while (sigtimedwait(&signals, NULL, &tick) < 0) { // EAGAIN: a second has passed
        tdl_report why = {0};
        if (tdl_loop_tick(service->loop, &why))
            tdl_log_report(TDL_LOG_WARN, "refresh-failed", &why);
    }
}

bool tdl_service_interrupted(void)
{
    sigset_t pending;

    return !sigpending(&pending) &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

void tdl_service_obey(void)
{
    sigset_t signals;

    stop_signals(&signals);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

void tdl_service_stop(tdl_service *service)
{
    if (service->server) {
        tdl_server_drain(service->server, DRAIN_MS);
        tdl_server_stop(service->server);
    }
    tdl_loop_close(service->loop);
    *service = (tdl_service){0};
}
