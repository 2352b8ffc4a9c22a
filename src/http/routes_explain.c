/* What answers of the predict app rest on, and what would have to change for another. */
#include <string.h>

#include "base/timestamp.h"
#include "http/routes.h"
#include "loop/rows.h"
#include "wire/native/native.h"

enum { UNTIL_MOST = 8, UNTIL_SECONDS = 10 };

/* Names of columns, ["a", "b"], as the one text that the app takes. */
static tdl_status read_columns(tdl_request *r, const json_t *body, const char *name,
                               const char **ret, tdl_report *why)
{
    const json_t *names = json_object_get(body, name), *one;
    tdl_buf text = {0};
    size_t i;

    if (!names || json_is_null(names))
        return TDL_OK;
    if (!json_is_array(names))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an array of columns", name);
    json_array_foreach(names, i, one)
    {
        if (!json_is_string(one) || strpbrk(json_string_value(one), ",:")) {
            tdl_buf_release(&text);
            return TDL_FAIL(why, TDL_E_INVALID,
                            "%s %zu must be the name of a column, without ',' and ':'", name, i);
        }
        tdl_buf_printf(&text, "%s%s", i ? "," : "", json_string_value(one));
    }
    if (i)
        *ret = tdl_arena_str(r->arena, tdl_buf_view(&text)).at;
    tdl_buf_release(&text);
    return i && !*ret ? TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory")
                      : TDL_OK;
}

/* {"age": [18, 70]} as the one text that the app takes. */
static tdl_status read_between(tdl_request *r, const json_t *body, const char **ret,
                               tdl_report *why)
{
    json_t *ranges = json_object_get(body, "between"), *range;
    tdl_buf text = {0};
    const char *column;

    if (!ranges || json_is_null(ranges))
        return TDL_OK;
    if (!json_is_object(ranges))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "{\"age\": [18, 70]}",
                             "between must be an object");
    json_object_foreach(ranges, column, range)
    {
        if (strpbrk(column, ",:") || json_array_size(range) != 2 ||
            !json_is_number(json_array_get(range, 0)) ||
            !json_is_number(json_array_get(range, 1))) {
            tdl_buf_release(&text);
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "{\"age\": [18, 70]}",
                                 "between \"%.100s\" must be two numbers", column);
        }
        tdl_buf_printf(&text, "%s%s:%.17g:%.17g", text.len ? "," : "", column,
                       json_number_value(json_array_get(range, 0)),
                       json_number_value(json_array_get(range, 1)));
    }
    if (text.len && !(*ret = tdl_arena_str(r->arena, tdl_buf_view(&text)).at)) {
        tdl_buf_release(&text);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    }
    tdl_buf_release(&text);
    return TDL_OK;
}

static tdl_status read_until(tdl_request *r, const json_t *body, tdl_until_ask *ret,
                             tdl_report *why)
{
    const json_t *most = json_object_get(body, "most"), *seconds = json_object_get(body, "seconds");
    tdl_str answer = {0};
    tdl_status st;

    if ((st = tdl_native_text(body, "until", &answer, why)) ||
        (st = read_columns(r, body, "keep", &ret->keep, why)) ||
        (st = read_columns(r, body, "only_up", &ret->only_up, why)) ||
        (st = read_columns(r, body, "only_down", &ret->only_down, why)) ||
        (st = read_between(r, body, &ret->between, why)))
        return st;
    if (most && !json_is_null(most)) {
        if (!json_is_integer(most) || json_integer_value(most) < 1 ||
            json_integer_value(most) > UNTIL_MOST)
            return TDL_FAIL(why, TDL_E_INVALID, "most must be an integer from 1 to %d", UNTIL_MOST);
        ret->most = (size_t)json_integer_value(most);
    }
    if (seconds && !json_is_null(seconds)) {
        ret->seconds = json_number_value(seconds);
        if (!json_is_number(seconds) || !(ret->seconds > 0 && ret->seconds <= UNTIL_SECONDS))
            return TDL_FAIL(why, TDL_E_INVALID, "seconds must be a number above 0, at most %d",
                            UNTIL_SECONDS);
    }
    if (answer.len && !(ret->answer = tdl_arena_str(r->arena, answer).at))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    if (!answer.len && (ret->keep || ret->only_up || ret->only_down || ret->between || ret->most))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "{\"until\": \"yes\", ...}",
                             "until which answer? The limits say nothing without it");
    return TDL_OK;
}

tdl_status tdl_route_explain(tdl_request *r, tdl_report *why)
{
    static const char *const fields[] = {"rows",      "class",   "until", "keep",    "only_up",
                                         "only_down", "between", "most",  "seconds", NULL};
    tdl_jw w = tdl_request_writer(r);
    tdl_rows_ask ask = {.model = r->parameter, .time_us = tdl_time_now()};
    json_t *body = NULL;
    tdl_status st;

    if ((st = tdl_request_object(r, fields, &body, why)) ||
        (st = tdl_native_text(body, "class", &ask.of_class, why)) ||
        (st = read_until(r, body, &ask.until, why)))
        goto out;
    ask.rows = json_object_get(body, "rows");
    st = tdl_loop_explain_rows(r->http->loop, "predict", &ask, &w, why);
out:
    json_decref(body);
    return st;
}
