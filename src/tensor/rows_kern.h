/* Whole rows: bias and activation, dot product, softmax. A template, see vec_kern.h.
 *
 * Sums over a row use 16 virtual lanes, element i in lane i mod 16, whatever the vector length, and
 * add the lanes in one fixed tree.
 */
#ifndef TDL_TENSOR_ROWS_KERN_H
#define TDL_TENSOR_ROWS_KERN_H

#include "tensor/vmath_kern.h"

enum { LANES = 16, LANE_VECS = LANES / KERN_VL };

/* The first n of a vector, 0 < n <= KERN_VL. */
KERN_INLINE vec load_first(const float *p, size_t n, float fill)
{
    float whole[KERN_VL];

    if (n == KERN_VL)
        return load(p);
    for (size_t i = 0; i < KERN_VL; i++)
        whole[i] = i < n ? p[i] : fill;
    return load(whole);
}

KERN_INLINE void store_first(float *p, size_t n, vec v)
{
    float whole[KERN_VL];

    if (n == KERN_VL) {
        store(p, v);
        return;
    }
    store(whole, v);
    memcpy(p, whole, n * sizeof *p);
}

/* `f` is a constant in every instance, so that its switch is gone from the loop. */
KERN_INLINE void map_rows_of(tdl_map f, size_t rows, size_t n, const float *x, size_t ldx,
                             const float *bias, float *ret, size_t ldr)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j += KERN_VL) {
            size_t left = n - j < KERN_VL ? n - j : KERN_VL;
            vec v = load_first(x + i * ldx + j, left, 0);

            if (bias)
                v += load_first(bias + j, left, 0);
            store_first(ret + i * ldr + j, left, apply(f, v));
        }
}

static void map_rows(tdl_map f, size_t rows, size_t n, const float *x, size_t ldx,
                     const float *bias, float *ret, size_t ldr)
{
    switch (f) {
    case TDL_MAP_COPY:
        map_rows_of(TDL_MAP_COPY, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_RELU:
        map_rows_of(TDL_MAP_RELU, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_TANH:
        map_rows_of(TDL_MAP_TANH, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_SIGMOID:
        map_rows_of(TDL_MAP_SIGMOID, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_GELU:
        map_rows_of(TDL_MAP_GELU, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_EXP:
        map_rows_of(TDL_MAP_EXP, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_LOG:
        map_rows_of(TDL_MAP_LOG, rows, n, x, ldx, bias, ret, ldr);
        break;
    }
}

/* ---- sums over a row ---- */

typedef struct lanes {
    vec v[LANE_VECS];
} lanes;

KERN_INLINE lanes lanes_of(float x)
{
    lanes l;

    for (size_t j = 0; j < LANE_VECS; j++)
        l.v[j] = splat(x);
    return l;
}

/* The next up to 16 elements; lanes past the end hold `fill`. */
KERN_INLINE lanes load_lanes(const float *p, size_t left, float fill)
{
    float whole[LANES];
    lanes l;

    if (left < LANES) {
        for (size_t i = 0; i < LANES; i++)
            whole[i] = i < left ? p[i] : fill;
        p = whole;
    }
    for (size_t j = 0; j < LANE_VECS; j++)
        l.v[j] = load(p + j * KERN_VL);
    return l;
}

KERN_INLINE float add_lanes(const lanes *l)
{
    float x[LANES];

    for (size_t j = 0; j < LANE_VECS; j++)
        store(x + j * KERN_VL, l->v[j]);
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
}

static float dot(const float *x, const float *y, size_t n)
{
    lanes sum = lanes_of(0);

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, 0), b = load_lanes(y + i, n - i, 0);

        for (size_t j = 0; j < LANE_VECS; j++)
            sum.v[j] = FMA(a.v[j], b.v[j], sum.v[j]);
    }
    return add_lanes(&sum);
}

static float largest(const float *x, size_t n)
{
    lanes most = lanes_of(-INFINITY);
    float whole[LANES];

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, -INFINITY);

        for (size_t j = 0; j < LANE_VECS; j++)
            most.v[j] = select(a.v[j] > most.v[j], a.v[j], most.v[j]);
    }
    for (size_t j = 0; j < LANE_VECS; j++)
        store(whole + j * KERN_VL, most.v[j]);
    for (size_t i = 1; i < LANES; i++)
        if (whole[i] > whole[0])
            whole[0] = whole[i];
    return whole[0];
}

/* exp(x - max) in place; returns their sum. */
static float exp_shifted(float *x, size_t n, float max)
{
    lanes sum = lanes_of(0);

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, -INFINITY);

        for (size_t j = 0; j < LANE_VECS; j++) {
            size_t at = i + j * KERN_VL;

            a.v[j] = vec_exp(a.v[j] - splat(max));
            sum.v[j] += a.v[j];
            if (at < n)
                store_first(x + at, n - at < KERN_VL ? n - at : KERN_VL, a.v[j]);
        }
    }
    return add_lanes(&sum);
}

static float softmax(float *x, size_t n)
{
    float max = largest(x, n), sum = exp_shifted(x, n, max), log_sum;

    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = n - i < KERN_VL ? n - i : KERN_VL;

        store_first(x + i, left, load_first(x + i, left, 0) / splat(sum));
    }
    map_rows_of(TDL_MAP_LOG, 1, 1, &sum, 1, NULL, &log_sum, 1);
    return max + log_sum;
}

#endif
