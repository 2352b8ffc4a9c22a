/* Durable ingest over HTTP against a bare C loop writing the same rows to the same SQLite schema.
 *
 * One client sends batches of 100 events, one request at a time, and each is acknowledged after its
 * fsync; the bare loop prepares the same statements by hand and commits every 100 rows. So does it
 * again for four clients. All take turns three times; medians are quoted. Both databases grow from
 * round to round, by the same rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_sqlite.h"
#include "bars.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "child.h"
#include "load.h"

enum { BATCH_N = 100, BATCHES = 400, ROUNDS = 3, USERS_N = 1000, ITEMS_N = 5000 };

/* One whole HTTP request per batch, made before the clock starts. */
static void write_request(tdl_buf *out, const tdl_child *child, size_t round, size_t batch)
{
    tdl_buf body = {0};
    tdl_jw w = {.out = &body};
    char text[64];

    tdl_jw_array(&w);
    for (size_t i = 0; i < BATCH_N; i++) {
        size_t row = (round * BATCHES + batch) * BATCH_N + i;
        tdl_jw_object(&w);
        snprintf(text, sizeof text, "u%zu", row * 7919 % USERS_N);
        tdl_jw_ktext(&w, "user", text);
        tdl_jw_ktext(&w, "kind", "view");
        snprintf(text, sizeof text, "item-%zu", row * 104729 % ITEMS_N);
        tdl_jw_ktext(&w, "item", text);
        tdl_jw_knumber(&w, "value", (double)(row % 50) / 10);
        tdl_jw_kint(&w, "time", 1700000000000000 + (int64_t)row * 1000);
        snprintf(text, sizeof text, "message-%zu", row);
        tdl_jw_ktext(&w, "message_id", text);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_buf_printf(out,
                   "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   child->admin_key, body.len);
    tdl_buf_str(out, tdl_buf_view(&body));
    tdl_buf_release(&body);
}

static tdl_status send_round(const tdl_child *child, size_t round, unsigned connections,
                             double *ret_per_second, tdl_report *why)
{
    static tdl_buf bytes[BATCHES];
    static tdl_str requests[BATCHES];
    tdl_load_result result;

    for (size_t i = 0; i < BATCHES; i++) {
        tdl_buf_clear(&bytes[i]);
        write_request(&bytes[i], child, round, i);
        requests[i] = tdl_buf_view(&bytes[i]);
    }
    tdl_load_options options = {.port = child->port,
                                .requests = requests,
                                .requests_n = BATCHES,
                                .connections = connections,
                                .seconds = 60,
                                .count = BATCHES};
    tdl_status st = tdl_load_run(&options, &result, why);
    for (size_t i = 0; i < BATCHES; i++)
        tdl_buf_release(&bytes[i]);
    if (st)
        return st;
    if (result.failed)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%zu of %zu batches were refused", result.failed,
                        result.answered);
    *ret_per_second = result.per_second * BATCH_N;
    return TDL_OK;
}

static void add_bar(tdl_bars *bars, unsigned clients, tdl_bar_kind kind, double per_second,
                    double peer)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = per_second / peer,
                           .unit = "ratio",
                           .kind = kind,
                           .bound = 0.5,
                           .peer = "rows/s of a bare SQLite loop",
                           .peer_value = peer},
                 "ingest: durable events/s, %u client%s (%.0f/s)", clients, clients == 1 ? "" : "s",
                 per_second);
}

tdl_status tdl_bench_ingest(bool quiet, tdl_bars *bars, tdl_report *why)
{
    double before_one[ROUNDS], one[ROUNDS], before_four[ROUNDS], four[ROUNDS];
    bare_sqlite *bare = NULL;
    tdl_child child = {0};
    char folder[TDL_FOLDER_MAX] = "";
    tdl_status st = tdl_child_start(&child, why);

    if (st)
        return st;
    if ((st = tdl_folder_temporary(folder, why)) || (st = bare_sqlite_open(folder, &bare, why)))
        goto out;
    for (size_t r = 0; r < ROUNDS; r++) {
        if (!quiet)
            fprintf(stderr, "ingest: round %zu of %d\n", r + 1, ROUNDS);
        if ((st = bare_sqlite_write(bare, BATCHES, BATCH_N, &before_one[r], why)) ||
            (st = send_round(&child, 2 * r, 1, &one[r], why)) ||
            (st = bare_sqlite_write(bare, BATCHES, BATCH_N, &before_four[r], why)) ||
            (st = send_round(&child, 2 * r + 1, 4, &four[r], why)))
            goto out;
    }
    add_bar(bars, 1, TDL_BAR_AT_LEAST, tdl_median3(one), tdl_median3(before_one));
    add_bar(bars, 4, TDL_BAR_NONE, tdl_median3(four), tdl_median3(before_four));
out:
    bare_sqlite_close(bare);
    tdl_child_stop(&child);
    if (folder[0])
        tdl_folder_remove(folder);
    return st;
}
