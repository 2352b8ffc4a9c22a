/* One product with a packed right side: the loops between gemm.h and the register tile.
 *
 * Panels     the right side is packed in panels of kernel->nr columns, each [k][nr], zeros past n
 * Splits     rows, columns and chunks of k may be cut anywhere on their grain; the bits stay, since
 *            every output is always the same sum over blocks of TDL_K_BLOCK
 */
#ifndef TDL_TENSOR_PRODUCT_H
#define TDL_TENSOR_PRODUCT_H

#include "tensor/kernel.h"

enum { TDL_K_CHUNK = 4 * TDL_K_BLOCK }; /* of k: packed at once, so that A's part stays in L2 */

typedef enum tdl_into {
    TDL_INTO_NEW, /* c = the product */
    TDL_INTO_SUM, /* c holds the sum over earlier blocks of k: go on */
    TDL_INTO_ADD  /* c += the product, formed apart and added once; k <= TDL_K_CHUNK */
} tdl_into;

typedef struct tdl_product {
    const tdl_kernel *kernel;
    size_t m, n, k;
    const float *a; /* [m][k], or [k][m] when ta */
    size_t lda;
    bool ta;
    const float *panels;
    size_t panel_step; /* floats from one panel to the next, >= k * nr */
    float *c;          /* [m][n] */
    size_t ldc;
    tdl_into into;
    bool finish; /* apply f and bias once the product is whole */
    tdl_map f;
    const float *bias; /* [n] or NULL */
} tdl_product;

/* The pool, or NULL when the work is too little to wake other threads for. */
tdl_pool *tdl_product_pool(size_t m, size_t n, size_t k, tdl_pool *pool);

size_t tdl_panels_of(const tdl_kernel *kernel, size_t n);

/* Pack panels [begin, end) of op(B)[k][n]. along_k: B is stored [n][k]. */
void tdl_pack_panels(const tdl_kernel *kernel, const float *b, size_t ldb, bool along_k, size_t n,
                     size_t k, float *panels, size_t panel_step, size_t begin, size_t end);

/* Floats of pack buffer that one thread makes good use of; any amount from tdl_product_least on
 * gives the same bits. */
size_t tdl_product_buffer(const tdl_product *product);
size_t tdl_product_least(const tdl_kernel *kernel);

/* Run it, split over the pool if there is one.
 *   buffer  [threads][buffer_floats], 64-byte aligned, buffer_floats a multiple of 16 and at least
 *           tdl_product_least; with TDL_INTO_ADD at least tdl_product_buffer */
void tdl_product_run(const tdl_product *product, float *buffer, size_t buffer_floats,
                     tdl_pool *pool);

#endif
