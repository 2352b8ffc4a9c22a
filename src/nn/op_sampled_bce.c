/* sampled_bce: the target against S negatives, each by itself; s = in[r] . table
 *
 *     plain       softplus(-s+) + mean over negatives of softplus(s-)
 *                 (Kang and McAuley, ICDM 2018: SASRec, there with S = 1)
 *     calibrated  (beta softplus(-s+) + sum over negatives of softplus(s-)) / (S + 1)
 *                 beta = alpha ((1 - 1/alpha) t + 1/alpha), alpha = S / (classes - 1), t =
 * parameter (Petrov and Macdonald, RecSys 2023: gBCE; t = 0 is BCE, t = 1 calibrated)
 *
 * Negatives that are the target are left out, and out of the count by which the sums are divided.
 *
 * saved: the slopes, which backward multiplies with weight * loss_scale.
 */
#include <math.h>

#include "nn/loss.h"
#include "nn/sampled.h"
#include "nn/softplus.h"

enum { BLOCK = 128 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    double t = config->loss.parameter;

    if (config->loss.calibrated && !(t >= 0 && t <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "sampled_bce: t %g is not in [0, 1]", t);
    if (config->loss.calibrated && shapes->param[0] && shapes->param[0]->rows < 2)
        return TDL_FAIL(why, TDL_E_INVALID, "sampled_bce: a table of one class");
    return tdl_sampled_infer(config, shapes, why);
}

/* Factors of the target's term and of each negative's. */
typedef struct shares {
    tdl_real target, negative;
} shares;

static shares shares_of(const tdl_op_call *call, size_t kept)
{
    double t = call->config->loss.parameter, n = (double)kept;

    if (!call->config->loss.calibrated)
        return (shares){1, kept ? (tdl_real)(1 / n) : 0};
    double alpha = (double)call->batch->negatives_n / (double)(call->shapes->param[0]->rows - 1);
    return (shares){(tdl_real)(((alpha - 1) * t + 1) / (n + 1)), (tdl_real)(1 / (n + 1))};
}

/* The terms of scores z[n]; z becomes their slopes. sign -1: softplus(-z). */
static double sum_terms(tdl_real sign, tdl_real share, size_t n, tdl_real *z)
{
    double sum = 0;

    for (size_t at = 0; at < n; at += BLOCK, z += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;
        tdl_real x[BLOCK], term[BLOCK];

        for (size_t i = 0; i < m; i++)
            x[i] = sign * z[i];
        tdl_softplus(m, x, term, x);
        for (size_t i = 0; i < m; i++) {
            sum += (double)(share * term[i]);
            z[i] = sign * share * x[i];
        }
    }
    return sum;
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t n = batch->negatives_n;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *z = tdl_sampled_row(call, r), weight = tdl_loss_class_weight(call, r);
        size_t kept = 0;
        double loss = 0;

        for (size_t j = 0; j < n; j++) {
            bool is_target = tdl_sampled_negative(call, r, j) == batch->target[r];

            if (is_target)
                z[1 + j] = -(tdl_real)INFINITY; // softplus and slope 0
            kept += !is_target;
        }
        if (weight > 0) {
            shares s = shares_of(call, kept);
            loss = sum_terms(-1, s.target, 1, z) + sum_terms(1, s.negative, n, z + 1);
        }
        tdl_loss_put(call, r, weight, (tdl_real)loss);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st = tdl_sampled_scores(call, why);

    if (!st)
        tdl_pool_run(call->pool, call->rows, 1, forward_rows, (void *)call);
    return st;
}

const tdl_op tdl_op_sampled_bce = {
    .name = "sampled_bce",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0 | TDL_READS_OUT,
    .is_loss = true,
    .infer = infer,
    .check = tdl_sampled_check,
    .forward = forward,
    .backward = tdl_sampled_backward,
};
