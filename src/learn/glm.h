/* Generalised linear models with a ridge: the exact minimum of
 *
 *     sum_i weight_i loss(y_i, eta_i) + lambda / 2 |w|^2,   eta = X w' + intercept, which is free
 *
 * | family   | heads   | loss, constants left out      | eta is         |
 * |----------|---------|-------------------------------|----------------|
 * | gaussian | 1       | (y - eta)^2 / 2               | the mean       |
 * | binomial | 1       | log(1 + exp(eta)) - y eta     | log odds       |
 * | poisson  | 1       | exp(eta) - y eta              | log mean       |
 * | huber    | 1       | r^2 / 2 within d, else d (|r| - d / 2), r = y - eta | the middle |
 * | tweedie  | 1       | exp((2 - p) eta) / (2 - p) - y exp((1 - p) eta) / (1 - p) | log mean |
 * | softmax  | classes | log sum_c exp(eta_c) - eta_y  | log p + a constant |
 *
 * By Newton's method (McCullagh and Nelder, 1989, section 2.5) while there are few parameters, by
 * L-BFGS beyond. d and p are the `parameter`. Columns should be standardised: the ridge treats them
 * alike.
 */
#ifndef TDL_LEARN_GLM_H
#define TDL_LEARN_GLM_H

#include "learn/learner.h"

typedef enum tdl_glm_family {
    TDL_GLM_GAUSSIAN,
    TDL_GLM_BINOMIAL,
    TDL_GLM_POISSON,
    TDL_GLM_HUBER,   /* parameter d > 0 */
    TDL_GLM_TWEEDIE, /* parameter p, 1 < p < 2 */
    TDL_GLM_SOFTMAX
} tdl_glm_family;

/* Fit problem->x, y and weight, all finite.
 *   parameter  of huber and tweedie; of others not read
 *   w          [heads][cols + 1], the last the intercept: where to start, and the result
 *   ret_steps  of the search; may be NULL
 *   returns    TDL_OK | TDL_E_INVALID (a missing number, a negative count) | TDL_E_STOPPED |
 *              TDL_E_NO_MEMORY */
tdl_status tdl_glm_fit(const tdl_problem *problem, tdl_glm_family family, double parameter,
                       size_t heads, double lambda, double *w, size_t *ret_steps, tdl_report *why);

/* Huber's loss with d = 1.345 robust deviations of what is missed in the end, found with it by
 * turns (Huber, 1981, proposal of the median deviation; statsmodels' RLM). w  [cols + 1] where to
 * start, and the result ret_delta  d; may be NULL */
tdl_status tdl_glm_fit_huber(const tdl_problem *problem, double lambda, double *w,
                             double *ret_delta, size_t *ret_steps, tdl_report *why);

#endif
