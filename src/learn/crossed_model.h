/* Crossed effects: a target as a sum of one number for each level of each category, of pairs and
 * triples of categories, and a linear part; every number is drawn towards 0 by how little is known
 * of its level. The mixed model of (Bates et al., 2015), for categories of any number of levels.
 *
 *     score = intercept + w x + sum over terms t of effect_t[levels of the row]
 *
 * Effects of a term minimise   sum_i weight_i (residual_i - effect)^2 + lambda_t effect^2,   where
 * lambda_t = variance of the noise / variance of the term's effects, both estimated by EM.
 */
#ifndef TDL_LEARN_CROSSED_MODEL_H
#define TDL_LEARN_CROSSED_MODEL_H

#include "learn/learner.h"

enum { TDL_CROSSED_MEMBERS = 3, TDL_CROSSED_TERMS_MOST = 64 };

/* Levels of up to three categories together: one group for each combination there was. */
typedef struct tdl_crossed_term {
    size_t members_n;
    int32_t member[TDL_CROSSED_MEMBERS]; /* categories, rising; -1 past members_n */
    size_t groups_n;
    int64_t *key;   /* [groups_n] rising: ((level * levels + level) * levels + level) */
    double *effect; /* [groups_n] */
    double lambda;
} tdl_crossed_term;

typedef struct tdl_crossed_model {
    tdl_learner learner;
    size_t *levels_n; /* [categories_n] */
    double *w;        /* [cols + 1] the last the intercept */
    size_t terms_n;
    tdl_crossed_term term[TDL_CROSSED_TERMS_MOST];
} tdl_crossed_model;

/* With no terms. NULL: no memory. */
tdl_crossed_model *tdl_crossed_new(const tdl_matrix *x);
void tdl_crossed_free(tdl_learner *model); /* accepts NULL */
void tdl_crossed_term_release(tdl_crossed_term *term);

/* Do the members' combinations fit a key? */
bool tdl_crossed_fits(const size_t *levels_n, const tdl_crossed_term *term);
/* Key of one row, -1 when a member is missing or unseen. category [categories_n] */
int64_t tdl_crossed_key(const size_t *levels_n, const tdl_crossed_term *term,
                        const int32_t *category);
/* Which group has the key? -1: none. */
int32_t tdl_crossed_group(const tdl_crossed_term *term, int64_t key);

/* Learn the model's terms and weights: mains, and with `interactions` those pairs and triples that
 * make rows held out inside the training rows better.
 *   shrinkage  lambdas are this many times what the variances say */
tdl_status tdl_crossed_fit(const tdl_problem *problem, bool interactions, double shrinkage,
                           tdl_crossed_model *model, tdl_report *why);

#endif
