/* Numbers in order, and their quantiles. */
#ifndef TDL_BASE_SORTED_H
#define TDL_BASE_SORTED_H

#include <stddef.h>

void tdl_sort_numbers(double *values, size_t n); /* ascending; no NaN among them */

/* Quantile at p in [0, 1] of ascending values [n], n >= 1, interpolated linearly between order
 * statistics (Hyndman and Fan type 7, the default of R and NumPy). */
double tdl_quantile(const double *sorted, size_t n, double p);

#endif
