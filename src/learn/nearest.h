/* The model of nearest neighbours. Private to nearest*.c. */
#ifndef TDL_LEARN_NEAREST_H
#define TDL_LEARN_NEAREST_H

#include "learn/learner.h"
#include "learn/neighbours.h"

typedef struct tdl_nearest {
    tdl_learner learner;
    size_t rows, k, classes_n;
    float *x;      /* [rows][cols] */
    float *y;      /* [rows] */
    float *weight; /* [rows] */
    double *quantile;
    double *prior; /* [classes] shares, or the mean */
    size_t prior_n;
} tdl_nearest;

/* What tdl_summary is asked of. */
tdl_problem tdl_nearest_found(const tdl_nearest *model);
/* Scores of the neighbours in the heap [k], which is left in any order. row: scratch [k];
 * scratch: [2 k]; ret [scores_n] */
void tdl_nearest_summary(const tdl_nearest *model, const tdl_problem *found,
                         const tdl_neighbour *heap, uint32_t *row, double *scratch, double *ret);

/* Shapley values by column, against the baseline; see nearest_attribute.c. */
tdl_status tdl_nearest_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why);

#endif
