/* A generalised additive model of step functions: one curve for each feature, and tables for a few
 * pairs (Lou, Caruana, Gehrke and Hooker, 2013, "Accurate intelligible models with pairwise
 * interactions"). All of it can be printed, and read.
 *
 *     score[h] = intercept[h] + sum_j curve[j][h][bin of x_j] + sum_k pair[k][h][bins of both]
 *
 * Bins         at most 64 a feature, cut at training quantiles; bin 0 is of missing numbers, bin b
 *              of edge[b - 2] <= x < edge[b - 1]. Pairs have at most 16, which are runs of those
 * Centred      the mean of every curve and table over the training rows is 0
 */
#ifndef TDL_LEARN_ADDITIVE_MODEL_H
#define TDL_LEARN_ADDITIVE_MODEL_H

#include "learn/learner.h"

enum {
    TDL_ADDITIVE_BINS = 65,   /* with that of missing numbers */
    TDL_ADDITIVE_COARSE = 17, /* likewise, of pairs */
    TDL_ADDITIVE_PAIRS = 10
};

typedef struct tdl_additive_model {
    tdl_learner learner;
    size_t heads;      /* scores a row */
    int32_t *edges_n;  /* [cols] at most TDL_ADDITIVE_BINS - 2 */
    double *edge;      /* [cols][TDL_ADDITIVE_BINS - 2], rising, edges_n of them used */
    int32_t *coarse;   /* [cols][TDL_ADDITIVE_BINS] to bins of pairs, 0 to 0 */
    double *intercept; /* [heads] */
    double *curve;     /* [cols][heads][TDL_ADDITIVE_BINS] */
    size_t pairs_n;
    int32_t *member; /* [pairs_n][2] features, the first below the second */
    double *pair;    /* [pairs_n][heads][TDL_ADDITIVE_COARSE][TDL_ADDITIVE_COARSE] */
} tdl_additive_model;

/* Without bins, curves or pairs: all zeros. NULL: no memory. */
tdl_additive_model *tdl_additive_new(size_t cols, size_t heads);
void tdl_additive_free(tdl_learner *model); /* accepts NULL */

/* Cut every feature of x at its quantiles. */
tdl_status tdl_additive_cut(tdl_additive_model *model, const tdl_matrix *x, tdl_report *why);
size_t tdl_additive_bin(const tdl_additive_model *model, size_t feature, float x);

/* What x_j adds to score `head`. */
double tdl_additive_effect(const tdl_additive_model *model, size_t feature, size_t head, float x);
double tdl_additive_pair_effect(const tdl_additive_model *model, size_t pair, size_t head,
                                const float *x);

/* One curve, for printing: borrowed from the learner, which is of kind "additive". */
typedef struct tdl_additive_curve {
    double missing;      /* what a missing number adds */
    size_t n;            /* steps */
    const double *value; /* [n] */
    const double *edge;  /* [n - 1]: step s is of edge[s - 1] <= x < edge[s] */
} tdl_additive_curve;

/* False when there is no such feature or score, or the learner is of another kind. */
bool tdl_additive_curve_of(const tdl_learner *learner, size_t feature, size_t head,
                           tdl_additive_curve *ret);
/* Pairs there are, and which features they are of. */
size_t tdl_additive_pairs_n(const tdl_learner *learner);
void tdl_additive_pair_of(const tdl_learner *learner, size_t pair, size_t *ret_a, size_t *ret_b);

#endif
