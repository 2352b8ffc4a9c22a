#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/additive_model.h"
#include "learn/kinds.h"

enum { BINS = TDL_ADDITIVE_BINS, EDGES = BINS - 2, COARSE = TDL_ADDITIVE_COARSE };

tdl_additive_model *tdl_additive_new(size_t cols, size_t heads)
{
    tdl_additive_model *m = calloc(1, sizeof *m);
    size_t n;

    if (!m)
        return NULL;
    m->heads = heads;
    m->learner.cols = cols;
    if (__builtin_mul_overflow(cols + 1, heads, &n) || n > SIZE_MAX / BINS / sizeof *m->curve ||
        !(m->edges_n = calloc(cols + 1, sizeof *m->edges_n)) ||
        !(m->edge = calloc((cols + 1) * EDGES, sizeof *m->edge)) ||
        !(m->coarse = calloc((cols + 1) * BINS, sizeof *m->coarse)) ||
        !(m->intercept = calloc(heads, sizeof *m->intercept)) ||
        !(m->curve = calloc(n * BINS, sizeof *m->curve)) ||
        !(m->member = calloc(2 * TDL_ADDITIVE_PAIRS, sizeof *m->member)) ||
        !(m->pair = calloc(TDL_ADDITIVE_PAIRS * heads * COARSE * COARSE, sizeof *m->pair))) {
        tdl_additive_free(&m->learner);
        return NULL;
    }
    return m;
}

void tdl_additive_free(tdl_learner *model)
{
    tdl_additive_model *m = (tdl_additive_model *)model;

    if (!m)
        return;
    free(m->edges_n);
    free(m->edge);
    free(m->coarse);
    free(m->intercept);
    free(m->curve);
    free(m->member);
    free(m->pair);
    free(m);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Between the values a < b: their middle, but where that rounds down to a, b: x < edge then parts
 * them. */
static double between(double a, double b)
{
    double middle = a + (b - a) / 2;

    return middle > a ? middle : b;
}

/* Edges from ascending values: between all of them when they are few, else at quantiles. */
static size_t cut_sorted(const double *value, size_t n, double *edge)
{
    size_t different = n > 0, edges_n = 0;

    for (size_t i = 1; i < n; i++)
        different += value[i] > value[i - 1];
    if (different <= EDGES + 1) {
        for (size_t i = 1; i < n; i++)
            if (value[i] > value[i - 1])
                edge[edges_n++] = between(value[i - 1], value[i]);
        return edges_n;
    }
    for (size_t k = 1; k <= EDGES; k++) {
        size_t at = k * n / (EDGES + 1);
        double cut = value[at];

        while (at > 0 && !(value[at - 1] < cut))
            at--;
        if (at == 0)
            continue;
        cut = between(value[at - 1], cut);
        if (edges_n == 0 || cut > edge[edges_n - 1])
            edge[edges_n++] = cut;
    }
    return edges_n;
}

/* Bins of pairs: runs of bins of about equal shares of the rows. */
static void merge_bins(const tdl_additive_model *m, size_t j, const double *value, size_t n,
                       int32_t *coarse)
{
    size_t bins = (size_t)m->edges_n[j] + 1, below = 0, at = 0;

    for (size_t b = 1; b <= bins; b++) {
        size_t place = bins < COARSE ? b - 1 : below * (COARSE - 1) / (n ? n : 1);

        coarse[b] = 1 + (int32_t)place;
        while (b < bins && at < n && value[at] < m->edge[j * EDGES + b - 1])
            at++;
        below = at;
    }
}

tdl_status tdl_additive_cut(tdl_additive_model *m, const tdl_matrix *x, tdl_report *why)
{
    double *value = malloc(x->rows * sizeof *value);

    if (!value)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu rows", x->rows);
    for (size_t j = 0; j < x->cols; j++) {
        size_t n = 0;

        for (size_t i = 0; i < x->rows; i++)
            if (isfinite(x->x[i * x->cols + j]))
                value[n++] = (double)x->x[i * x->cols + j];
        qsort(value, n, sizeof *value, by_size);
        m->edges_n[j] = (int32_t)cut_sorted(value, n, m->edge + j * EDGES);
        merge_bins(m, j, value, n, m->coarse + j * BINS);
    }
    free(value);
    return TDL_OK;
}

size_t tdl_additive_bin(const tdl_additive_model *m, size_t feature, float x)
{
    const double *edge = m->edge + feature * EDGES;
    size_t low = 0, high = (size_t)m->edges_n[feature];

    if (!isfinite(x))
        return 0;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if ((double)x < edge[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low + 1;
}

double tdl_additive_effect(const tdl_additive_model *m, size_t feature, size_t head, float x)
{
    return m->curve[(feature * m->heads + head) * BINS + tdl_additive_bin(m, feature, x)];
}

double tdl_additive_pair_effect(const tdl_additive_model *m, size_t pair, size_t head,
                                const float *x)
{
    size_t a = (size_t)m->member[2 * pair], b = (size_t)m->member[2 * pair + 1];
    size_t row = (size_t)m->coarse[a * BINS + tdl_additive_bin(m, a, x[a])];
    size_t column = (size_t)m->coarse[b * BINS + tdl_additive_bin(m, b, x[b])];

    return m->pair[((pair * m->heads + head) * COARSE + row) * COARSE + column];
}

bool tdl_additive_curve_of(const tdl_learner *learner, size_t feature, size_t head,
                           tdl_additive_curve *ret)
{
    const tdl_additive_model *m = (const tdl_additive_model *)learner;
    const double *curve;

    if (learner->ops != &tdl_learner_additive || feature >= learner->cols || head >= m->heads)
        return false;
    curve = m->curve + (feature * m->heads + head) * BINS;
    *ret = (tdl_additive_curve){.missing = curve[0],
                                .n = (size_t)m->edges_n[feature] + 1,
                                .value = curve + 1,
                                .edge = m->edge + feature * EDGES};
    return true;
}

size_t tdl_additive_pairs_n(const tdl_learner *learner)
{
    return learner->ops == &tdl_learner_additive ? ((const tdl_additive_model *)learner)->pairs_n
                                                 : 0;
}

void tdl_additive_pair_of(const tdl_learner *learner, size_t pair, size_t *ret_a, size_t *ret_b)
{
    const tdl_additive_model *m = (const tdl_additive_model *)learner;

    *ret_a = (size_t)m->member[2 * pair];
    *ret_b = (size_t)m->member[2 * pair + 1];
}
