/* Rankings and prices as rows of a fairness audit (fairness.h): what is audited becomes y and
 * weight of a regression, and the measure "residual" with scores of 0 or 1 is the mean of a group.
 *
 * | of      | y                    | weight | score | residual of a group                     |
 * |---------|----------------------|--------|-------|-----------------------------------------|
 * | ranking | exposure / merit     | merit  | 0     | its exposure over its merit             |
 * | price   | price / mean of cell | 1 or 0 | 1     | share paid above others of the cell     |
 */
#ifndef TDL_STATS_PARITY_H
#define TDL_STATS_PARITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

/* Exposure is 1 / log2(rank + 1) (Singh and Joachims, 2018).
 *   rank   [n] >= 1
 *   merit  [n] > 0, such as relevance
 *   ret_y, ret_weight  [n] */
tdl_status tdl_parity_of_ranking(const double *rank, const double *merit, size_t n, double *ret_y,
                                 double *ret_weight, tdl_report *why);

/* Prices are compared within a cell, one item in one period. A cell that only one group bought from
 * compares nobody: its rows weigh 0, as do those without a group.
 *   price  [n] > 0
 *   cell   [n] any numbers, the same for rows of a cell
 *   group  [n] or -1
 *   ret_y, ret_weight  [n] */
tdl_status tdl_parity_of_price(const double *price, const int64_t *cell, const int32_t *group,
                               size_t n, double *ret_y, double *ret_weight, tdl_report *why);

#endif
