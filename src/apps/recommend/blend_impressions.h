/* The weights of a blend learnt from answers that were really given: what was shown, with which
 * chance, at which place, and whether something came of it.
 *
 *     log-odds of a reward = a_place + sum_r w_r x_r          w_r >= 0
 *
 * x_r is the rung's feature (blend_feature.h) as the answer's row kept it, a_place what the place
 * in the list does by itself, so that what stood above is not taken for better. Each slot weighs 1
 * / chance, at most 20: items that chance showed seldom speak for all the times they were not shown
 * (Horvitz and Thompson, 1952; clipped, Ionides, 2008). Forced slots and estimated chances stay
 * outside. A logistic regression by Newton steps, plus .0005 w'w.
 *
 * Progressive validation: of each of the last weeks, weights are learnt from what came before it
 * and measured on it against the former weights (to which the same is granted: a slope, and what
 * places do). They are better where the paired 95 % interval of the gain in mean log-likelihood,
 * drawing people, is above 0; only then do they serve, learnt from all weeks. Their sum is that of
 * the former, so that boosts mean what they meant.
 *
 * Life cycle   tdl_blend_log_new -> add ... -> tdl_blend_log_learn -> tdl_blend_log_free
 */
#ifndef TDL_APPS_RECOMMEND_BLEND_IMPRESSIONS_H
#define TDL_APPS_RECOMMEND_BLEND_IMPRESSIONS_H

#include "apps/recommend/effects.h"
#include "stats/bootstrap.h"

enum {
    TDL_BLEND_SLOTS_MAX = 500000, /* further ones are left out */
    TDL_BLEND_REWARDS_MIN = 200,  /* to learn from, and as many without */
    TDL_BLEND_PEOPLE_MIN = 200,   /* to be measured on */
    TDL_BLEND_WEEKS = 8           /* the last so many are measured on */
};

typedef enum tdl_blend_verdict {
    TDL_BLEND_TOO_FEW,       /* rewards or people */
    TDL_BLEND_NO_DIFFERENCE, /* the former weights stay */
    TDL_BLEND_BETTER,
    TDL_BLEND_VERDICTS_N
} tdl_blend_verdict;
extern const char
    *const tdl_blend_verdict_name[TDL_BLEND_VERDICTS_N]; /* "too_few", "no_difference", "better" */

typedef struct tdl_blend_learnt {
    size_t slots_n, rewards_n, people_n; /* read; people: measured on */
    tdl_interval gain;                   /* of a person, nats a slot; where there were enough */
    double learnt[TDL_RUNG_BLEND_MAX];   /* as they come out, from all weeks */
    double weight[TDL_RUNG_BLEND_MAX];   /* with the former's sum; the former unless better */
    tdl_blend_verdict verdict;
} tdl_blend_learnt;

typedef struct tdl_blend_log tdl_blend_log;

/* For a blend of these parts: name [n], n from 2 to TDL_RUNG_BLEND_MAX. NULL: no memory. */
tdl_blend_log *tdl_blend_log_new(const tdl_str *name, size_t n);
void tdl_blend_log_free(tdl_blend_log *log); /* accepts NULL */

/* One answer; left out unless just these parts answered, in any order.
 *   chance    [effects->slots_n] of each slot, given those above
 *   rewarded  [effects->slots_n]
 *   unit      whose answer it was
 * TDL_E_NO_MEMORY. */
tdl_status tdl_blend_log_add(tdl_blend_log *log, const tdl_effects *effects, const double *chance,
                             const bool *rewarded, uint32_t unit, int64_t time_us, tdl_report *why);

/* former [n] the weights that serve. TDL_E_NO_MEMORY. */
tdl_status tdl_blend_log_learn(tdl_blend_log *log, const double *former, uint64_t seed,
                               tdl_blend_learnt *ret, tdl_report *why);

#endif
