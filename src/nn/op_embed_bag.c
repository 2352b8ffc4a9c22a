/* embed_bag: out[r] = sum over the entries e of row r of weight[e] * table[id[e]]
 *
 *     d table[i] += sum over the entries e with id[e] = i of weight[e] * d_out[row of e]
 *
 * The gradient touches only the rows of the table that the batch names; see row_grad.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"
#include "nn/row_grad.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (!shapes->param[0])
        return TDL_FAIL(why, TDL_E_INVALID, "embed_bag: no table");
    shapes->out_cols = shapes->param[0]->cols;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    tdl_status st;

    if (!batch->offsets || !batch->weight)
        return TDL_FAIL(why, TDL_E_INVALID, "embed_bag: the batch has no entries, or no weights");
    if ((st = tdl_nn_batch_check_ids(batch, 0, call->shapes->param[0]->rows, why)))
        return st;
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            if (!isfinite(batch->weight[e]))
                return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: weight %g is not finite",
                                r, e - batch->offsets[r], (double)batch->weight[e]);
    return TDL_OK;
}

static void sum_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * d;

        memset(out, 0, d * sizeof *out);
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            tdl_add_scaled(d, batch->weight[e], call->param[0] + (size_t)batch->id[0][e] * d, out);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, sum_rows, (void *)call);
    return TDL_OK;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    tdl_row_grad entries = {.ids = call->shapes->param[0]->rows,
                            .d = call->shapes->out_cols,
                            .n = tdl_nn_batch_tokens(batch),
                            .id = batch->id[0],
                            .x = call->d_out,
                            .weight = batch->weight,
                            .scale = 1};
    tdl_status st;

    if (!call->d_param[0])
        return TDL_OK;
    uint32_t *row = malloc((entries.n + 1) * sizeof *row);
    if (!row)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "embed_bag: no memory for %zu entries", entries.n);
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            row[e] = (uint32_t)r;
    entries.of = row;
    st = tdl_row_grad_add(&entries, call->d_param[0], call->pool, why);
    free(row);
    return st;
}

const tdl_op tdl_op_embed_bag = {
    .name = "embed_bag",
    .inputs_n = 0,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
