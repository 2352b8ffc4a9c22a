/* The matrix product of one instruction set: register tile and packing. A template, see vec_kern.h.
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

enum { AHEAD_FLOATS = 512, INTO_L2 = 2 };

/* The register tile, over one panel of b or two at once. `h` and `panels` are constants in every
 * instance, so all loops but the one over k unroll. The tile over two panels is for few rows, which
 * wait for memory rather than for the multipliers: it asks ahead in the panels it is reading. */
KERN_INLINE void tile(size_t h, size_t panels, size_t kc, const float *restrict a,
                      const float *restrict b, size_t b_step, float *restrict c, size_t c_step,
                      size_t ldc, bool add, const float *next)
{
    vec sum[KERN_MR][2 * KERN_NV];

    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < panels * KERN_NV; j++)
        {
            sum[i][j] = splat(0);
        }
        KERN_UNROLL for (size_t p = 0; p < panels; p++)
        {
            __builtin_prefetch(c + i * ldc + p * c_step, 1);
            __builtin_prefetch(c + i * ldc + p * c_step + NR - 1, 1);
        }
    }
    for (size_t k = 0; k < kc; k++) {
        vec row[2 * KERN_NV];

        if (panels == 1)
            __builtin_prefetch(next + k * TDL_LINE_FLOATS, 0, INTO_L2);

        KERN_UNROLL for (size_t j = 0; j < panels * KERN_NV; j++)
        {
            const float *p = b + j / KERN_NV * b_step + k * NR + j % KERN_NV * KERN_VL;

            row[j] = *(const vec *)p;
            if (panels == 2 && j * KERN_VL % TDL_LINE_FLOATS == 0)
                __builtin_prefetch(p + AHEAD_FLOATS);
        }
        KERN_UNROLL for (size_t i = 0; i < h; i++)
        {
            vec x = splat(a[k * h + i]);

            KERN_UNROLL for (size_t j = 0; j < panels * KERN_NV; j++)
            {
                sum[i][j] = FMA(x, row[j], sum[i][j]);
            }
        }
    }
    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < panels * KERN_NV; j++)
        {
            float *p = c + i * ldc + j / KERN_NV * c_step + j % KERN_NV * KERN_VL;

            store(p, add ? load(p) + sum[i][j] : sum[i][j]);
        }
    }
}

#define KERN_TILE(h)                                                                               \
    static                                                                                         \
        __attribute__((noinline)) void tile_##h(size_t kc, const float *a, const float *b,         \
                                                float *c, size_t ldc, bool add, const float *next) \
    {                                                                                              \
        tile(h, 1, kc, a, b, 0, c, 0, ldc, add, next);                                             \
    }
#define KERN_PAIR(h)                                                                               \
    static __attribute__((noinline)) void pair_##h(size_t kc, const float *a, const float *b,      \
                                                   size_t b_step, float *c, size_t c_step,         \
                                                   size_t ldc, bool add)                           \
    {                                                                                              \
        tile(h, 2, kc, a, b, b_step, c, c_step, ldc, add, NULL);                                   \
    }
#define KERN_TILE_ENTRY(h) [h] = tile_##h,
#define KERN_PAIR_ENTRY(h) [h] = pair_##h,
#define KERN_HEIGHTS_1(X)  X(1)
#define KERN_HEIGHTS_2(X)  KERN_HEIGHTS_1(X) X(2)
#define KERN_HEIGHTS_3(X)  KERN_HEIGHTS_2(X) X(3)
#define KERN_HEIGHTS_4(X)  KERN_HEIGHTS_3(X) X(4)
#define KERN_HEIGHTS_6(X)  KERN_HEIGHTS_4(X) X(5) X(6)
#define KERN_HEIGHTS_8(X)  KERN_HEIGHTS_6(X) X(7) X(8)
#define KERN_HEIGHTS_14(X) KERN_HEIGHTS_8(X) X(9) X(10) X(11) X(12) X(13) X(14)
#define KERN_TILES         KERN_PASTE(KERN_HEIGHTS_, KERN_MR)
#define KERN_PAIRS         KERN_PASTE(KERN_HEIGHTS_, KERN_PAIR_MR)

KERN_TILES(KERN_TILE)
KERN_PAIRS(KERN_PAIR)

static tdl_tile_fn *const tiles[KERN_MR + 1] = {KERN_TILES(KERN_TILE_ENTRY)};
static tdl_pair_fn *const pairs[KERN_PAIR_MR + 1] = {KERN_PAIRS(KERN_PAIR_ENTRY)};

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
