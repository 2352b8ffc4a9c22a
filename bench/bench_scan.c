/* The int8 scan beside reading its bytes once, and beside itself with many questions at once. CPU
 * time of one thread.
 *
 * A million rows of 64 numbers with a few strong directions, as trained ones have. Reading, one
 * question and many take turns, and medians of the rounds' ratios are quoted: whoever else uses the
 * machine's memory meanwhile slows all three.
 */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/scan.h"
#include "bars.h"
#include "base/rng.h"
#include "cli/command.h"
#include "peak.h"
#include "tensor/rows.h"
#include "tensor/scratch.h"

/* ---- the scan ---- */

enum { ROWS = 1000000, D = 64, TOP = 100, QUERIES = 32, ASKED = 200, STRONG = 8 };
enum { ROUNDS = 9, CHECKED = 5, RESCORED = 1000 };

/* Rows and queries that share a few strong directions. */
static float *make_vectors(size_t n, uint64_t stream)
{
    float *x = tdl_floats_new(n * D);
    tdl_rng rng = tdl_rng_make(12, stream);

    for (size_t i = 0; x && i < n * D; i++) {
        double size = i % D < STRONG ? 1 : .3;
        x[i] = (float)(size * tdl_rng_normal(&rng));
    }
    return x;
}

/* CPU seconds to read n bytes once: the limit of every scan of them. */
static double read_once(const void *bytes, size_t n, uint64_t *ret_sum)
{
    const uint64_t *at = bytes;
    uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    double started = tdl_cpu_seconds();

    for (size_t i = 0; i + 8 <= n / sizeof *at; i += 8) {
        a += at[i], b += at[i + 1], c += at[i + 2], d += at[i + 3];
        e += at[i + 4], f += at[i + 5], g += at[i + 6], h += at[i + 7];
    }
    *ret_sum += a + b + c + d + e + f + g + h;
    return tdl_cpu_seconds() - started;
}

static tdl_status time_asking(const tdl_scan *scan, tdl_scan_query *queries, size_t n, double *ret,
                              tdl_report *why)
{
    double started = tdl_cpu_seconds();
    tdl_status st = tdl_scan_ask(scan, queries, n, why);

    *ret = tdl_cpu_seconds() - started;
    return st;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static double median(double of[ROUNDS])
{
    qsort(of, ROUNDS, sizeof *of, by_value);
    return of[ROUNDS / 2];
}

/* The answer of a scan in f32, and how long it took. */
static bool same_as_plain(const float *rows, const tdl_scan_query *q, float *scores)
{
    tdl_scored best[TOP];

    for (size_t i = 0; i < ROWS; i++)
        scores[i] = tdl_dot(rows + i * D, q->x, D);
    size_t n = tdl_top(scores, ROWS, NULL, -INFINITY, INFINITY, best, TOP);
    bool same = n == q->ret_n;
    for (size_t i = 0; same && i < n; i++)
        same = best[i].item == q->ret[i].item && best[i].score == q->ret[i].score;
    return same;
}

/* One query, many queries and reading the bytes, in turn. */
static tdl_status time_in_turn(const tdl_scan *scan, const float *rows, tdl_scan_query *queries,
                               tdl_bars *bars, tdl_report *why)
{
    double one[ROUNDS], many[ROUNDS], read[ROUNDS], to_read[ROUNDS], to_one[ROUNDS];
    uint64_t sum = 0;
    tdl_status st;

    for (size_t r = 0; r < ROUNDS; r++) {
        read[r] = read_once(rows, (size_t)ROWS * D, &sum); // as many bytes as int8 has
        if ((st = time_asking(scan, queries + r, 1, &one[r], why)) ||
            (st = time_asking(scan, queries, QUERIES, &many[r], why)))
            return st;
        to_read[r] = one[r] / read[r];
        to_one[r] = many[r] / one[r];
    }
    tdl_bars_at_most(bars, "recommend: int8 scan, 1M x 64, top 100", median(to_read), "ratio", 1.3,
                     sum ? "reading the bytes once, s" : "reading", median(read));
    tdl_bars_at_most(bars, "recommend: 32 queries in one pass", median(to_one), "ratio", 7,
                     "one query, s", median(one));
    return TDL_OK;
}

tdl_status tdl_bench_scan(bool quiet, tdl_bars *bars, tdl_report *why)
{
    float *rows = make_vectors(ROWS, 1), *x = make_vectors(ASKED, 2);
    float *scores = tdl_floats_new(ROWS);
    tdl_scored *found = calloc((size_t)ASKED * TOP, sizeof *found);
    tdl_scan_query queries[ASKED];
    tdl_scan *scan = NULL;
    size_t at_once = 0, wrong = 0;
    tdl_status st;

    TDL_UNUSED(quiet);
    if (!rows || !x || !scores || !found) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %d rows", ROWS);
        goto out;
    }
    for (size_t i = 0; i < ASKED; i++)
        queries[i] = (tdl_scan_query){.x = x + i * D, .k = TOP, .ret = found + i * TOP};
    if ((st = tdl_scan_new(rows, ROWS, D, &scan, why)) ||
        (st = tdl_scan_ask(scan, queries, ASKED, why)))
        goto out;
    for (size_t i = 0; i < ASKED; i++)
        at_once += queries[i].rescored <= RESCORED;
    for (size_t i = 0; i < CHECKED; i++)
        wrong += !same_as_plain(rows, &queries[i], scores);
    if ((st = time_in_turn(scan, rows, queries, bars, why)))
        goto out;
    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)at_once / ASKED,
                           .unit = "share",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = .99,
                           .peer = "queries",
                           .peer_value = ASKED},
                 "recommend: top 100 proven by %d scored in f32", RESCORED);
    tdl_bars_at_most(bars, "recommend: answers other than in f32", (double)wrong, "", 0, "checked",
                     CHECKED);
    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)tdl_scan_bytes(scan),
                           .unit = "bytes",
                           .kind = TDL_BAR_NONE,
                           .peer = "of it f32 vectors",
                           .peer_value = (double)ROWS * D * sizeof(float)},
                 "recommend: a scan's memory for 1,000,000 items");
out:
    tdl_scan_free(scan);
    free(rows);
    free(x);
    free(scores);
    free(found);
    return st;
}
