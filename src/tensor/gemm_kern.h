/* The matrix product of one instruction set: register tile and packing. A template, see vec_kern.h.
 *
 * KERN_MR * KERN_NV sums + KERN_NV vectors of B + 1 broadcast of A must fit the register file.
 * Vectors run over columns only, so no sum is ever split between lanes: that, and a multiply-add
 * that rounds once, is why all sets give the same bits.
 */
#ifndef TDL_TENSOR_GEMM_KERN_H
#define TDL_TENSOR_GEMM_KERN_H

#include "tensor/kernel.h"
#include "tensor/vec_kern.h"

/* The register tile. `h` is a constant in every instance, so all loops but the one over k unroll.
 */
KERN_INLINE void tile(size_t h, size_t kc, const float *restrict a, const float *restrict b,
                      float *restrict c, size_t ldc, bool add)
{
    vec sum[KERN_MR][KERN_NV];

    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        __builtin_prefetch(c + i * ldc, 1);
        __builtin_prefetch(c + i * ldc + NR - 1, 1);
        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++) sum[i][j] = splat(0);
    }
    for (size_t k = 0; k < kc; k++) {
        vec row[KERN_NV];

        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++) row[j] =
            *(const vec *)(b + k * NR + j * KERN_VL);
        KERN_UNROLL for (size_t i = 0; i < h; i++)
        {
            vec x = splat(a[k * h + i]);

            KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++) sum[i][j] = FMA(x, row[j], sum[i][j]);
        }
    }
    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
        {
            float *p = c + i * ldc + j * KERN_VL;

            store(p, add ? load(p) + sum[i][j] : sum[i][j]);
        }
    }
}

#define KERN_TILE(h)                                                                               \
    static __attribute__((noinline)) void tile_##h(size_t kc, const float *a, const float *b,      \
                                                   float *c, size_t ldc, bool add)                 \
    {                                                                                              \
        tile(h, kc, a, b, c, ldc, add);                                                            \
    }
#define KERN_ENTRY(h)      [h] = tile_##h,
#define KERN_HEIGHTS_4(X)  X(1) X(2) X(3) X(4)
#define KERN_HEIGHTS_6(X)  KERN_HEIGHTS_4(X) X(5) X(6)
#define KERN_HEIGHTS_8(X)  KERN_HEIGHTS_6(X) X(7) X(8)
#define KERN_HEIGHTS_14(X) KERN_HEIGHTS_8(X) X(9) X(10) X(11) X(12) X(13) X(14)
#define KERN_HEIGHTS       KERN_PASTE(KERN_HEIGHTS_, KERN_MR)

KERN_HEIGHTS(KERN_TILE)

static tdl_tile_fn *const tiles[KERN_MR + 1] = {KERN_HEIGHTS(KERN_ENTRY)};

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
        if (width == NR) {
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

static void pack(const float *src, size_t ld, bool along_k, size_t width, size_t kc, float *ret,
                 size_t step)
{
    if (along_k)
        pack_along_k(src, ld, width, kc, ret, step);
    else
        pack_across_k(src, ld, width, kc, ret, step);
}

#endif
