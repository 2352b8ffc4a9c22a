/* linear: out = act(in W + b), W [in][out], b [1][out]
 *
 *     d pre = d out * act'(pre)    d in += d pre W^T    d W += in^T d pre    d b += column sums
 *
 * What act' needs is kept apart from `out`, which a loss may overwrite.
 */
#include <string.h>

#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *w = shapes->param[0], *bias = shapes->param[1];

    if (!w)
        return TDL_FAIL(why, TDL_E_INVALID, "linear: no weights");
    if (w->rows != shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID, "linear: input of %zu columns, weights '%s' [%zu][%zu]",
                        shapes->in_cols[0], w->name, w->rows, w->cols);
    if (bias && (bias->rows != 1 || bias->cols != w->cols))
        return TDL_FAIL(why, TDL_E_INVALID, "linear: bias '%s' [%zu][%zu], weights '%s' [%zu][%zu]",
                        bias->name, bias->rows, bias->cols, w->name, w->rows, w->cols);
    shapes->out_cols = w->cols;
    shapes->saved_cols = config->act == TDL_ACT_NONE ? 0 : w->cols;
    return TDL_OK;
}

static void finish_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t out = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *row = call->out + r * out;
        tdl_real *saved = call->saved ? call->saved + r * out : NULL;

        if (saved && tdl_act_needs_input(call->config->act)) {
            tdl_act_forward(TDL_ACT_NONE, out, call->param[1], row);
            memcpy(saved, row, out * sizeof *row);
            tdl_act_forward(call->config->act, out, NULL, row);
            continue;
        }
        tdl_act_forward(call->config->act, out, call->param[1], row);
        if (saved)
            memcpy(saved, row, out * sizeof *row);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t in = call->shapes->in_cols[0], out = call->shapes->out_cols, rows = call->rows;
    tdl_status st = tdl_matmul(false, false, rows, out, in, call->in[0], in, call->param[0], out,
                               call->out, out, false, call->pool, why);

    if (!st)
        tdl_pool_run(call->pool, rows, 16, finish_rows, (void *)call);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t in = call->shapes->in_cols[0], out = call->shapes->out_cols, rows = call->rows;
    tdl_status st;

    tdl_act_backward(call->config->act, rows * out, call->saved, call->d_out);
    if ((st = tdl_matmul(false, true, rows, in, out, call->d_out, out, call->param[0], out,
                         call->d_in[0], in, true, call->pool, why)))
        return st;
    if (call->param[1])
        tdl_sum_rows(rows, out, call->d_out, call->d_param[1], call->pool);
    return tdl_matmul(true, false, in, out, rows, call->in[0], in, call->d_out, out,
                      call->d_param[0], out, true, call->pool, why);
}

const tdl_op tdl_op_linear = {
    .name = "linear",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
