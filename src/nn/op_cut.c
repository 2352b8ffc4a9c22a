/* cut: columns at .. at + cols of a value
 *
 *     d in = d out there, 0 elsewhere
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    size_t there = shapes->in_cols[0];

    if (!config->cols || config->at > there || config->cols > there - config->at)
        return TDL_FAIL(why, TDL_E_INVALID, "cut: %zu columns from %zu on, of %zu", config->cols,
                        config->at, there);
    shapes->out_cols = config->cols;
    return TDL_OK;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0], n = call->config->cols;

    TDL_UNUSED(why);
    for (size_t r = 0; r < call->rows; r++)
        tdl_put(false, n, call->in[0] + r * cols + call->config->at, call->out + r * n);
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t cols = call->shapes->in_cols[0], n = call->config->cols;

    TDL_UNUSED(why);
    for (size_t r = 0; call->d_in[0] && r < call->rows; r++) {
        tdl_real *d = call->d_in[0] + r * cols;

        for (size_t c = 0; c < cols && !call->d_in_add[0]; c++)
            d[c] = 0;
        tdl_put(true, n, call->d_out + r * n, d + call->config->at);
    }
    return TDL_OK;
}

const tdl_op tdl_op_cut = {
    .name = "cut",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
