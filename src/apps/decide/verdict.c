#include "apps/decide/verdict.h"

#include <math.h>

#include "stats/power.h"

#define DAYS_LEAST   7
#define UNITS_FACTOR 1000 /* beyond so many times the units there are, no end is in sight */

const char *const tdl_verdict_name[TDL_VERDICT_WORDS] = {
    "invalid", "harm", "ship", "equivalent", "cannot_decide", "keep_running"};

/* The interval turned so that up is better, and the margin in the same unit. */
typedef struct turned {
    double low, high, margin;
    bool known;
} turned;

static turned turn(const tdl_outcome *outcome, const tdl_comparison *c)
{
    turned ret = {c->always.low, c->always.high, outcome->margin * fabs(c->a.mean),
                  c->always.looks > 0};

    if (outcome->lower_is_better)
        ret = (turned){-c->always.high, -c->always.low, ret.margin, ret.known};
    return ret;
}

/* Units beyond those there are until an effect of the present size would leave the interval. */
static double units_needed(const tdl_comparison *c, const tdl_verdict_facts *facts)
{
    double effect = fabs(c->absolute.estimate), low = 1, high = UNITS_FACTOR;

    if (c->absolute.gap || !(effect > 0))
        return INFINITY;
    for (int i = 0; i < 60; i++) {
        double factor = sqrt(low * high); // times the units there are
        double half = tdl_anytime_half(c->absolute.se / sqrt(factor), factor * facts->units,
                                       facts->planned, facts->alpha);
        if (half > effect)
            low = factor;
        else
            high = factor;
    }
    return high >= UNITS_FACTOR ? INFINITY : ceil((high - 1) * facts->units);
}

static tdl_verdict because(tdl_verdict_word word, tdl_verdict_reason reason,
                           const tdl_outcome *outcome, const tdl_comparison *of)
{
    return (tdl_verdict){.word = word, .reason = reason, .outcome = outcome, .of = of};
}

/* The first guardrail that is broken, or (open) whose interval is not inside its margin yet. */
static size_t find_guardrail(const tdl_outcome *outcome, const tdl_comparison *const *comparison,
                             size_t n, bool open)
{
    for (size_t i = 0; i < n; i++) {
        if (outcome[i].role != TDL_OUTCOME_GUARDRAIL)
            continue;
        turned t = turn(&outcome[i], comparison[i]);
        if (open ? !t.known || t.low < -t.margin : t.known && t.high < -t.margin)
            return i;
    }
    return n;
}

/* What the primary outcome says by itself. */
static tdl_verdict by_primary(const tdl_verdict_facts *facts, const tdl_outcome *outcome,
                              const tdl_comparison *const *comparison, size_t n, size_t first)
{
    turned t = turn(&outcome[first], comparison[first]);
    bool better = t.known && t.low > 0 && comparison[first]->p <= facts->alpha;
    size_t open = find_guardrail(outcome, comparison, n, true);

    if (better && facts->age_days >= 0 && facts->age_days < DAYS_LEAST)
        return because(TDL_VERDICT_KEEP_RUNNING, TDL_BECAUSE_YOUNG, &outcome[first],
                       comparison[first]);
    if (better && open == n)
        return because(TDL_VERDICT_SHIP, TDL_BECAUSE_PRIMARY, &outcome[first], comparison[first]);
    if (!better && t.known && t.low > -t.margin && t.high < t.margin)
        return because(TDL_VERDICT_EQUIVALENT, TDL_BECAUSE_PRIMARY, &outcome[first],
                       comparison[first]);
    if (facts->planned > 0 && facts->units >= facts->planned)
        return because(TDL_VERDICT_CANNOT_DECIDE, TDL_BECAUSE_PLAN_IS_OVER, &outcome[first],
                       comparison[first]);
    if (better)
        return because(TDL_VERDICT_KEEP_RUNNING, TDL_BECAUSE_GUARDRAIL_OPEN, &outcome[open],
                       comparison[open]);
    return because(TDL_VERDICT_KEEP_RUNNING, t.known ? TDL_BECAUSE_OPEN : TDL_BECAUSE_NO_DATA,
                   &outcome[first], comparison[first]);
}

tdl_verdict tdl_verdict_of(const tdl_verdict_facts *facts, const tdl_outcome *outcome,
                           const tdl_comparison *const *comparison, size_t n)
{
    size_t first = n;

    if (facts->traffic.p < TDL_TRAFFIC_RED)
        return because(TDL_VERDICT_INVALID, TDL_BECAUSE_TRAFFIC, NULL, NULL);
    if (facts->in_two > TDL_IN_TWO_RED)
        return because(TDL_VERDICT_INVALID, TDL_BECAUSE_TWO_ARMS, NULL, NULL);
    for (size_t i = n; i-- > 0;)
        if (outcome[i].role == TDL_OUTCOME_PRIMARY)
            first = i;
    for (size_t i = 0; i < n; i++) {
        turned t = turn(&outcome[i], comparison[i]);
        if (outcome[i].role == TDL_OUTCOME_PRIMARY && t.known && t.high < 0)
            return because(TDL_VERDICT_HARM, TDL_BECAUSE_PRIMARY, &outcome[i], comparison[i]);
    }
    size_t broken = find_guardrail(outcome, comparison, n, false);
    if (broken < n)
        return because(TDL_VERDICT_HARM, TDL_BECAUSE_GUARDRAIL, &outcome[broken],
                       comparison[broken]);
    if (first == n)
        return because(TDL_VERDICT_KEEP_RUNNING, TDL_BECAUSE_NO_DATA, NULL, NULL);
    tdl_verdict ret = by_primary(facts, outcome, comparison, n, first);
    if (ret.word == TDL_VERDICT_KEEP_RUNNING && ret.reason == TDL_BECAUSE_OPEN)
        ret.units_needed = units_needed(ret.of, facts);
    if (ret.word == TDL_VERDICT_CANNOT_DECIDE && !ret.of->relative.gap)
        ret.detectable = tdl_detectable(ret.of->relative.se, (tdl_power_plan){facts->alpha, 0});
    return ret;
}

/* ---- the sentence ---- */

static void say_interval(const tdl_verdict *v, bool chinese, tdl_buf *out)
{
    const tdl_anytime *lift = &v->of->always_relative, *always = &v->of->always;

    if (lift->looks > 0)
        tdl_buf_printf(out,
                       chinese ? "%s 的提升在 %+.1f %% 到 %+.1f %% 之间"
                               : "the lift of %s is between %+.1f %% and %+.1f %%",
                       v->outcome->name, 100 * lift->low, 100 * lift->high);
    else
        tdl_buf_printf(out,
                       chinese ? "%s 的差异在 %+.4g 到 %+.4g 之间"
                               : "the difference of %s is between %+.4g and %+.4g",
                       v->outcome->name, always->low, always->high);
}

static void say_invalid(const tdl_verdict *v, const tdl_verdict_facts *facts, bool chinese,
                        tdl_buf *out)
{
    if (v->reason == TDL_BECAUSE_TRAFFIC)
        tdl_buf_printf(out,
                       chinese
                           ? "无效：各组的流量比例与设定不符（p = %.2g），结果不可用；请先查找原因"
                           : "invalid: the arms did not get their shares of the traffic "
                             "(p = %.2g), so no result can be read; find the cause first",
                       facts->traffic.p);
    else
        tdl_buf_printf(out,
                       chinese ? "无效：%.1f %% 的单位出现在两个组中"
                               : "invalid: %.1f %% of the units were in two arms",
                       100 * facts->in_two);
}

static void say_running(const tdl_verdict *v, bool chinese, tdl_buf *out)
{
    switch (v->reason) {
    case TDL_BECAUSE_YOUNG:
        say_interval(v, chinese, out);
        tdl_buf_text(out, chinese ? "；但未满一周" : ", but less than a week has passed");
        return;
    case TDL_BECAUSE_GUARDRAIL_OPEN:
        tdl_buf_printf(out,
                       chinese ? "主要指标更好，但护栏指标 %s 仍可能变差超过 %.1f %%"
                               : "the primary outcome is better, but %s may still be worse by "
                                 "more than %.1f %%",
                       v->outcome->name, 100 * v->outcome->margin);
        return;
    case TDL_BECAUSE_NO_DATA:
        tdl_buf_text(out, chinese ? "还没有可比较的数据" : "there is nothing to compare yet");
        return;
    default:
        break;
    }
    say_interval(v, chinese, out);
    tdl_buf_text(out, chinese ? "，仍包含 0" : ", which still holds 0");
    if (isinf(v->units_needed))
        tdl_buf_text(out, chinese ? "；以目前的差异看不到终点"
                                  : "; at the present difference no end is in sight");
    else
        tdl_buf_printf(out,
                       chinese ? "；若差异保持不变，约需再有 %.0f 个单位"
                               : "; if the difference stays as it is, about %.0f more units decide",
                       v->units_needed);
}

void tdl_verdict_say(const tdl_verdict *v, const tdl_verdict_facts *facts, bool chinese,
                     tdl_buf *out)
{
    static const char *const begin[TDL_VERDICT_WORDS][2] = {
        {"", ""},
        {"stop, it does harm: ", "停止，有害："},
        {"ship: ", "上线："},
        {"no difference that matters: ", "没有重要差异："},
        {"cannot decide: all planned units have come, and ", "无法判断：计划的单位已到齐，而 "},
        {"keep running: ", "继续运行："},
    };

    if (v->word == TDL_VERDICT_INVALID) {
        say_invalid(v, facts, chinese, out);
        return;
    }
    tdl_buf_text(out, begin[v->word][chinese]);
    if (v->word == TDL_VERDICT_KEEP_RUNNING)
        say_running(v, chinese, out);
    else
        say_interval(v, chinese, out);
    if (v->word == TDL_VERDICT_CANNOT_DECIDE && v->detectable > 0)
        tdl_buf_printf(out,
                       chinese ? "；这次实验只能发现 %.1f %% 以上的提升"
                               : "; this experiment could have found a lift of %.1f %% or more",
                       100 * v->detectable);
}
