/* treadle experiment analyse | simulate */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "apps/decide/peeking.h"
#include "apps/decide/unit_rows.h"
#include "cli/commands.h"
#include "cli/experiment_print.h"
#include "cli/number_option.h"
#include "cli/read_options.h"

/* ---- analyse ---- */

typedef struct analyse_values {
    tdl_common common;
    const char *arm, *control, *unit, *primary, *secondary, *guardrails, *lower, *shares, *margin,
        *cap, *alpha;
    int64_t planned, registered;
    tdl_read_values read;
} analyse_values;

static const tdl_option analyse_options[] = {
    TDL_TEXT_OPTION(analyse_values, "arm", arm, "COLUMN", "which arm a unit was in",
                    "所在组别的列"),
    TDL_TEXT_OPTION(analyse_values, "control", control, "VALUE",
                    "the arm that others are compared with; the first by name",
                    "对照组的取值；默认按名称取第一个"),
    TDL_TEXT_OPTION(analyse_values, "unit", unit, "COLUMN",
                    "who it was; each row is a unit without",
                    "单位（用户）标识列；缺省时每行一个单位"),
    TDL_TEXT_OPTION(
        analyse_values, "primary", primary, "OUTCOME,...",
        "what decides; the first one wins or loses. COLUMN, SUM/SUM, COLUMN@QUANTILE, "
        "COLUMN~KNOWN_BEFORE",
        "决定胜负的指标，以第一个为准。写法：列名、分子/分母、列名@分位数、列名~实验前的列"),
    TDL_TEXT_OPTION(analyse_values, "secondary", secondary, "OUTCOME,...",
                    "what else is of interest", "其他关注的指标"),
    TDL_TEXT_OPTION(analyse_values, "guardrails", guardrails, "OUTCOME,...",
                    "what must not get worse", "不得变差的护栏指标"),
    TDL_TEXT_OPTION(analyse_values, "lower", lower, "OUTCOME,...", "of these less is better",
                    "越低越好的指标"),
    TDL_TEXT_OPTION(analyse_values, "shares", shares, "NUMBER,...",
                    "meant of each arm, the control first, then by name; even",
                    "各组设定的流量份额，对照组在前，其余按名称；默认均分"),
    TDL_TEXT_OPTION(analyse_values, "margin", margin, "LIFT",
                    "too small to matter: 0.01 is one per cent; 0",
                    "可忽略的相对差异：0.01 即 1 %；默认 0"),
    TDL_TEXT_OPTION(analyse_values, "cap", cap, "QUANTILE",
                    "cut means off there, over all arms joined: 0.999",
                    "按所有组合并后的分位数截断均值：0.999"),
    TDL_TEXT_OPTION(analyse_values, "alpha", alpha, "LEVEL", "of intervals; 0.05",
                    "显著性水平；默认 0.05"),
    TDL_COUNT_OPTION(analyse_values, "planned", planned, "0", 0, INT64_MAX,
                     "units in all arms that were planned; 0 = none", "计划的总单位数；0 = 未计划"),
    TDL_COUNT_OPTION(analyse_values, "registered", registered, "0", 0, INT64_MAX,
                     "units for a fixed-horizon test, fixed before the start; 0 = none is shown",
                     "实验开始前登记的固定样本量；0 = 不显示固定样本检验"),
    TDL_READ_OPTIONS(analyse_values, read),
};

/* ---- simulate ---- */

typedef struct simulate_values {
    tdl_common common;
    const char *rate, *lift, *alpha;
    int64_t units, looks, runs, seed;
} simulate_values;

static const tdl_option simulate_options[] = {
    TDL_TEXT_OPTION(simulate_values, "rate", rate, "RATE", "of the control; 0.1",
                    "对照组的转化率；默认 0.1"),
    TDL_TEXT_OPTION(simulate_values, "lift", lift, "DIFFERENCE", "that there is to be found; 0.01",
                    "真实存在的差异；默认 0.01"),
    TDL_TEXT_OPTION(simulate_values, "alpha", alpha, "LEVEL", "0.05", "显著性水平；默认 0.05"),
    TDL_COUNT_OPTION(simulate_values, "units", units, "20000", 1, 1000000000,
                     "in each arm, at the end", "每组最终的单位数"),
    TDL_COUNT_OPTION(simulate_values, "looks", looks, "100", 1, 1000000, "at equal distances",
                     "等间隔查看的次数"),
    TDL_COUNT_OPTION(simulate_values, "runs", runs, "20000", 1, 100000000,
                     "experiments that are simulated", "模拟的实验次数"),
    TDL_COUNT_OPTION(simulate_values, "seed", seed, "1", 0, INT64_MAX, "same seed, same figures",
                     "相同种子得到相同数字"),
};

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

/* The next item of a list with commas; false after the last. */
static bool next_item(const char **list, tdl_str *ret)
{
    const char *at = *list;

    if (!at || !*at)
        return false;
    const char *comma = strchr(at, ',');
    *ret = tdl_str_trim((tdl_str){at, comma ? (size_t)(comma - at) : strlen(at)});
    *list = comma ? comma + 1 : NULL;
    return true;
}

static tdl_status add_outcomes(const char *list, tdl_unit_ask *ask, size_t *ret_n, tdl_report *why)
{
    tdl_str item;

    while (next_item(&list, &item)) {
        if (ask->outcomes_n == TDL_EXPERIMENT_OUTCOMES_MAX)
            return TDL_FAIL(why, TDL_E_USAGE, "more than %d outcomes", TDL_EXPERIMENT_OUTCOMES_MAX);
        ask->outcome[ask->outcomes_n++] = item;
    }
    *ret_n = ask->outcomes_n;
    return TDL_OK;
}

static tdl_status read_shares(const char *list, const tdl_experiment *e, tdl_experiment_plan *plan,
                              tdl_report *why)
{
    size_t n = 0;
    tdl_str item;

    while (next_item(&list, &item)) {
        if (n < e->arms_n && (!tdl_str_double(item, &plan->weight[n]) || !(plan->weight[n] >= 0)))
            return TDL_FAIL(why, TDL_E_USAGE, "--shares: %.*s is no share", (int)item.len, item.at);
        n++;
    }
    if (n && n != e->arms_n)
        return TDL_FAIL(why, TDL_E_USAGE, "--shares names %zu shares of %zu arms", n, e->arms_n);
    return TDL_OK;
}

static tdl_status set_directions(const char *list, tdl_experiment *e, tdl_report *why)
{
    tdl_str item;

    while (next_item(&list, &item)) {
        size_t k = 0;
        while (k < e->outcomes_n && !tdl_str_is(item, e->outcome[k].name))
            k++;
        if (k == e->outcomes_n)
            return TDL_FAIL(why, TDL_E_USAGE, "--lower %.*s: no outcome is named so", (int)item.len,
                            item.at);
        e->outcome[k].lower_is_better = true;
    }
    return TDL_OK;
}

static tdl_status judge(const analyse_values *v, tdl_experiment *e, tdl_arena *arena,
                        tdl_report *why)
{
    tdl_experiment_plan plan = {
        .planned = (double)v->planned, .registered = (double)v->registered, .age_days = -1};
    tdl_experiment_result result;
    tdl_buf out = {0};
    double margin;
    tdl_status st;

    if ((st = tdl_number_option("alpha", v->alpha, .05, 1e-6, .5, &plan.alpha, why)) ||
        (st = tdl_number_option("margin", v->margin, 0, 0, 1, &margin, why)) ||
        (st = read_shares(v->shares, e, &plan, why)) || (st = set_directions(v->lower, e, why)))
        return st;
    for (size_t k = 0; k < e->outcomes_n; k++)
        e->outcome[k].margin = margin;
    if ((st = tdl_experiment_judge(e, &plan, arena, &result, why)))
        return st;
    if (v->common.json) {
        tdl_jw w = {.out = &out};
        tdl_experiment_write(&w, e, &plan, &result);
        printf("%.*s\n", (int)out.len, out.at);
        tdl_buf_release(&out);
    } else {
        tdl_experiment_print(e, &result);
    }
    return TDL_OK;
}

static tdl_status run_analyse(const void *values, char **arguments, tdl_report *why)
{
    const analyse_values *v = values;
    tdl_unit_ask ask = {.control = or_null(v->control), .unit = or_null(v->unit)};
    tdl_experiment experiment;
    tdl_frame frame = {0};
    size_t primary, secondary, all;
    tdl_status st;

    if (!(ask.arm = or_null(v->arm)) || !or_null(v->primary))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle experiment analyse --help",
                             "--arm COLUMN and --primary OUTCOME are needed");
    if ((st = add_outcomes(v->primary, &ask, &primary, why)) ||
        (st = add_outcomes(v->secondary, &ask, &secondary, why)) ||
        (st = add_outcomes(v->guardrails, &ask, &all, why)) ||
        (st = tdl_number_option("cap", v->cap, 0, 0, 1, &ask.cap, why)))
        return st;
    tdl_arena *arena = tdl_arena_new((size_t)8 << 30);
    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the units");
    if ((st = tdl_read_frame(arguments[0], &v->read, v->common.quiet, &frame, why)) ||
        (st = tdl_unit_rows_read(&frame, &ask, arena, &experiment, why)))
        goto out;
    for (size_t k = 0; k < all; k++)
        experiment.outcome[k].role = k < primary     ? TDL_OUTCOME_PRIMARY
                                     : k < secondary ? TDL_OUTCOME_SECONDARY
                                                     : TDL_OUTCOME_GUARDRAIL;
    st = judge(v, &experiment, arena, why);
out:
    tdl_frame_release(&frame);
    tdl_arena_free(arena);
    return st;
}

const tdl_command tdl_command_experiment_analyse = {
    "experiment analyse",
    "FILE",
    1,
    0,
    sizeof(analyse_values),
    TDL_OPTIONS(analyse_options),
    {"what an experiment says, from a table of its units: intervals that hold however often one "
     "looks, and a verdict",
     "由实验单位的数据表得出结论：无论查看多少次都成立的区间，以及判定"},
    "treadle experiment analyse cookie_cats.csv --arm version --primary retention_7 --secondary "
    "retention_1,sum_gamerounds\n"
    "treadle experiment analyse orders.csv --arm group --unit user --primary "
    "revenue~revenue_before --guardrails refunds/orders --lower refunds/orders",
    run_analyse,
};

/* ---- simulate ---- */

static const char *const method_name[TDL_PEEK_METHODS] = {
    "anytime", "anytime_unplanned", "mixture_ratio", "p_every_look", "p_at_the_end"};

static void print_simulation(const tdl_peeking_options *o, double lift,
                             const tdl_peeking_result *none, const tdl_peeking_result *some)
{
    const char *const name[TDL_PEEK_METHODS] = {
        tdl_tr("interval that always holds (default)", "随时有效区间（默认）"),
        tdl_tr("the same, without a planned end", "同上，未计划终点"),
        tdl_tr("mixture sequential ratio test", "混合序贯比检验"),
        tdl_tr("p-value, at every look", "每次查看都做 p 值检验"),
        tdl_tr("p-value, once at the end", "只在结束时做 p 值检验"),
    };

    printf(tdl_tr("%zu runs, %zu units in each arm, looked at %zu times, rate %g\n\n",
                  "%zu 次模拟，每组 %zu 个单位，查看 %zu 次，转化率 %g\n\n"),
           o->runs, o->units_per_arm, o->looks, o->rate);
    printf(tdl_tr("winner called when there is none | when B is %+g | share of the units it took\n",
                  "无差异时误判胜者 | B 真实差异为 %+g 时判出 | 所用单位的比例\n"),
           lift);
    for (size_t m = 0; m < TDL_PEEK_METHODS; m++)
        printf("%7.2f %%  %7.1f %%  %5.0f %%   %s\n", 100 * none->called[m], 100 * some->called[m],
               100 * some->stop[m], name[m]);
}

static void write_simulation(const tdl_peeking_options *o, double lift,
                             const tdl_peeking_result *none, const tdl_peeking_result *some)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_kint(&w, "runs", (int64_t)o->runs);
    tdl_jw_kint(&w, "units_per_arm", (int64_t)o->units_per_arm);
    tdl_jw_kint(&w, "looks", (int64_t)o->looks);
    tdl_jw_knumber(&w, "rate", o->rate);
    tdl_jw_knumber(&w, "lift", lift);
    tdl_jw_knumber(&w, "alpha", o->alpha);
    tdl_jw_key(&w, "methods");
    tdl_jw_array(&w);
    for (size_t m = 0; m < TDL_PEEK_METHODS; m++) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "method", method_name[m]);
        tdl_jw_knumber(&w, "false_wins", none->called[m]);
        tdl_jw_knumber(&w, "power", some->called[m]);
        tdl_jw_knumber(&w, "mean_stop", some->stop[m]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static tdl_status run_simulate(const void *values, char **arguments, tdl_report *why)
{
    const simulate_values *v = values;
    tdl_peeking_options o = {.units_per_arm = (size_t)v->units,
                             .looks = (size_t)v->looks,
                             .runs = (size_t)v->runs,
                             .seed = (uint64_t)v->seed};
    tdl_peeking_result none, some;
    double lift;
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = tdl_number_option("rate", v->rate, .1, 0, 1, &o.rate, why)) ||
        (st = tdl_number_option("lift", v->lift, .01, -1, 1, &lift, why)) ||
        (st = tdl_number_option("alpha", v->alpha, .05, 1e-6, .5, &o.alpha, why)) ||
        (st = tdl_peeking_simulate(&o, &none, why)))
        return st;
    o.lift = lift;
    if ((st = tdl_peeking_simulate(&o, &some, why)))
        return st;
    if (v->common.json)
        write_simulation(&o, lift, &none, &some);
    else
        print_simulation(&o, lift, &none, &some);
    return TDL_OK;
}

const tdl_command tdl_command_experiment_simulate = {
    "experiment simulate",
    NULL,
    0,
    0,
    sizeof(simulate_values),
    TDL_OPTIONS(simulate_options),
    {"what looking at a running experiment does: false winners by method, and what it takes to "
     "find a true one",
     "反复查看进行中的实验会怎样：各方法误判的比例，以及发现真实差异所需的单位"},
    "treadle experiment simulate\n"
    "treadle experiment simulate --rate 0.02 --lift 0.004 --units 50000 --looks 50",
    run_simulate,
};
