/* The bf16 product where there is an instruction for it: BF16_DOT(x, w, sum), two products in each
 * lane. A template, see vec_kern.h; besides KERN_VL it needs BF16_NAME, BF16_MR, BF16_NV and
 * BF16_PAIR_MR. */
#ifndef TDL_TENSOR_BF16_DOT_KERN_H
#define TDL_TENSOR_BF16_DOT_KERN_H

#include "tensor/lowp.h"
#include "tensor/vec_kern.h"

#define TILE_NAME           bf16
#define TILE_MR             BF16_MR
#define TILE_NV             BF16_NV
#define TILE_PAIR_MR        BF16_PAIR_MR
#define TILE_PHASES         1
#define TILE_A_UNITS        1
#define TILE_SUM            vec
#define TILE_OPERAND        vec_bits
#define TILE_ROW(phase, p)  load_bits(p)
#define TILE_X(phase, p)    splat_bits(unit_at(p))
#define TILE_DOT(x, w, sum) BF16_DOT(x, w, sum)
#include "tensor/tile_kern.h"

const tdl_tiles KERN_PASTE(tdl_bf16_, BF16_NAME) = {
    TILE_SET(bf16, BF16_MR, BF16_NV, BF16_PAIR_MR),
    .pack_a = tdl_pack_pairs,
    .pack_b = tdl_pack_pairs,
    .group = 2,
    .a_units = 1,
    .b_units = 1,
    .k_block = TDL_K_BLOCK,
};

#endif
