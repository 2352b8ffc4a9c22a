/* Bootstrap: how sure a mean over users is (Efron and Tibshirani, 1993, chapter 13: percentile).
 *
 * Users are drawn with replacement, as many as there are; the interval holds the middle `level` of
 * the means of such draws. Same values, same generator state, same interval.
 */
#ifndef TDL_STATS_BOOTSTRAP_H
#define TDL_STATS_BOOTSTRAP_H

#include <stddef.h>

#include "base/report.h"
#include "base/rng.h"
#include "base/sorted.h" /* tdl_quantile */

typedef struct tdl_interval {
    double mean;      /* of the values themselves */
    double low, high; /* */
} tdl_interval;

typedef struct tdl_bootstrap_options {
    size_t resamples; /* 0 = 1,000 */
    double level;     /* in (0, 1); 0 = 0.95 */
} tdl_bootstrap_options;

/* Interval of the mean of `values`.
 *   values   [n], one per user, n >= 1, finite
 *   options  NULL = defaults
 *   returns  TDL_OK | TDL_E_INVALID (which value or option) | TDL_E_NO_MEMORY
 */
tdl_status tdl_bootstrap_mean(const double *values, size_t n, const tdl_bootstrap_options *options,
                              tdl_rng *rng, tdl_interval *ret, tdl_report *why);

/* Interval of the mean of a[i] - b[i]: two models measured on the same users. Above 0 = `a` is
 * better at this level. */
tdl_status tdl_bootstrap_difference(const double *a, const double *b, size_t n,
                                    const tdl_bootstrap_options *options, tdl_rng *rng,
                                    tdl_interval *ret, tdl_report *why);

#endif
