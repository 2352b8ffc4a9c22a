/* The number type of the ops, and the few products and functions they are written with.
 *
 * Every op is compiled twice from the same source: with float for use (layer `nn`), and with double
 * for the gradient check (-DTDL_REAL_DOUBLE, library `nn_double`), where a plain triple loop takes
 * the place of the packed kernels. A program links one of the two, never both.
 */
#ifndef TDL_NN_REAL_H
#define TDL_NN_REAL_H

#include "tensor/gemm.h"

#ifdef TDL_REAL_DOUBLE
typedef double tdl_real;
#else
typedef float tdl_real;
#endif

/* C[m][n] (+)= op(A) op(B), as tdl_gemm. */
tdl_status tdl_matmul(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      tdl_pool *pool, tdl_report *why);

/* The same of a small product on the calling thread, which cannot fail: k <= TDL_SMALL_K. */
enum { TDL_SMALL_K = 256 };
void tdl_matmul_small(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add);

/* y[n] = x[n], or y += x. They may be one. */
void tdl_put(bool add, size_t n, const tdl_real *x, tdl_real *y);

/* W [in][out] packed for serving, and y[rows][out] = act(x W + bias) by it: the same bits as
 * tdl_matmul and tdl_act_forward. With double nothing is packed and *ret is NULL. */
tdl_status tdl_real_pack(const tdl_real *w, size_t in, size_t out, tdl_packed **ret,
                         tdl_report *why);
void tdl_real_linear(const tdl_packed *w, size_t rows, const tdl_real *x, size_t in,
                     const tdl_real *bias, tdl_act act, tdl_real *y, size_t out, tdl_pool *pool);

/* x[rows][n] becomes its softmax along n; ret_lse[rows] = log sum exp of what was there. */
void tdl_softmax(size_t rows, size_t n, tdl_real *x, tdl_real *ret_lse);

/* Sum of x[i] y[i], in 16 lanes as tdl_norm_forward. */
tdl_real tdl_inner(size_t n, const tdl_real *x, const tdl_real *y);

/* sum[n] += x[0] + x[1] + ... for x[rows][n], in rising row order */
void tdl_sum_rows(size_t rows, size_t n, const tdl_real *x, tdl_real *sum, tdl_pool *pool);

enum { TDL_NORM_STATS = 2 }; /* mean and 1 / deviation of a row */

/* y = (x - mean) / sqrt(variance + eps) * gain + bias for each row of x[rows][n]; without `centred`
 * the mean is taken as 0. gain and bias [n] or NULL; y may be x. Sums run in 16 lanes, element i in
 * lane i mod 16, added as a tree.
 *   ret_stats  [rows][TDL_NORM_STATS] */
void tdl_norm_forward(size_t rows, size_t n, bool centred, double eps, const tdl_real *x,
                      const tdl_real *gain, const tdl_real *bias, tdl_real *y, tdl_real *ret_stats);
/* dx[rows][n] = or += its gradient from dy; dx may be dy. */
void tdl_norm_backward(size_t rows, size_t n, bool centred, const tdl_real *x, const tdl_real *gain,
                       const tdl_real *stats, const tdl_real *dy, tdl_real *dx, bool add);
/* dgain[n] += the sum over rows of dy (x - mean) / deviation, in rising row order. */
void tdl_norm_gain_backward(size_t rows, size_t n, const tdl_real *x, const tdl_real *stats,
                            const tdl_real *dy, tdl_real *dgain, tdl_pool *pool);

/* y[n] = act(y + bias); bias [n] or NULL. The same bits as in tdl_linear. */
void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y);

/* x[n] = exp(x), log(x) */
void tdl_real_exp(size_t n, tdl_real *x);
void tdl_real_log(size_t n, tdl_real *x);

/* The same of each row of y[rows][n]. */
void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y);

/* dy[n] *= act'(x).  saved [n]: x itself where tdl_act_needs_input(act), else y = act(x). */
bool tdl_act_needs_input(tdl_act act);
void tdl_act_backward(tdl_act act, size_t n, const tdl_real *saved, tdl_real *dy);

#endif
