/* Small products and functions on the calling thread: what attention does tile by tile.
 *
 * Same bits as tdl_gemm on every instruction set. Nothing is allocated, nothing can fail.
 */
#ifndef TDL_TENSOR_SMALL_H
#define TDL_TENSOR_SMALL_H

#include <stdbool.h>
#include <stddef.h>

/* C[m][n] (+)= op(A) op(B), as tdl_gemm, for k <= 256: one block of the arithmetic contract. */
void tdl_gemm_small(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add);

/* x[n] = exp(x), log(x) */
void tdl_vec_exp(size_t n, float *x);
void tdl_vec_log(size_t n, float *x);

#endif
