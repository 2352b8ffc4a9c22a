/* Models, training and the server's pulse. */
#include <stdint.h>

#include "base/timestamp.h"
#include "http/routes.h"
#include "treadle/treadle.h"
#include "wire/native/native.h"

static void write_time(tdl_jw *w, const char *key, int64_t time_us)
{
    tdl_jw_key(w, key);
    if (time_us)
        tdl_jw_time(w, time_us);
    else
        tdl_jw_null(w);
}

static void write_model(tdl_jw *w, const tdl_model_row *model)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "version", model->version);
    tdl_jw_kstr(w, "app", model->app);
    tdl_jw_ktime(w, "created", model->created_us);
    write_time(w, "stale_since", model->stale_us);
    tdl_jw_kbool(w, "active", model->active);
    tdl_jw_kint(w, "bytes", model->bytes);
    tdl_jw_ktext(w, "hash", model->hash);
    tdl_jw_kraw(w, "report", model->report);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_models(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_model_row *models;
    size_t n;
    tdl_status st = tdl_store_models(r->http->store, (tdl_str){0}, r->arena, &models, &n, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "models");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++)
        write_model(&w, &models[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_activate_model(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_status st = tdl_loop_activate_model(r->http->loop, r->parameter, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "version", r->parameter);
    tdl_jw_kbool(&w, "active", true);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

static tdl_status read_seed(const json_t *body, uint64_t *ret, tdl_report *why)
{
    const json_t *seed = json_object_get(body, "seed");

    *ret = 1;
    if (!seed || json_is_null(seed))
        return TDL_OK;
    if (!json_is_integer(seed) || json_integer_value(seed) < 0)
        return TDL_FAIL(why, TDL_E_INVALID, "seed must be an integer, 0 or more");
    *ret = (uint64_t)json_integer_value(seed);
    return TDL_OK;
}

static tdl_status start_training(tdl_request *r, const json_t *body, tdl_report *why)
{
    static const char *const fields[] = {"app", "seed", NULL};
    tdl_str app = {0};
    uint64_t seed;
    tdl_status st;

    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not a %s",
                        tdl_json_type_name(body));
    if ((st = tdl_native_check_fields(body, fields, why)) ||
        (st = tdl_native_text(body, "app", &app, why)) || (st = read_seed(body, &seed, why)))
        return st;
    if (!app.len)
        return TDL_FAIL(why, TDL_E_INVALID, "app is missing");
    return tdl_loop_train_start(r->http->loop, app.at, seed, why);
}

tdl_status tdl_route_train(tdl_request *r, tdl_report *why)
{
    json_t *body = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = start_training(r, body, why);
    json_decref(body);
    r->http_status = 202;
    r->fixed = TDL_STR("{\"state\":\"running\"}");
    return st;
}

/* ---- pulse ---- */

static void write_training(tdl_jw *w, tdl_loop *loop)
{
    tdl_training training;

    tdl_loop_training(loop, &training);
    bool failed = training.state == TDL_TRAINING_FAILED;
    tdl_jw_object(w);
    tdl_jw_ktext(w, "state", tdl_training_state_name(training.state));
    tdl_answer_text(w, "app", tdl_str_of(training.app));
    tdl_answer_text(w, "stage", tdl_str_of(training.stage));
    tdl_answer_text(w, "detail", tdl_str_of(training.detail));
    tdl_jw_knumber(w, "done", training.done);
    write_time(w, "started", training.started_us);
    write_time(w, "finished", training.finished_us);
    tdl_answer_text(w, "error", failed ? tdl_str_of(training.why.message) : (tdl_str){0});
    tdl_answer_text(w, "hint", failed ? tdl_str_of(training.why.hint) : (tdl_str){0});
    tdl_jw_end_object(w);
}

static void write_events(tdl_jw *w, tdl_loop *loop, const tdl_store_counts *counts)
{
    uint32_t rate[TDL_RATE_SECONDS];

    tdl_loop_event_rate(loop, rate);
    tdl_jw_object(w);
    tdl_jw_kint(w, "total", counts->events);
    tdl_jw_kint(w, "duplicates", counts->duplicates);
    tdl_jw_key(w, "per_second");
    tdl_jw_array(w);
    for (size_t i = 0; i < TDL_RATE_SECONDS; i++)
        tdl_jw_int(w, rate[i]);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_stats(tdl_request *r, tdl_report *why)
{
    tdl_http *http = r->http;
    tdl_jw w = tdl_request_writer(r);
    tdl_store_counts counts;

    TDL_UNUSED(why);
    tdl_store_count(http->store, &counts);
    tdl_jw_object(&w);
    tdl_jw_ktime(&w, "time", tdl_time_now());
    tdl_jw_key(&w, "events");
    write_events(&w, http->loop, &counts);
    tdl_jw_kint(&w, "users", counts.users);
    tdl_jw_kint(&w, "items", counts.items);
    tdl_jw_kint(&w, "decisions", counts.decisions);
    tdl_jw_kint(&w, "rewards", counts.rewards);
    tdl_jw_key(&w, "training");
    write_training(&w, http->loop);
    tdl_jw_ktext(&w, "version", tdl_version());
    tdl_jw_knumber(&w, "uptime_seconds", (double)(tdl_time_monotonic() - http->since_us) / 1e6);
    tdl_jw_end_object(&w);
    return TDL_OK;
}
