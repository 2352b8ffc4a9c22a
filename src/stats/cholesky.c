#include "stats/cholesky.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Rows below a block are packed in strips of 8: strip[k][r] is row r of the strip in column k. A
 * strip is at once the left and the right factor of an update tile. */
enum { LANES = 8, BLOCK = 64 };

#define INLINE static inline __attribute__((always_inline))

typedef void tile_fn(const double *left, const double *right, size_t width, double *ret);

/* ret[8][8] = left right' over `width` columns: each entry is summed over k in order. */
INLINE void tile_plain(const double *left, const double *right, size_t width, double *ret)
{
    for (size_t at = 0; at < LANES; at += 2) {
        double sum[2][LANES] = {{0}};

        for (size_t k = 0; k < width; k++)
            for (size_t r = 0; r < 2; r++)
                for (size_t c = 0; c < LANES; c++)
                    sum[r][c] += left[k * LANES + at + r] * right[k * LANES + c];
        memcpy(ret + at * LANES, sum, sizeof sum);
    }
}

#if defined(__x86_64__)
typedef double vec4 __attribute__((vector_size(32)));

/* The same in the registers of AVX2: 4 x 8 entries at a time. */
INLINE __attribute__((target("avx2"))) void tile_avx2(const double *left, const double *right,
                                                      size_t width, double *ret)
{
    for (size_t at = 0; at < LANES; at += 4) {
        vec4 a0 = {0}, b0 = {0}, a1 = {0}, b1 = {0}, a2 = {0}, b2 = {0}, a3 = {0}, b3 = {0};
        const double *row = left + at;

        for (size_t k = 0; k < width; k++, row += LANES) {
            vec4 a, b;

            memcpy(&a, right + k * LANES, sizeof a);
            memcpy(&b, right + k * LANES + 4, sizeof b);
            a0 += row[0] * a, b0 += row[0] * b;
            a1 += row[1] * a, b1 += row[1] * b;
            a2 += row[2] * a, b2 += row[2] * b;
            a3 += row[3] * a, b3 += row[3] * b;
        }
        memcpy(ret + at * LANES, (vec4[8]){a0, b0, a1, b1, a2, b2, a3, b3}, 8 * sizeof a0);
    }
}
#endif

/* What is left of the matrix below a block: a -= panel panel', lower triangle only.
 *   a      the corner [rows][rows] at which it begins, `stride` doubles from row to row
 *   panel  strips of the rows below the block */
INLINE void update(double *a, size_t stride, const double *panel, size_t rows, size_t width,
                   tile_fn *product)
{
    double tile[LANES * LANES];

    for (size_t i = 0; i < rows; i += LANES)
        for (size_t j = 0; j <= i; j += LANES) {
            product(panel + i * width, panel + j * width, width, tile);
            for (size_t r = 0; r < LANES && i + r < rows; r++) {
                double *row = a + (i + r) * stride + j;
                size_t end = i == j ? r + 1 : LANES;

                for (size_t c = 0; c < end; c++)
                    row[c] -= tile[r * LANES + c];
            }
        }
}

typedef void update_fn(double *, size_t, const double *, size_t, size_t);

enum { COLUMNS = 4 }; /* brought up to date together */

/* Columns [at, at + some) of the block, up to date with those before them: their part of the
 * factor, also by column. Returns the pivot that is none, or `width`. */
INLINE size_t factor_some(double *a, size_t stride, size_t width, size_t at, size_t some,
                          double (*ret_column)[BLOCK])
{
    for (size_t k = 0; k < some; k++) {
        const double *own = a + (at + k) * stride + at;

        for (size_t i = at + k; i < width; i++) {
            double *row = a + i * stride + at, sum = row[k];

            for (size_t p = 0; p < k; p++)
                sum -= row[p] * own[p];
            row[k] = sum;
        }
        double pivot = own[k];
        if (!(pivot > 0 && isfinite(pivot)))
            return at + k;
        pivot = a[(at + k) * stride + at + k] = sqrt(pivot);
        for (size_t i = at + k + 1; i < width; i++) // gathered: divisions are slow one by one
            ret_column[k][i] = a[i * stride + at + k];
        for (size_t i = at + k + 1; i < width; i++)
            ret_column[k][i] /= pivot;
        for (size_t i = at + k + 1; i < width; i++)
            a[i * stride + at + k] = ret_column[k][i];
    }
    return width;
}

/* The block on the diagonal, some columns at a time; what is right of them is brought up to date at
 * once, along its rows. Each entry is less one product after the other, in order of columns. */
INLINE size_t factor_columns(double *a, size_t stride, size_t width)
{
    double column[COLUMNS][BLOCK];

    for (size_t at = 0; at < width; at += COLUMNS) {
        size_t some = width - at < COLUMNS ? width - at : COLUMNS;
        size_t bad = factor_some(a, stride, width, at, some, column);

        if (bad < width)
            return bad;
        for (size_t i = at + COLUMNS; i < width; i++) {
            double *row = a + i * stride;
            double p = column[0][i], q = column[1][i], r = column[2][i], s = column[3][i];

            for (size_t j = at + COLUMNS; j <= i; j++)
                row[j] = row[j] - p * column[0][j] - q * column[1][j] - r * column[2][j] -
                         s * column[3][j];
        }
    }
    return width;
}

typedef size_t factor_fn(double *, size_t, size_t);

static size_t factor_plain(double *a, size_t stride, size_t width)
{
    return factor_columns(a, stride, width);
}

static void update_plain(double *a, size_t stride, const double *panel, size_t rows, size_t width)
{
    update(a, stride, panel, rows, width, tile_plain);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
update_avx2(double *a, size_t stride, const double *panel, size_t rows, size_t width)
{
    update(a, stride, panel, rows, width, tile_avx2);
}

__attribute__((target("avx2"))) static size_t factor_avx2(double *a, size_t stride, size_t width)
{
    return factor_columns(a, stride, width);
}
#endif

static update_fn *fastest_update(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return update_avx2;
#endif
    return update_plain;
}

static factor_fn *fastest_factor(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return factor_avx2;
#endif
    return factor_plain;
}

static tdl_status factor_block(factor_fn *factor, double *a, size_t stride, size_t width,
                               size_t first, tdl_report *why)
{
    size_t bad = factor(a, stride, width);

    if (bad == width)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "add a larger ridge to its diagonal",
                         "the matrix is not positive definite: pivot %zu is %g", first + bad,
                         a[bad * stride + bad]);
}

/* Rows below the block, eight at a time: x L' = a, into the matrix and into their strip.
 *   l  the block, transposed: [width][BLOCK] */
static void solve_strip(double *a, size_t stride, size_t rows, const double *l, size_t width,
                        double *strip)
{
    for (size_t k = 0; k < width; k++)
        for (size_t r = 0; r < LANES; r++)
            strip[k * LANES + r] = r < rows ? a[r * stride + k] : 0;
    for (size_t k = 0; k < width; k++) {
        double *x = strip + k * LANES;

        for (size_t r = 0; r < LANES; r++)
            x[r] /= l[k * BLOCK + k];
        for (size_t j = k + 1; j < width; j++)
            for (size_t r = 0; r < LANES; r++)
                strip[j * LANES + r] -= l[k * BLOCK + j] * x[r];
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < width; k++)
            a[r * stride + k] = strip[k * LANES + r];
}

tdl_status tdl_cholesky(double *a, size_t n, tdl_report *why)
{
    update_fn *update_rest = fastest_update();
    factor_fn *factor = fastest_factor();
    double block[BLOCK * BLOCK]; /* on the diagonal, transposed */
    double *panel = NULL;        /* strips of at most n - BLOCK rows, rounded up */
    tdl_status st = TDL_OK;

    if (n > SIZE_MAX / sizeof(double) / BLOCK - LANES)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a matrix of %zu rows is too large", n);
    if (n > BLOCK && !(panel = malloc((n + LANES) * BLOCK * sizeof *panel)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to factor %zu rows", n);
    for (size_t at = 0; at < n; at += BLOCK) {
        size_t width = n - at < BLOCK ? n - at : BLOCK, below = at + width;
        double *corner = a + at * n + at;

        if ((st = factor_block(factor, corner, n, width, at, why)))
            goto out;
        for (size_t i = 0; below < n && i < width; i++)
            for (size_t j = 0; j <= i; j++)
                block[j * BLOCK + i] = corner[i * n + j];
        for (size_t i = below; i < n; i += LANES)
            solve_strip(a + i * n + at, n, n - i < LANES ? n - i : LANES, block, width,
                        panel + (i - below) * width);
        if (below < n)
            update_rest(a + below * n + below, n, panel, n - below, width);
    }
out:
    free(panel);
    return st;
}

/* ---- solving ---- */

typedef double vec __attribute__((vector_size(LANES * sizeof(double))));

/* Part of a row of right-hand sides; lanes past `width` are zero. */
INLINE void read_part(const double *at, size_t width, vec *ret)
{
    *ret = (vec){0};
    memcpy(ret, at, width * sizeof *at);
}

enum { ROWS = 4 }; /* share what they read of b */

/* L y = b for `width` <= 8 columns of b. */
INLINE void solve_forward(const double *l, size_t n, double *b, size_t m, size_t width)
{
    vec sum[ROWS];

    for (size_t i = 0; i < n; i += ROWS) {
        size_t rows = n - i < ROWS ? n - i : ROWS;

        for (size_t r = 0; r < rows; r++)
            read_part(b + (i + r) * m, width, &sum[r]);
        for (size_t k = 0; k < i; k++) {
            vec y;

            read_part(b + k * m, width, &y);
            for (size_t r = 0; r < rows; r++)
                sum[r] -= l[(i + r) * n + k] * y;
        }
        for (size_t r = 0; r < rows; r++) {
            const double *row = l + (i + r) * n + i;

            for (size_t k = 0; k < r; k++)
                sum[r] -= row[k] * sum[k];
            sum[r] /= row[r];
            memcpy(b + (i + r) * m, &sum[r], width * sizeof *b);
        }
    }
}

/* L' x = y, from the last row up. */
INLINE void solve_backward(const double *l, size_t n, double *b, size_t m, size_t width)
{
    vec sum[ROWS];

    for (size_t end = n; end > 0;) {
        size_t rows = end < ROWS ? end : ROWS, i = end - rows;

        for (size_t r = 0; r < rows; r++)
            read_part(b + (i + r) * m, width, &sum[r]);
        for (size_t k = end; k < n; k++) {
            vec x;

            read_part(b + k * m, width, &x);
            for (size_t r = 0; r < rows; r++)
                sum[r] -= l[k * n + i + r] * x;
        }
        for (size_t r = rows; r-- > 0;) {
            for (size_t k = r + 1; k < rows; k++)
                sum[r] -= l[(i + k) * n + i + r] * sum[k];
            sum[r] /= l[(i + r) * n + i + r];
            memcpy(b + (i + r) * m, &sum[r], width * sizeof *b);
        }
        end = i;
    }
}

INLINE void solve_columns(const double *l, size_t n, double *b, size_t m, size_t width)
{
    solve_forward(l, n, b, m, width);
    solve_backward(l, n, b, m, width);
}

/* L y = b for one column: rows share what they read of b, and none waits for another's sum. */
static void solve_forward_one(const double *l, size_t n, double *b)
{
    size_t i = 0;

    for (; i + ROWS <= n; i += ROWS) {
        const double *row[ROWS] = {l + i * n, l + (i + 1) * n, l + (i + 2) * n, l + (i + 3) * n};
        double s0 = b[i], s1 = b[i + 1], s2 = b[i + 2], s3 = b[i + 3];

        for (size_t k = 0; k < i; k++) {
            s0 -= row[0][k] * b[k];
            s1 -= row[1][k] * b[k];
            s2 -= row[2][k] * b[k];
            s3 -= row[3][k] * b[k];
        }
        b[i] = s0 /= row[0][i];
        s1 -= row[1][i] * s0;
        b[i + 1] = s1 /= row[1][i + 1];
        s2 -= row[2][i] * s0;
        s2 -= row[2][i + 1] * s1;
        b[i + 2] = s2 /= row[2][i + 2];
        s3 -= row[3][i] * s0;
        s3 -= row[3][i + 1] * s1;
        s3 -= row[3][i + 2] * s2;
        b[i + 3] = s3 / row[3][i + 3];
    }
    for (; i < n; i++) {
        double sum = b[i];

        for (size_t k = 0; k < i; k++)
            sum -= l[i * n + k] * b[k];
        b[i] = sum / l[i * n + i];
    }
}

/* One right-hand side: the same sums in the same order, without the lanes. */
static void solve_one(const double *l, size_t n, double *b)
{
    solve_forward_one(l, n, b);
    for (size_t end = n; end > 0;) {
        size_t rows = end < ROWS ? end : ROWS, first = end - rows;

        for (size_t k = end; k < n; k++) {
            double x = b[k];
            for (size_t r = 0; r < rows; r++)
                b[first + r] -= l[k * n + first + r] * x;
        }
        for (size_t i = end; i-- > first;) {
            for (size_t k = i + 1; k < end; k++)
                b[i] -= l[k * n + i] * b[k];
            b[i] /= l[i * n + i];
        }
        end = first;
    }
}

void tdl_cholesky_solve(const double *l, size_t n, double *b, size_t m)
{
    size_t at = 0;

    if (m == 1) {
        solve_one(l, n, b);
        return;
    }
    for (; at + LANES <= m; at += LANES)
        solve_columns(l, n, b + at, m, LANES);
    if (at < m)
        solve_columns(l, n, b + at, m, m - at);
}
