/* Fitting an additive model: cyclic gradient boosting of curves, then of pairs, in bags.
 *
 * Each bag leaves out 15 % of the rows, takes features in turn, and gives each a small Newton step
 * of a tree of three leaves, until its rows left out no longer get better. The model is the mean of
 * the bags. Bags run on threads of the pool, each on one: the same bits for any number of them.
 */
#ifndef TDL_LEARN_ADDITIVE_FIT_H
#define TDL_LEARN_ADDITIVE_FIT_H

#include "learn/additive_model.h"

typedef struct tdl_additive_options {
    size_t bags, rounds, patience;
    double rate;  /* of a step */
    double ridge; /* added to the curvature of a leaf */
    size_t pairs; /* at most TDL_ADDITIVE_PAIRS */
} tdl_additive_options;

/* The model has been cut. *ret_rounds: mean over bags. */
tdl_status tdl_additive_fit(const tdl_problem *problem, const tdl_additive_options *options,
                            tdl_additive_model *model, double *ret_rounds, tdl_report *why);

/* The pairs of most gain over residuals, at most `most` of them: FAST (Lou et al., 2013), the best
 * cut of a pair into four quadrants.
 *   bin    [cols][rows] bins of the curves
 *   slope, curve  [rows] derivatives of the loss by the score
 *   ret_member [most][2] */
tdl_status tdl_additive_rank_pairs(const tdl_additive_model *model, const uint8_t *bin, size_t rows,
                                   const double *slope, const double *curve, size_t heads,
                                   double ridge, tdl_pool *pool, size_t most, int32_t *ret_member,
                                   size_t *ret_n, tdl_report *why);

#endif
