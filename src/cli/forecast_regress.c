#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/forecast_print.h"
#include "cli/whole_file.h"
#include "forecast/regression.h"
#include "stats/conformal.h"
#include "stats/regress.h"
#include "table/read.h"

typedef struct regress {
    const tdl_forecast_job *job;
    const tdl_forecast_values *v;
    tdl_frame frame;
    size_t time, value;       /* columns */
    uint32_t *known, *future; /* rows with a value; later ones without */
    size_t known_n, future_n;
    tdl_regression *model;
    double *forecast; /* [future_n] */
    double half[TDL_LEVELS_MAX];
} regress;

/* ---- rows ---- */

static int by_time(const void *left, const void *right, void *context)
{
    const double *time = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    if (time[a] != time[b])
        return time[a] < time[b] ? -1 : 1;
    return a < b ? -1 : a > b;
}

static tdl_status find_rows(regress *r, tdl_report *why)
{
    const tdl_column *time = &r->frame.column[r->time], *value = &r->frame.column[r->value];
    double last = -HUGE_VAL;

    r->known = malloc((r->frame.rows + 1) * sizeof *r->known);
    r->future = malloc((r->frame.rows + 1) * sizeof *r->future);
    if (!r->known || !r->future)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", r->frame.rows);
    for (size_t i = 0; i < r->frame.rows; i++) {
        if (!isfinite(time->number[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu has no time in column %s", i + 1,
                            time->name);
        if (isfinite(value->number[i])) {
            r->known[r->known_n++] = (uint32_t)i;
            last = fmax(last, time->number[i]);
        }
    }
    for (size_t i = 0; i < r->frame.rows; i++)
        if (!isfinite(value->number[i]) && time->number[i] > last)
            r->future[r->future_n++] = (uint32_t)i;
    qsort_r(r->known, r->known_n, sizeof *r->known, by_time, time->number);
    qsort_r(r->future, r->future_n, sizeof *r->future, by_time, time->number);
    return TDL_OK;
}

static tdl_status find_columns(regress *r, tdl_report *why)
{
    const tdl_forecast_values *v = r->v;
    const tdl_frame *frame = &r->frame;
    bool found = false;

    if (v->time) {
        found = tdl_frame_find(frame, tdl_str_of(v->time), &r->time);
    } else {
        for (size_t i = 0; i < frame->columns_n && !found; i++)
            if (frame->column[i].type == TDL_COLUMN_DATE) {
                r->time = i;
                found = true;
            }
    }
    if (!found || !frame->column[r->time].number)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "no column of times: name it with --time");
    if (!v->value || !tdl_frame_find(frame, tdl_str_of(v->value), &r->value) ||
        !frame->column[r->value].number)
        return TDL_FAIL(why, TDL_E_NOT_FOUND,
                        "--covariates needs --value, the column of numbers to forecast");
    return TDL_OK;
}

/* ---- fitting ---- */

static tdl_status fit(const regress *r, size_t rows_n, tdl_regression **ret, tdl_report *why)
{
    const tdl_forecast_values *v = r->v;
    const tdl_regression_options o = {
        .time = tdl_str_of(r->frame.column[r->time].name),
        .value = tdl_str_of(v->value),
        .covariates = strcmp(v->covariates, "all") != 0 ? tdl_str_of(v->covariates) : (tdl_str){0},
        .holidays = tdl_str_of(v->holidays)};

    return tdl_regression_fit(&r->frame, r->known, rows_n, &o, ret, why);
}

static tdl_status half_widths(const tdl_regression *m, const tdl_forecast_job *job, double *ret,
                              tdl_report *why)
{
    size_t n;
    const double *residual = tdl_regression_residuals(m, &n);
    double *score = malloc((n ? n : 1) * sizeof *score);
    tdl_conformal c = {0};
    tdl_status st = TDL_OK;

    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", n);
    for (size_t i = 0; i < n; i++)
        score[i] = fabs(residual[i]);
    if (!(st = tdl_conformal_init(&c, score, n, why)))
        for (size_t k = 0; k < job->levels_n; k++)
            ret[k] = tdl_conformal_quantile(&c, 1 - job->level[k]);
    tdl_conformal_release(&c);
    free(score);
    return st;
}

/* What a back-test compares: truth, forecast and the seasonal naive of the rows that were held. */
typedef struct held_rows {
    double *y, *f, *naive;   /* [n] */
    double mase, naive_mase; /* sums over origins */
    size_t n, period;
} held_rows;

/* The season of the values in order of time: the one asked for, else the one found, else 1. */
static size_t season_of(const regress *r, const double *y)
{
    const tdl_series all = {.y = (double *)y, .n = r->known_n};
    size_t found = r->v->period ? (size_t)r->v->period : tdl_period_find(&all, 1);

    return found ? found : 1;
}

/* Fit on what was known `back` rows before the end, forecast the next `held`. y [known_n] */
static tdl_status run_origin(const regress *r, tdl_forecast_job *job, const double *y, size_t back,
                             size_t held, held_rows *h, tdl_report *why)
{
    const tdl_forecast_task season = {
        .horizon = held, .period = {h->period}, .periods_n = h->period > 1};
    size_t n = r->known_n - back;
    tdl_backtest *b = &job->backtest;
    double half[TDL_LEVELS_MAX] = {0}, scale, error = 0, naive_error = 0;
    tdl_regression *m = NULL;
    tdl_status st;

    if ((st = fit(r, n, &m, why)) ||
        (st = tdl_regression_predict(m, &r->frame, r->known + n, held, h->f + h->n, why)) ||
        (st = half_widths(m, job, half, why)))
        goto out;
    scale = tdl_forecast_scale(&season, y, n);
    for (size_t i = 0; i < held; i++) {
        size_t at = h->n + i;

        h->y[at] = y[n + i];
        h->naive[at] = y[n - h->period + i % h->period];
        error += fabs(h->y[at] - h->f[at]);
        naive_error += fabs(h->y[at] - h->naive[at]);
    }
    h->mase += error / (double)held / scale;
    h->naive_mase += naive_error / (double)held / scale;
    for (size_t k = 0; k < job->levels_n; k++) {
        for (size_t i = 0; i < held; i++)
            b->coverage[k] += fabs(h->y[h->n + i] - h->f[h->n + i]) <= half[k];
        b->width[k] += 2 * half[k];
    }
    h->n += held;
out:
    tdl_regression_free(m);
    return st;
}

static void measure(tdl_backtest_line *line, const char *name, const held_rows *h, const double *f,
                    double mase)
{
    *line = (tdl_backtest_line){.rmse = tdl_rmse(h->y, f, NULL, h->n),
                                .mae = tdl_mae(h->y, f, NULL, h->n),
                                .smape = tdl_smape(h->y, f, h->n),
                                .mase = mase,
                                .owa = (double)NAN,
                                .forecasts = h->n};
    snprintf(line->name, sizeof line->name, "%s", name);
}

/* The last --horizon rows (a fifth without it) are held from each of --origins places, one behind
 * the other, and what was known before is fitted anew. */
static tdl_status backtest(regress *r, tdl_forecast_job *job, tdl_report *why)
{
    size_t held = r->v->horizon ? (size_t)r->v->horizon : r->known_n / 5;
    size_t many = (size_t)r->v->origins, room = many * held + 1;
    double *y = malloc((r->known_n + 1) * sizeof *y);
    held_rows h = {.y = malloc(room * sizeof *h.y),
                   .f = malloc(room * sizeof *h.f),
                   .naive = malloc(room * sizeof *h.naive)};
    tdl_backtest *b = &job->backtest;
    tdl_status st = TDL_OK;

    if (!y || !h.y || !h.f || !h.naive) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", room);
        goto out;
    }
    for (size_t i = 0; i < r->known_n; i++)
        y[i] = r->frame.column[r->value].number[r->known[i]];
    h.period = season_of(r, y);
    if (!held || r->known_n <= many * held + h.period) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "take a shorter --horizon or fewer --origins",
                           "%zu rows have a value: too few to hold %zu of them %zu times",
                           r->known_n, held, many);
        goto out;
    }
    *b = (tdl_backtest){.lines_n = 1, .levels_n = job->levels_n, .origins = many, .series = 1};
    for (size_t o = many; o > 0 && !st; o--)
        st = run_origin(r, job, y, o * held, held, &h, why);
    if (st)
        goto out;
    measure(&b->line[0], "regression", &h, h.f, h.mase / (double)many);
    measure(&b->baseline, "seasonal_naive", &h, h.naive, h.naive_mase / (double)many);
    for (size_t k = 0; k < b->levels_n; k++) {
        b->level[k] = job->level[k];
        b->coverage[k] /= (double)h.n;
        b->worst[k] = b->coverage[k];
        b->width[k] /= (double)many;
    }
    job->tested = true;
out:
    free(y);
    free(h.y);
    free(h.f);
    free(h.naive);
    return st;
}

/* ---- printing ---- */

static void time_text(const regress *r, size_t i, char *ret)
{
    const tdl_column *time = &r->frame.column[r->time];
    double at = time->number[r->future[i]];

    if (time->type == TDL_COLUMN_DATE)
        tdl_time_format((int64_t)nearbyint(at * 1e6), ret);
    else
        snprintf(ret, TDL_TIME_TEXT_MAX, "%.15g", at);
}

static tdl_status write_csv(void *context, FILE *out, tdl_report *why)
{
    const regress *r = context;
    char time[TDL_TIME_TEXT_MAX];

    TDL_UNUSED(why);
    fputs("time,forecast", out);
    for (size_t k = 0; k < r->job->levels_n; k++)
        fprintf(out, ",low_%g,high_%g", 100 * r->job->level[k], 100 * r->job->level[k]);
    fputc('\n', out);
    for (size_t i = 0; i < r->future_n; i++) {
        time_text(r, i, time);
        fprintf(out, "%s,%.9g", time, r->forecast[i]);
        for (size_t k = 0; k < r->job->levels_n; k++)
            fprintf(out, ",%.9g,%.9g", r->forecast[i] - r->half[k], r->forecast[i] + r->half[k]);
        fputc('\n', out);
    }
    return TDL_OK;
}

static void print_text(const regress *r, FILE *out)
{
    const tdl_backtest *b = &r->job->backtest;

    fprintf(out, tdl_tr("%zu rows with a value, %zu to forecast\n", "%zu 行有值，%zu 行待预测\n"),
            r->known_n, r->future_n);
    if (r->job->tested) {
        if (b->origins == 1)
            fprintf(out,
                    tdl_tr("back-test on the last %zu rows: RMSE %.4g, MAE %.4g\n",
                           "在最后 %zu 行上回测：RMSE %.4g，MAE %.4g\n"),
                    b->line[0].forecasts, b->line[0].rmse, b->line[0].mae);
        else
            fprintf(out,
                    tdl_tr("back-test on %zu rows from %zu origins: RMSE %.4g, MAE %.4g\n",
                           "在 %zu 行（%zu 个起点）上回测：RMSE %.4g，MAE %.4g\n"),
                    b->line[0].forecasts, b->origins, b->line[0].rmse, b->line[0].mae);
        fprintf(out,
                tdl_tr("seasonal naive (baseline): RMSE %.4g, MAE %.4g\n",
                       "季节朴素（基线）：RMSE %.4g，MAE %.4g\n"),
                b->baseline.rmse, b->baseline.mae);
        tdl_forecast_print_verdict(b, out);
        for (size_t k = 0; k < b->levels_n; k++)
            fprintf(out, tdl_tr("interval %g %%: measured %.1f %%\n", "区间 %g%%：实测 %.1f%%\n"),
                    100 * b->level[k], 100 * b->coverage[k]);
    }
    for (size_t k = 0; r->model && k < TDL_REGRESSION_PARTS; k++) {
        double rmse, weight = tdl_regression_weight(r->model, k, &rmse);

        fprintf(out,
                tdl_tr("%-14s weight %.1f, RMSE in validation %.4g\n",
                       "%-14s 权重 %.1f，验证 RMSE %.4g\n"),
                tdl_regression_part(k), weight, rmse);
    }
}

static void print_json(const regress *r)
{
    const tdl_forecast_job *job = r->job;
    tdl_buf out = {.limit = (size_t)1 << 30};
    tdl_jw w = {.out = &out};
    char time[TDL_TIME_TEXT_MAX];

    tdl_jw_object(&w);
    tdl_jw_kint(&w, "rows", (int64_t)r->known_n);
    if (job->tested) {
        tdl_jw_key(&w, "backtest");
        tdl_jw_object(&w);
        tdl_jw_kint(&w, "rows", (int64_t)job->backtest.line[0].forecasts);
        tdl_jw_kint(&w, "origins", (int64_t)job->backtest.origins);
        tdl_jw_knumber(&w, "rmse", job->backtest.line[0].rmse);
        tdl_jw_knumber(&w, "mae", job->backtest.line[0].mae);
        tdl_jw_knumber(&w, "mase", job->backtest.line[0].mase);
        tdl_jw_key(&w, "baseline");
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "name", job->backtest.baseline.name);
        tdl_jw_knumber(&w, "rmse", job->backtest.baseline.rmse);
        tdl_jw_knumber(&w, "mae", job->backtest.baseline.mae);
        tdl_jw_knumber(&w, "mase", job->backtest.baseline.mase);
        tdl_jw_end_object(&w);
        tdl_jw_kbool(&w, "baseline_wins", tdl_backtest_baseline_wins(&job->backtest));
        tdl_jw_key(&w, "intervals");
        tdl_jw_array(&w);
        for (size_t k = 0; k < job->levels_n; k++) {
            tdl_jw_object(&w);
            tdl_jw_knumber(&w, "level", job->level[k]);
            tdl_jw_knumber(&w, "coverage", job->backtest.coverage[k]);
            tdl_jw_end_object(&w);
        }
        tdl_jw_end_array(&w);
        tdl_jw_end_object(&w);
    }
    tdl_jw_key(&w, "forecast");
    tdl_jw_array(&w);
    for (size_t i = 0; r->model && i < r->future_n; i++) {
        tdl_jw_object(&w);
        time_text(r, i, time);
        tdl_jw_ktext(&w, "time", time);
        tdl_jw_knumber(&w, "forecast", r->forecast[i]);
        tdl_jw_key(&w, "half_width");
        tdl_jw_array(&w);
        for (size_t k = 0; k < job->levels_n; k++)
            tdl_jw_number(&w, r->half[k]);
        tdl_jw_end_array(&w);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    printf("%s\n", out.at ? out.at : "");
    tdl_buf_release(&out);
}

tdl_status tdl_forecast_regress(tdl_forecast_job *job, const tdl_forecast_values *v,
                                bool only_backtest, tdl_report *why)
{
    regress r = {.job = job, .v = v};
    tdl_status st = tdl_frame_read(job->path, NULL, &r.frame, NULL, why);

    if (st)
        return st;
    if ((st = find_columns(&r, why)) || (st = find_rows(&r, why)) ||
        ((only_backtest || v->backtest) && (st = backtest(&r, job, why))))
        goto out;
    if (!only_backtest) {
        if (!r.future_n) {
            st = TDL_FAIL_HINT(why, TDL_E_INVALID,
                               "add rows with a time and the covariates, and "
                               "leave the value empty; or take forecast backtest",
                               "no row after the last value is there to forecast");
            goto out;
        }
        if (!(r.forecast = malloc(r.future_n * sizeof *r.forecast))) {
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", r.future_n);
            goto out;
        }
        if ((st = fit(&r, r.known_n, &r.model, why)) ||
            (st = tdl_regression_predict(r.model, &r.frame, r.future, r.future_n, r.forecast,
                                         why)) ||
            (st = half_widths(r.model, job, r.half, why)))
            goto out;
    }
    if (v->common.json)
        print_json(&r);
    else if (!v->common.quiet || only_backtest)
        print_text(&r, only_backtest ? stdout : stderr);
    if (!only_backtest && !v->common.json)
        st = tdl_whole_file_or_stdout(v->output ? v->output : "-", write_csv, &r, why);
out:
    tdl_regression_free(r.model);
    free(r.forecast);
    free(r.known);
    free(r.future);
    tdl_frame_release(&r.frame);
    return st;
}
