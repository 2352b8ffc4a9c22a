/* Series out of a table: equally spaced values, whole, oldest first.
 *
 * | layout  | the table                                             | a series is                |
 * |---------|-------------------------------------------------------|----------------------------|
 * | long    | a time, a value, and perhaps whose it is (series)     | the rows of one id         |
 * | columns | a time and several values                             | a column                   |
 * | rows    | an id and values one after the other, as in M4        | a row; times are 0, 1, ... |
 *
 * Time      of type date, or a number with the column named. None at all: the order of rows
 * Order     rows may come in any; `sorted` says that they had to be put in order
 * Gaps      steps without a value are filled by the mean of their season, and counted; a series
 *           that misses more than TDL_GAPS_MAX of its steps is refused. Ends are not filled: a
 *           series begins and ends with a value it has
 * Bounds    nothing is allocated for steps before the share that is missing is known
 */
#ifndef TDL_FORECAST_SERIES_H
#define TDL_FORECAST_SERIES_H

#include "forecast/member.h"
#include "table/frame.h"

#define TDL_GAPS_MAX .3

typedef enum tdl_layout {
    TDL_LAYOUT_FOUND, /* by the columns: no time and most columns numbers: rows; a category that
                       * repeats: long; else columns */
    TDL_LAYOUT_LONG,
    TDL_LAYOUT_COLUMNS,
    TDL_LAYOUT_ROWS
} tdl_layout;
bool tdl_layout_find(tdl_str name, tdl_layout *ret); /* "long", "columns", "rows" */
const char *tdl_layout_name(tdl_layout layout);      /* TDL_LAYOUT_FOUND: "" */

/* What becomes of several values at one time. */
typedef enum tdl_aggregate {
    TDL_AGGREGATE_REFUSE,
    TDL_AGGREGATE_SUM,
    TDL_AGGREGATE_MEAN,
    TDL_AGGREGATE_LAST
} tdl_aggregate;
bool tdl_aggregate_find(tdl_str name, tdl_aggregate *ret); /* "sum", "mean", "last" */
const char *tdl_aggregate_name(tdl_aggregate aggregate);   /* TDL_AGGREGATE_REFUSE: "" */

typedef struct tdl_series_options {
    tdl_layout layout;
    tdl_str time, value, series; /* columns; empty = found */
    tdl_aggregate aggregate;
    size_t period; /* 0 = found */
} tdl_series_options;

typedef enum tdl_step_unit { TDL_STEP_INDEX, TDL_STEP_SECONDS, TDL_STEP_MONTHS } tdl_step_unit;

/* From one value to the next. */
typedef struct tdl_time_step {
    tdl_step_unit unit;
    double n; /* > 0; months: whole */
} tdl_time_step;

/* Time of the value that is k steps after `start`. */
double tdl_step_time(tdl_time_step step, double start, size_t k);
/* Steps from `start` to `time`; false when it lies between steps, or before. */
bool tdl_step_place(tdl_time_step step, double start, double time, size_t *ret);
/* "1 hour", "7 days", "1 month" appended. */
void tdl_step_print(tdl_time_step step, tdl_buf *out);

typedef struct tdl_series {
    char *name; /* the id, or the column's name */
    double *y;  /* [n] finite */
    size_t n;
    double start;  /* time of y[0] */
    size_t filled; /* of the n */
} tdl_series;

typedef struct tdl_series_set {
    tdl_series *series; /* [series_n], in order of first appearance; long: ascending by id */
    size_t series_n;
    tdl_time_step step;
    size_t period[TDL_PERIODS_MAX]; /* as of tdl_forecast_task */
    size_t periods_n;
    bool period_found; /* by autocorrelation, not declared */
    bool sorted;       /* rows were not in order of time */
    size_t filled;     /* steps, of all series */
    size_t aggregated; /* values that shared a time with another */
} tdl_series_set;

/* TDL_E_INVALID: names the column, row or series that cannot be, and what to do; TDL_E_NOT_FOUND: a
 * column that is not there. */
tdl_status tdl_series_of(const tdl_frame *frame, const tdl_series_options *options,
                         tdl_series_set *ret, tdl_report *why);
void tdl_series_set_release(tdl_series_set *set); /* accepts a zeroed struct */

/* Fill the NaN in y[n] by the mean of the values at the same place of their period, with a period
 * of 0 or 1 by the line between their neighbours. Infinite values count as missing. returns  TDL_OK
 * | TDL_E_INVALID: more than TDL_GAPS_MAX are missing */
tdl_status tdl_series_fill(double *y, size_t n, size_t period, size_t *ret_filled, tdl_report *why);

/* The strongest autocorrelation among 7, 12, 24, 52, 168 and 365 steps, mean over the series that
 * hold it twice; a multiple must be clearly stronger than what it is a multiple of. 0: none is
 * above .2. */
size_t tdl_period_find(const tdl_series *series, size_t series_n);
/* The periods a season brings along: hours of a day those of a week, days of a week the year. */
size_t tdl_periods_of(size_t season, size_t ret[TDL_PERIODS_MAX]);

#endif
