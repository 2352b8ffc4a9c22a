/* treadle power: how many units an experiment needs, and how long that takes. */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/number_option.h"
#include "stats/power.h"

typedef struct power_values {
    tdl_common common;
    const char *rate, *mean, *sd, *lift, *correlation, *alpha, *power, *daily;
    int64_t arms;
} power_values;

#define TEXT(name, member, argument, en, zh)                                                       \
    TDL_TEXT_OPTION(power_values, name, member, argument, en, zh)

static const tdl_option power_options[] = {
    TEXT("rate", rate, "RATE", "of the control, of a proportion: 0.1", "对照组的比例：0.1"),
    TEXT("mean", mean, "NUMBER", "of the control, of a number per unit; with --sd",
         "对照组每单位的均值；与 --sd 同用"),
    TEXT("sd", sd, "NUMBER", "standard deviation of a unit", "单位间的标准差"),
    TEXT("lift", lift, "LIFT", "to be found, relative: 0.05 is five per cent; 0.05",
         "要发现的相对提升：0.05 即 5 %；默认 0.05"),
    TEXT("correlation", correlation, "R",
         "with what is known before: CUPED takes out R^2 of the variance; 0",
         "与实验前信息的相关系数，CUPED 消去 R^2 的方差；默认 0"),
    TEXT("alpha", alpha, "LEVEL", "0.05", "显著性水平；默认 0.05"),
    TEXT("power", power, "SHARE", "of such experiments that find it; 0.8", "检验功效；默认 0.8"),
    TEXT("daily", daily, "UNITS", "that come a day, in all arms: tells days",
         "每天进入实验的总单位数：用于换算天数"),
    {"arms",
     TDL_OPTION_INT,
     offsetof(power_values, arms),
     "N",
     "2",
     2,
     16,
     {"with the control", "组数，含对照组"}},
};

typedef struct plan {
    double mean, variance_a, variance_b, lift; /* lift absolute */
    double alpha, power, daily;
    double arms;
} plan;

static tdl_status read_plan(const power_values *v, plan *p, tdl_report *why)
{
    double relative, correlation, rate, sd;
    tdl_status st;

    if ((st = tdl_number_option("rate", v->rate, 0, 0, 1, &rate, why)) ||
        (st = tdl_number_option("mean", v->mean, 0, -1e300, 1e300, &p->mean, why)) ||
        (st = tdl_number_option("sd", v->sd, 0, 0, 1e150, &sd, why)) ||
        (st = tdl_number_option("lift", v->lift, .05, -1, 100, &relative, why)) ||
        (st =
             tdl_number_option("correlation", v->correlation, 0, -.999, .999, &correlation, why)) ||
        (st = tdl_number_option("alpha", v->alpha, .05, 1e-6, .5, &p->alpha, why)) ||
        (st = tdl_number_option("power", v->power, .8, .05, .999, &p->power, why)) ||
        (st = tdl_number_option("daily", v->daily, 0, 0, 1e15, &p->daily, why)))
        return st;
    p->arms = (double)v->arms;
    if ((rate > 0) == (sd > 0))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle power --rate 0.1 --lift 0.05",
                             "either --rate, or --mean and --sd is needed");
    if (rate > 0)
        p->mean = rate;
    p->lift = relative * p->mean;
    if (p->lift == 0 || (rate > 0 && !(rate + p->lift > 0 && rate + p->lift < 1)))
        return TDL_FAIL(why, TDL_E_USAGE, "a lift of %g %% of %g is nothing to look for",
                        100 * relative, p->mean);
    double left = 1 - correlation * correlation, other = p->mean + p->lift;
    p->variance_a = left * (rate > 0 ? rate * (1 - rate) : sd * sd);
    p->variance_b = left * (rate > 0 ? other * (1 - other) : sd * sd);
    return TDL_OK;
}

static void print(const plan *p, double fixed, double anytime)
{
    printf(tdl_tr("to find %+.4g (%+.1f %%) with power %.0f %% at level %g:\n",
                  "要发现 %+.4g（%+.1f %%），功效 %.0f %%，水平 %g：\n"),
           p->lift, 100 * p->lift / p->mean, 100 * p->power, p->alpha);
    printf(tdl_tr("  %12.0f units in each of %.0f arms, looked at whenever you like\n",
                  "  %12.0f 个单位（每组，共 %.0f 组），可随时查看\n"),
           ceil(anytime), p->arms);
    printf(tdl_tr("  %12.0f when it is looked at once, at a number of units registered before\n",
                  "  %12.0f 个单位（每组），只在预先登记的样本量时查看一次\n"),
           ceil(fixed));
    if (p->daily > 0)
        printf(tdl_tr("  %.0f or %.0f days at %.0f units a day\n",
                      "  分别需要 %.0f 天和 %.0f 天（每天 %.0f 个单位）\n"),
               fmax(7, ceil(anytime * p->arms / p->daily)),
               fmax(7, ceil(fixed * p->arms / p->daily)), p->daily);
}

static void write(const plan *p, double fixed, double anytime)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_knumber(&w, "lift_absolute", p->lift);
    tdl_jw_knumber(&w, "lift_relative", p->lift / p->mean);
    tdl_jw_knumber(&w, "alpha", p->alpha);
    tdl_jw_knumber(&w, "power", p->power);
    tdl_jw_knumber(&w, "arms", p->arms);
    tdl_jw_knumber(&w, "units_per_arm_anytime", anytime);
    tdl_jw_knumber(&w, "units_per_arm_fixed", fixed);
    if (p->daily > 0) { // a week at least: weekdays differ
        tdl_jw_knumber(&w, "days_anytime", fmax(7, ceil(anytime * p->arms / p->daily)));
        tdl_jw_knumber(&w, "days_fixed", fmax(7, ceil(fixed * p->arms / p->daily)));
    }
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at);
    tdl_buf_release(&out);
}

static tdl_status run(const void *values, char **arguments, tdl_report *why)
{
    const power_values *v = values;
    plan p;
    tdl_status st = read_plan(v, &p, why);

    TDL_UNUSED(arguments);
    if (st)
        return st;
    tdl_power_plan wanted = {p.alpha, p.power};
    double fixed = tdl_units_for(p.lift, p.variance_a, p.variance_b, wanted);
    double anytime = tdl_units_for_anytime(p.lift, p.variance_a, p.variance_b, wanted);
    if (v->common.json)
        write(&p, fixed, anytime);
    else
        print(&p, fixed, anytime);
    return TDL_OK;
}

const tdl_command tdl_command_power = {
    "power",
    NULL,
    0,
    0,
    sizeof(power_values),
    TDL_OPTIONS(power_options),
    {"how many units an experiment needs, and how many days", "实验需要多少单位、多少天"},
    "treadle power --rate 0.1 --lift 0.1 --daily 2000\n"
    "treadle power --mean 32.5 --sd 80 --lift 0.05 --correlation 0.6",
    run,
};
