/* dropout: out = in * mask / (1 - rate), mask 0 with probability `rate` (Srivastava et al., JMLR
 * 2014)
 *
 *     d in += d out * mask / (1 - rate)
 *
 * The mask is recomputed, not stored: element (example, row of the example, column) of op `id` at
 * step `step` has its own word of Philox keyed by the seed, whatever batch, thread or rank it is
 * computed on.
 */
#ifdef __x86_64__
#include <immintrin.h>
#endif

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

enum { LANES = 8 };

/* word[i][b]: word i of block `block` + b */
static void draw_plain(const tdl_op_call *call, uint64_t block, uint32_t word[4][LANES])
{
    const uint32_t key[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)};

    for (uint64_t b = 0; b < LANES; b++) {
        const uint32_t counter[4] = {(uint32_t)(block + b), (uint32_t)((block + b) >> 32),
                                     (uint32_t)call->step, call->id};
        uint32_t of_block[4];

        tdl_philox4x32(counter, key, of_block);
        for (int i = 0; i < 4; i++)
            word[i][b] = of_block[i];
    }
}

#ifdef __x86_64__
/* The high and the low words of `factor` times each of x. */
__attribute__((target("avx2"))) static inline void multiply(__m256i x, uint32_t factor,
                                                            __m256i *ret_high, __m256i *ret_low)
{
    const __m256i by = _mm256_set1_epi32((int)factor);
    __m256i even = _mm256_mul_epu32(x, by), odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), by);

    *ret_high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    *ret_low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

/* The same words as draw_plain, eight blocks side by side (base/rng.c has the rounds). */
__attribute__((target("avx2"))) static void draw_avx2(const tdl_op_call *call, uint64_t block,
                                                      uint32_t word[4][LANES])
{
    uint32_t k0 = (uint32_t)call->seed, k1 = (uint32_t)(call->seed >> 32);
    __m256i c[4], high0, low0, high1, low1;

    for (uint64_t b = 0; b < LANES; b++) {
        word[0][b] = (uint32_t)(block + b);
        word[1][b] = (uint32_t)((block + b) >> 32);
    }
    c[0] = _mm256_loadu_si256((const __m256i *)word[0]);
    c[1] = _mm256_loadu_si256((const __m256i *)word[1]);
    c[2] = _mm256_set1_epi32((int)(uint32_t)call->step);
    c[3] = _mm256_set1_epi32((int)call->id);
    for (int round = 0; round < 10; round++) {
        multiply(c[0], 0xD2511F53U, &high0, &low0);
        multiply(c[2], 0xCD9E8D57U, &high1, &low1);
        c[0] = _mm256_xor_si256(_mm256_xor_si256(high1, c[1]), _mm256_set1_epi32((int)k0));
        c[1] = low1;
        c[2] = _mm256_xor_si256(_mm256_xor_si256(high0, c[3]), _mm256_set1_epi32((int)k1));
        c[3] = low0;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    for (int i = 0; i < 4; i++)
        _mm256_storeu_si256((__m256i *)word[i], c[i]);
}
#endif

typedef void draw_fn(const tdl_op_call *call, uint64_t block, uint32_t word[4][LANES]);

static draw_fn *choose_draw(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return draw_avx2;
#endif
    return draw_plain;
}

/* y (+)= x * scale for one row of numbers, which has a key of its own; y may be x. Number 4 b + i
 * of a row has word i of its block b. */
static void apply_row(const tdl_op_call *call, draw_fn *draw, uint64_t key, const tdl_real *x,
                      tdl_real *y, bool add)
{
    size_t cols = call->shapes->out_cols, blocks = (cols + 3) / 4;
    double rate = call->config->rate;
    uint32_t below = (uint32_t)(rate * 0x1p32), word[4][LANES];
    tdl_real kept = (tdl_real)(1 / (1 - rate)), scale[4 * LANES];

    for (size_t at = 0; at < cols; at += 4 * (size_t)LANES, x += 4 * LANES, y += 4 * LANES) {
        size_t n = cols - at < 4 * (size_t)LANES ? cols - at : 4 * (size_t)LANES;

        draw(call, key * blocks + at / 4, word);
        for (int b = 0; b < LANES; b++)
            for (int i = 0; i < 4; i++)
                scale[4 * b + i] = word[i][b] < below ? 0 : kept;
        for (size_t i = 0; add && i < n; i++)
            y[i] += x[i] * scale[i];
        for (size_t i = 0; !add && i < n; i++)
            y[i] = 0 + x[i] * scale[i];
    }
}

/* All rows that belong to batch rows begin..end. */
static void apply(const tdl_op_call *call, size_t begin, size_t end, const tdl_real *x, tdl_real *y,
                  bool add)
{
    size_t cols = call->shapes->out_cols, per_row = call->shapes->out_per_row;
    draw_fn *draw = choose_draw();

    for (size_t r = begin; r < end; r++) {
        size_t first, last;

        tdl_op_rows_of(call->batch, per_row, r, &first, &last);
        for (size_t i = first; i < last; i++)
            apply_row(call, draw, tdl_op_row_key(call->batch, per_row, r, i - first), x + i * cols,
                      y + i * cols, add);
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
