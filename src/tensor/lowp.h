/* What the kernels of integer weights and the code that quantises for them agree on. */
#ifndef TDL_TENSOR_LOWP_H
#define TDL_TENSOR_LOWP_H

#include "tensor/kernel.h"

enum {
    /* 32-bit units of a block of 32 along k: q4_kern.h */
    TDL_Q4_A_UNITS = 10,
    TDL_Q4_B_UNITS = 5,
    TDL_S8_UNIT = 4 /* integers in a unit */
};

/* Copies 32-bit units whatever they hold: the f32 pack of the kernel in use. */
tdl_pack_fn tdl_pack_units;

/* Floats into units of two bf16: the bf16 pack of the kernel in use. */
tdl_pack_fn tdl_pack_pairs;

#endif
