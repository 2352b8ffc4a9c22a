/* The difference between two arms of an experiment, and how sure it is.
 *
 * An arm is its units' count, mean and variance; a proportion, a ratio, a quantile and a mean after
 * CUPED are all brought to that form, and every interval is made from the same three numbers.
 * A is the control, B what is tried.
 *
 * What cannot be computed is not a number but a reason: `gap`. No field of an effect with a gap is
 * to be shown; they are 0, never NaN.
 */
#ifndef TDL_STATS_EFFECT_H
#define TDL_STATS_EFFECT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tdl_arm {
    double n;        /* units */
    double mean;     /* per unit */
    double variance; /* of a unit: mean has variance / n */
} tdl_arm;

typedef enum tdl_effect_gap {
    TDL_EFFECT_OK,
    TDL_EFFECT_NO_UNITS,      /* an arm has fewer than 2 */
    TDL_EFFECT_ZERO_VARIANCE, /* of both arms */
    TDL_EFFECT_ZERO_BASELINE, /* no lift relative to a mean of 0 */
    TDL_EFFECT_TOO_FEW,       /* for this quantile */
    TDL_EFFECT_GAPS
} tdl_effect_gap;

/* "", "no_units", "zero_variance", ... */
extern const char *const tdl_effect_gap_name[TDL_EFFECT_GAPS];

typedef struct tdl_effect {
    double estimate, se;
    double dof; /* Welch and Satterthwaite's; INFINITY = normal */
    tdl_effect_gap gap;
} tdl_effect;

typedef struct tdl_range {
    double low, high;
} tdl_range;

/* ---- arms ---- */

/* Sums over units of y and of a covariate x that was known before exposure (0 without one). They
 * add up: over hours, over servers, and with a unit's former values taken away. */
typedef struct tdl_sums {
    double n, y, yy, x, xx, xy;
} tdl_sums;

void tdl_sums_add(tdl_sums *sums, double y, double x);
void tdl_sums_change(tdl_sums *sums, double from, double to, double x); /* y of one unit */
void tdl_sums_merge(tdl_sums *sums, const tdl_sums *more);

/* Sum of products about the means, from the sum of products: over n - 1 it is a (co)variance. */
static inline double tdl_sum_about(double product, double sum, double other, double n)
{
    return n > 0 ? product - sum * other / n : 0;
}

tdl_arm tdl_arm_mean(const tdl_sums *sums); /* variance over n - 1 */
/* Of zeros and ones: variance p (1 - p), over n. */
tdl_arm tdl_arm_proportion(double successes, double n);
/* Sum of y over sum of x: the delta method, variance about the ratio. mean 0 when x sums to 0. */
tdl_arm tdl_arm_ratio(const tdl_sums *sums);

/* ---- effects ---- */

tdl_effect tdl_effect_absolute(tdl_arm a, tdl_arm b); /* B - A */
/* (B - A) / |A| by the delta method. For display: decide on the absolute one, p differs. */
tdl_effect tdl_effect_relative(tdl_arm a, tdl_arm b);
/* Whether the control's mean is too near 0 for a relative lift: |mean| < 3 of its standard error.
 * tdl_fieller is then the interval to show, if there is one. */
bool tdl_effect_relative_unsure(tdl_arm a);

tdl_range tdl_effect_interval(tdl_effect effect, double alpha); /* Welch's, two-sided */
double tdl_effect_p(tdl_effect effect);

/* One stratum of people who were like each other before they were exposed. */
typedef struct tdl_stratum {
    double weight; /* its share of all units, >= 0 */
    tdl_arm a, b;
} tdl_stratum;

/* Weighted mean of the strata's differences; weights are scaled to add up to 1. TDL_EFFECT_NO_UNITS
 * when a stratum of weight > 0 lacks an arm: join it to another one first. */
tdl_effect tdl_effect_stratified(const tdl_stratum *strata, size_t strata_n);

/* ---- proportions and ratios by their classical intervals ---- */

typedef struct tdl_z_test {
    double z, p;
} tdl_z_test;

/* Two proportions under one pooled p. z = 0, p = 1 when both are 0 or both 1. */
tdl_z_test tdl_pooled_z(tdl_arm a, tdl_arm b);

/* Of pB - pA, successes `a` of `a_n` > 0, from Wilson's (Newcombe, 1998, method 10). */
tdl_range tdl_newcombe(double a, double a_n, double b, double b_n, double alpha);

/* Of B / A - 1 with normal quantiles. False when A is not significantly unlike 0: the interval has
 * no ends. */
bool tdl_fieller(tdl_arm a, tdl_arm b, double alpha, tdl_range *ret);

#endif
