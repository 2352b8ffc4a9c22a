/* What is behind tdl_packed: panels of one type, for one kernel. */
#ifndef TDL_TENSOR_PACKED_H
#define TDL_TENSOR_PACKED_H

#include <stdint.h>

#include "tensor/kernel.h"

struct tdl_packed {
    tdl_precision type;
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;
    size_t in, out;
    size_t k;        /* of the product: `in` as the tiles count it */
    float *panels;   /* [panels of out][tdl_panel_units(k)] */
    float *w_scale;  /* [out], int8 */
    int32_t *w_sums; /* [out], int8 with x_offset */
};

/* Integer weights: fill in what tdl_pack_on has allocated; multiply. */
tdl_status tdl_quantise_weights(tdl_packed *packed, const float *w, bool transposed,
                                tdl_report *why);
void tdl_linear_quantised(const tdl_packed *w, size_t m, const float *x, size_t ldx,
                          const float *bias, tdl_act act, float *y, size_t ldy, tdl_pool *pool);

/* The same on the stack alone, for when there is no memory: the same bits. */
void tdl_linear_in_small_steps(const tdl_packed *w, size_t m, const float *x, size_t ldx,
                               const float *bias, tdl_act act, float *y, size_t ldy);

/* Units of a row of `in` activations, quantised for these tiles. */
size_t tdl_row_units(tdl_precision type, size_t in);

#endif
