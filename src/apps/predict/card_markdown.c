/* The card for people. */
#include <math.h>

#include "apps/predict/card.h"
#include "apps/predict/forecast_card.h"

typedef struct page {
    tdl_buf *out;
    bool zh;
} page;

static const char *tr(const page *p, const char *en, const char *zh)
{
    return p->zh ? zh : en;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    double number;

    return tdl_json_get_number(object, key, &number) ? number : NAN;
}

/* A whole number; 0 where there is none. */
static long long count_of(const json_t *object, const char *key)
{
    int64_t n;

    return tdl_json_get_int(object, key, &n) ? (long long)n : 0;
}

static void put_number(tdl_buf *out, double value)
{
    if (isnan(value))
        tdl_buf_char(out, '-');
    else
        tdl_buf_printf(out, "%.4f", value);
}

/* Text from the data, in a cell of a table. */
static void put_cell(tdl_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '`')
            tdl_buf_char(out, '\\');
        tdl_buf_char(out, *text == '\n' ? ' ' : *text);
    }
}

/* ---- the leaderboard ---- */

static void put_padded(tdl_buf *out, const char *text, int width)
{
    tdl_buf_printf(out, "%-*s", width, text);
}

static void leaderboard_row(const json_t *entry, tdl_buf *out)
{
    const char *left_out = text_of(entry, "left_out");

    put_padded(out, text_of(entry, "model"), 16);
    if (left_out[0]) {
        tdl_buf_printf(out, "  -  %s\n", left_out);
        return;
    }
    tdl_buf_printf(out, "  %8.4f  +-%.4f  [%.4f, %.4f]  %8.1f s", number_of(entry, "value"),
                   number_of(entry, "standard_error"), number_of(entry, "low"),
                   number_of(entry, "high"), number_of(entry, "seconds"));
    if (number_of(entry, "weight") > 0)
        tdl_buf_printf(out, "  <- %.2f", number_of(entry, "weight"));
    tdl_buf_char(out, '\n');
}

void tdl_card_leaderboard(const json_t *card, const char *language, tdl_buf *out)
{
    const page p = {out, !strncmp(language, "zh", 2)};
    const json_t *chosen = json_object_get(card, "chosen"), *entry, *gain;
    size_t i;

    tdl_buf_printf(out, "%-16s  %8s  %s\n", tr(&p, "model", "模型"), text_of(card, "metric"),
                   tr(&p, "+-standard error  [95 % interval]  time  <- weight in what serves",
                      "+-标准误  [95 % 区间]  用时  <- 在服务模型中的权重"));
    json_array_foreach(json_object_get(card, "leaderboard"), i, entry)
    {
        leaderboard_row(entry, out);
    }
    tdl_buf_printf(out, "%s: %s, %s %.4f +-%.4f\n", tr(&p, "serves", "服务模型"),
                   text_of(chosen, "model"), text_of(card, "metric"), number_of(chosen, "value"),
                   number_of(chosen, "standard_error"));
    json_array_foreach(json_object_get(card, "gain"), i, gain)
    {
        tdl_buf_printf(out, "  %s %s: %+.4f [%+.4f, %+.4f]\n", tr(&p, "against", "对比"),
                       text_of(gain, "over"), number_of(gain, "value"), number_of(gain, "low"),
                       number_of(gain, "high"));
    }
}

/* ---- sections ---- */

static void put_head(const page *p, const json_t *card, const char *hash)
{
    const json_t *target = json_object_get(card, "target");

    tdl_buf_printf(p->out, "# %s: %s\n\n", tr(p, "Model card", "模型卡"), text_of(card, "name"));
    tdl_buf_printf(p->out, "- %s: `%s`, %lld %s\n", tr(p, "data", "数据"), text_of(card, "source"),
                   count_of(card, "rows"), tr(p, "rows with a target", "行有目标值"));
    tdl_buf_printf(p->out, "- %s: `%s` (%s)", tr(p, "target", "目标"), text_of(target, "column"),
                   text_of(card, "task"));
    if (text_of(target, "positive")[0])
        tdl_buf_printf(p->out, ", %s `%s`", tr(p, "positive", "正类"), text_of(target, "positive"));
    tdl_buf_printf(p->out, "\n- %s: %s, %s %lld\n", tr(p, "made", "生成"), text_of(card, "created"),
                   tr(p, "seed", "种子"), count_of(card, "seed"));
    if (hash)
        tdl_buf_printf(p->out, "- BLAKE2b-256: `%s`\n", hash);
    tdl_buf_char(p->out, '\n');
}

static void put_leaderboard(const page *p, const json_t *card)
{
    const json_t *split = json_object_get(card, "split"), *entry;
    size_t i;

    tdl_buf_printf(p->out, "## %s\n\n%s %s, %lld %s.\n\n", tr(p, "Leaderboard", "排行榜"),
                   tr(p, "Measured out of fold:", "折外评测："), text_of(split, "kind"),
                   count_of(split, "folds"), tr(p, "folds", "折"));
    tdl_buf_printf(p->out, "| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
                   tr(p, "model", "模型"), text_of(card, "metric"),
                   tr(p, "95 % interval", "95 % 区间"), tr(p, "seconds", "秒"),
                   tr(p, "weight", "权重"));
    json_array_foreach(json_object_get(card, "leaderboard"), i, entry)
    {
        const char *left_out = text_of(entry, "left_out");

        tdl_buf_printf(p->out, "| %s | ", text_of(entry, "model"));
        if (left_out[0]) {
            put_cell(p->out, left_out);
            tdl_buf_text(p->out, " | | | |\n");
            continue;
        }
        tdl_buf_printf(p->out, "%.4f | %.4f .. %.4f | %.1f | %.2f |\n", number_of(entry, "value"),
                       number_of(entry, "low"), number_of(entry, "high"),
                       number_of(entry, "seconds"), number_of(entry, "weight"));
    }
    tdl_buf_char(p->out, '\n');
}

static void put_chosen(const page *p, const json_t *card)
{
    const json_t *chosen = json_object_get(card, "chosen"), *gain;
    size_t i;

    tdl_buf_printf(p->out, "%s **%s**: %s %.4f.", tr(p, "What serves:", "服务模型："),
                   text_of(chosen, "model"), text_of(card, "metric"), number_of(chosen, "value"));
    json_array_foreach(json_object_get(card, "gain"), i, gain)
    {
        double low = number_of(gain, "low"), high = number_of(gain, "high");
        bool up = json_is_true(json_object_get(card, "higher_is_better"));
        bool proven = up ? low > 0 : high < 0;

        tdl_buf_printf(p->out, " %s %s: %+.4f [%+.4f, %+.4f], %s.", tr(p, "Against", "对比"),
                       text_of(gain, "over"), number_of(gain, "value"), low, high,
                       proven ? tr(p, "better", "更好") : tr(p, "not proven better", "未证明更好"));
    }
    tdl_buf_text(p->out, "\n\n");
}

static void put_quality(const page *p, const json_t *card)
{
    const json_t *quality = json_object_get(card, "quality"), *bin, *metric;
    const char *name;
    size_t i;

    if (!json_is_object(quality))
        return;
    tdl_buf_printf(p->out, "## %s\n\n| | | %s |\n|---|---|---|\n",
                   tr(p, "How good, out of fold", "质量（折外）"),
                   tr(p, "95 % interval", "95 % 区间"));
    json_object_foreach(json_object_get(quality, "metrics"), name, metric)
    {
        tdl_buf_printf(p->out, "| %s | ", name);
        put_number(p->out, number_of(metric, "value"));
        tdl_buf_text(p->out, " | ");
        put_number(p->out, number_of(metric, "low"));
        tdl_buf_text(p->out, " .. ");
        put_number(p->out, number_of(metric, "high"));
        tdl_buf_text(p->out, " |\n");
    }
    tdl_buf_char(p->out, '\n');
    if (!json_array_size(json_object_get(quality, "calibration")))
        return;
    tdl_buf_printf(p->out, "%s `%s`:\n\n| %s | %s | %s |\n|---|---|---|\n",
                   tr(p, "Calibrated by", "校准方法"), text_of(card, "calibrated_by"),
                   tr(p, "predicted", "预测"), tr(p, "happened (95 %)", "实际（95 %）"),
                   tr(p, "rows", "行数"));
    json_array_foreach(json_object_get(quality, "calibration"), i, bin)
    {
        tdl_buf_printf(p->out, "| %.3f | %.3f (%.3f .. %.3f) | %lld |\n",
                       number_of(bin, "predicted"), number_of(bin, "happened"),
                       number_of(bin, "low"), number_of(bin, "high"), count_of(bin, "rows"));
    }
    tdl_buf_char(p->out, '\n');
}

static void put_importance(const page *p, const json_t *card)
{
    const json_t *column;
    size_t i;

    if (!json_array_size(json_object_get(card, "importance")))
        return;
    tdl_buf_printf(p->out, "## %s\n\n| %s | %s |\n|---|---|\n",
                   tr(p, "What answers rest on", "答案的依据"), tr(p, "column", "列"),
                   tr(p, "mean share of the score", "对得分的平均贡献"));
    json_array_foreach(json_object_get(card, "importance"), i, column)
    {
        if (i == 20)
            break;
        tdl_buf_text(p->out, "| ");
        put_cell(p->out, text_of(column, "column"));
        tdl_buf_printf(p->out, " | %.4f |\n", number_of(column, "share"));
    }
    tdl_buf_char(p->out, '\n');
}

static void put_fairness(const page *p, const json_t *card)
{
    const json_t *fairness = json_object_get(card, "fairness"), *audit, *group;
    size_t i, k;

    if (!json_array_size(fairness))
        return;
    tdl_buf_printf(p->out, "## %s\n\n", tr(p, "Fairness", "公平性"));
    json_array_foreach(fairness, i, audit)
    {
        tdl_buf_printf(p->out, "`%s`:\n\n| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
                       text_of(audit, "column"), tr(p, "group", "群体"), tr(p, "rows", "行数"),
                       tr(p, "selected", "选中率"), tr(p, "true positives", "真正率"),
                       tr(p, "false positives", "假正率"));
        json_array_foreach(json_object_get(json_object_get(audit, "audit"), "groups"), k, group)
        {
            tdl_buf_text(p->out, "| ");
            put_cell(p->out, text_of(group, "group"));
            tdl_buf_printf(p->out, " | %lld | ", count_of(group, "n"));
            put_number(p->out, number_of(group, "selection"));
            tdl_buf_text(p->out, " | ");
            put_number(p->out, number_of(group, "tpr"));
            tdl_buf_text(p->out, " | ");
            put_number(p->out, number_of(group, "fpr"));
            tdl_buf_text(p->out, " |\n");
        }
        tdl_buf_char(p->out, '\n');
    }
}

static const struct figure {
    const char *name, *en, *zh;
} figures[] = {
    {"accuracy", "accuracy", "准确率"},
    {"auc", "AUC of the order they choose in", "按所选次序的 AUC"},
    {"selection", "chosen", "选中率"},
    {"demographic_parity_difference", "largest difference of chosen", "选中率最大差"},
    {"equal_opportunity_difference", "largest difference of true positives", "真正率最大差"},
    {"equalised_odds_difference", "the larger of that and of false positives",
     "真正率与假正率差中的较大者"},
};

static void put_mitigation(const page *p, const json_t *card)
{
    const json_t *mitigation = json_object_get(card, "mitigation"), *group;
    bool selection = !strcmp(text_of(mitigation, "equal"), "selection");
    size_t i;

    if (!json_is_object(mitigation))
        return;
    tdl_buf_printf(p->out, "## %s\n\n%s `%s`: %s. %s: ", tr(p, "Thresholds by group", "分组阈值"),
                   tr(p, "By", "按"), text_of(mitigation, "column"),
                   selection
                       ? tr(p, "each group is chosen at the same rate", "各组选中率相同")
                       : tr(p, "of those who are positive, each group is found at the same rate",
                            "各组真正率相同"),
                   tr(p, "Reason given", "给出的理由"));
    put_cell(p->out, text_of(mitigation, "reason"));
    tdl_buf_printf(p->out, "\n\n| %s | %s |\n|---|---|\n", tr(p, "group", "群体"),
                   tr(p, "threshold", "阈值"));
    json_array_foreach(json_object_get(mitigation, "groups"), i, group)
    {
        tdl_buf_text(p->out, "| ");
        put_cell(p->out, text_of(group, "group"));
        tdl_buf_printf(p->out, " | %.4f |\n", number_of(group, "threshold"));
    }
    tdl_buf_printf(p->out, "| %s | %.4f |\n\n| | %s | %s |\n|---|---|---|\n",
                   tr(p, "anybody else", "其他"), number_of(mitigation, "threshold"),
                   tr(p, "one threshold", "单一阈值"), tr(p, "by group", "分组阈值"));
    for (i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        tdl_buf_printf(p->out, "| %s | ", tr(p, figures[i].en, figures[i].zh));
        put_number(p->out, number_of(json_object_get(mitigation, "before"), figures[i].name));
        tdl_buf_text(p->out, " | ");
        put_number(p->out, number_of(json_object_get(mitigation, "after"), figures[i].name));
        tdl_buf_text(p->out, " |\n");
    }
    tdl_buf_printf(p->out, "\n%s\n\n",
                   tr(p,
                      "Measured on folds that the thresholds were not fitted on. The tables of "
                      "quality above are of one threshold.",
                      "在未用于拟合阈值的折上评测；上文的质量表为单一阈值下的结果。"));
}

static const struct note {
    const char *name, *en, *zh;
} notes[] = {
    {"few_rows", "Fewer than 50 rows: every figure above is a guess.",
     "不足 50 行：以上数字只是猜测。"},
    {"constant_target", "The target is the same in every row: that value is all that was learnt.",
     "目标列每行都相同：模型只学到这一个值。"},
    {"duplicates_dropped", "Of rows that were equal in all columns only the first was used.",
     "所有列都相同的行只使用了第一行。"},
    {"contest_on_part",
     "There were very many rows: the models were compared on 50,000 of them, then fitted on all.",
     "行数很多：模型在其中 50,000 行上比较，再用全部行训练。"},
};

static void put_limits(const page *p, const json_t *card)
{
    const json_t *note, *leak;
    size_t i;

    tdl_buf_printf(p->out, "## %s\n\n", tr(p, "Limits", "局限"));
    tdl_buf_printf(p->out, "- %s\n",
                   tr(p,
                      "The figures hold for rows like those it was trained on; a change of prices, "
                      "seasons or customers can make them untrue.",
                      "这些数字只适用于与训练数据相似的行；价格、季节或客户变化后可能不再成立。"));
    tdl_buf_printf(p->out, "- %s\n",
                   tr(p,
                      "The choice of the model was made on the same folds: its own figure is a "
                      "little too good. `treadle fit --nested` measures without that.",
                      "模型是在同样的折上选出的，其数字略偏乐观；`treadle fit --nested` 可避免。"));
    json_array_foreach(json_object_get(card, "notes"), i, note)
    {
        for (size_t k = 0; k < sizeof notes / sizeof notes[0]; k++)
            if (json_is_string(note) && !strcmp(json_string_value(note), notes[k].name))
                tdl_buf_printf(p->out, "- %s\n", tr(p, notes[k].en, notes[k].zh));
    }
    json_array_foreach(json_object_get(card, "leaks"), i, leak)
    {
        tdl_buf_printf(p->out, "- %s: `", text_of(leak, "kind"));
        put_cell(p->out, text_of(leak, "column"));
        tdl_buf_text(p->out, "`\n");
    }
}

void tdl_card_markdown(const json_t *card, const char *language, const char *hash, tdl_buf *out)
{
    const page p = {out, !strncmp(language, "zh", 2)};

    if (!strcmp(text_of(card, "task"), "forecast")) {
        tdl_forecast_card_markdown(card, language, hash, out);
        return;
    }
    put_head(&p, card, hash);
    put_leaderboard(&p, card);
    put_chosen(&p, card);
    put_quality(&p, card);
    put_importance(&p, card);
    put_fairness(&p, card);
    put_mitigation(&p, card);
    put_limits(&p, card);
}
