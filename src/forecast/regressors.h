/* What a regression on time sees of a row: covariates and the calendar, as numbers. */
#ifndef TDL_FORECAST_REGRESSORS_H
#define TDL_FORECAST_REGRESSORS_H

#include "forecast/calendar.h"
#include "table/frame.h"

typedef struct tdl_regressors {
    char *time;
    char **covariate; /* [covariates_n] names */
    size_t covariates_n;
    const tdl_holidays *holidays; /* NULL = none */
    bool hours;                   /* times differ within a day */
    double first;                 /* time of the first row: where the trend begins */
} tdl_regressors;

void tdl_regressors_release(tdl_regressors *regressors); /* accepts a zeroed struct */

size_t tdl_regressors_wide(const tdl_regressors *regressors);  /* numbers a row, for ridge */
size_t tdl_regressors_short(const tdl_regressors *regressors); /* for trees */

/* ret [rows_n][tdl_regressors_wide], NaN where a covariate is missing. TDL_E_INVALID: a row without
 * a time. */
tdl_status tdl_regressors_fill(const tdl_regressors *regressors, const tdl_frame *frame,
                               const uint32_t *row, size_t rows_n, double *ret_wide,
                               float *ret_short, tdl_report *why);

#endif
