/* norm: each row brought to mean 0 and variance 1, or to mean square 1, then scaled and shifted;
 * the formulas are in norm.c. gain, bias [1][d]
 *
 *     saved: the mean of each row, then 1 / deviation of each
 */
#include <math.h>

#include "nn/op.h"

enum { SAVED = 2 };

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
    shapes->saved_cols = SAVED;
    return TDL_OK;
}

static bool is_centred(const tdl_op_call *call)
{
    return call->config->norm != TDL_NORM_RMS;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_norm_forward(is_centred(call), call->rows, call->shapes->out_cols, call->in[0],
                     call->param[0], call->param[1], call->config->eps, call->out, call->saved,
                     call->saved + call->rows, call->pool);
    return TDL_OK;
}

/* The gradient of the input takes the place of d_out; d_in may be there. */
static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(why);
    tdl_norm_backward(is_centred(call), call->rows, d, call->in[0], call->param[0], call->saved,
                      call->saved + call->rows, call->d_out, call->d_out, call->d_param[0],
                      call->d_param[1], call->pool);
    if (call->d_in[0])
        tdl_put(call->d_in_add[0], call->rows * d, call->d_out, call->d_in[0]);
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
