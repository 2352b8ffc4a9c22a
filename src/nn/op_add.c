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
    if (shapes->in_per_row[0] != shapes->in_per_row[1])
        return TDL_FAIL(why, TDL_E_INVALID, "add: inputs of %zu and of %zu rows for each",
                        shapes->in_per_row[0], shapes->in_per_row[1]);
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
    // The second first: the gradient of the first may be left where d_out is.
    for (int i = 1; i >= 0; i--)
        if (call->d_in[i])
            tdl_put(call->d_in_add[i], n, call->d_out, call->d_in[i]);
    return TDL_OK;
}

const tdl_op tdl_op_add = {
    .name = "add",
    .inputs_n = 2,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
