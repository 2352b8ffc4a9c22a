#include "apps/predict/decision_cost.h"

#include <math.h>
#include <stdlib.h>

#include "stats/threshold.h"

enum { RESAMPLES = 400, WAYS = 4 };

static bool has_costs(const tdl_predict_options *o)
{
    return o->cost_fp > 0 && o->cost_fn > 0;
}

tdl_status tdl_decision_cost_check(const tdl_predict_options *o, tdl_task task, tdl_report *why)
{
    if (!has_costs(o) || task == TDL_TASK_BINARY)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave --cost out",
                         "a wrong yes and a wrong no have costs of a yes-or-no target, not of task "
                         "%s",
                         tdl_task_name(task));
}

tdl_status tdl_decision_threshold(const tdl_predict_options *o, tdl_task task, double *ret,
                                  tdl_report *why)
{
    *ret = 0.5;
    if (!has_costs(o) || task != TDL_TASK_BINARY)
        return TDL_OK;
    return tdl_threshold_of_cost(&(tdl_cost){.fp = o->cost_fp, .fn = o->cost_fn}, ret, why);
}

/* Ways to decide, by the least probability that is a yes. */
static const char *const way_name[WAYS] = {"threshold", "half", "no", "yes"};

static double cost_of(const tdl_predict_options *o, double y, bool decided)
{
    if (decided == (y != 0))
        return 0;
    return decided ? o->cost_fp : o->cost_fn;
}

static void write_costs(const tdl_predict_options *o, const tdl_outcome *outcome,
                        const double *mean, size_t best, const tdl_interval *saved, tdl_jw *out)
{
    tdl_jw_key(out, "decision");
    tdl_jw_object(out);
    tdl_jw_knumber(out, "cost_fp", o->cost_fp);
    tdl_jw_knumber(out, "cost_fn", o->cost_fn);
    tdl_jw_knumber(out, "threshold", outcome->threshold);
    tdl_jw_kint(out, "rows", (int64_t)outcome->n);
    tdl_jw_key(out, "cost");
    tdl_jw_object(out);
    for (size_t w = 0; w < WAYS; w++)
        tdl_jw_knumber(out, way_name[w], mean[w]);
    tdl_jw_end_object(out);
    tdl_jw_key(out, "saved");
    tdl_jw_object(out);
    tdl_jw_ktext(out, "over", way_name[best]);
    tdl_jw_knumber(out, "value", saved->mean);
    tdl_jw_knumber(out, "low", saved->low);
    tdl_jw_knumber(out, "high", saved->high);
    tdl_jw_end_object(out);
    tdl_jw_end_object(out);
}

tdl_status tdl_decision_cost_write(const tdl_predict_options *o, const tdl_outcome *outcome,
                                   tdl_jw *out, tdl_report *why)
{
    const double least[WAYS] = {outcome->threshold, 0.5, INFINITY, -INFINITY};
    const tdl_bootstrap_options options = {.resamples = RESAMPLES};
    tdl_rng rng = tdl_rng_make(outcome->seed, 11);
    double mean[WAYS] = {0}, *cost;
    size_t n = outcome->n, best = 1;
    tdl_interval saved;
    tdl_status st;

    if (!has_costs(o) || outcome->task != TDL_TASK_BINARY || !n)
        return TDL_OK;
    if (!(cost = calloc(n, WAYS * sizeof *cost)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the costs of %zu rows", n);
    for (size_t w = 0; w < WAYS; w++)
        for (size_t i = 0; i < n; i++) {
            cost[w * n + i] = cost_of(o, outcome->y[i], outcome->output[i] >= least[w]);
            mean[w] += cost[w * n + i] / (double)n;
        }
    for (size_t w = 2; w < WAYS; w++)
        best = mean[w] < mean[best] ? w : best;
    st = tdl_bootstrap_difference(cost + best * n, cost, n, &options, &rng, &saved, why);
    if (!st)
        write_costs(o, outcome, mean, best, &saved, out);
    free(cost);
    return st;
}
