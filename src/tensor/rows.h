/* Whole-row operations with the same bits on every instruction set. */
#ifndef TDL_TENSOR_ROWS_H
#define TDL_TENSOR_ROWS_H

#include <stddef.h>

#include "base/pool.h"
#include "tensor/gemm.h"

/* x[rows][n] -> softmax of each row, in place. A row with NaN or +infinity, or with nothing but
 * -infinity, becomes NaN.
 *   ldx      distance between rows
 *   ret_lse  [rows] log of the sum of exponentials, or NULL */
void tdl_softmax_rows(size_t rows, size_t n, float *x, size_t ldx, float *ret_lse, tdl_pool *pool);

/* y[rows][n] = act(y + bias), bias [n] or NULL. */
void tdl_finish_rows(size_t rows, size_t n, const float *bias, tdl_act act, float *y, size_t ldy);

/* Sum of x[i] y[i] in 16 lanes, i mod 16, added as a tree. */
float tdl_dot(const float *x, const float *y, size_t n);

#endif
