/* Target encoding: a level becomes the mean of the target among rows that have it, drawn towards
 * the mean of all (Micci-Barreca, 2001): (sum of y + s * prior) / (n + s).
 *
 * The rows that a learner trains on must not see their own target in it: theirs is computed from
 * the other folds, and so is their prior.
 */
#ifndef TDL_TABLE_ENCODE_H
#define TDL_TABLE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef struct tdl_encode_rows {
    size_t rows;
    const int32_t *level; /* [rows] < levels_n; negative: counts for the prior only */
    size_t levels_n;
    const double *y;      /* [rows]; NaN: the row is left out of sums */
    const double *weight; /* [rows], >= 0; NULL = 1 */
    double smoothing;     /* s >= 0 */
} tdl_encode_rows;

/* ret_mean [levels_n]; *ret_prior: the weighted mean of y, 0 when there is none.
 * TDL_E_NO_MEMORY. */
tdl_status tdl_encode_target(const tdl_encode_rows *rows, double *ret_mean, double *ret_prior,
                             tdl_report *why);

/* ret [rows]: each from the rows outside its own fold. fold [rows] in [0, k). TDL_E_NO_MEMORY. */
tdl_status tdl_encode_target_out_of_fold(const tdl_encode_rows *rows, const uint32_t *fold,
                                         size_t k, double *ret, tdl_report *why);

#endif
