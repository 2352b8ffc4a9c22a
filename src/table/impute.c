#include "table/impute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"

static const double RIDGE = 1; /* of standardised numbers: as much as one row says */

/* What is filled in starts as the mean, which standardised is 0. */
static double standardised(const tdl_fill *f, size_t column, double x)
{
    return isnan(x) ? 0 : (x - f->mean[column]) / f->sd[column];
}

static double predict(const tdl_fill *f, size_t t, const double *z)
{
    const double *w = f->weight + t * (f->columns_n + 1);
    double sum = w[f->columns_n];

    for (size_t j = 0; j < f->columns_n; j++)
        sum += w[j] * z[j]; // the weight of the target itself is 0
    return sum;
}

void tdl_fill_row(const tdl_fill *fill, double *x, double *scratch)
{
    for (size_t j = 0; j < fill->columns_n; j++)
        scratch[j] = standardised(fill, j, x[j]);
    for (int round = 0; round < TDL_FILL_ROUNDS; round++) // each looks at what the last has filled
        for (size_t t = 0; t < fill->targets_n; t++)
            if (isnan(x[fill->target[t]]))
                scratch[fill->target[t]] = predict(fill, t, scratch);
    for (size_t j = 0; j < fill->columns_n; j++)
        if (isnan(x[j]))
            x[j] = fill->mean[j] + fill->sd[j] * scratch[j];
}

/* ---- learning ---- */

/* Solve a w = b for a positive definite a [n][n], in place; w in b. */
static void solve(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                s -= a[i * n + k] * a[j * n + k];
            // rounding must not make a zero or negative pivot of columns that are sums of others
            a[i * n + j] = i == j ? sqrt(fmax(s, 1e-12)) : s / a[j * n + j];
        }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
}

typedef struct lesson {
    tdl_fill *fill;
    const bool *gap; /* [rows][columns_n] */
    double *z;       /* [rows][columns_n] standardised, gaps filled so far */
    size_t rows;
    double *a, *b; /* [columns_n + 1] squared, and [columns_n + 1] */
} lesson;

static void gather(const lesson *l, size_t target)
{
    size_t columns = l->fill->columns_n, n = columns + 1;

    memset(l->a, 0, n * n * sizeof *l->a);
    memset(l->b, 0, n * sizeof *l->b);
    for (size_t i = 0; i < l->rows; i++) {
        const double *z = l->z + i * columns;

        if (l->gap[i * columns + target])
            continue;
        for (size_t j = 0; j < n; j++) {
            double zj = j == columns ? 1 : j == target ? 0 : z[j];

            for (size_t k = 0; k <= j; k++)
                l->a[j * n + k] += zj * (k == target ? 0 : k == columns ? 1 : z[k]);
            l->b[j] += zj * z[target];
        }
    }
    for (size_t j = 0; j < columns; j++)
        l->a[j * n + j] += RIDGE;
}

static void learn_target(const lesson *l, size_t t)
{
    tdl_fill *f = l->fill;
    size_t target = f->target[t];

    gather(l, target);
    solve(l->a, l->b, f->columns_n + 1);
    memcpy(f->weight + t * (f->columns_n + 1), l->b, (f->columns_n + 1) * sizeof *l->b);
    f->weight[t * (f->columns_n + 1) + target] = 0;
    for (size_t i = 0; i < l->rows; i++)
        if (l->gap[i * f->columns_n + target])
            l->z[i * f->columns_n + target] = predict(f, t, l->z + i * f->columns_n);
}

static void describe(const double *x, size_t rows, size_t columns, size_t j, tdl_fill *f)
{
    double sum = 0, squares = 0;
    size_t n = 0;

    for (size_t i = 0; i < rows; i++)
        if (!isnan(x[i * columns + j])) {
            sum += x[i * columns + j];
            n++;
        }
    f->mean[j] = n ? sum / (double)n : 0;
    for (size_t i = 0; i < rows; i++)
        if (!isnan(x[i * columns + j])) {
            double d = x[i * columns + j] - f->mean[j];
            squares += d * d;
        }
    f->sd[j] = n ? sqrt(squares / (double)n) : 1;
    if (!(f->sd[j] > 0))
        f->sd[j] = 1;
    if (n < rows && n > 0)
        f->target[f->targets_n++] = j;
}

static tdl_status learn(double *x, size_t rows, tdl_fill *f, tdl_report *why)
{
    size_t columns = f->columns_n, n = columns + 1;
    bool *gap = calloc(rows, columns * sizeof *gap);
    lesson l = {.fill = f, .gap = gap, .rows = rows};
    tdl_status st = TDL_OK;

    l.z = calloc(rows, columns * sizeof *l.z);
    l.a = calloc(n, n * sizeof *l.a);
    l.b = calloc(n, sizeof *l.b);
    if (!gap || !l.z || !l.a || !l.b) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fill gaps of %zu columns", columns);
        goto out;
    }
    for (size_t i = 0; i < rows * columns; i++) {
        gap[i] = isnan(x[i]);
        l.z[i] = standardised(f, i % columns, x[i]);
    }
    for (int round = 0; round < TDL_FILL_ROUNDS; round++)
        for (size_t t = 0; t < f->targets_n; t++)
            learn_target(&l, t);
    for (size_t i = 0; i < rows; i++) // as at serving time: not what the rounds have left
        tdl_fill_row(f, x + i * columns, l.z);
out:
    free(gap);
    free(l.z);
    free(l.a);
    free(l.b);
    return st;
}

tdl_status tdl_fill_fit(double *x, size_t rows, size_t columns_n, tdl_fill *ret, tdl_report *why)
{
    tdl_fill f = {.columns_n = columns_n};
    size_t cells;
    tdl_status st;

    if (rows == 0 || columns_n == 0) {
        *ret = (tdl_fill){0};
        return TDL_OK;
    }
    if (__builtin_mul_overflow(columns_n + 1, columns_n * sizeof(double), &cells) ||
        __builtin_mul_overflow(rows, columns_n * sizeof(double), &cells))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu columns are too many to fill by", columns_n);
    f.mean = calloc(columns_n + 1, sizeof *f.mean);
    f.sd = calloc(columns_n + 1, sizeof *f.sd);
    f.target = calloc(columns_n + 1, sizeof *f.target);
    if (!f.mean || !f.sd || !f.target) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fill gaps of %zu columns", columns_n);
        goto out;
    }
    for (size_t j = 0; j < columns_n; j++)
        describe(x, rows, columns_n, j, &f);
    f.weight = calloc(f.targets_n + 1, (columns_n + 1) * sizeof *f.weight);
    if (!f.weight) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fill gaps of %zu columns", columns_n);
        goto out;
    }
    if ((st = learn(x, rows, &f, why)))
        goto out;
    *ret = f;
    f = (tdl_fill){0};
out:
    tdl_fill_release(&f);
    return st;
}

/* ---- by group ---- */

static double median_of(double *value, size_t n, double otherwise)
{
    if (!n)
        return otherwise;
    tdl_sort_numbers(value, n);
    return tdl_quantile(value, n, 0.5);
}

tdl_status tdl_group_medians(const double *value, const size_t *group, size_t rows, size_t groups_n,
                             double *ret, tdl_report *why)
{
    double *sorted = calloc(rows + 1, sizeof *sorted);   /* group by group, then rows of none */
    size_t *begin = calloc(groups_n + 3, sizeof *begin); /* of each group, one place further on */
    size_t n = 0;

    if (!sorted || !begin) {
        free(sorted);
        free(begin);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for medians of %zu groups", groups_n);
    }
    for (size_t i = 0; i < rows; i++)
        if (!isnan(value[i])) {
            begin[group[i] + 2]++;
            sorted[n++] = value[i] + 0.0; // never -0, which JSON does not keep
        }
    ret[groups_n] = median_of(sorted, n, (double)NAN);
    for (size_t g = 2; g < groups_n + 3; g++)
        begin[g] += begin[g - 1];
    for (size_t i = 0; i < rows; i++)
        if (!isnan(value[i]))
            sorted[begin[group[i] + 1]++] = value[i] + 0.0;
    for (size_t g = 0; g < groups_n; g++)
        ret[g] = median_of(sorted + begin[g], begin[g + 1] - begin[g], ret[groups_n]);
    free(sorted);
    free(begin);
    return TDL_OK;
}

void tdl_fill_release(tdl_fill *fill)
{
    free(fill->mean);
    free(fill->sd);
    free(fill->target);
    free(fill->weight);
    *fill = (tdl_fill){0};
}
