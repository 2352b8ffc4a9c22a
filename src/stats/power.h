/* How many units an experiment needs, and what it can see with those it has. */
#ifndef TDL_STATS_POWER_H
#define TDL_STATS_POWER_H

#include "stats/effect.h"

typedef struct tdl_power_plan {
    double alpha; /* two-sided; 0 = .05 */
    double power; /* 0 = .8 */
} tdl_power_plan;

/* Units per arm, of which one has variance_a or variance_b. INFINITY for no difference. */
double tdl_units_for(double difference, double variance_a, double variance_b, tdl_power_plan plan);
double tdl_units_for_proportions(double p_a, double p_b, tdl_power_plan plan);
/* Units per arm with which the interval that always holds (anytime.h, planned for them) leaves 0 at
 * the last look, if not before: runs that stop early are not counted in, so it is a bound from
 * above. difference must not be 0. */
double tdl_units_for_anytime(double difference, double variance_a, double variance_b,
                             tdl_power_plan plan);
double tdl_units_for_proportions_arcsine(double p_a, double p_b, tdl_power_plan plan); /* Cohen */
/* Student's test of two means, `d` = difference over the standard deviation: by the noncentral t.
 */
double tdl_units_for_means(double d, tdl_power_plan plan);

/* Power of Student's test with this many units in each arm. */
double tdl_power_of_means(double d, double units_per_arm, double alpha);
/* Chance that |estimate / se| exceeds `limit` when the effect is `difference`. */
double tdl_power_at(double difference, double se, double limit);

/* The smallest difference that is found with the plan's power. */
double tdl_detectable(double se, tdl_power_plan plan);
/* The same relative to the mean; a lift also changes the variance of its own estimate.
 * INFINITY when no lift can be found with so few. */
double tdl_detectable_relative(double mean, double variance, double units_per_arm,
                               tdl_power_plan plan);

#endif
