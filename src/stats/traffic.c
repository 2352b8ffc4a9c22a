#include "stats/traffic.h"

#include <math.h>

#include "stats/distribution.h"

#define CONCENTRATION 10000.

tdl_ratio_test tdl_traffic_test(const double *observed, const double *expected, size_t n)
{
    double came = 0, meant = 0, arms = 0;
    tdl_ratio_test ret = {.p = 1};

    for (size_t i = 0; i < n; i++) {
        came += observed[i];
        meant += expected[i];
        arms += expected[i] > 0;
    }
    if (!(came > 0) || arms < 1)
        return ret;
    ret.dof = arms - 1;
    for (size_t i = 0; i < n; i++) {
        double here = expected[i] / meant * came, off = observed[i] - here;
        if (expected[i] > 0)
            ret.chi2 += off * off / here;
        else if (observed[i] > 0)
            ret.p = 0;
    }
    if (ret.p > 0 && ret.dof > 0)
        ret.p = tdl_chi_square_above(ret.chi2, ret.dof);
    return ret;
}

double tdl_traffic_anytime_p(const double *observed, const double *weights, size_t n,
                             double concentration)
{
    double sum = 0, came = 0, log_p = 0;

    if (!(concentration > 0))
        concentration = CONCENTRATION;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    for (size_t i = 0; i < n; i++) {
        double w = weights[i] / sum;
        if (!(observed[i] > 0))
            continue;
        if (!(w > 0))
            return 0;
        came += observed[i];
        log_p += observed[i] * log(w) - tdl_log_rising(concentration * w, observed[i]);
    }
    return fmin(1, exp(log_p + tdl_log_rising(concentration, came)));
}
