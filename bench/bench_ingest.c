/* Durable ingest over HTTP against a bare C loop writing the same rows to the same SQLite schema.
 *
 * Each way of sending takes turns with the bare loop, which prepares the same statements by hand
 * and commits the same number of rows at a time: as many as the clients have under way at once.
 * Three rounds; medians are quoted. Both databases grow from round to round, by the same rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bare_sqlite.h"
#include "bars.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "child.h"
#include "load.h"

enum { ROUNDS = 3, USERS_N = 1000, ITEMS_N = 5000, REQUESTS_MAX = 20000 };

/* One way of sending events. */
typedef struct way {
    const char *name;
    size_t requests, events; /* a round's requests, and events in each */
    unsigned clients;        /* each with one request under way */
    bool packed;             /* by gzip */
    double bound;            /* of the ratio; 0 = only shown */
    double enough;           /* events/s that will do where the bare loop does as many; 0 = none */
} way;

static const way ways[] = {
    {"100 a request, 1 client", 400, 100, 1, false, 0.5, 0},
    {"100 a request, 4 clients", 400, 100, 4, false, 0, 0},
    {"100 a gzipped request, 1 client", 400, 100, 1, true, 0.6, 0},
    {"100 a gzipped request, 2 clients", 400, 100, 2, true, 0.6, 0},
    {"1 a request, 64 clients", REQUESTS_MAX, 1, 64, false, 0.6, 15000},
};
enum { WAYS_N = sizeof ways / sizeof ways[0] };

static void write_body(tdl_buf *body, size_t first, size_t n)
{
    tdl_jw w = {.out = body};
    char text[64];

    tdl_jw_array(&w);
    for (size_t row = first; row < first + n; row++) {
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
}

static bool pack(tdl_buf *body)
{
    z_stream z = {.next_in = (unsigned char *)body->at, .avail_in = (unsigned)body->len};
    tdl_buf packed = {0};

    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    tdl_buf_reserve(&packed, deflateBound(&z, (uLong)body->len));
    z.next_out = (unsigned char *)packed.at;
    z.avail_out = (unsigned)(packed.cap - 1);
    int code = packed.failed ? Z_MEM_ERROR : deflate(&z, Z_FINISH);
    packed.len = packed.cap - 1 - z.avail_out;
    deflateEnd(&z);
    tdl_buf_release(body);
    *body = packed;
    return code == Z_STREAM_END;
}

/* A whole HTTP request, made before the clock starts. */
static bool write_request(tdl_buf *out, const tdl_child *child, size_t first, const way *how)
{
    tdl_buf body = {0};

    write_body(&body, first, how->events);
    bool ok = !body.failed && (!how->packed || pack(&body));
    tdl_buf_printf(out,
                   "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
                   child->admin_key, how->packed ? "Content-Encoding: gzip\r\n" : "", body.len);
    tdl_buf_str(out, tdl_buf_view(&body));
    tdl_buf_release(&body);
    return ok && !out->failed;
}

static tdl_status send_round(const tdl_child *child, size_t first, const way *how,
                             double *ret_per_second, tdl_report *why)
{
    static tdl_buf bytes[REQUESTS_MAX];
    static tdl_str requests[REQUESTS_MAX];
    tdl_load_result result;
    bool ok = true;

    for (size_t i = 0; ok && i < how->requests; i++) {
        ok = write_request(&bytes[i], child, first + i * how->events, how);
        requests[i] = tdl_buf_view(&bytes[i]);
    }
    tdl_load_options options = {.port = child->port,
                                .requests = requests,
                                .requests_n = how->requests,
                                .connections = how->clients,
                                .seconds = 60,
                                .count = how->requests};
    tdl_status st = ok ? tdl_load_run(&options, &result, why)
                       : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the requests");
    for (size_t i = 0; i < how->requests; i++)
        tdl_buf_release(&bytes[i]);
    if (st)
        return st;
    if (result.failed)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%zu of %zu requests were refused", result.failed,
                        result.answered);
    *ret_per_second = result.per_second * (double)how->events;
    return TDL_OK;
}

static void add_bar(tdl_bars *bars, const way *how, double per_second, double peer)
{
    bool by_rate = how->enough > 0 && peer >= how->enough;

    tdl_bars_add(bars,
                 (tdl_bar){.value = by_rate ? per_second : per_second / peer,
                           .unit = by_rate ? "1/s" : "ratio",
                           .kind = how->bound > 0 ? TDL_BAR_AT_LEAST : TDL_BAR_NONE,
                           .bound = by_rate ? how->enough : how->bound,
                           .peer = "rows/s of a bare SQLite loop",
                           .peer_value = peer},
                 "ingest: durable events/s, %s (%.0f/s)", how->name, per_second);
}

/* Rows that the bare loop commits at once: those that the clients have under way. */
static size_t group_of(const way *how)
{
    return how->events == 1 ? how->clients : how->events;
}

tdl_status tdl_bench_ingest(bool quiet, tdl_bars *bars, tdl_report *why)
{
    double bare_rate[WAYS_N][ROUNDS], rate[WAYS_N][ROUNDS];
    size_t first = 0;
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
        for (size_t i = 0; i < WAYS_N; i++) {
            size_t n = ways[i].requests * ways[i].events, group = group_of(&ways[i]);
            if ((st = bare_sqlite_write(bare, n / group, group, &bare_rate[i][r], why)) ||
                (st = send_round(&child, first, &ways[i], &rate[i][r], why)))
                goto out;
            first += n;
        }
    }
    for (size_t i = 0; i < WAYS_N; i++)
        add_bar(bars, &ways[i], tdl_median3(rate[i]), tdl_median3(bare_rate[i]));
out:
    bare_sqlite_close(bare);
    tdl_child_stop(&child);
    if (folder[0])
        tdl_folder_remove(folder);
    return st;
}
