/* Classical decomposition: seasonal indices from a centred moving average (Hyndman and
 * Athanasopoulos, Forecasting: Principles and Practice, 3.4). */
#ifndef TDL_FORECAST_SEASON_H
#define TDL_FORECAST_SEASON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"

/* ret_index [period]: of point t is t % period. Additive: they sum to 0. Multiplicative: their mean
 * is 1; y is then positive. Fewer than two periods of points: all of them neutral. */
tdl_status tdl_season_index(const double *y, size_t n, size_t period, bool multiplicative,
                            double *ret_index, tdl_report *why);

/* Autocorrelation of y[n] at a lag; 0 for a constant series or a lag of n or more. */
double tdl_autocorrelation(const double *y, size_t n, size_t lag);

/* Naive 2 of the M4 competition (Makridakis, Spiliotis and Assimakopoulos 2020): the last value of
 * the series with its season taken out, the season put back; the season counts when its
 * autocorrelation passes a test at 90 %. What OWA compares with. ret [horizon]. */
tdl_status tdl_naive2(const double *y, size_t n, size_t period, size_t horizon, double *ret,
                      tdl_report *why);

#endif
