/* Isotonic regression: the rising step function nearest to y in squares, by pooling adjacent
 * violators (Barlow, Bartholomew, Bremner and Brunk, 1972).
 */
#ifndef TDL_STATS_ISOTONIC_H
#define TDL_STATS_ISOTONIC_H

#include <stddef.h>

#include "base/report.h"

/* Blocks of rows, ascending; rows of one x are in one block.
 *   x, y     [n] finite, n >= 1
 *   weight   [n] >= 0, or NULL = 1; rows of weight 0 are left out, not all may be
 *   ret_x    [ret_n] mean x of each block, ascending; the caller's
 *   ret_y    [ret_n] mean y of each block, rising; the caller's */
tdl_status tdl_isotonic_fit(const double *x, const double *y, const double *weight, size_t n,
                            double **ret_x, double **ret_y, size_t *ret_n, tdl_report *why);

/* At x: straight between knots, level beyond them; knots_n >= 1. */
double tdl_isotonic_at(const double *knot_x, const double *knot_y, size_t knots_n, double x);

#endif
