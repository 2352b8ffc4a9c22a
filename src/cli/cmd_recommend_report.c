/* treadle recommend report: what was shown, and what came of it. */
#include <stdio.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "cli/told.h"

#define DAY_US INT64_C(86400000000)

typedef struct report_values {
    tdl_common common;
    const char *surface, *item;
    int64_t days;
} report_values;

static const tdl_option report_options[] = {
    {"surface",
     TDL_OPTION_TEXT,
     offsetof(report_values, surface),
     "NAME",
     "",
     0,
     0,
     {"this one alone", "仅此推荐位"}},
    {"item",
     TDL_OPTION_TEXT,
     offsetof(report_values, item),
     "ITEM",
     "",
     0,
     0,
     {"told of by itself too", "同时单独报告该物品"}},
    {"days",
     TDL_OPTION_INT,
     offsetof(report_values, days),
     "N",
     "7",
     1,
     365,
     {"how long until now", "截至现在的天数"}},
};

static void print_rate(const json_t *rate)
{
    if (json_is_number(json_object_get(rate, "rate")))
        printf("%5.1f%% [%.1f%%, %.1f%%]", 100 * tdl_told_number(rate, "rate"),
               100 * tdl_told_number(rate, "low"), 100 * tdl_told_number(rate, "high"));
    else
        printf("    -");
}

/* By the trait that policies name; and whose items were shown. */
static void print_fair(const json_t *one)
{
    static const char *const owners[] = {"sellers", "categories"};
    const char *const titles[] = {tdl_tr("seller", "卖家"), tdl_tr("category", "类别")};
    const json_t *part;
    size_t i;

    json_array_foreach(json_object_get(one, "traits"), i, part)
    {
        const char *value = tdl_told_text(part, "value");
        printf("  %s %-16s  ", tdl_tr("trait", "属性"), *value ? value : "-");
        print_rate(part);
        printf(tdl_tr("  n %.0f, %.1f%% of the catalogue\n", "  n %.0f，占目录 %.1f%%\n"),
               tdl_told_number(part, "n"), 100 * tdl_told_number(part, "coverage"));
    }
    for (size_t k = 0; k < sizeof owners / sizeof *owners; k++)
        json_array_foreach(json_object_get(one, owners[k]), i, part)
        {
            const char *value = tdl_told_text(part, "value");
            printf(tdl_tr("  %s %-16s  %5.1f%% of places, %5.1f%% of items\n",
                          "  %s %-16s  占展示 %5.1f%%，占物品 %5.1f%%\n"),
                   titles[k], *value ? value : "-", 100 * tdl_told_number(part, "share"),
                   100 * tdl_told_number(part, "share_of_items"));
        }
}

static const char *verdict(const char *code)
{
    return !strcmp(code, "better")          ? tdl_tr("better", "更好")
           : !strcmp(code, "worse")         ? tdl_tr("worse", "更差")
           : !strcmp(code, "no_difference") ? tdl_tr("no difference shown", "未显示差异")
           : !strcmp(code, "unreliable")    ? tdl_tr("cannot be said: few places carry the weight",
                                                     "无法判断：权重集中在少数位置")
                                         : tdl_tr("cannot be said: the log never had such a choice",
                                                  "无法判断：日志中从未有这样的选择");
}

static void print_alone(const json_t *one)
{
    const char *missing = tdl_told_text(one, "what_if_missing");
    const json_t *part;
    size_t i;

    printf("  %s", tdl_tr("what each model alone would have earned a place",
                          "各模型单独在每个位置可能获得的事件数"));
    if (*missing)
        printf(": %s", !strcmp(missing, "no_parts")
                           ? tdl_tr("no mix of models answered", "没有由多个模型共同回答")
                           : tdl_tr("chance had no part in any place", "没有任何位置由随机参与"));
    putchar('\n');
    json_array_foreach(json_object_get(one, "what_if"), i, part) printf(
        tdl_tr("    %-22s  %.4f [%.4f, %.4f], really %.4f, %.0f places (%.0f in effect): %s\n",
               "    %-22s  %.4f [%.4f, %.4f]，实际 %.4f，%.0f 个位置（有效 %.0f）：%s\n"),
        tdl_told_text(part, "model"), tdl_told_number(part, "value"), tdl_told_number(part, "low"),
        tdl_told_number(part, "high"), tdl_told_number(part, "earned"),
        tdl_told_number(part, "slots"), tdl_told_number(part, "effective_slots"),
        verdict(tdl_told_text(part, "verdict")));
}

static void print_live(const json_t *live)
{
    printf(tdl_tr("learnt with every event: %.0f people, %.0f items, %.0f taken, %.1f MB; "
                  "robots %.0f, of the future %.0f, crowded out %.0f, lost %.0f\n",
                  "随每个事件学习：%.0f 人，%.0f 个物品，%.0f 次获取，%.1f MB；"
                  "机器人 %.0f，来自未来 %.0f，过密略去 %.0f，丢失 %.0f\n"),
           tdl_told_number(live, "people"), tdl_told_number(live, "items"),
           tdl_told_number(live, "taken"),
           (tdl_told_number(live, "ring_bytes") + tdl_told_number(live, "popular_bytes") +
            tdl_told_number(live, "directed_bytes")) /
               1e6,
           tdl_told_number(live, "robots"), tdl_told_number(live, "of_the_future"),
           tdl_told_number(live, "crowded_out"), tdl_told_number(live, "lost"));
}

static void print_surface(const json_t *one)
{
    const json_t *coverage = json_object_get(one, "coverage"), *outcome, *segment;
    const json_t *chance = json_object_get(one, "exploration");
    const char *name = tdl_told_text(one, "surface");
    size_t i;

    printf("%s\n", *name ? name : tdl_tr("(no surface named)", "（未指明推荐位）"));
    printf(tdl_tr("  %.0f answers to %.0f people, %.0f items shown, %.0f answers empty\n",
                  "  %.0f 个回答，%.0f 人，%.0f 次展示，%.0f 个空回答\n"),
           tdl_told_number(json_object_get(one, "answers"), "n"), tdl_told_number(one, "people"),
           tdl_told_number(one, "slots"), tdl_told_number(one, "empty"));
    printf("  %-24s  ", tdl_tr("answers with an event", "带来事件的回答"));
    print_rate(json_object_get(one, "answers"));
    putchar('\n');
    json_array_foreach(json_object_get(one, "outcomes"), i, outcome)
    {
        const char *kind = tdl_told_text(outcome, "kind");
        printf("    %-22s  ", *kind ? kind : tdl_tr("other kinds", "其他类型"));
        print_rate(outcome);
        if (tdl_told_number(outcome, "value") != 0)
            printf("  %s %.2f", tdl_tr("value", "数值"), tdl_told_number(outcome, "value"));
        putchar('\n');
    }
    printf(tdl_tr("  catalogue: %.0f of %.0f items shown, Gini %.3f\n",
                  "  目录：展示了 %.0f / %.0f 个物品，基尼系数 %.3f\n"),
           tdl_told_number(coverage, "items"), tdl_told_number(coverage, "of"),
           tdl_told_number(coverage, "gini"));
    printf(tdl_tr("  by chance: %.1f%% of items shown, successes it may have cost: %.1f\n",
                  "  随机探索：占展示 %.1f%%，可能损失的成功数：%.1f\n"),
           100 * tdl_told_number(chance, "share"), tdl_told_number(chance, "forgone"));
    json_array_foreach(json_object_get(one, "segments"), i, segment)
    {
        printf("  %s %-14s  ", tdl_tr("history", "历史"), tdl_told_text(segment, "history"));
        print_rate(segment);
        printf("  n %.0f\n", tdl_told_number(segment, "n"));
    }
    print_fair(one);
    print_alone(one);
}

static void print_report(const json_t *report)
{
    const json_t *one, *item = json_object_get(report, "item");
    size_t i;

    printf("%s … %s\n", tdl_told_text(report, "from"), tdl_told_text(report, "to"));
    if (!json_array_size(json_object_get(report, "surfaces")))
        printf("%s\n", tdl_tr("nothing was shown", "没有展示"));
    json_array_foreach(json_object_get(report, "surfaces"), i, one) print_surface(one);
    print_live(json_object_get(report, "live"));
    if (json_is_object(item))
        printf(tdl_tr("%s: %.0f people have it\n", "%s：%.0f 人拥有\n"), tdl_told_text(item, "id"),
               tdl_told_number(item, "users"));
}

static tdl_status run_report(const void *values, char **arguments, tdl_report *why)
{
    const report_values *v = values;
    tdl_loop *loop = NULL;
    tdl_buf answer = {0};
    tdl_jw w = {.out = &answer};
    int64_t now_us = tdl_time_now();
    const tdl_shown_ask asked = {.from_us = now_us - v->days * DAY_US,
                                 .until_us = now_us + 1,
                                 .surface = tdl_str_of(v->surface),
                                 .item = tdl_str_of(v->item)};
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = tdl_open_loop(&v->common, 1, &loop, why)))
        return st;
    st = tdl_loop_shown(loop, "recommend", &asked, &w, why);
    if (!st)
        st = tdl_told(&answer, v->common.json, print_report, why);
    tdl_buf_release(&answer);
    tdl_loop_close(loop);
    return st;
}

const tdl_command tdl_command_recommend_report = {
    .name = "recommend report",
    .values_size = sizeof(report_values),
    .options = report_options,
    .options_n = sizeof report_options / sizeof report_options[0],
    .summary = {"what was shown, and what came of it", "展示了什么以及结果如何"},
    .examples = "  treadle recommend report\n"
                "  treadle recommend report --surface home --days 30 --json\n",
    .run = run_report,
};
