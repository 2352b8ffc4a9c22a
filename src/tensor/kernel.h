/* What one instruction set offers: a table of functions, one table per set, all with the same bits.
 *
 * Inside src/tensor and its tests only; everybody else calls gemm.h and rows.h, which use the table
 * chosen at start (cpu.c).
 */
#ifndef TDL_TENSOR_KERNEL_H
#define TDL_TENSOR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/gemm.h"

enum {
    /* Depth of one block of k. Part of the arithmetic contract in gemm.h: never tuned. */
    TDL_K_BLOCK = 256,
    TDL_NR_MAX = 32,     /* widest panel of any table, in floats */
    TDL_LINE_FLOATS = 16 /* of one cache line */
};

/* Element-wise functions. */
typedef enum tdl_map {
    TDL_MAP_COPY,
    TDL_MAP_RELU,
    TDL_MAP_TANH,
    TDL_MAP_SIGMOID,
    TDL_MAP_GELU,
    TDL_MAP_EXP,
    TDL_MAP_LOG
} tdl_map;

/* c[h][nr] = a b or c + a b, for one block of k. The height h is which function of `tile` it is.
 *   a     [kc][h]
 *   b     [kc][nr], 64-byte aligned
 *   c     rows `ldc` floats apart, any alignment
 *   next  kc lines from here on are brought into the cache meanwhile; never read */
typedef void tdl_tile_fn(size_t kc, const float *a, const float *b, float *c, size_t ldc, bool add,
                         const float *next);

/* The same over two panels at once, b and b + b_step, into c and c + c_step. */
typedef void tdl_pair_fn(size_t kc, const float *a, const float *b, size_t b_step, float *c,
                         size_t c_step, size_t ldc, bool add);

typedef struct tdl_kernel {
    const char *name;
    size_t mr, nr;            /* rows and columns of the largest register tile */
    tdl_tile_fn *const *tile; /* [mr + 1], by height; entry 0 is NULL */
    size_t pair_mr;           /* rows of the largest tile over two panels */
    tdl_pair_fn *const *pair; /* [pair_mr + 1] */

    /* ret[k * step + i] = element (i, k) of a strip, i < width, k < kc.
     * along_k: that element is src[i * ld + k], else src[k * ld + i]. */
    void (*pack)(const float *src, size_t ld, bool along_k, size_t width, size_t kc, float *ret,
                 size_t step);

    /* ret[i][j] = f(x[i][j] + bias[j]).  bias [n] or NULL; ret may be x. */
    void (*map_rows)(tdl_map f, size_t rows, size_t n, const float *x, size_t ldx,
                     const float *bias, float *ret, size_t ldr);

    float (*dot)(const float *x, const float *y, size_t n);
    float (*softmax)(float *x, size_t n); /* in place; returns the log of the sum of exp(x) */
} tdl_kernel;

extern const tdl_kernel tdl_kernel_scalar, tdl_kernel_avx2, tdl_kernel_avx512;

/* The one in use; chosen on the first call. */
const tdl_kernel *tdl_kernel_get(void);

/* Those this machine can run, best first; NULL past the last. Element 0 always exists. */
const tdl_kernel *tdl_kernel_at(size_t i);

/* The one called `name`; the best one when it is NULL or empty. *ret is set in any case: to the
 * best one on failure. returns  TDL_OK | TDL_E_INVALID (unknown, or the machine lacks it; the hint
 * lists what it has) */
tdl_status tdl_kernel_find(const char *name, const tdl_kernel **ret, tdl_report *why);

tdl_map tdl_map_of_act(tdl_act act);

/* tdl_gemm and tdl_pack on a given kernel. A packed matrix keeps to the kernel it was packed for.
 */
tdl_status tdl_gemm_on(const tdl_kernel *kernel, bool ta, bool tb, size_t m, size_t n, size_t k,
                       const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                       bool add, tdl_pool *pool, tdl_report *why);
tdl_status tdl_pack_on(const tdl_kernel *kernel, const float *w, bool transposed, size_t in,
                       size_t out, tdl_packed **ret, tdl_report *why);

#endif
