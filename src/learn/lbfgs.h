/* L-BFGS: the minimum of a smooth convex function of many parameters (Nocedal and Wright, Numerical
 * Optimization, algorithm 7.5), with step halving to sufficient decrease.
 */
#ifndef TDL_LEARN_LBFGS_H
#define TDL_LEARN_LBFGS_H

#include <stddef.h>

#include "base/report.h"

/* Value at x[n], and its gradient. A value that is not finite is a step too far. Stops the search
 * by any status but TDL_OK, which tdl_lbfgs returns. */
typedef tdl_status tdl_lbfgs_fn(void *context, const double *x, double *ret_gradient,
                                double *ret_value, tdl_report *why);

/* Start at x[n], leave the best point there. Ends when no entry of the gradient is above
 * `tolerance`, when the value no longer falls, or after `steps`. ret_steps may be NULL. */
tdl_status tdl_lbfgs(tdl_lbfgs_fn *fn, void *context, double *x, size_t n, double tolerance,
                     size_t steps, size_t *ret_steps, tdl_report *why);

#endif
