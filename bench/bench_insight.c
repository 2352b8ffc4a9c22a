/* Reports over a million events, asked over HTTP, and what the events take in memory and on disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bars.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "child.h"
#include "cli/client.h"

enum { EVENTS_N = 1000000, BATCH_N = 1000, PERSONS_N = 50000, ROUNDS = 3 };
static const double MEMORY_MAX = 200 << 20;
static const int64_t FIRST_US = 1767225600 * INT64_C(1000000), /* 1 January 2026 */
    DAY_US = 24 * 3600 * INT64_C(1000000);

static const struct {
    const char *name, *path, *query; /* query NULL: a GET */
    double seconds;                  /* bar */
} questions[] = {
    {"funnel of three steps", "/v1/insights/query",
     "{\"report\":\"funnel\",\"steps\":[\"view\",\"cart\",\"order\"],\"within\":\"1d\","
     "\"from\":\"2026-01-01T00:00:00Z\"}",
     1},
    {"retention by week", "/v1/insights/query",
     "{\"report\":\"retention\",\"every\":\"week\",\"from\":\"2026-01-01T00:00:00Z\","
     "\"until\":\"2026-04-01T00:00:00Z\"}",
     1},
    {"trend by day", "/v1/insights/query",
     "{\"report\":\"trend\",\"from\":\"2026-01-01T00:00:00Z\","
     "\"until\":\"2026-04-01T00:00:00Z\"}",
     1},
    {"unique users by day", "/v1/insights/query",
     "{\"report\":\"users\",\"from\":\"2026-01-01T00:00:00Z\","
     "\"until\":\"2026-04-01T00:00:00Z\"}",
     1},
    {"live counts", "/v1/stats", NULL, 0.05},
};
enum { QUESTIONS_N = sizeof questions / sizeof questions[0] };

/* Ninety days of views; a third of them lead to a cart, and some of those to an order. */
static tdl_status fill(tdl_client *client, bool quiet, tdl_report *why)
{
    static const char *const kinds[] = {"view", "view", "cart", "view", "view", "order"};
    tdl_event *events = calloc(BATCH_N, sizeof *events);
    char(*text)[2][32] = calloc(BATCH_N, sizeof *text);
    tdl_rng rng = tdl_rng_make(1, 0);
    tdl_status st = events && text ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; !st && i < EVENTS_N; i++) {
        size_t k = i % BATCH_N;
        snprintf(text[k][0], sizeof text[k][0], "u%llu",
                 (unsigned long long)tdl_rng_below(&rng, PERSONS_N));
        snprintf(text[k][1], sizeof text[k][1], "m%zu", i);
        events[k] = (tdl_event){.time_us = FIRST_US + (int64_t)i * (90 * DAY_US / EVENTS_N),
                                .user = tdl_str_of(text[k][0]),
                                .kind = tdl_str_of(kinds[tdl_rng_below(&rng, 6)]),
                                .message_id = tdl_str_of(text[k][1])};
        if (k + 1 == BATCH_N)
            st = tdl_client_send_events(client, events, BATCH_N, why);
        if (!quiet && i % 100000 == 0)
            fprintf(stderr, "insight: %zu of %d events\n", i, EVENTS_N);
    }
    free(events);
    free(text);
    return st;
}

static tdl_status ask(tdl_client *client, size_t which, tdl_bars *bars, tdl_report *why)
{
    double seconds[ROUNDS];
    tdl_str body = tdl_str_of(questions[which].query);

    for (size_t r = 0; r < ROUNDS; r++) {
        tdl_status st = tdl_client_call(client, body.len ? "POST" : "GET", questions[which].path,
                                        body, NULL, why);
        if (st)
            return st;
        seconds[r] = tdl_client_seconds(client);
    }
    tdl_bars_add(bars,
                 (tdl_bar){.value = tdl_median3(seconds),
                           .unit = "s",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = questions[which].seconds,
                           .peer = "events",
                           .peer_value = EVENTS_N},
                 "insight: %s", questions[which].name);
    return TDL_OK;
}

static void add_sizes(const tdl_child *child, tdl_bars *bars)
{
    char path[TDL_FOLDER_MAX + 16];
    struct stat info;

    tdl_bars_add(bars,
                 (tdl_bar){.value = tdl_child_memory(child),
                           .unit = "bytes",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = MEMORY_MAX,
                           .peer = "bar, in bytes",
                           .peer_value = MEMORY_MAX},
                 "insight: resident memory");
    snprintf(path, sizeof path, "%s/treadle.db", child->folder);
    if (!stat(path, &info))
        tdl_bars_add(bars,
                     (tdl_bar){.value = (double)info.st_size / EVENTS_N,
                               .unit = "bytes",
                               .kind = TDL_BAR_NONE,
                               .peer = "events",
                               .peer_value = EVENTS_N},
                     "insight: database, bytes an event");
}

tdl_status tdl_bench_insight(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_client *client = NULL;
    tdl_child child = {0};
    tdl_status st = tdl_child_start(&child, why);

    if (st)
        return st;
    if (!(st = tdl_client_new(child.url, child.admin_key, &client, why)))
        st = fill(client, quiet, why);
    for (size_t i = 0; !st && i < QUESTIONS_N; i++)
        st = ask(client, i, bars, why);
    if (!st)
        add_sizes(&child, bars);
    tdl_client_free(client);
    tdl_child_stop(&child);
    return st;
}
