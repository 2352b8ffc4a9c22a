/* dropout: out = in * mask / (1 - rate), mask 0 with probability `rate` (Srivastava et al., JMLR
 * 2014)
 *
 *     d in += d out * mask / (1 - rate)
 *
 * The mask is recomputed, not stored: element (example, column) of op `id` at step `step` has its
 * own word of Philox keyed by the seed, whatever batch, thread or rank it is computed on.
 */
#include <string.h>

#include "base/rng.h"
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!(config->rate >= 0 && config->rate < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "dropout: rate %g is not in [0, 1)", config->rate);
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

/* scale [4] of elements 4 * block .. of one row */
static void draw_block(const tdl_op_call *call, uint64_t block, tdl_real scale[4])
{
    const uint32_t key[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)call->step,
                                 call->id};
    double rate = call->config->rate;
    uint32_t word[4], below = (uint32_t)(rate * 0x1p32);

    tdl_philox4x32(counter, key, word);
    for (int i = 0; i < 4; i++)
        scale[i] = word[i] < below ? 0 : (tdl_real)(1 / (1 - rate));
}

/* y[r] (+)= x[r] * scale(r) for rows begin..end */
static void apply(const tdl_op_call *call, size_t begin, size_t end, const tdl_real *x, tdl_real *y,
                  bool add)
{
    size_t cols = call->shapes->out_cols, blocks = (cols + 3) / 4;

    for (size_t r = begin; r < end; r++)
        for (size_t b = 0; b < blocks; b++) {
            tdl_real scale[4];
            size_t left = cols - 4 * b, at = r * cols + 4 * b;

            draw_block(call, call->batch->example[r] * blocks + b, scale);
            for (size_t i = 0; i < (left < 4 ? left : 4); i++)
                y[at + i] = (add ? y[at + i] : 0) + x[at + i] * scale[i];
        }
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    apply(call, begin, end, call->in[0], call->out, false);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->training)
        tdl_pool_run(call->pool, call->rows, 16, forward_rows, (void *)call);
    else
        memcpy(call->out, call->in[0], call->rows * call->shapes->out_cols * sizeof *call->out);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    apply(call, begin, end, call->d_out, call->d_in[0], true);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_dropout = {
    .name = "dropout",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
