#include "stats/cuped.h"

#include <math.h>

#include "stats/cholesky.h"

static double kept(tdl_arm a, tdl_arm b, double before)
{
    return before > 0 ? (a.variance / a.n + b.variance / b.n) / before : 1;
}

/* ---- one covariate ---- */

static tdl_arm adjusted(const tdl_sums *s, double theta, double x_mean)
{
    if (s->n < 2)
        return tdl_arm_mean(s);
    double left = tdl_sum_about(s->yy, s->y, s->y, s->n) +
                  theta * theta * tdl_sum_about(s->xx, s->x, s->x, s->n) -
                  2 * theta * tdl_sum_about(s->xy, s->x, s->y, s->n);
    return (tdl_arm){s->n, s->y / s->n - theta * (s->x / s->n - x_mean),
                     fmax(0, left) / (s->n - 1)};
}

tdl_cuped tdl_cuped_mean(const tdl_sums *a, const tdl_sums *b)
{
    tdl_sums both = *a;
    tdl_cuped ret = {.a = tdl_arm_mean(a), .b = tdl_arm_mean(b), .kept = 1};

    tdl_sums_merge(&both, b);
    double xx = tdl_sum_about(both.xx, both.x, both.x, both.n);
    if (a->n < 2 || b->n < 2 || !(xx > 0))
        return ret;
    double before = ret.a.variance / ret.a.n + ret.b.variance / ret.b.n;
    ret.theta = tdl_sum_about(both.xy, both.x, both.y, both.n) / xx;
    ret.a = adjusted(a, ret.theta, both.x / both.n);
    ret.b = adjusted(b, ret.theta, both.x / both.n);
    ret.kept = kept(ret.a, ret.b, before);
    return ret;
}

tdl_effect tdl_cuped_relative(const tdl_cuped *cuped, double control_mean)
{
    tdl_arm a = cuped->a, b = cuped->b;

    b.mean = control_mean + b.mean - a.mean;
    a.mean = control_mean;
    return tdl_effect_relative(a, b);
}

/* ---- several ---- */

tdl_status tdl_cuped_many(const double *y, const double *x, const bool *in_b, size_t n, size_t k,
                          double *ret_theta, tdl_arm *ret_a, tdl_arm *ret_b, tdl_report *why)
{
    enum { K = TDL_CUPED_COVARIATES_MAX };
    double xx[K * K] = {0}, mean[K] = {0}, y_mean = 0;
    tdl_sums sums[2] = {0};

    if (!k || k > K)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu covariates: 1 to %d are possible", k, K);
    for (size_t i = 0; i < n; i++) {
        y_mean += y[i] / (double)n;
        for (size_t j = 0; j < k; j++)
            mean[j] += x[i * k + j] / (double)n;
    }
    for (size_t j = 0; j < k; j++)
        ret_theta[j] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) {
            double from_mean = x[i * k + j] - mean[j];
            ret_theta[j] += from_mean * (y[i] - y_mean);
            for (size_t l = 0; l <= j; l++)
                xx[j * k + l] += from_mean * (x[i * k + l] - mean[l]);
        }
    tdl_status st = tdl_cholesky(xx, k, NULL);
    if (st)
        return TDL_FAIL_HINT(why, st, "leave one of them out",
                             "a covariate is constant or follows from the others");
    tdl_cholesky_solve(xx, k, ret_theta, 1);
    for (size_t i = 0; i < n; i++) {
        double left = y[i];
        for (size_t j = 0; j < k; j++)
            left -= ret_theta[j] * (x[i * k + j] - mean[j]);
        tdl_sums_add(&sums[in_b[i]], left, 0);
    }
    *ret_a = tdl_arm_mean(&sums[0]);
    *ret_b = tdl_arm_mean(&sums[1]);
    return TDL_OK;
}

/* ---- ratios ---- */

void tdl_ratio_sums_add(tdl_ratio_sums *s, double m, double d, double x)
{
    s->n++;
    s->m += m;
    s->d += d;
    s->x += x;
    s->mm += m * m;
    s->dd += d * d;
    s->xx += x * x;
    s->md += m * d;
    s->mx += m * x;
    s->dx += d * x;
}

void tdl_ratio_sums_merge(tdl_ratio_sums *s, const tdl_ratio_sums *more)
{
    s->n += more->n;
    s->m += more->m;
    s->d += more->d;
    s->x += more->x;
    s->mm += more->mm;
    s->dd += more->dd;
    s->xx += more->xx;
    s->md += more->md;
    s->mx += more->mx;
    s->dx += more->dx;
}

/* The influence of a unit on its arm's ratio R: (m - R d) / mean of d. */
typedef struct influence {
    double ratio, x_mean;
    double own, with_x, of_x; /* sums of squares and products about the means */
} influence;

static influence influence_of(const tdl_ratio_sums *s)
{
    double ratio = s->m / s->d, mean = s->d / s->n;
    double own = tdl_sum_about(s->mm, s->m, s->m, s->n) +
                 ratio * ratio * tdl_sum_about(s->dd, s->d, s->d, s->n) -
                 2 * ratio * tdl_sum_about(s->md, s->m, s->d, s->n);
    double with_x =
        tdl_sum_about(s->mx, s->m, s->x, s->n) - ratio * tdl_sum_about(s->dx, s->d, s->x, s->n);

    return (influence){ratio, s->x / s->n, own / (mean * mean), with_x / mean,
                       tdl_sum_about(s->xx, s->x, s->x, s->n)};
}

static tdl_arm adjusted_ratio(const influence *in, double n, double theta, double x_mean)
{
    double left = in->own + theta * theta * in->of_x - 2 * theta * in->with_x;

    return (tdl_arm){n, in->ratio - theta * (in->x_mean - x_mean), fmax(0, left) / (n - 1)};
}

tdl_cuped tdl_cuped_ratio(const tdl_ratio_sums *a, const tdl_ratio_sums *b)
{
    tdl_cuped ret = {.kept = 1};

    if (a->n < 2 || b->n < 2 || a->d == 0 || b->d == 0)
        return ret;
    influence of_a = influence_of(a), of_b = influence_of(b);
    double x_mean = (a->x + b->x) / (a->n + b->n), of_x = of_a.of_x + of_b.of_x;
    ret.a = adjusted_ratio(&of_a, a->n, 0, x_mean);
    ret.b = adjusted_ratio(&of_b, b->n, 0, x_mean);
    if (!(of_x > 0))
        return ret;
    double before = ret.a.variance / ret.a.n + ret.b.variance / ret.b.n;
    ret.theta = (of_a.with_x + of_b.with_x) / of_x;
    ret.a = adjusted_ratio(&of_a, a->n, ret.theta, x_mean);
    ret.b = adjusted_ratio(&of_b, b->n, ret.theta, x_mean);
    ret.kept = kept(ret.a, ret.b, before);
    return ret;
}
