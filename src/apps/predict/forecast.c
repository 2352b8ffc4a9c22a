/* Questions about series: forecasts with their intervals, and a decision for each series. */
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

#include "apps/predict/serving.h"
#include "table/cell.h"

typedef struct forecasting {
    const tdl_served *served;
    const tdl_series_ask *ask;
    size_t horizon, fitted; /* asked for, of the model */
    double *history;        /* [history_n] as it was sent; NULL = the series' own */
    size_t history_n, history_filled;
    double start;                     /* of the history; NaN: not said */
    double *mean, *low, *high, *half; /* [fitted], [levels_n][fitted] each */
    tdl_arena *arena;
    tdl_decision *decision;    /* [decisions_n]; NULL = none is made */
    size_t decisions_n, asked; /* asked: series so far */
    tdl_buf warnings;
    tdl_jw warn;
} forecasting;

/* One series of the answer. */
typedef struct one {
    tdl_str name;
    size_t series; /* SIZE_MAX: the model has not seen it */
    const double *y;
    size_t n, told, filled;
    double *own; /* to free */
    bool floor;
    double first; /* time; NaN: not known */
    double scale;
} one;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

/* ---- the question ---- */

static tdl_status read_history(forecasting *f, tdl_report *why)
{
    const tdl_forecast_task *task = &tdl_forecaster_chosen(f->served->forecaster, 0)->task;
    const json_t *history = f->ask->history;
    size_t n = json_array_size(history);

    if (!history)
        return TDL_OK;
    if (!json_is_array(history) || !n || n > TDL_ASK_HISTORY_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "history must be an array of 1 to %d numbers",
                        TDL_ASK_HISTORY_MAX);
    if (json_is_array(f->ask->series))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "one call for each",
                             "a history is of one series, not of several");
    if (!(f->history = malloc(n * sizeof *f->history)))
        return no_memory(why);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(history, i);

        if (!json_is_number(value) && !json_is_null(value))
            return TDL_FAIL(why, TDL_E_INVALID, "value %zu of the history is of type %s", i,
                            tdl_json_type_name(value));
        f->history[i] = json_is_null(value) ? (double)NAN : json_number_value(value);
    }
    f->history_n = n;
    return tdl_series_fill(f->history, n, task->periods_n ? task->period[0] : 0, &f->history_filled,
                           why);
}

static tdl_status read_start(forecasting *f, tdl_report *why)
{
    const json_t *start = f->ask->start;
    bool counted = tdl_forecaster_step(f->served->forecaster).unit == TDL_STEP_INDEX;

    f->start = (double)NAN;
    if (!start)
        return TDL_OK;
    if (!f->history)
        return TDL_FAIL(why, TDL_E_INVALID, "start is of a history, and there is none");
    if (json_is_number(start)) {
        f->start = json_number_value(start);
        return TDL_OK;
    }
    if (!counted && json_is_string(start) &&
        tdl_cell_date((tdl_str){json_string_value(start), json_string_length(start)}, &f->start))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "start must be a %s", counted ? "number" : "date or time");
}

static tdl_status begin(forecasting *f, tdl_report *why)
{
    const tdl_series_ask *ask = f->ask;
    size_t levels = ask->levels_n ? ask->levels_n : 1;

    f->fitted = tdl_forecaster_horizon(f->served->forecaster);
    f->horizon = ask->horizon ? ask->horizon : f->fitted;
    f->warn = (tdl_jw){.out = &f->warnings};
    if (f->horizon > f->fitted)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "fit one with a longer horizon",
                             "a horizon of %zu: model %s was fitted for %zu steps", f->horizon,
                             f->served->name, f->fitted);
    f->mean = malloc(f->fitted * sizeof *f->mean);
    f->low = malloc(levels * f->fitted * sizeof *f->low);
    f->high = malloc(levels * f->fitted * sizeof *f->high);
    f->half = malloc(levels * f->fitted * sizeof *f->half);
    if (!f->mean || !f->low || !f->high || !f->half)
        return no_memory(why);
    tdl_status st = read_history(f, why);
    return st ? st : read_start(f, why);
}

static void end(forecasting *f)
{
    free(f->history);
    free(f->mean);
    free(f->low);
    free(f->high);
    free(f->half);
    tdl_buf_release(&f->warnings);
}

/* ---- one series ---- */

/* From what it is forecast: the history that was sent, or that of the model and what was told
 * since. */
static tdl_status gather(const forecasting *f, one *s, tdl_report *why)
{
    const tdl_forecaster *forecaster = f->served->forecaster;
    double start = f->start;
    tdl_status st;

    if (f->history) {
        s->y = f->history;
        s->n = f->history_n;
        s->filled = f->history_filled;
    } else {
        if ((st = tdl_ledger_history(f->served->ledger, s->series, &s->own, &s->n, &s->told,
                                     &s->filled, why)))
            return st;
        s->y = s->own;
        start = tdl_forecaster_at(forecaster, s->series)->start;
    }
    s->first = isnan(start) ? start : tdl_step_time(tdl_forecaster_step(forecaster), start, s->n);
    return TDL_OK;
}

/* Intervals of a history that was sent are those of the fit; of the series' own, by what came of
 * the forecasts before. */
static tdl_status lay_intervals(forecasting *f, one *s, tdl_report *why)
{
    const tdl_series_ask *ask = f->ask;
    const tdl_ledger_forecast forecast = {
        .origin = s->n, .scale = s->scale, .mean = f->mean, .time_us = ask->time_us};
    double least = HUGE_VAL;
    tdl_status st;

    if (f->history)
        return TDL_OK;
    if ((st = tdl_ledger_widths(f->served->ledger, s->series, &forecast, ask->id != NULL,
                                ask->level, ask->levels_n, f->half, why)))
        return st;
    for (size_t t = 0; t < s->n; t++)
        least = fmin(least, s->y[t]);
    for (size_t i = 0; i < ask->levels_n * f->fitted; i++) {
        double mean = f->mean[i % f->fitted], low = mean - f->half[i];

        f->low[i] = least >= 0 && low < 0 ? 0 : low;
        f->high[i] = mean + f->half[i];
    }
    return TDL_OK;
}

static tdl_status forecast_one(forecasting *f, one *s, tdl_report *why)
{
    const tdl_forecaster *forecaster = f->served->forecaster;
    tdl_forecast ret = {.mean = f->mean, .low = f->low, .high = f->high};
    tdl_status st = gather(f, s, why);

    if (st || (st = tdl_forecaster_predict(forecaster, s->series, s->y, s->n, f->fitted,
                                           f->ask->level, f->ask->levels_n, &ret, why)))
        return st;
    s->floor = ret.floor;
    s->scale = tdl_forecast_scale(
        &tdl_forecaster_chosen(forecaster, s->series == SIZE_MAX ? 0 : s->series)->task, s->y,
        s->n);
    return lay_intervals(f, s, why);
}

/* ---- writing ---- */

static void write_numbers(const char *key, const double *value, size_t n, tdl_jw *out)
{
    tdl_jw_key(out, key);
    tdl_jw_array(out);
    for (size_t i = 0; i < n; i++)
        tdl_jw_number(out, value[i]);
    tdl_jw_end_array(out);
}

static void write_times(const forecasting *f, const one *s, tdl_jw *out)
{
    const tdl_forecaster *forecaster = f->served->forecaster;

    tdl_jw_key(out, "times");
    if (isnan(s->first)) {
        tdl_jw_null(out);
        return;
    }
    tdl_jw_array(out);
    for (size_t h = 0; h < f->horizon; h++)
        tdl_ledger_write_time(forecaster,
                              tdl_step_time(tdl_forecaster_step(forecaster), s->first, h), out);
    tdl_jw_end_array(out);
}

static void warn(forecasting *f, const one *s, const char *kind, size_t n)
{
    if (!n)
        return;
    tdl_jw_object(&f->warn);
    tdl_jw_kstr(&f->warn, "series", s->name);
    tdl_jw_ktext(&f->warn, "kind", kind);
    tdl_jw_kint(&f->warn, "steps", (int64_t)n);
    tdl_jw_end_object(&f->warn);
}

static void write_one(forecasting *f, const one *s, tdl_jw *out)
{
    size_t infinite = 0;

    tdl_jw_object(out);
    tdl_jw_kstr(out, "name", s->name);
    tdl_jw_kint(out, "points", (int64_t)s->n);
    tdl_jw_kint(out, "told", (int64_t)s->told);
    write_times(f, s, out);
    write_numbers("forecast", f->mean, f->horizon, out);
    tdl_jw_key(out, "intervals");
    tdl_jw_array(out);
    for (size_t k = 0; k < f->ask->levels_n; k++) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "level", f->ask->level[k]);
        write_numbers("low", f->low + k * f->fitted, f->horizon, out);
        write_numbers("high", f->high + k * f->fitted, f->horizon, out);
        tdl_jw_end_object(out);
        for (size_t h = 0; h < f->horizon; h++)
            infinite += isfinite(f->high[k * f->fitted + h]) ? 0 : 1;
    }
    tdl_jw_end_array(out);
    if (f->ask->id)
        tdl_jw_ktext(out, "decision_id", f->ask->id[f->asked]);
    tdl_jw_end_object(out);
    warn(f, s, "filled", s->filled);
    warn(f, s, "floor", s->floor ? f->horizon : 0);
    warn(f, s, "new", s->series == SIZE_MAX ? f->horizon : 0);
    warn(f, s, "infinite", infinite);
}

/* ---- the decision ---- */

/* The whole forecast: from it the answer, and later how right it was, can be told. */
static void write_why(const forecasting *f, const one *s, tdl_jw *out)
{
    tdl_jw_object(out);
    tdl_jw_kstr(out, "series", s->name);
    if (!f->history)
        tdl_jw_kint(out, "origin", (int64_t)s->n);
    tdl_jw_kint(out, "horizon", (int64_t)f->horizon);
    tdl_jw_knumber(out, "scale", s->scale);
    tdl_jw_knumber(out, "first", s->first);
    write_numbers("forecast", f->mean, f->fitted, out);
    write_numbers("levels", f->ask->level, f->ask->levels_n, out);
    tdl_jw_key(out, "high");
    tdl_jw_array(out);
    for (size_t k = 0; k < f->ask->levels_n; k++) {
        tdl_jw_array(out);
        for (size_t h = 0; h < f->fitted; h++)
            tdl_jw_number(out, f->high[k * f->fitted + h]);
        tdl_jw_end_array(out);
    }
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
}

/* What the answer depended on: the version, the series and its history. */
static void hash_context(const forecasting *f, const one *s, uint8_t ret[16])
{
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, 16);
    crypto_generichash_update(&hash, (const uint8_t *)f->served->hash, 64);
    if (s->name.len)
        crypto_generichash_update(&hash, (const uint8_t *)s->name.at, s->name.len);
    crypto_generichash_update(&hash, (const uint8_t *)s->y, s->n * sizeof *s->y);
    crypto_generichash_final(&hash, ret, 16);
}

static tdl_status decide(forecasting *f, const one *s, tdl_report *why)
{
    char user[TDL_FORECAST_USER_MAX];
    tdl_candidate *candidate;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_decision *d;

    if (!f->ask->id)
        return TDL_OK;
    d = &f->decision[f->decisions_n++];
    tdl_forecast_user(f->served->name, user);
    *d = (tdl_decision){.time_us = f->ask->time_us};
    memcpy(d->id, f->ask->id[f->asked], sizeof d->id);
    d->app = tdl_arena_str(f->arena, tdl_str_of(f->served->app));
    d->user = tdl_arena_str(f->arena, tdl_str_of(user));
    d->model_version = tdl_arena_str(f->arena, tdl_str_of(f->served->version));
    hash_context(f, s, d->context_hash);
    write_why(f, s, &w);
    d->why = tdl_arena_str(f->arena, tdl_buf_view(&text));
    if ((candidate = tdl_arena_zalloc(f->arena, 1, sizeof *candidate)))
        *candidate = (tdl_candidate){.item = s->name.len ? tdl_arena_str(f->arena, s->name)
                                                         : TDL_STR("(history)"),
                                     .score = f->mean[0],
                                     .propensity = 1,
                                     .chosen = true};
    d->candidates = candidate;
    d->candidates_n = 1;
    bool failed = text.failed || !candidate || !candidate->item.at || !d->app.at || !d->user.at ||
                  !d->model_version.at || !d->why.at;
    tdl_buf_release(&text);
    return failed ? no_memory(why) : TDL_OK;
}

/* ---- the answer ---- */

static void refuse_one(const forecasting *f, tdl_str name, tdl_jw *out)
{
    tdl_buf text = {0};

    tdl_buf_printf(&text, "model %s was fitted on no series \"%.*s\": send its history",
                   f->served->name, TDL_FMT(name));
    tdl_jw_object(out);
    tdl_jw_kstr(out, "name", name);
    tdl_jw_kstr(out, "error", tdl_buf_view(&text));
    tdl_jw_end_object(out);
    tdl_buf_release(&text);
}

/* A series that cannot be answered for gets an error of its own. */
static tdl_status answer_one(forecasting *f, tdl_str name, tdl_jw *out, tdl_report *why)
{
    one s = {.name = name, .series = SIZE_MAX};
    tdl_status st;

    if (!tdl_forecaster_find(f->served->forecaster, name, &s.series) && !f->history) {
        refuse_one(f, name, out);
        f->asked++;
        return TDL_OK;
    }
    if (!(st = forecast_one(f, &s, why)) && !(st = decide(f, &s, why)))
        write_one(f, &s, out);
    f->asked++;
    free(s.own);
    return st;
}

static tdl_status answer_names(forecasting *f, const json_t *names, tdl_jw *out, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < json_array_size(names) && !st; i++) {
        const json_t *name = json_array_get(names, i);

        if (!json_is_string(name))
            return TDL_FAIL(why, TDL_E_INVALID, "series %zu must be a name, not of type %s", i,
                            tdl_json_type_name(name));
        st = answer_one(f, (tdl_str){json_string_value(name), json_string_length(name)}, out, why);
    }
    return st;
}

static tdl_status answer_series(forecasting *f, tdl_jw *out, tdl_report *why)
{
    const json_t *series = f->ask->series;
    tdl_status st = TDL_OK;

    if (json_is_array(series))
        return answer_names(f, series, out, why);
    if (json_is_string(series))
        return answer_one(f, (tdl_str){json_string_value(series), json_string_length(series)}, out,
                          why);
    if (series)
        return TDL_FAIL(why, TDL_E_INVALID, "series must be a name or an array of names, not %s",
                        tdl_json_type_name(series));
    if (f->history)
        return answer_one(f, (tdl_str){0}, out, why);
    for (size_t i = 0; i < tdl_forecaster_series(f->served->forecaster) && !st; i++)
        st = answer_one(f, tdl_str_of(tdl_forecaster_at(f->served->forecaster, i)->name), out, why);
    return st;
}

static size_t series_asked(const forecasting *f)
{
    const json_t *series = f->ask->series;

    return json_is_array(series)       ? json_array_size(series)
           : series || f->ask->history ? 1
                                       : tdl_forecaster_series(f->served->forecaster);
}

static tdl_status write_answer(forecasting *f, tdl_jw *out, tdl_report *why)
{
    tdl_buf step = {0};
    tdl_status st;

    tdl_step_print(tdl_forecaster_step(f->served->forecaster), &step);
    tdl_jw_object(out);
    tdl_jw_ktext(out, "model", f->served->name);
    tdl_jw_ktext(out, "version", f->served->version);
    tdl_jw_ktext(out, "snapshot", f->served->hash);
    tdl_jw_kint(out, "horizon", (int64_t)f->horizon);
    tdl_jw_kstr(out, "step", tdl_buf_view(&step));
    tdl_buf_release(&step);
    tdl_jw_key(out, "series");
    tdl_jw_array(out);
    tdl_jw_array(&f->warn);
    st = answer_series(f, out, why);
    tdl_jw_end_array(&f->warn);
    tdl_jw_end_array(out);
    tdl_jw_kraw(out, "warnings", tdl_buf_view(&f->warnings));
    tdl_jw_end_object(out);
    if (!st && (out->out->failed || f->warnings.failed))
        st = no_memory(why);
    return st;
}

tdl_status tdl_predict_forecast(tdl_app *app, const tdl_series_ask *ask, tdl_arena *arena,
                                tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why)
{
    tdl_served *served = NULL;
    forecasting f = {.ask = ask, .arena = arena};
    size_t n;
    tdl_status st = tdl_served_find_forecaster(app, ask->model, &served, why);

    if (st)
        return st;
    f.served = served;
    n = series_asked(&f);
    if (n > TDL_ASK_ROWS_MAX) {
        st = TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "name some of them: {\"series\": [...]}",
                           "%zu series, %d are allowed", n, TDL_ASK_ROWS_MAX);
        goto out;
    }
    if (ask->id && !(f.decision = tdl_arena_zalloc(arena, n + 1, sizeof *f.decision))) {
        st = no_memory(why);
        goto out;
    }
    if ((st = begin(&f, why)) || (st = write_answer(&f, out, why)))
        goto out;
    *ret = f.decision;
    *ret_n = f.decisions_n;
out:
    end(&f);
    tdl_served_drop(served);
    return st;
}
