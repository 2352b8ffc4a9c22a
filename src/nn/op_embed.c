/* embed: out[e] = scale * (table0[id0[e]] + table1[id1[e]] + table2[id2[e]]) + positions[p(e)]
 *
 *     d table[i] += scale * sum over the tokens e with id[e] = i of d_out[e]
 *     d positions[p] += sum over the tokens at p of d_out[e]
 *
 * One to three streams of ids, each with its table. p counts the tokens of a row, or is the batch's
 * own position: from the row's first token, or, with TDL_POSITION_LEARNED_FROM_END, so that the
 * last token has the last row of the table (sequences that other programs pad on the left).
 * Gradients touch only the rows that the batch names: see row_grad.h.
 */
#include <stdlib.h>

#include "nn/kv_cache.h"
#include "nn/op.h"
#include "nn/row_grad.h"

enum { STREAMS = 3, POSITIONS = 3 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *first = shapes->param[0];
    bool has_positions = config->position != TDL_POSITION_NONE;

    if (!first)
        return TDL_FAIL(why, TDL_E_INVALID, "embed: no table");
    if (has_positions != (shapes->param[POSITIONS] != NULL))
        return TDL_FAIL(why, TDL_E_INVALID, "embed: positions without their table, or the reverse");
    for (int k = 1; k < TDL_OP_PARAMS_MAX; k++)
        if (shapes->param[k] && shapes->param[k]->cols != first->cols)
            return TDL_FAIL(why, TDL_E_INVALID, "embed: tables '%s' of %zu columns and '%s' of %zu",
                            first->name, first->cols, shapes->param[k]->name,
                            shapes->param[k]->cols);
    shapes->out_cols = first->cols;
    shapes->out_per_row = TDL_RAGGED;
    return TDL_OK;
}

/* ---- positions ---- */

/* Counted on from what a cache has read of the row, unless the batch states it. */
static int64_t position_of(const tdl_op_call *call, size_t row, size_t token)
{
    const tdl_nn_batch *batch = call->batch;

    return batch->position
               ? batch->position[token]
               : (int64_t)(tdl_kv_cache_length(call->cache, row) + token - batch->offsets[row]);
}

/* Row of the table of positions for a token; not below 0 nor past the table once it was checked. */
static int64_t position_row(const tdl_op_call *call, size_t row, size_t token)
{
    int64_t position = position_of(call, row, token);

    if (call->config->position != TDL_POSITION_LEARNED_FROM_END)
        return position;
    return (int64_t)call->shapes->param[POSITIONS]->rows - 1 + position -
           position_of(call, row, call->batch->offsets[row + 1] - 1);
}

static tdl_status check_positions(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    const tdl_slice *table = call->shapes->param[POSITIONS];

    if (call->cache && call->config->position == TDL_POSITION_LEARNED_FROM_END)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "embed: positions counted from the end change with every new token: no "
                        "cache can hold them");
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++) {
            int64_t at = position_row(call, r, e);
            if (at < 0 || (size_t)at >= table->rows)
                return TDL_FAIL_HINT(why, TDL_E_INVALID, "use shorter rows",
                                     "row %zu, entry %zu: position %lld, the table '%s' has %zu", r,
                                     e - batch->offsets[r], (long long)position_of(call, r, e),
                                     table->name, table->rows);
        }
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    if (!call->batch->offsets)
        return TDL_FAIL(why, TDL_E_INVALID, "embed: the batch has no tokens");
    for (int k = 0; k < STREAMS; k++) {
        const tdl_slice *table = call->shapes->param[k];
        tdl_status st = table ? tdl_nn_batch_check_ids(call->batch, k, table->rows, why) : TDL_OK;
        if (st) {
            tdl_report_prefix(why, "table '%s'", table->name);
            return st;
        }
    }
    return call->shapes->param[POSITIONS] ? check_positions(call, why) : TDL_OK;
}

/* ---- running ---- */

static tdl_real scale_of(const tdl_op_call *call)
{
    return call->config->scale != 0 ? (tdl_real)call->config->scale : 1;
}

static void embed_token(const tdl_op_call *call, size_t row, size_t token)
{
    size_t d = call->shapes->out_cols;
    tdl_real *out = call->out + token * d, scale = scale_of(call);

    tdl_put(false, d, call->param[0] + (size_t)call->batch->id[0][token] * d, out);
    for (int k = 1; k < STREAMS; k++)
        if (call->param[k])
            tdl_put(true, d, call->param[k] + (size_t)call->batch->id[k][token] * d, out);
    for (size_t i = 0; scale != 1 && i < d; i++)
        out[i] *= scale;
    if (call->param[POSITIONS])
        tdl_put(true, d, call->param[POSITIONS] + (size_t)position_row(call, row, token) * d, out);
}

static void embed_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        for (size_t e = call->batch->offsets[r]; e < call->batch->offsets[r + 1]; e++)
            embed_token(call, r, e);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 1, embed_rows, (void *)call);
    return TDL_OK;
}

static tdl_status positions_backward(const tdl_op_call *call, tdl_row_grad entries, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    int32_t *at = malloc((entries.n + 1) * sizeof *at);
    tdl_status st;

    if (!at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "embed: no memory for %zu tokens", entries.n);
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            at[e] = (int32_t)position_row(call, r, e);
    entries.ids = call->shapes->param[POSITIONS]->rows;
    entries.id = at;
    entries.scale = 1;
    st = tdl_row_grad_add(&entries, call->d_param[POSITIONS], call->pool, why);
    free(at);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    tdl_row_grad entries = {
        .d = call->shapes->out_cols, .n = call->rows, .x = call->d_out, .scale = scale_of(call)};
    tdl_status st = TDL_OK;

    for (int k = 0; !st && k < STREAMS; k++) {
        if (!call->d_param[k])
            continue;
        entries.ids = call->shapes->param[k]->rows;
        entries.id = call->batch->id[k];
        st = tdl_row_grad_add(&entries, call->d_param[k], call->pool, why);
    }
    return st || !call->d_param[POSITIONS] ? st : positions_backward(call, entries, why);
}

const tdl_op tdl_op_embed = {
    .name = "embed",
    .inputs_n = 0,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
