/* The card for people. */
#include "apps/predict/card_page.h"
#include "apps/predict/forecast_card.h"

/* Text from the data, in a cell of a table. */
static void put_cell(tdl_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '`')
            tdl_buf_char(out, '\\');
        tdl_buf_char(out, *text == '\n' ? ' ' : *text);
    }
}

/* ---- sections ---- */

static void put_head(const tdl_page *p, const json_t *card, const char *hash)
{
    const json_t *target = json_object_get(card, "target");

    tdl_buf_printf(p->out, "# %s: %s\n\n", tdl_page_tr(p, "Model card", "模型卡"),
                   tdl_page_text(card, "name"));
    tdl_buf_printf(p->out, "- %s: `%s`, %lld %s\n", tdl_page_tr(p, "data", "数据"),
                   tdl_page_text(card, "source"), tdl_page_count(card, "rows"),
                   tdl_page_tr(p, "rows with a target", "行有目标值"));
    tdl_buf_printf(p->out, "- %s: `%s` (%s)", tdl_page_tr(p, "target", "目标"),
                   tdl_page_text(target, "column"), tdl_page_word(p, tdl_page_text(card, "task")));
    if (tdl_page_text(target, "positive")[0])
        tdl_buf_printf(p->out, ", %s `%s`", tdl_page_tr(p, "positive", "正类"),
                       tdl_page_text(target, "positive"));
    tdl_buf_printf(p->out, "\n- %s: %s, %s %lld\n", tdl_page_tr(p, "made", "生成"),
                   tdl_page_text(card, "created"), tdl_page_tr(p, "seed", "种子"),
                   tdl_page_count(card, "seed"));
    if (hash)
        tdl_buf_printf(p->out, "- BLAKE2b-256: `%s`\n", hash);
    tdl_buf_char(p->out, '\n');
}

static void put_reason(const tdl_page *p, const char *english)
{
    tdl_buf text = {0};
    const tdl_page said = {&text, p->zh};

    tdl_page_put_reason(&said, english);
    tdl_buf_char(&text, '\0');
    put_cell(p->out, text.failed ? english : text.at);
    tdl_buf_release(&text);
}

static void put_leaderboard(const tdl_page *p, const json_t *card)
{
    const json_t *split = json_object_get(card, "split"), *entry;
    size_t i;

    tdl_buf_printf(p->out, "## %s\n\n%s %s, %lld %s. ", tdl_page_tr(p, "Leaderboard", "排行榜"),
                   tdl_page_tr(p, "Measured out of fold:", "折外评测："),
                   tdl_page_word(p, tdl_page_text(split, "kind")), tdl_page_count(split, "folds"),
                   tdl_page_tr(p, "folds", "折"));
    tdl_page_put_statistic(p, card);
    tdl_buf_printf(
        p->out, " %s\n\n",
        tdl_page_tr(p, "Models are compared before calibration.", "各模型在校准前比较。"));
    tdl_buf_printf(p->out, "| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
                   tdl_page_tr(p, "model", "模型"), tdl_page_word(p, tdl_page_text(card, "metric")),
                   tdl_page_tr(p, "95 % interval", "95 % 区间"), tdl_page_tr(p, "seconds", "秒"),
                   tdl_page_tr(p, "weight", "权重"));
    json_array_foreach(json_object_get(card, "leaderboard"), i, entry)
    {
        const char *left_out = tdl_page_text(entry, "left_out");

        tdl_buf_printf(p->out, "| %s | ", tdl_page_word(p, tdl_page_text(entry, "model")));
        if (left_out[0]) {
            put_reason(p, left_out);
            tdl_buf_text(p->out, " | | | |\n");
            continue;
        }
        tdl_buf_printf(p->out, "%.4f | %.4f .. %.4f | %.1f | %.2f |\n",
                       tdl_page_number(entry, "value"), tdl_page_number(entry, "low"),
                       tdl_page_number(entry, "high"), tdl_page_number(entry, "seconds"),
                       tdl_page_number(entry, "weight"));
    }
    tdl_buf_char(p->out, '\n');
    if (json_array_size(json_object_get(json_object_get(card, "search"), "cut_off"))) {
        tdl_page_put_budget(p, card);
        tdl_buf_char(p->out, '\n');
    }
}

static void put_chosen(const tdl_page *p, const json_t *card)
{
    const json_t *chosen = json_object_get(card, "chosen"), *gain;
    size_t i;

    tdl_buf_printf(p->out, "%s **%s**: %s %.4f.", tdl_page_tr(p, "What serves:", "服务模型："),
                   tdl_page_word(p, tdl_page_text(chosen, "model")),
                   tdl_page_word(p, tdl_page_text(card, "metric")),
                   tdl_page_number(chosen, "value"));
    json_array_foreach(json_object_get(card, "gain"), i, gain)
    {
        double low = tdl_page_number(gain, "low"), high = tdl_page_number(gain, "high");
        bool up = json_is_true(json_object_get(card, "higher_is_better"));
        bool proven = up ? low > 0 : high < 0;

        tdl_buf_printf(p->out, " %s %s: %+.4f [%+.4f, %+.4f], %s.",
                       tdl_page_tr(p, "Against", "对比"),
                       tdl_page_word(p, tdl_page_text(gain, "over")),
                       tdl_page_number(gain, "value"), low, high,
                       proven ? tdl_page_tr(p, "better", "更好")
                              : tdl_page_tr(p, "not proven better", "未证明更好"));
    }
    tdl_buf_text(p->out, "\n\n");
}

static void put_quality(const tdl_page *p, const json_t *card)
{
    const json_t *quality = json_object_get(card, "quality"), *bin, *metric;
    const char *name;
    size_t i;

    if (!json_is_object(quality))
        return;
    tdl_buf_printf(p->out, "## %s\n\n| | | %s |\n|---|---|---|\n",
                   tdl_page_tr(p, "How good, out of fold", "质量（折外）"),
                   tdl_page_tr(p, "95 % interval", "95 % 区间"));
    json_object_foreach(json_object_get(quality, "metrics"), name, metric)
    {
        tdl_buf_printf(p->out, "| %s | ", tdl_page_word(p, name));
        tdl_page_put_number(p->out, tdl_page_number(metric, "value"));
        tdl_buf_text(p->out, " | ");
        tdl_page_put_number(p->out, tdl_page_number(metric, "low"));
        tdl_buf_text(p->out, " .. ");
        tdl_page_put_number(p->out, tdl_page_number(metric, "high"));
        tdl_buf_text(p->out, " |\n");
    }
    tdl_buf_char(p->out, '\n');
    if (!json_array_size(json_object_get(quality, "calibration")))
        return;
    tdl_buf_printf(
        p->out, "%s `%s`:\n\n| %s | %s | %s |\n|---|---|---|\n",
        tdl_page_tr(p, "Calibrated by", "校准方法"),
        tdl_page_word(p, tdl_page_text(card, "calibrated_by")), tdl_page_tr(p, "predicted", "预测"),
        tdl_page_tr(p, "happened (95 %)", "实际（95 %）"), tdl_page_tr(p, "rows", "行数"));
    json_array_foreach(json_object_get(quality, "calibration"), i, bin)
    {
        tdl_buf_printf(p->out, "| %.3f | %.3f (%.3f .. %.3f) | %lld |\n",
                       tdl_page_number(bin, "predicted"), tdl_page_number(bin, "happened"),
                       tdl_page_number(bin, "low"), tdl_page_number(bin, "high"),
                       tdl_page_count(bin, "rows"));
    }
    tdl_buf_char(p->out, '\n');
}

static void put_importance(const tdl_page *p, const json_t *card)
{
    const json_t *column;
    size_t i;

    if (!json_array_size(json_object_get(card, "importance")))
        return;
    tdl_buf_printf(p->out, "## %s\n\n| %s | %s |\n|---|---|\n",
                   tdl_page_tr(p, "What answers rest on", "答案的依据"),
                   tdl_page_tr(p, "column", "列"),
                   tdl_page_tr(p, "mean share of the score", "对得分的平均贡献"));
    json_array_foreach(json_object_get(card, "importance"), i, column)
    {
        if (i == 20)
            break;
        tdl_buf_text(p->out, "| ");
        put_cell(p->out, tdl_page_text(column, "column"));
        tdl_buf_printf(p->out, " | %.4f |\n", tdl_page_number(column, "share"));
    }
    tdl_buf_char(p->out, '\n');
}

/* Of yes-or-no answers rates, of numbers what is missed. */
static const struct audited {
    const char *key, *en, *zh;
} audited_classes[] = {{"selection", "selected", "选中率"},
                       {"tpr", "true positives", "真正率"},
                       {"fpr", "false positives", "假正率"}},
  audited_numbers[] = {{"base_rate", "mean target", "目标平均值"},
                       {"residual", "mean residual", "平均残差"},
                       {"error", "mean absolute error", "平均绝对误差"}};

enum { AUDITED_N = 3, DIFFERENCES_TOLD = 10 };

static void put_groups(const tdl_page *p, const json_t *groups)
{
    bool numbers = !json_object_get(json_array_get(groups, 0), "selection");
    const struct audited *shown = numbers ? audited_numbers : audited_classes;
    const json_t *group;
    size_t i;

    tdl_buf_printf(p->out, "| %s | %s |", tdl_page_tr(p, "group", "群体"),
                   tdl_page_tr(p, "rows", "行数"));
    for (size_t k = 0; k < AUDITED_N; k++)
        tdl_buf_printf(p->out, " %s |", p->zh ? shown[k].zh : shown[k].en);
    tdl_buf_text(p->out, "\n|---|---|---|---|---|\n");
    json_array_foreach(groups, i, group)
    {
        tdl_buf_text(p->out, "| ");
        put_cell(p->out, tdl_page_text(group, "group"));
        tdl_buf_printf(p->out, " | %lld |", tdl_page_count(group, "n"));
        for (size_t k = 0; k < AUDITED_N; k++) {
            tdl_buf_char(p->out, ' ');
            tdl_page_put_number(p->out, tdl_page_number(group, shown[k].key));
            tdl_buf_text(p->out, " |");
        }
        tdl_buf_char(p->out, '\n');
    }
    tdl_buf_char(p->out, '\n');
}

/* Differences between groups that are more than chance. */
static void put_differences(const tdl_page *p, const json_t *pairs)
{
    const json_t *pair;
    json_t *measure;
    const char *name;
    size_t i, told = 0;

    json_array_foreach(pairs, i, pair)
    {
        json_object_foreach((json_t *)pair, name, measure)
        {
            if (strcmp(tdl_page_text(measure, "verdict"), "evidence of a difference") != 0 ||
                told++ >= DIFFERENCES_TOLD)
                continue;
            tdl_buf_printf(p->out,
                           "- %s: ", tdl_page_tr(p, "evidence of a difference", "有差异的证据"));
            put_cell(p->out, tdl_page_text(pair, "a"));
            tdl_buf_text(p->out, " / ");
            put_cell(p->out, tdl_page_text(pair, "b"));
            tdl_buf_printf(p->out, ", %s %+.4f [%+.4f, %+.4f]\n", tdl_page_word(p, name),
                           tdl_page_number(measure, "difference"), tdl_page_number(measure, "low"),
                           tdl_page_number(measure, "high"));
        }
    }
    if (told > DIFFERENCES_TOLD)
        tdl_buf_printf(p->out, "- %s %zu\n", tdl_page_tr(p, "and others:", "其他："),
                       told - DIFFERENCES_TOLD);
    if (told)
        tdl_buf_char(p->out, '\n');
}

static void put_fairness(const tdl_page *p, const json_t *card)
{
    const json_t *fairness = json_object_get(card, "fairness"), *column;
    size_t i;

    if (!json_array_size(fairness))
        return;
    tdl_buf_printf(p->out, "## %s\n\n", tdl_page_tr(p, "Fairness", "公平性"));
    json_array_foreach(fairness, i, column)
    {
        const json_t *audit = json_object_get(column, "audit");

        tdl_buf_printf(p->out, "`%s`:\n\n", tdl_page_text(column, "column"));
        put_groups(p, json_object_get(audit, "groups"));
        put_differences(p, json_object_get(audit, "pairs"));
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

static void put_mitigation(const tdl_page *p, const json_t *card)
{
    const json_t *mitigation = json_object_get(card, "mitigation"), *group;
    bool selection = !strcmp(tdl_page_text(mitigation, "equal"), "selection");
    size_t i;

    if (!json_is_object(mitigation))
        return;
    tdl_buf_printf(
        p->out, "## %s\n\n%s `%s`: %s. %s: ", tdl_page_tr(p, "Thresholds by group", "分组阈值"),
        tdl_page_tr(p, "By", "按"), tdl_page_text(mitigation, "column"),
        selection
            ? tdl_page_tr(p, "each group is chosen at the same rate", "各组选中率相同")
            : tdl_page_tr(p, "of those who are positive, each group is found at the same rate",
                          "各组真正率相同"),
        tdl_page_tr(p, "Reason given", "给出的理由"));
    put_cell(p->out, tdl_page_text(mitigation, "reason"));
    tdl_buf_printf(p->out, "\n\n| %s | %s |\n|---|---|\n", tdl_page_tr(p, "group", "群体"),
                   tdl_page_tr(p, "threshold", "阈值"));
    json_array_foreach(json_object_get(mitigation, "groups"), i, group)
    {
        tdl_buf_text(p->out, "| ");
        put_cell(p->out, tdl_page_text(group, "group"));
        tdl_buf_printf(p->out, " | %.4f |\n", tdl_page_number(group, "threshold"));
    }
    tdl_buf_printf(p->out, "| %s | %.4f |\n\n| | %s | %s |\n|---|---|---|\n",
                   tdl_page_tr(p, "anybody else", "其他"), tdl_page_number(mitigation, "threshold"),
                   tdl_page_tr(p, "one threshold", "单一阈值"),
                   tdl_page_tr(p, "by group", "分组阈值"));
    for (i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        tdl_buf_printf(p->out, "| %s | ", tdl_page_tr(p, figures[i].en, figures[i].zh));
        tdl_page_put_number(
            p->out, tdl_page_number(json_object_get(mitigation, "before"), figures[i].name));
        tdl_buf_text(p->out, " | ");
        tdl_page_put_number(p->out,
                            tdl_page_number(json_object_get(mitigation, "after"), figures[i].name));
        tdl_buf_text(p->out, " |\n");
    }
    tdl_buf_printf(
        p->out, "\n%s\n\n",
        tdl_page_tr(p,
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

/* "constant" is a model too. */
static const char *leak_word(const tdl_page *p, const char *kind)
{
    return tdl_page_word(p, p->zh && !strcmp(kind, "constant") ? "constant_column" : kind);
}

static const struct way {
    const char *name, *en, *zh;
} ways[] = {
    {"threshold", "at the threshold", "按该阈值"},
    {"half", "at .5", "按 .5"},
    {"no", "all \"no\"", "全部判否"},
    {"yes", "all \"yes\"", "全部判是"},
};

static void put_decision(const tdl_page *p, const json_t *card)
{
    const json_t *decision = json_object_get(card, "decision"), *saved;

    if (!json_is_object(decision))
        return;
    tdl_buf_printf(p->out,
                   tdl_page_tr(p,
                               "## What deciding costs\n\nA wrong yes costs %g, a wrong no %g: the "
                               "threshold is %.4f.\n\n| decided | cost per row |\n|---|---|\n",
                               "## 决策代价\n\n误判为是代价 %g，误判为否代价 %g：阈值为 "
                               "%.4f。\n\n| 决策 | 每行代价 |\n|---|---|\n"),
                   tdl_page_number(decision, "cost_fp"), tdl_page_number(decision, "cost_fn"),
                   tdl_page_number(decision, "threshold"));
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        tdl_buf_printf(p->out, "| %s | %.4f |\n", tdl_page_tr(p, ways[i].en, ways[i].zh),
                       tdl_page_number(json_object_get(decision, "cost"), ways[i].name));
    saved = json_object_get(decision, "saved");
    tdl_buf_printf(p->out,
                   tdl_page_tr(p,
                               "\nAgainst the cheapest of the others it saves %.4f a row [%.4f, "
                               "%.4f], on rows not learnt from.\n\n",
                               "\n与其余最省的决策相比每行少 %.4f [%.4f, "
                               "%.4f]，在未参与训练的行上评测。\n\n"),
                   tdl_page_number(saved, "value"), tdl_page_number(saved, "low"),
                   tdl_page_number(saved, "high"));
}

static void put_limits(const tdl_page *p, const json_t *card)
{
    const json_t *note, *leak;
    size_t i;

    tdl_buf_printf(p->out, "## %s\n\n", tdl_page_tr(p, "Limits", "局限"));
    tdl_buf_printf(
        p->out, "- %s\n",
        tdl_page_tr(p,
                    "The figures hold for rows like those it was trained on; a change of prices, "
                    "seasons or customers can make them untrue.",
                    "这些数字只适用于与训练数据相似的行；价格、季节或客户变化后可能不再成立。"));
    tdl_buf_printf(
        p->out, "- %s\n",
        tdl_page_tr(p,
                    "The choice of the model was made on the same folds: its own figure is a "
                    "little too good. `treadle fit --nested` measures without that.",
                    "模型是在同样的折上选出的，其数字略偏乐观；`treadle fit --nested` 可避免。"));
    json_array_foreach(json_object_get(card, "notes"), i, note)
    {
        for (size_t k = 0; k < sizeof notes / sizeof notes[0]; k++)
            if (json_is_string(note) && !strcmp(json_string_value(note), notes[k].name))
                tdl_buf_printf(p->out, "- %s\n", tdl_page_tr(p, notes[k].en, notes[k].zh));
    }
    json_array_foreach(json_object_get(card, "leaks"), i, leak)
    {
        tdl_buf_printf(p->out, "- %s: `", leak_word(p, tdl_page_text(leak, "kind")));
        put_cell(p->out, tdl_page_text(leak, "column"));
        tdl_buf_text(p->out, "`\n");
    }
}

void tdl_card_markdown(const json_t *card, const char *language, const char *hash, tdl_buf *out)
{
    const tdl_page p = {out, !strncmp(language, "zh", 2)};

    if (!strcmp(tdl_page_text(card, "task"), "forecast")) {
        tdl_forecast_card_markdown(card, language, hash, out);
        return;
    }
    put_head(&p, card, hash);
    put_leaderboard(&p, card);
    put_chosen(&p, card);
    put_quality(&p, card);
    put_decision(&p, card);
    put_importance(&p, card);
    put_fairness(&p, card);
    put_mitigation(&p, card);
    put_limits(&p, card);
}
