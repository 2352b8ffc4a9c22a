/* Values of series that became known: told, kept as events, taken into the ledgers; and what there
 * is to tell of forecasts. */
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/serving.h"
#include "base/timestamp.h"
#include "table/cell.h"

enum {
    REPLAYED_MAX = 10000, /* newest forecasts, and newest truths, of a model */
    REPLAY_BYTES = 256 << 20,
};

static const char user_prefix[] = "(forecast ", source[] = "forecast", kind[] = "outcome";

void tdl_forecast_user(const char *model, char *ret)
{
    snprintf(ret, TDL_FORECAST_USER_MAX, "%s%s)", user_prefix, model);
}

/* ---- telling ---- */

/* Seconds since 1970, or a count of steps. */
static bool read_time(const tdl_forecaster *f, const json_t *time, double *ret)
{
    bool counted = tdl_forecaster_step(f).unit == TDL_STEP_INDEX;

    if (counted || !json_is_string(time)) {
        *ret = json_number_value(time);
        return json_is_number(time);
    }
    return tdl_cell_date((tdl_str){json_string_value(time), json_string_length(time)}, ret);
}

static tdl_status read_outcome(const tdl_served *served, const json_t *outcome, size_t *ret_series,
                               size_t *ret_place, tdl_report *why)
{
    const json_t *truth = json_object_get(outcome, "truth");
    tdl_str name = {0};
    double time;

    if (!json_is_object(outcome))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not of type %s",
                        tdl_json_type_name(outcome));
    if (!tdl_json_get_str(outcome, "series", &name) ||
        !tdl_forecaster_find(served->forecaster, name, ret_series))
        return TDL_FAIL(why, TDL_E_INVALID, "model %s was fitted on no series \"%.*s\"",
                        served->name, TDL_FMT(name));
    if (!json_is_number(truth) || !isfinite(json_number_value(truth)))
        return TDL_FAIL(why, TDL_E_INVALID, "truth must be a number");
    if (!read_time(served->forecaster, json_object_get(outcome, "time"), &time))
        return TDL_FAIL(why, TDL_E_INVALID, "time must be %s",
                        tdl_forecaster_step(served->forecaster).unit == TDL_STEP_INDEX
                            ? "a number, the count of the step"
                            : "a date or a time, as \"2026-01-31\" or \"2026-01-31T08:00:00Z\"");
    return tdl_ledger_place(served->ledger, *ret_series, time, ret_place, why);
}

/* The same word twice is one event. */
static tdl_str name_message(tdl_arena *arena, const tdl_served *served, tdl_str text)
{
    crypto_generichash_state hash;
    uint8_t digest[16];
    char hex[2 * sizeof digest + 1];

    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    crypto_generichash_update(&hash, (const uint8_t *)served->name, strlen(served->name) + 1);
    crypto_generichash_update(&hash, (const uint8_t *)text.at, text.len);
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return tdl_arena_str(arena, tdl_str_of(hex));
}

static tdl_status make_event(const tdl_served *served, size_t series, size_t place, double truth,
                             tdl_arena *arena, tdl_event *ret, tdl_report *why)
{
    const tdl_series *fitted = tdl_forecaster_at(served->forecaster, series);
    char user[TDL_FORECAST_USER_MAX];
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "series", fitted->name);
    tdl_jw_knumber(&w, "time",
                   tdl_step_time(tdl_forecaster_step(served->forecaster), fitted->start, place));
    tdl_jw_knumber(&w, "truth", truth);
    tdl_jw_end_object(&w);
    tdl_forecast_user(served->name, user);
    *ret = (tdl_event){.time_us = tdl_time_now(),
                       .user = tdl_arena_str(arena, tdl_str_of(user)),
                       .kind = TDL_STR(kind),
                       .value = truth,
                       .has_value = true,
                       .properties = tdl_arena_str(arena, tdl_buf_view(&text)),
                       .source = TDL_STR(source),
                       .message_id = name_message(arena, served, tdl_buf_view(&text)),
                       .no_person = true};
    bool failed = text.failed || !ret->user.at || !ret->properties.at || !ret->message_id.at;
    tdl_buf_release(&text);
    return failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory")
                  : tdl_event_check(ret, ret->time_us, why);
}

tdl_status tdl_predict_series_truth(tdl_app *app, tdl_str model, const json_t *outcome,
                                    tdl_arena *arena, tdl_event *ret, tdl_report *why)
{
    tdl_served *served = NULL;
    size_t series, place;
    tdl_status st = tdl_served_find_forecaster(app, model, &served, why);

    if (!st)
        st = read_outcome(served, outcome, &series, &place, why);
    if (!st)
        st = make_event(served, series, place, json_number_value(json_object_get(outcome, "truth")),
                        arena, ret, why);
    tdl_served_drop(served);
    return st;
}

/* ---- learning ---- */

/* What an event of the store says, if it is of a series of this model. */
static void take_truth(const tdl_served *served, tdl_str properties)
{
    json_t *said = NULL;
    double time, truth;
    size_t series, place;
    tdl_str name;

    if (!tdl_json_parse(properties, TDL_JSON_LAST_WINS, &said, NULL) &&
        tdl_json_get_str(said, "series", &name) && tdl_json_get_number(said, "time", &time) &&
        tdl_json_get_number(said, "truth", &truth) && isfinite(truth) &&
        tdl_forecaster_find(served->forecaster, name, &series) &&
        !tdl_ledger_place(served->ledger, series, time, &place, NULL))
        tdl_ledger_truth(served->ledger, series, place, truth, NULL); // of no memory: not followed
    json_decref(said);
}

void tdl_predict_learn_truth(tdl_app *app, const tdl_event *event)
{
    size_t prefix = sizeof user_prefix - 1;
    tdl_served *served = NULL;

    if (!tdl_str_is(event->kind, kind) || !tdl_str_is(event->source, source) ||
        event->user.len <= prefix + 1 || !tdl_str_starts(event->user, tdl_str_of(user_prefix)))
        return;
    const tdl_str model = {event->user.at + prefix, event->user.len - prefix - 1};
    if (!tdl_served_find_forecaster(app, model, &served, NULL))
        take_truth(served, event->properties);
    tdl_served_drop(served);
}

/* ---- what was before this process ---- */

static bool read_numbers(const json_t *array, double *ret, size_t n)
{
    if (json_array_size(array) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        ret[i] = json_number_value(json_array_get(array, i));
        if (!json_is_number(json_array_get(array, i)) || !isfinite(ret[i]))
            return false;
    }
    return true;
}

static size_t read_levels(const json_t *record, double ret[TDL_LEVELS_MAX])
{
    const json_t *levels = json_object_get(record, "levels");
    size_t n = json_array_size(levels);

    if (n > TDL_LEVELS_MAX || !read_numbers(levels, ret, n))
        return 0;
    for (size_t k = 0; k < n; k++)
        if (!(ret[k] > 0 && ret[k] < 1))
            return 0;
    return n;
}

/* A forecast that was answered waits for its truths again. Records that are not ours are left. */
static void take_forecast(const tdl_served *served, const tdl_decision *d, double *mean,
                          double *half)
{
    size_t horizon = tdl_forecaster_horizon(served->forecaster), series, levels_n;
    double level[TDL_LEVELS_MAX];
    json_t *record = NULL;
    int64_t origin;
    tdl_str name;
    tdl_ledger_forecast f = {.mean = mean, .time_us = d->time_us};

    if (!tdl_str_is(d->model_version, served->version) ||
        tdl_json_parse(d->why, TDL_JSON_LAST_WINS, &record, NULL))
        return;
    if (tdl_json_get_str(record, "series", &name) &&
        tdl_forecaster_find(served->forecaster, name, &series) &&
        tdl_json_get_int(record, "origin", &origin) && origin > 0 &&
        tdl_json_get_number(record, "scale", &f.scale) && f.scale > 0 && isfinite(f.scale) &&
        read_numbers(json_object_get(record, "forecast"), mean, horizon)) {
        levels_n = read_levels(record, level);
        f.origin = (size_t)origin;
        tdl_ledger_widths(served->ledger, series, &f, true, level, levels_n, half, NULL);
    }
    json_decref(record);
}

/* Both lists are newest first. */
static void merge(const tdl_served *served, const tdl_decision_row *decision, size_t decisions_n,
                  const tdl_event *event, size_t events_n, double *mean, double *half)
{
    while (decisions_n || events_n) {
        bool forecast = decisions_n && (!events_n || decision[decisions_n - 1].decision.time_us <=
                                                         event[events_n - 1].time_us);

        if (forecast)
            take_forecast(served, &decision[--decisions_n].decision, mean, half);
        else if (tdl_str_is(event[--events_n].kind, kind))
            take_truth(served, event[events_n].properties);
    }
}

tdl_status tdl_forecast_replay(tdl_store *store, tdl_served *served, tdl_report *why)
{
    size_t horizon = tdl_forecaster_horizon(served->forecaster), decisions_n, events_n;
    double *mean = malloc(horizon * sizeof *mean);
    double *half = malloc(TDL_LEVELS_MAX * horizon * sizeof *half);
    char user[TDL_FORECAST_USER_MAX];
    tdl_decision_row *decision;
    tdl_event *event;
    tdl_status st = TDL_E_NO_MEMORY;

    tdl_forecast_user(served->name, user);
    // long horizons make long records: fewer of them then
    for (size_t limit = REPLAYED_MAX; mean && half && st == TDL_E_NO_MEMORY && limit; limit /= 8) {
        tdl_arena *arena = tdl_arena_new(REPLAY_BYTES);

        if (arena &&
            !(st = tdl_store_decisions(store, tdl_str_of(user), limit, arena, &decision,
                                       &decisions_n, why)) &&
            !(st = tdl_store_user_events(store, tdl_str_of(user), REPLAYED_MAX, arena, &event,
                                         &events_n, why)))
            merge(served, decision, decisions_n, event, events_n, mean, half);
        tdl_arena_free(arena);
    }
    free(mean);
    free(half);
    if (st == TDL_E_NO_MEMORY)
        return TDL_FAIL(why, st, "no memory for the forecasts of model %s", served->name);
    return st;
}

/* ---- what there is to tell ---- */

tdl_status tdl_predict_tell_series(tdl_app *app, tdl_str model, tdl_str series, tdl_jw *out,
                                   tdl_report *why)
{
    tdl_served *served = NULL;
    tdl_buf step = {0};
    size_t shown = 0;
    tdl_status st = tdl_served_find_forecaster(app, model, &served, why);

    if (st)
        return st;
    if (series.len && !tdl_forecaster_find(served->forecaster, series, &shown)) {
        st = TDL_FAIL(why, TDL_E_NOT_FOUND, "model %s was fitted on no series \"%.*s\"",
                      served->name, TDL_FMT(series));
        goto out;
    }
    tdl_step_print(tdl_forecaster_step(served->forecaster), &step);
    tdl_jw_object(out);
    tdl_jw_ktext(out, "model", served->name);
    tdl_jw_ktext(out, "version", served->version);
    tdl_jw_ktext(out, "snapshot", served->hash);
    tdl_jw_kint(out, "horizon", (int64_t)tdl_forecaster_horizon(served->forecaster));
    tdl_jw_kstr(out, "step", tdl_buf_view(&step));
    tdl_ledger_write_quality(served->ledger, out);
    tdl_jw_key(out, "series");
    tdl_jw_array(out);
    for (size_t i = 0; i < tdl_forecaster_series(served->forecaster) && i < TDL_ASK_ROWS_MAX; i++)
        tdl_jw_text(out, tdl_forecaster_at(served->forecaster, i)->name);
    tdl_jw_end_array(out);
    tdl_jw_key(out, "shown");
    tdl_jw_object(out);
    tdl_jw_ktext(out, "series", tdl_forecaster_at(served->forecaster, shown)->name);
    tdl_ledger_write_series(served->ledger, shown, out);
    tdl_jw_end_object(out);
    tdl_jw_end_object(out);
    if (out->out->failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
out:
    tdl_buf_release(&step);
    tdl_served_drop(served);
    return st;
}
