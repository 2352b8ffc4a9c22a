/* Rows scaled to length one: what the cosine scores share. */
#ifndef TDL_NN_UNIT_H
#define TDL_NN_UNIT_H

#include <math.h>

#include "nn/op.h"

static inline tdl_real tdl_unit_scale(const tdl_op_config *config)
{
    return config->scale != 0 ? (tdl_real)config->scale : 1;
}

/* 1 / |x|; 0 of a row of zeros */
static inline tdl_real tdl_one_over_length(size_t n, const tdl_real *x)
{
    double square = (double)tdl_inner(n, x, x); // a root in double is rounded alike everywhere

    return square > 0 ? (tdl_real)(1 / sqrt(square)) : 0;
}

#endif
