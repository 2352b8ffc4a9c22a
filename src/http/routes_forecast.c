/* Questions about series, values that became known, and how right forecasts were. */
#include <string.h>

#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/rows.h"
#include "wire/native/native.h"

enum { SERIES_NAME_MAX = 4096 };

/* A member that is there and not null. */
static const json_t *member(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);

    return json_is_null(value) ? NULL : value;
}

static tdl_status read_horizon(const json_t *body, size_t *ret, tdl_report *why)
{
    const json_t *horizon = member(body, "horizon");

    if (!horizon)
        return TDL_OK;
    if (!json_is_integer(horizon) || json_integer_value(horizon) < 1)
        return TDL_FAIL(why, TDL_E_INVALID, "horizon must be a whole number of steps, 1 or more");
    *ret = (size_t)json_integer_value(horizon);
    return TDL_OK;
}

static tdl_status read_levels(const json_t *body, tdl_series_ask *ret, tdl_report *why)
{
    const json_t *levels = member(body, "levels");

    ret->level[0] = .8;
    ret->level[1] = .95;
    ret->levels_n = levels ? json_array_size(levels) : 2;
    if (!levels)
        return TDL_OK;
    if (!json_is_array(levels) || ret->levels_n > TDL_ASK_LEVELS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "levels must be an array of at most %d numbers",
                        TDL_ASK_LEVELS_MAX);
    for (size_t k = 0; k < ret->levels_n; k++) {
        const json_t *level = json_array_get(levels, k);

        ret->level[k] = json_number_value(level);
        if (!json_is_number(level) || !(ret->level[k] > 0 && ret->level[k] < 1))
            return TDL_FAIL(why, TDL_E_INVALID,
                            "level %zu must be a number between 0 and 1, as 0.8", k);
    }
    return TDL_OK;
}

tdl_status tdl_route_forecast(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"series", "history", "start", "horizon",
                                         "levels", "log",     NULL};
    tdl_jw w = tdl_request_writer(r);
    tdl_series_ask ask = {.model = r->parameter, .time_us = tdl_time_now()};
    const json_t *log;
    json_t *body = NULL;
    tdl_status st;

    if ((st = tdl_request_object(r, fields, &body, why)) ||
        (st = read_horizon(body, &ask.horizon, why)) || (st = read_levels(body, &ask, why)))
        goto out;
    log = member(body, "log");
    if (log && !json_is_boolean(log)) {
        st = TDL_FAIL(why, TDL_E_INVALID, "log must be true or false");
        goto out;
    }
    ask.series = member(body, "series");
    ask.history = member(body, "history");
    ask.start = member(body, "start");
    st = tdl_loop_forecast(r->http->loop, "predict", &ask, !log || json_is_true(log), r->arena, &w,
                           why);
out:
    json_decref(body);
    return st;
}

static tdl_status store_outcomes(tdl_request *r, tdl_str model, const json_t *list, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    size_t received = json_array_size(list), stored = 0;
    tdl_status st;

    if (!model.len)
        return TDL_FAIL(why, TDL_E_INVALID, "model is missing");
    if (!json_is_array(list))
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "{\"model\": ..., \"outcomes\": [{\"series\": ..., \"time\": ..., "
                             "\"truth\": ...}, ...]}",
                             "outcomes must be an array, not %s", tdl_json_type_name(list));
    if (received > TDL_ASK_ROWS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu outcomes, %d are allowed", received,
                        TDL_ASK_ROWS_MAX);
    if ((st =
             tdl_loop_series_truths(r->http->loop, "predict", model, list, r->arena, &stored, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "received", (int64_t)received);
    tdl_jw_kint(&w, "stored", (int64_t)stored);
    tdl_jw_kint(&w, "duplicates", (int64_t)(received - stored));
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_forecast_outcome(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"model", "outcomes", NULL};
    json_t *body = NULL;
    tdl_str model = {0};
    tdl_status st;

    if (!(st = tdl_request_object(r, fields, &body, why)) &&
        !(st = tdl_native_text(body, "model", &model, why)))
        st = store_outcomes(r, model, json_object_get(body, "outcomes"), why);
    json_decref(body);
    return st;
}

tdl_status tdl_route_forecast_live(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_str series = {0};
    tdl_status st = tdl_query_text(r->query, "series", SERIES_NAME_MAX, r->arena, &series, why);

    return st ? st : tdl_loop_tell_series(r->http->loop, "predict", r->parameter, series, &w, why);
}
