/* The ridge forecaster: all horizons of a window at once, in closed form.
 *
 * A window is `window` values of a series less its last one, x; its truth the next `horizon` values
 * less the same one, y (NLinear: Zeng et al. 2023, "Are Transformers Effective for Time Series
 * Forecasting?"). W = (X'X + lambda I)^-1 X'Y, forecast = x W + last.
 *
 * All that is needed of the windows are sums of products of values at two lags, and those of one
 * lag follow from those of the lag before in two products: windows are never laid out. Sums of
 * several series add up to a pooled forecaster, and those of validation windows give the squared
 * error of any W without a forecast being made.
 *
 * Memory       window * (window + horizon) doubles
 * Replay       sums run in a fixed order
 */
#ifndef TDL_FORECAST_RIDGE_H
#define TDL_FORECAST_RIDGE_H

#include <stddef.h>

#include "base/report.h"

enum { TDL_RIDGE_WINDOW_MAX = 4096, TDL_RIDGE_HORIZON_MAX = 4096 };

typedef struct tdl_ridge_sums {
    size_t window, horizon;
    size_t windows_n;
    double *xx; /* [window][window], both triangles */
    double *xy; /* [window][horizon] */
    double *yy; /* [horizon]: squares of the truth */
} tdl_ridge_sums;

tdl_status tdl_ridge_sums_init(tdl_ridge_sums *sums, size_t window, size_t horizon,
                               tdl_report *why);
void tdl_ridge_sums_release(tdl_ridge_sums *sums); /* accepts a zeroed struct */
/* Add every window of y[n] that has all its truth; y is finite. Fewer points: none. */
tdl_status tdl_ridge_sums_add(tdl_ridge_sums *sums, const double *y, size_t n, tdl_report *why);

/* ret_w [window][horizon]. TDL_E_INVALID: lambda is too small for sums that are singular. */
tdl_status tdl_ridge_solve(const tdl_ridge_sums *sums, double lambda, double *ret_w,
                           tdl_report *why);
/* The mean squared error of W over the windows of `sums`, over all horizons. */
double tdl_ridge_error(const tdl_ridge_sums *sums, const double *w);
/* ret [horizon] after last[window], the newest values. */
void tdl_ridge_apply(const double *w, size_t window, size_t horizon, const double *last,
                     double *ret);

/* The lambda of least error over validation windows, and its W.
 *   lambda  [lambdas_n]
 *   ret_w   [window][horizon]
 *   ret_error  of validation; may be NULL */
tdl_status tdl_ridge_choose(const tdl_ridge_sums *train, const tdl_ridge_sums *valid,
                            const double *lambda, size_t lambdas_n, double *ret_w,
                            double *ret_lambda, double *ret_error, tdl_report *why);

/* One forecast without W, by lambda: (X'X + lambda I) z = x, forecast = z X'Y + last. A solve of
 * one column instead of `horizon`.
 *   last  [window] the newest values
 *   ret   [lambdas_n][horizon] */
tdl_status tdl_ridge_forecast(const tdl_ridge_sums *sums, const double *lambda, size_t lambdas_n,
                              const double *last, double *ret, tdl_report *why);

#endif
