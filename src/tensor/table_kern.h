/* All of one instruction set. The only header that gemm_avx2.c and its siblings include. */
#ifndef TDL_TENSOR_TABLE_KERN_H
#define TDL_TENSOR_TABLE_KERN_H

#include "tensor/bf16_kern.h"
#include "tensor/gemm_kern.h"
#include "tensor/norm_kern.h"
#include "tensor/rows_kern.h"
#include "tensor/softmax_kern.h"

const tdl_kernel KERN_PASTE(tdl_kernel_, KERN_NAME) = {
    .name = KERN_TEXT(KERN_NAME),
    .f32 = &f32_tiles,
    .bf16 = &bf16_tiles,
    .map_rows = map_rows,
    .map_backward = map_backward,
    .norm = norm,
    .norm_backward = norm_backward,
    .norm_gains = norm_gains,
    .dot = dot,
    .softmax = softmax,
    .panel_most = panel_most,
    .panel_exp = panel_exp,
    .lanes = lanes_by_height,
    .int8_scale = int8_scale,
    .quantise = quantise,
    .dequantise = dequantise,
};

#endif
