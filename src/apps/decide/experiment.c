#include "apps/decide/experiment.h"

#include <math.h>
#include <string.h>

#include "stats/best_arm.h"

static double alpha_of(const tdl_experiment_plan *plan)
{
    return plan->alpha > 0 ? plan->alpha : .05;
}

static void share(const tdl_experiment *e, const tdl_experiment_plan *plan, double *ret)
{
    double sum = 0;

    for (size_t i = 0; i < e->arms_n; i++)
        sum += plan->weight[i];
    for (size_t i = 0; i < e->arms_n; i++)
        ret[i] = sum > 0 ? plan->weight[i] / sum : 1 / (double)e->arms_n;
}

/* Every arm's posterior of the first primary outcome. */
static tdl_status find_best(const tdl_experiment *e, tdl_experiment_result *r, tdl_report *why)
{
    double mean[TDL_EXPERIMENT_ARMS_MAX], sd[TDL_EXPERIMENT_ARMS_MAX];
    size_t k = 0;

    while (k < e->outcomes_n && e->outcome[k].role != TDL_OUTCOME_PRIMARY)
        k++;
    if (k == e->outcomes_n)
        return TDL_OK;
    for (size_t i = 0; i < e->arms_n; i++) {
        const tdl_comparison *c = &r->comparison[k * (e->arms_n - 1) + (i ? i - 1 : 0)];
        tdl_arm arm = i ? c->b : c->a;
        if (c->absolute.gap || !(arm.n > 0))
            return TDL_OK;
        mean[i] = e->outcome[k].lower_is_better ? -arm.mean : arm.mean;
        sd[i] = sqrt(arm.variance / arm.n);
    }
    r->best_known = true;
    return tdl_best_of_normal(mean, sd, e->arms_n, r->best, NULL, why);
}

tdl_status tdl_experiment_judge(const tdl_experiment *e, const tdl_experiment_plan *plan,
                                tdl_arena *arena, tdl_experiment_result *ret, tdl_report *why)
{
    double expected[TDL_EXPERIMENT_ARMS_MAX];
    size_t others = e->arms_n - 1;
    tdl_status st;

    *ret = (tdl_experiment_result){0};
    ret->comparison = tdl_arena_zalloc(arena, e->outcomes_n * others + 1, sizeof *ret->comparison);
    if (!ret->comparison)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu outcomes", e->outcomes_n);
    share(e, plan, expected);
    ret->traffic = tdl_traffic_test(e->arm_units, expected, e->arms_n);
    ret->traffic_always_p = tdl_traffic_anytime_p(e->arm_units, expected, e->arms_n, 0);
    ret->registered_reached = plan->registered > 0 && e->units >= plan->registered;
    for (size_t i = 0; i < others; i++) {
        double of_pair = expected[0] + expected[i + 1];
        ret->facts[i] = (tdl_verdict_facts){
            .traffic = ret->traffic,
            .units = e->arm_units[0] + e->arm_units[i + 1],
            .in_two = e->in_two > 0 ? e->in_two / (e->units + e->in_two) : 0,
            .age_days = plan->age_days,
            .planned = plan->planned * of_pair,
            .alpha = alpha_of(plan),
        };
        for (size_t k = 0; k < e->outcomes_n; k++)
            tdl_compare(&e->outcome[k], &e->measured[k * e->arms_n],
                        &e->measured[k * e->arms_n + i + 1],
                        (tdl_look){alpha_of(plan), ret->facts[i].planned},
                        &ret->comparison[k * others + i]);
    }
    if ((st = tdl_comparisons_adjust(e->outcome, e->outcomes_n, ret->comparison, others, why)) ||
        (st = find_best(e, ret, why)))
        return st;
    for (size_t i = 0; i < others; i++) {
        const tdl_comparison *of_arm[TDL_EXPERIMENT_OUTCOMES_MAX];
        for (size_t k = 0; k < e->outcomes_n; k++)
            of_arm[k] = &ret->comparison[k * others + i];
        ret->verdict[i] = tdl_verdict_of(&ret->facts[i], e->outcome, of_arm, e->outcomes_n);
    }
    return TDL_OK;
}

/* ---- JSON ---- */

static const char *const kind_name[] = {"proportion", "mean", "ratio", "quantile"};
static const char *const role_name[] = {"primary", "secondary", "guardrail"};

static void write_effect(tdl_jw *w, const char *key, tdl_effect effect, const tdl_anytime *always,
                         double alpha, bool classical)
{
    tdl_jw_key(w, key);
    tdl_jw_object(w);
    if (effect.gap) {
        tdl_jw_ktext(w, "gap", tdl_effect_gap_name[effect.gap]);
        tdl_jw_end_object(w);
        return;
    }
    tdl_jw_knumber(w, "estimate", effect.estimate);
    tdl_jw_knumber(w, "standard_error", effect.se);
    tdl_jw_knumber(w, "low", always->low);
    tdl_jw_knumber(w, "high", always->high);
    tdl_jw_knumber(w, "p", always->p);
    if (classical) {
        tdl_range range = tdl_effect_interval(effect, alpha);
        tdl_jw_key(w, "fixed_horizon");
        tdl_jw_object(w);
        tdl_jw_knumber(w, "low", range.low);
        tdl_jw_knumber(w, "high", range.high);
        tdl_jw_knumber(w, "p", tdl_effect_p(effect));
        tdl_jw_knumber(w, "degrees_of_freedom", effect.dof);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_object(w);
}

static void write_comparison(tdl_jw *w, const tdl_experiment *e, const tdl_experiment_plan *plan,
                             const tdl_experiment_result *r, size_t k, size_t i)
{
    const tdl_comparison *c = &r->comparison[k * (e->arms_n - 1) + i];
    double alpha = alpha_of(plan);

    tdl_jw_object(w);
    tdl_jw_ktext(w, "arm", e->arm_name[i + 1]);
    write_effect(w, "absolute", c->absolute, &c->always, alpha, r->registered_reached);
    write_effect(w, "relative", c->relative, &c->always_relative, alpha, r->registered_reached);
    if (!c->relative.gap) {
        tdl_jw_kbool(w, "relative_unsure", tdl_effect_relative_unsure(c->a));
        tdl_range range = tdl_posterior_interval(c->bayes, alpha);
        tdl_jw_key(w, "bayes");
        tdl_jw_object(w);
        // more of what is better when less of it counts
        bool lower = e->outcome[k].lower_is_better;
        tdl_jw_knumber(w, "chance_to_win", lower ? 1 - c->bayes.chance : c->bayes.chance);
        tdl_jw_knumber(w, "loss_if_shipped", lower ? c->bayes.loss_a : c->bayes.loss_b);
        tdl_jw_knumber(w, "loss_if_kept", lower ? c->bayes.loss_b : c->bayes.loss_a);
        tdl_jw_knumber(w, "mean", c->bayes.mean);
        tdl_jw_knumber(w, "low", range.low);
        tdl_jw_knumber(w, "high", range.high);
        tdl_jw_end_object(w);
    }
    if (!c->absolute.gap)
        tdl_jw_knumber(w, "p_adjusted", c->p);
    tdl_jw_knumber(w, "variance_kept", c->kept);
    tdl_jw_end_object(w);
}

static void write_outcome(tdl_jw *w, const tdl_experiment *e, const tdl_experiment_plan *plan,
                          const tdl_experiment_result *r, size_t k)
{
    const tdl_outcome *o = &e->outcome[k];

    tdl_jw_object(w);
    tdl_jw_ktext(w, "name", o->name);
    tdl_jw_ktext(w, "kind", kind_name[o->kind]);
    tdl_jw_ktext(w, "role", role_name[o->role]);
    if (o->kind == TDL_OUTCOME_QUANTILE)
        tdl_jw_knumber(w, "quantile", o->quantile);
    tdl_jw_kbool(w, "lower_is_better", o->lower_is_better);
    tdl_jw_knumber(w, "margin", o->margin);
    tdl_jw_knumber(w, "units_without", e->missing[k]);
    tdl_jw_key(w, "arms");
    tdl_jw_array(w);
    for (size_t i = 0; i < e->arms_n; i++) {
        const tdl_comparison *c = &r->comparison[k * (e->arms_n - 1) + (i ? i - 1 : 0)];
        tdl_arm arm = i ? c->b : c->a;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "arm", e->arm_name[i]);
        tdl_jw_knumber(w, "n", arm.n);
        tdl_jw_knumber(w, "value", arm.mean);
        tdl_jw_knumber(w, "standard_error", arm.n > 0 ? sqrt(arm.variance / arm.n) : 0);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "comparisons");
    tdl_jw_array(w);
    for (size_t i = 0; i + 1 < e->arms_n; i++)
        write_comparison(w, e, plan, r, k, i);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

static void write_verdict(tdl_jw *w, const tdl_experiment *e, const tdl_experiment_result *r,
                          size_t i)
{
    const tdl_verdict *v = &r->verdict[i];
    tdl_buf text = {0};

    tdl_jw_object(w);
    tdl_jw_ktext(w, "arm", e->arm_name[i + 1]);
    tdl_jw_ktext(w, "verdict", tdl_verdict_name[v->word]);
    tdl_jw_ktext(w, "outcome", v->outcome ? v->outcome->name : NULL);
    for (int chinese = 0; chinese < 2; chinese++) {
        text.len = 0;
        tdl_verdict_say(v, &r->facts[i], chinese, &text);
        tdl_jw_kstr(w, chinese ? "text_zh" : "text", tdl_buf_view(&text));
    }
    if (v->units_needed > 0 && !isinf(v->units_needed))
        tdl_jw_knumber(w, "units_needed", v->units_needed);
    if (v->detectable > 0)
        tdl_jw_knumber(w, "detectable_lift", v->detectable);
    tdl_jw_end_object(w);
    tdl_buf_release(&text);
}

static const char *alarm(double value, double amber, double red)
{
    return value > red ? "red" : value > amber ? "amber" : "none";
}

void tdl_experiment_write(tdl_jw *w, const tdl_experiment *e, const tdl_experiment_plan *plan,
                          const tdl_experiment_result *r)
{
    double expected[TDL_EXPERIMENT_ARMS_MAX];

    share(e, plan, expected);
    tdl_jw_object(w);
    tdl_jw_knumber(w, "units", e->units);
    tdl_jw_knumber(w, "alpha", alpha_of(plan));
    tdl_jw_key(w, "arms");
    tdl_jw_array(w);
    for (size_t i = 0; i < e->arms_n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", e->arm_name[i]);
        tdl_jw_kbool(w, "control", !i);
        tdl_jw_knumber(w, "units", e->arm_units[i]);
        tdl_jw_knumber(w, "share", expected[i]);
        if (r->best_known)
            tdl_jw_knumber(w, "chance_best", r->best[i]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    tdl_jw_key(w, "traffic");
    tdl_jw_object(w);
    tdl_jw_knumber(w, "chi2", r->traffic.chi2);
    tdl_jw_knumber(w, "p", r->traffic.p);
    tdl_jw_knumber(w, "p_always", r->traffic_always_p);
    tdl_jw_ktext(w, "alarm", alarm(-r->traffic.p, -TDL_TRAFFIC_AMBER, -TDL_TRAFFIC_RED));
    tdl_jw_end_object(w);
    tdl_jw_key(w, "left_out");
    tdl_jw_object(w);
    tdl_jw_knumber(w, "units_in_two_arms", e->in_two);
    tdl_jw_ktext(w, "alarm", alarm(r->facts[0].in_two, TDL_IN_TWO_AMBER, TDL_IN_TWO_RED));
    tdl_jw_knumber(w, "rows_without_arm", e->no_arm);
    tdl_jw_end_object(w);
    tdl_jw_key(w, "outcomes");
    tdl_jw_array(w);
    for (size_t k = 0; k < e->outcomes_n; k++)
        write_outcome(w, e, plan, r, k);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "verdicts");
    tdl_jw_array(w);
    for (size_t i = 0; i + 1 < e->arms_n; i++)
        write_verdict(w, e, r, i);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}
