/* Shapley values of a model that has no attributions of its own. */
#ifndef TDL_PREDICT_SHAPLEY_MEMBER_H
#define TDL_PREDICT_SHAPLEY_MEMBER_H

#include "apps/predict/predictor.h"

/* Columns are the players; a column that does not take part has the features of the row in the
 * middle. What a column is worth stands at its first feature, 0 at the others. As
 * tdl_learner_attribute. */
tdl_status tdl_shapley_member(const tdl_member *member, const tdl_matrix *x, size_t which,
                              tdl_pool *pool, tdl_attribution *ret, tdl_report *why);

#endif
