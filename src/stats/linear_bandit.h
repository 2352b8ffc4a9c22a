/* Contextual bandits with one ridge regression an arm, and the Bayesian head of a network.
 *
 *     A = lambda I + sum x x',  b = sum r x,  theta = A^-1 b
 *
 * | policy       | value of an arm in context x                          | source |
 * |--------------|-------------------------------------------------------|--------|
 * | LinUCB       | x'theta + alpha sqrt(x'A^-1 x), the largest is chosen | Li, Chu, Langford and
 * Schapire, 2010 | | LinTS        | N(x'theta, v^2 x'A^-1 x), arms independent            | Agrawal
 * and Goyal, 2013 | | NeuralLinear | as LinTS, v^2 = the noise that a normal-inverse-gamma prior
 * infers; x = a network's last layer | Riquelme, Tucker and Snoek, 2018 |
 *
 * A^-1 follows each reward by Sherman and Morrison's formula, O(d^2), and is factored anew every
 * TDL_LINEAR_REFRESH rewards, so that rounding does not add up.
 */
#ifndef TDL_STATS_LINEAR_BANDIT_H
#define TDL_STATS_LINEAR_BANDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

enum { TDL_LINEAR_DIM_MAX = 1024, TDL_LINEAR_REFRESH = 1000 };

typedef struct tdl_linear_arm {
    size_t d;
    double ridge;
    double *a;       /* [d][d], the lower triangle */
    double *inverse; /* [d][d], whole */
    double *b;       /* [d] */
    double *theta;   /* [d] */
    double n;        /* rewards, discounted */
    double rr;       /* sum of r^2, discounted */
    uint32_t since;  /* rewards since it was factored */
} tdl_linear_arm;

/* ridge > 0. TDL_OK | TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_linear_arm_init(tdl_linear_arm *arm, size_t d, double ridge, tdl_report *why);
void tdl_linear_arm_release(tdl_linear_arm *arm); /* accepts a zeroed struct */

/* One reward r of context x [d], both finite (TDL_E_INVALID, and nothing changes). */
tdl_status tdl_linear_arm_learn(tdl_linear_arm *arm, const double *x, double r, tdl_report *why);

/* Forget: all that was learnt counts gamma in (0, 1] of what it did. The ridge stays. */
tdl_status tdl_linear_arm_discount(tdl_linear_arm *arm, double gamma, tdl_report *why);

/* Mean x'theta and width sqrt(x'A^-1 x) of each arm. */
void tdl_linear_values(const tdl_linear_arm *arms, size_t n, const double *x, double *ret_mean,
                       double *ret_width);

/* Inferred noise of an arm's rewards: the mean of its variance under Inverse-Gamma(a0, b0). */
double tdl_linear_noise(const tdl_linear_arm *arm, double a0, double b0);

#endif
