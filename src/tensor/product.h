/* One product with a packed right side: the loops between gemm.h and the register tile.
 *
 * Panels     the right side is packed in panels of tiles->nr columns, each [k][nr], zeros past n
 * Splits     rows, columns and chunks of k may be cut anywhere on their grain; the bits stay, since
 *            every output is always the same sum over blocks of k
 */
#ifndef TDL_TENSOR_PRODUCT_H
#define TDL_TENSOR_PRODUCT_H

#include <stdint.h>

#include "tensor/kernel.h"

enum { TDL_BLOCKS_AT_ONCE = 4 }; /* of k: packed at once, so that A's part stays in L2 */

typedef enum tdl_into {
    TDL_INTO_NEW, /* c = the product */
    TDL_INTO_SUM, /* c holds the sum over earlier blocks of k: go on */
    TDL_INTO_ADD /* c += the product, formed apart and added once; k <= TDL_BLOCKS_AT_ONCE * k_block
                  */
} tdl_into;

typedef struct tdl_product tdl_product;

/* Turns c[rows][n], which lies at (row, column) of the product, into the result. */
typedef void tdl_finish_fn(const tdl_product *product, size_t row, size_t rows, size_t column,
                           size_t n, float *c);

struct tdl_product {
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;
    size_t m, n, k; /* k in elements of a */
    const float *a; /* [m][k], or [k][m] when ta */
    size_t lda;
    bool ta;
    const float *panels;
    size_t panel_step; /* floats from one panel to the next, >= tdl_panel_units */
    float *c;          /* [m][n] */
    size_t ldc;
    tdl_into into;
    tdl_finish_fn *finish; /* applied once the product is whole; NULL: nothing to do */
    tdl_map f;
    const float *bias;     /* [n] or NULL */
    const float *x_scale;  /* [m], s8 only */
    const float *w_scale;  /* [n], s8 only */
    const int32_t *w_sums; /* [n], s8 with x_offset only: sums over k of the weights */
};

/* The pool, or NULL when the work is too little to wake other threads for. */
tdl_pool *tdl_product_pool(size_t m, size_t n, size_t k, tdl_pool *pool);

size_t tdl_panels_of(const tdl_tiles *tiles, size_t n);

/* Units of a packed panel that is k deep. */
size_t tdl_panel_units(const tdl_tiles *tiles, size_t k);

/* Pack panels [begin, end) of op(B)[k][n]. along_k: B is stored [n][k]. */
void tdl_pack_panels(const tdl_tiles *tiles, const float *b, size_t ldb, bool along_k, size_t n,
                     size_t k, float *panels, size_t panel_step, size_t begin, size_t end);

/* Floats of pack buffer that one thread makes good use of; any amount from tdl_product_least on
 * gives the same bits. */
size_t tdl_product_buffer(const tdl_product *product);
size_t tdl_product_least(const tdl_tiles *tiles);

/* Bias and activation: the finish of a product of floats. */
tdl_finish_fn tdl_finish_map;

/* Run it, split over the pool if there is one.
 *   buffer  [threads][buffer_floats], 64-byte aligned, buffer_floats a multiple of 16 and at least
 *           tdl_product_least; with TDL_INTO_ADD at least tdl_product_buffer */
void tdl_product_run(const tdl_product *product, float *buffer, size_t buffer_floats,
                     tdl_pool *pool);

#endif
