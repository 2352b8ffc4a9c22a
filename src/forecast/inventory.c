#include <math.h>
#include <stdlib.h>

#include "forecast/inventory.h"

#include "base/sorted.h"

/* The quantile of the sum of errors over `steps`, at rank ceil((paths + 1) level): what holds for
 * the next path when paths are exchangeable. */
static tdl_status error_quantile(const tdl_demand *d, size_t steps, double level, double *ret,
                                 tdl_report *why)
{
    double rank = ceil((double)(d->paths_n + 1) * level - 1e-9);
    double *sum;

    if (!(level > 0 && level < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a service level of %g: not between 0 and 1", level);
    if (rank > (double)d->paths_n)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "take a longer history, or a lower service level",
                             "%zu past forecasts are too few for a service level of %g: %.0f are "
                             "needed",
                             d->paths_n, level, ceil(level / (1 - level) - 1e-9));
    if (!(sum = calloc(d->paths_n, sizeof *sum)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu paths", d->paths_n);
    for (size_t p = 0; p < d->paths_n; p++)
        for (size_t h = 0; h < steps; h++)
            sum[p] += d->residual[p * d->horizon + h];
    tdl_sort_numbers(sum, d->paths_n);
    *ret = sum[rank >= 1 ? (size_t)rank - 1 : 0];
    free(sum);
    return TDL_OK;
}

static double expected(const tdl_demand *d, size_t steps)
{
    double sum = 0;

    for (size_t h = 0; h < steps; h++)
        sum += d->mean[h];
    return sum;
}

double tdl_eoq(double demand, double order_cost, double holding_cost)
{
    return demand >= 0 && order_cost >= 0 && holding_cost > 0
               ? sqrt(2 * demand * order_cost / holding_cost)
               : NAN;
}

tdl_status tdl_stock_plan(const tdl_demand *d, const tdl_stock_options *o, tdl_stock *ret,
                          tdl_report *why)
{
    size_t span = o->lead_time + o->review;
    double lead_error, span_error;
    tdl_status st;

    if (o->lead_time < 1 || o->lead_time > d->horizon || o->review > d->horizon - o->lead_time)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "forecast at least as far as an order takes",
                             "a lead time of %zu and a review of %zu steps with a horizon of %zu",
                             o->lead_time, o->review, d->horizon);
    if (!(o->order_cost >= 0) || !(o->holding_cost >= 0) || !isfinite(o->position))
        return TDL_FAIL(why, TDL_E_INVALID, "costs of %g and %g, a position of %g", o->order_cost,
                        o->holding_cost, o->position);
    if ((st = error_quantile(d, o->lead_time, o->service, &lead_error, why)) ||
        (st = error_quantile(d, span, o->service, &span_error, why)))
        return st;
    *ret = (tdl_stock){.expected = expected(d, span),
                       .safety = span_error,
                       .reorder_point = fmax(0, expected(d, o->lead_time) + lead_error)};
    ret->order_up_to = fmax(0, ret->expected + span_error);
    ret->eoq = o->order_cost > 0 ? tdl_eoq(expected(d, d->horizon) / (double)d->horizon,
                                           o->order_cost, o->holding_cost)
                                 : NAN;
    ret->order = fmax(0, ret->order_up_to - o->position);
    return TDL_OK;
}

tdl_status tdl_newsvendor(const tdl_demand *d, size_t steps, double under, double over, double *ret,
                          tdl_report *why)
{
    double error;
    tdl_status st;

    if (steps < 1 || steps > d->horizon || !(under > 0) || !(over > 0))
        return TDL_FAIL(why, TDL_E_INVALID, "%zu of %zu steps at costs of %g and %g", steps,
                        d->horizon, under, over);
    if ((st = error_quantile(d, steps, under / (under + over), &error, why)))
        return st;
    *ret = fmax(0, expected(d, steps) + error);
    return TDL_OK;
}
