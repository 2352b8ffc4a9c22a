/* CUPED: variance that was already there before the experiment is taken out of it (Deng, Xu,
 * Kohavi and Walker, 2013).
 *
 * The covariate is what was known of a unit before its first exposure: the metric's own value then,
 * or a forecast (CUPAC). theta is fitted over both arms together, so that it cannot carry the
 * effect. Means that come out are adjusted by -theta (x - mean of x over both arms): differences
 * and levels are right. A relative lift divides by the unadjusted control mean.
 */
#ifndef TDL_STATS_CUPED_H
#define TDL_STATS_CUPED_H

#include "base/report.h"
#include "stats/effect.h"

typedef struct tdl_cuped {
    double theta; /* 0 when the covariate is constant: nothing is adjusted */
    double kept;  /* variance of the difference after / before */
    tdl_arm a, b; /* adjusted */
} tdl_cuped;

tdl_cuped tdl_cuped_mean(const tdl_sums *a, const tdl_sums *b);

/* Relative lift of adjusted arms, over the control's own mean. */
tdl_effect tdl_cuped_relative(const tdl_cuped *cuped, double control_mean);

/* Several covariates.
 *   y       [n]
 *   x       [n, k] row-major, k <= 16, finite
 *   in_b    [n]: whether a unit is in B
 *   ret_theta [k]
 *   returns TDL_OK | TDL_E_INVALID (k, or covariates that follow from each other) | TDL_E_NO_MEMORY
 */
enum { TDL_CUPED_COVARIATES_MAX = 16 };
tdl_status tdl_cuped_many(const double *y, const double *x, const bool *in_b, size_t n, size_t k,
                          double *ret_theta, tdl_arm *ret_a, tdl_arm *ret_b, tdl_report *why);

/* One unit's parts of a ratio, and its covariate. Sums that add up, as tdl_sums do. */
typedef struct tdl_ratio_sums {
    double n, m, d, x, mm, dd, xx, md, mx, dx;
} tdl_ratio_sums;

void tdl_ratio_sums_add(tdl_ratio_sums *sums, double numerator, double denominator, double x);
void tdl_ratio_sums_merge(tdl_ratio_sums *sums, const tdl_ratio_sums *more);

/* theta of the ratio's influence on the covariate, within arms. */
tdl_cuped tdl_cuped_ratio(const tdl_ratio_sums *a, const tdl_ratio_sums *b);

#endif
