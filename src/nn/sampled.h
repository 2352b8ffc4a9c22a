/* What losses over a sample of the classes share: each row of the input against the table rows of
 * its target and of its negatives.
 *
 * Scores of row r are saved as r * (1 + S) ..: the target's first, then the S = negatives_n
 * negatives', S at most config->loss.negatives_max.
 */
#ifndef TDL_NN_SAMPLED_H
#define TDL_NN_SAMPLED_H

#include "nn/op.h"

tdl_status tdl_sampled_infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why);
tdl_status tdl_sampled_check(const tdl_op_call *call, tdl_report *why);

/* saved = the scores. That of a target TDL_TARGET_NONE is 0. */
tdl_status tdl_sampled_scores(const tdl_op_call *call, tdl_report *why);

/* saved holds the slopes of each row's loss by its scores: weigh them, and give the gradients of
 * the input and of the table. */
tdl_status tdl_sampled_backward(const tdl_op_call *call, tdl_report *why);

/* Class of negative `j` of row `row`. */
static inline int32_t tdl_sampled_negative(const tdl_op_call *call, size_t row, size_t j)
{
    const tdl_nn_batch *batch = call->batch;

    return batch->negative[(batch->negatives_each ? row * batch->negatives_n : 0) + j];
}

/* Scores of row `row`, or their gradients: [1 + S] */
static inline tdl_real *tdl_sampled_row(const tdl_op_call *call, size_t row)
{
    return call->saved + row * (1 + call->batch->negatives_n);
}

#endif
