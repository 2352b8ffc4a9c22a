/* All of one instruction set. The only header that gemm_avx2.c and its siblings include. */
#ifndef TDL_TENSOR_TABLE_KERN_H
#define TDL_TENSOR_TABLE_KERN_H

#include "tensor/gemm_kern.h"
#include "tensor/rows_kern.h"

const tdl_kernel KERN_PASTE(tdl_kernel_, KERN_NAME) = {
    .name = KERN_TEXT(KERN_NAME),
    .mr = KERN_MR,
    .nr = NR,
    .tile = tiles,
    .pair_mr = KERN_PAIR_MR,
    .pair = pairs,
    .pack = pack,
    .map_rows = map_rows,
    .dot = dot,
    .softmax = softmax,
};

#endif
