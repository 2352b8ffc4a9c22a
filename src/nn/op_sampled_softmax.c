/* sampled_softmax: cross-entropy of the target among itself and S negatives, batch->negative
 *
 *     z[c] = in[r] . table[c] - log(S q[c])    loss[r] = logsumexp(z) - z[target]
 *
 * where log q is batch->log_q (NULL: no correction) and S = negatives_n (Bengio and Senecal 2008).
 * The target's logit is corrected too only when correct_target says so. Negatives that are the
 * target are left out.
 *
 * saved: the probabilities, which backward turns into d z = (p - onehot) * weight * loss_scale.
 */
#include <math.h>

#include "nn/loss.h"
#include "nn/sampled.h"

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_real *log_q = call->batch->log_q;
    tdl_status st = tdl_sampled_check(call, why);

    for (size_t c = 0; !st && log_q && c < call->shapes->param[0]->rows; c++)
        if (isnan(log_q[c]) || log_q[c] > 0)
            return TDL_FAIL(why, TDL_E_INVALID, "class %zu: log of the chance to be drawn is %g", c,
                            (double)log_q[c]);
    return st;
}

static void correct(const tdl_op_call *call, size_t row, tdl_real log_s, tdl_real *z)
{
    const tdl_nn_batch *batch = call->batch;

    if (call->config->loss.correct_target)
        z[0] -= log_s + batch->log_q[batch->target[row]];
    for (size_t j = 0; j < batch->negatives_n; j++)
        z[1 + j] -= log_s + batch->log_q[tdl_sampled_negative(call, row, j)];
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t n = batch->negatives_n;
    tdl_real log_s = (tdl_real)log((double)(n ? n : 1));

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *z = tdl_sampled_row(call, r), weight = tdl_loss_class_weight(call, r), lse = 0;

        if (weight > 0) {
            if (batch->log_q)
                correct(call, r, log_s, z);
            for (size_t j = 0; j < n; j++)
                if (tdl_sampled_negative(call, r, j) == batch->target[r])
                    z[1 + j] = -(tdl_real)INFINITY;
            for (size_t j = n + 1; j-- > 0;) // large scores cost the loss no digits
                z[j] -= z[0];
            tdl_softmax(1, 1 + n, z, &lse);
        }
        tdl_loss_put(call, r, weight, lse);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st = tdl_sampled_scores(call, why);

    if (!st)
        tdl_pool_run(call->pool, call->rows, 1, forward_rows, (void *)call);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    for (size_t r = 0; r < call->rows; r++)
        tdl_sampled_row(call, r)[0] -= 1; // the target stands first
    return tdl_sampled_backward(call, why);
}

const tdl_op tdl_op_sampled_softmax = {
    .name = "sampled_softmax",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0 | TDL_READS_OUT,
    .is_loss = true,
    .infer = tdl_sampled_infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
