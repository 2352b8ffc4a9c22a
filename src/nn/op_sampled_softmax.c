/* sampled_softmax: cross-entropy of the target among itself and S negatives, batch->negative
 *
 *     z[c] = in[r] . table[c] - log(S q[c])    loss[r] = logsumexp(z) - z[target]
 *
 * where log q is batch->log_q (NULL: no correction) and S = negatives_n (Bengio and Senecal 2008).
 * The target's logit is corrected too only when correct_target says so. Negatives that are the
 * target are left out.
 *
 * Negatives of the whole batch are a table of their own, gathered: tensor/table_softmax.h does the
 * rest, on the way back anew; where the run defers its loss, forward leaves it to that.
 * Negatives of each row. saved: the probabilities, which backward turns into
 * d z = (p - onehot) * weight * loss_scale.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/row_grad.h"
#include "nn/sampled.h"
#include "tensor/table_softmax.h"

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

/* ---- negatives of the whole batch ---- */

typedef struct shared {
    const tdl_op_call *call;
    tdl_real *own, *d_own, *weight, *loss; /* [rows] */
    tdl_real *table, *d_table;             /* [S][d]: the negatives */
    tdl_real *bias;                        /* [S] */
} shared;

/* From one block, which is to be freed. */
static tdl_real *new_shared(const tdl_op_call *call, shared *ret)
{
    size_t rows = call->rows, n = call->batch->negatives_n, d = call->shapes->in_cols[0];
    tdl_real *at = calloc(4 * rows + n * (2 * d + 1) + 1, sizeof *at);

    if (at)
        *ret = (shared){.call = call,
                        .own = at,
                        .d_own = at + rows,
                        .weight = at + 2 * rows,
                        .loss = at + 3 * rows,
                        .bias = at + 4 * rows,
                        .table = at + 4 * rows + n,
                        .d_table = at + 4 * rows + n + n * d};
    return at;
}

static void score_targets(void *context, size_t begin, size_t end, unsigned part)
{
    const shared *s = context;
    const tdl_op_call *call = s->call;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->in_cols[0], n = batch->negatives_n;
    tdl_real log_s = (tdl_real)log((double)(n ? n : 1));

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        int32_t target = batch->target[r];

        if (target == TDL_TARGET_NONE)
            continue;
        s->own[r] = tdl_inner(d, call->in[0] + r * d, call->param[0] + (size_t)target * d);
        if (batch->log_q && call->config->loss.correct_target)
            s->own[r] -= log_s + batch->log_q[target];
    }
}

static void gather(const shared *s, tdl_real scale)
{
    const tdl_op_call *call = s->call;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->in_cols[0], n = batch->negatives_n;
    tdl_real log_s = (tdl_real)log((double)(n ? n : 1));

    for (size_t j = 0; j < n; j++) {
        memcpy(s->table + j * d, call->param[0] + (size_t)batch->negative[j] * d,
               d * sizeof *s->table);
        if (batch->log_q)
            s->bias[j] = -(log_s + batch->log_q[batch->negative[j]]);
    }
    for (size_t r = 0; r < call->rows; r++)
        s->weight[r] = scale * tdl_loss_class_weight(call, r);
}

/* What the targets give to the gradient of the input. */
static void add_targets(void *context, size_t begin, size_t end, unsigned part)
{
    const shared *s = context;
    const tdl_op_call *call = s->call;
    size_t d = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        if (s->weight[r] > 0)
            tdl_add_scaled(d, s->d_own[r], call->param[0] + (size_t)call->batch->target[r] * d,
                           call->d_in[0] + r * d);
}

static tdl_status add_table_gradient(const shared *s, tdl_report *why)
{
    const tdl_op_call *call = s->call;
    tdl_row_grad targets = {.ids = call->shapes->param[0]->rows,
                            .d = call->shapes->in_cols[0],
                            .n = call->rows,
                            .id = call->batch->target,
                            .x = call->in[0],
                            .weight = s->d_own,
                            .scale = 1},
                 negatives = targets;
    tdl_status st = tdl_row_grad_add(&targets, call->d_param[0], call->pool, why);

    negatives.n = call->batch->negatives_n;
    negatives.id = call->batch->negative;
    negatives.x = s->d_table;
    negatives.weight = NULL;
    return st ? st : tdl_row_grad_add(&negatives, call->d_param[0], call->pool, why);
}

static tdl_status run_shared(const tdl_op_call *call, tdl_real scale, bool back, tdl_report *why)
{
    shared s = {0};
    tdl_real *block = new_shared(call, &s), *d_in = back ? call->d_in[0] : NULL;
    bool wants_table = back && call->d_param[0];
    tdl_status st;

    if (!block)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "sampled_softmax: no memory for %zu rows",
                        call->rows);
    tdl_pool_run(call->pool, call->rows, 16, score_targets, &s);
    gather(&s, scale);
    st = tdl_table_softmax_run(&(tdl_table_softmax){.rows = call->rows,
                                                    .classes = call->batch->negatives_n,
                                                    .d = call->shapes->in_cols[0],
                                                    .x = call->in[0],
                                                    .table = s.table,
                                                    .bias = call->batch->log_q ? s.bias : NULL,
                                                    .target = call->batch->target,
                                                    .weight = s.weight,
                                                    .id = call->batch->negative,
                                                    .own = s.own,
                                                    .d_own = s.d_own,
                                                    .loss = s.loss,
                                                    .d_x = d_in,
                                                    .d_x_add = call->d_in_add[0],
                                                    .d_table = wants_table ? s.d_table : NULL},
                               call->pool, why);
    for (size_t r = 0; !st && r < call->rows; r++)
        tdl_loss_put(call, r, tdl_loss_class_weight(call, r), s.loss[r]);
    if (!st && d_in)
        tdl_pool_run(call->pool, call->rows, 16, add_targets, &s);
    if (!st && wants_table)
        st = add_table_gradient(&s, why);
    free(block);
    return st;
}

/* ---- negatives of each row ---- */

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

static bool are_shared(const tdl_nn_batch *batch)
{
    return batch->negatives_n && !batch->negatives_each;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st;

    if (are_shared(call->batch))
        return call->defers_loss ? TDL_OK : run_shared(call, 1, false, why);
    if (!(st = tdl_sampled_scores(call, why)))
        tdl_pool_run(call->pool, call->rows, 1, forward_rows, (void *)call);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    if (are_shared(call->batch))
        return run_shared(call, call->loss_scale, true, why);
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
