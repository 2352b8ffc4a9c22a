/* rising: numbers that cannot cross, in groups of n = config.cols columns
 *
 *     out[0] = in[0]    out[k] = out[k - 1] + softplus(in[k])
 *
 *     d in[k] = sigmoid(in[k]) * sum over j >= k of d out[j]    d in[0] = sum of all
 *
 * The head of a model of quantiles: each group is one target's.
 */
#include "nn/op.h"
#include "nn/softplus.h"

enum { GROUP_MAX = 256 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!config->cols || config->cols > GROUP_MAX || shapes->in_cols[0] % config->cols)
        return TDL_FAIL(why, TDL_E_INVALID, "rising: %zu columns in groups of %zu, at most %d",
                        shapes->in_cols[0], config->cols, GROUP_MAX);
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols, n = call->config->cols;

    TDL_UNUSED(part);
    for (size_t at = begin * cols; at < end * cols; at += n) {
        const tdl_real *in = call->in[0] + at;
        tdl_real *out = call->out + at;

        tdl_softplus(n, in, out, NULL);
        out[0] = in[0];
        for (size_t k = 1; k < n; k++)
            out[k] += out[k - 1];
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
    size_t cols = call->shapes->out_cols, n = call->config->cols;

    TDL_UNUSED(part);
    for (size_t at = begin * cols; at < end * cols; at += n) {
        tdl_real value[GROUP_MAX], slope[GROUP_MAX], sum = 0;

        tdl_softplus(n, call->in[0] + at, value, slope);
        for (size_t k = n; k-- > 0;) {
            sum += call->d_out[at + k];
            call->d_out[at + k] = k ? sum * slope[k] : sum;
        }
        tdl_put(call->d_in_add[0], n, call->d_out + at, call->d_in[0] + at);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_rising = {
    .name = "rising",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
