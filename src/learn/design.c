#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"

enum { BLOCK = 64 }; /* rows: a block of a hundred columns stays in L2 */

tdl_status tdl_design_check(const tdl_matrix *x, tdl_report *why)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(x->x[i * x->cols + j]))
                return TDL_FAIL_HINT(why, TDL_E_INVALID, "impute missing values first",
                                     "row %zu, feature %s: no number", i,
                                     x->feature ? x->feature[j].name : "?");
    return TDL_OK;
}

/* ---- X w' ---- */

typedef struct product {
    const tdl_matrix *x;
    const double *w;
    size_t heads;
    double *ret;
} product;

static double dot(const float *x, const double *w, size_t n)
{
    double s[4] = {0};
    size_t j = 0;

    for (; j + 4 <= n; j += 4)
        for (size_t c = 0; c < 4; c++)
            s[c] += (double)x[j + c] * w[j + c];
    for (; j < n; j++)
        s[0] += (double)x[j] * w[j];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static double dot_of_known(const float *x, const double *w, size_t n)
{
    double s = 0;

    for (size_t j = 0; j < n; j++)
        s += isfinite(x[j]) ? (double)x[j] * w[j] : 0;
    return s;
}

static void apply_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const product *p = context;
    size_t cols = p->x->cols;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        for (size_t h = 0; h < p->heads; h++) {
            const float *x = p->x->x + i * cols;
            const double *w = p->w + h * (cols + 1);
            double sum = dot(x, w, cols);

            p->ret[i * p->heads + h] = (isfinite(sum) ? sum : dot_of_known(x, w, cols)) + w[cols];
        }
}

void tdl_design_apply(const tdl_matrix *x, const double *w, size_t heads, tdl_pool *pool,
                      double *ret)
{
    product p = {.x = x, .w = w, .heads = heads, .ret = ret};

    tdl_pool_run(x->rows * x->cols * heads < 1 << 16 ? NULL : pool, x->rows, 1, apply_rows, &p);
}

/* ---- R' [X 1]: a share is of columns, and runs over all rows ---- */

typedef struct gradient {
    const tdl_matrix *x;
    const double *r;
    size_t heads;
    double *ret;
} gradient;

static void gradient_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const gradient *g = context;
    size_t cols = g->x->cols, to = end < cols ? end : cols;

    TDL_UNUSED(part);
    for (size_t h = 0; h < g->heads; h++)
        memset(g->ret + h * (cols + 1) + begin, 0, (end - begin) * sizeof *g->ret);
    for (size_t i = 0; i < g->x->rows; i++) {
        const float *x = g->x->x + i * cols;

        for (size_t h = 0; h < g->heads; h++) {
            double r = g->r[i * g->heads + h];
            double *sum = g->ret + h * (cols + 1);

            for (size_t j = begin; j < to; j++)
                sum[j] += r * (double)x[j];
            if (end > cols)
                sum[cols] += r;
        }
    }
}

void tdl_design_gradient(const tdl_matrix *x, const double *r, size_t heads, tdl_pool *pool,
                         double *ret)
{
    gradient g = {.x = x, .r = r, .heads = heads, .ret = ret};

    tdl_pool_run(x->rows * x->cols * heads < 1 << 16 ? NULL : pool, x->cols + 1, 16,
                 gradient_columns, &g);
}

/* ---- [X 1]' diag(weight) [X 1] ---- */

typedef struct gram {
    const tdl_matrix *x;
    const double *weight;
    double *block; /* [threads][BLOCK][n] */
    double *ret;   /* [n][n] */
    size_t n;
} gram;

/* Row j of the sum, over one block: four of its rows at a time. */
static void add_block(const gram *g, const double *block, size_t rows, size_t first, size_t j)
{
    double *sum = g->ret + j * g->n;

    for (size_t i = 0; i < rows; i += 4) {
        const double *x = block + i * g->n;
        double a[4];

        for (size_t c = 0; c < 4; c++) {
            double w = i + c >= rows ? 0 : g->weight ? g->weight[first + i + c] : 1;

            a[c] = w * x[c * g->n + j];
        }
        for (size_t k = 0; k <= j; k++)
            sum[k] += (a[0] * x[k] + a[1] * x[g->n + k]) +
                      (a[2] * x[2 * g->n + k] + a[3] * x[3 * g->n + k]);
    }
}

/* A share is of rows of the lower triangle, a short one with a long one. */
static void gram_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const gram *g = context;
    double *block = g->block + part * BLOCK * g->n;

    for (size_t j = begin; j < end; j++) {
        memset(g->ret + j * g->n, 0, g->n * sizeof *g->ret);
        memset(g->ret + (g->n - 1 - j) * g->n, 0, g->n * sizeof *g->ret);
    }
    for (size_t first = 0; first < g->x->rows; first += BLOCK) {
        size_t rows = g->x->rows - first < BLOCK ? g->x->rows - first : BLOCK;

        for (size_t i = 0; i < rows; i++) {
            const float *x = g->x->x + (first + i) * g->x->cols;

            for (size_t j = 0; j < g->n - 1; j++)
                block[i * g->n + j] = (double)x[j];
            block[i * g->n + g->n - 1] = 1;
        }
        memset(block + rows * g->n, 0, (BLOCK - rows) * g->n * sizeof *block);
        for (size_t j = begin; j < end; j++) {
            add_block(g, block, rows, first, j);
            if (g->n - 1 - j != j)
                add_block(g, block, rows, first, g->n - 1 - j);
        }
    }
}

tdl_status tdl_design_gram(const tdl_matrix *x, const double *weight, tdl_pool *pool, double *ret,
                           tdl_report *why)
{
    gram g = {.x = x, .weight = weight, .ret = ret, .n = x->cols + 1};
    size_t bytes;

    if (__builtin_mul_overflow(g.n, tdl_pool_threads(pool) * BLOCK * sizeof *g.block, &bytes) ||
        !(g.block = malloc(bytes)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the products of %zu columns", g.n);
    tdl_pool_run(x->rows * g.n * g.n < 1 << 16 ? NULL : pool, (g.n + 1) / 2, 1, gram_rows, &g);
    free(g.block);
    return TDL_OK;
}
