/* Measures of numbers predicted: values, quantiles, intervals and series.
 *
 * y       [n] what happened
 * f       [n] what was predicted
 * weight  [n] >= 0, or NULL = 1 each; 0 is as good as absent
 * NaN     is the answer where a measure is undefined
 */
#ifndef TDL_STATS_REGRESS_H
#define TDL_STATS_REGRESS_H

#include <stddef.h>

double tdl_rmse(const double *y, const double *f, const double *weight, size_t n);
double tdl_mae(const double *y, const double *f, const double *weight, size_t n);
/* 1 - squared error over that of the mean; of a constant y: NaN. */
double tdl_r2(const double *y, const double *f, const double *weight, size_t n);
/* Mean |f - y| / |y| over rows with y != 0, as a share; NaN when there are none. */
double tdl_mape(const double *y, const double *f, const double *weight, size_t n);
/* Mean of 2 (y log(y / f) - y + f), f > 0: of counts. */
double tdl_poisson_deviance(const double *y, const double *f, const double *weight, size_t n);
/* Of power p, 1 < p < 2: mean of 2 (y^(2-p) / ((1-p) (2-p)) - y f^(1-p) / (1-p) + f^(2-p) / (2-p)),
 * y >= 0, f > 0: of amounts that are often 0 (Jorgensen, 1987). */
double tdl_tweedie_deviance(const double *y, const double *f, const double *weight, size_t n,
                            double p);

/* Mean of max(q e, (q - 1) e), e = y - f. */
double tdl_pinball(const double *y, const double *f, size_t stride, const double *weight, size_t n,
                   double q);
/* Share of y in [low, high], and the mean of high - low; all three every `stride`-th double. */
double tdl_coverage(const double *y, const double *low, const double *high, size_t stride,
                    const double *weight, size_t n);
double tdl_mean_width(const double *low, const double *high, size_t stride, const double *weight,
                      size_t n);

/* ---- series (Makridakis, Spiliotis and Assimakopoulos, 2020: the M4 competition) ---- */

double tdl_smape(const double *y, const double *f, size_t n); /* mean 200 |f - y| / (|f| + |y|) */
double tdl_wape(const double *y, const double *f, size_t n);  /* sum |f - y| / sum |y| */
/* Mean |y[t] - y[t - season]| of the past: what MASE divides by. NaN when it is too short. */
double tdl_seasonal_error(const double *past, size_t past_n, size_t season);
double tdl_mase(const double *y, const double *f, size_t n, double seasonal_error);
/* Mean of both, each over that of the naive forecast with seasons taken out. */
double tdl_owa(double smape, double mase, double naive_smape, double naive_mase);

#endif
