/* input: the batch's own numbers, batch->x [rows][cols], read where they lie
 * reshape: the same numbers as rows of another width, read where they lie
 *
 * Neither has anything to compute: the plan gives a reshape the place of its input, value and
 * gradient.
 */
#include "nn/op.h"

static tdl_status infer_input(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!config->cols)
        return TDL_FAIL(why, TDL_E_INVALID, "input: no columns");
    shapes->out_cols = config->cols;
    return TDL_OK;
}

static tdl_status check_input(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->x)
        return TDL_FAIL(why, TDL_E_INVALID, "input: the batch has no numbers");
    return tdl_nn_check_finite("feature", call->batch->x, call->rows, call->shapes->out_cols, why);
}

static tdl_status infer_reshape(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    size_t per_row = shapes->in_per_row[0], numbers = per_row * shapes->in_cols[0];

    if (per_row == TDL_RAGGED)
        return TDL_FAIL(why, TDL_E_INVALID, "reshape: rows of tokens have no one width");
    if (!config->cols || numbers % config->cols)
        return TDL_FAIL(why, TDL_E_INVALID, "reshape: %zu rows of %zu columns into rows of %zu",
                        per_row, shapes->in_cols[0], config->cols);
    shapes->out_cols = config->cols;
    shapes->out_per_row = numbers / config->cols;
    return TDL_OK;
}

static tdl_status nothing(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(call);
    TDL_UNUSED(why);
    return TDL_OK;
}

const tdl_op tdl_op_input = {
    .name = "input",
    .infer = infer_input,
    .check = check_input,
    .backward = nothing,
};

const tdl_op tdl_op_reshape = {
    .name = "reshape",
    .inputs_n = 1,
    .infer = infer_reshape,
    .forward = nothing,
    .backward = nothing,
};
