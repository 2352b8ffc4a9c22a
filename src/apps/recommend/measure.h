/* Measuring one fitted rung: rank each user's held-out item among every item the user has not seen.
 *
 * There is no way to ask for sampled candidates: they put models in another order. Half of the ties
 * count as better (stats/ranking.h), so a model that scores everything alike gains nothing.
 */
#ifndef TDL_APPS_RECOMMEND_MEASURE_H
#define TDL_APPS_RECOMMEND_MEASURE_H

#include "apps/recommend/rung.h"

enum { TDL_CUT = 10 }; /* the "@10" of every metric here */

/* One value per measured user, in order of users. */
typedef struct tdl_outcome {
    double *hr;      /* [measured] is the target among the first ten? */
    double *ndcg;    /* [measured] */
    double *rr;      /* [measured] reciprocal rank */
    double coverage; /* share of the catalogue in anybody's first ten */
} tdl_outcome;

tdl_status tdl_outcome_init(tdl_outcome *outcome, size_t measured_n, tdl_report *why);
void tdl_outcome_release(tdl_outcome *outcome); /* accepts a zeroed one */

/* The target of user u is all->item[data->end[u]], the history is what stands before it.
 *   measured  [users_n] which users have a target
 *   ret       initialised for as many users; every field is set
 * The result does not depend on the pool. TDL_E_NO_MEMORY.
 */
tdl_status tdl_measure(const tdl_rung_ops *rung, const void *model, const tdl_fit_data *data,
                       const bool *measured, tdl_pool *pool, tdl_outcome *ret, tdl_report *why);

double tdl_mean(const double *values, size_t n); /* 0 when n is 0 */

#endif
