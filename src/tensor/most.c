#include "tensor/most.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"
#include "tensor/most_kern.h"
#include "tensor/rows.h"
#include "tensor/scratch.h"

enum { SQUARES_MAX = 32767, SPAN = TDL_MOST_SPAN_UNITS * TDL_MOST_UNIT };

size_t tdl_most_width(size_t d)
{
    return (d + TDL_MOST_UNIT - 1) / TDL_MOST_UNIT * TDL_MOST_UNIT;
}

size_t tdl_most_blocks(const tdl_most *table)
{
    return table->blocks_n;
}

size_t tdl_most_bytes(const tdl_most *table)
{
    return table->blocks_n * TDL_MOST_BLOCK *
               (table->units * TDL_MOST_UNIT + sizeof *table->scale) +
           sizeof *table;
}

void tdl_most_free(tdl_most *table)
{
    if (!table)
        return;
    free(table->rows);
    free(table->scale);
    free(table);
}

tdl_status tdl_most_new(size_t n, size_t d, tdl_most **ret, tdl_report *why)
{
    size_t units = tdl_most_width(d) / TDL_MOST_UNIT;
    size_t blocks_n = n / TDL_MOST_BLOCK + (n % TDL_MOST_BLOCK != 0), rows_n, floats;
    tdl_most *table;

    if (d < 1 || d > TDL_INT8_IN_MAX ||
        __builtin_mul_overflow(blocks_n, (size_t)TDL_MOST_BLOCK, &rows_n) ||
        __builtin_mul_overflow(rows_n, units, &floats)) // a unit is as large as a float
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows of %zu numbers: rows have 1 to %d", n, d,
                        TDL_INT8_IN_MAX);
    if ((table = calloc(1, sizeof *table)))
        *table = (tdl_most){.n = n,
                            .d = d,
                            .units = units,
                            .blocks_n = blocks_n,
                            .rows = (int8_t *)tdl_floats_new(floats),
                            .scale = tdl_floats_new(rows_n)};
    if (!table || !table->rows || !table->scale) {
        tdl_most_free(table);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu small integers", n, d);
    }
    memset(table->rows, 0, floats * sizeof(float));
    memset(table->scale, 0, rows_n * sizeof *table->scale);
    *ret = table;
    return TDL_OK;
}

/* The largest sum of squares that shares a 16-bit sum. */
static int32_t largest_squares(const int8_t *q, size_t d)
{
    int32_t most = 0;

    for (size_t begin = 0; begin < d; begin += SPAN) {
        int32_t sum[2] = {0, 0};
        for (size_t k = begin; k < d && k < begin + SPAN; k++)
            sum[k / 2 % 2] += q[k] * q[k];
        most = sum[0] > most ? sum[0] : most;
        most = sum[1] > most ? sum[1] : most;
    }
    return most;
}

/* x / scale, and a larger scale until the squares fit. */
static float quantise(const float *x, size_t d, float scale, int8_t *ret_q)
{
    static const float STEP = 1.004F; // rounding may leave a little too much
    const tdl_kernel *kernel = tdl_kernel_get();
    int32_t squares;

    memset(ret_q, 0, tdl_most_width(d));
    kernel->quantise(x, d, scale, ret_q);
    while ((squares = largest_squares(ret_q, d)) > SQUARES_MAX) {
        scale *= STEP * sqrtf((float)squares / SQUARES_MAX);
        kernel->quantise(x, d, scale, ret_q);
    }
    return scale;
}

float tdl_most_quantise(const float *x, size_t d, int8_t *ret_q)
{
    return quantise(x, d, tdl_kernel_get()->int8_scale(x, d), ret_q);
}

/* ---- queries ---- */

static size_t spans_of(size_t units)
{
    return units / TDL_MOST_SPAN_UNITS + (units % TDL_MOST_SPAN_UNITS != 0);
}

size_t tdl_most_query_bytes(size_t d)
{
    size_t width = tdl_most_width(d);

    return width + spans_of(width / TDL_MOST_UNIT) * TDL_MOST_UNIT;
}

/* Each pair becomes |a| + |b| <= 128: with bytes up to 255 it fits 16 bits. */
static float pair_scale(const float *x, size_t d)
{
    float most = 0;

    for (size_t k = 0; k < d; k += 2)
        most = fmaxf(most, fabsf(x[k]) + (k + 1 < d ? fabsf(x[k + 1]) : 0));
    return most / 127; // rounding may add a half to either
}

/* What a sum is too large by when bytes are 128 too large: less that, in both 16-bit sums. */
static void start_span(const int8_t *q, size_t n, int8_t *ret)
{
    int32_t sum[2] = {0, 0};

    for (size_t k = 0; k < n; k++)
        sum[k / 2 % 2] -= 128 * q[k];
    for (size_t i = 0; i < 2; i++) {
        uint16_t low = (uint16_t)((uint32_t)sum[i] & UINT16_MAX);
        memcpy(ret + 2 * i, &low, sizeof low);
    }
}

float tdl_most_query_of(const float *x, size_t d, int8_t *ret_q)
{
    size_t width = tdl_most_width(d);
    float scale = tdl_kernel_get()->int8_scale(x, d);

    if (scale > 0)
        scale = fmaxf(scale, pair_scale(x, d));
    scale = quantise(x, d, scale, ret_q);
    for (size_t k = 0; k < width; k += SPAN)
        start_span(ret_q + k, width - k < SPAN ? width - k : SPAN,
                   ret_q + width + k / SPAN * TDL_MOST_UNIT);
    return scale;
}

void tdl_most_set(tdl_most *table, size_t row, const int8_t *q, float scale)
{
    size_t block = row / TDL_MOST_BLOCK, at = row % TDL_MOST_BLOCK;
    int8_t *to = table->rows + block * table->units * TDL_MOST_BLOCK * TDL_MOST_UNIT;

    for (size_t u = 0; u < table->units; u++)
        for (size_t k = 0; k < TDL_MOST_UNIT; k++)
            to[(u * TDL_MOST_BLOCK + at) * TDL_MOST_UNIT + k] =
                (int8_t)(q[u * TDL_MOST_UNIT + k] ^ INT8_MIN);
    table->scale[row] = scale;
}

/* ---- plain C ---- */

static void products_plain(const tdl_most *table, size_t block, const int8_t *q, float *ret)
{
    const int8_t *w = table->rows + block * table->units * TDL_MOST_BLOCK * TDL_MOST_UNIT;
    const float *scale = table->scale + block * TDL_MOST_BLOCK;
    int32_t sum[TDL_MOST_BLOCK] = {0};

    for (size_t u = 0; u < table->units; u++, w += TDL_MOST_BLOCK * TDL_MOST_UNIT)
        for (size_t r = 0; r < TDL_MOST_BLOCK; r++)
            for (size_t k = 0; k < TDL_MOST_UNIT; k++)
                sum[r] += (int8_t)(w[r * TDL_MOST_UNIT + k] ^ INT8_MIN) * q[u * TDL_MOST_UNIT + k];
    for (size_t r = 0; r < TDL_MOST_BLOCK; r++)
        ret[r] = (float)sum[r] * scale[r];
}

static void ask_plain(const tdl_most *table, const tdl_most_query *queries, size_t queries_n)
{
    float product[TDL_MOST_BLOCK];

    for (size_t b = 0; b < table->blocks_n; b++)
        for (size_t i = 0; i < queries_n; i++) {
            uint32_t left_out = tdl_most_left_out(table, b, queries[i].blocked);
            float most = -INFINITY;

            products_plain(table, b, queries[i].q, product);
            for (size_t r = 0; r < TDL_MOST_BLOCK; r++)
                if (!(left_out >> r & 1) && product[r] > most)
                    most = product[r];
            queries[i].ret[b] = most;
        }
}

const tdl_most_ops tdl_most_plain = {ask_plain, products_plain};

/* ---- what runs here ---- */

static const tdl_most_ops *fastest(void)
{
#if defined(__x86_64__)
    if (tdl_kernel_get() != &tdl_kernel_scalar) // both others have AVX2
        return &tdl_most_avx2;
#endif
    return &tdl_most_plain;
}

void tdl_most_ask(const tdl_most *table, const tdl_most_query *queries, size_t queries_n)
{
    for (size_t at = 0; at < queries_n; at += TDL_MOST_TOGETHER)
        fastest()->ask(table, queries + at,
                       queries_n - at < TDL_MOST_TOGETHER ? queries_n - at : TDL_MOST_TOGETHER);
}

void tdl_most_products(const tdl_most *table, size_t block, const int8_t *q, float *ret)
{
    fastest()->products(table, block, q, ret);
}

void tdl_most_prefetch(const tdl_most *table, size_t block)
{
    enum { LINE = 64, LINES_MAX = 64 };
    size_t bytes = table->units * TDL_MOST_BLOCK * TDL_MOST_UNIT;
    const int8_t *rows = table->rows + block * bytes;

    for (size_t at = 0; at < bytes && at < LINES_MAX * LINE; at += LINE)
        __builtin_prefetch(rows + at);
    __builtin_prefetch(table->scale + block * TDL_MOST_BLOCK);
}
