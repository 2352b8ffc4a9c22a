/* Linear quantile regression (Koenker and Bassett, 1978): the minimum of
 *
 *     sum_i weight_i max(q e_i, (q - 1) e_i) + lambda / 2 |w|^2,      e = y - X w - intercept
 *
 * by majorising with squares (Hunter and Lange, 2000): each step is one weighted least squares.
 */
#ifndef TDL_LEARN_PINBALL_H
#define TDL_LEARN_PINBALL_H

#include "learn/learner.h"

/* w [cols + 1]: the result. The loss is within about one part in 10^4 of the minimum. */
tdl_status tdl_pinball_fit(const tdl_problem *problem, double quantile, double lambda, double *w,
                           tdl_report *why);

#endif
