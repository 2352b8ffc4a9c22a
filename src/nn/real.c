#include "nn/real.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/table_softmax.h"

#ifdef TDL_REAL_DOUBLE

/* The oracle of the gradient check: nothing clever. */
tdl_status tdl_matmul(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      tdl_pool *pool, tdl_report *why)
{
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? c[i * ldc + j] : 0;
            for (size_t l = 0; l < k; l++)
                sum +=
                    (ta ? a[l * lda + i] : a[i * lda + l]) * (tb ? b[j * ldb + l] : b[l * ldb + j]);
            c[i * ldc + j] = sum;
        }
    return TDL_OK;
}

tdl_status tdl_matmul_bf16(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a,
                           size_t lda, const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc,
                           bool add, tdl_pool *pool, tdl_report *why)
{
    return tdl_matmul(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, pool, why);
}

void tdl_matmul_small(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      const size_t *n_of, const size_t *k_of)
{
    for (size_t i = 0; i < m; i++)
        (void)tdl_matmul(ta, tb, 1, n_of ? n_of[i] : n, k_of ? k_of[i] : k,
                         ta ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc, add, NULL, NULL);
}

void tdl_real_exp(size_t rows, size_t n, tdl_real *x, size_t ld)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            x[r * ld + i] = exp(x[r * ld + i]);
}

void tdl_real_log(size_t n, tdl_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = log(x[i]);
}

tdl_real tdl_inner(size_t n, const tdl_real *x, const tdl_real *y)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

void tdl_softmax(size_t rows, size_t n, tdl_real *x, tdl_real *ret_lse)
{
    for (size_t r = 0; r < rows; r++, x += n) {
        double max = x[0], sum = 0;

        for (size_t i = 1; i < n; i++)
            max = x[i] > max ? x[i] : max;
        for (size_t i = 0; i < n; i++)
            sum += x[i] = exp(x[i] - max);
        for (size_t i = 0; i < n; i++)
            x[i] /= sum;
        ret_lse[r] = max + log(sum);
    }
}

/* Scores and their exponentials of a row that counts; the largest score of all. */
static double score_row(const tdl_table_softmax *t, size_t r, double *z)
{
    double most = t->own ? t->own[r] : -INFINITY;

    for (size_t c = 0; c < t->classes; c++) {
        z[c] = tdl_inner(t->d, t->x + r * t->d, t->table + c * t->d) + (t->bias ? t->bias[c] : 0);
        if (t->id && t->id[c] == t->target[r])
            z[c] = -INFINITY;
        most = z[c] > most ? z[c] : most;
    }
    return most;
}

static void softmax_row(const tdl_table_softmax *t, size_t r, double *z)
{
    double most = score_row(t, r, z), sum = t->own ? exp(t->own[r] - most) : 0;
    double of_target = t->own ? t->own[r] : z[t->target[r]];

    for (size_t c = 0; c < t->classes; c++)
        sum += z[c] = exp(z[c] - most);
    t->loss[r] = most + log(sum) - of_target;
    for (size_t c = 0; c < t->classes; c++)
        z[c] *= t->weight[r] / sum;
    if (t->own && t->d_own)
        t->d_own[r] = t->weight[r] * (exp(t->own[r] - most) / sum - 1);
    else if (!t->own)
        z[t->target[r]] -= t->weight[r];
}

tdl_status tdl_table_softmax_run(const tdl_table_softmax *t, tdl_pool *pool, tdl_report *why)
{
    double *z = malloc((t->classes + 1) * sizeof *z);

    TDL_UNUSED(pool);
    if (!z)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", t->classes);
    for (size_t r = 0; r < t->rows; r++) {
        bool counts = t->weight[r] > 0;

        t->loss[r] = 0;
        if (counts)
            softmax_row(t, r, z);
        for (size_t k = 0; t->d_x && !t->d_x_add && k < t->d; k++)
            t->d_x[r * t->d + k] = 0;
        for (size_t i = 0; counts && i < t->classes * t->d; i++) {
            size_t c = i / t->d, k = i % t->d;
            if (t->d_x)
                t->d_x[r * t->d + k] += z[c] * t->table[i];
            if (t->d_table)
                t->d_table[i] += z[c] * t->x[r * t->d + k];
        }
    }
    free(z);
    return TDL_OK;
}

tdl_status tdl_real_pack(tdl_precision precision, const tdl_real *w, bool transposed, size_t in,
                         size_t out, tdl_packed **ret, tdl_report *why)
{
    TDL_UNUSED(precision);
    TDL_UNUSED(w);
    TDL_UNUSED(transposed);
    TDL_UNUSED(in);
    TDL_UNUSED(out);
    TDL_UNUSED(why);
    *ret = NULL;
    return TDL_OK;
}

void tdl_real_linear(const tdl_packed *w, size_t rows, const tdl_real *x, size_t in,
                     const tdl_real *bias, tdl_act act, tdl_real *y, size_t out, tdl_pool *pool)
{
    TDL_UNUSED(w); // never there
    TDL_UNUSED(rows);
    TDL_UNUSED(x);
    TDL_UNUSED(in);
    TDL_UNUSED(bias);
    TDL_UNUSED(act);
    TDL_UNUSED(y);
    TDL_UNUSED(out);
    TDL_UNUSED(pool);
}

void tdl_packed_free(tdl_packed *packed)
{
    TDL_UNUSED(packed);
}

size_t tdl_packed_bytes(const tdl_packed *packed)
{
    TDL_UNUSED(packed);
    return 0;
}

#else

#include "tensor/rows.h"
#include "tensor/small.h"

tdl_status tdl_matmul(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      tdl_pool *pool, tdl_report *why)
{
    return tdl_gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, pool, why);
}

tdl_status tdl_matmul_bf16(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a,
                           size_t lda, const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc,
                           bool add, tdl_pool *pool, tdl_report *why)
{
    return tdl_gemm_bf16(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, pool, why);
}

void tdl_matmul_small(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      const size_t *n_of, const size_t *k_of)
{
    tdl_gemm_small(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, n_of, k_of);
}

void tdl_real_exp(size_t rows, size_t n, tdl_real *x, size_t ld)
{
    tdl_vec_exp(rows, n, x, ld);
}

void tdl_real_log(size_t n, tdl_real *x)
{
    tdl_vec_log(n, x);
}

tdl_real tdl_inner(size_t n, const tdl_real *x, const tdl_real *y)
{
    return tdl_dot(x, y, n);
}

void tdl_softmax(size_t rows, size_t n, tdl_real *x, tdl_real *ret_lse)
{
    tdl_softmax_rows(rows, n, x, n, ret_lse, NULL);
}

tdl_status tdl_real_pack(tdl_precision precision, const tdl_real *w, bool transposed, size_t in,
                         size_t out, tdl_packed **ret, tdl_report *why)
{
    return tdl_pack_as(precision, w, transposed, in, out, ret, why);
}

void tdl_real_linear(const tdl_packed *w, size_t rows, const tdl_real *x, size_t in,
                     const tdl_real *bias, tdl_act act, tdl_real *y, size_t out, tdl_pool *pool)
{
    tdl_linear(w, rows, x, in, bias, act, y, out, pool);
}

#endif

void tdl_put(bool add, size_t n, const tdl_real *x, tdl_real *y)
{
    for (size_t i = 0; add && i < n; i++)
        y[i] += x[i];
    if (!add && x != y)
        memcpy(y, x, n * sizeof *y);
}

typedef struct column_sums {
    size_t rows, n;
    const tdl_real *x;
    tdl_real *sum;
} column_sums;

static void sum_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const column_sums *j = context;

    TDL_UNUSED(part);
    for (size_t r = 0; r < j->rows; r++) {
        const tdl_real *restrict x = j->x + r * j->n;
        tdl_real *restrict sum = j->sum;

        for (size_t i = begin; i < end; i++)
            sum[i] += x[i];
    }
}

void tdl_sum_rows(size_t rows, size_t n, const tdl_real *x, tdl_real *sum, tdl_pool *pool)
{
    enum { COLUMNS_EACH = 512 };
    column_sums j = {rows, n, x, sum};

    tdl_pool_run(pool, n, COLUMNS_EACH, sum_columns, &j);
}
