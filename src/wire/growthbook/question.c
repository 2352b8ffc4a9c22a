#include "wire/fields.h"
#include "wire/growthbook/growthbook.h"
#include "wire/repair.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

/* A member that is an object, or absent; null is absent. */
static tdl_status read_object(const json_t *body, const char *key, json_t **ret, tdl_report *why)
{
    json_t *value = json_object_get(body, key);

    *ret = json_is_object(value) ? value : NULL;
    return *ret || !value || json_is_null(value)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "%s must be an object, not of type %s", key,
                          tdl_json_type_name(value));
}

/* [[key, value], ...] as an object; of equal keys the last counts. */
static tdl_status read_forced_values(const json_t *body, json_t **ret, tdl_report *why)
{
    const json_t *pairs = json_object_get(body, "forcedFeatures");

    if (!(*ret = json_object()))
        return no_memory(why);
    if (pairs && !json_is_array(pairs) && !json_is_null(pairs))
        return TDL_FAIL(why, TDL_E_INVALID, "forcedFeatures must be an array, not of type %s",
                        tdl_json_type_name(pairs));
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        json_t *pair = json_array_get(pairs, i), *value = json_array_get(pair, 1);
        const char *key = json_string_value(json_array_get(pair, 0));
        if (!key)
            return TDL_FAIL(why, TDL_E_INVALID, "forcedFeatures %zu has no key", i);
        if (value ? json_object_set(*ret, key, value) : json_object_set_new(*ret, key, json_null()))
            return no_memory(why);
    }
    return TDL_OK;
}

/* Who is asked about, for the log. What is hashed is in the attributes, and nowhere else: "id" is
 * named there even when it is missing. */
static tdl_status read_person(json_t *attributes, tdl_arena *arena, tdl_flag_context *context,
                              tdl_report *why)
{
    static const char *const ids[] = {"user_id", "device_id", "anonymous_id", "id", NULL};
    tdl_status st = tdl_fields_first_id(attributes, ids, arena, &context->id, why);

    if (st)
        return st;
    if (!json_object_get(attributes, "id") && json_object_set_new(attributes, "id", json_null()))
        return no_memory(why);
    context->properties = attributes;
    return TDL_OK;
}

tdl_status tdl_growthbook_read_question(tdl_str text, int64_t now_us, tdl_arena *arena,
                                        tdl_growthbook_question *ret, tdl_report *why)
{
    json_t *attributes, *forced;
    tdl_status st = tdl_repair_parse(text, &ret->body, why);

    if (st)
        return st;
    if (!json_is_object(ret->body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(ret->body));
    if ((st = read_object(ret->body, "attributes", &attributes, why)) ||
        (st = read_object(ret->body, "forcedVariations", &forced, why)) ||
        (st = read_forced_values(ret->body, &ret->forced_values, why)))
        return st;
    if (!attributes && json_object_set_new(ret->body, "attributes", attributes = json_object()))
        return no_memory(why);
    ret->context =
        (tdl_flag_context){.forced = forced, .forced_values = ret->forced_values, .now_us = now_us};
    tdl_json_get_str(ret->body, "url", &ret->context.url);
    return read_person(attributes, arena, &ret->context, why);
}

void tdl_growthbook_question_release(tdl_growthbook_question *question)
{
    json_decref(question->body);
    json_decref(question->forced_values);
}
