/* The bf16 product where no instruction for it exists, and the packing that all share. A template,
 * see vec_kern.h.
 *
 * A unit of B holds two neighbours along k, the even one in its low half. Widened to f32 they take
 * two fused multiply-adds, the odd one first: what the instructions of AVX-512 and NEON do. A stays
 * f32, rounded, so that nothing is left to widen for each row of a tile.
 */
#ifndef TDL_TENSOR_BF16_KERN_H
#define TDL_TENSOR_BF16_KERN_H

#include "tensor/gemm_kern.h"

/* The halves of a unit as floats: phase 0 is the odd element, phase 1 the even one. */
KERN_INLINE vec half_of(size_t phase, vec_bits pairs)
{
    return from_bits(phase == 0 ? pairs & splat_bits(0xffff0000u) : pairs << 16);
}

#define TILE_NAME           bf16
#define TILE_MR             KERN_MR
#define TILE_NV             KERN_NV
#define TILE_PAIR_MR        KERN_PAIR_MR
#define TILE_PHASES         2
#define TILE_A_UNITS        2
#define TILE_SUM            vec
#define TILE_OPERAND        vec
#define TILE_ROW(phase, p)  half_of(phase, load_bits(p))
#define TILE_X(phase, p)    splat(*(p))
#define TILE_DOT(x, w, sum) FMA(x, w, sum)
#include "tensor/tile_kern.h"

/* Rounded to the nearest bf16, ties to even, in the upper half. Subnormals become zero, because the
 * instructions take them so; NaN stays NaN. */
KERN_INLINE vec_bits round_to_bf16(vec x)
{
    vec_bits bits = bits_of(x), sign = bits & splat_bits(0x80000000u);
    vec_bits rounded = bits + splat_bits(0x7fff) + ((bits >> 16) & splat_bits(1));

    rounded = choose_bits(absolute(x) >= splat(0x1p-126f), rounded, sign);
    return choose_bits(x == x, rounded, bits | splat_bits(0x400000)) & splat_bits(0xffff0000u);
}

/* As pack_f32, of numbers rounded to bf16; an odd kc is filled up with zeros. */
static void pack_rounded(const float *src, size_t ld, bool along_k, size_t width, size_t kc,
                         float *ret, size_t step)
{
    pack_f32(src, ld, along_k, width, kc, ret, step);
    if (kc % 2)
        memset(ret + kc * step, 0, width * sizeof *ret);
    for (size_t k = 0; k < kc; k++, ret += step)
        for (size_t i = 0; i < width; i += KERN_VL) {
            size_t left = width - i < KERN_VL ? width - i : KERN_VL;

            store_first(ret + i, left, from_bits(round_to_bf16(load_first(ret + i, left, 0))));
        }
}

/* As pack_f32, of pairs: k runs over kc floats, and units are half as many. Each block is packed as
 * floats first, then neighbours are joined. */
static void pack_pairs(const float *src, size_t ld, bool along_k, size_t width, size_t kc,
                       float *ret, size_t step)
{
    enum { BLOCK = 64, WIDTH = TDL_NR_MAX };
    float stage[BLOCK * WIDTH];

    for (size_t k0 = 0; k0 < kc; k0 += BLOCK) {
        size_t n = kc - k0 < BLOCK ? kc - k0 : BLOCK;

        if (n % 2)
            memset(stage + n * WIDTH, 0, width * sizeof *stage);
        pack_f32(along_k ? src + k0 : src + k0 * ld, ld, along_k, width, n, stage, WIDTH);
        for (size_t k = 0; k < n; k += 2, ret += step)
            for (size_t i = 0; i < width; i += KERN_VL) {
                const float *even = stage + k * WIDTH + i;
                vec_bits low = round_to_bf16(load(even)), high = round_to_bf16(load(even + WIDTH));

                store_first(ret + i, width - i < KERN_VL ? width - i : KERN_VL,
                            from_bits(high | low >> 16));
            }
    }
}

static const tdl_tiles bf16_tiles = {
    TILE_SET(bf16, KERN_MR, KERN_NV, KERN_PAIR_MR),
    .pack_a = pack_rounded,
    .pack_b = pack_pairs,
    .group = 2,
    .a_units = 2,
    .b_units = 1,
    .k_block = TDL_K_BLOCK,
};

#endif
