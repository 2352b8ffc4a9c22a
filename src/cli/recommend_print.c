/* The report of offline evaluation as tables for people. */
#include <stdbool.h>
#include <string.h>

#include "cli/recommend_offline.h"

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static const char *text(const json_t *row, const char *key)
{
    const char *found = json_string_value(json_object_get(row, key));

    return found ? found : "";
}

static void print_log(FILE *out, const json_t *log)
{
    fprintf(out,
            tdl_tr("%.0f people, %.0f guests, %.0f items, %.0f events in %.0f groups; %.1f %% of "
                   "neighbours share a time\n",
                   "%.0f 位用户，%.0f 个访客，%.0f 个物品，%.0f 个事件，%.0f 组；%.1f %% "
                   "的相邻事件时间相同\n"),
            number(log, "people"), number(log, "guests"), number(log, "items"),
            number(log, "events"), number(log, "groups"), 100 * number(log, "tie_share"));
    if (json_is_false(json_object_get(log, "ordered")))
        fprintf(out, "%s\n",
                tdl_tr("no order in the data: nobody did anything at two different times",
                       "数据中没有先后次序：没有人在两个不同时刻有过行为"));
    if (number(log, "future_events") + number(log, "events_before_2000") > 0)
        fprintf(out,
                tdl_tr("%.0f events of the future and %.0f from before 2000: kept, but no window "
                       "is laid by those of the future\n",
                       "%.0f 个事件在未来，%.0f 个早于 2000 年：保留，但未来事件不参与划分窗口\n"),
                number(log, "future_events"), number(log, "events_before_2000"));
    if (json_object_get(log, "first"))
        fprintf(out,
                tdl_tr("from %.10s to %.10s; %.1f %% of people were there for less than a day\n",
                       "自 %.10s 至 %.10s；%.1f %% 的用户历史不足一天\n"),
                text(log, "first"), text(log, "last"), 100 * number(log, "one_day_share"));
}

static const char *task_title(const char *task)
{
    static const struct title {
        const char *task, *en, *zh;
    } titles[] = {
        {"next", "next: what comes next, again or new", "next：接下来的一组，可重复"},
        {"discovery", "discovery: what comes next and is new to the person",
         "discovery：接下来的新物品"},
        {"cart", "cart: one hidden item of a basket", "cart：购物篮中隐藏的一件"},
        {"strangers", "strangers: first basket of people nobody knew", "strangers：陌生人的第一组"},
        {"cold-items", "cold-items: items that nobody had yet, by what they say of themselves",
         "cold-items：无人接触过的物品，仅凭描述"},
        {"stream", "stream: each event before it is learnt", "stream：先预测后学习的事件流"},
        {"next-event", "next-event: what follows in a session, its end included",
         "next-event：会话中的下一个事件（含会话结束）"},
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (!strcmp(task, titles[i].task))
            return strcmp(tdl_tr("en", "zh"), "zh") == 0 ? titles[i].zh : titles[i].en;
    return task;
}

static const char *verdict_text(const char *verdict)
{
    static const struct words {
        const char *verdict, *en, *zh;
    } words[] = {
        {"floor", "the floor", "底线"},
        {"better", "better", "更好"},
        {"no_difference", "no difference shown: the simpler one stays", "无显著差异：保留更简单者"},
        {"worse", "worse", "更差"},
        {"worse_at_a_cut", "better overall, worse at one cut", "总体更好，但在某一切分更差"},
        {"worse_by_the_log", "better here, but answers really given show that it earns less",
         "此处更好，但真实回答的日志表明其收益更低"},
        {"too_few_people", "too few people", "人数太少"},
        {"refused", "took no part", "未参加"},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(verdict, words[i].verdict))
            return strcmp(tdl_tr("en", "zh"), "zh") == 0 ? words[i].zh : words[i].en;
    return verdict;
}

static const char *weights_text(const char *weights)
{
    if (!strcmp(weights, "target only"))
        return tdl_tr("the target's alone count", "仅目标类型计入");
    if (!strcmp(weights, "target 3"))
        return tdl_tr("the target's count thrice", "目标类型计三倍");
    return tdl_tr("all count alike", "全部同等计入");
}

static void print_windows(FILE *out, const json_t *windows)
{
    size_t i;
    json_t *w;

    json_array_foreach(windows, i, w)
    {
        if (!json_object_get(w, "cut"))
            continue;
        fprintf(out,
                tdl_tr("  %s %.10s to %.10s: %.0f questions, %.1f %% of targets unknown at the "
                       "cut, %.1f %% of events from new people, crc32 %s\n",
                       "  %s %.10s 至 %.10s：%.0f 个问题，%.1f %% 的目标在切分时未知，%.1f %% "
                       "的事件来自新用户，crc32 %s\n"),
                strcmp(text(w, "role"), "tuning") == 0 ? tdl_tr("tuned on", "调参")
                                                       : tdl_tr("measured", "评测"),
                text(w, "cut"), text(w, "end"), number(w, "questions"),
                100 * number(w, "missed_target_share"), 100 * number(w, "new_people_event_share"),
                text(w, "crc32"));
    }
}

static void print_test(FILE *out, const char *mark, const char *model, const json_t *t)
{
    fprintf(
        out,
        "%s %-18s %.4f %.4f %.4f (%.4f-%.4f) %.4f %6.4f %7.1f%% %5.2f %6.2f %5.2f %7.2f %9.1f\n",
        mark, model, number(t, "hr10"), number(t, "recall10"), number(t, "ndcg10"),
        number(t, "ndcg10_low"), number(t, "ndcg10_high"), number(t, "recall20"),
        number(t, "ndcg100"), 100 * number(t, "coverage"), number(t, "gini"),
        number(t, "novelty_bits"), number(t, "intra_list_distance"), number(t, "fit_cpu_s"),
        number(t, "bytes") / 1e6);
}

static void print_header(FILE *out)
{
    fprintf(
        out, "  %-18s %s\n", tdl_tr("model", "模型"),
        tdl_tr("HR@10  Rec@10 NDCG@10 (95 % interval)  Rec@20 NDCG@100 cover  Gini  novel  dist  "
               "cpu s        MB",
               "HR@10  召回@10 NDCG@10（95% 区间）    召回@20 NDCG@100 覆盖  基尼  新颖  距离  "
               "CPU秒        MB"));
}

/* Of what serves. */
static void print_segments(FILE *out, const json_t *test)
{
    const json_t *segments = json_object_get(test, "segments");
    size_t i, small_n = 0;
    json_t *row;

    if (!json_array_size(segments))
        return;
    fprintf(out, "    %s\n", tdl_tr("what serves, by segment", "上线模型按分组"));
    json_array_foreach(segments, i, row)
    {
        if (!json_is_true(json_object_get(row, "enough"))) {
            small_n++;
            continue;
        }
        fprintf(out,
                tdl_tr("    %-18s %6.0f questions, HR@10 %.4f, NDCG@10 %.4f (%.4f-%.4f)\n",
                       "    %-18s %6.0f 个问题，HR@10 %.4f，NDCG@10 %.4f（%.4f-%.4f）\n"),
                json_object_get(row, "segment") ? text(row, "segment") : tdl_tr("others", "其他"),
                number(row, "questions"), number(row, "hr10"), number(row, "ndcg10"),
                number(row, "ndcg10_low"), number(row, "ndcg10_high"));
    }
    if (small_n)
        fprintf(out,
                tdl_tr("    %zu of fewer than 30 questions: --json has them\n",
                       "    %zu 个分组不足 30 个问题：见 --json\n"),
                small_n);
    if (json_object_get(test, "parity_ndcg10"))
        fprintf(out,
                tdl_tr("    worst over best of those with 30 questions: %.2f\n",
                       "    至少 30 个问题的分组中最差与最好之比：%.2f\n"),
                number(test, "parity_ndcg10"));
}

/* Window k + 1 belongs to test k. */
static void print_ladder(FILE *out, const json_t *ladder, const json_t *windows)
{
    size_t i, k = 0, tests_n = 0;
    json_t *row;

    json_array_foreach(ladder, i, row) tests_n =
        json_array_size(json_object_get(row, "tests")) > tests_n
            ? json_array_size(json_object_get(row, "tests"))
            : tests_n;
    for (k = 0; k < tests_n; k++) {
        if (!(number(json_array_get(windows, k + 1), "questions") > 0)) {
            fprintf(out, "  %s\n", tdl_tr("nobody to ask", "无人可评测"));
            continue;
        }
        print_header(out);
        json_array_foreach(ladder, i, row)
        {
            json_t *t = json_array_get(json_object_get(row, "tests"), k);
            if (t)
                print_test(out, json_is_true(json_object_get(row, "serves")) ? "*" : " ",
                           text(row, "model"), t);
        }
        json_array_foreach(ladder, i, row) if (json_is_true(json_object_get(row, "serves")))
            print_segments(out, json_array_get(json_object_get(row, "tests"), k));
    }
}

static void print_gate(FILE *out, const json_t *task)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(task, "ladder"), i, row)
    {
        fprintf(out, "%s %-18s ", json_is_true(json_object_get(row, "serves")) ? "*" : " ",
                text(row, "model"));
        if (json_object_get(row, "against"))
            fprintf(out, "%+.4f [%+.4f, %+.4f] %s %s: ", number(row, "difference"),
                    number(row, "difference_low"), number(row, "difference_high"),
                    tdl_tr("against", "对比"), text(row, "against"));
        fprintf(out, "%s%s%s", verdict_text(text(row, "verdict")),
                text(row, "refused")[0] ? ": " : "", text(row, "refused"));
        if (text(row, "setting")[0])
            fprintf(out, "  (%s)", text(row, "setting"));
        fprintf(out, "\n");
    }
    if (json_is_false(json_object_get(task, "enough_people")))
        fprintf(out,
                tdl_tr("  too few people (%.0f; %.0f are wanted): nothing is promoted\n",
                       "  人数太少（%.0f；需要 %.0f）：不提升任何模型\n"),
                number(task, "people"), number(task, "people_wanted"));
}

/* One line a test: what people would get, and how sure it is that this is better. */
static void print_served(FILE *out, const json_t *served)
{
    size_t k;
    json_t *t;

    json_array_foreach(json_object_get(served, "tests"), k, t)
    {
        fprintf(out,
                tdl_tr("served: %s, HR@10 %.4f (%.4f-%.4f), NDCG@10 %.4f (%.4f-%.4f)",
                       "实际服务：%s，HR@10 %.4f（%.4f-%.4f），NDCG@10 %.4f（%.4f-%.4f）"),
                text(served, "model"), number(t, "hr10"), number(t, "hr10_low"),
                number(t, "hr10_high"), number(t, "ndcg10"), number(t, "ndcg10_low"),
                number(t, "ndcg10_high"));
        if (k == 0 && json_object_get(served, "against"))
            fprintf(
                out,
                tdl_tr("; over %s by %+.4f [%+.4f, %+.4f]", "；较 %s 提升 %+.4f [%+.4f, %+.4f]"),
                text(served, "against"), number(served, "difference"),
                number(served, "difference_low"), number(served, "difference_high"));
        fprintf(out, "\n");
    }
}

static void print_stream(FILE *out, const json_t *task)
{
    size_t i;
    json_t *row;

    fprintf(out, tdl_tr("%.0f events of %.0f people\n", "%.0f 个事件，%.0f 位用户\n"),
            number(task, "ranked_events"), number(task, "people"));
    fprintf(out, "  %-18s %s\n", tdl_tr("model", "模型"),
            tdl_tr("HR@10 (95 % interval)   NDCG@10 (95 % interval)  first events' NDCG@10",
                   "HR@10（95% 区间）      NDCG@10（95% 区间）     首批事件 NDCG@10"));
    json_array_foreach(json_object_get(task, "ladder"), i, row)
        fprintf(out, "  %-18s %.4f (%.4f-%.4f)  %.4f (%.4f-%.4f)   %.4f\n", text(row, "model"),
                number(row, "hr10"), number(row, "hr10_low"), number(row, "hr10_high"),
                number(row, "ndcg10"), number(row, "ndcg10_low"), number(row, "ndcg10_high"),
                number(row, "first_events_ndcg10"));
}

/* The gate is about what a model loses: less is better. */
static void print_next_event(FILE *out, const json_t *task)
{
    size_t i;
    json_t *row;

    fprintf(out,
            tdl_tr("%.0f sessions of %.0f people, %.0f symbols of %.0f classes\n",
                   "%.0f 个会话，%.0f 位用户，%.0f 个符号，%.0f 类\n"),
            number(task, "sessions"), number(task, "people"), number(task, "symbols"),
            number(task, "classes"));
    fprintf(out, "  %-18s %s\n", tdl_tr("model", "模型"),
            tdl_tr("perplexity  loss (95 % interval)     HR@1   HR@3   HR@10",
                   "困惑度      损失（95% 区间）         HR@1   HR@3   HR@10"));
    json_array_foreach(json_object_get(task, "ladder"), i, row) fprintf(
        out, "%s %-18s %10.4f  %.4f (%.4f-%.4f)  %.4f %.4f %.4f\n",
        json_is_true(json_object_get(row, "serves")) ? "*" : " ", text(row, "model"),
        number(row, "perplexity"), number(row, "nll"), number(row, "nll_low"),
        number(row, "nll_high"), number(row, "hr1"), number(row, "hr3"), number(row, "hr10"));
    print_gate(out, task);
}

void tdl_recommend_print(FILE *out, const json_t *report)
{
    size_t i;
    json_t *task;

    if (json_object_get(report, "warning"))
        fprintf(out, "%s\n",
                tdl_tr("for comparison with papers only; leaks the future",
                       "仅供与论文对比；泄露了未来信息"));
    print_log(out, json_object_get(report, "log"));
    json_array_foreach(json_object_get(report, "tasks"), i, task)
    {
        fprintf(out, "\n%s\n", task_title(text(task, "task")));
        if (json_object_get(task, "curves")) {
            tdl_recommend_print_cold(out, task);
            continue;
        }
        if (json_object_get(task, "ranked_events")) {
            print_stream(out, task);
            continue;
        }
        if (json_object_get(task, "symbols")) {
            print_next_event(out, task);
            continue;
        }
        if (json_object_get(task, "target"))
            fprintf(out,
                    tdl_tr("  asked about events of kind \"%s\"; weights by kind: %s\n",
                           "  评测目标事件类型为“%s”；按类型加权：%s\n"),
                    text(task, "target"), weights_text(text(task, "weights")));
        print_windows(out, json_object_get(task, "windows"));
        print_ladder(out, json_object_get(task, "ladder"), json_object_get(task, "windows"));
        print_gate(out, task);
        print_served(out, json_object_get(task, "served"));
    }
    bool leaks = json_object_get(report, "warning") != NULL;
    if (!strcmp(text(report, "protocol"), "next-event")) {
        fprintf(out, "%s\n\n",
                tdl_tr("* may serve: by paired differences of loss, below 0 is better; order, "
                       "prior and the behaviour model's share were chosen on an earlier window",
                       "* 可以上线：依据损失的配对差异（小于 0 "
                       "为更好）；阶数、先验与行为模型的份额在更早的窗口上选定"));
        return;
    }
    fprintf(
        out, "%s\n\n",
        leaks ? tdl_tr("* best by this protocol; it decides nothing",
                       "* 该协议下最佳；不作为上线依据")
              : tdl_tr("* may serve: by paired differences of NDCG@10; settings were chosen on an "
                       "earlier window",
                       "* 可以上线：依据 NDCG@10 的配对差异；参数在更早的窗口上选定"));
}
