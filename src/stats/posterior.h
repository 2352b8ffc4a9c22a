/* The Bayesian view of an experiment: how likely B is better, and what choosing wrongly costs.
 *
 * Beta-binomial for proportions: the closed sum of Evan Miller ("Formulas for Bayesian A/B
 * testing", 2015) for whole-numbered posteriors, quadrature for others. Normal for everything that
 * has an estimate and a standard error.
 */
#ifndef TDL_STATS_POSTERIOR_H
#define TDL_STATS_POSTERIOR_H

#include "stats/effect.h"

typedef struct tdl_posterior {
    double chance;   /* that B is better */
    double loss_b;   /* expected, of the metric, when B is chosen: what A would have given more */
    double loss_a;   /* the same when A is kept */
    double mean, sd; /* of the effect; 0, 0 of proportions */
} tdl_posterior;

typedef struct tdl_beta {
    double a, b; /* both > 0: prior + successes, prior + failures */
} tdl_beta;

tdl_posterior tdl_posterior_proportions(tdl_beta a, tdl_beta b);

/* prior: mean and sd of the effect before; sd INFINITY = none. */
tdl_posterior tdl_posterior_effect(tdl_effect effect, double prior_mean, double prior_sd);
tdl_range tdl_posterior_interval(tdl_posterior posterior, double alpha); /* of the normal one */

/* The default prior on a relative lift: N(0, TDL_PRIOR_LIFT^2). */
#define TDL_PRIOR_LIFT .3

/* A segment's effect, drawn towards the effects of its siblings by how much they differ beyond
 * chance (empirical Bayes; DerSimonian and Laird's variance between). In place.
 *   effects  [n], those with a gap stay as they are
 *   returns  the variance between them, 0 = all are shrunk to one */
double tdl_effects_shrink(tdl_effect *effects, size_t n);

#endif
