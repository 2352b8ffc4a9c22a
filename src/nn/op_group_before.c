/* group_before: for each token, the mean of the rows of the tie group before its own; before a
 * row's first group stands its last
 *
 *     out[j] = 1 / n(g) * sum over i in g of in[i]       g: the group before that of j
 *     d in[i] += 1 / n(g) * sum over j behind g of d out[j]
 *
 * A group is a run of equal batch->position; without positions each token is one. What is read of a
 * group does not depend on the order inside it, and each member of the next group is then a target
 * of its own: the next group is predicted as a set. The rows of the first group may so be asked for
 * what comes behind the row, which need not be in it.
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

/* Where the last group of a row that is not empty begins. */
static size_t last_group(const tdl_nn_batch *batch, size_t begin, size_t end)
{
    size_t at = end - 1;

    while (batch->position && at > begin && batch->position[at - 1] == batch->position[end - 1])
        at--;
    return at;
}

/* Rows of the group [at, next) from those of the group before, [before, end). */
static void forward_group(const tdl_op_call *call, size_t before, size_t end, size_t at,
                          size_t next)
{
    size_t cols = call->shapes->out_cols;
    tdl_real *out = call->out + at * cols;

    for (size_t i = before; i < end; i++)
        tdl_put(i > before, cols, call->in[0] + i * cols, out);
    for (size_t c = 0; before + 1 < end && c < cols; c++)
        out[c] /= (tdl_real)(end - before);
    for (size_t j = at + 1; j < next; j++)
        tdl_put(false, cols, out, call->out + j * cols);
}

static void forward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        size_t begin = batch->offsets[r], end = batch->offsets[r + 1];
        size_t before = begin < end ? last_group(batch, begin, end) : end, before_end = end;

        for (size_t at = begin, next; at < end; at = next) {
            next = group_end(batch, at, end);
            forward_group(call, before, before_end, at, next);
            before = at;
            before_end = next;
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

/* d_in of the rows [at, next), from those of the group behind it, [behind, end); their d_out is
 * summed in the first. */
static void backward_group(const tdl_op_call *call, size_t at, size_t next, size_t behind,
                           size_t end)
{
    size_t cols = call->shapes->out_cols;
    tdl_real *sum = call->d_out + behind * cols;

    for (size_t j = behind + 1; j < end; j++)
        tdl_put(true, cols, call->d_out + j * cols, sum);
    for (size_t c = 0; at + 1 < next && c < cols; c++)
        sum[c] /= (tdl_real)(next - at);
    for (size_t i = at; i < next; i++)
        tdl_put(call->d_in_add[0], cols, sum, call->d_in[0] + i * cols);
}

static void backward_rows(void *context, size_t first, size_t last, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        size_t begin = batch->offsets[r], end = batch->offsets[r + 1];

        for (size_t at = begin, next; at < end; at = next) {
            next = group_end(batch, at, end);
            size_t behind = next < end ? next : begin;
            backward_group(call, at, next, behind, group_end(batch, behind, end));
        }
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
