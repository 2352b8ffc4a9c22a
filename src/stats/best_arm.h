/* How likely each of several arms is the best one, given what is known of each: what Thompson
 * sampling draws from, in closed form. By quadrature over pieces of the posteriors, absolute error
 * about 1e-10; never by drawing.
 */
#ifndef TDL_STATS_BEST_ARM_H
#define TDL_STATS_BEST_ARM_H

#include "base/report.h"
#include "stats/posterior.h"

enum { TDL_ARMS_MAX = 64 };

/* Posteriors N(mean, sd^2).
 *   mean, sd    [n], n in 1..TDL_ARMS_MAX, finite; sd >= 0. Arms of sd 0 count as very narrow ones,
 *               and share what they tie for
 *   ret_best    [n], sums to 1
 *   ret_second  [n], NULL = not wanted: the chance to be second best; sums to 1 for n > 1
 */
tdl_status tdl_best_of_normal(const double *mean, const double *sd, size_t n, double *ret_best,
                              double *ret_second, tdl_report *why);

tdl_status tdl_best_of_beta(const tdl_beta *arms, size_t n, double *ret_best);

/* Thompson's weights into probabilities with a floor: f + (1 - n f) w; uniform when n f >= 1. */
void tdl_weights_floor(double *weights, size_t n, double floor);

/* Top-two: half of the times the best, half of the times the second (Russo, 2020). Always even with
 * two arms: take `best` itself then. */
void tdl_weights_top_two(const double *best, const double *second, size_t n, double *ret);

void tdl_weights_greedy(const double *mean, size_t n, double epsilon, double *ret);
void tdl_weights_softmax(const double *mean, size_t n, double temperature, double *ret);

#endif
