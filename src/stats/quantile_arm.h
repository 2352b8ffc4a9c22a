/* A quantile of an experiment's arm, as an arm whose "mean" is the quantile. */
#ifndef TDL_STATS_QUANTILE_ARM_H
#define TDL_STATS_QUANTILE_ARM_H

#include <stdint.h>

#include "stats/effect.h"

/* Of one value per unit: the variance is read off the order statistics around it.
 *   sorted  [n], ascending, finite
 *   q       in (0, 1)
 *   returns an arm whose n is 0 when there are too few: n <= z^2 max(q / (1 - q), (1 - q) / q) */
tdl_arm tdl_arm_quantile(const double *sorted, size_t n, double q);

/* The same when units have several values each, that are like each other (Deng, Knoblich and Lu,
 * 2018): n of the arm stays the number of values.
 *   unit_values  [units_n]: how many values each unit has
 *   unit_within  [units_n]: how many of them are <= the quantile */
tdl_arm tdl_arm_quantile_clustered(const double *sorted, size_t n, double q,
                                   const uint32_t *unit_values, const uint32_t *unit_within,
                                   size_t units_n);

/* The quantile itself, for counting unit_within: the smallest value with at least n q at or below.
 */
double tdl_quantile_value(const double *sorted, size_t n, double q);

#endif
