/* Whole-row operations with the same bits on every instruction set. */
#ifndef TDL_TENSOR_ROWS_H
#define TDL_TENSOR_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "tensor/gemm.h"

/* x[rows][n] -> softmax of each row, in place. A row with NaN or +infinity, or with nothing but
 * -infinity, becomes NaN.
 *   ldx      distance between rows
 *   ret_lse  [rows] log of the sum of exponentials, or NULL */
void tdl_softmax_rows(size_t rows, size_t n, float *x, size_t ldx, float *ret_lse, tdl_pool *pool);

/* y[rows][n] = act(y + bias), bias [n] or NULL. */
void tdl_finish_rows(size_t rows, size_t n, const float *bias, tdl_act act, float *y, size_t ldy);

/* dy[rows][n] *= act'.  saved [rows][n]: y = act(x) for ReLU, leaky ReLU, tanh and sigmoid; x
 * itself for the others. Rows lie side by side. */
void tdl_act_backward_rows(size_t rows, size_t n, tdl_act act, const float *saved, float *dy,
                           tdl_pool *pool);

typedef enum tdl_norm_form { TDL_ROWS_LAYER_NORM, TDL_ROWS_RMS_NORM } tdl_norm_form;

/* y[rows][n] = (x - mean) rstd gain + bias, rstd = 1 / sqrt(variance + eps), the biased variance;
 * RMS: rstd = 1 / sqrt(mean of x^2 + eps) and no mean. Rows lie side by side; y may be x.
 *   gain, bias  [n] or NULL
 *   ret_mean, ret_rstd  [rows], for the way back (the mean is 0 for RMS) */
void tdl_norm_rows(tdl_norm_form form, size_t rows, size_t n, const float *x, const float *gain,
                   const float *bias, float eps, float *y, float *ret_mean, float *ret_rstd,
                   tdl_pool *pool);

/* dx[rows][n] from dy; dgain[n] and dbias[n], either may be NULL, are added to, row after row
 * whatever the threads. dx may be dy. */
void tdl_norm_backward_rows(tdl_norm_form form, size_t rows, size_t n, const float *x,
                            const float *gain, const float *mean, const float *rstd,
                            const float *dy, float *dx, float *dgain, float *dbias, tdl_pool *pool);

/* Sum of x[i] y[i] in 16 lanes, i mod 16, added as a tree. */
float tdl_dot(const float *x, const float *y, size_t n);

/* ret_q[n] = x / scale to the nearest integer, |q| <= 127, as int8 weights and activations are
 * made. Returns the scale, max |x| / 127: 0 where every |x| < 2^-100, and q is 0; NaN where one is
 * not finite. */
float tdl_quantise_row(const float *x, size_t n, int8_t *ret_q);

#endif
