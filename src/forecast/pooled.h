/* Pooled forecasters: one model learnt from the windows of many series, each brought to mean 0 and
 * deviation 1 by its own history. They forecast any series of the same kind, without a fit.
 *
 * A pooled model takes part in a selection (select.h) beside the members, as a few functions; when
 * it was trained on what comes before the first origin, it is judged by what it had not seen.
 */
#ifndef TDL_FORECAST_POOLED_H
#define TDL_FORECAST_POOLED_H

#include "forecast/member.h"
#include "forecast/series.h"

typedef struct tdl_pooled {
    const char *name; /* "pooled_ridge" */
    const void *model;
    size_t shortest; /* points of history that a forecast needs */
    /* ret [horizon]; y [n] */
    tdl_status (*forecast)(const void *model, const double *y, size_t n, size_t horizon,
                           double *ret, tdl_report *why);
} tdl_pooled;

/* Mean and population deviation of y[n]; a constant series has deviation 1. */
void tdl_scale_of(const double *y, size_t n, double *ret_mean, double *ret_deviation);

/* ---- ridge over all series; lambda by the windows at the end of each ---- */

typedef struct tdl_pooled_ridge {
    size_t window, horizon;
    double lambda;
    double *w; /* [window][horizon] */
} tdl_pooled_ridge;

/* Learn from the first `n_of(series)` = series.n - held points of each; the last fifth of those, at
 * least one horizon, chooses lambda, and the weights are then those of all of it.
 *   returns  TDL_OK | TDL_E_INVALID (no series is long enough) | TDL_E_NO_MEMORY */
tdl_status tdl_pooled_ridge_fit(const tdl_series *series, size_t series_n, size_t held,
                                size_t window, size_t horizon, tdl_pooled_ridge *ret,
                                tdl_report *why);
void tdl_pooled_ridge_release(tdl_pooled_ridge *model); /* accepts a zeroed struct */
/* As a tdl_pooled; `model` is borrowed. */
tdl_pooled tdl_pooled_of_ridge(const tdl_pooled_ridge *model);

#endif
