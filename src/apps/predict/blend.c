#include "apps/predict/blend.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 300, NARROWINGS = 60 };

static bool has_temperature(tdl_task task)
{
    return task == TDL_TASK_BINARY || task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL;
}

/* log(1 + exp(x)) */
static double log1p_exp(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* The loss of one row's blended scores z[n], and d loss / d z. */
static double row_loss(const tdl_blend_data *data, double y, const double *z, double *slope)
{
    size_t n = data->scores_n;
    double loss = 0, most = z[0], sum = 0;

    switch (data->task) {
    case TDL_TASK_BINARY:
        slope[0] = 1 / (1 + exp(-z[0])) - y;
        return log1p_exp(z[0]) - y * z[0];
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        for (size_t k = 1; k < n; k++)
            most = fmax(most, z[k]);
        for (size_t k = 0; k < n; k++)
            sum += slope[k] = exp(z[k] - most);
        for (size_t k = 0; k < n; k++)
            slope[k] = slope[k] / sum - (k == (size_t)y);
        return most + log(sum) - z[(size_t)y];
    case TDL_TASK_COUNT:
        slope[0] = exp(fmin(z[0], 80)) - y;
        return exp(fmin(z[0], 80)) - y * z[0];
    case TDL_TASK_QUANTILE:
        for (size_t k = 0; k < n; k++) {
            double e = y - z[k], q = data->quantile[k];
            loss += e > 0 ? q * e : (q - 1) * e;
            slope[k] = e > 0 ? -q : 1 - q;
        }
        return loss;
    case TDL_TASK_REGRESSION:
    case TDL_TASK_RANKING:
        break;
    }
    slope[0] = 2 * (z[0] - y);
    return (z[0] - y) * (z[0] - y);
}

double tdl_blend_loss(const tdl_blend_data *data, size_t r, const double *z)
{
    double slope[TDL_BLEND_SCORES_MAX];

    return row_loss(data, data->y[r], z, slope);
}

void tdl_blend_row(const tdl_blend_data *data, const double *weight, const double *temperature,
                   size_t r, double *ret)
{
    for (size_t k = 0; k < data->scores_n; k++)
        ret[k] = 0;
    for (size_t j = 0; j < data->models_n; j++)
        if (weight[j] != 0)
            for (size_t k = 0; k < data->scores_n; k++)
                ret[k] += weight[j] / temperature[j] * data->score[j][r * data->scores_n + k];
}

/* ---- temperature ---- */

/* Mean loss of model j at a temperature; buffers [2 scores_n]. */
static double loss_at(const tdl_blend_data *data, size_t j, double temperature, double *buffer)
{
    double loss = 0;

    for (size_t i = 0; i < data->rows_n; i++) {
        const double *z = data->score[j] + data->row[i] * data->scores_n;

        for (size_t k = 0; k < data->scores_n; k++)
            buffer[k] = z[k] / temperature;
        loss += row_loss(data, data->y[data->row[i]], buffer, buffer + data->scores_n);
    }
    return loss;
}

/* By golden section over log t in [log 0.1, log 100]: the loss is convex in 1 / t. */
static double find_temperature(const tdl_blend_data *data, size_t j, double *buffer)
{
    const double ratio = (sqrt(5) - 1) / 2;
    double low = log(0.1), high = log(100);
    double a = high - ratio * (high - low), b = low + ratio * (high - low);
    double at_a = loss_at(data, j, exp(a), buffer), at_b = loss_at(data, j, exp(b), buffer);

    for (int i = 0; i < NARROWINGS && high - low > 1e-4; i++)
        if (at_a < at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - ratio * (high - low);
            at_a = loss_at(data, j, exp(a), buffer);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + ratio * (high - low);
            at_b = loss_at(data, j, exp(b), buffer);
        }
    return exp((low + high) / 2);
}

/* ---- weights ---- */

static int compare_falling(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

/* The nearest point with w >= 0 and sum 1. */
static void project(double *w, size_t n)
{
    double sorted[TDL_BLEND_MAX], sum = 0, shift = 0;

    memcpy(sorted, w, n * sizeof *w);
    qsort(sorted, n, sizeof *sorted, compare_falling);
    for (size_t i = 0; i < n; i++) {
        sum += sorted[i];
        if (sorted[i] - (sum - 1) / (double)(i + 1) > 0)
            shift = (sum - 1) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++)
        w[i] = fmax(w[i] - shift, 0);
}

/* Loss of the whole, and its slope. */
static double total_loss(const tdl_blend_data *data, double ridge, const double *w, const double *t,
                         double *buffer, double *slope)
{
    double loss = 0, *z = buffer, *by_score = buffer + data->scores_n;

    for (size_t j = 0; j < data->models_n; j++) {
        double off = w[j] - 1 / (double)data->models_n;
        loss += ridge * off * off;
        slope[j] = 2 * ridge * off;
    }
    for (size_t i = 0; i < data->rows_n; i++) {
        size_t r = data->row[i];

        tdl_blend_row(data, w, t, r, z);
        loss += row_loss(data, data->y[r], z, by_score);
        for (size_t j = 0; j < data->models_n; j++)
            for (size_t k = 0; k < data->scores_n; k++)
                slope[j] += by_score[k] * data->score[j][r * data->scores_n + k] / t[j];
    }
    return loss;
}

/* Projected gradients; the step doubles while it helps and is cut in half when it does not. */
static void descend(const tdl_blend_data *data, double ridge, double *w, const double *t,
                    double *buffer)
{
    size_t m = data->models_n;
    double slope[TDL_BLEND_MAX], next[TDL_BLEND_MAX], next_slope[TDL_BLEND_MAX];
    double loss = total_loss(data, ridge, w, t, buffer, slope);
    double step = 1 / (double)(data->rows_n + 1);

    for (int i = 0; i < STEPS && step > 1e-14; i++) {
        for (size_t j = 0; j < m; j++)
            next[j] = w[j] - step * slope[j];
        project(next, m);
        double now = total_loss(data, ridge, next, t, buffer, next_slope);
        if (!(now < loss)) {
            step /= 2;
            continue;
        }
        bool done = loss - now < 1e-9 * fabs(loss);
        memcpy(w, next, m * sizeof *w);
        memcpy(slope, next_slope, m * sizeof *slope);
        loss = now;
        step *= 1.5;
        if (done)
            break;
    }
}

tdl_status tdl_blend_fit(const tdl_blend_data *data, double ridge, double *ret_weight,
                         double *ret_temperature, tdl_report *why)
{
    size_t m = data->models_n;
    double *buffer = calloc(2 * data->scores_n + 1, sizeof *buffer);

    if (!buffer)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to blend");
    for (size_t j = 0; j < m; j++) {
        ret_temperature[j] = has_temperature(data->task) ? find_temperature(data, j, buffer) : 1;
        ret_weight[j] = 1 / (double)m;
    }
    if (m > 1 && data->task != TDL_TASK_RANKING) {
        double slope[TDL_BLEND_MAX];
        double loss = total_loss(data, 0, ret_weight, ret_temperature, buffer, slope);
        descend(data, ridge * fabs(loss) / (double)(data->rows_n + 1), ret_weight, ret_temperature,
                buffer);
    }
    free(buffer);
    return TDL_OK;
}
