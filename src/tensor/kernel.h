/* What one instruction set offers: a table of functions, one table per set, all with the same bits.
 *
 * Inside src/tensor and its tests only; everybody else calls gemm.h and rows.h, which use the table
 * chosen at start (cpu.c).
 */
#ifndef TDL_TENSOR_KERNEL_H
#define TDL_TENSOR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/gemm.h"
#include "tensor/table_softmax.h"

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
    TDL_MAP_GELU_ERF,
    TDL_MAP_SILU,
    TDL_MAP_LEAKY_RELU,
    TDL_MAP_EXP,
    TDL_MAP_LOG
} tdl_map;

/* c[h][nr] = a b or c + a b, for one block of k. The height h is which function of `tile` it is.
 *   a     [steps][a_units][h]
 *   b     [steps][b_units][nr], 64-byte aligned
 *   c     rows `ldc` units apart, any alignment
 *   next  `steps` lines from here on are brought into the cache meanwhile; never read */
typedef void tdl_tile_fn(size_t steps, const float *a, const float *b, float *c, size_t ldc,
                         bool add, const float *next);

/* The same with A not packed: rows a_row > 0 floats apart, `steps` floats of each. */
typedef void tdl_direct_fn(size_t steps, const float *a, size_t a_row, const float *b, float *c,
                           size_t ldc, bool add, const float *next);

/* The same over two panels at once, b and b + b_step, into c and c + c_step. */
typedef void tdl_pair_fn(size_t steps, const float *a, const float *b, size_t b_step, float *c,
                         size_t c_step, size_t ldc, bool add);

/* c[h][nr] goes on with the sum over all lanes k of a[i][k] b[k][nr], in one chain:
 *   a  [panels][..][nr], h lines of each panel, panels `a_panel` floats apart
 *   b  [panels * nr], rows ldb apart */
typedef void tdl_lanes_fn(size_t panels, const float *a, size_t a_panel, const float *b, size_t ldb,
                          float *c, size_t ldc);

/* ret[k * step + i] = element (i, k) of a strip, i < width, k < kc.
 * along_k: that element is src[i * ld + k], else src[k * ld + i]. */
typedef void tdl_pack_fn(const float *src, size_t ld, bool along_k, size_t width, size_t kc,
                         float *ret, size_t step);

/* The product of one type of numbers. Packed operands are sequences of 32-bit units, passed as
 * floats whatever is in them; only the tile knows.
 *
 *         a step of k is       unit of A           unit of B           sum    k_block
 *   f32   1 float              the float           the float           f32    256
 *   bf16  2 floats             2 bf16, even low,   2 bf16, even low    f32    256
 *                              or 2 units of f32
 *   s8    4 s8 in one unit     4 s8                4 s8                s32    256 units
 *   q4    a block of 32        see q4_kern.h                           f32    8 blocks */
typedef struct tdl_tiles {
    size_t mr, nr;                /* rows and columns of the largest register tile */
    tdl_tile_fn *const *tile;     /* [mr + 1], by height; entry 0 is NULL */
    tdl_direct_fn *const *direct; /* [mr + 1], or NULL */
    size_t pair_mr;               /* rows of the largest tile over two panels; may be 0 */
    tdl_pair_fn *const *pair;     /* [pair_mr + 1] */
    tdl_pack_fn *pack_a, *pack_b; /* b: NULL for q4, whose weights come as units */
    size_t group;                 /* elements of k in a step, as A is stored before packing */
    size_t a_units, b_units;      /* packed units in a step */
    size_t k_block;               /* elements of k summed on their own; a multiple of group */
    int x_offset;                 /* s8: added to what A holds, so that it is unsigned; 0 or 128 */
} tdl_tiles;

typedef struct tdl_kernel {
    const char *name;
    const tdl_tiles *f32, *bf16;

    /* ret[i][j] = f(x[i][j] + bias[j]).  bias [n] or NULL; ret may be x. */
    void (*map_rows)(tdl_map f, size_t rows, size_t n, const float *x, size_t ldx,
                     const float *bias, float *ret, size_t ldr);

    /* dy[n] *= f'; saved as tdl_act_backward_rows wants it */
    void (*map_backward)(tdl_map f, size_t n, const float *saved, float *dy);

    /* Of one row: norm_kern.h. gain and bias may be NULL; dx may be dy. */
    void (*norm)(bool rms, size_t n, const float *x, const float *gain, const float *bias,
                 float eps, float *y, float *ret_mean, float *ret_rstd);
    void (*norm_backward)(bool rms, size_t n, const float *x, const float *gain, float mean,
                          float rstd, const float *dy, float *dx);
    void (*norm_gains)(size_t rows, size_t n, size_t ld, const float *x, const float *mean,
                       const float *rstd, const float *dy, float *dgain, float *dbias);

    float (*dot)(const float *x, const float *y, size_t n);
    float (*softmax)(float *x, size_t n); /* in place; returns the log of the sum of exp(x) */

    /* Of scores z[n][nr], a class a line, for table_softmax.c. panel_most: add bias[n], put
     * -infinity where id[n] is the lane's target[nr], raise most[nr] to the largest; bias and id
     * may be NULL. panel_exp: z becomes exp(z - most), which is added to sum[nr]; most is no less
     * than any z. */
    void (*panel_most)(size_t n, float *z, const float *bias, const int32_t *id,
                       const int32_t *target, float *most);
    void (*panel_exp)(size_t n, float *z, const float *most, float *sum);
    tdl_lanes_fn *const *lanes; /* [f32->mr + 1], by height */

    /* max |x| / 127: 0 where every |x| < 2^-100, NaN where one is not finite. */
    float (*int8_scale)(const float *x, size_t n);

    /* ret[n] = x / scale to the nearest integer, |ret| <= 127; 0 when the scale is 0 or NaN. */
    void (*quantise)(const float *x, size_t n, float scale, int8_t *ret);

    /* c[n], sums of integers, becomes (c - 128 w_sums) (x_scale w_scale).  w_sums NULL: none */
    void (*dequantise)(size_t n, float x_scale, const float *w_scale, const int32_t *w_sums,
                       float *c);
} tdl_kernel;

extern const tdl_kernel tdl_kernel_scalar, tdl_kernel_avx2, tdl_kernel_avx512, tdl_kernel_neon;
extern const tdl_tiles tdl_s8_scalar, tdl_s8_avx2, tdl_s8_avx512, tdl_s8_neon;
extern const tdl_tiles tdl_q4_scalar, tdl_q4_avx2, tdl_q4_avx512, tdl_q4_neon;
extern const tdl_tiles tdl_bf16_avx512, tdl_bf16_neon;

/* The one in use; chosen on the first call. */
const tdl_kernel *tdl_kernel_get(void);

/* Those this machine can run, best first; NULL past the last. Element 0 always exists. */
const tdl_kernel *tdl_kernel_at(size_t i);

/* The one called `name`; the best one when it is NULL or empty. *ret is set in any case: to the
 * best one on failure. TDL_E_INVALID: unknown, or the machine lacks it; the hint lists what it
 * has. */
tdl_status tdl_kernel_find(const char *name, const tdl_kernel **ret, tdl_report *why);

tdl_map tdl_map_of_act(tdl_act act);

/* The best tiles this machine has for weights of `type` beside a kernel. */
const tdl_tiles *tdl_tiles_of(const tdl_kernel *kernel, tdl_precision type);

/* Candidates, best first, NULL past the last: what the tests compare with the scalar ones. */
const tdl_tiles *tdl_tiles_at(const tdl_kernel *kernel, tdl_precision type, size_t i);

/* tdl_gemm and tdl_pack_as on given kernels. A packed matrix keeps to those it was packed for. */
tdl_status tdl_gemm_on(const tdl_kernel *kernel, const tdl_tiles *tiles, bool ta, bool tb, size_t m,
                       size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                       float *c, size_t ldc, bool add, tdl_pool *pool, tdl_report *why);
tdl_status tdl_pack_on(const tdl_kernel *kernel, const tdl_tiles *tiles, tdl_precision type,
                       const float *w, bool transposed, size_t in, size_t out, tdl_packed **ret,
                       tdl_report *why);

/* tdl_table_softmax_run on a given kernel. */
tdl_status tdl_table_softmax_on(const tdl_kernel *kernel, const tdl_table_softmax *job,
                                tdl_pool *pool, tdl_report *why);

#endif
