#include "wire/clock.h"
#include "wire/posthog/posthog.h"
#include "wire/repair.h"

/* The list of events, or NULL for a body that is one event itself. */
static tdl_status find_list(json_t *body, json_t **ret, tdl_report *why)
{
    json_t *batch = json_object_get(body, "batch");

    *ret = NULL;
    if (json_is_array(body)) {
        *ret = body;
        return TDL_OK;
    }
    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object or an array, not a %s",
                        tdl_json_type_name(body));
    if (json_is_array(batch)) {
        *ret = batch;
        return TDL_OK;
    }
    if (batch)
        return TDL_FAIL(why, TDL_E_INVALID, "batch must be an array, not %s",
                        tdl_json_type_name(batch));
    if (!json_object_get(body, "event"))
        return TDL_FAIL(why, TDL_E_INVALID, "the body has neither a batch nor an event");
    return TDL_OK;
}

/* ---- keys ---- */

/* A key of its own that an object shows; the first that is there counts. */
static bool own_key(const json_t *object, tdl_str *ret)
{
    static const char *const names[] = {"api_key", "token", "$token"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (tdl_json_get_str(object, names[i], ret) && ret->len)
            return true;
    return false;
}

/* Is `key` another one than *ret? An empty *ret becomes `key`. */
static bool another(tdl_str key, tdl_str *ret)
{
    if (!ret->len)
        *ret = key;
    return !tdl_str_eq(key, *ret);
}

/* Collects the key of a body. A token among the properties counts only where neither the body nor
 * its event has a key: elsewhere it may be anything. False: there are two different keys. */
static bool find_key(const json_t *body, const json_t *list, bool known, tdl_str *ret)
{
    size_t n = list ? json_array_size(list) : 1;
    tdl_str key;

    *ret = (tdl_str){0};
    bool outside = own_key(body, ret);
    for (size_t i = 0; !known && i < n; i++) {
        const json_t *event = list ? json_array_get(list, i) : body;
        const json_t *properties = json_object_get(event, "properties");
        bool found = own_key(event, &key) ||
                     (!outside && tdl_json_get_str(properties, "token", &key) && key.len);
        if (found && another(key, ret))
            return false;
    }
    return true;
}

/* ---- */

static tdl_status decode_one(void *context, json_t *object, tdl_event *ret, tdl_report *why)
{
    return tdl_posthog_event(object, context, ret, why);
}

/* Of a uuid that came twice the first copy counts. */
static void note_result(void *context, const json_t *object, const tdl_report *outcome)
{
    const tdl_posthog_request *r = context;
    const char *uuid = json_string_value(json_object_get(object, "uuid"));

    if (!uuid || json_object_get(r->results, uuid))
        return;
    json_object_set_new_nocheck(
        r->results, uuid,
        outcome->status ? json_pack("{s:s, s:s}", "result", "drop", "details", outcome->message)
                        : json_pack("{s:s}", "result", "ok"));
}

/* When the sender says it sent; -1 for what was recorded long ago, which no clock corrects. */
static int64_t sent(const json_t *body, const tdl_posthog_call *call)
{
    int64_t us = call->sent_us;
    bool historical = false;

    if (tdl_json_get_bool(body, "historical_migration", &historical) && historical)
        return -1;
    tdl_clock_read(json_object_get(body, "sent_at"), &us);
    return us;
}

static tdl_status read_body(tdl_str text, bool key_known, tdl_batch *ret, json_t **ret_list,
                            tdl_str *ret_key, tdl_report *why)
{
    tdl_status st;

    *ret_key = (tdl_str){0};
    if ((st = tdl_repair_parse(text, &ret->json, why)))
        return st;
    st = find_list(ret->json, ret_list, why);
    if (!find_key(ret->json, *ret_list, key_known, ret_key))
        return TDL_FAIL(why, TDL_E_UNAUTHORIZED, "the batch shows two different keys");
    return st;
}

static tdl_status fill(tdl_posthog_request *r, json_t *list, tdl_batch *ret, tdl_report *why)
{
    const tdl_batch_source source = {.list = list,
                                     .single = ret->json,
                                     .decode = decode_one,
                                     .told = r->results ? note_result : NULL,
                                     .context = r};
    tdl_status st = tdl_batch_fill(ret, &source, r->arena, why);

    if (!st && r->results)
        tdl_json_dump(r->call->ret_results, r->results);
    return st;
}

tdl_status tdl_posthog_decode(tdl_str text, const tdl_posthog_call *call, tdl_arena *arena,
                              tdl_batch *ret, tdl_str *ret_key, tdl_report *why)
{
    json_t *list;
    tdl_status st = read_body(text, call->key_known, ret, &list, ret_key, why);

    if (st)
        return st;
    if (ret_key->len && !(*ret_key = tdl_arena_str(arena, *ret_key)).at) // events lose their token
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_posthog_request r = {.call = call,
                             .sent_us = sent(ret->json, call),
                             .key = *ret_key,
                             .arena = arena,
                             .results = call->ret_results ? json_object() : NULL};
    if (call->ret_results && !r.results)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    st = fill(&r, list, ret, why);
    json_decref(r.results);
    return st;
}

tdl_status tdl_posthog_key(tdl_str text, tdl_batch *ret, tdl_str *ret_key, tdl_report *why)
{
    json_t *list;
    tdl_status st = read_body(text, false, ret, &list, ret_key, why);

    return st == TDL_E_INVALID && ret->json ? TDL_OK : st; // whatever shape it has
}
