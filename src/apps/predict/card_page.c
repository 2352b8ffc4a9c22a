#include "apps/predict/card_page.h"

void tdl_page_put_statistic(const tdl_page *p, const json_t *card)
{
    const json_t *interval = json_object_get(card, "interval");

    if (!json_is_object(interval)) // a card of before
        return;
    tdl_buf_printf(p->out,
                   tdl_page_tr(p,
                               "Every figure is the mean over %lld folds of rows not learnt from; "
                               "its 95 %% interval, and that of a difference, is of %lld draws of "
                               "rows within folds.",
                               "每个数字都是 %lld 个折（均未参与训练）的平均值；其 95 %% "
                               "区间及差值的区间由折内重抽样 %lld 次得到。"),
                   tdl_page_count(json_object_get(card, "split"), "folds"),
                   tdl_page_count(interval, "resamples"));
}

void tdl_page_put_budget(const tdl_page *p, const json_t *card)
{
    const json_t *search = json_object_get(card, "search"), *name;
    const json_t *cut_off = json_object_get(search, "cut_off");
    size_t i;

    if (!json_array_size(cut_off))
        return;
    tdl_buf_printf(
        p->out,
        tdl_page_tr(p,
                    "Left out, as too slow or for want of time within the budget of %.0f s "
                    "(what took part was estimated at %.0f s):",
                    "过慢，或在 %.0f 秒的预算内时间不足而未参加（参加者估计共需 %.0f 秒）："),
        tdl_page_number(search, "budget_seconds"),
        ceil(tdl_page_number(search, "estimated_seconds")));
    json_array_foreach(cut_off, i, name)
    {
        if (json_is_string(name))
            tdl_buf_printf(p->out, "%s%s", i ? ", " : p->zh ? "" : " ", json_string_value(name));
    }
    tdl_buf_char(p->out, '\n');
}
