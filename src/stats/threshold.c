#include "stats/threshold.h"

#include <math.h>

#include "stats/weight.h"

tdl_status tdl_threshold_of_cost(const tdl_cost *cost, double *ret, tdl_report *why)
{
    double of_zero = cost->fp - cost->tn, of_one = cost->fn - cost->tp;

    if (!(of_zero >= 0 && of_one >= 0 && of_zero + of_one > 0 && isfinite(of_zero + of_one)))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "fp must exceed tn, and fn must exceed tp",
                             "costs tp %g, fp %g, tn %g, fn %g reward wrong decisions", cost->tp,
                             cost->fp, cost->tn, cost->fn);
    *ret = of_zero / (of_zero + of_one);
    return TDL_OK;
}

tdl_status tdl_threshold_fit(const tdl_cost *cost, const double *y, const double *p,
                             const double *weight, const uint32_t *order, size_t n, double *ret,
                             double *ret_cost, tdl_report *why)
{
    double at, all = 0, now = 0, least;
    tdl_status st;

    if ((st = tdl_threshold_of_cost(cost, &at, why)))
        return st;
    for (size_t i = 0; i < n; i++) {
        double own = tdl_weight_of(weight, i);

        all += own;
        now += own * (y[i] != 0 ? cost->fn : cost->tn);
    }
    if (!(all > 0))
        return TDL_FAIL(why, TDL_E_INVALID, "there are no rows to choose a threshold from");
    least = now;
    at = nextafter(p[order[n - 1]], INFINITY);
    for (size_t left = n; left;) {
        double score = p[order[left - 1]];

        for (; left && p[order[left - 1]] == score; left--) {
            size_t row = order[left - 1];

            now += tdl_weight_of(weight, row) *
                   (y[row] != 0 ? cost->tp - cost->fn : cost->fp - cost->tn);
        }
        if (now < least - 1e-12 * all) { /* what rounding leaves is no gain */
            least = now;
            at = left ? (p[order[left - 1]] + score) / 2 : score;
            if (left && !(at > p[order[left - 1]]))
                at = score;
        }
    }
    *ret = at;
    if (ret_cost)
        *ret_cost = least / all;
    return TDL_OK;
}

size_t tdl_cheapest_decision(const double *p, const double *cost, size_t k, size_t decisions)
{
    double least = INFINITY;
    size_t best = 0;

    for (size_t d = 0; d < decisions; d++) {
        double expected = 0;

        for (size_t c = 0; c < k; c++)
            expected += p[c] * cost[c * decisions + d];
        if (expected < least) {
            least = expected;
            best = d;
        }
    }
    return best;
}
