/* group_before: for each token, the mean of the rows of the tie group before its own; zeros in a
 * row's first group
 *
 *     out[j] = 1 / n(g) * sum over i in g of in[i]       g: the group before that of j
 *     d in[i] += 1 / n(g) * sum over j behind g of d out[j]
 *
 * A group is a run of equal batch->position; without positions each token is one. What is read of a
 * group does not depend on the order inside it, and each member of the next group is then a target
 * of its own: the next group is predicted as a set.
 */
#include <string.h>

#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (shapes->in_per_row[0] != TDL_RAGGED)
        return TDL_FAIL(why, TDL_E_INVALID, "group_before: the rows of its input are no tokens");
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

static size_t group_end(const tdl_nn_batch *batch, size_t begin, size_t end)
{
    size_t at = begin + 1;

    while (batch->position && at < end && batch->position[at] == batch->position[begin])
        at++;
    return at;
}

static void forward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        size_t end = batch->offsets[r + 1], before = end;

        for (size_t at = batch->offsets[r], next; at < end; before = at, at = next) {
            tdl_real *out = call->out + at * cols;

            next = group_end(batch, at, end);
            memset(out, 0, cols * sizeof *out);
            for (size_t i = before; i < at; i++)
                tdl_put(i > before, cols, call->in[0] + i * cols, out);
            for (size_t c = 0; before + 1 < at && c < cols; c++)
                out[c] /= (tdl_real)(at - before);
            for (size_t j = at + 1; j < next; j++)
                tdl_put(false, cols, out, call->out + j * cols);
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

/* d_in of the rows [at, next), from those behind them; d_out of a group is summed in its first. */
static void backward_group(const tdl_op_call *call, size_t at, size_t next, size_t end)
{
    size_t cols = call->shapes->out_cols,
           last = next < end ? group_end(call->batch, next, end) : end;
    tdl_real *sum = call->d_out + next * cols;

    for (size_t j = next + 1; j < last; j++)
        tdl_put(true, cols, call->d_out + j * cols, sum);
    for (size_t c = 0; next < end && at + 1 < next && c < cols; c++)
        sum[c] /= (tdl_real)(next - at);
    for (size_t i = at; i < next; i++)
        if (next < end)
            tdl_put(call->d_in_add[0], cols, sum, call->d_in[0] + i * cols);
        else if (!call->d_in_add[0])
            memset(call->d_in[0] + i * cols, 0, cols * sizeof *call->d_in[0]);
}

static void backward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++)
        for (size_t at = batch->offsets[r], end = batch->offsets[r + 1], next; at < end;
             at = next) {
            next = group_end(batch, at, end);
            backward_group(call, at, next, end);
        }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->batch->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_group_before = {
    .name = "group_before",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
