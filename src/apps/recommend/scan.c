#include "apps/recommend/scan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/gemm.h"
#include "tensor/most.h"
#include "tensor/rows.h"
#include "tensor/scratch.h"

/* Memory that queries asked together take for the largest products of blocks. */
enum { QUERIES_AT_ONCE = 64, MOST_AT_ONCE = 1 << 20 /* floats */ };
enum { BATCH = 64 /* rows on their way */, SOON = 4 /* blocks likewise */ };
enum { LINE = 16, LINES_MAX = 8 /* of the cache */ };

/* Larger numbers might overflow a product. */
static const float LARGEST = 1e15F;

/* What rounding in f32 may add to the error of either score: a part of the bound. */
static const float SLACK = 1.001F;

struct tdl_scan {
    size_t n, d;
    tdl_most *table;
    float *vector; /* [n][d] */
    float *scale;  /* [n] s_v */
    float *error;  /* [n] s_v (|q_v|_1 / 2 + d / 4) */
    float *worst;  /* [2][blocks] of each block, largest scale, then largest error */
};

void tdl_scan_free(tdl_scan *scan)
{
    if (!scan)
        return;
    tdl_most_free(scan->table);
    free(scan->vector);
    free(scan->scale);
    free(scan->error);
    free(scan->worst);
    free(scan);
}

size_t tdl_scan_bytes(const tdl_scan *scan)
{
    return scan->n * (scan->d + 2) * sizeof(float) + tdl_most_bytes(scan->table);
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
static void set_row(tdl_scan *scan, size_t row, int8_t *q)
{
    const float *v = scan->vector + row * scan->d;
    float *worst = scan->worst + row / TDL_MOST_BLOCK;
    size_t blocks_n = tdl_most_blocks(scan->table);
    float scale = tdl_most_quantise(v, scan->d, q);

    tdl_most_set(scan->table, row, q, scale);
    scan->scale[row] = scale;
    scan->error[row] =
        scale > 0 || is_zero(v, scan->d)
            ? (float)((double)scale * (sum_of_sizes(q, scan->d) / 2 + (double)scan->d / 4))
            : FLT_MAX;
    worst[0] = fmaxf(worst[0], scale);
    worst[blocks_n] = fmaxf(worst[blocks_n], scan->error[row]);
}

static tdl_status fill(tdl_scan *scan, const float *vector, tdl_report *why)
{
    int8_t *q = malloc(tdl_most_width(scan->d));
    tdl_status st = TDL_OK;

    if (!q)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu numbers", scan->d);
    for (size_t row = 0; row < scan->n; row++) {
        if ((st = check_numbers(vector + row * scan->d, scan->d, "row", row, why)))
            goto out;
        memcpy(scan->vector + row * scan->d, vector + row * scan->d, scan->d * sizeof *vector);
        set_row(scan, row, q);
    }
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
        scan->vector = tdl_floats_new(n * d + 1);
        scan->scale = tdl_floats_new(n + 1);
        scan->error = tdl_floats_new(n + 1);
        scan->worst = calloc((n / TDL_MOST_BLOCK + 1) * 2, sizeof *scan->worst);
    }
    if (!scan || !scan->vector || !scan->scale || !scan->error || !scan->worst) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu numbers", n, d);
        goto out;
    }
    if ((st = tdl_most_new(n, d, &scan->table, why)) || (st = fill(scan, vector, why)))
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
    int8_t *q;          /* [tdl_most_query_bytes] */
    float scale, size;  /* s_x; |q_x|_1 / 2 */
    float *most;        /* [blocks] what a row of the block might have at most; -INFINITY: none */
    float least;        /* k rows are not below this */
    tdl_best best;      /* those scored in f32 */
    int32_t row[BATCH]; /* to be scored */
    size_t rows_n;
} asking;

/* What separates a product of integers from the true one, given a row's scale and error. */
static float bound_of(const asking *a, float scale, float error)
{
    return a->scale * SLACK * (a->size * scale + error);
}

static tdl_status prepare(const tdl_scan *scan, asking *a, size_t which, tdl_report *why)
{
    const float *x = a->query->x;
    tdl_status st = check_numbers(x, scan->d, "query", which, why);

    if (st)
        return st;
    a->scale = tdl_most_query_of(x, scan->d, a->q);
    a->size = (float)(sum_of_sizes(a->q, scan->d) / 2);
    a->best = (tdl_best){.heap = a->query->ret, .k = a->query->k, .above = -INFINITY};
    a->least = -INFINITY;
    a->query->ret_n = a->query->rescored = 0;
    return TDL_OK;
}

/* most = product + bound, least = product - bound. A loop of its own: vectors. */
static void add_bounds(const asking *a, const float *restrict scale, const float *restrict error,
                       size_t n, float *restrict most, float *restrict least)
{
    float product = a->scale, by_scale = a->scale * SLACK * a->size, by_error = a->scale * SLACK;

    for (size_t b = 0; b < n; b++) {
        float middle = product * most[b], bound = by_scale * scale[b] + by_error * error[b];
        least[b] = middle - bound;
        most[b] = middle + bound;
    }
}

/* A query too small for integers: nothing is known of any row. */
static void bound_nothing(const tdl_scan *scan, asking *a)
{
    for (size_t b = 0; b < tdl_most_blocks(scan->table); b++)
        a->most[b] = a->most[b] > -INFINITY ? FLT_MAX : -INFINITY;
}

/* A row lies anywhere in many megabytes: it is on its way while others are found. */
static void fetch_row(const tdl_scan *scan, size_t row)
{
    const float *v = scan->vector + row * scan->d;

    for (size_t k = 0; k < scan->d && k < LINES_MAX * LINE; k += LINE)
        __builtin_prefetch(v + k);
}

/* A block that will be looked into. */
static void fetch_block(const tdl_scan *scan, size_t block)
{
    tdl_most_prefetch(scan->table, block);
    __builtin_prefetch(scan->scale + block * TDL_MOST_BLOCK);
    __builtin_prefetch(scan->error + block * TDL_MOST_BLOCK);
}

static void score_batch(const tdl_scan *scan, asking *a)
{
    for (size_t i = 0; i < a->rows_n; i++) {
        const float *v = scan->vector + (size_t)a->row[i] * scan->d;
        tdl_best_offer(&a->best, (tdl_scored){tdl_dot(v, a->query->x, scan->d), a->row[i]});
    }
    a->query->rescored += a->rows_n;
    a->rows_n = 0;
}

static void add_row(const tdl_scan *scan, asking *a, size_t row)
{
    fetch_row(scan, row);
    a->row[a->rows_n++] = (int32_t)row;
    if (a->rows_n == BATCH)
        score_batch(scan, a);
}

static bool may_be_best(const asking *a, float most)
{
    return most >= a->least && most > a->best.above;
}

static void look_into(const tdl_scan *scan, asking *a, size_t block)
{
    const uint64_t *blocked = a->query->blocked;
    size_t first = block * TDL_MOST_BLOCK;
    size_t rows = scan->n - first < TDL_MOST_BLOCK ? scan->n - first : TDL_MOST_BLOCK;
    float product[TDL_MOST_BLOCK];

    tdl_most_products(scan->table, block, a->q, product);
    for (size_t r = 0; r < rows; r++) {
        size_t row = first + r;
        float most = a->scale > 0
                         ? a->scale * product[r] + bound_of(a, scan->scale[row], scan->error[row])
                         : FLT_MAX;
        if (may_be_best(a, most) && !(blocked && tdl_bits_has(blocked, (int32_t)row)))
            add_row(scan, a, row);
    }
}

/* Blocks [first, end) that matter. One that does is looked into when a few more have been found:
 * meanwhile it is on its way. */
static void find_blocks(const tdl_scan *scan, asking *a, size_t first, size_t end)
{
    size_t soon[SOON], n = 0;

    for (size_t b = first; b < end; b++) {
        if (!may_be_best(a, a->most[b]))
            continue;
        fetch_block(scan, b);
        if (n >= SOON)
            look_into(scan, a, soon[n % SOON]);
        soon[n++ % SOON] = b;
    }
    for (size_t i = n < SOON ? 0 : n - SOON; i < n; i++)
        look_into(scan, a, soon[i % SOON]);
}

/* The row of a block with the largest product that counts. */
static size_t best_row(const tdl_scan *scan, const asking *a, size_t block)
{
    const uint64_t *blocked = a->query->blocked;
    size_t first = block * TDL_MOST_BLOCK, ret = scan->n;
    float product[TDL_MOST_BLOCK], most = -INFINITY;

    tdl_most_products(scan->table, block, a->q, product);
    for (size_t r = 0; r < TDL_MOST_BLOCK && first + r < scan->n; r++)
        if (product[r] > most && !(blocked && tdl_bits_has(blocked, (int32_t)(first + r)))) {
            most = product[r];
            ret = first + r;
        }
    return ret;
}

/* What k rows have at least, by their true scores: one of each of the k blocks that are best by
 * their bounds. The bounds are wide; this keeps half of what would be looked into away.
 *   block  [k] */
static void raise_least(const tdl_scan *scan, asking *a, const tdl_scored *block)
{
    size_t k = a->query->k, row[BATCH];
    float least = INFINITY;

    for (size_t at = 0; at < k; at += BATCH) {
        size_t n = k - at < BATCH ? k - at : BATCH;

        for (size_t i = 0; i < n; i++) {
            if (at + i + SOON < k)
                fetch_block(scan, (size_t)block[at + i + SOON].item);
            row[i] = best_row(scan, a, (size_t)block[at + i].item);
            if (row[i] == scan->n)
                return;
            fetch_row(scan, row[i]);
        }
        for (size_t i = 0; i < n; i++)
            least = fminf(least, tdl_dot(scan->vector + row[i] * scan->d, a->query->x, scan->d));
    }
    a->least = fmaxf(a->least, least);
}

/* From largest products to what a row might have at most, and to what k rows have at least: k
 * blocks hold one such row each.
 *   room  [blocks] */
static void bound_blocks(const tdl_scan *scan, asking *a, float *room)
{
    size_t blocks_n = tdl_most_blocks(scan->table), k = a->query->k;
    tdl_scored *best = a->query->ret; // not in use yet

    add_bounds(a, scan->worst, scan->worst + blocks_n, blocks_n, a->most, room);
    if (k <= blocks_n && tdl_top(room, blocks_n, NULL, -INFINITY, INFINITY, best, k) == k) {
        a->least = best[k - 1].score;
        raise_least(scan, a, best);
    }
}

/* By rising number, so that of equal scores the lower is kept. Of most 32 blocks none matters. */
static void settle(const tdl_scan *scan, asking *a, float *room)
{
    size_t blocks_n = tdl_most_blocks(scan->table), first = 0, b = 0;

    if (!a->query->k)
        return;
    if (a->scale > 0)
        bound_blocks(scan, a, room);
    else
        bound_nothing(scan, a);
    for (; b + TDL_TOP_BLOCK <= blocks_n; b += TDL_TOP_BLOCK)
        if (!may_be_best(a, tdl_largest_of_block(a->most + b))) {
            find_blocks(scan, a, first, b);
            first = b + TDL_TOP_BLOCK;
        }
    find_blocks(scan, a, first, blocks_n);
    score_batch(scan, a);
    tdl_best_sort(&a->best);
    a->query->ret_n = a->best.n;
}

static tdl_status ask_some(const tdl_scan *scan, asking *some, size_t n, size_t first, float *room,
                           tdl_report *why)
{
    tdl_most_query queries[QUERIES_AT_ONCE];
    tdl_status st;

    for (size_t i = 0; i < n; i++) {
        if ((st = prepare(scan, &some[i], first + i, why)))
            return st;
        queries[i] = (tdl_most_query){some[i].q, some[i].query->blocked, some[i].most};
    }
    tdl_most_ask(scan->table, queries, n);
    for (size_t i = 0; i < n; i++)
        settle(scan, &some[i], room);
    return TDL_OK;
}

tdl_status tdl_scan_ask(const tdl_scan *scan, tdl_scan_query *queries, size_t queries_n,
                        tdl_report *why)
{
    size_t blocks_n = tdl_most_blocks(scan->table), width = tdl_most_query_bytes(scan->d);
    size_t at_once = blocks_n < MOST_AT_ONCE / QUERIES_AT_ONCE ? QUERIES_AT_ONCE
                     : blocks_n < MOST_AT_ONCE                 ? MOST_AT_ONCE / blocks_n
                                                               : 1;
    at_once = queries_n < at_once ? queries_n : at_once;
    float *most = tdl_scratch((at_once + 1) * blocks_n + 1), *room = NULL;
    int8_t *q = malloc(at_once * width + 1);
    asking *some = malloc((at_once + 1) * sizeof *some);
    tdl_status st = TDL_OK;

    if (!most || !q || !some) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu queries", at_once);
        goto out;
    }
    room = most + at_once * blocks_n;
    for (size_t at = 0; !st && at < queries_n; at += at_once) {
        size_t n = queries_n - at < at_once ? queries_n - at : at_once;
        for (size_t i = 0; i < n; i++)
            some[i] = (asking){
                .query = queries + at + i, .q = q + i * width, .most = most + i * blocks_n};
        st = ask_some(scan, some, n, at, room, why);
    }
out:
    free(q);
    free(some);
    return st;
}

tdl_status tdl_scan_bounds(const tdl_scan *scan, const float *x, float *ret_approx,
                           float *ret_bound, tdl_report *why)
{
    int8_t *q = malloc(tdl_most_query_bytes(scan->d));
    asking a = {.query = &(tdl_scan_query){.x = x}, .q = q};
    tdl_status st =
        q ? prepare(scan, &a, 0, why) : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a query");

    for (size_t b = 0; !st && b < tdl_most_blocks(scan->table); b++) {
        float product[TDL_MOST_BLOCK];
        tdl_most_products(scan->table, b, q, product);
        for (size_t i = b * TDL_MOST_BLOCK, r = 0; i < scan->n && r < TDL_MOST_BLOCK; i++, r++) {
            ret_approx[i] = a.scale * product[r];
            ret_bound[i] = bound_of(&a, scan->scale[i], scan->error[i]) / SLACK;
        }
    }
    free(q);
    return st;
}
