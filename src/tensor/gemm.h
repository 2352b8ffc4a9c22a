/* Matrix products: f32, bf16, int8 and int4 weights; run-time choice of instruction set, the same
 * bits on all.
 *
 * Arithmetic contract   for each output and each block of 256 consecutive k, rising:
 *                       s = 0; s = fma(a[k], b[k], s) in rising k; c = first block ? s : c + s.
 *                       No result depends on instruction set, thread count or batch split.
 *                       bf16: the same over k in pairs, the odd element of a pair before the even.
 * Threads               every function may be called from any thread; none shares state
 * Layout                row-major; `ld` is the distance between rows in floats
 */
#ifndef TDL_TENSOR_GEMM_H
#define TDL_TENSOR_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "base/report.h"

typedef enum tdl_act {
    TDL_ACT_NONE,
    TDL_ACT_RELU,
    TDL_ACT_TANH,
    TDL_ACT_SIGMOID,
    TDL_ACT_GELU, /* the tanh form */
    TDL_ACT_GELU_ERF,
    TDL_ACT_SILU,
    TDL_ACT_LEAKY_RELU /* slope .01 below 0 */
} tdl_act;

/* What weights are stored as.
 *
 * bf16   rounded to nearest even; so are activations when they are read; sums in f32
 * int8   |q| <= 127 with one scale per output; activations get one scale per row. Sums are exact
 *        integers, y = (sum of q) (x_scale w_scale); at most TDL_INT8_IN_MAX inputs
 * int4   Q4_0 (formats.h), one scale per 32 inputs of an output; activations are int8 with one
 *        scale per 32 inputs of a row */
typedef enum tdl_precision {
    TDL_PRECISION_F32,
    TDL_PRECISION_BF16,
    TDL_PRECISION_INT8,
    TDL_PRECISION_INT4
} tdl_precision;
enum { TDL_INT8_IN_MAX = 131072 };

/* C[m][n] (+)= op(A) op(B).  ta: A is stored [k][m], else [m][k].  tb: B is stored [n][k], else
 * [k][n].  add: accumulate into C (the product is formed as above, then added once).
 * pool may be NULL. TDL_E_NO_MEMORY when the pack buffers cannot be had. */
tdl_status tdl_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add, tdl_pool *pool,
                    tdl_report *why);

/* The same with both sides rounded to bf16 as they are packed; numbers below 2^-126 become 0. */
tdl_status tdl_gemm_bf16(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                         const float *b, size_t ldb, float *c, size_t ldc, bool add, tdl_pool *pool,
                         tdl_report *why);

/* A weight matrix packed once for serving: W stored [in][out] (transposed = false) or [out][in].
 * Immutable once made; share it between threads. */
typedef struct tdl_packed tdl_packed;
tdl_status tdl_pack(const float *w, bool transposed, size_t in, size_t out, tdl_packed **ret,
                    tdl_report *why);

/* The same, converted to `type`. TDL_E_INVALID: a weight is not finite (int8, int4), or too many
 * inputs (int8). */
tdl_status tdl_pack_as(tdl_precision type, const float *w, bool transposed, size_t in, size_t out,
                       tdl_packed **ret, tdl_report *why);
void tdl_packed_free(tdl_packed *packed); /* accepts NULL */
size_t tdl_packed_bytes(const tdl_packed *packed);

/* y[m][out] = act(x[m][in] W + bias).  bias [out] or NULL. `ldx`, `ldy` in floats.
 * f32 and bf16: the same bits as tdl_gemm or tdl_gemm_bf16 followed by bias and activation.
 * int8 and int4: a row of x with NaN or infinity gives NaN. */
void tdl_linear(const tdl_packed *w, size_t m, const float *x, size_t ldx, const float *bias,
                tdl_act act, float *y, size_t ldy, tdl_pool *pool);

/* Name of the instruction set in use: "scalar", "avx2", "avx512", "neon". Chosen once; TREADLE_ISA
 * overrides it. An unknown name, or one the CPU lacks, falls back to the best there is and is
 * reported by tdl_isa_check, which the command line calls at start. So is a kernel of low precision
 * that does not agree with the plain one on this machine; it is not used. */
const char *tdl_isa_name(void);
tdl_status tdl_isa_check(tdl_report *why);

#endif
