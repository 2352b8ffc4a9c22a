/* Whole rows: bias and activation, dot product, softmax. A template, see vec_kern.h.
 *
 * Sums over a row use 16 virtual lanes, element i in lane i mod 16, whatever the vector length, and
 * add the lanes in one fixed tree.
 */
#ifndef TDL_TENSOR_ROWS_KERN_H
#define TDL_TENSOR_ROWS_KERN_H

#include "tensor/vmath_kern.h"

enum { LANES = 16, LANE_VECS = LANES / KERN_VL };

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
    case TDL_MAP_GELU_ERF:
        map_rows_of(TDL_MAP_GELU_ERF, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_SILU:
        map_rows_of(TDL_MAP_SILU, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_LEAKY_RELU:
        map_rows_of(TDL_MAP_LEAKY_RELU, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_EXP:
        map_rows_of(TDL_MAP_EXP, rows, n, x, ldx, bias, ret, ldr);
        break;
    case TDL_MAP_LOG:
        map_rows_of(TDL_MAP_LOG, rows, n, x, ldx, bias, ret, ldr);
        break;
    }
}

KERN_INLINE void map_backward_of(tdl_map f, size_t n, const float *saved, float *dy)
{
    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = n - i < KERN_VL ? n - i : KERN_VL;

        store_first(dy + i, left,
                    apply_backward(f, load_first(saved + i, left, 0), load_first(dy + i, left, 0)));
    }
}

static void map_backward(tdl_map f, size_t n, const float *saved, float *dy)
{
    switch (f) {
    case TDL_MAP_RELU:
        map_backward_of(TDL_MAP_RELU, n, saved, dy);
        break;
    case TDL_MAP_LEAKY_RELU:
        map_backward_of(TDL_MAP_LEAKY_RELU, n, saved, dy);
        break;
    case TDL_MAP_TANH:
        map_backward_of(TDL_MAP_TANH, n, saved, dy);
        break;
    case TDL_MAP_SIGMOID:
        map_backward_of(TDL_MAP_SIGMOID, n, saved, dy);
        break;
    case TDL_MAP_GELU:
        map_backward_of(TDL_MAP_GELU, n, saved, dy);
        break;
    case TDL_MAP_GELU_ERF:
        map_backward_of(TDL_MAP_GELU_ERF, n, saved, dy);
        break;
    case TDL_MAP_SILU:
        map_backward_of(TDL_MAP_SILU, n, saved, dy);
        break;
    case TDL_MAP_COPY:
    case TDL_MAP_EXP:
    case TDL_MAP_LOG:
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

static float sum(const float *x, size_t n)
{
    lanes total = lanes_of(0);

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, 0);

        for (size_t j = 0; j < LANE_VECS; j++)
            total.v[j] += a.v[j];
    }
    return add_lanes(&total);
}

static float largest(const float *x, size_t n)
{
    lanes most = lanes_of(-INFINITY);
    float whole[LANES];

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, -INFINITY);

        for (size_t j = 0; j < LANE_VECS; j++)
            most.v[j] = choose(a.v[j] > most.v[j], a.v[j], most.v[j]);
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

/* ---- integers ---- */

static float int8_scale(const float *x, size_t n)
{
    lanes most = lanes_of(0), unfit = lanes_of(0);
    float whole[LANES];

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, 0);

        for (size_t j = 0; j < LANE_VECS; j++) {
            vec size = absolute(a.v[j]);

            most.v[j] = choose(size > most.v[j], size, most.v[j]);
            unfit.v[j] = FMA(a.v[j], splat(0), unfit.v[j]); /* NaN for NaN and infinity */
        }
    }
    if (!(add_lanes(&unfit) == 0))
        return NAN;
    for (size_t j = 0; j < LANE_VECS; j++)
        store(whole + j * KERN_VL, most.v[j]);
    for (size_t i = 1; i < LANES; i++)
        if (whole[i] > whole[0])
            whole[0] = whole[i];
    return whole[0] < 0x1p-100f ? 0 : whole[0] / 127;
}

static void quantise(const float *x, size_t n, float scale, int8_t *ret)
{
    const float round = 0x1.8p+23f; /* adding it leaves a rounded integer in the low bits */
    vec inverse = splat(1 / scale);

    if (!(scale > 0)) {
        memset(ret, 0, n);
        return;
    }
    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = n - i < KERN_VL ? n - i : KERN_VL;
        vec t = FMA(load_first(x + i, left, 0), inverse, splat(round));
        vec_int q = (vec_int)(bits_of(t) - bits_of(splat(round)));
        vec_byte bytes = to_bytes(q);

        memcpy(ret + i, &bytes, left);
    }
}

static void dequantise(size_t n, float x_scale, const float *w_scale, const int32_t *w_sums,
                       float *c)
{
    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = n - i < KERN_VL ? n - i : KERN_VL;
        vec_bits sum = bits_of(load_first(c + i, left, 0));

        if (w_sums)
            sum -= bits_of(load_first((const float *)(const void *)(w_sums + i), left, 0)) << 7;
        store_first(c + i, left,
                    (to_float((vec_int)sum) * (splat(x_scale) * load_first(w_scale + i, left, 0))));
    }
}

#endif
