/* Distributions of test statistics, in double precision.
 *
 * Relative error about 1e-13, tails included: a p-value of 1e-200 has as many true digits as one
 * of .5. The normal quantile is tdl_normal_score (table/normalise.h). Out of range is NaN.
 *
 * Sources: incomplete beta and gamma by Lentz's continued fractions (DLMF 8.9, 8.17.22) and the
 * series DLMF 8.7.1; log beta by Stirling's series (DLMF 5.11.1), so that large arguments keep
 * their digits.
 */
#ifndef TDL_STATS_DISTRIBUTION_H
#define TDL_STATS_DISTRIBUTION_H

double tdl_normal_density(double x);
double tdl_normal_below(double x); /* P(Z <= x); P(Z > x) is that of -x */

double tdl_log_beta(double a, double b); /* a, b > 0 */

/* ln(gamma(x + m) / gamma(x)), x > 0, m >= 0. */
double tdl_log_rising(double x, double m);

/* P(X <= x) of Beta(a, b); x in [0, 1]. */
double tdl_beta_below(double x, double a, double b);

/* P(|T| > |t|) of Student's t. dof > 0; INFINITY = normal. */
double tdl_student_beyond(double t, double dof);
/* The t that |T| exceeds with probability `beyond` in (0, 1). */
double tdl_student_limit(double beyond, double dof);

double tdl_chi_square_above(double x, double dof); /* P(X > x), dof > 0 */

/* Nodes and weights of Gauss-Legendre quadrature with 16 points on [-1, 1], for those who integrate
 * a density piece by piece. */
enum { TDL_LEGENDRE_N = 16 };
extern const double tdl_legendre_node[TDL_LEGENDRE_N], tdl_legendre_weight[TDL_LEGENDRE_N];

#endif
