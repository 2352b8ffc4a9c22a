/* Piecewise-linear encoding of a number (Gorishniy, Rubachev and Babenko, 2022, "On Embeddings for
 * Numerical Features in Tabular Deep Learning"): component j tells how far through bin j it is.
 *
 *     (x - e[j]) / (e[j + 1] - e[j]), clipped to [0, 1], but the first not from below and the last
 *     not from above: beyond training the code goes on as a line
 */
#ifndef TDL_TABLE_BINS_H
#define TDL_TABLE_BINS_H

#include <stddef.h>

/* Edges at `bins` + 1 even quantiles of sorted [n], n >= 1; equal ones are merged.
 *   ret      [bins + 1]
 *   returns  how many there are: at least 1; 1 makes no bin */
size_t tdl_bins_edges(const double *sorted, size_t n, size_t bins, double *ret);

/* ret [edges_n - 1]; edges_n >= 2, ascending. NaN gives zeros. */
void tdl_bins_encode(const double *edge, size_t edges_n, double x, double *ret);

#endif
