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

#endif
