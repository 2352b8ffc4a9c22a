/* A linear model: what linear, logistic and lasso have learnt, and all that does not depend on how.
 *
 * One head for each score but in the ordinal task, which has one head and classes - 1 thresholds:
 * P(class <= k) = sigmoid(threshold[k] - w x), and its scores are the log probabilities.
 * Quantiles are sorted, so that they never cross. A missing number counts as 0.
 */
#ifndef TDL_LEARN_LINEAR_MODEL_H
#define TDL_LEARN_LINEAR_MODEL_H

#include "learn/learner.h"

typedef struct tdl_linear_model {
    tdl_learner learner;
    size_t heads;
    double *w;         /* [heads][cols + 1], the last the intercept */
    double *threshold; /* [classes - 1], rising; ordinal only, and then the intercept is 0 */
} tdl_linear_model;

/* With all weights 0. NULL: no memory. */
tdl_linear_model *tdl_linear_model_new(const tdl_problem *problem);
void tdl_linear_model_free(tdl_learner *model); /* accepts NULL */

/* As learner.h says; the attribution of feature j is w_j (x_j - baseline_j), exact but for the
 * ordinal task, where that is scaled to the change of the score, and for quantiles that would have
 * crossed. */
tdl_status tdl_linear_model_score(const tdl_learner *model, const tdl_matrix *x, tdl_pool *pool,
                                  double *ret, tdl_report *why);
tdl_status tdl_linear_model_attribute(const tdl_learner *model, const tdl_matrix *x,
                                      const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                      tdl_attribution *ret, tdl_report *why);
tdl_status tdl_linear_model_save(const tdl_learner *model, const char *prefix,
                                 tdl_st_writer *writer, json_t **ret_about, tdl_report *why);
tdl_status tdl_linear_model_load(const json_t *about, const tdl_st_file *file, const char *prefix,
                                 const tdl_matrix *x, tdl_learner **ret, tdl_report *why);

#endif
