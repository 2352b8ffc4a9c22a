/* Int4 weights against int8 activations. A template, see vec_kern.h; besides KERN_VL it needs
 *     Q4_MR, Q4_NV          rows and vectors of the tile
 *     Q4_SUM                type of a vector of running sums of integers
 *     Q4_DOT(x, w, sum)     four products in each 32-bit lane: w of 0..15, x of -127..127
 *     Q4_WHOLE(sum)         the sums as vec_int
 *
 * One step is a block of 32 along k.
 *     A  8 units of 4 s8, the scale of the 32 as a float, and -8 times their sum as an integer:
 *        weights are stored as q = 0..15 and mean q - 8, so the products come out 8 x too large
 *     B  4 units of 8 nibbles, the bytes of tdl_q4, and d as a float
 * Integers are exact; the blocks' sums are one chain c = fma(sum, x_scale d, c).
 */
#ifndef TDL_TENSOR_Q4_KERN_H
#define TDL_TENSOR_Q4_KERN_H

#include "tensor/lowp.h"
#include "tensor/vec_kern.h"

enum { Q4_NR = Q4_NV * KERN_VL };

KERN_INLINE void q4_run(size_t h, size_t steps, const float *restrict a, const float *restrict b,
                        float *restrict c, size_t ldc, bool add, const float *next)
{
    vec sum[Q4_MR][Q4_NV];

    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < Q4_NV; j++)
            sum[i][j] = splat(0);
    for (size_t s = 0; s < steps; s++, a += TDL_Q4_A_UNITS * h, b += TDL_Q4_B_UNITS * Q4_NR) {
        Q4_SUM whole[Q4_MR][Q4_NV];

        __builtin_prefetch(next + s * TDL_LINE_FLOATS, 0, 2);
        KERN_UNROLL for (size_t i = 0; i < h; i++)
        {
            KERN_UNROLL for (size_t j = 0; j < Q4_NV; j++)
            {
                whole[i][j] = (Q4_SUM){0};
            }
        }
        for (size_t u = 0; u < 4; u++) {
            vec_bits low[Q4_NV], high[Q4_NV];

            KERN_UNROLL for (size_t j = 0; j < Q4_NV; j++)
            {
                vec_bits nibbles = load_bits(b + u * Q4_NR + j * KERN_VL);

                low[j] = nibbles & splat_bits(0x0f0f0f0f);
                high[j] = nibbles >> 4 & splat_bits(0x0f0f0f0f);
            }
            KERN_UNROLL for (size_t i = 0; i < h; i++)
            {
                vec_bits first = splat_bits(unit_at(a + u * h + i));
                vec_bits second = splat_bits(unit_at(a + (u + 4) * h + i));

                KERN_UNROLL for (size_t j = 0; j < Q4_NV; j++)
                {
                    whole[i][j] = Q4_DOT(first, low[j], whole[i][j]);
                    whole[i][j] = Q4_DOT(second, high[j], whole[i][j]);
                }
            }
        }
        KERN_UNROLL for (size_t i = 0; i < h; i++)
        {
            vec scale = splat(a[8 * h + i]);
            vec_int minus = (vec_int)splat_bits(unit_at(a + 9 * h + i));

            KERN_UNROLL for (size_t j = 0; j < Q4_NV; j++)
            {
                vec d = load(b + 4 * Q4_NR + j * KERN_VL);

                sum[i][j] = FMA(to_float(Q4_WHOLE(whole[i][j]) + minus), scale * d, sum[i][j]);
            }
        }
    }
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < Q4_NV; j++) {
            float *p = c + i * ldc + j * KERN_VL;

            store(p, add ? load(p) + sum[i][j] : sum[i][j]);
        }
}

#define Q4_FN(h)                                                                                   \
    static __attribute__((noinline)) void q4_tile_##h(size_t steps, const float *a,                \
                                                      const float *b, float *c, size_t ldc,        \
                                                      bool add, const float *next)                 \
    {                                                                                              \
        q4_run(h, steps, a, b, c, ldc, add, next);                                                 \
    }
#define Q4_ENTRY(h) [h] = q4_tile_##h,

TILE_HEIGHTS(Q4_MR)
(Q4_FN) static tdl_tile_fn *const q4_tiles[Q4_MR + 1] = {TILE_HEIGHTS(Q4_MR)(Q4_ENTRY)};

const tdl_tiles KERN_PASTE(tdl_q4_, KERN_NAME) = {
    .mr = Q4_MR,
    .nr = Q4_NR,
    .tile = q4_tiles,
    .pack_a = tdl_pack_units,
    .pack_b = NULL,
    .group = TDL_Q4_A_UNITS,
    .a_units = TDL_Q4_A_UNITS,
    .b_units = TDL_Q4_B_UNITS,
    .k_block = 8 * TDL_Q4_A_UNITS,
};

#endif
