#include "nn/sampled.h"

#include <stdlib.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/row_grad.h"

tdl_status tdl_sampled_infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *table = shapes->param[0];

    if (!table)
        return TDL_FAIL(why, TDL_E_INVALID, "a loss over sampled classes without their table");
    if (table->cols != shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID,
                        "sampled classes: input of %zu columns, table '%s' [%zu][%zu]",
                        shapes->in_cols[0], table->name, table->rows, table->cols);
    if (!config->loss.negatives_max || config->loss.negatives_max > INT32_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "sampled classes: %zu negatives at most",
                        config->loss.negatives_max);
    shapes->saved_cols = 1 + config->loss.negatives_max;
    shapes->out_cols = TDL_LOSS_COLS;
    return TDL_OK;
}

tdl_status tdl_sampled_check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    size_t classes = call->shapes->param[0]->rows;
    tdl_status st;

    if (!batch->target || !batch->negative)
        return TDL_FAIL(why, TDL_E_INVALID, "the batch has no targets, or no negatives");
    if (batch->negatives_n > call->config->loss.negatives_max)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch of %zu negatives, the net was planned for %zu",
                        batch->negatives_n, call->config->loss.negatives_max);
    if ((st = tdl_nn_batch_check_targets(batch, call->rows, classes, why)))
        return st;
    return tdl_nn_batch_check_negatives(batch, call->rows, classes, why);
}

/* Table row of a class. */
static const tdl_real *class_row(const tdl_op_call *call, int32_t class)
{
    return call->param[0] + (size_t) class * call->shapes->in_cols[0];
}

/* The rows of the shared negatives side by side: [S][d], for the caller to free. */
static tdl_status gather(const tdl_op_call *call, tdl_real **ret, tdl_report *why)
{
    size_t n = call->batch->negatives_n, d = call->shapes->in_cols[0];
    tdl_real *rows = malloc((n * d + 1) * sizeof *rows);

    if (!rows)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu negatives", n);
    for (size_t j = 0; j < n; j++)
        memcpy(rows + j * d, class_row(call, call->batch->negative[j]), d * sizeof *rows);
    *ret = rows;
    return TDL_OK;
}

/* ---- scores ---- */

static void score_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *in = call->in[0] + r * d;
        tdl_real *score = tdl_sampled_row(call, r);
        int32_t target = batch->target[r];

        score[0] = target == TDL_TARGET_NONE ? 0 : tdl_inner(d, in, class_row(call, target));
        for (size_t j = 0; batch->negatives_each && j < batch->negatives_n; j++)
            score[1 + j] = tdl_inner(d, in, class_row(call, tdl_sampled_negative(call, r, j)));
    }
}

tdl_status tdl_sampled_scores(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->batch->negatives_n, d = call->shapes->in_cols[0];
    tdl_real *negatives = NULL;
    tdl_status st = TDL_OK;

    if (n && !call->batch->negatives_each && !(st = gather(call, &negatives, why)))
        st = tdl_matmul(false, true, call->rows, n, d, call->in[0], d, negatives, d,
                        call->saved + 1, 1 + n, false, call->pool, why);
    free(negatives);
    if (!st)
        tdl_pool_run(call->pool, call->rows, 16, score_rows, (void *)call);
    return st;
}

/* ---- gradients ---- */

/* What the target, and negatives of a row's own, give to the gradient of the input. */
static void input_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->in_cols[0];
    bool is_there = call->d_in_add[0] || (!batch->negatives_each && batch->negatives_n);

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *d_in = call->d_in[0] + r * d;
        const tdl_real *d_score = tdl_sampled_row(call, r);

        if (!is_there)
            memset(d_in, 0, d * sizeof *d_in);
        if (batch->target[r] == TDL_TARGET_NONE)
            continue;
        tdl_add_scaled(d, d_score[0], class_row(call, batch->target[r]), d_in);
        for (size_t j = 0; batch->negatives_each && j < batch->negatives_n; j++)
            tdl_add_scaled(d, d_score[1 + j], class_row(call, tdl_sampled_negative(call, r, j)),
                           d_in);
    }
}

static tdl_status input_gradient(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->batch->negatives_n, d = call->shapes->in_cols[0];
    tdl_real *negatives = NULL;
    tdl_status st = TDL_OK;

    if (n && !call->batch->negatives_each && !(st = gather(call, &negatives, why)))
        st = tdl_matmul(false, false, call->rows, d, n, call->saved + 1, 1 + n, negatives, d,
                        call->d_in[0], d, call->d_in_add[0], call->pool, why);
    free(negatives);
    if (!st)
        tdl_pool_run(call->pool, call->rows, 16, input_rows, (void *)call);
    return st;
}

/* Negatives of the whole batch: one product, whose rows go to the table. */
static tdl_status shared_gradient(const tdl_op_call *call, tdl_report *why)
{
    size_t n = call->batch->negatives_n, d = call->shapes->in_cols[0];
    tdl_real *sums = malloc((n * d + 1) * sizeof *sums);
    const tdl_row_grad entries = {.ids = call->shapes->param[0]->rows,
                                  .d = d,
                                  .n = n,
                                  .id = call->batch->negative,
                                  .x = sums,
                                  .scale = 1};
    tdl_status st;

    if (!sums)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu negatives", n);
    st = tdl_matmul(true, false, n, d, call->rows, call->saved + 1, 1 + n, call->in[0], d, sums, d,
                    false, call->pool, why);
    if (!st)
        st = tdl_row_grad_add(&entries, call->d_param[0], call->pool, why);
    free(sums);
    return st;
}

/* Negatives of each row. */
static tdl_status own_gradient(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    const tdl_row_grad entries = {.ids = call->shapes->param[0]->rows,
                                  .d = call->shapes->in_cols[0],
                                  .n = call->rows * batch->negatives_n,
                                  .id = batch->negative,
                                  .x = call->in[0],
                                  .each = batch->negatives_n,
                                  .weight = call->saved + 1,
                                  .weight_pitch = 1 + batch->negatives_n,
                                  .scale = 1};

    return tdl_row_grad_add(&entries, call->d_param[0], call->pool, why);
}

static void weigh_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t n = call->batch->negatives_n;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *slope = tdl_sampled_row(call, r), scale = tdl_loss_scale(call, r);

        for (size_t j = 0; j <= n; j++)
            slope[j] = scale != 0 ? slope[j] * scale : 0;
    }
}

tdl_status tdl_sampled_backward(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    const tdl_row_grad targets = {.ids = call->shapes->param[0]->rows,
                                  .d = call->shapes->in_cols[0],
                                  .n = call->rows,
                                  .id = batch->target,
                                  .x = call->in[0],
                                  .weight = call->saved,
                                  .weight_pitch = 1 + batch->negatives_n,
                                  .scale = 1};
    tdl_status st = TDL_OK;

    tdl_pool_run(call->pool, call->rows, 16, weigh_rows, (void *)call);
    if (call->d_in[0])
        st = input_gradient(call, why);
    if (st || !call->d_param[0])
        return st;
    if ((st = tdl_row_grad_add(&targets, call->d_param[0], call->pool, why)) || !batch->negatives_n)
        return st;
    return batch->negatives_each ? own_gradient(call, why) : shared_gradient(call, why);
}
