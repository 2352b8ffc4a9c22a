#include "stats/quantile_arm.h"

#include <math.h>

#define Z_975 1.959963984540054

static size_t rank(double at, size_t n) /* 1-based, within 1..n */
{
    return at < 1 ? 1 : at > (double)n ? n : (size_t)at;
}

double tdl_quantile_value(const double *sorted, size_t n, double q)
{
    return sorted[rank(ceil((double)n * q), n) - 1];
}

tdl_arm tdl_arm_quantile(const double *sorted, size_t n, double q)
{
    double count = (double)n, odds = q / (1 - q);

    if (!(q > 0 && q < 1) || count <= Z_975 * Z_975 * fmax(odds, 1 / odds))
        return (tdl_arm){0};
    double half = Z_975 * sqrt(count * q * (1 - q));
    double low = sorted[rank(floor(count * q - half), n) - 1];
    double high = sorted[rank(ceil(count * q + half), n) - 1];
    double deviation = (high - low) / (2 * Z_975);
    return (tdl_arm){count, tdl_quantile_value(sorted, n, q), (count - 1) * deviation * deviation};
}

tdl_arm tdl_arm_quantile_clustered(const double *sorted, size_t n, double q,
                                   const uint32_t *unit_values, const uint32_t *unit_within,
                                   size_t units_n)
{
    tdl_arm arm = tdl_arm_quantile(sorted, n, q);
    tdl_sums sums = {0}; // y = within, x = values

    if (!(arm.n > 0) || units_n < 2)
        return (tdl_arm){0};
    for (size_t i = 0; i < units_n; i++)
        tdl_sums_add(&sums, unit_within[i], unit_values[i]);
    tdl_arm share = tdl_arm_ratio(&sums); // of values at or below, by unit
    arm.variance *= share.variance / share.n / (q * (1 - q) / arm.n);
    return arm;
}
