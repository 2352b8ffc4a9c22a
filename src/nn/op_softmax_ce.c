/* softmax_ce: cross-entropy of softmax(in[r]) against the class target[r], over all classes
 *
 *     loss[r] = logsumexp(z) - (1 - e) z[y] - e mean(z)    e: label smoothing (Szegedy et al. 2016)
 *
 * weighted by class_weight[y] and target_weight[r]; a target of TDL_TARGET_NONE weighs nothing.
 * Forward leaves the probabilities p where it works, backward turns them into
 *
 *     d z = (p - (1 - e) onehot(y) - e / classes) * weight * loss_scale
 *
 * in the same place: a matrix [rows][classes] is the largest there is, and there is one of it.
 */
#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (shapes->in_cols[0] == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "softmax_ce: no classes");
    if (!(config->loss.smoothing >= 0 && config->loss.smoothing < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "softmax_ce: smoothing %g is not in [0, 1)",
                        config->loss.smoothing);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "softmax_ce: the batch has no classes to predict");
    return tdl_nn_batch_check_targets(call->batch, call->rows, call->shapes->in_cols[0], why);
}

static tdl_real mean_of(const tdl_real *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return (tdl_real)(sum / (double)n);
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t classes = call->shapes->in_cols[0];
    tdl_real smoothing = (tdl_real)call->config->loss.smoothing;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *in = call->in[0] + r * classes;
        tdl_real *z = call->work + r * classes;
        tdl_real weight = tdl_loss_class_weight(call, r), lse, rest = 0;
        tdl_real of_target = weight > 0 ? in[call->batch->target[r]] : 0;

        // relative to the target's: large scores cost the loss no digits
        for (size_t c = 0; c < classes; c++)
            z[c] = in[c] - of_target;
        if (smoothing > 0)
            rest = smoothing * mean_of(z, classes);
        tdl_softmax(1, classes, z, &lse);
        tdl_loss_put(call, r, weight, lse - rest);
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
    size_t classes = call->shapes->in_cols[0];
    tdl_real smoothing = (tdl_real)call->config->loss.smoothing;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *p = call->work + r * classes;
        tdl_real scale = tdl_loss_scale(call, r);

        if (scale != 0)
            p[call->batch->target[r]] -= 1 - smoothing;
        for (size_t c = 0; c < classes; c++)
            p[c] = scale != 0 ? (p[c] - smoothing / (tdl_real)classes) * scale : 0;
        if (call->d_in[0] != call->work)
            tdl_put(call->d_in_add[0], classes, p, call->d_in[0] + r * classes);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_softmax_ce = {
    .name = "softmax_ce",
    .inputs_n = 1,
    .reads = TDL_READS_OUT,
    .is_loss = true,
    .works_on_input = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
