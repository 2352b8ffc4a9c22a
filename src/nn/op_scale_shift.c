/* scale_shift: out = in * gain + bias, gain [1][cols], bias [1][cols] or none
 *
 *     d in = d out * gain    d gain += column sums of in * d out    d bias += column sums of d out
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    size_t cols = shapes->in_cols[0];

    TDL_UNUSED(config);
    if (!shapes->param[0])
        return TDL_FAIL(why, TDL_E_INVALID, "scale_shift: no gain");
    for (int i = 0; i < 2; i++)
        if (shapes->param[i] && (shapes->param[i]->rows != 1 || shapes->param[i]->cols != cols))
            return TDL_FAIL(why, TDL_E_INVALID,
                            "scale_shift: input of %zu columns, '%s' [%zu][%zu]", cols,
                            shapes->param[i]->name, shapes->param[i]->rows, shapes->param[i]->cols);
    shapes->out_cols = cols;
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *in = call->in[0] + r * cols;
        tdl_real *out = call->out + r * cols;

        for (size_t c = 0; c < cols; c++)
            out[c] = in[c] * call->param[0][c] + (call->param[1] ? call->param[1][c] : 0);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, forward_rows, (void *)call);
    return TDL_OK;
}

static void gain_columns(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t c = begin; c < end; c++)
            call->d_param[0][c] += call->in[0][r * cols + c] * call->d_out[r * cols + c];
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *d_out = call->d_out + r * cols;

        for (size_t c = 0; c < cols; c++)
            d_out[c] *= call->param[0][c];
        tdl_put(call->d_in_add[0], cols, d_out, call->d_in[0] + r * cols);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    enum { COLUMNS_EACH = 64 };

    TDL_UNUSED(why);
    if (call->d_param[1])
        tdl_sum_rows(call->rows, call->shapes->out_cols, call->d_out, call->d_param[1], call->pool);
    if (call->d_param[0])
        tdl_pool_run(call->pool, call->shapes->out_cols, COLUMNS_EACH, gain_columns, (void *)call);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_scale_shift = {
    .name = "scale_shift",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
