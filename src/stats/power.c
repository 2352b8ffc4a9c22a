#include "stats/power.h"

#include <math.h>

#include "stats/anytime.h"
#include "stats/distribution.h"
#include "table/normalise.h"

enum { PIECES = 16, HALVINGS = 200 };

static double alpha_of(tdl_power_plan plan)
{
    return plan.alpha > 0 ? plan.alpha : .05;
}

static double power_of(tdl_power_plan plan)
{
    return plan.power > 0 ? plan.power : .8;
}

/* z of the level and z of the power together. */
static double both_z(tdl_power_plan plan)
{
    return tdl_normal_score(1 - alpha_of(plan) / 2) + tdl_normal_score(power_of(plan));
}

double tdl_units_for(double difference, double variance_a, double variance_b, tdl_power_plan plan)
{
    double z = both_z(plan) / difference;

    return z * z * (variance_a + variance_b);
}

double tdl_units_for_proportions(double p_a, double p_b, tdl_power_plan plan)
{
    return tdl_units_for(p_b - p_a, p_a * (1 - p_a), p_b * (1 - p_b), plan);
}

double tdl_units_for_anytime(double difference, double variance_a, double variance_b,
                             tdl_power_plan plan)
{
    double low = tdl_units_for(difference, variance_a, variance_b, plan), high = INFINITY, n = low;

    for (int i = 0; i < HALVINGS && high - low > 1e-9 * low; i++) {
        double limit = tdl_anytime_half(1, 2 * n, 2 * n, alpha_of(plan));
        if (tdl_power_at(difference, sqrt((variance_a + variance_b) / n), limit) < power_of(plan))
            low = n;
        else
            high = n;
        n = isinf(high) ? 2 * n : (low + high) / 2;
    }
    return high;
}

double tdl_units_for_proportions_arcsine(double p_a, double p_b, tdl_power_plan plan)
{
    double z = both_z(plan) / (2 * asin(sqrt(p_b)) - 2 * asin(sqrt(p_a)));

    return 2 * z * z;
}

double tdl_power_at(double difference, double se, double limit)
{
    double z = difference / se;

    return tdl_normal_below(z - limit) + tdl_normal_below(-z - limit);
}

double tdl_power_of_means(double d, double units_per_arm, double alpha)
{
    double dof = 2 * units_per_arm - 2, limit = tdl_student_limit(alpha, dof);
    double shift = d * sqrt(units_per_arm / 2), sum = 0;
    // over s = sample deviation / true one: density of sqrt(chi^2 / dof)
    double spread = 1 / sqrt(2 * dof), low = fmax(0, 1 - 10 * spread), high = 1 + 12 * spread;
    double log_front = log(2) + dof / 2 * log(dof / 2) - tdl_log_rising(1, dof / 2 - 1);

    for (int piece = 0; piece < PIECES; piece++)
        for (int k = 0; k < TDL_LEGENDRE_N; k++) {
            double half = (high - low) / (2 * PIECES);
            double s = low + half * (2 * piece + 1 + tdl_legendre_node[k]);
            double density = exp(log_front + (dof - 1) * log(s) - dof * s * s / 2);
            sum += tdl_legendre_weight[k] * half * density *
                   (tdl_normal_below(shift - limit * s) + tdl_normal_below(-shift - limit * s));
        }
    return sum;
}

double tdl_units_for_means(double d, tdl_power_plan plan)
{
    double alpha = alpha_of(plan), power = power_of(plan), z = both_z(plan) / d;
    double low = 2, high = 2 * z * z + 4;

    if (isinf(high))
        return INFINITY;
    if (tdl_power_of_means(d, low, alpha) >= power)
        return low;
    while (tdl_power_of_means(d, high, alpha) < power)
        high *= 2;
    for (int i = 0; i < HALVINGS && high - low > 1e-9 * high; i++) {
        double middle = (low + high) / 2;
        if (tdl_power_of_means(d, middle, alpha) < power)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double tdl_detectable(double se, tdl_power_plan plan)
{
    return both_z(plan) * se;
}

/* r = c sqrt(q + q (1 + r)^2), q = variance / (n mean^2): the positive root of a quadratic. */
double tdl_detectable_relative(double mean, double variance, double units_per_arm,
                               tdl_power_plan plan)
{
    double c = both_z(plan), q = c * c * variance / (units_per_arm * mean * mean);

    // r^2 (1 - q) - 2 q r - 2 q = 0
    return q < 1 ? (q + sqrt(q * q + 2 * q * (1 - q))) / (1 - q) : INFINITY;
}
