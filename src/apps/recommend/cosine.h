/* Likeness of items that have vectors. */
#ifndef TDL_APPS_RECOMMEND_COSINE_H
#define TDL_APPS_RECOMMEND_COSINE_H

#include <stddef.h>

/* ret[n]: the cosine of each row of table [n][d] with row `own`; 0 where either has no length. */
void tdl_cosine_rows(const float *table, size_t n, size_t d, size_t own, float *ret);

#endif
