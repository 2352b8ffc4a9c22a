/* Layer norm and RMS norm of a row, forward and backward. A template, see vec_kern.h.
 *
 *     z = (x - mean) rstd      rstd = 1 / sqrt(mean of (x - mean)^2 + eps); RMS: mean is taken as 0
 *     y = z gain + bias
 *     dx = rstd (g - mean(g) - z mean(g z)), g = dy gain; RMS: without mean(g)
 *     dgain += dy z, dbias += dy, row by row
 */
#ifndef TDL_TENSOR_NORM_KERN_H
#define TDL_TENSOR_NORM_KERN_H

#include "tensor/rows_kern.h"

KERN_INLINE size_t some(size_t n, size_t i)
{
    return n - i < KERN_VL ? n - i : KERN_VL;
}

/* Sums of d and of d^2, d = x - mean. */
static void sums_around(size_t n, const float *x, float mean, float *ret_sum, float *ret_squares)
{
    lanes sums = lanes_of(0), squares = lanes_of(0);

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, mean);

        for (size_t j = 0; j < LANE_VECS; j++) {
            vec d = a.v[j] - splat(mean);
            sums.v[j] += d;
            squares.v[j] = FMA(d, d, squares.v[j]);
        }
    }
    *ret_sum = add_lanes(&sums);
    *ret_squares = add_lanes(&squares);
}

/* Far from 0 a float cannot hold the mean to the digits that the differences need: what is left of
 * it, `rest`, is taken off in a second step. */
static void norm(bool rms, size_t n, const float *x, const float *gain, const float *bias,
                 float eps, float *y, float *ret_mean, float *ret_rstd)
{
    float mean = rms ? 0 : sum(x, n) / (float)n, rest, squares, rstd;

    sums_around(n, x, mean, &rest, &squares);
    rest = rms ? 0 : rest / (float)n;
    rstd = 1 / sqrtf(squares / (float)n - rest * rest + eps);
    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = some(n, i);
        vec z = (load_first(x + i, left, 0) - splat(mean) - splat(rest)) * splat(rstd);

        if (gain)
            z = FMA(z, load_first(gain + i, left, 0),
                    bias ? load_first(bias + i, left, 0) : splat(0));
        else if (bias)
            z += load_first(bias + i, left, 0);
        store_first(y + i, left, z);
    }
    *ret_mean = mean + rest;
    *ret_rstd = rstd;
}

static void norm_backward(bool rms, size_t n, const float *x, const float *gain, float mean,
                          float rstd, const float *dy, float *dx)
{
    lanes sum_g = lanes_of(0), sum_gz = lanes_of(0);
    float mean_g, mean_gz;

    for (size_t i = 0; i < n; i += LANES) {
        lanes a = load_lanes(x + i, n - i, mean), d = load_lanes(dy + i, n - i, 0);
        lanes g = gain ? load_lanes(gain + i, n - i, 0) : lanes_of(1);

        for (size_t j = 0; j < LANE_VECS; j++) {
            vec z = (a.v[j] - splat(mean)) * splat(rstd), own = d.v[j] * g.v[j];

            sum_g.v[j] += own;
            sum_gz.v[j] = FMA(own, z, sum_gz.v[j]);
        }
    }
    mean_g = rms ? 0 : add_lanes(&sum_g) / (float)n;
    mean_gz = add_lanes(&sum_gz) / (float)n;
    for (size_t i = 0; i < n; i += KERN_VL) {
        size_t left = some(n, i);
        vec z = (load_first(x + i, left, 0) - splat(mean)) * splat(rstd);
        vec g = load_first(dy + i, left, 0);

        if (gain)
            g = g * load_first(gain + i, left, 0);
        g = FMA(z, splat(-mean_gz), g - splat(mean_g));
        store_first(dx + i, left, g * splat(rstd));
    }
}

/* dgain[n] and dbias[n] over all rows of x and dy, `ld` apart; either may be NULL. */
static void norm_gains(size_t rows, size_t n, size_t ld, const float *x, const float *mean,
                       const float *rstd, const float *dy, float *dgain, float *dbias)
{
    for (size_t r = 0; r < rows; r++, x += ld, dy += ld)
        for (size_t i = 0; i < n; i += KERN_VL) {
            size_t left = some(n, i);
            vec d = load_first(dy + i, left, 0);

            if (dgain) {
                vec z = (load_first(x + i, left, 0) - splat(mean[r])) * splat(rstd[r]);
                store_first(dgain + i, left, FMA(d, z, load_first(dgain + i, left, 0)));
            }
            if (dbias)
                store_first(dbias + i, left, load_first(dbias + i, left, 0) + d);
        }
}

#endif
