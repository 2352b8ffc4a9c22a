/* The elastic net along a path, by coordinate descent (Friedman, Hastie and Tibshirani, 2010):
 *
 *     sum_i weight_i loss(y_i, eta_i) / sum_i weight_i
 *         + lambda (mix |w|_1 + (1 - mix) / 2 |w|^2),    the intercept free
 *
 * Loss: squares / 2, or of log odds, then by iteratively reweighted least squares. lambda falls
 * from the least that leaves every weight 0, evenly in its logarithm, each fit starting at the
 * last.
 */
#ifndef TDL_LEARN_LASSO_PATH_H
#define TDL_LEARN_LASSO_PATH_H

#include "learn/learner.h"

enum { TDL_LASSO_STEPS = 40 };

typedef struct tdl_lasso_options {
    bool binomial;
    double mix;           /* 1 = lasso; > 0 */
    const bool *held;     /* [rows] rows left out; NULL = none */
    const double *lambda; /* [lambdas_n] falling */
    size_t lambdas_n;
    double tolerance; /* a weight settles when its step changes scores by less, in quadratic mean */
} tdl_lasso_options;

/* The least lambda that leaves every weight 0. */
double tdl_lasso_most(const tdl_problem *problem, const tdl_lasso_options *options);

/* ret_w [lambdas_n][cols + 1], the last of each the intercept. TDL_E_STOPPED | TDL_E_NO_MEMORY */
tdl_status tdl_lasso_path(const tdl_problem *problem, const tdl_lasso_options *options,
                          double *ret_w, tdl_report *why);

#endif
