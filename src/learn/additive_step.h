/* One step of boosting on bins: a small tree, by sums of the loss's derivatives over each bin. A
 * leaf's step is  - rate * slope / (curvature + ridge).
 */
#ifndef TDL_LEARN_ADDITIVE_STEP_H
#define TDL_LEARN_ADDITIVE_STEP_H

#include "learn/additive_model.h"

typedef struct tdl_additive_sums {
    double g, h; /* slope and curvature */
} tdl_additive_sums;

/* A tree of at most three leaves over bins 1 .. bins - 1, the best cut first; bin 0, of missing
 * numbers, is a leaf of its own. False: no cut gains anything.
 *   step  [bins] */
bool tdl_additive_grow(const tdl_additive_sums *bin, size_t bins, double rate, double ridge,
                       double *step);

/* The best four quadrants of a table, whose cells before (a, b) add up to below[a][b].
 *   ret_a, ret_b  the first row and column of the upper ones
 *   step          of low-low, low-high, high-low, high-high */
bool tdl_additive_quadrants(
    tdl_additive_sums below[TDL_ADDITIVE_COARSE + 1][TDL_ADDITIVE_COARSE + 1], double rate,
    double ridge, size_t *ret_a, size_t *ret_b, double step[4]);

#endif
