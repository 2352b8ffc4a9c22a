/* What the losses share: how much a row counts. */
#ifndef TDL_NN_LOSS_H
#define TDL_NN_LOSS_H

#include "nn/op.h"

/* Of row `row`, whatever is to be met there. */
static inline tdl_real tdl_loss_weight(const tdl_op_call *call, size_t row)
{
    return call->batch->target_weight ? call->batch->target_weight[row] : 1;
}

/* Of row `row` with its class: target_weight * class_weight; 0 for TDL_TARGET_NONE. */
static inline tdl_real tdl_loss_class_weight(const tdl_op_call *call, size_t row)
{
    int32_t target = call->batch->target[row];
    const tdl_real *of_class = call->config->loss.class_weight;

    if (target == TDL_TARGET_NONE)
        return 0;
    return (of_class ? of_class[target] : 1) * tdl_loss_weight(call, row);
}

/* Forward: the loss of a row and what it counts. */
static inline void tdl_loss_put(const tdl_op_call *call, size_t row, tdl_real weight, tdl_real loss)
{
    call->out[row * TDL_LOSS_COLS] = weight > 0 ? weight * loss : 0;
    call->out[row * TDL_LOSS_COLS + 1] = weight;
}

/* Backward: what the slope of a row's loss is multiplied with. */
static inline tdl_real tdl_loss_scale(const tdl_op_call *call, size_t row)
{
    return call->loss_scale * call->out[row * TDL_LOSS_COLS + 1];
}

#endif
