/* listwise: the scores of a row are one list, batch->value [rows][n] how relevant each is (Cao et
 * al., ICML 2007, top one)
 *
 *     p = relevance / its sum    loss[r] = logsumexp(z) - sum p z    d z = softmax(z) - p
 *
 * A list in which nothing is relevant counts for nothing. As softmax_ce, forward leaves the
 * probabilities where it works and backward turns them into the gradient in the same place.
 */
#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "listwise: empty lists");
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->shapes->in_cols[0];
    tdl_status st;

    if (!call->batch->value)
        return TDL_FAIL(why, TDL_E_INVALID, "listwise: the batch has no relevance to predict");
    if ((st = tdl_nn_batch_check_targets(call->batch, call->rows, SIZE_MAX, why)) ||
        (st = tdl_nn_check_finite("relevance", call->batch->value, call->rows, n, why)))
        return st;
    for (size_t i = 0; i < call->rows * n; i++)
        if (call->batch->value[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, column %zu: relevance %g is not >= 0",
                            i / n, i % n, (double)call->batch->value[i]);
    return TDL_OK;
}

static double sum_of(size_t n, const tdl_real *x)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t n = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *relevance = call->batch->value + r * n;
        tdl_real *z = call->work + r * n, first = call->in[0][r * n], lse;
        double sum = sum_of(n, relevance), expected = 0;

        for (size_t i = 0; i < n; i++) {
            z[i] = call->in[0][r * n + i] - first; // large scores cost the loss no digits
            expected += (double)relevance[i] * (double)z[i];
        }
        tdl_softmax(1, n, z, &lse);
        tdl_loss_put(call, r, sum > 0 ? tdl_loss_weight(call, r) : 0,
                     sum > 0 ? lse - (tdl_real)(expected / sum) : 0);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t n = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *relevance = call->batch->value + r * n;
        tdl_real *p = call->work + r * n, scale = tdl_loss_scale(call, r);
        tdl_real sum = (tdl_real)sum_of(n, relevance);

        for (size_t i = 0; i < n; i++)
            p[i] = scale != 0 ? (p[i] - relevance[i] / sum) * scale : 0;
        if (call->d_in[0] && call->d_in[0] != call->work)
            tdl_put(call->d_in_add[0], n, p, call->d_in[0] + r * n);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_listwise = {
    .name = "listwise",
    .inputs_n = 1,
    .reads = TDL_READS_OUT,
    .is_loss = true,
    .works_on_input = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
