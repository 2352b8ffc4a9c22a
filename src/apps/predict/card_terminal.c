/* The card for terminals. */
#include "apps/predict/card_page.h"

static void put_padded(tdl_buf *out, const char *text, int width)
{
    tdl_buf_printf(out, "%-*s", width, text);
}

static void leaderboard_row(const tdl_page *p, const json_t *entry)
{
    tdl_buf *out = p->out;
    const char *left_out = tdl_page_text(entry, "left_out");

    put_padded(out, tdl_page_text(entry, "model"), 16);
    if (left_out[0]) {
        tdl_buf_text(out, "  -  ");
        tdl_page_put_reason(p, left_out);
        tdl_buf_char(out, '\n');
        return;
    }
    tdl_buf_printf(out, "  %8.4f  +-%.4f  [%.4f, %.4f]  %8.1f s", tdl_page_number(entry, "value"),
                   tdl_page_number(entry, "standard_error"), tdl_page_number(entry, "low"),
                   tdl_page_number(entry, "high"), tdl_page_number(entry, "seconds"));
    if (tdl_page_number(entry, "weight") > 0)
        tdl_buf_printf(out, "  <- %.2f", tdl_page_number(entry, "weight"));
    tdl_buf_char(out, '\n');
}

static void put_decision(const tdl_page *p, const json_t *card)
{
    const json_t *decision = json_object_get(card, "decision"), *cost, *saved;

    if (!json_is_object(decision))
        return;
    cost = json_object_get(decision, "cost");
    saved = json_object_get(decision, "saved");
    tdl_buf_printf(
        p->out,
        tdl_page_tr(
            p,
            "threshold %.4f for costs %g:%g: %.4f a row; %.4f at .5, %.4f if all are "
            "\"no\", %.4f if all are \"yes\"; saves %.4f [%.4f, %.4f] over the cheapest of "
            "these\n",
            "阈值 %.4f（代价 %g:%g）：每行代价 %.4f；阈值 .5 时 %.4f，全部判否 %.4f，全部判是 "
            "%.4f；比其中最省的少 %.4f [%.4f, %.4f]\n"),
        tdl_page_number(decision, "threshold"), tdl_page_number(decision, "cost_fp"),
        tdl_page_number(decision, "cost_fn"), tdl_page_number(cost, "threshold"),
        tdl_page_number(cost, "half"), tdl_page_number(cost, "no"), tdl_page_number(cost, "yes"),
        tdl_page_number(saved, "value"), tdl_page_number(saved, "low"),
        tdl_page_number(saved, "high"));
}

void tdl_card_leaderboard(const json_t *card, const char *language, tdl_buf *out)
{
    const tdl_page p = {out, !strncmp(language, "zh", 2)};
    const json_t *chosen = json_object_get(card, "chosen"), *entry, *gain;
    size_t i;

    tdl_buf_printf(
        out, "%-16s  %8s  %s\n", tdl_page_tr(&p, "model", "模型"), tdl_page_text(card, "metric"),
        tdl_page_tr(&p, "+-standard error  [95 % interval]  time  <- weight in what serves",
                    "+-标准误  [95 % 区间]  用时  <- 在服务模型中的权重"));
    json_array_foreach(json_object_get(card, "leaderboard"), i, entry)
    {
        leaderboard_row(&p, entry);
    }
    tdl_buf_printf(out, "%s: %s, %s %.4f +-%.4f\n", tdl_page_tr(&p, "serves", "服务模型"),
                   tdl_page_text(chosen, "model"), tdl_page_text(card, "metric"),
                   tdl_page_number(chosen, "value"), tdl_page_number(chosen, "standard_error"));
    json_array_foreach(json_object_get(card, "gain"), i, gain)
    {
        tdl_buf_printf(out, "  %s %s: %+.4f [%+.4f, %+.4f]\n", tdl_page_tr(&p, "against", "对比"),
                       tdl_page_text(gain, "over"), tdl_page_number(gain, "value"),
                       tdl_page_number(gain, "low"), tdl_page_number(gain, "high"));
    }
    tdl_page_put_statistic(&p, card);
    tdl_buf_char(out, '\n');
    tdl_page_put_budget(&p, card);
    put_decision(&p, card);
}
