/* Weights of rows: an array, or NULL for 1 each. */
#ifndef TDL_STATS_WEIGHT_H
#define TDL_STATS_WEIGHT_H

#include <stddef.h>

static inline double tdl_weight_of(const double *weight, size_t i)
{
    return weight ? weight[i] : 1;
}

#endif
