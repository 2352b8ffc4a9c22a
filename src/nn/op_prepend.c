/* prepend: a learned row before the n rows of each batch row, then positions added to all
 *
 *     out[r] = [cls; in[r]] + positions      cls [1][d], positions [n + 1][d] or none
 *
 *     d in = d out without its first row    d cls += sum of the first rows
 *     d positions += sum over r of d out[r]
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *cls = shapes->param[0], *positions = shapes->param[1];
    size_t d = shapes->in_cols[0], n = shapes->in_per_row[0];

    TDL_UNUSED(config);
    if (n == TDL_RAGGED)
        return TDL_FAIL(why, TDL_E_INVALID, "prepend: before rows of tokens");
    if (!cls || cls->rows != 1 || cls->cols != d)
        return TDL_FAIL(why, TDL_E_INVALID, "prepend: input of %zu columns, and no row of as many",
                        d);
    if (positions && (positions->rows != n + 1 || positions->cols != d))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "prepend: %zu rows of %zu columns, positions '%s' [%zu][%zu]", n + 1, d,
                        positions->name, positions->rows, positions->cols);
    shapes->out_cols = d;
    shapes->out_per_row = n + 1;
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->out_cols, n = call->shapes->in_per_row[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * (n + 1) * d;

        tdl_put(false, d, call->param[0], out);
        tdl_put(false, n * d, call->in[0] + r * n * d, out + d);
        if (call->param[1])
            tdl_put(true, (n + 1) * d, call->param[1], out);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->out_cols, n = call->shapes->in_per_row[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        tdl_put(call->d_in_add[0], n * d, call->d_out + (r * (n + 1) + 1) * d,
                call->d_in[0] + r * n * d);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols, n = call->shapes->in_per_row[0], rows = call->batch->rows;

    TDL_UNUSED(why);
    if (call->d_param[1])
        tdl_sum_rows(rows, (n + 1) * d, call->d_out, call->d_param[1], call->pool);
    for (size_t r = 0; call->d_param[0] && r < rows; r++)
        tdl_put(true, d, call->d_out + r * (n + 1) * d, call->d_param[0]);
    if (call->d_in[0])
        tdl_pool_run(call->pool, rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_prepend = {
    .name = "prepend",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
