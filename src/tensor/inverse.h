/* The inverse of a symmetric positive definite matrix in f32: Cholesky by blocks, then the inverse
 * of the factor, all in place and all large parts by tdl_gemm.
 *
 * Work         n^3 multiply-adds over 3, three times: half of one n^3 product
 * Memory       the matrix, and 3 n 256 floats beside it
 * Bits         do not depend on instruction set or threads
 */
#ifndef TDL_TENSOR_INVERSE_H
#define TDL_TENSOR_INVERSE_H

#include "tensor/gemm.h"

/* a becomes its inverse.
 *   a        [n][n] row-major; only the lower triangle is read, both are written
 *   returns  TDL_OK | TDL_E_INVALID (not positive definite in f32, or not finite: names the pivot;
 *            `a` is then half done) | TDL_E_NO_MEMORY | TDL_E_TOO_LARGE
 */
tdl_status tdl_invert_definite(float *a, size_t n, tdl_pool *pool, tdl_report *why);

#endif
