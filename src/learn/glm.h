/* Generalised linear models with a ridge: the exact minimum of
 *
 *     sum_i weight_i loss(y_i, eta_i) + lambda / 2 |w|^2,      eta = X w' + intercept, which is
 * free
 *
 * | family   | heads   | loss, constants left out      | eta is         |
 * |----------|---------|-------------------------------|----------------|
 * | gaussian | 1       | (y - eta)^2 / 2               | the mean       |
 * | binomial | 1       | log(1 + exp(eta)) - y eta     | log odds       |
 * | poisson  | 1       | exp(eta) - y eta              | log mean       |
 * | softmax  | classes | log sum_c exp(eta_c) - eta_y  | log p + a constant |
 *
 * By Newton's method (McCullagh and Nelder, 1989, section 2.5) while there are few parameters, by
 * L-BFGS beyond. Columns should be standardised: the ridge treats them alike.
 */
#ifndef TDL_LEARN_GLM_H
#define TDL_LEARN_GLM_H

#include "learn/learner.h"

typedef enum tdl_glm_family {
    TDL_GLM_GAUSSIAN,
    TDL_GLM_BINOMIAL,
    TDL_GLM_POISSON,
    TDL_GLM_SOFTMAX
} tdl_glm_family;

/* Fit problem->x, y and weight, all finite.
 *   w          [heads][cols + 1], the last the intercept: where to start, and the result
 *   ret_steps  of the search; may be NULL
 *   returns    TDL_OK | TDL_E_INVALID (a missing number, a negative count) | TDL_E_STOPPED |
 *              TDL_E_NO_MEMORY */
tdl_status tdl_glm_fit(const tdl_problem *problem, tdl_glm_family family, size_t heads,
                       double lambda, double *w, size_t *ret_steps, tdl_report *why);

#endif
