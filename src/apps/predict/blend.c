#include "apps/predict/blend.h"

#include <math.h>
#include <stdlib.h>

#include "stats/calibrate.h"

enum { STEPS = 300 };

static bool has_temperature(tdl_task task)
{
    return task == TDL_TASK_BINARY || task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL;
}

/* log(1 + exp(x)) */
static double log1p_exp(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* In place of squares: |y - z|, which is what Huber's loss is far away. */
static double absolute_loss(double y, double z, double *slope)
{
    *slope = z > y ? 1 : -1;
    return fabs(z - y);
}

static double tweedie_loss(double y, double z, double power, double *slope)
{
    double eta = fmin(z, 80), high = exp((2 - power) * eta), low = y * exp((1 - power) * eta);

    *slope = high - low;
    return high / (2 - power) - low / (1 - power);
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
        if (data->aim == TDL_AIM_TWEEDIE)
            return tweedie_loss(y, z[0], data->power, slope);
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
        if (data->aim == TDL_AIM_ABSOLUTE || data->aim == TDL_AIM_HUBER)
            return absolute_loss(y, z[0], slope);
        break;
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

/* Of model j on the rows of the blend, in [0.1, 100]; 1 where it cannot be told. */
static tdl_status find_temperature(const tdl_blend_data *data, size_t j, double *ret,
                                   tdl_report *why)
{
    size_t k = data->scores_n;
    double *score = malloc((data->rows_n * k + 1) * sizeof *score);
    double *y = malloc((data->rows_n + 1) * sizeof *y);
    tdl_calibration fitted = {0};
    tdl_status st = TDL_OK;

    if (!score || !y) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to blend %zu rows", data->rows_n);
        goto out;
    }
    for (size_t i = 0; i < data->rows_n; i++) {
        memcpy(score + i * k, data->score[j] + data->row[i] * k, k * sizeof *score);
        y[i] = data->y[data->row[i]];
    }
    st = tdl_calibration_fit(TDL_CALIBRATION_TEMPERATURE, score, k, y, NULL, data->rows_n, &fitted,
                             NULL, why);
    *ret = st ? 1 : fmin(fmax(1 / fitted.a, 0.1), 100);
    st = st == TDL_E_INVALID ? TDL_OK : st;
    tdl_calibration_release(&fitted);
out:
    free(score);
    free(y);
    return st;
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
    tdl_status st = TDL_OK;

    if (!buffer)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to blend");
    for (size_t j = 0; j < m; j++) {
        ret_temperature[j] = 1;
        ret_weight[j] = 1 / (double)m;
        if (has_temperature(data->task) && !st)
            st = find_temperature(data, j, &ret_temperature[j], why);
    }
    if (!st && m > 1 && data->task != TDL_TASK_RANKING) {
        double slope[TDL_BLEND_MAX];
        double loss = total_loss(data, 0, ret_weight, ret_temperature, buffer, slope);
        descend(data, ridge * fabs(loss) / (double)(data->rows_n + 1), ret_weight, ret_temperature,
                buffer);
    }
    free(buffer);
    return st;
}
