#include "apps/recommend/scan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/gemm.h"
#include "tensor/rows.h"
#include "tensor/scratch.h"

/* A chunk of approximations stays in the second-level cache while it is looked over. */
enum { CHUNK = 8192, RESCORED_MIN = 1000, RESCORED_OF_K = 10, QUERIES_AT_ONCE = 64 };
enum { AHEAD = 8, LINE = 16, LINES_MAX = 8 }; /* of the cache */

/* Larger numbers might overflow a product. */
static const float LARGEST = 1e15F;

/* What rounding in f32 may add to the error of either score: a part of the bound. */
static const float SLACK = 1.001F;

struct tdl_scan {
    size_t n, d, chunks_n;
    tdl_packed **chunk; /* [chunks_n] of CHUNK rows, the last of what is left */
    float *vector;      /* [n][d] */
    float *scale;       /* [n] s_v */
    float *error;       /* [n] s_v (|q_v|_1 / 2 + d / 4) */
    float *most;        /* [2 blocks of TDL_TOP_BLOCK rows] largest scale, largest error */
};

void tdl_scan_free(tdl_scan *scan)
{
    if (!scan)
        return;
    for (size_t c = 0; scan->chunk && c < scan->chunks_n; c++)
        tdl_packed_free(scan->chunk[c]);
    free(scan->chunk);
    free(scan->vector);
    free(scan->scale);
    free(scan->error);
    free(scan->most);
    free(scan);
}

size_t tdl_scan_bytes(const tdl_scan *scan)
{
    size_t bytes = scan->n * (scan->d + 2) * sizeof(float);

    for (size_t c = 0; c < scan->chunks_n; c++)
        bytes += tdl_packed_bytes(scan->chunk[c]);
    return bytes;
}

static size_t rows_of(const tdl_scan *scan, size_t chunk)
{
    size_t left = scan->n - chunk * CHUNK;

    return left < CHUNK ? left : CHUNK;
}

/* ---- making ---- */

static double sum_of_sizes(const int8_t *q, size_t d)
{
    int64_t sum = 0;

    for (size_t k = 0; k < d; k++)
        sum += abs(q[k]);
    return (double)sum;
}

static tdl_status check_numbers(const float *x, size_t d, const char *what, size_t which,
                                tdl_report *why)
{
    for (size_t k = 0; k < d; k++)
        if (!(fabsf(x[k]) <= LARGEST))
            return TDL_FAIL(why, TDL_E_INVALID, "%s %zu: number %zu is %g, beyond +-%g", what,
                            which, k, (double)x[k], (double)LARGEST);
    return TDL_OK;
}

static bool is_zero(const float *x, size_t d)
{
    for (size_t k = 0; k < d; k++)
        if (x[k] != 0)
            return false;
    return true;
}

/* A row too small to be told from 0 is always scored again. */
static void measure_row(tdl_scan *scan, size_t row, int8_t *q)
{
    const float *v = scan->vector + row * scan->d;
    float scale = tdl_quantise_row(v, scan->d, q);

    float *most = scan->most + row / TDL_TOP_BLOCK * 2;

    scan->scale[row] = scale;
    scan->error[row] =
        scale > 0 || is_zero(v, scan->d)
            ? (float)((double)scale * (sum_of_sizes(q, scan->d) / 2 + (double)scan->d / 4))
            : FLT_MAX;
    most[0] = fmaxf(most[0], scale);
    most[1] = fmaxf(most[1], scan->error[row]);
}

static tdl_status fill(tdl_scan *scan, const float *vector, tdl_report *why)
{
    int8_t *q = malloc(scan->d);
    tdl_status st = TDL_OK;

    if (!q)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu numbers", scan->d);
    for (size_t row = 0; row < scan->n; row++) {
        if ((st = check_numbers(vector + row * scan->d, scan->d, "row", row, why)))
            goto out;
        memcpy(scan->vector + row * scan->d, vector + row * scan->d, scan->d * sizeof *vector);
        measure_row(scan, row, q);
    }
    for (size_t c = 0; c < scan->chunks_n; c++)
        if ((st = tdl_pack_as(TDL_PRECISION_INT8, scan->vector + c * CHUNK * scan->d, true, scan->d,
                              rows_of(scan, c), &scan->chunk[c], why)))
            goto out;
out:
    free(q);
    return st;
}

tdl_status tdl_scan_new(const float *vector, size_t n, size_t d, tdl_scan **ret, tdl_report *why)
{
    tdl_scan *scan = NULL;
    tdl_status st;

    if (d < 1 || d > TDL_INT8_IN_MAX || n > INT32_MAX || n > SIZE_MAX / sizeof(float) / d - 1)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows of %zu numbers: rows have 1 to %d", n, d,
                        TDL_INT8_IN_MAX);
    if ((scan = calloc(1, sizeof *scan))) {
        scan->n = n;
        scan->d = d;
        scan->chunks_n = (n + CHUNK - 1) / CHUNK;
        scan->chunk = calloc(scan->chunks_n + 1, sizeof(tdl_packed *));
        scan->vector = tdl_floats_new(n * d + 1);
        scan->scale = tdl_floats_new(n + 1);
        scan->error = tdl_floats_new(n + 1);
        scan->most = calloc((n / TDL_TOP_BLOCK + 1) * 2, sizeof *scan->most);
    }
    if (!scan || !scan->chunk || !scan->vector || !scan->scale || !scan->error || !scan->most) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu numbers", n, d);
        goto out;
    }
    if ((st = fill(scan, vector, why)))
        goto out;
    *ret = scan;
    scan = NULL; /* the caller's now */
out:
    tdl_scan_free(scan);
    return st;
}

/* ---- asking ---- */

/* A query being answered. */
typedef struct asking {
    tdl_scan_query *query;
    float x_scale, x_size; /* s_x with slack, |q_x|_1 / 2 */
    tdl_best likely;       /* to be scored again, by what they might be at most */
} asking;

static void release(asking *a)
{
    free(a->likely.heap);
    a->likely.heap = NULL;
}

static bool make_room(asking *a, size_t wanted)
{
    release(a);
    a->likely = (tdl_best){.k = wanted + !wanted, .above = -INFINITY};
    a->likely.heap = malloc(a->likely.k * sizeof *a->likely.heap);
    return a->likely.heap;
}

/* Rows [first, end) of a chunk, approx of each. */
static void offer_rows(const tdl_scan *scan, asking *a, const float *approx, size_t first,
                       size_t end)
{
    const uint64_t *blocked = a->query->blocked;

    for (size_t row = first; row < end; row++) {
        float most =
            approx[row - first] + a->x_scale * (a->x_size * scan->scale[row] + scan->error[row]);

        most = most < FLT_MAX ? most : FLT_MAX;
        if (most > a->likely.above && !(blocked && tdl_bits_has(blocked, (int32_t)row)))
            tdl_best_offer(&a->likely, (tdl_scored){most, (int32_t)row});
    }
}

/* Most blocks are left after one comparison: not even the largest approximation with the largest
 * error would do. */
static void look_over(const tdl_scan *scan, asking *a, size_t chunk, const float *approx)
{
    size_t first = chunk * CHUNK, end = first + rows_of(scan, chunk), row = first;

    for (; row + TDL_TOP_BLOCK <= end; row += TDL_TOP_BLOCK) {
        const float *most = scan->most + row / TDL_TOP_BLOCK * 2, *of = approx + (row - first);
        float error = a->x_scale * (a->x_size * most[0] + most[1]);

        if (tdl_largest_of_block(of) + error > a->likely.above)
            offer_rows(scan, a, of, row, row + TDL_TOP_BLOCK);
    }
    offer_rows(scan, a, approx + (row - first), row, end);
}

static int by_item(const void *left, const void *right)
{
    const tdl_scored *a = left, *b = right;

    return a->item < b->item ? -1 : a->item > b->item;
}

/* Before it is needed: rows lie anywhere. */
static void ask_for_row(const tdl_scan *scan, int32_t row)
{
    const float *at = scan->vector + (size_t)row * scan->d;

    for (size_t k = 0; k < scan->d && k < LINES_MAX * LINE; k += LINE)
        __builtin_prefetch(at + k);
}

/* The likely again in f32, and the best k of them. True: proven to be the best of all. */
static bool rescore(const tdl_scan *scan, asking *a, float *scores)
{
    const tdl_best *likely = &a->likely;
    tdl_scan_query *q = a->query;

    // ties by number, and memory in order
    qsort(likely->heap, likely->n, sizeof *likely->heap, by_item);
    for (size_t i = 0; i < likely->n; i++) {
        if (i + AHEAD < likely->n)
            ask_for_row(scan, likely->heap[i + AHEAD].item);
        scores[i] = tdl_dot(scan->vector + (size_t)likely->heap[i].item * scan->d, q->x, scan->d);
    }
    q->rescored = likely->n;
    q->ret_n = tdl_top(scores, likely->n, NULL, -INFINITY, INFINITY, q->ret, q->k);
    for (size_t i = 0; i < q->ret_n; i++)
        q->ret[i].item = likely->heap[q->ret[i].item].item;
    return likely->n < likely->k || likely->k >= scan->n || !q->k ||
           (q->ret_n == q->k && q->ret[q->k - 1].score > likely->above);
}

static tdl_status prepare(const tdl_scan *scan, asking *a, size_t which, tdl_report *why)
{
    tdl_scan_query *q = a->query;
    size_t least = q->k > RESCORED_MIN / RESCORED_OF_K ? q->k * RESCORED_OF_K : RESCORED_MIN;
    int8_t *x = malloc(scan->d);
    tdl_status st = check_numbers(q->x, scan->d, "query", which, why);

    if (!x && !st)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for query %zu", which);
    if (!st) {
        a->x_scale = tdl_quantise_row(q->x, scan->d, x) * SLACK;
        a->x_size = (float)(sum_of_sizes(x, scan->d) / 2);
        if (a->x_scale == 0 || least > scan->n) // too small for a bound, or everything anyway
            least = scan->n;
        if (!make_room(a, least))
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu candidates", least);
    }
    free(x);
    return st;
}

/* One pass over the table for some queries: x [n][d], approx [n][CHUNK]. */
static void pass(const tdl_scan *scan, asking *some, size_t n, const float *x, float *approx)
{
    for (size_t c = 0; c < scan->chunks_n; c++) {
        tdl_linear(scan->chunk[c], n, x, scan->d, NULL, TDL_ACT_NONE, approx, CHUNK, NULL);
        for (size_t i = 0; i < n; i++)
            look_over(scan, &some[i], c, approx + i * CHUNK);
    }
}

/* Score again; where that proves nothing, scan anew for twice as many. */
static tdl_status settle(const tdl_scan *scan, asking *a, float *approx, tdl_report *why)
{
    for (a->query->at_once = true;; a->query->at_once = false) {
        float *scores = malloc((a->likely.k + 1) * sizeof *scores);
        bool proven = scores && rescore(scan, a, scores);

        free(scores);
        if (proven)
            return TDL_OK;
        size_t twice = a->likely.k > scan->n / 2 ? scan->n : 2 * a->likely.k;
        if (!scores || !make_room(a, twice))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu candidates", twice);
        pass(scan, a, 1, a->query->x, approx);
    }
}

static tdl_status ask_some(const tdl_scan *scan, tdl_scan_query *queries, size_t n, size_t first,
                           asking *some, float *x, float *approx, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < n; i++) {
        some[i] = (asking){.query = &queries[i]};
        if (!st && !(st = prepare(scan, &some[i], first + i, why)))
            memcpy(x + i * scan->d, queries[i].x, scan->d * sizeof *x);
    }
    if (!st)
        pass(scan, some, n, x, approx);
    for (size_t i = 0; i < n; i++) {
        if (!st)
            st = settle(scan, &some[i], approx, why);
        release(&some[i]);
    }
    return st;
}

tdl_status tdl_scan_ask(const tdl_scan *scan, tdl_scan_query *queries, size_t queries_n,
                        tdl_report *why)
{
    size_t most = queries_n < QUERIES_AT_ONCE ? queries_n : QUERIES_AT_ONCE;
    float *x = tdl_floats_new(most * scan->d + 1), *approx = tdl_floats_new(most * CHUNK + 1);
    asking *some = calloc(most + 1, sizeof *some);
    tdl_status st = TDL_OK;

    if (!x || !approx || !some) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu queries", most);
        goto out;
    }
    for (size_t at = 0; !st && at < queries_n; at += most) {
        size_t n = queries_n - at < most ? queries_n - at : most;
        st = ask_some(scan, queries + at, n, at, some, x, approx, why);
    }
out:
    free(x);
    free(approx);
    free(some);
    return st;
}

tdl_status tdl_scan_bounds(const tdl_scan *scan, const float *x, float *ret_approx,
                           float *ret_bound, tdl_report *why)
{
    asking a = {.query = &(tdl_scan_query){.x = x}};
    tdl_status st = prepare(scan, &a, 0, why);

    if (!st)
        for (size_t c = 0; c < scan->chunks_n; c++) {
            size_t first = c * CHUNK;
            tdl_linear(scan->chunk[c], 1, x, scan->d, NULL, TDL_ACT_NONE, ret_approx + first, CHUNK,
                       NULL);
            for (size_t i = first; i < first + rows_of(scan, c); i++)
                ret_bound[i] = a.x_scale / SLACK * (a.x_size * scan->scale[i] + scan->error[i]);
        }
    release(&a);
    return st;
}
