/* hinge_classes: loss[r] = sum over j != y of max(0, 1 - z[y] + z[j]) / C, y = target[r]
 * (Weston and Watkins 1999; over the C classes, as PyTorch's multi_margin_loss)
 *
 *     d z[j] = 1 / C where the margin is not kept,  d z[y] = minus their sum
 */
#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_cols[0] < 2)
        return TDL_FAIL(why, TDL_E_INVALID, "hinge_classes: %zu classes", shapes->in_cols[0]);
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->target)
        return TDL_FAIL(why, TDL_E_INVALID, "hinge_classes: the batch has no classes to predict");
    return tdl_nn_batch_check_targets(call->batch, call->rows, call->shapes->in_cols[0], why);
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t classes = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *z = call->in[0] + r * classes;
        tdl_real weight = tdl_loss_class_weight(call, r), sum = 0;

        for (size_t j = 0; weight > 0 && j < classes; j++) {
            tdl_real short_of = 1 - z[call->batch->target[r]] + z[j];

            if (j != (size_t)call->batch->target[r] && short_of > 0)
                sum += short_of;
        }
        tdl_loss_put(call, r, weight, sum / (tdl_real)classes);
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
    size_t classes = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *z = call->in[0] + r * classes;
        tdl_real *d_z = call->d_in[0] + r * classes;
        tdl_real each = tdl_loss_scale(call, r) / (tdl_real)classes, sum = 0;

        for (size_t j = 0; j < classes; j++) {
            bool inside = each != 0 && j != (size_t)call->batch->target[r] &&
                          1 - z[call->batch->target[r]] + z[j] > 0;

            d_z[j] = (call->d_in_add[0] ? d_z[j] : 0) + (inside ? each : 0);
            sum += inside ? each : 0;
        }
        if (each != 0)
            d_z[call->batch->target[r]] -= sum;
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_hinge_classes = {
    .name = "hinge_classes",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0 | TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
