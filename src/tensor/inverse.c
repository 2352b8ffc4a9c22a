#include "tensor/inverse.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/scratch.h"

enum { BLOCK = 256 }; /* one k block of the product: each update of an entry is one addition */

#define INLINE static inline __attribute__((always_inline))

typedef struct work {
    float *a; /* [n][n]; blocks on the diagonal hold inverses of the factor's from `factor` on */
    size_t n;
    tdl_pool *pool;
    float *panel;    /* [n][BLOCK] */
    float *strip;    /* [BLOCK][n] */
    float *corner;   /* [BLOCK][BLOCK] */
    double *block;   /* [BLOCK][BLOCK] the factor of one block */
    double *inverse; /* [BLOCK][BLOCK] */
} work;

static size_t width_at(const work *w, size_t at)
{
    return w->n - at < BLOCK ? w->n - at : BLOCK;
}

static float *entry(const work *w, size_t row, size_t column)
{
    return w->a + row * w->n + column;
}

static void copy_rows(const float *from, size_t from_step, size_t rows, size_t n, float sign,
                      float *to, size_t to_step)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            to[r * to_step + i] = sign * from[r * from_step + i];
}

enum { COLUMNS = 4 }; /* brought up to date together */

/* Columns [at, at + some) of the factor, up to date with those before them, and a copy of each. */
INLINE bool factor_some(double *block, size_t width, size_t at, size_t some,
                        double (*ret_column)[BLOCK], size_t *ret_bad)
{
    for (size_t k = at; k < at + some; k++) {
        for (size_t i = k; i < width; i++)
            for (size_t p = at; p < k; p++)
                block[i * width + k] -= block[i * width + p] * ret_column[p - at][k];
        double pivot = block[k * width + k];

        *ret_bad = k;
        if (!(pivot > 0 && isfinite(pivot)))
            return false;
        pivot = block[k * width + k] = sqrt(pivot);
        for (size_t i = k + 1; i < width; i++)
            ret_column[k - at][i] = block[i * width + k] /= pivot;
    }
    return true;
}

/* block [width][width] = its Cholesky factor. False: pivot *ret_bad is none. */
INLINE bool factor_block(double *block, size_t width, size_t *ret_bad)
{
    double column[COLUMNS][BLOCK];

    for (size_t at = 0; at < width; at += COLUMNS) {
        size_t some = width - at < COLUMNS ? width - at : COLUMNS;

        if (!factor_some(block, width, at, some, column, ret_bad))
            return false;
        for (size_t i = at + COLUMNS; i < width; i++) {
            double *row = block + i * width;
            double p = column[0][i], q = column[1][i], r = column[2][i], s = column[3][i];

            for (size_t j = at + COLUMNS; j <= i; j++)
                row[j] = row[j] - p * column[0][j] - q * column[1][j] - r * column[2][j] -
                         s * column[3][j];
        }
    }
    return true;
}

/* inverse [width][width], lower, of the lower `block`. */
INLINE void invert_block(const double *block, size_t width, double *inverse)
{
    memset(inverse, 0, width * width * sizeof *inverse);
    for (size_t i = 0; i < width; i++) {
        double *own = inverse + i * width, pivot = block[i * width + i];
        const double *l = block + i * width;
        size_t k = 0;

        for (; k + COLUMNS <= i; k += COLUMNS) { // above the diagonal are zeros
            const double *x = inverse + k * width;
            for (size_t j = 0; j < k + COLUMNS; j++)
                own[j] = own[j] - l[k] * x[j] - l[k + 1] * x[width + j] -
                         l[k + 2] * x[2 * width + j] - l[k + 3] * x[3 * width + j];
        }
        for (; k < i; k++)
            for (size_t j = 0; j <= k; j++)
                own[j] -= l[k] * inverse[k * width + j];
        for (size_t j = 0; j < i; j++)
            own[j] /= pivot;
        own[i] = 1 / pivot;
    }
}

/* inverse = the inverse of block's factor. False: pivot *ret_bad is none. */
typedef bool block_fn(double *block, size_t width, double *inverse, size_t *ret_bad);

static bool finish_plain(double *block, size_t width, double *inverse, size_t *ret_bad)
{
    if (!factor_block(block, width, ret_bad))
        return false;
    invert_block(block, width, inverse);
    return true;
}

#if defined(__x86_64__)
/* The same bits: AVX2 without FMA. */
__attribute__((target("avx2"))) static bool finish_avx2(double *block, size_t width,
                                                        double *inverse, size_t *ret_bad)
{
    if (!factor_block(block, width, ret_bad))
        return false;
    invert_block(block, width, inverse);
    return true;
}
#endif

static block_fn *fastest_block(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return finish_avx2;
#endif
    return finish_plain;
}

/* The block on the diagonal becomes the inverse of its factor, zeros above. In double: little work,
 * and everything below it is multiplied by it. */
static tdl_status finish_block(const work *w, size_t at, tdl_report *why)
{
    size_t width = width_at(w, at), bad;

    for (size_t r = 0; r < width; r++)
        for (size_t c = 0; c < width; c++)
            w->block[r * width + c] = (double)*entry(w, at + r, at + c);
    if (!fastest_block()(w->block, width, w->inverse, &bad))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "work in double, or add a larger ridge",
                             "the matrix is not positive definite in f32: pivot %zu is %g",
                             at + bad, w->block[bad * width + bad]);
    for (size_t r = 0; r < width; r++)
        for (size_t c = 0; c < width; c++)
            *entry(w, at + r, at + c) = (float)w->inverse[r * width + c];
    return TDL_OK;
}

/* A = L L': block columns from left to right, each less what stands to its left. */
static tdl_status factor(const work *w, tdl_report *why)
{
    for (size_t at = 0; at < w->n; at += BLOCK) {
        size_t width = width_at(w, at), end = at + width;
        tdl_status st;

        copy_rows(entry(w, at, 0), w->n, width, at, -1, w->strip, w->n);
        if (at && (st = tdl_gemm(false, true, w->n - at, width, at, entry(w, at, 0), w->n, w->strip,
                                 w->n, entry(w, at, at), w->n, true, w->pool, why)))
            return st;
        if ((st = finish_block(w, at, why)))
            return st;
        if (end == w->n)
            break;
        copy_rows(entry(w, end, at), w->n, w->n - end, width, 1, w->panel, BLOCK);
        if ((st = tdl_gemm(false, true, w->n - end, width, width, w->panel, BLOCK, entry(w, at, at),
                           w->n, entry(w, end, at), w->n, false, w->pool, why)))
            return st;
    }
    return TDL_OK;
}

/* L becomes X = L^-1: X_kj = -X_kk sum_{i = j..k-1} L_ki X_ij. The sum is built up in the place of
 * X_kj, a block row of X at a time; L_ki is no longer needed when its place is taken. */
static tdl_status invert_factor(const work *w, tdl_report *why)
{
    for (size_t at = 0; at < w->n; at += BLOCK) {
        size_t width = width_at(w, at), end = at + width;
        tdl_status st;

        copy_rows(entry(w, at, 0), w->n, width, at, 1, w->strip, w->n);
        copy_rows(entry(w, at, at), w->n, width, width, -1, w->corner, BLOCK);
        if (at && (st = tdl_gemm(false, false, width, at, width, w->corner, BLOCK, w->strip, w->n,
                                 entry(w, at, 0), w->n, false, w->pool, why)))
            return st;
        if (end == w->n)
            break;
        copy_rows(entry(w, end, at), w->n, w->n - end, width, 1, w->panel, BLOCK);
        for (size_t r = end; r < w->n; r++)
            memset(entry(w, r, at), 0, width * sizeof *w->a);
        if ((st = tdl_gemm(false, false, w->n - end, end, width, w->panel, BLOCK, entry(w, at, 0),
                           w->n, entry(w, end, 0), w->n, true, w->pool, why)))
            return st;
    }
    return TDL_OK;
}

/* X becomes X'X: block row i needs no row above i. */
static tdl_status multiply_factors(const work *w, tdl_report *why)
{
    for (size_t at = 0; at < w->n; at += BLOCK) {
        size_t width = width_at(w, at), end = at + width;
        tdl_status st = tdl_gemm(true, false, width, end, w->n - at, entry(w, at, at), w->n,
                                 entry(w, at, 0), w->n, w->strip, w->n, false, w->pool, why);

        if (st)
            return st;
        copy_rows(w->strip, w->n, width, end, 1, entry(w, at, 0), w->n);
    }
    return TDL_OK;
}

static void mirror(const work *w)
{
    enum { TILE = 32 };

    for (size_t row = 0; row < w->n; row += TILE)
        for (size_t column = 0; column <= row; column += TILE)
            for (size_t r = row; r < w->n && r < row + TILE; r++)
                for (size_t c = column; c < r && c < column + TILE; c++)
                    *entry(w, c, r) = *entry(w, r, c);
}

tdl_status tdl_invert_definite(float *a, size_t n, tdl_pool *pool, tdl_report *why)
{
    work w = {.a = a, .n = n, .pool = pool};
    tdl_status st = TDL_OK;

    if (n == 0)
        return TDL_OK;
    if (n > UINT32_MAX || n > SIZE_MAX / BLOCK / sizeof(double) / n)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a matrix of %zu rows is too large", n);
    w.panel = tdl_floats_new(n * BLOCK);
    w.strip = tdl_floats_new(n * BLOCK);
    w.corner = tdl_floats_new((size_t)BLOCK * BLOCK);
    w.block = malloc(sizeof *w.block * BLOCK * BLOCK);
    w.inverse = malloc(sizeof *w.inverse * BLOCK * BLOCK);
    if (!w.panel || !w.strip || !w.corner || !w.block || !w.inverse) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to invert %zu rows", n);
        goto out;
    }
    if ((st = factor(&w, why)) || (st = invert_factor(&w, why)) || (st = multiply_factors(&w, why)))
        goto out;
    mirror(&w);
out:
    free(w.panel);
    free(w.strip);
    free(w.corner);
    free(w.block);
    free(w.inverse);
    return st;
}
