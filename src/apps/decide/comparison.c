#include "apps/decide/comparison.h"

#include <math.h>
#include <stdlib.h>

#include "stats/multiplicity.h"

static tdl_arm arm_of(const tdl_outcome *outcome, const tdl_measured *measured)
{
    switch (outcome->kind) {
    case TDL_OUTCOME_PROPORTION:
        return tdl_arm_proportion(measured->sums.y, measured->sums.n);
    case TDL_OUTCOME_RATIO: {
        const tdl_ratio_sums *r = &measured->ratio;
        return tdl_arm_ratio(&(tdl_sums){r->n, r->m, r->mm, r->d, r->dd, r->md});
    }
    case TDL_OUTCOME_QUANTILE:
        return measured->quantile;
    default:
        return tdl_arm_mean(&measured->sums);
    }
}

/* The arms after CUPED, where there is a covariate that takes something out. */
static bool adjust(const tdl_outcome *outcome, const tdl_measured *a, const tdl_measured *b,
                   tdl_cuped *ret)
{
    if (!a->has_before || !b->has_before || outcome->kind == TDL_OUTCOME_QUANTILE)
        return false;
    *ret = outcome->kind == TDL_OUTCOME_RATIO ? tdl_cuped_ratio(&a->ratio, &b->ratio)
                                              : tdl_cuped_mean(&a->sums, &b->sums);
    return ret->theta != 0;
}

void tdl_compare(const tdl_outcome *outcome, const tdl_measured *a, const tdl_measured *b,
                 tdl_look look, tdl_comparison *ret)
{
    tdl_cuped cuped;
    double units = a->sums.n + b->sums.n; // of quantiles too: not values

    if (outcome->kind == TDL_OUTCOME_RATIO)
        units = a->ratio.n + b->ratio.n;
    ret->a = arm_of(outcome, a);
    ret->b = arm_of(outcome, b);
    ret->kept = 1;
    if (adjust(outcome, a, b, &cuped)) {
        ret->kept = cuped.kept;
        ret->absolute = tdl_effect_absolute(cuped.a, cuped.b);
        ret->relative = tdl_cuped_relative(&cuped, ret->a.mean);
    } else {
        ret->absolute = tdl_effect_absolute(ret->a, ret->b);
        ret->relative = tdl_effect_relative(ret->a, ret->b);
    }
    tdl_anytime_look(&ret->always, ret->absolute, units, look.planned, look.alpha);
    tdl_anytime_look(&ret->always_relative, ret->relative, units, look.planned, look.alpha);
    ret->p = ret->always.looks > 0 ? ret->always.p : NAN;
    ret->bayes = tdl_posterior_effect(ret->relative, 0, TDL_PRIOR_LIFT);
}

static tdl_status adjust_role(tdl_outcome_role role, const tdl_outcome *outcome, size_t outcomes_n,
                              tdl_comparison *comparison, size_t arms_n, tdl_report *why)
{
    double *p = calloc(outcomes_n * arms_n + 1, sizeof *p);
    size_t n = 0;

    if (!p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu outcomes", outcomes_n);
    for (size_t i = 0; i < outcomes_n * arms_n; i++)
        if (outcome[i / arms_n].role == role)
            p[n++] = comparison[i].p;
    tdl_status st =
        role == TDL_OUTCOME_PRIMARY ? tdl_holm(p, n, why) : tdl_benjamini_hochberg(p, n, why);
    n = 0;
    for (size_t i = 0; i < outcomes_n * arms_n && !st; i++)
        if (outcome[i / arms_n].role == role)
            comparison[i].p = p[n++];
    free(p);
    return st;
}

tdl_status tdl_comparisons_adjust(const tdl_outcome *outcome, size_t outcomes_n,
                                  tdl_comparison *comparison, size_t arms_n, tdl_report *why)
{
    tdl_status st = adjust_role(TDL_OUTCOME_PRIMARY, outcome, outcomes_n, comparison, arms_n, why);

    return st ? st
              : adjust_role(TDL_OUTCOME_SECONDARY, outcome, outcomes_n, comparison, arms_n, why);
}
