/* Which of the rows are tested in which fold: stratified, by group, by time, or given. */
#ifndef TDL_PREDICT_FOLDS_H
#define TDL_PREDICT_FOLDS_H

#include "apps/predict/contest.h"
#include "apps/predict/fit.h"

typedef struct tdl_folds {
    uint32_t *fold; /* [rows_n] */
    size_t folds_n; /* by time: one more than are tested */
    bool by_time;
    const char *kind; /* "stratified", "plain", "group", "time", "given" */
} tdl_folds;

/* row [rows_n] of the frame. TDL_E_INVALID: no such column, too few rows of a class, a time that is
 * missing: says which row. */
tdl_status tdl_folds_make(const tdl_frame *frame, const tdl_predict_target *target,
                          const uint32_t *row, size_t rows_n, const tdl_predict_options *options,
                          tdl_folds *ret, tdl_report *why);
void tdl_folds_release(tdl_folds *folds); /* accepts a zeroed struct */

/* Numbers 0, 1, ... for the different values of a column, in order of first appearance, missing as
 * a value of its own: ret [rows_n]. */
tdl_status tdl_number_values(const tdl_column *column, const uint32_t *row, size_t rows_n,
                             int32_t *ret, size_t *ret_n, tdl_report *why);

/* Indices of the columns that "a,b" names into `ret`, which holds `max`. */
tdl_status tdl_find_columns(const tdl_frame *frame, const char *names, size_t *ret, size_t max,
                            size_t *ret_n, tdl_report *why);

#endif
