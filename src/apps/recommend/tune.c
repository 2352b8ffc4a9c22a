#include "apps/recommend/tune.h"

#include "apps/recommend/measure.h"

tdl_status tdl_validation_ndcg(const tdl_rung_ops *rung, const void *model,
                               const tdl_fit_data *data, const tdl_fit_options *options,
                               double *ret, tdl_report *why)
{
    tdl_outcome outcome;
    size_t measured_n = 0;
    tdl_status st;

    for (size_t user = 0; user < data->all->users_n; user++)
        measured_n += options->validate[user];
    if ((st = tdl_outcome_init(&outcome, measured_n, why)))
        return st;
    if (!(st = tdl_measure(rung, model, data, options->validate, options->pool, &outcome, why)))
        *ret = tdl_mean(outcome.ndcg, measured_n);
    tdl_outcome_release(&outcome);
    return st;
}

tdl_status tdl_climb(tdl_try_fn *try, void *context, size_t n, size_t start, size_t *ret,
                     tdl_report *why)
{
    size_t best = start;
    double highest, value;
    tdl_status st = try(context, start, &highest, why);

    for (size_t at = start + 1; !st && at < n; at++) {
        if ((st = try(context, at, &value, why)) || !(value > highest))
            break;
        highest = value;
        best = at;
    }
    for (size_t at = start; !st && best == start && at-- > 0;) {
        if ((st = try(context, at, &value, why)) || !(value > highest))
            break;
        highest = value;
        best = start = at; // go on from here
    }
    if (!st)
        *ret = best;
    return st;
}
