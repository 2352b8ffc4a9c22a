/* The f32 product of one instruction set: register tile and packing. A template, see vec_kern.h.
 *
 * KERN_MR * KERN_NV sums + KERN_NV vectors of B + 1 broadcast of A must fit the register file, and
 * so must KERN_PAIR_MR * 2 KERN_NV sums + 2 KERN_NV vectors + 1. Vectors run over columns only, so
 * no sum is ever split between lanes: that, and a multiply-add that rounds once, is why all sets
 * give the same bits.
 */
#ifndef TDL_TENSOR_GEMM_KERN_H
#define TDL_TENSOR_GEMM_KERN_H

#include "tensor/kernel.h"
#include "tensor/vec_kern.h"

#define TILE_NAME           f32
#define TILE_MR             KERN_MR
#define TILE_NV             KERN_NV
#define TILE_PAIR_MR        KERN_PAIR_MR
#define TILE_PHASES         1
#define TILE_A_UNITS        1
#define TILE_SUM            vec
#define TILE_OPERAND        vec
#define TILE_ROW(phase, p)  (*(const vec *)(p))
#define TILE_X(phase, p)    splat(*(p))
#define TILE_DOT(x, w, sum) FMA(x, w, sum)
#include "tensor/tile_kern.h"

/* ---- rows of A where they are ---- */

/* Each row of the tile has a pointer of its own. Fourteen of them do not fit the registers, and
 * then packing is quicker. */
#if KERN_MR <= 8
#define DIRECT_FN(h)                                                                               \
    static __attribute__((noinline)) void f32_direct_##h(size_t steps, const float *a,             \
                                                         size_t a_row, const float *b, float *c,   \
                                                         size_t ldc, bool add, const float *next)  \
    {                                                                                              \
        f32_run(h, 1, true, steps, a, a_row, b, 0, c, 0, ldc, add, next);                          \
    }
#define DIRECT_ENTRY(h) [h] = f32_direct_##h,

TILE_HEIGHTS(KERN_MR)
(DIRECT_FN)

    static tdl_direct_fn *const f32_direct_by_height[KERN_MR + 1] = {
        TILE_HEIGHTS(KERN_MR)(DIRECT_ENTRY)};
#define DIRECT f32_direct_by_height
#else
#define DIRECT NULL
#endif

/* ---- packing ---- */

typedef float quad __attribute__((vector_size(16)));
typedef float quad_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* Four rows of four, transposed. */
KERN_INLINE void pack_4x4(const float *src, size_t ld, float *ret, size_t step)
{
    quad r0 = *(const quad_unaligned *)src, r1 = *(const quad_unaligned *)(src + ld);
    quad r2 = *(const quad_unaligned *)(src + 2 * ld), r3 = *(const quad_unaligned *)(src + 3 * ld);
    quad a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    quad b = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    quad c = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    quad d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);

    *(quad_unaligned *)ret = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    *(quad_unaligned *)(ret + step) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    *(quad_unaligned *)(ret + 2 * step) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    *(quad_unaligned *)(ret + 3 * step) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

/* Rows of the source lie along k: a transpose, one cache line of every row at a time. The last
 * group of four rows overlaps the one before instead of needing a tail. */
static void pack_along_k(const float *src, size_t ld, size_t width, size_t kc, float *ret,
                         size_t step)
{
    enum { LINE = 16 };
    size_t done = width >= 4 ? kc / 4 * 4 : 0;

    for (size_t k0 = 0; k0 < done; k0 += LINE) {
        size_t k1 = k0 + LINE < done ? k0 + LINE : done;

        for (size_t i = 0; i < width; i += 4) {
            size_t row = i + 4 <= width ? i : width - 4;

            for (size_t k = k0; k < k1; k += 4)
                pack_4x4(src + row * ld + k, ld, ret + k * step + row, step);
        }
    }
    for (size_t i = 0; i < width; i++)
        for (size_t k = done; k < kc; k++)
            ret[k * step + i] = src[i * ld + k];
}

static void pack_across_k(const float *src, size_t ld, size_t width, size_t kc, float *ret,
                          size_t step)
{
    for (size_t k = 0; k < kc; k++, src += ld, ret += step) {
        if (width == KERN_VL * KERN_NV) {
            KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
                store(ret + j * KERN_VL, load(src + j * KERN_VL));
        } else if (width >= 4) {
            for (size_t i = 0; i + 4 <= width; i += 4)
                *(quad_unaligned *)(ret + i) = *(const quad_unaligned *)(src + i);
            *(quad_unaligned *)(ret + width - 4) = *(const quad_unaligned *)(src + width - 4);
        } else {
            for (size_t i = 0; i < width; i++)
                ret[i] = src[i];
        }
    }
}

static void pack_f32(const float *src, size_t ld, bool along_k, size_t width, size_t kc, float *ret,
                     size_t step)
{
    if (along_k)
        pack_along_k(src, ld, width, kc, ret, step);
    else
        pack_across_k(src, ld, width, kc, ret, step);
}

static const tdl_tiles f32_tiles = {
    TILE_SET(f32, KERN_MR, KERN_NV, KERN_PAIR_MR),
    .direct = DIRECT,
    .pack_a = pack_f32,
    .pack_b = pack_f32,
    .group = 1,
    .a_units = 1,
    .b_units = 1,
    .k_block = TDL_K_BLOCK,
};

#endif
