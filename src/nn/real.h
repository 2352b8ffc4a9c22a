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

/* The same with both sides rounded to bf16 and the sums in float, as tdl_gemm_bf16. With double
 * nothing is rounded. */
tdl_status tdl_matmul_bf16(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a,
                           size_t lda, const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc,
                           bool add, tdl_pool *pool, tdl_report *why);

/* As tdl_matmul of a small product on the calling thread, which cannot fail: k <= TDL_SMALL_K.
 *   n_of  [m] or NULL: of row i of C at least the first n_of[i] columns are wanted
 *   k_of  [m] or NULL: A is 0 from column k_of[i] on until column k_of[i + 15], or the end
 * Both rise. */
enum { TDL_SMALL_K = 256 };
void tdl_matmul_small(bool ta, bool tb, size_t m, size_t n, size_t k, const tdl_real *a, size_t lda,
                      const tdl_real *b, size_t ldb, tdl_real *c, size_t ldc, bool add,
                      const size_t *n_of, const size_t *k_of);

/* y[n] = x[n], or y += x. They may be one. */
void tdl_put(bool add, size_t n, const tdl_real *x, tdl_real *y);

/* W, stored [in][out] or, transposed, [out][in], packed for serving, and y[rows][out] =
 * act(x W + bias) by it: in f32 the same bits as tdl_matmul and tdl_act_forward. With double
 * nothing is packed and *ret is NULL. */
tdl_status tdl_real_pack(tdl_precision precision, const tdl_real *w, bool transposed, size_t in,
                         size_t out, tdl_packed **ret, tdl_report *why);
void tdl_real_linear(const tdl_packed *w, size_t rows, const tdl_real *x, size_t in,
                     const tdl_real *bias, tdl_act act, tdl_real *y, size_t out, tdl_pool *pool);

/* x[rows][n] becomes its softmax along n; ret_lse[rows] = log sum exp of what was there. */
void tdl_softmax(size_t rows, size_t n, tdl_real *x, tdl_real *ret_lse);

/* Sum of x[i] y[i], in 16 lanes as tdl_norm_forward. */
tdl_real tdl_inner(size_t n, const tdl_real *x, const tdl_real *y);

/* sum[n] += x[0] + x[1] + ... for x[rows][n], in rising row order */
void tdl_sum_rows(size_t rows, size_t n, const tdl_real *x, tdl_real *sum, tdl_pool *pool);

/* y = (x - mean) rstd gain + bias for each of x[rows][n], rstd = 1 / sqrt(variance + eps); without
 * `centred` the mean is taken as 0. gain and bias [n] or NULL; y may be x. Sums run in 16 lanes,
 * element i in lane i mod 16, added as a tree.
 *   ret_mean, ret_rstd  [rows] */
void tdl_norm_forward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                      const tdl_real *bias, double eps, tdl_real *y, tdl_real *ret_mean,
                      tdl_real *ret_rstd, tdl_pool *pool);
/* dx[rows][n] from dy; dgain[n] and dbias[n], either may be NULL, are added to in rising row order.
 * dx may be dy. */
void tdl_norm_backward(bool centred, size_t rows, size_t n, const tdl_real *x, const tdl_real *gain,
                       const tdl_real *mean, const tdl_real *rstd, const tdl_real *dy, tdl_real *dx,
                       tdl_real *dgain, tdl_real *dbias, tdl_pool *pool);

/* y[n] = act(y + bias); bias [n] or NULL. The same bits as in tdl_linear. */
void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y);

/* x = exp(x) for x[rows][n], rows `ld` apart; x[n] = log(x) */
void tdl_real_exp(size_t rows, size_t n, tdl_real *x, size_t ld);
void tdl_real_log(size_t n, tdl_real *x);

/* The same of each row of y[rows][n]. */
void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y);

/* dy[n] *= act'(x).  saved [n]: x itself where tdl_act_needs_input(act), else y = act(x). */
bool tdl_act_needs_input(tdl_act act);
void tdl_act_backward(tdl_act act, size_t n, const tdl_real *saved, tdl_real *dy);

#endif
