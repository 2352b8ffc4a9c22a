/* Proportional odds (McCullagh, 1980): classes in order, one direction, classes - 1 thresholds:
 *
 *     P(class <= k) = sigmoid(threshold[k] - w x)
 *
 * by Newton's method on sum_i weight_i (-log P(y_i)) + lambda / 2 |w|^2, which is convex.
 */
#ifndef TDL_LEARN_ORDINAL_H
#define TDL_LEARN_ORDINAL_H

#include "learn/learner.h"

/* w [cols + 1] and threshold [classes - 1] are results; the intercept stays 0. TDL_OK |
 * TDL_E_INVALID | TDL_E_STOPPED | TDL_E_NO_MEMORY */
tdl_status tdl_ordinal_fit(const tdl_problem *problem, double lambda, double *w, double *threshold,
                           size_t *ret_steps, tdl_report *why);

#endif
