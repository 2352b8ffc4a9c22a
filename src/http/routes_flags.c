/* Treadle's own API of flags. */
#include "base/timestamp.h"
#include "flags/short.h"
#include "http/flag_known.h"
#include "http/routes.h"
#include "loop/flags.h"
#include "wire/native/native.h"

static void write_flag(tdl_jw *w, const tdl_flag *flag)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", flag->row.key);
    tdl_jw_kint(w, "id", flag->row.id);
    tdl_jw_kstr(w, "family", flag->row.family);
    tdl_jw_kint(w, "version", flag->row.version);
    tdl_jw_ktime(w, "created", flag->row.created_us);
    tdl_jw_ktime(w, "updated", flag->row.updated_us);
    tdl_jw_kraw(w, "definition", flag->row.definition);
    tdl_jw_end_object(w);
}

tdl_status tdl_route_flags(tdl_request *r, tdl_report *why)
{
    tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
    tdl_jw w = tdl_request_writer(r);

    TDL_UNUSED(why);
    tdl_jw_object(&w);
    tdl_jw_key(&w, "flags");
    tdl_jw_array(&w);
    for (size_t i = 0; i < tdl_flag_set_count(served->set); i++)
        write_flag(&w, tdl_flag_set_at(served->set, i));
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    tdl_loop_flags_drop(served);
    return TDL_OK;
}

static tdl_status find(const tdl_flag_set *set, tdl_str key, const tdl_flag **ret, tdl_report *why)
{
    if ((*ret = tdl_flag_set_find(set, key)))
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/flags lists what there is",
                         "there is no flag \"%.*s\"", TDL_FMT(key));
}

tdl_status tdl_route_flag(tdl_request *r, tdl_report *why)
{
    tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
    tdl_jw w = tdl_request_writer(r);
    const tdl_flag *flag;
    tdl_status st = find(served->set, r->parameter, &flag, why);

    if (!st)
        write_flag(&w, flag);
    tdl_loop_flags_drop(served);
    return st;
}

/* ---- changes ---- */

/* ret: the caller's reference. */
static tdl_status read_definition(const json_t *body, tdl_str *ret_family, json_t **ret,
                                  tdl_report *why)
{
    static const char *const fields[] = {"family", "definition", NULL};
    json_t *definition = json_object_get(body, "definition");
    tdl_status st;

    *ret_family = TDL_STR("posthog");
    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    if (!definition && !json_object_get(body, "family"))
        return tdl_flag_short(body, ret, why);
    *ret_family = (tdl_str){0};
    if ((st = tdl_native_check_fields(body, fields, why)) ||
        (st = tdl_native_text(body, "family", ret_family, why)))
        return st;
    if (!ret_family->len || !definition)
        return TDL_FAIL(why, TDL_E_INVALID, "%s is missing", definition ? "family" : "definition");
    *ret = json_incref(definition);
    return TDL_OK;
}

static tdl_status put(tdl_request *r, const json_t *body, tdl_report *why)
{
    tdl_flag_row row = {.key = r->parameter};
    json_t *definition = NULL;
    tdl_buf text = {.limit = TDL_PROPERTIES_MAX + 1};
    tdl_status st = read_definition(body, &row.family, &definition, why);

    if (st)
        return st;
    tdl_json_dump(&text, definition);
    row.definition = tdl_buf_view(&text);
    if (r->parameter.len > TDL_ID_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "the key is longer than %d bytes", TDL_ID_MAX);
    else if (text.failed || text.len > TDL_PROPERTIES_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "the definition takes more than %d bytes",
                      TDL_PROPERTIES_MAX);
    else
        st = tdl_loop_put_flag(r->http->loop, &row, why);
    tdl_buf_release(&text);
    json_decref(definition);
    return st;
}

tdl_status tdl_route_put_flag(tdl_request *r, tdl_report *why)
{
    json_t *body = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = put(r, body, why);
    json_decref(body);
    return st ? st : tdl_route_flag(r, why);
}

tdl_status tdl_route_drop_flag(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_status st = tdl_loop_drop_flag(r->http->loop, r->parameter, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "key", r->parameter);
    tdl_jw_kbool(&w, "deleted", true);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

/* ---- trying out ---- */

static void write_arms(tdl_jw *w, const tdl_flag_answer *a)
{
    tdl_jw_key(w, "arms");
    tdl_jw_array(w);
    for (size_t i = 0; i < a->arms_n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "key", a->arms[i].key);
        tdl_jw_knumber(w, "probability", a->arms[i].probability);
        tdl_jw_kbool(w, "chosen", i == a->chosen);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_answer(tdl_jw *w, const tdl_flag *flag, const tdl_flag_answer *a,
                         const char *decision_id)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "key", flag->row.key);
    tdl_jw_kint(w, "version", flag->row.version);
    tdl_jw_kraw(w, "value", a->value);
    tdl_jw_kbool(w, "enabled", a->enabled);
    tdl_answer_text(w, "variant", a->variant);
    tdl_jw_kraw(w, "payload", a->payload);
    tdl_jw_ktext(w, "reason", tdl_flag_reason_name(a->reason));
    tdl_jw_key(w, "rule");
    if (a->rule >= 0)
        tdl_jw_int(w, a->rule);
    else
        tdl_jw_null(w);
    tdl_answer_text(w, "experiment", a->experiment);
    write_arms(w, a);
    tdl_answer_text(w, "decision_id", tdl_str_of(decision_id));
    tdl_jw_end_object(w);
}

/* Who is asked about: {"id", "anonymous_id", "device_id", "properties", "groups",
 * "group_properties", "url", "forced"}. */
static tdl_status read_context(const json_t *body, tdl_flag_context *ret, tdl_report *why)
{
    static const char *const fields[] = {"id",         "anonymous_id", "device_id",
                                         "properties", "groups",       "group_properties",
                                         "url",        "forced",       NULL};
    static const char *const objects[] = {"properties", "groups", "group_properties", "forced"};
    const json_t *object[4];
    tdl_status st;

    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    if ((st = tdl_native_check_fields(body, fields, why)) ||
        (st = tdl_native_text(body, "id", &ret->id, why)) ||
        (st = tdl_native_text(body, "anonymous_id", &ret->anonymous_id, why)) ||
        (st = tdl_native_text(body, "device_id", &ret->device_id, why)) ||
        (st = tdl_native_text(body, "url", &ret->url, why)))
        return st;
    for (size_t i = 0; i < 4; i++) {
        object[i] = json_object_get(body, objects[i]);
        if (object[i] && !json_is_object(object[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "%s must be an object, not of type %s", objects[i],
                            tdl_json_type_name(object[i]));
    }
    ret->properties = object[0];
    ret->groups = object[1];
    ret->group_properties = object[2];
    ret->forced = object[3];
    if (!ret->id.len || ret->id.len > TDL_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "id must be a text of 1 to %d bytes", TDL_ID_MAX);
    return TDL_OK;
}

static tdl_status answer(tdl_request *r, const tdl_flag_set *set, const tdl_flag *flag,
                         const tdl_flag_context *context, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_flag_answer answer;
    char decision_id[37];
    tdl_status st = tdl_loop_flag_answer(r->http->loop, set, flag, context, r->id, r->arena,
                                         &answer, decision_id, why);

    if (!st)
        write_answer(&w, flag, &answer, decision_id);
    return st;
}

/* What the question does not say itself is looked up: traits of the person and of the groups. */
static tdl_status evaluate(tdl_request *r, const tdl_flag_set *set, const json_t *body,
                           tdl_report *why)
{
    tdl_flag_context context = {.now_us = tdl_time_now()};
    tdl_flag_known known = {0};
    const tdl_flag *flag;
    tdl_status st;

    if ((st = find(set, r->parameter, &flag, why)) || (st = read_context(body, &context, why)))
        return st;
    bool wants = tdl_flag_wants(set, flag, context.properties);
    if (wants && !r->may_wait) {
        r->must_wait = true;
        return TDL_OK;
    }
    if (wants)
        st = tdl_flag_known_read(&known, r->http->store, &context, why);
    if (!st)
        st = answer(r, set, flag, &context, why);
    tdl_flag_known_release(&known);
    return st;
}

tdl_status tdl_route_evaluate_flag(tdl_request *r, tdl_report *why)
{
    tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
    json_t *body = NULL;
    tdl_status st = tdl_json_parse(r->text, TDL_JSON_REFUSE_DUPLICATES, &body, why);

    if (!st)
        st = evaluate(r, served->set, body, why);
    json_decref(body);
    tdl_loop_flags_drop(served);
    return st;
}
