/* norm: each row brought to mean 0 and variance 1, or to mean square 1, then scaled and shifted;
 * the formulas are in norm.c. gain, bias [1][d]
 *
 *     saved [rows][2]: mean and 1 / deviation of each row
 */
#include <math.h>

#include "nn/op.h"

enum { ROWS_EACH = 16 };

static bool is_vector(const tdl_slice *param, size_t n)
{
    return !param || (param->rows == 1 && param->cols == n);
}

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *gain = shapes->param[0], *bias = shapes->param[1];
    size_t d = shapes->in_cols[0];

    if (!(config->eps > 0) || !isfinite(config->eps))
        return TDL_FAIL(why, TDL_E_INVALID, "norm: eps %g is not above 0", config->eps);
    if (d == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "norm: no columns");
    if ((config->norm == TDL_NORM_LAYER_PLAIN) == (gain != NULL))
        return TDL_FAIL(why, TDL_E_INVALID, "norm: %s",
                        gain ? "the plain kind has no gain" : "no gain");
    if (bias && config->norm != TDL_NORM_LAYER)
        return TDL_FAIL(why, TDL_E_INVALID, "norm: this kind has no bias");
    for (int i = 0; i < 2; i++)
        if (!is_vector(shapes->param[i], d))
            return TDL_FAIL(why, TDL_E_INVALID, "norm: input of %zu columns, '%s' [%zu][%zu]", d,
                            shapes->param[i]->name, shapes->param[i]->rows, shapes->param[i]->cols);
    shapes->out_cols = d;
    shapes->saved_cols = TDL_NORM_STATS;
    return TDL_OK;
}

static bool is_centred(const tdl_op_call *call)
{
    return call->config->norm != TDL_NORM_RMS;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    tdl_norm_forward(end - begin, d, is_centred(call), call->config->eps, call->in[0] + begin * d,
                     call->param[0], call->param[1], call->out + begin * d,
                     call->saved + begin * TDL_NORM_STATS);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, ROWS_EACH, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    tdl_norm_backward(end - begin, d, is_centred(call), call->in[0] + begin * d, call->param[0],
                      call->saved + begin * TDL_NORM_STATS, call->d_out + begin * d,
                      call->d_in[0] + begin * d, call->d_in_add[0]);
}

/* Parameters first: the gradient of the input may take the place of d_out. */
static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(why);
    if (call->d_param[0])
        tdl_norm_gain_backward(call->rows, d, call->in[0], call->saved, call->d_out,
                               call->d_param[0], call->pool);
    if (call->d_param[1])
        tdl_sum_rows(call->rows, d, call->d_out, call->d_param[1], call->pool);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, ROWS_EACH, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_norm = {
    .name = "norm",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
