/* Whether the arms got the share of the traffic that they were meant to get. An experiment that
 * did not is broken somewhere, and its result is not to be read (Fabijan et al., 2019).
 */
#ifndef TDL_STATS_TRAFFIC_H
#define TDL_STATS_TRAFFIC_H

#include <stddef.h>

typedef struct tdl_ratio_test {
    double chi2, dof, p; /* dof 0, p 1: fewer than two arms have weight, or nobody came */
} tdl_ratio_test;

/* p below which an alarm is red (no verdict) or amber (look into it). */
#define TDL_TRAFFIC_RED   .001
#define TDL_TRAFFIC_AMBER .01

/* Chi-square test of the counts against what was expected of each arm; expected counts are those of
 * each phase added up when weights changed. Scaled to the observed total. Arms of which nothing is
 * expected are left out, unless somebody is in them: then p is 0.
 *   observed, expected  [n], >= 0 */
tdl_ratio_test tdl_traffic_test(const double *observed, const double *expected, size_t n);

/* A p that holds however often one looks: multinomial against a Dirichlet mixture around the
 * weights (Lindon and Malek, 2022).
 *   concentration  of the mixture; <= 0 = 10,000 */
double tdl_traffic_anytime_p(const double *observed, const double *weights, size_t n,
                             double concentration);

#endif
