#include "apps/predict/forecast_card.h"

#include <math.h>
#include <string.h>

#include "base/timestamp.h"

/* ---- making ---- */

/* Mean over series of the least score among those with a weight; NaN: none was measured. */
static double score_of(const tdl_forecaster *f)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < tdl_forecaster_series(f); i++) {
        const tdl_selection *s = tdl_forecaster_chosen(f, i);
        double least = HUGE_VAL;

        for (size_t e = 0; e < s->entrants_n; e++)
            if (s->entrant[e].weight > 0 && s->entrant[e].score < least)
                least = s->entrant[e].score;
        sum += isfinite(least) ? least : 0;
        n += isfinite(least) ? 1 : 0;
    }
    return n ? sum / (double)n : (double)NAN;
}

/* In how many series each member has a weight. Of "ridge 48/3" the member is "ridge". */
typedef struct member_count {
    char name[TDL_VARIANT_NAME_MAX];
    size_t series, last; /* last: the one it was counted in, from 1 */
} member_count;

enum { MEMBERS_MAX = 32 };

static size_t count_members(const tdl_forecaster *f, member_count ret[MEMBERS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < tdl_forecaster_series(f); i++) {
        const tdl_selection *s = tdl_forecaster_chosen(f, i);

        for (size_t e = 0; e < s->entrants_n; e++) {
            char label[TDL_VARIANT_NAME_MAX];
            size_t k = 0;

            if (!(s->entrant[e].weight > 0))
                continue;
            tdl_entrant_label(s, e, label);
            label[strcspn(label, " ")] = 0;
            while (k < n && strcmp(ret[k].name, label) != 0)
                k++;
            if (k == MEMBERS_MAX)
                continue;
            if (k == n) {
                memcpy(ret[n].name, label, sizeof label);
                ret[n].series = ret[n].last = 0;
                n++;
            }
            ret[k].series += ret[k].last != i + 1;
            ret[k].last = i + 1;
        }
    }
    return n;
}

static void write_reading(const tdl_series_options *o, tdl_jw *w)
{
    tdl_jw_key(w, "reading");
    tdl_jw_object(w);
    tdl_jw_kstr(w, "time", o->time);
    tdl_jw_kstr(w, "value", o->value);
    tdl_jw_kstr(w, "series", o->series);
    tdl_jw_ktext(w, "layout", tdl_layout_name(o->layout));
    tdl_jw_ktext(w, "aggregate", tdl_aggregate_name(o->aggregate));
    tdl_jw_kint(w, "period", (int64_t)o->period);
    tdl_jw_end_object(w);
}

static void write_size(const tdl_forecaster *f, tdl_jw *w)
{
    const tdl_forecast_task *task = &tdl_forecaster_chosen(f, 0)->task;
    size_t points = 0, filled = 0;
    tdl_buf step = {0};

    for (size_t i = 0; i < tdl_forecaster_series(f); i++) {
        points += tdl_forecaster_at(f, i)->n;
        filled += tdl_forecaster_at(f, i)->filled;
    }
    tdl_step_print(tdl_forecaster_step(f), &step);
    tdl_jw_kint(w, "rows", (int64_t)points);
    tdl_jw_kint(w, "series", (int64_t)tdl_forecaster_series(f));
    tdl_jw_kint(w, "filled", (int64_t)filled);
    tdl_jw_kint(w, "horizon", (int64_t)tdl_forecaster_horizon(f));
    tdl_jw_kstr(w, "step", tdl_buf_view(&step));
    tdl_jw_kint(w, "period", task->periods_n ? (int64_t)task->period[0] : 0);
    tdl_buf_release(&step);
}

static void write_members(const tdl_forecaster *f, const tdl_forecast_about *about, tdl_jw *w)
{
    const tdl_backtest *b = about->backtest;
    member_count member[MEMBERS_MAX];
    size_t n = count_members(f, member);

    tdl_jw_ktext(w, "metric", "mase");
    tdl_jw_key(w, "chosen");
    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", n == 1 ? member[0].name : "forecaster");
    tdl_jw_knumber(w, "value", b && b->lines_n ? b->line[0].mase : score_of(f));
    tdl_jw_end_object(w);
    tdl_jw_key(w, "members");
    tdl_jw_array(w);
    for (size_t k = 0; k < n; k++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", member[k].name);
        tdl_jw_kint(w, "series", (int64_t)member[k].series);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

tdl_status tdl_forecast_card(const tdl_forecaster *f, const tdl_forecast_about *about, json_t **ret,
                             tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "task", "forecast");
    tdl_jw_ktext(&w, "name", about->name);
    tdl_jw_ktime(&w, "created", tdl_time_now());
    tdl_jw_ktext(&w, "source", about->source);
    tdl_jw_key(&w, "target");
    tdl_jw_object(&w);
    if (about->reading->value.len)
        tdl_jw_kstr(&w, "column", about->reading->value);
    else // a series each: the first stands for them
        tdl_jw_ktext(&w, "column", tdl_forecaster_at(f, 0)->name);
    tdl_jw_end_object(&w);
    write_size(f, &w);
    write_members(f, about, &w);
    write_reading(about->reading, &w);
    if (about->backtest && about->backtest->lines_n) {
        tdl_jw_key(&w, "backtest");
        tdl_backtest_write(about->backtest, &w);
    }
    tdl_jw_end_object(&w);
    st = text.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the card")
                     : tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, ret, why);
    tdl_buf_release(&text);
    return st;
}

/* ---- reading a newer table ---- */

tdl_status tdl_forecast_card_reading(const json_t *card, tdl_series_options *ret, tdl_report *why)
{
    const json_t *reading = json_object_get(card, "reading");
    tdl_str layout = {0}, aggregate = {0};
    int64_t period = 0;

    *ret = (tdl_series_options){0};
    tdl_json_get_str(reading, "layout", &layout);
    tdl_json_get_str(reading, "aggregate", &aggregate);
    if (!tdl_json_get_str(reading, "time", &ret->time) ||
        !tdl_json_get_str(reading, "value", &ret->value) ||
        !tdl_json_get_str(reading, "series", &ret->series) ||
        !tdl_json_get_int(reading, "period", &period) || period < 0 ||
        (layout.len && !tdl_layout_find(layout, &ret->layout)) ||
        (aggregate.len && !tdl_aggregate_find(aggregate, &ret->aggregate)))
        return TDL_FAIL(why, TDL_E_CORRUPT, "the card does not say how its table is read");
    ret->period = (size_t)period;
    return TDL_OK;
}

/* ---- Markdown ---- */

typedef struct page {
    const json_t *card;
    bool chinese;
    tdl_buf *out;
} page;

__attribute__((format_arg(2), format_arg(3))) static const char *
tr(const page *p, const char *english, const char *chinese)
{
    return p->chinese ? chinese : english;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "-";
}

static long long count_of(const json_t *object, const char *key)
{
    int64_t n = 0;

    tdl_json_get_int(object, key, &n);
    return (long long)n;
}

static void put_figure(const page *p, const json_t *object, const char *key)
{
    double value;

    if (tdl_json_get_number(object, key, &value))
        tdl_buf_printf(p->out, " %.4g |", value);
    else
        tdl_buf_text(p->out, " - |");
}

static void put_line(const page *p, const json_t *line, const char *name)
{
    static const char *const figures[] = {"mase", "smape", "rmse", "mae"};

    tdl_buf_printf(p->out, "| %s |", name);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        put_figure(p, line, figures[i]);
    tdl_buf_char(p->out, '\n');
}

static void put_backtest(const page *p)
{
    const json_t *test = json_object_get(p->card, "backtest"), *interval;
    double level, coverage;
    size_t i;

    tdl_buf_printf(p->out, "## %s\n\n", tr(p, "How good it is", "质量"));
    if (!test) {
        tdl_buf_printf(
            p->out, "%s\n",
            tr(p, "Not back-tested: `--backtest` beside `--save` measures it on its last steps.",
               "未回测：保存时加 `--backtest` 可在最后若干步上评测。"));
        return;
    }
    tdl_buf_printf(p->out, tr(p, "Back-test, origins: %lld\n\n", "回测，起点数：%lld\n\n"),
                   count_of(test, "origins"));
    tdl_buf_text(p->out, "| | MASE | sMAPE | RMSE | MAE |\n|---|---:|---:|---:|---:|\n");
    put_line(p, json_array_get(json_object_get(test, "leaderboard"), 0),
             tr(p, "forecaster", "预测模型"));
    put_line(p, json_object_get(test, "baseline"),
             tr(p, "seasonal naive (baseline)", "季节朴素（基线）"));
    if (json_is_true(json_object_get(test, "baseline_wins")))
        tdl_buf_printf(p->out, "\n%s\n", tr(p, "**The baseline wins.**", "**基线更好。**"));
    tdl_buf_char(p->out, '\n');
    json_array_foreach(json_object_get(test, "intervals"), i, interval)
    {
        if (tdl_json_get_number(interval, "level", &level) &&
            tdl_json_get_number(interval, "coverage", &coverage))
            tdl_buf_printf(
                p->out, tr(p, "- interval %g %%: measured %.1f %%\n", "- 区间 %g%%：实测 %.1f%%\n"),
                100 * level, 100 * coverage);
    }
}

void tdl_forecast_card_markdown(const json_t *card, const char *language, const char *hash,
                                tdl_buf *out)
{
    const page p = {card, !strncmp(language, "zh", 2), out};
    const json_t *member;
    size_t i;

    tdl_buf_printf(out, "# %s: %s\n\n", tr(&p, "Model card", "模型卡"), text_of(card, "name"));
    tdl_buf_printf(out,
                   tr(&p, "Forecasts %lld steps of %s for %lld series; season %lld.\n\n",
                      "预测 %lld 步（步长 %s），%lld 个序列；季节周期 %lld。\n\n"),
                   count_of(card, "horizon"), text_of(card, "step"), count_of(card, "series"),
                   count_of(card, "period"));
    tdl_buf_printf(out, "- %s: %s\n- %s: %s\n", tr(&p, "made", "生成"), text_of(card, "created"),
                   tr(&p, "from", "来源"), text_of(card, "source"));
    tdl_buf_printf(
        out, tr(&p, "- %lld points, of them %lld filled\n", "- %lld 个点，其中补齐 %lld 个\n"),
        count_of(card, "rows"), count_of(card, "filled"));
    if (hash)
        tdl_buf_printf(out, "- BLAKE2b-256: `%s`\n", hash);
    tdl_buf_printf(out, "\n## %s\n\n", tr(&p, "What forecasts", "由什么预测"));
    json_array_foreach(json_object_get(card, "members"), i, member)
    {
        tdl_buf_printf(out, tr(&p, "- %s: in %lld series\n", "- %s：%lld 个序列\n"),
                       text_of(member, "name"), count_of(member, "series"));
    }
    tdl_buf_char(out, '\n');
    put_backtest(&p);
}
