/* distil_ce: a student's scores z against a teacher's softened probabilities q = batch->value
 * [rows][classes] and, where a row has one, against its class y = batch->target:
 *
 *     loss[r] = a t^2 KL(q || softmax(z / t)) + (1 - a) (logsumexp(z) - z[y])
 *
 * (Hinton, Vinyals and Dean 2015), t the temperature, a the share of the teacher's part; t^2 keeps
 * the size of its gradient whatever t is. A row without a class has the first part alone: it needs
 * no label. Weighted by target_weight[r]. Slope:
 *
 *     d z = (a t (p_t - q) + (1 - a) (p_1 - onehot(y))) * weight * loss_scale
 *
 * with p_t = softmax(z / t) and p_1 = softmax(z), side by side in `saved`.
 */
#include <math.h>
#include <string.h>

#include "nn/loss.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_loss_config *loss = &config->loss;

    if (shapes->in_cols[0] == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "distil_ce: no classes");
    if (!(loss->parameter > 0 && isfinite(loss->parameter)))
        return TDL_FAIL(why, TDL_E_INVALID, "distil_ce: temperature %g is not > 0",
                        loss->parameter);
    if (!(loss->soft_share >= 0 && loss->soft_share <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "distil_ce: share %g of the teacher is not in [0, 1]",
                        loss->soft_share);
    shapes->out_cols = TDL_LOSS_COLS;
    shapes->saved_cols = 2 * shapes->in_cols[0];
    return TDL_OK;
}

static tdl_status check_probabilities(const tdl_real *q, size_t row, size_t classes,
                                      tdl_report *why)
{
    double sum = 0;

    for (size_t c = 0; c < classes; c++) {
        if (!(q[c] >= 0))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu, class %zu: probability %g is not >= 0",
                            row, c, (double)q[c]);
        sum += (double)q[c];
    }
    if (!(fabs(sum - 1) <= 1e-3))
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: the teacher's probabilities sum to %g, not 1",
                        row, sum);
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    size_t classes = call->shapes->in_cols[0];
    tdl_status st = TDL_OK;

    if (!call->batch->value)
        return TDL_FAIL(why, TDL_E_INVALID, "distil_ce: the batch has no probabilities to meet");
    for (size_t r = 0; !st && r < call->rows; r++)
        st = check_probabilities(call->batch->value + r * classes, r, classes, why);
    return st ? st : tdl_nn_batch_check_targets(call->batch, call->rows, classes, why);
}

static int32_t class_of(const tdl_op_call *call, size_t row)
{
    return call->batch->target ? call->batch->target[row] : TDL_TARGET_NONE;
}

/* sum of q log q */
static double negative_entropy(const tdl_real *q, size_t classes)
{
    enum { BLOCK = 64 };
    double sum = 0;

    for (size_t at = 0; at < classes; at += BLOCK) {
        size_t n = classes - at < BLOCK ? classes - at : BLOCK;
        tdl_real log_q[BLOCK];

        for (size_t c = 0; c < n; c++)
            log_q[c] = q[at + c] > 0 ? q[at + c] : 1;
        tdl_real_log(n, log_q);
        for (size_t c = 0; c < n; c++)
            sum += (double)q[at + c] * (double)log_q[c];
    }
    return sum;
}

/* KL(q || softmax(z / t)); softmax(z / t) to p */
static double soft_loss(const tdl_real *z, const tdl_real *q, double t, size_t classes, tdl_real *p)
{
    double met = 0, mass = 0;
    tdl_real lse;

    // relative to the first: large scores cost the loss no digits
    for (size_t c = 0; c < classes; c++) {
        p[c] = (z[c] - z[0]) / (tdl_real)t;
        met += (double)q[c] * (double)p[c];
        mass += (double)q[c];
    }
    tdl_softmax(1, classes, p, &lse);
    return mass * (double)lse - met + negative_entropy(q, classes);
}

/* -log softmax(z)[y], 0 without a class; softmax(z) to p */
static double hard_loss(const tdl_real *z, int32_t y, size_t classes, tdl_real *p)
{
    tdl_real of_target = y == TDL_TARGET_NONE ? 0 : z[y], lse;

    for (size_t c = 0; c < classes; c++)
        p[c] = z[c] - of_target;
    tdl_softmax(1, classes, p, &lse);
    return y == TDL_TARGET_NONE ? 0 : (double)lse;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_loss_config *loss = &call->config->loss;
    size_t classes = call->shapes->in_cols[0];
    double t = loss->parameter, soft = loss->soft_share;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *z = call->in[0] + r * classes, *q = call->batch->value + r * classes;
        tdl_real *p = call->saved + 2 * r * classes;
        double sum = soft * t * t * soft_loss(z, q, t, classes, p) +
                     (1 - soft) * hard_loss(z, class_of(call, r), classes, p + classes);

        tdl_loss_put(call, r, tdl_loss_weight(call, r), (tdl_real)sum);
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
    const tdl_loss_config *loss = &call->config->loss;
    size_t classes = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *q = call->batch->value + r * classes;
        tdl_real *slope = call->saved + 2 * r * classes, *p = slope + classes;
        int32_t y = class_of(call, r);
        tdl_real scale = tdl_loss_scale(call, r);
        tdl_real soft = (tdl_real)(loss->soft_share * loss->parameter) * scale;
        tdl_real hard = y == TDL_TARGET_NONE ? 0 : (tdl_real)(1 - loss->soft_share) * scale,
                 mass = 0;

        for (size_t c = 0; c < classes; c++)
            mass += q[c];
        if (y != TDL_TARGET_NONE)
            p[y] -= 1;
        for (size_t c = 0; c < classes; c++)
            slope[c] = soft * (slope[c] * mass - q[c]) + hard * p[c];
        tdl_put(call->d_in_add[0], classes, slope, call->d_in[0] + r * classes);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_distil_ce = {
    .name = "distil_ce",
    .inputs_n = 1,
    .reads = TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
