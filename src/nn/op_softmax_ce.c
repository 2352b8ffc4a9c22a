/* softmax_ce: out[r] = logsumexp(in[r]) - in[r][target[r]], over the whole catalogue
 *
 * Forward leaves the probabilities p = softmax(in[r]) where the scores were; backward turns them
 * into
 *
 *     d in[r] = (p - onehot(target[r])) * loss_scale
 *
 * in the same place: a matrix [rows][classes] is the largest there is, and there is one of it.
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "softmax_ce: no classes");
    shapes->out_cols = 1;
    return TDL_OK;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t classes = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *scores = call->in[0] + r * classes, lse;
        tdl_real of_target = scores[call->batch->target[r]];

        tdl_softmax(1, classes, scores, &lse);
        call->out[r] = lse - of_target;
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

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *p = call->d_in[0] + r * classes, scale = call->loss_scale;

        p[call->batch->target[r]] -= 1;
        for (size_t c = 0; c < classes; c++)
            p[c] *= scale;
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
    .is_loss = true,
    .overwrites_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
