/* Filling gaps of numbers, either from the other numbers of the row: ridge regression of each
 * column that has gaps on all others, in rounds, as gaps that were filled better make better
 * predictors (van Buuren and Groothuis-Oudshoorn, 2011, "mice"; here with means instead of draws).
 * Or by the median of the rows of the same group.
 */
#ifndef TDL_TABLE_IMPUTE_H
#define TDL_TABLE_IMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_FILL_ROUNDS = 3 };

typedef struct tdl_fill {
    size_t columns_n;
    double *mean, *sd; /* [columns_n] of what is there; sd > 0 */
    size_t targets_n;
    size_t *target; /* [targets_n] columns that had gaps in training */
    double
        *weight; /* [targets_n][columns_n + 1], of standardised numbers; the last the intercept */
} tdl_fill;

/* Learn from x [rows][columns_n], NaN = a gap, and fill its gaps as tdl_fill_row would.
 *   returns  TDL_OK | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_fill_fit(double *x, size_t rows, size_t columns_n, tdl_fill *ret, tdl_report *why);
void tdl_fill_release(tdl_fill *fill); /* accepts a zeroed struct */

/* Medians of value[rows] (NaN = a gap) by group: ret [groups_n + 1], the last that of all rows and
 * of every group that has no value. NaN when no row has one.
 *   group    [rows] which group; groups_n: none
 *   returns  TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_group_medians(const double *value, const size_t *group, size_t rows, size_t groups_n,
                             double *ret, tdl_report *why);

/* Fill the gaps of one row x [columns_n]. A column that had no gap in training gets its mean.
 * scratch [columns_n] */
void tdl_fill_row(const tdl_fill *fill, double *x, double *scratch);

#endif
