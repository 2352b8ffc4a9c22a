/* pool: one row for each row of the batch: its first, its last, or the mean of all; zeros for a
 * batch row that has none
 *
 *     d in += d out at the row chosen; d out / n at all n of them for the mean
 */
#include <string.h>

#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    TDL_UNUSED(why);
    shapes->out_cols = shapes->in_cols[0];
    shapes->out_per_row = 1;
    return TDL_OK;
}

/* The rows that batch row r pools: [*begin, *end). */
static void pooled_rows(const tdl_op_call *call, size_t r, size_t *begin, size_t *end)
{
    tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, begin, end);
    if (*begin == *end)
        return;
    if (call->config->pooling == TDL_POOL_FIRST)
        *end = *begin + 1;
    else if (call->config->pooling == TDL_POOL_LAST)
        *begin = *end - 1;
}

static void forward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        tdl_real *out = call->out + r * cols;
        size_t begin, end;

        pooled_rows(call, r, &begin, &end);
        memset(out, 0, cols * sizeof *out);
        for (size_t i = begin; i < end; i++)
            tdl_put(i > begin, cols, call->in[0] + i * cols, out);
        for (size_t c = 0; end - begin > 1 && c < cols; c++)
            out[c] /= (tdl_real)(end - begin);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        const tdl_real *dy = call->d_out + r * cols;
        size_t begin, end, all_begin, all_end;

        tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &all_begin, &all_end);
        if (!call->d_in_add[0])
            memset(call->d_in[0] + all_begin * cols, 0, (all_end - all_begin) * cols * sizeof *dy);
        pooled_rows(call, r, &begin, &end);
        for (size_t i = begin; i < end; i++)
            for (size_t c = 0; c < cols; c++)
                call->d_in[0][i * cols + c] += dy[c] / (tdl_real)(end - begin);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_pool = {
    .name = "pool",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
