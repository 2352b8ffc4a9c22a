/* What a softmax over a table needs beside the tiles of gemm_kern.h. A template, see vec_kern.h.
 *
 * Scores lie in panels [classes][nr], as tiles leave them: a class is a line, a row of the batch a
 * lane. So sums over classes need no lanes to be added, and are the same for any width of vector.
 */
#ifndef TDL_TENSOR_SOFTMAX_KERN_H
#define TDL_TENSOR_SOFTMAX_KERN_H

#include "tensor/gemm_kern.h"
#include "tensor/vmath_kern.h"

enum { PANEL = KERN_VL * KERN_NV, SUMMED_AT_ONCE = 256 };

KERN_INLINE void panel_most_of(size_t n, float *z, const float *bias, const int32_t *id,
                               const int32_t *target, float *most)
{
    vec top[KERN_NV];

    for (size_t j = 0; j < KERN_NV; j++)
        top[j] = load(most + j * KERN_VL);
    for (size_t c = 0; c < n; c++) {
        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
        {
            float *at = z + c * PANEL + j * KERN_VL;
            vec v = load(at);

            if (bias)
                v += splat(bias[c]);
            if (id) {
                const vec_int_unaligned *own = (const void *)(target + j * KERN_VL);

                v = choose(*own == (vec_int)splat_bits((uint32_t)id[c]), splat(-INFINITY), v);
            }
            if (bias || id)
                store(at, v);
            top[j] = choose(v > top[j], v, top[j]);
        }
    }
    for (size_t j = 0; j < KERN_NV; j++)
        store(most + j * KERN_VL, top[j]);
}

static void panel_most(size_t n, float *z, const float *bias, const int32_t *id,
                       const int32_t *target, float *most)
{
    if (bias && id)
        panel_most_of(n, z, bias, id, target, most);
    else if (bias)
        panel_most_of(n, z, bias, NULL, NULL, most);
    else if (id)
        panel_most_of(n, z, NULL, id, target, most);
    else
        panel_most_of(n, z, NULL, NULL, NULL, most);
}

/* exp(x) for x <= 0, as exp_of; 0 below -87, where exp_of comes to denormals. */
KERN_INLINE vec exp_falling(vec x)
{
    vec low = splat(-87.f), t, n, r, q, y;
    vec_int is_low = x < low;

    x = choose(is_low, low, x);
    t = FMA(x, splat(LOG2_E), splat(0x1.8p+23f));
    n = t - splat(0x1.8p+23f);
    r = FMA(n, splat(-LN2_HIGH), x);
    r = FMA(n, splat(-LN2_LOW), r);
    q = FMA(splat(0x1.6a2350p-10f), r, splat(0x1.123a6ap-7f));
    q = FMA(q, r, splat(0x1.5558f4p-5f));
    q = FMA(q, r, splat(0x1.555490p-3f));
    q = FMA(q, r, splat(0x1.fffffcp-2f));
    q = FMA(q, r * r, r);
    y = from_bits(bits_of(q + splat(1)) + (bits_of(t) << 23));
    return choose(is_low, splat(0), y);
}

static void panel_exp(size_t n, float *z, const float *most, float *sum)
{
    vec top[KERN_NV], total[KERN_NV];

    for (size_t j = 0; j < KERN_NV; j++) {
        top[j] = load(most + j * KERN_VL);
        total[j] = load(sum + j * KERN_VL);
    }
    for (size_t begin = 0; begin < n; begin += SUMMED_AT_ONCE) {
        size_t end = n - begin < SUMMED_AT_ONCE ? n : begin + SUMMED_AT_ONCE;
        vec part[KERN_NV];

        for (size_t j = 0; j < KERN_NV; j++)
            part[j] = splat(0);

        for (size_t c = begin; c < end; c++) {
            KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
            {
                float *at = z + c * PANEL + j * KERN_VL;
                vec y = exp_falling(load(at) - top[j]);

                store(at, y);
                part[j] += y;
            }
        }
        for (size_t j = 0; j < KERN_NV; j++)
            total[j] += part[j];
    }
    for (size_t j = 0; j < KERN_NV; j++)
        store(sum + j * KERN_VL, total[j]);
}

/* c[h][nr] goes on with the sum over the lanes of `panels` panels: a [panels][..][nr], of which h
 * lines count, `a_panel` floats from panel to panel; b [panels * nr], rows ldb apart. */
KERN_INLINE void lanes_run(size_t h, size_t panels, const float *restrict a, size_t a_panel,
                           const float *restrict b, size_t ldb, float *restrict c, size_t ldc)
{
    vec sum[KERN_MR][KERN_NV];

    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
        {
            sum[i][j] = load(c + i * ldc + j * KERN_VL);
        }
    }
    for (size_t p = 0; p < panels; p++, a += a_panel)
        for (size_t k = 0; k < PANEL; k++, b += ldb) {
            vec row[KERN_NV];

            KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
            {
                row[j] = load(b + j * KERN_VL);
            }
            KERN_UNROLL for (size_t i = 0; i < h; i++)
            {
                vec x = splat(a[i * PANEL + k]);

                KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
                {
                    sum[i][j] = FMA(x, row[j], sum[i][j]);
                }
            }
        }
    KERN_UNROLL for (size_t i = 0; i < h; i++)
    {
        KERN_UNROLL for (size_t j = 0; j < KERN_NV; j++)
        {
            store(c + i * ldc + j * KERN_VL, sum[i][j]);
        }
    }
}

#define LANES_FN(h)                                                                                \
    static                                                                                         \
        __attribute__((noinline)) void lanes_##h(size_t panels, const float *a, size_t a_panel,    \
                                                 const float *b, size_t ldb, float *c, size_t ldc) \
    {                                                                                              \
        lanes_run(h, panels, a, a_panel, b, ldb, c, ldc);                                          \
    }
#define LANES_ENTRY(h) [h] = lanes_##h,

TILE_HEIGHTS(KERN_MR)
(LANES_FN)

    static tdl_lanes_fn *const lanes_by_height[KERN_MR + 1] = {TILE_HEIGHTS(KERN_MR)(LANES_ENTRY)};

#endif
