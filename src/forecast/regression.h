/* Regression on time: a value from columns known in advance (price, weather, promotion), the
 * calendar and holidays. For tables where a row's own columns tell more than the past of the value.
 *
 *     ridge     columns, weekday, hour, eight sine pairs of the year, trend, each holiday
 *     trees     columns, weekday, hour, day of the year, month, year, days to the next holiday
 *     stacked   ridge, and trees on what it leaves
 *
 * Each is fitted on the first four fifths by time and judged on the last; the weights of a blend
 * (>= 0, sum 1, in tenths) are those of least squared error there, and all are fitted again on
 * everything. Without the learner "trees" (learn/learner.h) only ridge is left.
 *
 * Missing      covariates by the mean of training for ridge, as they are for trees
 * Replay       same rows and seed: same bits
 */
#ifndef TDL_FORECAST_REGRESSION_H
#define TDL_FORECAST_REGRESSION_H

#include "base/pool.h"
#include "table/frame.h"

enum { TDL_REGRESSION_PARTS = 3 };

typedef struct tdl_regression_options {
    tdl_str time, value; /* columns */
    tdl_str covariates;  /* comma-separated; empty = every other number */
    tdl_str holidays;    /* "us", "cn"; empty = none */
    uint64_t seed;
    tdl_pool *pool; /* may be NULL */
} tdl_regression_options;

typedef struct tdl_regression tdl_regression;

/* Learn from rows row[rows_n], in any order; those without a value are left out.
 *   returns  TDL_OK | TDL_E_INVALID (a row without a time, fewer than 30 rows, a holiday table that
 *            is not there) | TDL_E_NOT_FOUND (a column) | TDL_E_NO_MEMORY, or what trees say */
tdl_status tdl_regression_fit(const tdl_frame *frame, const uint32_t *row, size_t rows_n,
                              const tdl_regression_options *options, tdl_regression **ret,
                              tdl_report *why);
void tdl_regression_free(tdl_regression *model); /* accepts NULL */
/* ret [rows_n]; columns are found by name, one that is absent is missing. */
tdl_status tdl_regression_predict(const tdl_regression *model, const tdl_frame *frame,
                                  const uint32_t *row, size_t rows_n, double *ret, tdl_report *why);
/* Weight of ridge, trees, stacked (0, 1, 2), with its root mean squared error in validation. */
double tdl_regression_weight(const tdl_regression *model, size_t part, double *ret_rmse);
/* Truth less forecast of the rows that judged the blend, by a model that had not seen them: for
 * conformal intervals. Borrowed; [ret_n]. */
const double *tdl_regression_residuals(const tdl_regression *model, size_t *ret_n);
const char *tdl_regression_part(size_t part); /* "ridge", "trees", "ridge + trees" */

#endif
