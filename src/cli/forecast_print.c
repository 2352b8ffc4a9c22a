#include "cli/forecast_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/whole_file.h"

enum { LINES_SHOWN = 12 };

/* ---- one series ---- */

typedef struct ask {
    double *mean, *low, *high; /* [horizon], [levels][horizon] twice */
    tdl_forecast forecast;
} ask;

static tdl_status ask_new(const tdl_forecast_job *job, ask *ret, tdl_report *why)
{
    size_t levels = job->levels_n ? job->levels_n : 1;

    *ret = (ask){.mean = malloc(job->horizon * sizeof *ret->mean),
                 .low = malloc(levels * job->horizon * sizeof *ret->low),
                 .high = malloc(levels * job->horizon * sizeof *ret->high)};
    ret->forecast = (tdl_forecast){.mean = ret->mean, .low = ret->low, .high = ret->high};
    if (ret->mean && ret->low && ret->high)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu steps", job->horizon);
}

static void ask_release(ask *a)
{
    free(a->mean);
    free(a->low);
    free(a->high);
}

/* The series that are told of: those of a newer table, else those of the forecaster. */
static size_t series_shown(const tdl_forecast_job *job)
{
    return job->newer ? job->set.series_n : tdl_forecaster_series(job->forecaster);
}

static const tdl_series *series_at(const tdl_forecast_job *job, size_t i)
{
    return job->newer ? &job->set.series[i] : tdl_forecaster_at(job->forecaster, i);
}

/* SIZE_MAX: the forecaster has not seen it. */
static size_t fitted_of(const tdl_forecast_job *job, size_t i)
{
    size_t of = i;

    if (job->newer &&
        !tdl_forecaster_find(job->forecaster, tdl_str_of(job->set.series[i].name), &of))
        return SIZE_MAX;
    return of;
}

/* Intervals go along with the forecast that was moved. */
static void agree(const tdl_forecast_job *job, size_t i, ask *a)
{
    for (size_t h = 0; h < job->horizon; h++) {
        double moved = job->agreed[i * job->horizon + h] - a->mean[h];

        a->mean[h] += moved;
        for (size_t k = 0; k < job->levels_n; k++) {
            a->low[k * job->horizon + h] += moved;
            a->high[k * job->horizon + h] += moved;
        }
    }
}

static tdl_status ask_of(const tdl_forecast_job *job, size_t i, ask *a, tdl_report *why)
{
    const tdl_series *newer = job->newer ? &job->set.series[i] : NULL;
    tdl_status st = tdl_forecaster_predict(
        job->forecaster, fitted_of(job, i), newer ? newer->y : NULL, newer ? newer->n : 0,
        job->horizon, job->level, job->levels_n, &a->forecast, why);

    if (!st && job->agreed)
        agree(job, i, a);
    return st;
}

static void time_of(const tdl_forecast_job *job, const tdl_series *s, size_t h, char *ret)
{
    double time = tdl_step_time(job->set.step, s->start, s->n + h);

    if (job->set.step.unit == TDL_STEP_INDEX)
        snprintf(ret, TDL_TIME_TEXT_MAX, "%.15g", time);
    else
        tdl_time_format((int64_t)nearbyint(time * 1e6), ret);
}

static tdl_status stock_of(const tdl_forecast_job *job, size_t series, const ask *a, tdl_stock *ret,
                           tdl_report *why)
{
    tdl_demand demand = {.mean = a->mean, .horizon = job->horizon};
    size_t fitted = fitted_of(job, series);
    tdl_status st;

    if (fitted != SIZE_MAX)
        demand.residual = tdl_forecaster_residuals(job->forecaster, fitted, &demand.paths_n);
    st = tdl_stock_plan(&demand, &job->stock, ret, why);
    if (st)
        tdl_report_prefix(why, "series %s", series_at(job, series)->name);
    return st;
}

/* ---- CSV ---- */

static void print_quoted(FILE *out, const char *text)
{
    bool quote = strpbrk(text, ",\"\r\n") != NULL;

    if (!quote) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_cell(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, ",%.9g", value);
    else
        fprintf(out, ",%s", value > 0 ? "inf" : "-inf");
}

static tdl_status write_csv(void *context, FILE *out, tdl_report *why)
{
    const tdl_forecast_job *job = context;
    char time[TDL_TIME_TEXT_MAX];
    ask a;
    tdl_status st = ask_new(job, &a, why);

    if (st)
        goto out;
    fputs("series,time,forecast", out);
    for (size_t k = 0; k < job->levels_n; k++)
        fprintf(out, ",low_%g,high_%g", 100 * job->level[k], 100 * job->level[k]);
    fputc('\n', out);
    for (size_t i = 0; i < series_shown(job); i++) {
        const tdl_series *s = series_at(job, i);

        if ((st = ask_of(job, i, &a, why)))
            goto out;
        for (size_t h = 0; h < job->horizon; h++) {
            print_quoted(out, s->name);
            time_of(job, s, h, time);
            fprintf(out, ",%s", time);
            print_cell(out, a.mean[h]);
            for (size_t k = 0; k < job->levels_n; k++) {
                print_cell(out, a.low[k * job->horizon + h]);
                print_cell(out, a.high[k * job->horizon + h]);
            }
            fputc('\n', out);
        }
    }
out:
    ask_release(&a);
    return st;
}

/* ---- texts ---- */

static void print_found(const tdl_forecast_job *job, FILE *out)
{
    const tdl_series_set *set = &job->set;
    tdl_buf step = {0};

    tdl_step_print(set->step, &step);
    fprintf(out, tdl_tr("%zu series, a step of %s, ", "%zu 个序列，步长 %s，"),
            job->forecaster ? series_shown(job) : set->series_n, step.at ? step.at : "");
    if (set->periods_n)
        fprintf(out, tdl_tr("season %zu%s", "季节周期 %zu%s"), set->period[0],
                set->period_found ? tdl_tr(" (found)", "（自动识别）") : "");
    else
        fprintf(out, "%s", tdl_tr("no season", "无季节性"));
    if (set->filled)
        fprintf(out, tdl_tr("; %zu missing steps filled", "；补齐 %zu 个缺失步"), set->filled);
    if (set->aggregated)
        fprintf(out, tdl_tr("; %zu values joined", "；合并 %zu 个同时值"), set->aggregated);
    if (set->sorted)
        fprintf(out, "%s", tdl_tr("; rows were put in order of time", "；已按时间排序"));
    fputc('\n', out);
    tdl_buf_release(&step);
}

/* Of the variants of a member ("ridge 48/3", "ridge 48/10") only the best is shown. */
static bool first_of_kind(const tdl_backtest *b, size_t line)
{
    size_t n = strcspn(b->line[line].name, " ");

    for (size_t i = 0; i < line; i++)
        if (strcspn(b->line[i].name, " ") == n && !strncmp(b->line[i].name, b->line[line].name, n))
            return false;
    return true;
}

static void print_line(const tdl_backtest_line *l, const char *name, FILE *out)
{
    fprintf(out, "%-26s %9.3f %8.3f %8.3f %11.5g %11.5g %7zu %7zu\n", name, l->smape, l->mase,
            l->owa, l->rmse, l->mae, l->chosen, l->forecasts);
}

void tdl_forecast_print_verdict(const tdl_backtest *b, FILE *out)
{
    if (tdl_backtest_baseline_wins(b))
        fprintf(out, "%s",
                tdl_tr("the seasonal naive is as good or better: what repeats the last season is "
                       "enough here\n",
                       "季节朴素法同样好或更好：重复上一季节就足够了\n"));
}

static void print_backtest(const tdl_forecast_job *job, FILE *out)
{
    const tdl_backtest *b = &job->backtest;

    fprintf(out, "%-26s %9s %8s %8s %11s %11s %7s %7s\n", tdl_tr("back-test", "回测"), "sMAPE",
            "MASE", "OWA", "RMSE", "MAE", tdl_tr("chosen", "入选"), tdl_tr("of", "总数"));
    for (size_t i = 0; i < b->lines_n; i++) {
        if (first_of_kind(b, i))
            print_line(&b->line[i], b->line[i].name, out);
        if (i == 0)
            print_line(&b->baseline, tdl_tr("seasonal naive (baseline)", "季节朴素（基线）"), out);
    }
    tdl_forecast_print_verdict(b, out);
    if (job->parent)
        fprintf(out, "%s",
                tdl_tr("measured before sums and parts were made to agree\n",
                       "以上为总和与各部分协调之前的评测\n"));
    for (size_t k = 0; k < b->levels_n; k++)
        fprintf(out,
                tdl_tr("interval %g %%: measured %.1f %%, worst series %.1f %%\n",
                       "区间 %g%%：实测 %.1f%%，最差序列 %.1f%%\n"),
                100 * b->level[k], 100 * b->coverage[k], 100 * b->worst[k]);
    if (b->infinite)
        fprintf(out,
                tdl_tr("%zu intervals are infinite: too few past forecasts for the level\n",
                       "%zu 个区间为无穷：历史预测数不足以支持该水平\n"),
                b->infinite);
    if (b->too_short)
        fprintf(out,
                tdl_tr("%zu series are too short to be tested\n", "%zu 个序列太短，无法回测\n"),
                b->too_short);
}

static void print_chosen(const tdl_forecast_job *job, FILE *out)
{
    for (size_t i = 0; i < series_shown(job) && i < LINES_SHOWN; i++) {
        size_t fitted = fitted_of(job, i);
        char name[TDL_VARIANT_NAME_MAX];
        const char *and = "";

        fprintf(out, "%-20s ", series_at(job, i)->name);
        if (fitted == SIZE_MAX) {
            fprintf(out, "%s\n",
                    tdl_tr("new: as the series it is most like", "新序列：按最相似的序列预测"));
            continue;
        }
        const tdl_selection *s = tdl_forecaster_chosen(job->forecaster, fitted);
        for (size_t e = 0; e < s->entrants_n; e++)
            if (s->entrant[e].weight > 0) {
                tdl_entrant_label(s, e, name);
                fprintf(out, "%s%s %.0f %%", and, name, 100 * s->entrant[e].weight);
                and = " + ";
            }
        if (!s->origins_n)
            fprintf(out, "%s",
                    tdl_tr(" (too short to choose: the floor model)", "（太短：仅用基线模型）"));
        fputc('\n', out);
    }
}

static tdl_status print_stock(const tdl_forecast_job *job, FILE *out, tdl_report *why)
{
    ask a;
    tdl_status st = ask_new(job, &a, why);

    if (!st)
        fprintf(out, "%-20s %12s %12s %12s %12s %12s %12s\n", tdl_tr("stock", "库存"),
                tdl_tr("demand", "需求"), tdl_tr("safety", "安全库存"),
                tdl_tr("reorder at", "再订货点"), tdl_tr("order up to", "补货至"),
                tdl_tr("order now", "现在订"), "EOQ");
    for (size_t i = 0; i < series_shown(job) && !st; i++) {
        tdl_stock s;

        if ((st = ask_of(job, i, &a, why)) || (st = stock_of(job, i, &a, &s, why)))
            break;
        fprintf(out, "%-20s %12.5g %12.5g %12.5g %12.5g %12.5g", series_at(job, i)->name,
                s.expected, s.safety, s.reorder_point, s.order_up_to, s.order);
        if (isfinite(s.eoq))
            fprintf(out, " %12.5g\n", s.eoq);
        else
            fprintf(out, " %12s\n", "-");
    }
    ask_release(&a);
    return st;
}

/* ---- JSON ---- */

static void json_numbers(tdl_jw *w, const char *key, const double *value, size_t n)
{
    tdl_jw_key(w, key);
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++)
        tdl_jw_number(w, value[i]);
    tdl_jw_end_array(w);
}

/* What forecasts a series; nothing of one that is new. */
static void json_models(const tdl_forecast_job *job, size_t fitted, tdl_jw *w)
{
    char text[TDL_VARIANT_NAME_MAX];

    tdl_jw_key(w, "models");
    tdl_jw_array(w);
    if (fitted != SIZE_MAX) {
        const tdl_selection *chosen = tdl_forecaster_chosen(job->forecaster, fitted);

        for (size_t e = 0; e < chosen->entrants_n; e++)
            if (chosen->entrant[e].weight > 0) {
                tdl_jw_object(w);
                tdl_entrant_label(chosen, e, text);
                tdl_jw_ktext(w, "name", text);
                tdl_jw_knumber(w, "weight", chosen->entrant[e].weight);
                tdl_jw_knumber(w, "score", chosen->entrant[e].score);
                tdl_jw_end_object(w);
            }
    }
    tdl_jw_end_array(w);
}

static tdl_status json_series(const tdl_forecast_job *job, size_t i, ask *a, tdl_jw *w,
                              tdl_report *why)
{
    const tdl_series *s = series_at(job, i);
    size_t fitted = fitted_of(job, i);
    char text[TDL_TIME_TEXT_MAX];
    tdl_stock stock;
    tdl_status st = ask_of(job, i, a, why);

    if (st || (job->stock.lead_time && (st = stock_of(job, i, a, &stock, why))))
        return st;
    tdl_jw_object(w);
    tdl_jw_ktext(w, "name", s->name);
    tdl_jw_kint(w, "points", (int64_t)s->n);
    tdl_jw_kint(w, "filled", (int64_t)s->filled);
    tdl_jw_kbool(w, "floor", a->forecast.floor);
    json_models(job, fitted, w);
    time_of(job, s, 0, text);
    tdl_jw_ktext(w, "first", text);
    json_numbers(w, "forecast", a->mean, job->horizon);
    tdl_jw_key(w, "intervals");
    tdl_jw_array(w);
    for (size_t k = 0; k < job->levels_n; k++) {
        tdl_jw_object(w);
        tdl_jw_knumber(w, "level", job->level[k]);
        json_numbers(w, "low", a->low + k * job->horizon, job->horizon);
        json_numbers(w, "high", a->high + k * job->horizon, job->horizon);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    if (job->stock.lead_time) {
        tdl_jw_key(w, "stock");
        tdl_jw_object(w);
        tdl_jw_knumber(w, "expected_demand", stock.expected);
        tdl_jw_knumber(w, "safety_stock", stock.safety);
        tdl_jw_knumber(w, "reorder_point", stock.reorder_point);
        tdl_jw_knumber(w, "order_up_to", stock.order_up_to);
        tdl_jw_knumber(w, "order", stock.order);
        tdl_jw_knumber(w, "eoq", stock.eoq);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_object(w);
    return TDL_OK;
}

static tdl_status print_json(const tdl_forecast_job *job, tdl_report *why)
{
    tdl_buf out = {.limit = (size_t)1 << 30};
    tdl_jw w = {.out = &out};
    tdl_buf step = {0};
    ask a = {0};
    tdl_status st = ask_new(job, &a, why);

    if (st)
        goto out;
    tdl_step_print(job->set.step, &step);
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "horizon", (int64_t)job->horizon);
    tdl_jw_ktext(&w, "step", step.at);
    tdl_jw_kint(&w, "period", job->set.periods_n ? (int64_t)job->set.period[0] : 0);
    tdl_jw_kbool(&w, "period_found", job->set.period_found);
    tdl_jw_kint(&w, "filled", (int64_t)job->set.filled);
    tdl_jw_kint(&w, "aggregated", (int64_t)job->set.aggregated);
    if (job->tested) {
        tdl_jw_key(&w, "backtest");
        tdl_backtest_write(&job->backtest, &w);
    }
    if (job->forecaster) {
        tdl_jw_key(&w, "series");
        tdl_jw_array(&w);
        for (size_t i = 0; i < series_shown(job) && !st; i++)
            st = json_series(job, i, &a, &w, why);
        tdl_jw_end_array(&w);
    }
    tdl_jw_end_object(&w);
    if (!st && out.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the answer");
    if (!st)
        printf("%s\n", out.at);
out:
    ask_release(&a);
    tdl_buf_release(&step);
    tdl_buf_release(&out);
    return st;
}

tdl_status tdl_forecast_print(const tdl_forecast_job *job, const tdl_forecast_values *v,
                              tdl_report *why)
{
    FILE *text = job->forecaster ? stderr : stdout;
    tdl_status st = TDL_OK;

    if (v->common.json)
        return print_json(job, why);
    if (!v->common.quiet || !job->forecaster) {
        print_found(job, text);
        if (job->tested)
            print_backtest(job, text);
        if (job->forecaster)
            print_chosen(job, text);
    }
    if (job->forecaster && job->stock.lead_time)
        st = print_stock(job, text, why);
    if (!st && job->forecaster)
        st = tdl_whole_file_or_stdout(v->output ? v->output : "-", write_csv, (void *)job, why);
    return st;
}
