/* The theta method (Assimakopoulos and Nikolopoulos 2000), in the form of Hyndman and Billah
 * (2003): simple exponential smoothing of the seasonally adjusted series, with half the slope of
 * its least-squares line as drift. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "forecast/member.h"
#include "forecast/season.h"

static size_t variants(const tdl_forecast_task *task)
{
    return task->shortest >= 4;
}

static void label(const tdl_forecast_task *task, size_t variant, char ret[TDL_VARIANT_NAME_MAX])
{
    TDL_UNUSED(task);
    TDL_UNUSED(variant);
    snprintf(ret, TDL_VARIANT_NAME_MAX, "theta");
}

/* Sum of squared one-step errors; ret_level: the last level. */
static double smooth(const double *y, size_t n, double alpha, double *ret_level)
{
    double level = y[0], sum = 0;

    for (size_t t = 1; t < n; t++) {
        double error = y[t] - level;

        sum += error * error;
        level += alpha * error;
    }
    *ret_level = level;
    return sum;
}

/* Golden section on [.01, .99]. */
static double best_alpha(const double *y, size_t n)
{
    const double ratio = .6180339887498949;
    double low = .01, high = .99, level;
    double a = high - ratio * (high - low), b = low + ratio * (high - low);
    double at_a = smooth(y, n, a, &level), at_b = smooth(y, n, b, &level);

    while (high - low > 1e-4) {
        if (at_a <= at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - ratio * (high - low);
            at_a = smooth(y, n, a, &level);
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + ratio * (high - low);
            at_b = smooth(y, n, b, &level);
        }
    }
    return (low + high) / 2;
}

static double slope_of(const double *y, size_t n)
{
    double middle = (double)(n - 1) / 2, both = 0, own = 0;

    for (size_t t = 0; t < n; t++) {
        both += ((double)t - middle) * y[t];
        own += ((double)t - middle) * ((double)t - middle);
    }
    return both / own;
}

static tdl_status forecast(const tdl_forecast_task *task, const double *y, size_t n, size_t which,
                           double *ret, tdl_report *why)
{
    size_t season = task->periods_n && n >= 2 * task->period[0] ? task->period[0] : 1;
    double *adjusted = calloc(n, sizeof *adjusted), *index = malloc(season * sizeof *index);
    bool positive = true;
    double alpha, slope, level;
    tdl_status st = TDL_OK;

    TDL_UNUSED(which);
    if (!adjusted || !index) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu points", n);
        goto out;
    }
    for (size_t t = 0; t < n; t++)
        positive &= y[t] > 0;
    if ((st = tdl_season_index(y, n, season, positive, index, why)))
        goto out;
    for (size_t t = 0; t < n; t++)
        adjusted[t] = positive ? y[t] / index[t % season] : y[t] - index[t % season];
    alpha = best_alpha(adjusted, n);
    slope = slope_of(adjusted, n) / 2;
    smooth(adjusted, n, alpha, &level);
    for (size_t h = 0; h < task->horizon; h++) {
        double f = level + slope * ((double)h + (1 - pow(1 - alpha, (double)n)) / alpha);
        double s = index[(n + h) % season];

        ret[h] = positive ? f * s : f + s;
    }
out:
    free(adjusted);
    free(index);
    return st;
}

const tdl_member_ops tdl_member_theta = {
    .name = "theta", .variants = variants, .label = label, .forecast = forecast};
