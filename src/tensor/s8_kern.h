/* Int8 weights against int8 activations. A template, see vec_kern.h; besides KERN_NAME and KERN_VL
 * it needs S8_MR, S8_NV, S8_PAIR_MR, S8_X_OFFSET (x_offset of tdl_tiles) and
 *     S8_DOT(x, w, sum)  four products in each 32-bit lane; all vec_bits but sum, a vec_int
 */
#ifndef TDL_TENSOR_S8_KERN_H
#define TDL_TENSOR_S8_KERN_H

#include "tensor/lowp.h"
#include "tensor/vec_kern.h"

#define TILE_NAME           s8
#define TILE_MR             S8_MR
#define TILE_NV             S8_NV
#define TILE_PAIR_MR        S8_PAIR_MR
#define TILE_PHASES         1
#define TILE_A_UNITS        1
#define TILE_SUM            vec_int
#define TILE_OPERAND        vec_bits
#define TILE_ROW(phase, p)  load_bits(p)
#define TILE_X(phase, p)    splat_bits(unit_at(p))
#define TILE_DOT(x, w, sum) S8_DOT(x, w, sum)
#include "tensor/tile_kern.h"

const tdl_tiles KERN_PASTE(tdl_s8_, KERN_NAME) = {
    TILE_SET(s8, S8_MR, S8_NV, S8_PAIR_MR),
    .pack_a = tdl_pack_units,
    .pack_b = tdl_pack_units,
    .group = 1,
    .a_units = 1,
    .b_units = 1,
    .k_block = TDL_K_BLOCK,
    .x_offset = S8_X_OFFSET,
};

#endif
