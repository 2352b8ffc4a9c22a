#include <math.h>
#include <stdlib.h>

#include "forecast/season.h"

double tdl_autocorrelation(const double *y, size_t n, size_t lag)
{
    double mean = 0, own = 0, both = 0;

    for (size_t t = 0; t < n; t++)
        mean += y[t];
    mean /= (double)(n ? n : 1);
    for (size_t t = 0; t < n; t++) {
        own += (y[t] - mean) * (y[t] - mean);
        if (t >= lag)
            both += (y[t] - mean) * (y[t - lag] - mean);
    }
    return own > 0 ? both / own : 0;
}

/* Mean over one period around t; an even period takes half of either end. */
static double moving_average(const double *y, size_t t, size_t period)
{
    size_t half = period / 2;
    double sum = 0;

    if (period % 2) {
        for (size_t k = t - half; k <= t + half; k++)
            sum += y[k];
        return sum / (double)period;
    }
    for (size_t k = t - half + 1; k < t + half; k++)
        sum += y[k];
    return (sum + .5 * (y[t - half] + y[t + half])) / (double)period;
}

tdl_status tdl_season_index(const double *y, size_t n, size_t period, bool multiplicative,
                            double *ret_index, tdl_report *why)
{
    size_t half = period / 2;
    size_t *count;
    double mean = 0;

    for (size_t k = 0; k < period; k++)
        ret_index[k] = multiplicative;
    if (period < 2 || n < 2 * period)
        return TDL_OK;
    if (!(count = calloc(period, sizeof *count)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a season of %zu", period);
    for (size_t k = 0; k < period; k++)
        ret_index[k] = 0;
    for (size_t t = half; t + half < n; t++) {
        double trend = moving_average(y, t, period);

        ret_index[t % period] += multiplicative ? y[t] / trend : y[t] - trend;
        count[t % period]++;
    }
    for (size_t k = 0; k < period; k++) {
        ret_index[k] /= (double)count[k];
        mean += ret_index[k] / (double)period;
    }
    for (size_t k = 0; k < period; k++)
        ret_index[k] = multiplicative ? ret_index[k] / mean : ret_index[k] - mean;
    free(count);
    return TDL_OK;
}

static bool is_seasonal(const double *y, size_t n, size_t period)
{
    double sum = 1;

    if (period < 2 || n < 3 * period)
        return false;
    for (size_t lag = 1; lag < period; lag++) {
        double r = tdl_autocorrelation(y, n, lag);
        sum += 2 * r * r;
    }
    return fabs(tdl_autocorrelation(y, n, period)) > 1.645 * sqrt(sum / (double)n);
}

tdl_status tdl_naive2(const double *y, size_t n, size_t period, size_t horizon, double *ret,
                      tdl_report *why)
{
    bool positive = true, seasonal = is_seasonal(y, n, period);
    size_t season = seasonal ? period : 1;
    double *index = malloc(season * sizeof *index), last;
    tdl_status st;

    if (!index)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a season of %zu", period);
    for (size_t t = 0; t < n; t++)
        positive &= y[t] > 0;
    if (!(st = tdl_season_index(y, n, season, positive, index, why))) {
        last = positive ? y[n - 1] / index[(n - 1) % season] : y[n - 1] - index[(n - 1) % season];
        for (size_t h = 0; h < horizon; h++)
            ret[h] = positive ? last * index[(n + h) % season] : last + index[(n + h) % season];
    }
    free(index);
    return st;
}
