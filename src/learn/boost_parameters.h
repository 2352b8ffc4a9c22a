/* Settings of the learner "trees", read, and told to libxgboost. Internal to this folder.
 *
 * With the values of an empty object:
 *   rounds 0         trees in a row; 0: as many as lower the loss on rows held out, then on all
 *   rounds_max 800   most of them
 *   eta .05  depth 4  min_child 1  subsample .8  colsample .8  lambda 1  alpha 0  gamma 0
 *   seeds 1          boosters that differ by their seed, averaged
 *   pos_weight 1     weight of class 1 (binary)
 *   loss ""          of a regression "squared", "absolute" or "huber", of a ranking "ndcg" or
 *                    "pairwise" (LambdaMART; Burges, 2010); "" = what the problem aims at, "ndcg"
 *   delta 1          huber: beyond so many times tdl_huber_delta it is straight
 *   monotone ""      "income:+,debt:-": scores never fall (rise) with a feature
 *   interactions ""  "age,income;city": only features of one group may meet on a way to a leaf
 * A name is a feature's, or that of a column: then it stands for all features "column=...".
 *
 * Missing      NaN goes where the split says; infinite values count as missing
 * Note         {"rounds": taken, "held_out_loss": mean loss where rounds were looked for}
 */
#ifndef TDL_LEARN_BOOST_PARAMETERS_H
#define TDL_LEARN_BOOST_PARAMETERS_H

#include "learn/learner.h"
#include "learn/xgboost_worker.h"

typedef struct tdl_boost_setting {
    double rounds, rounds_max, eta, depth, min_child, subsample, colsample, lambda, alpha, gamma;
    double seeds, pos_weight, delta;
    tdl_aim aim;          /* of a regression or count */
    bool pairwise;        /* of a ranking, in place of ndcg */
    tdl_buf monotone;     /* as the library reads it; empty = none */
    tdl_buf interactions; /* likewise */
} tdl_boost_setting;

/* TDL_E_INVALID names the setting. Release it on failure too. */
tdl_status tdl_boost_setting_read(const json_t *setting, const tdl_problem *problem,
                                  tdl_boost_setting *ret, tdl_report *why);
void tdl_boost_setting_release(tdl_boost_setting *setting); /* accepts a zeroed one */

tdl_xgboost_loss tdl_boost_loss(const tdl_boost_setting *setting, const tdl_problem *problem);
/* What it needs to know: huber's d, Tweedie's power; else 0. TDL_E_NO_MEMORY */
tdl_status tdl_boost_loss_parameter(const tdl_boost_setting *setting, const tdl_problem *problem,
                                    double *ret, tdl_report *why);
/* "name" NUL "value" NUL ..., appended */
void tdl_boost_parameters(const tdl_boost_setting *setting, const tdl_problem *problem,
                          double loss_parameter, uint64_t seed, tdl_buf *ret);

#endif
