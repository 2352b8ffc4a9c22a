/* What lists of answers are like, whether or not they are right: how evenly they show the
 * catalogue, how little known their items are, how unlike each other.
 */
#ifndef TDL_STATS_LISTS_H
#define TDL_STATS_LISTS_H

#include <stddef.h>
#include <stdint.h>

/* 0 = all items are shown alike, towards 1 = one only (Gini, 1912). Items never shown count. 0 when
 * nothing was shown.
 *   shown  [n] ascending, >= 0 */
double tdl_gini(const double *shown, size_t n);

/* Mean of -log2(share of the events that the item had), in bits (Zhou et al., PNAS 2010). An item
 * without events counts as having one. 0 of nothing.
 *   item   [n] what was shown, list after list
 *   count  of events of each item; total: of all */
double tdl_novelty(const int32_t *item, size_t n, const double *count, double total);

/* Mean of 1 - cosine over the pairs of one list (Ziegler et al., WWW 2005); a vector of zeros is at
 * distance 1 from all. 0 with fewer than two items.
 *   item    [n] rows of vector [..][d] */
double tdl_list_distance(const int32_t *item, size_t n, const float *vector, size_t d);

#endif
