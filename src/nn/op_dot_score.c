/* dot_score: out = in T^T + b, table T [classes][d], b [1][classes]: every row against every class
 *
 *     d in += d out T    d T += d out^T in    d b += column sums of d out
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *table = shapes->param[0], *bias = shapes->param[1];

    TDL_UNUSED(config);
    if (!table)
        return TDL_FAIL(why, TDL_E_INVALID, "dot_score: no table");
    if (table->cols != shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID,
                        "dot_score: input of %zu columns, table '%s' [%zu][%zu]",
                        shapes->in_cols[0], table->name, table->rows, table->cols);
    if (bias && (bias->rows != 1 || bias->cols != table->rows))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "dot_score: bias '%s' [%zu][%zu], table '%s' [%zu][%zu]", bias->name,
                        bias->rows, bias->cols, table->name, table->rows, table->cols);
    shapes->out_cols = table->rows;
    return TDL_OK;
}

static void add_bias(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t classes = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        tdl_act_forward(TDL_ACT_NONE, classes, call->param[1], call->out + r * classes);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->in_cols[0], classes = call->shapes->out_cols, rows = call->rows;
    tdl_status st;

    if (call->packed && !call->training) {
        tdl_real_linear(call->packed, rows, call->in[0], d, call->param[1], TDL_ACT_NONE, call->out,
                        classes, call->pool);
        return TDL_OK;
    }
    st = tdl_op_matmul(call, false, true, rows, classes, d, call->in[0], d, call->param[0], d,
                       call->out, classes, false, why);
    if (!st && call->param[1])
        tdl_pool_run(call->pool, rows, 1, add_bias, (void *)call);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->in_cols[0], classes = call->shapes->out_cols, rows = call->rows;
    tdl_status st = TDL_OK;

    if (call->d_in[0])
        st = tdl_op_matmul(call, false, false, rows, d, classes, call->d_out, classes,
                           call->param[0], d, call->d_in[0], d, call->d_in_add[0], why);
    if (call->d_param[1])
        tdl_sum_rows(rows, classes, call->d_out, call->d_param[1], call->pool);
    if (st || !call->d_param[0])
        return st;
    return tdl_op_matmul(call, true, false, classes, d, rows, call->d_out, classes, call->in[0], d,
                         call->d_param[0], d, true, why);
}

const tdl_op tdl_op_dot_score = {
    .name = "dot_score",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
