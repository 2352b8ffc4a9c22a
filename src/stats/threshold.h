/* Decision thresholds from what decisions cost. */
#ifndef TDL_STATS_THRESHOLD_H
#define TDL_STATS_THRESHOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

/* What a row costs by truth and decision; a gain is below 0. */
typedef struct tdl_cost {
    double tp, fp, tn, fn;
} tdl_cost;

/* For probabilities that come true: decide 1 where p >= (fp - tn) / ((fp - tn) + (fn - tp)).
 *   returns  TDL_OK | TDL_E_INVALID: a wrong decision is no dearer than the right one */
tdl_status tdl_threshold_of_cost(const tdl_cost *cost, double *ret, tdl_report *why);

/* The threshold of least mean cost on these rows, half-way between two distinct scores; of equally
 * cheap ones the highest. "None" is just above the greatest score, "all" is the least.
 *   y, p, weight, order  as in classify.h
 *   ret_cost             mean cost there; may be NULL */
tdl_status tdl_threshold_fit(const tdl_cost *cost, const double *y, const double *p,
                             const double *weight, const uint32_t *order, size_t n, double *ret,
                             double *ret_cost, tdl_report *why);

/* The decision of least expected cost; of equal ones the first.
 *   p     [k] probabilities
 *   cost  [k][decisions] by true class and decision */
size_t tdl_cheapest_decision(const double *p, const double *cost, size_t k, size_t decisions);

#endif
