/* A trial: what a net answers on held-out data, how fast, and how good that is. What is made
 * smaller is tried before and after.
 */
#ifndef TDL_TRAIN_TRIAL_H
#define TDL_TRAIN_TRIAL_H

#include "nn/net.h"

/* How good scores[rows][cols] are, batch behind batch; more is better. */
typedef double tdl_trial_metric(void *context, const tdl_real *scores, size_t rows, size_t cols);

typedef struct tdl_trial_data {
    const tdl_nn_batch *batch; /* [batches_n] each fits the net's plan; no targets are needed */
    size_t batches_n;
    int scores; /* the value that is judged, one that can be read after a forward */
    tdl_trial_metric *metric;
    void *context; /* of the metric */
} tdl_trial_data;

typedef struct tdl_trial {
    double metric;
    double seconds;   /* CPU time of a pass over the data on one thread, the best of three */
    size_t bytes;     /* tdl_net_weight_bytes */
    tdl_real *scores; /* [rows][cols] */
    size_t rows, cols;
} tdl_trial;

/* TDL_E_INVALID: no rows at all, scores that cannot be read, or a batch the net refuses: its number
 * | TDL_E_NO_MEMORY */
tdl_status tdl_trial_run(tdl_net *net, const tdl_trial_data *data, tdl_trial *ret, tdl_report *why);
void tdl_trial_release(tdl_trial *trial); /* accepts a zeroed struct */

/* Mean over the rows of the share of the `k` highest columns that both have; of equal scores the
 * first counts. Both of one shape; k in [1, cols], else it is taken as the nearer end.
 * TDL_E_NO_MEMORY */
tdl_status tdl_trial_agreement(const tdl_trial *a, const tdl_trial *b, size_t k, double *ret,
                               tdl_report *why);

/* A metric: the share of rows r in which column class[r] alone is the highest.
 *   context  const int32_t class[rows] */
tdl_trial_metric tdl_trial_accuracy;

#endif
