/* The rows of one fold: those to learn from and those to test on, and both prepared for a learner.
 * Whatever is fitted is fitted on the former. */
#ifndef TDL_PREDICT_GROUND_H
#define TDL_PREDICT_GROUND_H

#include "apps/predict/contest.h"

typedef struct tdl_ground {
    uint32_t *train_row, *test_row; /* of the frame */
    uint32_t *test_at;              /* [test_n] places in data->row */
    float *y, *weight;              /* [train_n]; weight NULL = none */
    int32_t *group;                 /* [train_n] or NULL */
    size_t train_n, test_n;
    tdl_prepare *prepare; /* NULL = not yet */
    tdl_matrix train, test;
} tdl_ground;

/* Which rows. TDL_E_NO_MEMORY */
tdl_status tdl_ground_take(const tdl_contest_data *data, size_t fold, tdl_ground *ret,
                           tdl_report *why);
/* Their matrices, unless they are there, for the problem that `ops` is to learn: its x and y are
 * not looked at. */
tdl_status tdl_ground_prepare(const tdl_contest_data *data, const tdl_learner_ops *ops,
                              const tdl_problem *problem, tdl_ground *ground, tdl_report *why);
void tdl_ground_release(tdl_ground *ground); /* accepts a zeroed struct */

#endif
