/* How long rows are kept. */
#include <microhttpd.h>

#include "base/timestamp.h"
#include "http/routes.h"
#include "loop/retention.h"
#include "wire/native/native.h"

static void write_rules(tdl_jw *w, const tdl_retention_rule *rules, size_t n)
{
    tdl_jw_key(w, "rules");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "kind", rules[i].kind);
        tdl_jw_kint(w, "days", rules[i].days);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* The store wrote it; another version may have written something else. */
static void write_report(tdl_jw *w, tdl_str text)
{
    json_t *parsed = NULL;

    tdl_jw_key(w, "last_run");
    if (text.len && !tdl_json_parse(text, TDL_JSON_LAST_WINS, &parsed, NULL))
        tdl_jw_raw(w, text);
    else
        tdl_jw_null(w);
    json_decref(parsed);
}

tdl_status tdl_route_retention(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_retention_rule *rules;
    tdl_buf report = {0};
    bool found;
    size_t n;
    tdl_status st = tdl_store_retention(r->http->store, r->arena, &rules, &n, why);

    if (!st && !(st = tdl_store_setting(r->http->store, TDL_STR(TDL_RETAIN_REPORT), &report, &found,
                                        why))) {
        tdl_jw_object(&w);
        write_rules(&w, rules, n);
        write_report(&w, tdl_buf_view(&report));
        tdl_jw_end_object(&w);
    }
    tdl_buf_release(&report);
    return st;
}

static tdl_status read_rule(const json_t *object, tdl_retention_rule *ret, tdl_report *why)
{
    static const char *const fields[] = {"kind", "days", NULL};
    const json_t *days = json_object_get(object, "days");
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not a %s",
                        tdl_json_type_name(object));
    *ret = (tdl_retention_rule){0};
    if ((st = tdl_native_check_fields(object, fields, why)) ||
        (st = tdl_native_text(object, "kind", &ret->kind, why)))
        return st;
    if (!json_is_string(json_object_get(object, "kind")))
        return TDL_FAIL(why, TDL_E_INVALID, "kind is missing");
    if (!json_is_integer(days))
        return TDL_FAIL(why, TDL_E_INVALID, "days must be an integer");
    ret->days = json_integer_value(days);
    return TDL_OK;
}

static tdl_status put_rules(tdl_request *r, const json_t *body, tdl_report *why)
{
    static const char *const fields[] = {"rules", NULL};
    const json_t *list = json_object_get(body, "rules");
    tdl_retention_rule rules[TDL_RETENTION_RULES_MAX];
    size_t n = json_array_size(list);
    tdl_status st;

    if (!json_is_object(body) || !json_is_array(list))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object with an array \"rules\"");
    if ((st = tdl_native_check_fields(body, fields, why)))
        return st;
    if (n > TDL_RETENTION_RULES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rules, %d are allowed", n,
                        TDL_RETENTION_RULES_MAX);
    for (size_t i = 0; i < n; i++)
        if ((st = read_rule(json_array_get(list, i), &rules[i], why))) {
            tdl_report_prefix(why, "rule %zu", i);
            return st;
        }
    return tdl_store_put_retention(r->http->store, rules, n, why);
}

tdl_status tdl_route_put_retention(tdl_request *r, tdl_report *why)
{
    json_t *body = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = put_rules(r, body, why);
    json_decref(body);
    return st ? st : tdl_route_retention(r, why);
}

tdl_status tdl_route_run_retention(tdl_request *r, tdl_report *why)
{
    tdl_status st = tdl_loop_retain_start(r->http->loop, why);

    if (st)
        return st;
    r->http_status = MHD_HTTP_ACCEPTED;
    r->fixed = TDL_STR("{\"status\":\"started\"}");
    return TDL_OK;
}
