#include "stats/effect.h"

#include <math.h>

#include "base/report.h"
#include "stats/classify.h" /* tdl_wilson */
#include "stats/distribution.h"
#include "table/normalise.h"

const char *const tdl_effect_gap_name[TDL_EFFECT_GAPS] = {"", "no_units", "zero_variance",
                                                          "zero_baseline", "too_few"};

/* ---- arms ---- */

void tdl_sums_add(tdl_sums *sums, double y, double x)
{
    sums->n++;
    sums->y += y;
    sums->yy += y * y;
    sums->x += x;
    sums->xx += x * x;
    sums->xy += x * y;
}

void tdl_sums_change(tdl_sums *sums, double from, double to, double x)
{
    sums->y += to - from;
    sums->yy += to * to - from * from;
    sums->xy += x * (to - from);
}

void tdl_sums_merge(tdl_sums *sums, const tdl_sums *more)
{
    sums->n += more->n;
    sums->y += more->y;
    sums->yy += more->yy;
    sums->x += more->x;
    sums->xx += more->xx;
    sums->xy += more->xy;
}

tdl_arm tdl_arm_mean(const tdl_sums *s)
{
    if (s->n < 1)
        return (tdl_arm){0};
    double left = fmax(0, tdl_sum_about(s->yy, s->y, s->y, s->n)); // less than 0 is rounding
    return (tdl_arm){s->n, s->y / s->n, s->n > 1 ? left / (s->n - 1) : 0};
}

tdl_arm tdl_arm_proportion(double successes, double n)
{
    double p = n > 0 ? successes / n : 0;

    return (tdl_arm){n, p, p * (1 - p)};
}

tdl_arm tdl_arm_ratio(const tdl_sums *s)
{
    if (s->n < 2 || s->x == 0)
        return (tdl_arm){.n = s->x == 0 ? 0 : s->n};
    double ratio = s->y / s->x, mean = s->x / s->n;
    double left = tdl_sum_about(s->yy, s->y, s->y, s->n) +
                  ratio * ratio * tdl_sum_about(s->xx, s->x, s->x, s->n) -
                  2 * ratio * tdl_sum_about(s->xy, s->x, s->y, s->n);
    return (tdl_arm){s->n, ratio, fmax(0, left) / (s->n - 1) / (mean * mean)};
}

/* ---- effects ---- */

static tdl_effect_gap gap_of(tdl_arm a, tdl_arm b)
{
    if (!(a.n >= 2 && b.n >= 2))
        return TDL_EFFECT_NO_UNITS;
    return a.variance > 0 || b.variance > 0 ? TDL_EFFECT_OK : TDL_EFFECT_ZERO_VARIANCE;
}

static double satterthwaite(tdl_arm a, tdl_arm b)
{
    double of_a = a.variance / a.n, of_b = b.variance / b.n, sum = of_a + of_b;

    return sum * sum / (of_a * of_a / (a.n - 1) + of_b * of_b / (b.n - 1));
}

tdl_effect tdl_effect_absolute(tdl_arm a, tdl_arm b)
{
    tdl_effect_gap gap = gap_of(a, b);

    if (gap)
        return (tdl_effect){.gap = gap};
    return (tdl_effect){b.mean - a.mean, sqrt(a.variance / a.n + b.variance / b.n),
                        satterthwaite(a, b), TDL_EFFECT_OK};
}

tdl_effect tdl_effect_relative(tdl_arm a, tdl_arm b)
{
    tdl_effect_gap gap = gap_of(a, b);

    if (gap || a.mean == 0)
        return (tdl_effect){.gap = gap ? gap : TDL_EFFECT_ZERO_BASELINE};
    double squared = a.mean * a.mean;
    double variance =
        b.variance / (b.n * squared) + a.variance * b.mean * b.mean / (a.n * squared * squared);
    if (!(variance > 0)) // B is always 0
        return (tdl_effect){.gap = TDL_EFFECT_ZERO_VARIANCE};
    return (tdl_effect){(b.mean - a.mean) / fabs(a.mean), sqrt(variance), satterthwaite(a, b),
                        TDL_EFFECT_OK};
}

bool tdl_effect_relative_unsure(tdl_arm a)
{
    return !(a.n > 0) || fabs(a.mean) < 3 * sqrt(a.variance / a.n);
}

tdl_range tdl_effect_interval(tdl_effect effect, double alpha)
{
    double half = effect.gap ? 0 : tdl_student_limit(alpha, effect.dof) * effect.se;

    return (tdl_range){effect.estimate - half, effect.estimate + half};
}

double tdl_effect_p(tdl_effect effect)
{
    return effect.gap ? 1 : tdl_student_beyond(effect.estimate / effect.se, effect.dof);
}

tdl_effect tdl_effect_stratified(const tdl_stratum *strata, size_t strata_n)
{
    double weights = 0, estimate = 0, variance = 0;

    for (size_t i = 0; i < strata_n; i++)
        weights += strata[i].weight;
    if (!(weights > 0))
        return (tdl_effect){.gap = TDL_EFFECT_NO_UNITS};
    for (size_t i = 0; i < strata_n; i++) {
        double w = strata[i].weight / weights;
        tdl_arm a = strata[i].a, b = strata[i].b;
        if (!(w > 0))
            continue;
        if (!(a.n >= 2 && b.n >= 2))
            return (tdl_effect){.gap = TDL_EFFECT_NO_UNITS};
        estimate += w * (b.mean - a.mean);
        variance += w * w * (a.variance / a.n + b.variance / b.n);
    }
    if (!(variance > 0))
        return (tdl_effect){.gap = TDL_EFFECT_ZERO_VARIANCE};
    return (tdl_effect){estimate, sqrt(variance), INFINITY, TDL_EFFECT_OK};
}

/* ---- classical intervals ---- */

tdl_z_test tdl_pooled_z(tdl_arm a, tdl_arm b)
{
    double p = (a.mean * a.n + b.mean * b.n) / (a.n + b.n);
    double variance = p * (1 - p) * (1 / a.n + 1 / b.n);

    if (!(variance > 0))
        return (tdl_z_test){0, 1};
    double z = (b.mean - a.mean) / sqrt(variance);
    return (tdl_z_test){z, tdl_student_beyond(z, INFINITY)};
}

tdl_range tdl_newcombe(double a, double a_n, double b, double b_n, double alpha)
{
    double z = tdl_student_limit(alpha, INFINITY), p_a = a / a_n, p_b = b / b_n;
    tdl_range of_a, of_b;

    tdl_wilson(p_a, a_n, z, &of_a.low, &of_a.high);
    tdl_wilson(p_b, b_n, z, &of_b.low, &of_b.high);
    return (tdl_range){p_b - p_a - hypot(p_b - of_b.low, of_a.high - p_a),
                       p_b - p_a + hypot(of_b.high - p_b, p_a - of_a.low)};
}

bool tdl_fieller(tdl_arm arm_a, tdl_arm arm_b, double alpha, tdl_range *ret)
{
    double z = tdl_student_limit(alpha, INFINITY);
    double a = arm_a.mean * arm_a.mean - z * z * arm_a.variance / arm_a.n;
    double b = arm_a.mean * arm_b.mean;
    double c = arm_b.mean * arm_b.mean - z * z * arm_b.variance / arm_b.n;
    double left = b * b - a * c;

    *ret = (tdl_range){0};
    if (!(a > 0) || !(left >= 0))
        return false;
    *ret = (tdl_range){(b - sqrt(left)) / a - 1, (b + sqrt(left)) / a - 1};
    return true;
}
