/* Points of series before they have steps; for series_frame.c. */
#ifndef TDL_FORECAST_SERIES_STEP_H
#define TDL_FORECAST_SERIES_STEP_H

#include "forecast/series.h"

typedef struct tdl_series_point {
    size_t series;
    double time, value;
    size_t row;
} tdl_series_point;

/* The step that most points are apart, months where all are on one day of the month or on its last.
 *   points  [n] by series, then time
 *   dates   times are seconds since 1970
 *   timed   there is a column of times; else the step is 1 */
tdl_status tdl_step_infer(const tdl_series_point *points, size_t n, bool dates, bool timed,
                          tdl_time_step *ret, tdl_report *why);

#endif
