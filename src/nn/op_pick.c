/* pick: the score that is asked about, in the place of a loss: out[r] = in[r][target[r]]
 *
 *     d in[r][target[r]] = loss_scale
 *
 * A row of TDL_TARGET_NONE is not asked about. For attribution: see attrib.h.
 */
#include <string.h>

#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    TDL_UNUSED(why);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "pick: the batch does not say which score");
    return tdl_nn_batch_check_targets(call->batch, call->rows, call->shapes->in_cols[0], why);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0];

    TDL_UNUSED(why);
    for (size_t r = 0; r < call->rows; r++) {
        int32_t target = call->batch->target[r];
        bool asked = target != TDL_TARGET_NONE;

        tdl_loss_put(call, r, asked, asked ? call->in[0][r * cols + (size_t)target] : 0);
    }
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0];

    TDL_UNUSED(why);
    if (!call->d_in_add[0])
        memset(call->d_in[0], 0, call->rows * cols * sizeof *call->d_in[0]);
    for (size_t r = 0; r < call->rows; r++)
        if (call->batch->target[r] != TDL_TARGET_NONE)
            call->d_in[0][r * cols + (size_t)call->batch->target[r]] += tdl_loss_scale(call, r);
    return TDL_OK;
}

const tdl_op tdl_op_pick = {
    .name = "pick",
    .inputs_n = 1,
    .reads = TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
