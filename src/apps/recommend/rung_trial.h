/* A trial: one rung fitted on a split and asked its questions; or scores that are made from those
 * of several (rung_blend.h). All candidates are ranked, ties by expectation (stats/tied.h). There
 * is no way to ask for sampled candidates: they put models in another order.
 */
#ifndef TDL_APPS_RECOMMEND_RUNG_TRIAL_H
#define TDL_APPS_RECOMMEND_RUNG_TRIAL_H

#include "apps/recommend/holdout.h"
#include "base/pool.h"
#include "stats/tied.h"

enum { TDL_RUNG_TRIAL_KS = 5, TDL_RUNG_TRIAL_LIST = 10 };
extern const size_t tdl_rung_trial_k[TDL_RUNG_TRIAL_KS];      /* 1, 10, 20, 50, 100 */
enum { TDL_K10 = 1, TDL_K20 = 2, TDL_K50 = 3, TDL_K100 = 4 }; /* indexes into it */

/* What a list of ten is like, over all questions; stats/tied.h and the page of this module. */
typedef struct tdl_variety {
    double coverage; /* share of the catalogue in anybody's first ten */
    double gini;     /* of how often each item was shown */
    double novelty;  /* mean -log2 of an item's share of the events, bits */
    double distance; /* mean 1 - cosine of the people who had two items of a list */
} tdl_variety;

typedef struct tdl_rung_trial {
    tdl_tied (*value)[TDL_RUNG_TRIAL_KS]; /* [questions_n] */
    int32_t (*list)[TDL_RUNG_TRIAL_LIST]; /* [questions_n] first ten, -1 where there are fewer */
    tdl_variety variety;
    double fit_cpu_s, answer_cpu_s; /* of the process */
    size_t bytes;                   /* of the model */
} tdl_rung_trial;

void tdl_rung_trial_release(tdl_rung_trial *trial); /* accepts a zeroed one */

/* Scores for one question: scores [items_n]. Called from any thread. */
typedef tdl_status tdl_score_fn(const void *context, const tdl_question *question,
                                tdl_arena *scratch, float *scores);

/* Ask every question. ret: value and list; the rest is 0. Does not depend on the pool.
 * TDL_E_NO_MEMORY. */
tdl_status tdl_rung_trial_ask(const tdl_holdout *split, tdl_score_fn *score, const void *context,
                              tdl_pool *pool, tdl_rung_trial *ret, tdl_report *why);

/* A fitted rung as a tdl_score_fn: context is a tdl_fitted_rung. */
typedef struct tdl_fitted_rung {
    const tdl_rung_ops *rung;
    void *model;
} tdl_fitted_rung;
tdl_score_fn tdl_fitted_rung_score;

/* Fit, ask, and look at the lists. options: pool, params, setting; now_us is the split's.
 *   ret_fitted  the model, the caller's; NULL: not wanted
 * What the rung's fit says, or TDL_E_NO_MEMORY. */
tdl_status tdl_rung_trial_run(const tdl_holdout *split, const tdl_rung_ops *rung,
                              const tdl_fit_options *options, tdl_rung_trial *ret,
                              void **ret_fitted, tdl_report *why);

/* Fill ret->variety from ret->list. */
tdl_status tdl_rung_trial_variety(const tdl_holdout *split, tdl_rung_trial *trial, tdl_report *why);

double tdl_rung_trial_cpu_s(void); /* CPU seconds of the process so far */
double tdl_rung_trial_ndcg10(const tdl_holdout *split,
                             const tdl_rung_trial *trial); /* mean; 0 of none */

#endif
