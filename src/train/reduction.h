/* Private to the training loop: the gradient of one step, summed over the ranks.
 *
 * The flat gradient goes in buckets, slices of equal size, each as soon as backward has passed it,
 * while backward goes on with the rest. All ranks know the layout, so the order needs no word. With
 * two ranks neither the size of a bucket nor its time changes a bit of the sum.
 *
 *     tdl_reduction_begin -> watch, or not -> tdl_reduction_finish
 */
#ifndef TDL_TRAIN_REDUCTION_H
#define TDL_TRAIN_REDUCTION_H

#include "nn/params.h"
#include "train/comm.h"

typedef struct tdl_reduction {
    tdl_comm *comm;
    float *grad;               /* [n] */
    size_t n, bucket_n, begun; /* numbers; [0, begun) is under way */
    tdl_gradient_watch watch;  /* for the last backward pass of the step */
    tdl_status status;         /* of what was begun while nobody could be told */
    tdl_report why;
} tdl_reduction;

/* The struct must stay where it is until the end.
 *   bucket_bytes  0 = 4 MiB */
void tdl_reduction_begin(tdl_reduction *reduction, tdl_comm *comm, const tdl_params *params,
                         size_t bucket_bytes);

/* Begin what was not, and wait for all. */
tdl_status tdl_reduction_finish(tdl_reduction *reduction, tdl_report *why);

#endif
