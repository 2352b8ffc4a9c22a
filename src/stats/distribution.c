#include "stats/distribution.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "table/normalise.h"

#define ROOT_HALF     0.70710678118654752440
#define ROOT_2_PI     2.50662827463100050242
#define LOG_ROOT_2_PI 0.91893853320467274178

enum { TERMS_MAX = 100000, HALVINGS_MAX = 200 };

const double tdl_legendre_node[TDL_LEGENDRE_N] = {
    -0.98940093499164994, -0.9445750230732326,  -0.86563120238783176, -0.755404408355003,
    -0.61787624440264377, -0.45801677765722737, -0.28160355077925892, -0.095012509837637454,
    0.095012509837637454, 0.28160355077925892,  0.45801677765722737,  0.61787624440264377,
    0.755404408355003,    0.86563120238783176,  0.9445750230732326,   0.98940093499164994,
};
const double tdl_legendre_weight[TDL_LEGENDRE_N] = {
    0.027152459411754037, 0.062253523938647706, 0.095158511682492591, 0.12462897125553403,
    0.14959598881657676,  0.16915651939500262,  0.18260341504492361,  0.18945061045506859,
    0.18945061045506859,  0.18260341504492361,  0.16915651939500262,  0.14959598881657676,
    0.12462897125553403,  0.095158511682492591, 0.062253523938647706, 0.027152459411754037,
};

double tdl_normal_density(double x)
{
    return exp(-x * x / 2) / ROOT_2_PI;
}

double tdl_normal_below(double x)
{
    return erfc(-x * ROOT_HALF) / 2;
}

/* ---- gamma and beta ---- */

static double log_gamma(double x) // lgamma writes a global sign
{
    int sign;

    return lgamma_r(x, &sign);
}

/* What Stirling's formula leaves out of ln gamma(x), x >= 10. */
static double stirling_rest(double x)
{
    static const double term[] = {1. / 12,   -1. / 360,      1. / 1260, -1. / 1680,
                                  1. / 1188, -691. / 360360, 1. / 156};
    double squared = 1 / (x * x), sum = 0;

    for (unsigned i = sizeof term / sizeof *term; i-- > 0;)
        sum = sum * squared + term[i];
    return sum / x;
}

double tdl_log_beta(double a, double b)
{
    double small = fmin(a, b), large = fmax(a, b);

    if (!(small > 0))
        return NAN;
    if (small >= 10)
        return -log(large) / 2 + LOG_ROOT_2_PI + stirling_rest(small) + stirling_rest(large) -
               stirling_rest(small + large) + (small - .5) * log(small / (small + large)) +
               large * log1p(-small / (small + large));
    if (large >= 10)
        return log_gamma(small) + stirling_rest(large) - stirling_rest(small + large) + small -
               small * log(small + large) + (large - .5) * log1p(-small / (small + large));
    return log_gamma(small) + log_gamma(large) - log_gamma(small + large);
}

double tdl_log_rising(double x, double m)
{
    if (!(x > 0) || !(m >= 0))
        return NAN;
    if (x < 10)
        return log_gamma(x + m) - log_gamma(x);
    return (x - .5) * log1p(m / x) + m * log(x + m) - m + stirling_rest(x + m) - stirling_rest(x);
}

/* A step of Lentz's method, which never divides by nothing. */
static double not_zero(double x)
{
    return fabs(x) < DBL_MIN ? DBL_MIN : x;
}

/* The continued fraction of I_x(a, b), for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), ret = d;

    for (int m = 1; m < TERMS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / not_zero(1 + even * d);
        c = not_zero(1 + even / c);
        ret *= d * c;
        d = 1 / not_zero(1 + odd * d);
        c = not_zero(1 + odd / c);
        double step = d * c;
        ret *= step;
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return ret;
}

/* I_x(a, b), with y = 1 - x given too: next to 1 the difference has no digits. */
static double beta_below(double x, double y, double a, double b)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    // the logarithm of whichever is near 1, from the other one's digits
    double log_x = x > .5 ? log1p(-y) : log(x), log_y = y > .5 ? log1p(-x) : log(y);
    double front = exp(a * log_x + b * log_y - tdl_log_beta(a, b));

    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, y) / b;
}

double tdl_beta_below(double x, double a, double b)
{
    return a > 0 && b > 0 && x >= 0 && x <= 1 ? beta_below(x, 1 - x, a, b) : NAN;
}

double tdl_chi_square_above(double x, double dof)
{
    double a = dof / 2, z = x / 2;

    if (!(dof > 0) || isnan(x))
        return NAN;
    if (z <= 0)
        return 1;
    double front = exp(a * log(z) - z - log_gamma(a));
    if (z < a + 1) {
        double term = 1 / a, sum = term;
        for (int n = 1; n < TERMS_MAX && term > sum * DBL_EPSILON / 4; n++)
            sum += term *= z / (a + n);
        return 1 - front * sum;
    }
    double b = z + 1 - a, c = 1 / DBL_MIN, d = 1 / b, ret = d;
    for (int n = 1; n < TERMS_MAX; n++) {
        double an = -n * (n - a);
        b += 2;
        d = 1 / not_zero(an * d + b);
        c = not_zero(b + an / c);
        double step = d * c;
        ret *= step;
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return front * ret;
}

/* ---- Student ---- */

double tdl_student_beyond(double t, double dof)
{
    if (!(dof > 0) || isnan(t))
        return NAN;
    if (isinf(dof))
        return erfc(fabs(t) * ROOT_HALF);
    double squared = t * t;
    if (isinf(squared))
        return 0;
    return beta_below(dof / (dof + squared), squared / (dof + squared), dof / 2, .5);
}

static double student_density(double t, double dof)
{
    return exp(-(dof + 1) / 2 * log1p(t * t / dof) - tdl_log_beta(dof / 2, .5)) / sqrt(dof);
}

double tdl_student_limit(double beyond, double dof)
{
    if (!(beyond > 0 && beyond < 1) || !(dof > 0))
        return NAN;
    double z = -tdl_normal_score(beyond / 2);
    if (isinf(dof))
        return z;
    double low = 0, high = INFINITY, t = z + (z * z * z + z) / (4 * dof);
    for (int i = 0; i < HALVINGS_MAX; i++) { // Newton's method, held within what is known
        double excess = tdl_student_beyond(t, dof) - beyond;
        if (excess > 0)
            low = t;
        else
            high = t;
        double next = t + excess / (2 * student_density(t, dof));
        if (!(next > low && next < high))
            next = isinf(high) ? 2 * t : (low + high) / 2;
        if (fabs(next - t) <= 4 * DBL_EPSILON * t)
            return next;
        t = next;
    }
    return t;
}
