/* Questions to the predict app, outcomes, and fits from a table that is sent. */
#include <microhttpd.h>
#include <string.h>

#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/rows.h"
#include "wire/native/native.h"

enum {
    LIVE_MAX = 10000,
    LIVE_DEFAULT = 1000,
    KEPT = 5,
    SETTING_MAX = 4096,
    UNTIL_MOST = 8,
    UNTIL_SECONDS = 10
};

/* ---- predict ---- */

static tdl_status read_explain(const json_t *body, tdl_rows_ask *ret, tdl_report *why)
{
    const json_t *explain = json_object_get(body, "explain");

    ret->keep = KEPT;
    if (!explain || json_is_null(explain))
        return TDL_OK;
    if (!json_is_integer(explain) || json_integer_value(explain) < 0 ||
        json_integer_value(explain) > TDL_ASK_EXPLAIN_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "explain must be an integer from 0 to %d",
                        TDL_ASK_EXPLAIN_MAX);
    ret->explain = (size_t)json_integer_value(explain);
    if (!ret->explain) // said to be not wanted
        ret->keep = 0;
    else if (ret->explain > ret->keep)
        ret->keep = ret->explain;
    return TDL_OK;
}

static tdl_status read_interval(const json_t *body, double *ret, tdl_report *why)
{
    const json_t *interval = json_object_get(body, "interval");

    if (!interval || json_is_null(interval))
        return TDL_OK;
    *ret = json_number_value(interval);
    if (!json_is_number(interval) || !(*ret > 0 && *ret < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "interval must be a number between 0 and 1, as 0.9");
    return TDL_OK;
}

static tdl_status read_log(const json_t *body, bool *ret, tdl_report *why)
{
    const json_t *log = json_object_get(body, "log");

    *ret = true;
    if (!log || json_is_null(log))
        return TDL_OK;
    if (!json_is_boolean(log))
        return TDL_FAIL(why, TDL_E_INVALID, "log must be true or false");
    *ret = json_is_true(log);
    return TDL_OK;
}

tdl_status tdl_route_predict(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"rows", "explain", "interval", "log", NULL};
    tdl_jw w = tdl_request_writer(r);
    tdl_rows_ask ask = {.model = r->parameter, .time_us = tdl_time_now()};
    json_t *body = NULL;
    bool log;
    tdl_status st;

    if ((st = tdl_request_object(r, fields, &body, why)) || (st = read_explain(body, &ask, why)) ||
        (st = read_interval(body, &ask.level, why)) || (st = read_log(body, &log, why)))
        goto out;
    ask.rows = json_object_get(body, "rows");
    st = tdl_loop_predict(r->http->loop, "predict", &ask, log, r->arena, &w, why);
out:
    json_decref(body);
    return st;
}

/* ---- outcomes ---- */

/* The event by which one is kept: the truth of a decision, told once or more often. */
static tdl_status make_event(tdl_request *r, const json_t *outcome, const tdl_decision *decision,
                             tdl_event *ret, tdl_report *why)
{
    const json_t *truth = json_object_get(outcome, "truth");
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_str value;

    tdl_jw_object(&w);
    tdl_jw_key(&w, "truth");
    if (json_is_string(truth))
        tdl_jw_str(&w, (tdl_str){json_string_value(truth), json_string_length(truth)});
    else
        tdl_json_dump(&text, truth);
    tdl_jw_end_object(&w);
    value = tdl_arena_str(r->arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    *ret = (tdl_event){.time_us = tdl_time_now(),
                       .user = decision->user,
                       .kind = TDL_STR("outcome"),
                       .value = json_number_value(truth),
                       .has_value = json_is_number(truth),
                       .properties = value,
                       .source = TDL_STR("outcome"),
                       .decision_id = tdl_arena_str(r->arena, tdl_str_of(decision->id))};
    ret->message_id = tdl_arena_printf(r->arena, "%s %.*s", decision->id, TDL_FMT(value));
    if (!ret->user.len) { // the rows are of nobody in particular
        ret->user = TDL_STR("(prediction)");
        ret->no_person = true;
    }
    if (!value.at || !ret->decision_id.at || !ret->message_id.at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    return tdl_event_check(ret, tdl_time_now(), why);
}

/* ret_known: the decision is there. */
static tdl_status read_outcome(tdl_request *r, const json_t *outcome, tdl_event *ret,
                               bool *ret_known, tdl_report *why)
{
    static const char *const fields[] = {"decision_id", "truth", NULL};
    const json_t *truth = json_object_get(outcome, "truth");
    tdl_decision_row row;
    tdl_str id = {0};
    tdl_status st;

    if (!json_is_object(outcome))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not of type %s",
                        tdl_json_type_name(outcome));
    if ((st = tdl_native_check_fields(outcome, fields, why)) ||
        (st = tdl_native_text(outcome, "decision_id", &id, why)))
        return st;
    if (!id.len)
        return TDL_FAIL(why, TDL_E_INVALID, "decision_id is missing");
    if (!json_is_string(truth) && !json_is_number(truth) && !json_is_boolean(truth))
        return TDL_FAIL(why, TDL_E_INVALID, "truth must be a text, a number, true or false");
    st = tdl_store_get_decision(r->http->store, id, r->arena, &row, why);
    *ret_known = !st;
    if (st)
        return st == TDL_E_NOT_FOUND ? TDL_OK : st;
    return make_event(r, outcome, &row.decision, ret, why);
}

static tdl_status read_outcomes(tdl_request *r, const json_t *list, tdl_event *ret, size_t *ret_n,
                                tdl_jw *unknown, tdl_report *why)
{
    size_t n = json_array_size(list);

    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        tdl_str id = {0};
        tdl_status st = read_outcome(r, json_array_get(list, i), &ret[*ret_n], &known, why);

        if (st) {
            tdl_report_prefix(why, "outcome %zu", i);
            return st;
        }
        *ret_n += known;
        if (!known && tdl_json_get_str(json_array_get(list, i), "decision_id", &id))
            tdl_jw_str(unknown, id);
    }
    return TDL_OK;
}

static tdl_status store_outcomes(tdl_request *r, const json_t *list, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    size_t received = json_array_size(list), n = 0, stored = 0;
    tdl_event *event;
    tdl_status st;

    if (!json_is_array(list))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "{\"outcomes\": [{\"decision_id\": ..., \"truth\": ...}, ...]}",
                             "outcomes must be an array, not %s", tdl_json_type_name(list));
    if (received > TDL_ASK_ROWS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu outcomes, %d are allowed", received,
                        TDL_ASK_ROWS_MAX);
    if (!(event = tdl_arena_zalloc(r->arena, received + 1, sizeof *event)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_jw_object(&w);
    tdl_jw_key(&w, "unknown");
    tdl_jw_array(&w);
    if ((st = read_outcomes(r, list, event, &n, &w, why)) ||
        (n && (st = tdl_store_append(r->http->store, event, n, &stored, why))))
        return st;
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "received", (int64_t)received);
    tdl_jw_kint(&w, "stored", (int64_t)stored);
    tdl_jw_kint(&w, "duplicates", (int64_t)(n - stored));
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_predict_outcome(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"outcomes", NULL};
    json_t *body = NULL;
    tdl_status st = tdl_request_object(r, fields, &body, why);

    if (!st)
        st = store_outcomes(r, json_object_get(body, "outcomes"), why);
    json_decref(body);
    return st;
}

/* ---- what there is ---- */

tdl_status tdl_route_predict_models(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    return tdl_loop_tell(r->http->loop, "predict", TDL_ABOUT_MODELS, (tdl_str){0}, 0, r->arena, &w,
                         why);
}

tdl_status tdl_route_predict_schema(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    return tdl_loop_tell(r->http->loop, "predict", TDL_ABOUT_SCHEMA, r->parameter, 0, r->arena, &w,
                         why);
}

tdl_status tdl_route_predict_live(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    int64_t limit;
    tdl_status st =
        tdl_query_int(r->query, "limit", 1, LIVE_MAX, LIVE_DEFAULT, r->arena, &limit, why);

    return st ? st
              : tdl_loop_tell(r->http->loop, "predict", TDL_ABOUT_LIVE, r->parameter, (size_t)limit,
                              r->arena, &w, why);
}

/* By version, or by the name under which it serves. */
static bool is_asked(const tdl_model_row *row, tdl_str model)
{
    size_t prefix = strlen("predict/");

    if (tdl_str_eq(row->version, model))
        return true;
    return row->active && tdl_str_starts(row->app, TDL_STR("predict/")) &&
           tdl_str_eq(model, (tdl_str){row->app.at + prefix, row->app.len - prefix});
}

tdl_status tdl_route_model_card(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_model_row *row;
    size_t n;
    tdl_status st = tdl_store_models(r->http->store, (tdl_str){0}, r->arena, &row, &n, why);

    if (st)
        return st;
    for (size_t i = 0; i < n; i++) {
        if (!is_asked(&row[i], r->parameter))
            continue;
        tdl_jw_object(&w);
        tdl_jw_kstr(&w, "version", row[i].version);
        tdl_jw_kbool(&w, "active", row[i].active);
        tdl_jw_ktext(&w, "hash", row[i].hash);
        tdl_jw_kraw(&w, "card", row[i].report);
        tdl_jw_end_object(&w);
        return TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/models lists them",
                         "there is no model or version \"%.*s\"", TDL_FMT(r->parameter));
}

/* ---- fit ---- */

/* Every parameter of the query as a text. */
static tdl_status read_settings(tdl_request *r, json_t *ret, tdl_report *why)
{
    for (tdl_str rest = r->query; rest.len;) {
        const char *end = memchr(rest.at, '&', rest.len);
        tdl_str one = {rest.at, end ? (size_t)(end - rest.at) : rest.len}, name, value;
        const char *equal = one.len ? memchr(one.at, '=', one.len) : NULL;
        tdl_status st;

        rest.at += one.len + (end != NULL);
        rest.len -= one.len + (end != NULL);
        if (!one.len)
            continue;
        name = (tdl_str){one.at, equal ? (size_t)(equal - one.at) : one.len};
        if ((st = tdl_percent_decode(name, true, r->arena, &name, why)))
            return st;
        name = tdl_arena_str(r->arena, name); // ends in NUL
        if (!name.at)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
        if ((st = tdl_query_text(r->query, name.at, SETTING_MAX, r->arena, &value, why)))
            return st;
        if (value.len && json_object_set_new(ret, name.at, json_stringn(value.at, value.len)))
            return TDL_FAIL(why, TDL_E_INVALID, "%s is not valid UTF-8", name.at);
    }
    return TDL_OK;
}

tdl_status tdl_route_predict_fit(tdl_request *r, tdl_report *why)
{
    json_t *settings = json_object();
    tdl_status st = read_settings(r, settings, why);

    if (!st && !r->text.len)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "send the text of a CSV file", "the body is empty");
    if (!st)
        st = tdl_loop_fit_start(r->http->loop, "predict", r->text, settings, why);
    json_decref(settings);
    r->http_status = MHD_HTTP_ACCEPTED;
    r->fixed = TDL_STR("{\"state\":\"running\"}");
    return st;
}
