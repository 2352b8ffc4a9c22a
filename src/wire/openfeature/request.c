#include "treadle/event.h"
#include "wire/openfeature/openfeature.h"

void tdl_ofrep_release(tdl_ofrep_ask *ask)
{
    json_decref(ask->json);
    *ask = (tdl_ofrep_ask){0};
}

static tdl_status take_targeting_key(json_t *context, tdl_ofrep_ask *ret,
                                     tdl_ofrep_fault *ret_fault, tdl_report *why)
{
    const json_t *key = json_object_get(context, "targetingKey");

    *ret_fault = TDL_OFREP_TARGETING_KEY_MISSING;
    if (!key || json_is_null(key) || (json_is_string(key) && !json_string_length(key)))
        return TDL_FAIL(why, TDL_E_INVALID, "context.targetingKey is missing: it says who asks");
    *ret_fault = TDL_OFREP_INVALID_CONTEXT;
    if (!json_is_string(key))
        return TDL_FAIL(why, TDL_E_INVALID, "context.targetingKey must be a string, not of type %s",
                        tdl_json_type_name(key));
    if (json_string_length(key) > TDL_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "context.targetingKey is longer than %d bytes",
                        TDL_ID_MAX);
    ret->targeting_key = (tdl_str){json_string_value(key), json_string_length(key)};
    return TDL_OK;
}

/* The key stays with the body, out of the properties. */
static tdl_status split_context(json_t *body, tdl_ofrep_ask *ret, tdl_report *why)
{
    json_t *context = json_object_get(body, "context");

    if (json_object_set(body, "targetingKey", json_object_get(context, "targetingKey")) ||
        json_object_del(context, "targetingKey"))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the context");
    ret->properties = context;
    ret->json = body;
    return TDL_OK;
}

static tdl_status read_body(json_t *body, tdl_ofrep_ask *ret, tdl_ofrep_fault *ret_fault,
                            tdl_report *why)
{
    json_t *context = json_object_get(body, "context");
    tdl_status st;

    *ret_fault = TDL_OFREP_PARSE_ERROR;
    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not of type %s",
                        tdl_json_type_name(body));
    *ret_fault = TDL_OFREP_INVALID_CONTEXT;
    if (context && !json_is_null(context) && !json_is_object(context))
        return TDL_FAIL(why, TDL_E_INVALID, "context must be an object, not of type %s",
                        tdl_json_type_name(context));
    if ((st = take_targeting_key(context, ret, ret_fault, why)))
        return st;
    return split_context(body, ret, why);
}

tdl_status tdl_ofrep_decode(tdl_str text, tdl_ofrep_ask *ret, tdl_ofrep_fault *ret_fault,
                            tdl_report *why)
{
    json_t *body = NULL;
    tdl_ofrep_ask ask = {0};
    tdl_status st;

    *ret_fault = TDL_OFREP_PARSE_ERROR;
    if ((st = tdl_json_parse(text, TDL_JSON_LAST_WINS, &body, why)))
        return st;
    if ((st = read_body(body, &ask, ret_fault, why))) {
        json_decref(body);
        return st;
    }
    *ret = ask;
    return TDL_OK;
}
