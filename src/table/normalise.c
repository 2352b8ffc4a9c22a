#include "table/normalise.h"

#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"

/* ---- normal scores ---- */

static double polynomial(const double *c, double x) /* c[8], the constant first */
{
    double sum = c[7];

    for (int i = 6; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* Wichura's PPND16: a ratio of polynomials for each of three regions. */
static const double centre_a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                  1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                  4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                  3.3430575583588128105e+4, 2.5090809287301226727e+3};
static const double centre_b[] = {1.0,
                                  4.2313330701600911252e+1,
                                  6.8718700749205790830e+2,
                                  5.3941960214247511077e+3,
                                  2.1213794301586595867e+4,
                                  3.9307895800092710610e+4,
                                  2.8729085735721942674e+4,
                                  5.2264952788528545610e+3};
static const double tail_c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
static const double tail_d[] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
static const double far_e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
static const double far_f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};

double tdl_normal_score(double p)
{
    double q = p - 0.5, r, score;

    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(centre_a, r) / polynomial(centre_b, r);
    }
    r = sqrt(-log(q < 0 ? p : 1 - p));
    if (r <= 5)
        score = polynomial(tail_c, r - 1.6) / polynomial(tail_d, r - 1.6);
    else
        score = polynomial(far_e, r - 5) / polynomial(far_f, r - 5);
    return q < 0 ? -score : score;
}

/* ---- fitting ---- */

static double squeeze(double x) /* keeps the sign, tames long tails */
{
    return copysign(log1p(fabs(x)), x);
}

/* Mean and population deviation, in two passes; of the logarithms where asked. */
static void moments(const double *x, size_t n, bool logarithm, double *ret_mean, double *ret_sd)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++)
        sum += logarithm ? squeeze(x[i]) : x[i];
    *ret_mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = (logarithm ? squeeze(x[i]) : x[i]) - *ret_mean;
        squares += d * d;
    }
    *ret_sd = sqrt(squares / (double)n);
}

static tdl_status fit_quantiles(const double *sorted, size_t n, tdl_scale *ret, tdl_report *why)
{
    size_t m = n < TDL_SCALE_QUANTILES_MAX ? n : TDL_SCALE_QUANTILES_MAX;

    ret->quantile = calloc(m, sizeof *ret->quantile);
    if (!ret->quantile)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu quantiles", m);
    ret->quantiles_n = m;
    for (size_t i = 0; i < m; i++)
        ret->quantile[i] = m > 1 ? tdl_quantile(sorted, n, (double)i / (double)(m - 1)) : sorted[0];
    return TDL_OK;
}

tdl_status tdl_scale_fit(tdl_normalise kind, const double *sorted, size_t n, tdl_scale *ret,
                         tdl_report *why)
{
    double mean, width = 0;

    *ret = (tdl_scale){.kind = kind, .factor = 1};
    if (n == 0 || kind == TDL_NORMALISE_NONE) {
        ret->kind = TDL_NORMALISE_NONE;
        return TDL_OK;
    }
    if (kind == TDL_NORMALISE_QUANTILE)
        return fit_quantiles(sorted, n, ret, why);
    if (kind == TDL_NORMALISE_MIN_MAX) {
        ret->shift = sorted[0];
        width = sorted[n - 1] - sorted[0];
    } else {
        moments(sorted, n, kind == TDL_NORMALISE_LOG1P, &mean, &width);
        ret->shift = mean;
        if (kind == TDL_NORMALISE_ROBUST) {
            double iqr = tdl_quantile(sorted, n, 0.75) - tdl_quantile(sorted, n, 0.25);

            ret->shift = tdl_quantile(sorted, n, 0.5);
            width = iqr > 0 ? iqr : width;
        }
    }
    ret->factor = width > 0 && isfinite(1 / width) ? 1 / width : 1;
    return TDL_OK;
}

void tdl_scale_release(tdl_scale *scale)
{
    free(scale->quantile);
    *scale = (tdl_scale){0};
}

/* ---- applying ---- */

/* Share of training values below x, half of those equal to it among them. */
static double share_below(const double *q, size_t n, double x)
{
    size_t below = 0, upto; /* quantiles < x, quantiles <= x */
    double low, high;

    for (size_t step = n; step > 0;) { // the first that is not below x
        size_t half = step / 2;
        if (q[below + half] < x) {
            below += half + 1;
            step -= half + 1;
        } else {
            step = half;
        }
    }
    upto = below;
    for (size_t step = n - below; step > 0;) {
        size_t half = step / 2;
        if (q[upto + half] <= x) {
            upto += half + 1;
            step -= half + 1;
        } else {
            step = half;
        }
    }
    if (below == upto && below > 0 && below < n) { // between two of them
        low = (double)(below - 1) + (x - q[below - 1]) / (q[below] - q[below - 1]);
        high = low;
    } else {
        low = (double)below;
        high = upto > 0 ? (double)(upto - 1) : 0;
        if (below == n)
            low = high;
    }
    return 0.5 * (low + high) / (double)(n - 1);
}

static double score_of(const tdl_scale *scale, double x)
{
    double least = 0.5 / (double)scale->quantiles_n, p;

    if (scale->quantiles_n < 2)
        return 0;
    p = share_below(scale->quantile, scale->quantiles_n, x);
    return tdl_normal_score(fmin(fmax(p, least), 1 - least));
}

double tdl_scale_apply(const tdl_scale *scale, double x)
{
    switch (scale->kind) {
    case TDL_NORMALISE_NONE:
        return x;
    case TDL_NORMALISE_QUANTILE:
        return isnan(x) ? x : score_of(scale, x);
    case TDL_NORMALISE_LOG1P:
        return (squeeze(x) - scale->shift) * scale->factor;
    default:
        return (x - scale->shift) * scale->factor;
    }
}
