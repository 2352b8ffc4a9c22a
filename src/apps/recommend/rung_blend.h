/* A learned blend of rungs: a conditional logit over lists of candidates with the targets of an
 * earlier window, weights >= 0 (McFadden, 1974).
 *
 *     score(j) = sum_r w_r log((s_rj + e_r) / (s_r10 + e_r))     e_r = s_r10 / 10
 *
 * s_r10 is the tenth largest score of rung r for the person, so that one unit of a weight means the
 * same everywhere; what a person had himself is scaled by its largest, because few have ten. A rung
 * that has nothing to say about a person is left out for him.
 *
 * Learnt by Newton steps on the mean over lists of -sum_t log p_t / targets, plus .0005 w'w: enough
 * to keep a weight finite that nothing speaks against. A costly part stays only if the loss without
 * it is higher by more than two standard errors over the lists.
 */
#ifndef TDL_APPS_RECOMMEND_RUNG_BLEND_H
#define TDL_APPS_RECOMMEND_RUNG_BLEND_H

#include "apps/recommend/contenders.h"
#include "apps/recommend/rung_trial.h"

typedef struct tdl_rung_blend {
    size_t n;
    tdl_fitted_rung part[TDL_RUNG_BLEND_MAX]; /* borrowed models */
    bool own[TDL_RUNG_BLEND_MAX];             /* scaled by the largest */
    bool costly[TDL_RUNG_BLEND_MAX];          /* weighs 0 unless it helps beyond noise */
    double weight[TDL_RUNG_BLEND_MAX];
} tdl_rung_blend;

/* Weights from the questions of `split`, whose events the parts were fitted on. The same questions
 * and parts give the same weights. TDL_E_NO_MEMORY. */
tdl_status tdl_rung_blend_fit(tdl_rung_blend *blend, const tdl_holdout *split, tdl_report *why);

tdl_score_fn tdl_rung_blend_score; /* context: a tdl_rung_blend */

#endif
