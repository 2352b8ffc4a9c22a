#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/linear_model.h"
#include "learn/stored.h"

static tdl_linear_model *new_model(tdl_task task, size_t scores_n, size_t cols)
{
    tdl_linear_model *m = calloc(1, sizeof *m);
    size_t n;

    if (!m)
        return NULL;
    m->heads = task == TDL_TASK_ORDINAL ? 1 : scores_n;
    if (__builtin_mul_overflow(m->heads, cols + 1, &n) || !(m->w = calloc(n, sizeof *m->w)) ||
        (task == TDL_TASK_ORDINAL && !(m->threshold = calloc(scores_n, sizeof *m->threshold)))) {
        tdl_linear_model_free(&m->learner);
        return NULL;
    }
    m->learner.task = task;
    m->learner.scores_n = scores_n;
    m->learner.cols = cols;
    return m;
}

tdl_linear_model *tdl_linear_model_new(const tdl_problem *problem)
{
    return new_model(problem->task, tdl_problem_scores(problem), problem->x->cols);
}

void tdl_linear_model_free(tdl_learner *model)
{
    tdl_linear_model *m = (tdl_linear_model *)model;

    if (!m)
        return;
    free(m->w);
    free(m->threshold);
    free(m);
}

/* log(1 / (1 + exp(-t))) */
static double log_sigmoid(double t)
{
    return t > 0 ? -log1p(exp(-t)) : t - log1p(exp(t));
}

/* log(sigmoid(high) - sigmoid(low)), low < high, either of which may be infinite: from
 * sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)). */
static double log_between(double low, double high)
{
    double above = isinf(low) ? 0 : log_sigmoid(-low);
    double below = isinf(high) ? 0 : log_sigmoid(high);
    double width = isinf(low) || isinf(high) ? 0 : log1p(-exp(low - high));

    return fmax(above + below + width, -700);
}

static double ordinal_score(const tdl_linear_model *m, double eta, size_t k)
{
    double low = k ? m->threshold[k - 1] - eta : -INFINITY;
    double high = k + 1 < m->learner.scores_n ? m->threshold[k] - eta : INFINITY;

    return log_between(low, high);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

tdl_status tdl_linear_model_score(const tdl_learner *model, const tdl_matrix *x, tdl_pool *pool,
                                  double *ret, tdl_report *why)
{
    const tdl_linear_model *m = (const tdl_linear_model *)model;
    size_t n = model->scores_n;

    TDL_UNUSED(why);
    tdl_design_apply(x, m->w, m->heads, pool, ret);
    if (model->task == TDL_TASK_QUANTILE)
        for (size_t i = 0; i < x->rows; i++)
            qsort(ret + i * n, n, sizeof *ret, by_size);
    if (model->task == TDL_TASK_ORDINAL)
        for (size_t i = x->rows; i-- > 0;) { // last first: eta lies at the start of `ret`
            double eta = ret[i];

            for (size_t k = 0; k < n; k++)
                ret[i * n + k] = ordinal_score(m, eta, k);
        }
    return TDL_OK;
}

/* A missing number counts as 0, in a baseline too; no baseline is all zeros. */
static double value_of(const tdl_matrix *x, size_t row, size_t j)
{
    float value = x ? x->x[row * x->cols + j] : 0;

    return isfinite(value) ? (double)value : 0;
}

tdl_status tdl_linear_model_attribute(const tdl_learner *model, const tdl_matrix *x,
                                      const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                      tdl_attribution *ret, tdl_report *why)
{
    const tdl_linear_model *m = (const tdl_linear_model *)model;
    bool ordinal = model->task == TDL_TASK_ORDINAL;
    const double *w = m->w + (ordinal ? 0 : which) * (x->cols + 1);
    double start = w[x->cols];

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t j = 0; j < x->cols; j++)
        start += w[j] * value_of(baseline, 0, j);
    ret->error = 0;
    for (size_t i = 0; i < x->rows; i++) {
        double sum = 0, scale, change, *part = ret->x + i * x->cols;

        for (size_t j = 0; j < x->cols; j++)
            sum += part[j] = w[j] * (value_of(x, i, j) - value_of(baseline, 0, j));
        ret->base[i] = start;
        if (!ordinal)
            continue;
        ret->base[i] = ordinal_score(m, start, which);
        change = ordinal_score(m, start + sum, which) - ret->base[i];
        scale = fabs(sum) > 1e-12 ? change / sum : 0;
        for (size_t j = 0; j < x->cols; j++)
            part[j] *= scale;
    }
    return TDL_OK;
}

tdl_status tdl_linear_model_save(const tdl_learner *model, const char *prefix,
                                 tdl_st_writer *writer, json_t **ret_about, tdl_report *why)
{
    const tdl_linear_model *m = (const tdl_linear_model *)model;

    tdl_store_doubles(writer, prefix, "weight", m->heads * (model->cols + 1), m->w);
    if (m->threshold)
        tdl_store_doubles(writer, prefix, "threshold", model->scores_n - 1, m->threshold);
    if (!(*ret_about = json_object()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save a linear model");
    return TDL_OK;
}

tdl_status tdl_linear_model_load(const json_t *about, const tdl_st_file *file, const char *prefix,
                                 const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    tdl_linear_model *m;
    tdl_task task;
    size_t scores_n, most = tdl_stored_n(file, prefix, "weight");
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    if (st)
        return st;
    // as many as the file has, before anything is allocated by what it claims
    if (task != TDL_TASK_ORDINAL && most / scores_n != x->cols + 1)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%sweight: %zu numbers for %zu scores of %zu features",
                        prefix, most, scores_n, x->cols);
    if (!(m = new_model(task, scores_n, x->cols)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load a linear model");
    free(m->w);
    free(m->threshold);
    m->w = m->threshold = NULL;
    if ((st = tdl_stored_doubles(file, prefix, "weight", m->heads * (x->cols + 1), &m->w, why)))
        goto out;
    if (task == TDL_TASK_ORDINAL &&
        (st = tdl_stored_doubles(file, prefix, "threshold", scores_n - 1, &m->threshold, why)))
        goto out;
    for (size_t k = 1; m->threshold && k + 1 < scores_n; k++)
        if (!(m->threshold[k] > m->threshold[k - 1])) {
            st = TDL_FAIL(why, TDL_E_CORRUPT, "%sthreshold: number %zu does not rise", prefix, k);
            goto out;
        }
    *ret = &m->learner;
    m = NULL;
out:
    if (m)
        tdl_linear_model_free(&m->learner);
    return st;
}
