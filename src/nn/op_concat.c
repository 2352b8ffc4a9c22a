/* concat: the columns of two to four values of as many rows, side by side
 *
 *     d in[i] = its columns of d out
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    shapes->out_cols = 0;
    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++) {
        if (shapes->in_cols[i] && shapes->in_per_row[i] != shapes->in_per_row[0])
            return TDL_FAIL(why, TDL_E_INVALID, "concat: inputs of %zu and of %zu rows for each",
                            shapes->in_per_row[0], shapes->in_per_row[i]);
        shapes->out_cols += shapes->in_cols[i];
    }
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * call->shapes->out_cols;

        for (int i = 0; i < TDL_OP_INPUTS_MAX && call->in[i]; i++) {
            size_t n = call->shapes->in_cols[i];
            tdl_put(false, n, call->in[i] + r * n, out);
            out += n;
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *d_out = call->d_out + (r + 1) * call->shapes->out_cols;

        for (int i = TDL_OP_INPUTS_MAX; i-- > 0;) {
            size_t n = call->shapes->in_cols[i];
            d_out -= n;
            if (call->d_in[i])
                tdl_put(call->d_in_add[i], n, d_out, call->d_in[i] + r * n);
        }
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_concat = {
    .name = "concat",
    .inputs_n = 2,
    .inputs_max = TDL_OP_INPUTS_MAX,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
