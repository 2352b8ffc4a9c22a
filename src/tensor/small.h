/* Small products and functions on the calling thread: what attention does tile by tile.
 *
 * Same bits as tdl_gemm on every instruction set. Nothing is allocated, nothing can fail.
 */
#ifndef TDL_TENSOR_SMALL_H
#define TDL_TENSOR_SMALL_H

#include <stdbool.h>
#include <stddef.h>

/* C[m][n] (+)= op(A) op(B), as tdl_gemm, for k <= 256: one block of the arithmetic contract.
 *   n_of  [m] or NULL: of row i of C at least the first n_of[i] columns are wanted; what else is
 *         written is up to the kernel
 *   k_of  [m] or NULL: A is 0 from column k_of[i] on until column k_of[i + 15], or the end; B is
 *         finite
 * Both rise: products with a triangle, of which half is left out. */
void tdl_gemm_small(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add, const size_t *n_of,
                    const size_t *k_of);

/* The same on a given kernel, for tests. */
struct tdl_kernel;
void tdl_gemm_small_on(const struct tdl_kernel *kernel, bool ta, bool tb, size_t m, size_t n,
                       size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                       size_t ldc, bool add, const size_t *n_of, const size_t *k_of);

/* x = exp(x) for x[rows][n], rows `ld` apart; x[n] = log(x) */
void tdl_vec_exp(size_t rows, size_t n, float *x, size_t ld);
void tdl_vec_log(size_t n, float *x);

#endif
