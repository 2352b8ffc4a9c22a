/* Suppression: which cells of a table of counts must be hidden so that no small count can be read
 * from it, nor computed from its totals (Willenborg and de Waal, Elements of Statistical Disclosure
 * Control, 2001, chapter 6).
 *
 * The totals of rows and columns and the grand total count as known to the reader, and are cells
 * themselves: a total may have to be hidden too. Counts n with 0 < n < k are hidden. Then further
 * cells, as little of the table as can be found, until
 *
 * - no hidden cell can be computed: with all sums known, a cell is determined exactly when it is a
 *   bridge of the graph whose nodes are the rows and columns and whose edges are the hidden cells
 *   (Gusfield, SIAM J. Comput. 17, 1988). Cells hidden on the way are never 0, so each may be
 *   larger and smaller than it is by at least 1;
 * - what is hidden in a row or column whose total is shown comes to k at least: else the difference
 *   is a small count.
 *
 * Deterministic: ties go to the first cell by rows. Finding the least is NP-hard; each bridge is
 * closed by the cheapest cycle through it. Time grows with (rows + columns)^2 for each.
 */
#ifndef TDL_STATS_SUPPRESS_H
#define TDL_STATS_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

/* Decide what to hide.
 *   counts   [rows_n * columns_n] by rows, finite, >= 0
 *   k        the smallest count that may be shown; 0 and 1 hide nothing
 *   hidden   [(rows_n + 1) * (columns_n + 1)] by rows, filled; the last column holds the rows'
 *            totals, the last row the columns', the last cell of all the grand total
 *   returns  TDL_OK | TDL_E_NO_MEMORY */
tdl_status tdl_suppress(const double *counts, size_t rows_n, size_t columns_n, double k,
                        bool *hidden, tdl_report *why);

#endif
