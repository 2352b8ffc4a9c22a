#include "cli/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"

enum { DRAIN_MS = 10000, TICK_S = 1 };

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

static tdl_status start_server(const tdl_service_options *options, tdl_service *service,
                               tdl_report *why)
{
    tdl_server_options server = options->server;
    tdl_status st = tdl_server_start(NULL, &server, &service->server, why);

    if (st && options->port_may_move) {
        server.port = 0;
        st = tdl_server_start(NULL, &server, &service->server, why);
    }
    if (!st)
        snprintf(service->url, sizeof service->url, "%s", tdl_server_url(service->server));
    return st;
}

static void tell_stage(void *server, const char *stage)
{
    tdl_server_tell_stage(server, stage);
}

/* A connection is a file, and so is an event stream. The limit a shell gives is for programs that
 * use select. */
static void allow_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static tdl_status open_loop(const tdl_service_options *options, tdl_service *service,
                            tdl_report *why)
{
    tdl_report warning = {0};
    tdl_loop_options loop = {.data_dir = options->data_dir,
                             .store = options->store,
                             .master_key_file = options->master_key_file,
                             .exclusive = true,
                             .retain = options->retain,
                             .retain_minutes = options->retain_minutes,
                             .square_bytes_max = options->ease_max_bytes,
                             .tell_stage = tell_stage,
                             .tell_context = service->server};
    tdl_status st = tdl_loop_open(&loop, &service->loop, &warning, why);

    if (!st && warning.status)
        tdl_log_report(TDL_LOG_WARN, "degraded", &warning);
    return st;
}

tdl_status tdl_service_start(const tdl_service_options *options, tdl_service *ret, tdl_report *why)
{
    tdl_service service = {0};
    sigset_t signals;
    tdl_status st;

    stop_signals(&signals);
    if (options->take_hangup)
        sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    allow_files();
    if ((st = start_server(options, &service, why)))
        goto out;
    if ((st = open_loop(options, &service, why)))
        goto out;
    if ((st = make_first_key(&service, why)))
        goto out;
    if ((st = tdl_server_open(service.server, service.loop, why)))
        goto out;
    service.tls = options->server.tls_cert != NULL;
    service.takes_hangup = options->take_hangup;
    *ret = service;
    return TDL_OK;
out:
    tdl_service_stop(&service);
    return st;
}

static void reload_tls(tdl_service *service)
{
    tdl_report why = {0};

    if (!service->tls)
        return;
    if (tdl_server_reload_tls(service->server, &why))
        tdl_log_report(TDL_LOG_WARN, "certificate-kept", &why);
    else
        tdl_log(TDL_LOG_INFO, "certificate-reloaded", "url=%s", service->url);
}

void tdl_service_wait(tdl_service *service)
{
    const struct timespec tick = {.tv_sec = TICK_S};
    sigset_t signals;
    int signal;

    stop_signals(&signals);
    if (service->takes_hangup)
        sigaddset(&signals, SIGHUP);
    while ((signal = sigtimedwait(&signals, NULL, &tick)) < 0 || signal == SIGHUP) {
        tdl_report why = {0};
        if (signal == SIGHUP)
            reload_tls(service);
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
