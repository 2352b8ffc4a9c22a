/* linear: out = act(in W + b) + residual, W [in][out], b [1][out]; an activation or a residual
 *
 *     d pre = d out * act'(pre)    d in = d pre W^T    d W += in^T d pre    d b += column sums
 *     d residual = d out
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
    if (shapes->in_cols[1] &&
        (shapes->in_cols[1] != w->cols || shapes->in_per_row[1] != shapes->in_per_row[0]))
        return TDL_FAIL(why, TDL_E_INVALID, "linear: residual of %zu columns, output of %zu",
                        shapes->in_cols[1], w->cols);
    if (shapes->in_cols[1] && config->act != TDL_ACT_NONE)
        return TDL_FAIL(why, TDL_E_INVALID, "linear: both an activation and a residual");
    shapes->out_cols = w->cols;
    if (config->act != TDL_ACT_NONE && tdl_act_needs_input(config->act))
        shapes->saved_cols = w->cols;
    else if (config->act != TDL_ACT_NONE)
        shapes->reads |= TDL_READS_OUT;
    return TDL_OK;
}

static void finish_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t out = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *row = call->out + r * out;

        if (call->saved) {
            tdl_act_forward(TDL_ACT_NONE, out, call->param[1], row);
            memcpy(call->saved + r * out, row, out * sizeof *row);
            tdl_act_forward(call->config->act, out, NULL, row);
        } else {
            tdl_act_forward(call->config->act, out, call->param[1], row);
        }
        if (call->in[1])
            tdl_put(true, out, call->in[1] + r * out, row);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t in = call->shapes->in_cols[0], out = call->shapes->out_cols, rows = call->rows;
    tdl_status st;

    if (call->packed && !call->training) {
        tdl_real_linear(call->packed, rows, call->in[0], in, call->param[1], call->config->act,
                        call->out, out, call->pool);
        if (call->in[1])
            tdl_put(true, rows * out, call->in[1], call->out);
        return TDL_OK;
    }
    st = tdl_op_matmul(call, false, false, rows, out, in, call->in[0], in, call->param[0], out,
                       call->out, out, false, why);
    if (!st && (call->param[1] || call->in[1] || call->config->act != TDL_ACT_NONE))
        tdl_pool_run(call->pool, rows, 16, finish_rows, (void *)call);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t in = call->shapes->in_cols[0], out = call->shapes->out_cols, rows = call->rows;
    tdl_status st = TDL_OK;

    if (call->d_in[1])
        tdl_put(call->d_in_add[1], rows * out, call->d_out, call->d_in[1]);
    if (call->config->act != TDL_ACT_NONE)
        tdl_act_backward(call->config->act, rows * out, call->saved ? call->saved : call->out,
                         call->d_out);
    if (call->d_in[0])
        st = tdl_op_matmul(call, false, true, rows, in, out, call->d_out, out, call->param[0], out,
                           call->d_in[0], in, call->d_in_add[0], why);
    if (call->d_param[1])
        tdl_sum_rows(rows, out, call->d_out, call->d_param[1], call->pool);
    if (st || !call->d_param[0])
        return st;
    return tdl_op_matmul(call, true, false, in, out, rows, call->in[0], in, call->d_out, out,
                         call->d_param[0], out, true, why);
}

const tdl_op tdl_op_linear = {
    .name = "linear",
    .inputs_n = 1,
    .inputs_max = 2,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
