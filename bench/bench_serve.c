/* Answers over HTTP after a turn of the demo's wheel: throughput beside /healthz of the same
 * server, latency at 80 % load, resident memory.
 *
 * The server is a process of its own; the load comes from this one, on the same machine, so both
 * routes pay for it alike. Throughputs take turns three times; medians are quoted.
 *
 * 80 % load is 80 % of the throughput, which carries the bar. With all connections busy, answers
 * and new questions go many at a time, so a question asked at a fixed rate costs more; therefore
 * the latency is also shown at the rate that keeps 80 % of the cores busy, and beside both that of
 * /healthz at 80 % of its own throughput.
 */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bars.h"
#include "base/str.h"
#include "child.h"
#include "cli/wheel.h"
#include "load.h"

enum { ROUNDS = 3, ADJUSTMENTS = 4, CONNECTIONS = 16, USERS_MAX = 100, MEMORY_MAX = 150 << 20 };
static const double ROUND_SECONDS = 2, LATENCY_SECONDS = 5, LOAD = 0.8, NEAR = 0.02;

typedef struct requests {
    tdl_buf bytes[USERS_MAX];
    tdl_str text[USERS_MAX];
    size_t n;
} requests;

static void add_request(requests *r, const tdl_child *child, const char *path, tdl_str user)
{
    tdl_buf *out = &r->bytes[r->n];

    tdl_buf_printf(out, "GET %s", path);
    tdl_client_escape(out, user);
    tdl_buf_printf(out, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n\r\n",
                   child->admin_key);
    r->text[r->n++] = tdl_buf_view(out);
}

static void release_requests(requests *r)
{
    for (size_t i = 0; i < r->n; i++)
        tdl_buf_release(&r->bytes[i]);
}

/* The demo's data and model, by the demo's own way. */
static tdl_status prepare(const tdl_child *child, bool quiet, requests *recommend, tdl_report *why)
{
    tdl_client *client = NULL;
    tdl_import_result import;
    json_t *report = NULL, *users = NULL;
    tdl_status st = tdl_client_new(child->url, child->admin_key, &client, why);

    if (!st)
        st = tdl_wheel_import(client, TDL_WHEEL_RATINGS, quiet, &import, why);
    if (!st)
        st = tdl_wheel_train(client, quiet, &report, why);
    if (!st)
        st = tdl_wheel_users(client, &users, why);
    for (size_t i = 0; !st && i < json_array_size(users) && i < USERS_MAX; i++) {
        const json_t *id = json_object_get(json_array_get(users, i), "id");
        add_request(recommend, child,
                    "/v1/recommend?n=10&user=", tdl_str_of(json_string_value(id)));
    }
    json_decref(users);
    json_decref(report);
    tdl_client_free(client);
    return st;
}

static tdl_status load(const tdl_child *child, const requests *r, double rate, double seconds,
                       tdl_load_result *ret, tdl_report *why)
{
    tdl_load_options options = {.port = child->port,
                                .requests = r->text,
                                .requests_n = r->n,
                                .connections = CONNECTIONS,
                                .rate = rate,
                                .seconds = seconds};

    return tdl_load_run_answered(&options, ret, why);
}

static double cpu_seconds(const tdl_child *child)
{
    struct timespec own;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    return tdl_child_cpu(child) + (double)own.tv_sec + 1e-9 * (double)own.tv_nsec;
}

static double cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* The rate at which server and client keep LOAD of the machine busy, found from `rate` on by how
 * busy they were. */
static tdl_status find_rate(const tdl_child *child, const requests *r, double rate, double *ret,
                            tdl_report *why)
{
    tdl_load_result result;

    for (int left = ADJUSTMENTS; left; left--) {
        double before = cpu_seconds(child);
        tdl_status st = load(child, r, rate, ROUND_SECONDS, &result, why);
        if (st)
            return st;
        double busy = (cpu_seconds(child) - before) / (ROUND_SECONDS * cores());
        rate = fmin(rate, result.per_second) * LOAD / busy;
        if (fabs(busy - LOAD) < NEAR)
            break;
    }
    *ret = rate;
    return TDL_OK;
}

static tdl_status add_latency(const tdl_child *child, const requests *r, double rate,
                              tdl_bar_kind kind, const char *when, tdl_bars *bars, tdl_report *why)
{
    tdl_load_result result;
    tdl_status st = load(child, r, rate, LATENCY_SECONDS, &result, why);

    if (st)
        return st;
    if (result.failed)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%zu of %zu requests failed at %s", result.failed,
                        result.answered, when);
    tdl_bars_add(bars,
                 (tdl_bar){.value = result.p99_us / result.p50_us,
                           .unit = "ratio",
                           .kind = kind,
                           .bound = 5,
                           .peer = "its own p50 in us",
                           .peer_value = result.p50_us},
                 "serve: p99 at %s (%.0f/s, %.0f us)", when, rate, result.p99_us);
    return TDL_OK;
}

static tdl_status measure(const tdl_child *child, bool quiet, const requests *health,
                          const requests *recommend, tdl_bars *bars, tdl_report *why)
{
    double plain[ROUNDS], answers[ROUNDS];
    tdl_load_result result;
    tdl_status st;

    for (size_t i = 0; i < ROUNDS; i++) {
        if (!quiet)
            fprintf(stderr, "serve: round %zu of %d\n", i + 1, ROUNDS);
        if ((st = load(child, health, 0, ROUND_SECONDS, &result, why)))
            return st;
        plain[i] = result.per_second;
        if ((st = load(child, recommend, 0, ROUND_SECONDS, &result, why)))
            return st;
        answers[i] = result.per_second;
    }
    double peer = tdl_median3(plain), own = tdl_median3(answers);
    tdl_bars_add(bars,
                 (tdl_bar){.value = own / peer,
                           .unit = "ratio",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = 0.5,
                           .peer = "/healthz answers/s, same server",
                           .peer_value = peer},
                 "serve: recommend answers/s (%.0f/s)", own);
    double rate;
    if ((st = find_rate(child, recommend, LOAD * own, &rate, why)) ||
        (st = add_latency(child, recommend, rate, TDL_BAR_NONE, "80 % of the cores busy", bars,
                          why)))
        return st;
    if ((st = add_latency(child, recommend, LOAD * own, TDL_BAR_AT_MOST, "80 % load", bars, why)))
        return st;
    // What machine, client and connection do to an answer that costs nothing.
    return add_latency(child, health, LOAD * peer, TDL_BAR_NONE, "80 % of /healthz", bars, why);
}

tdl_status tdl_bench_serve(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static requests health, recommend;
    tdl_child child = {0};
    tdl_status st = tdl_child_start(&child, why);

    if (st)
        return st;
    add_request(&health, &child, "/healthz", (tdl_str){0});
    if ((st = prepare(&child, quiet, &recommend, why)))
        goto out;
    tdl_bars_add(bars,
                 (tdl_bar){.value = tdl_child_memory(&child),
                           .unit = "bytes",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = MEMORY_MAX,
                           .peer = "bar, in bytes",
                           .peer_value = MEMORY_MAX},
                 "serve: resident memory after the demo");
    st = measure(&child, quiet, &health, &recommend, bars, why);
out:
    release_requests(&health);
    release_requests(&recommend);
    tdl_child_stop(&child);
    return st;
}
