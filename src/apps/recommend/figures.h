/* Figures of a trial with intervals, and the gate between contenders. */
#ifndef TDL_APPS_RECOMMEND_FIGURES_H
#define TDL_APPS_RECOMMEND_FIGURES_H

#include "apps/recommend/rung_trial.h"
#include "stats/bootstrap.h"
#include "stats/off_policy.h"

/* Means over questions with 95 % intervals, at each of tdl_rung_trial_k. All metrics share 1,000
 * resamples of whole questions. */
typedef struct tdl_figures {
    tdl_interval hr[TDL_RUNG_TRIAL_KS], recall[TDL_RUNG_TRIAL_KS], ndcg[TDL_RUNG_TRIAL_KS],
        mrr[TDL_RUNG_TRIAL_KS];
} tdl_figures;

/* TDL_E_NO_MEMORY; all 0 of no questions. */
tdl_status tdl_figures_of(const tdl_rung_trial *trial, size_t questions_n, uint64_t seed,
                          tdl_figures *ret, tdl_report *why);

/* ---- the gate ---- */

enum { TDL_GATE_PEOPLE_MIN = 200, TDL_GATE_CUTS_MAX = 8, TDL_GATE_LOGGED_MIN = 1000 };

typedef enum tdl_gate_verdict {
    TDL_GATE_FLOOR,      /* the simplest: nothing to beat */
    TDL_GATE_BETTER,     /* takes the incumbent's place */
    TDL_GATE_SAME,       /* no difference that could be shown: the simpler one stays */
    TDL_GATE_WORSE,      /* wholly below the incumbent */
    TDL_GATE_CUT_BELOW,  /* better over all cuts, wholly worse at one of them */
    TDL_GATE_FEW_PEOPLE, /* fewer than TDL_GATE_PEOPLE_MIN: nothing is promoted */
    TDL_GATE_LOG_WORSE,  /* better here, but the log of answers shows that it earns less */
    TDL_GATE_ABSENT      /* was not measured */
} tdl_gate_verdict;

/* How many different people are among user [n], which is sorted by it. */
size_t tdl_count_people(int32_t *user, size_t n);

const char *tdl_gate_verdict_name(tdl_gate_verdict verdict); /* "floor", "better", ... of reports */

typedef struct tdl_gate_row {
    tdl_gate_verdict verdict;
    size_t incumbent;        /* that it was held against */
    tdl_interval difference; /* of NDCG@10, over all cuts */
    tdl_interval lead;       /* what serves in the end, less this one; 0 of that one itself */
} tdl_gate_row;

/* Who serves, by paired differences of NDCG@10 pooled over the cuts.
 *   ndcg       [contenders_n * cuts_n] values of each contender at each cut, simplest contender
 *              first; NULL = not measured, the first never
 *   n          [cuts_n] questions of each cut, cuts_n <= TDL_GATE_CUTS_MAX
 *   people_n   how many different people were asked about
 *   logged     [contenders_n] what the log of answers says of each, NULL = nothing; or NULL. From
 *              TDL_GATE_LOGGED_MIN rows on it may forbid a promotion, never cause one
 *   ret        [contenders_n]      ret_serves  index of who serves
 * TDL_E_NO_MEMORY. */
tdl_status tdl_gate_cuts(const double *const *ndcg, size_t contenders_n, const size_t *n,
                         size_t cuts_n, size_t people_n, const tdl_off_policy *const *logged,
                         uint64_t seed, tdl_gate_row *ret, size_t *ret_serves, tdl_report *why);

#endif
