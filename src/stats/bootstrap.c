#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>

static double mean_of(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

static double mean_of_resample(const double *values, size_t n, tdl_rng *rng)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[tdl_rng_below(rng, n)];
    return sum / (double)n;
}

static tdl_status check(const double *values, size_t n, double level, tdl_report *why)
{
    if (n == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "there is nobody to average over");
    if (!(level > 0 && level < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "the level must lie between 0 and 1, not at %g", level);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "value %zu is not a finite number", i);
    return TDL_OK;
}

tdl_status tdl_bootstrap_mean(const double *values, size_t n, const tdl_bootstrap_options *options,
                              tdl_rng *rng, tdl_interval *ret, tdl_report *why)
{
    size_t resamples = options && options->resamples ? options->resamples : 1000;
    double level = options && options->level != 0 ? options->level : 0.95;
    double *means = NULL; /* [resamples] */
    tdl_status st;

    if ((st = check(values, n, level, why)))
        return st;
    means = calloc(resamples, sizeof *means);
    if (!means)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu resamples", resamples);
    for (size_t i = 0; i < resamples; i++)
        means[i] = mean_of_resample(values, n, rng);
    tdl_sort_numbers(means, resamples);
    ret->mean = mean_of(values, n);
    ret->low = tdl_quantile(means, resamples, (1 - level) / 2);
    ret->high = tdl_quantile(means, resamples, (1 + level) / 2);
    free(means);
    return TDL_OK;
}

tdl_status tdl_bootstrap_difference(const double *a, const double *b, size_t n,
                                    const tdl_bootstrap_options *options, tdl_rng *rng,
                                    tdl_interval *ret, tdl_report *why)
{
    double *differences = calloc(n ? n : 1, sizeof *differences); /* [n] */
    tdl_status st;

    if (!differences)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu differences", n);
    for (size_t i = 0; i < n; i++)
        differences[i] = a[i] - b[i];
    st = tdl_bootstrap_mean(differences, n, options, rng, ret, why);
    free(differences);
    return st;
}
