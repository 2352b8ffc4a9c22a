/* dropout: out = in * mask / (1 - rate), mask 0 with probability `rate` (Srivastava et al., JMLR
 * 2014)
 *
 *     d in += d out * mask / (1 - rate)
 *
 * The mask is recomputed, not stored: element (example, row of the example, column) of op `id` at
 * step `step` has its own word of Philox keyed by the seed, whatever batch, thread or rank it is
 * computed on.
 */
#include "base/rng.h"
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    if (!(config->rate >= 0 && config->rate < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "dropout: rate %g is not in [0, 1)", config->rate);
    shapes->out_cols = shapes->in_cols[0];
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    return !call->training || call->batch->example
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "dropout: the batch has no example numbers");
}

/* y (+)= x * scale for 4 * TDL_PHILOX_LANES numbers, whose first four have block `block`: number
 * 4 b + i has word i of block b. `n` of them are there. */
static inline __attribute__((always_inline)) void apply_blocks(const tdl_op_call *call,
                                                               uint64_t block, size_t n,
                                                               const tdl_real *x, tdl_real *y,
                                                               bool add)
{
    const uint32_t key[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)};
    double rate = call->config->rate;
    uint32_t below = (uint32_t)(rate * 0x1p32), word[4][TDL_PHILOX_LANES];
    tdl_real kept = (tdl_real)(1 / (1 - rate)), scale[4 * TDL_PHILOX_LANES];

    for (uint64_t b = 0; b < TDL_PHILOX_LANES; b++) {
        word[0][b] = (uint32_t)(block + b);
        word[1][b] = (uint32_t)((block + b) >> 32);
        word[2][b] = (uint32_t)call->step;
        word[3][b] = call->id;
    }
    tdl_philox4x32_lanes(word, key);
    for (int b = 0; b < TDL_PHILOX_LANES; b++)
        for (int i = 0; i < 4; i++)
            scale[4 * b + i] = word[i][b] < below ? 0 : kept;
    for (size_t i = 0; add && i < n; i++)
        y[i] += x[i] * scale[i];
    for (size_t i = 0; !add && i < n; i++)
        y[i] = 0 + x[i] * scale[i];
}

/* y (+)= x * scale for one row of numbers, which has a key of its own; y may be x */
static inline __attribute__((always_inline)) void
apply_row(const tdl_op_call *call, uint64_t key, const tdl_real *x, tdl_real *y, bool add)
{
    enum { EACH = 4 * TDL_PHILOX_LANES };
    size_t cols = call->shapes->out_cols, blocks = (cols + 3) / 4;

    for (size_t at = 0; at < cols; at += EACH)
        apply_blocks(call, key * blocks + at / 4, cols - at < EACH ? cols - at : EACH, x + at,
                     y + at, add);
}

/* All rows that belong to batch rows begin..end. */
static inline __attribute__((always_inline)) void apply_rows(const tdl_op_call *call, size_t begin,
                                                             size_t end, const tdl_real *x,
                                                             tdl_real *y, bool add)
{
    size_t cols = call->shapes->out_cols, per_row = call->shapes->out_per_row;

    for (size_t r = begin; r < end; r++) {
        size_t first, last;

        tdl_op_rows_of(call->batch, per_row, r, &first, &last);
        for (size_t i = first; i < last; i++)
            apply_row(call, tdl_op_row_key(call->batch, per_row, r, i - first), x + i * cols,
                      y + i * cols, add);
    }
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void apply_avx2(const tdl_op_call *call, size_t begin,
                                                       size_t end, const tdl_real *x, tdl_real *y,
                                                       bool add)
{
    apply_rows(call, begin, end, x, y, add);
}
#endif

static void apply(const tdl_op_call *call, size_t begin, size_t end, const tdl_real *x, tdl_real *y,
                  bool add)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        apply_avx2(call, begin, end, x, y, add);
        return;
    }
#endif
    apply_rows(call, begin, end, x, y, add);
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
        tdl_pool_run(call->pool, call->batch->rows, 1, forward_rows, (void *)call);
    else
        tdl_put(false, call->rows * call->shapes->out_cols, call->in[0], call->out);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;

    TDL_UNUSED(part);
    apply(call, begin, end, call->d_out, call->d_in[0], call->d_in_add[0]);
}

/* A run that does not train drops nothing, and neither does its gradient. */
static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (!call->d_in[0])
        return TDL_OK;
    if (call->training)
        tdl_pool_run(call->pool, call->batch->rows, 1, backward_rows, (void *)call);
    else
        tdl_put(call->d_in_add[0], call->rows * call->shapes->out_cols, call->d_out, call->d_in[0]);
    return TDL_OK;
}

const tdl_op tdl_op_dropout = {
    .name = "dropout",
    .inputs_n = 1,
    .may_replace_input = true,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
