#include "cli/experiment_print.h"

#include <math.h>
#include <stdio.h>

#include "cli/command.h"

/* Shares as per cent, other values with four digits. */
static void print_value(const tdl_outcome *outcome, double value)
{
    if (outcome->kind == TDL_OUTCOME_PROPORTION)
        printf("%.2f %%", 100 * value);
    else
        printf("%.4g", value);
}

static void print_traffic(const tdl_experiment *e, const tdl_experiment_result *r)
{
    for (size_t i = 0; i < e->arms_n; i++)
        printf("%s%s %.0f%s", i ? ", " : "", e->arm_name[i], e->arm_units[i],
               i ? "" : tdl_tr(" (control)", "（对照）"));
    printf("\n");
    if (r->traffic.p < TDL_TRAFFIC_AMBER)
        printf(tdl_tr("! the arms did not get their shares of the traffic: p = %.2g, %s\n",
                      "! 各组流量比例与设定不符：p = %.2g，%s\n"),
               r->traffic.p,
               r->traffic.p < TDL_TRAFFIC_RED
                   ? tdl_tr("red", "红色警报")
                   : tdl_tr("amber: look for the cause", "黄色警报：请查找原因"));
    if (e->in_two > 0)
        printf(tdl_tr("! %.0f units were in two arms: left out\n",
                      "! %.0f 个单位出现在两个组中：已排除\n"),
               e->in_two);
    if (e->no_arm > 0)
        printf(tdl_tr("! %.0f rows belong to no arm: left out\n", "! %.0f 行没有组别：已排除\n"),
               e->no_arm);
}

static const char *gap_text(tdl_effect_gap gap)
{
    switch (gap) {
    case TDL_EFFECT_NO_UNITS:
        return tdl_tr("an arm has fewer than two units", "某组不足两个单位");
    case TDL_EFFECT_ZERO_VARIANCE:
        return tdl_tr("all values are the same", "所有取值相同");
    case TDL_EFFECT_ZERO_BASELINE:
        return tdl_tr("the control's mean is 0: no relative lift", "对照组均值为 0：没有相对提升");
    default:
        return tdl_tr("too few values", "数值太少");
    }
}

static void print_comparison(const tdl_outcome *o, const tdl_comparison *c, const char *arm,
                             bool classical, double alpha)
{
    printf("  %s: ", arm);
    if (c->absolute.gap) {
        printf("%s\n", gap_text(c->absolute.gap));
        return;
    }
    print_value(o, c->b.mean);
    printf(tdl_tr(" (control ", "（对照 "));
    print_value(o, c->a.mean);
    printf(tdl_tr(")", "）"));
    if (!c->relative.gap)
        printf(tdl_tr(", lift %+.1f %%, always within %+.1f..%+.1f %%",
                      "，提升 %+.1f %%，随时有效区间 %+.1f..%+.1f %%"),
               100 * c->relative.estimate, 100 * c->always_relative.low,
               100 * c->always_relative.high);
    printf(tdl_tr("\n    difference %+.4g, always within %+.4g..%+.4g, p %.3g",
                  "\n    差异 %+.4g，随时有效区间 %+.4g..%+.4g，p %.3g"),
           c->absolute.estimate, c->always.low, c->always.high, c->always.p);
    if (c->p != c->always.p)
        printf(tdl_tr(" (%.3g among all that was asked)", "（多重比较校正后 %.3g）"), c->p);
    if (c->kept < 1)
        printf(tdl_tr("; what was known before takes out %.0f %% of the variance",
                      "；事前信息消去 %.0f %% 的方差"),
               100 * (1 - c->kept));
    if (!c->relative.gap)
        printf(tdl_tr("\n    chance to be better %.1f %%", "\n    更优的概率 %.1f %%"),
               100 * (o->lower_is_better ? 1 - c->bayes.chance : c->bayes.chance));
    if (classical) {
        tdl_range range = tdl_effect_interval(c->absolute, alpha);
        printf(tdl_tr("\n    fixed horizon, as registered: %+.4g..%+.4g, p %.3g",
                      "\n    固定样本量（已预先登记）：%+.4g..%+.4g，p %.3g"),
               range.low, range.high, tdl_effect_p(c->absolute));
    }
    printf("\n");
}

void tdl_experiment_print(const tdl_experiment *e, const tdl_experiment_result *r)
{
    static const tdl_text role[] = {
        {"primary", "主要"}, {"secondary", "次要"}, {"guardrail", "护栏"}};

    print_traffic(e, r);
    for (size_t k = 0; k < e->outcomes_n; k++) {
        const tdl_outcome *o = &e->outcome[k];
        printf("\n%s  (%s%s)\n", o->name, tdl_tr(role[o->role].en, role[o->role].zh),
               o->lower_is_better ? tdl_tr(", lower is better", "，越低越好") : "");
        if (e->missing[k] > 0)
            printf(tdl_tr("  %.0f units have no value of it\n", "  %.0f 个单位没有该值\n"),
                   e->missing[k]);
        for (size_t i = 0; i + 1 < e->arms_n; i++)
            print_comparison(o, &r->comparison[k * (e->arms_n - 1) + i], e->arm_name[i + 1],
                             r->registered_reached, r->facts[i].alpha);
    }
    printf("\n");
    for (size_t i = 0; i + 1 < e->arms_n; i++) {
        tdl_buf text = {0};
        tdl_verdict_say(&r->verdict[i], &r->facts[i], *tdl_tr("", "z"), &text);
        printf("%s: %.*s\n", e->arm_name[i + 1], (int)text.len, text.at);
        tdl_buf_release(&text);
    }
}
