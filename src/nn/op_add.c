/* add: out = in[0] + in[1], the residual connection (He et al., CVPR 2016)
 *
 *     d in[0] += d out    d in[1] += d out
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] != shapes->in_cols[1])
        return TDL_FAIL(why, TDL_E_INVALID, "add: inputs of %zu and of %zu columns",
                        shapes->in_cols[0], shapes->in_cols[1]);
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->rows * call->shapes->out_cols;

    TDL_UNUSED(why);
    for (size_t i = 0; i < n; i++)
        call->out[i] = call->in[0][i] + call->in[1][i];
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->rows * call->shapes->out_cols;

    TDL_UNUSED(why);
    for (size_t i = 0; i < n; i++) {
        call->d_in[0][i] += call->d_out[i];
        call->d_in[1][i] += call->d_out[i];
    }
    return TDL_OK;
}

const tdl_op tdl_op_add = {
    .name = "add",
    .inputs_n = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
