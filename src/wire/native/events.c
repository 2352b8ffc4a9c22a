#include "wire/native/native.h"

#include <string.h>

#include "base/timestamp.h"
#include "base/uuid.h"
#include "wire/fields.h"

static const char *const event_fields[] = {"user",  "kind",         "item",        "value",
                                           "time",  "properties",   "message_id",  "decision_id",
                                           "alias", "traits",       "traits_once", "group_type",
                                           "group", "group_traits", NULL};

tdl_status tdl_native_check_fields(const json_t *object, const char *const *fields, tdl_report *why)
{
    json_t *members = (json_t *)object; // jansson's iterators are not const-correct

    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it)) {
        const char *key = json_object_iter_key(it);
        const char *const *field = fields;
        while (*field && strcmp(*field, key))
            field++;
        if (!*field)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET /openapi.json lists the fields",
                                 "there is no field \"%.100s\"", key);
    }
    return TDL_OK;
}

tdl_status tdl_native_text(const json_t *object, const char *field, tdl_str *ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, field);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_string(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be a string, not a %s", field,
                        tdl_json_type_name(value));
    *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    return TDL_OK;
}

tdl_status tdl_native_time(const json_t *object, const char *field, int64_t *ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, field);
    tdl_status st = TDL_OK;

    if (!value || json_is_null(value))
        return TDL_OK;
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
    } else if (json_is_string(value)) {
        tdl_str text = {json_string_value(value), json_string_length(value)};
        if ((st = tdl_time_parse(text, ret, why)))
            tdl_report_prefix(why, "%s", field);
    } else {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID,
                           "send RFC 3339 text, or microseconds since 1970 as an integer",
                           "%s must be a string or an integer, not a %s", field,
                           json_is_real(value) ? "fraction" : tdl_json_type_name(value));
    }
    return st;
}

tdl_status tdl_native_object(const json_t *object, const char *field, tdl_arena *arena,
                             tdl_str *ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, field);

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_object(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an object, not a %s", field,
                        tdl_json_type_name(value));
    return tdl_batch_object_text(value, field, arena, ret, why);
}

static tdl_status read_value(const json_t *object, tdl_event *event, tdl_report *why)
{
    const json_t *value = json_object_get(object, "value");

    if (!value || json_is_null(value))
        return TDL_OK;
    if (!json_is_number(value))
        return TDL_FAIL(why, TDL_E_INVALID, "value must be a number, not a %s",
                        tdl_json_type_name(value));
    event->value = json_number_value(value);
    event->has_value = true;
    return TDL_OK;
}

static tdl_status name_message(tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    char id[37];

    tdl_uuid7(id);
    *ret = tdl_arena_str(arena, tdl_str_of(id));
    return ret->at ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static tdl_status read_event(const json_t *object, int64_t now_us, tdl_arena *arena, tdl_event *ret,
                             tdl_report *why)
{
    tdl_event event = {.time_us = now_us, .source = TDL_STR("native")};
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not a %s",
                        tdl_json_type_name(object));
    if ((st = tdl_native_check_fields(object, event_fields, why)) ||
        (st = tdl_native_text(object, "user", &event.user, why)) ||
        (st = tdl_native_text(object, "kind", &event.kind, why)) ||
        (st = tdl_native_text(object, "item", &event.item, why)) ||
        (st = read_value(object, &event, why)) ||
        (st = tdl_native_time(object, "time", &event.time_us, why)) ||
        (st = tdl_native_object(object, "properties", arena, &event.properties, why)) ||
        (st = tdl_native_text(object, "message_id", &event.message_id, why)) ||
        (st = tdl_native_text(object, "decision_id", &event.decision_id, why)) ||
        (st = tdl_native_text(object, "alias", &event.alias, why)) ||
        (st = tdl_native_object(object, "traits", arena, &event.traits, why)) ||
        (st = tdl_native_object(object, "traits_once", arena, &event.traits_once, why)) ||
        (st = tdl_native_text(object, "group_type", &event.group_type, why)) ||
        (st = tdl_native_text(object, "group", &event.group, why)) ||
        (st = tdl_native_object(object, "group_traits", arena, &event.group_traits, why)) ||
        (st = tdl_fields_group_user(arena, &event, why)))
        return st;
    if (!event.message_id.len && (st = name_message(arena, &event.message_id, why)))
        return st;
    if ((st = tdl_batch_check(&event, now_us, why)))
        return st;
    *ret = event;
    return TDL_OK;
}

tdl_status tdl_native_events(tdl_str text, int64_t now_us, tdl_arena *arena, tdl_batch *ret,
                             tdl_report *why)
{
    tdl_status st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &ret->json, why);

    if (st)
        return st;
    bool many = json_is_array(ret->json);
    ret->received_n = many ? json_array_size(ret->json) : 1;
    if (ret->received_n > TDL_NATIVE_MAX)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "send several requests",
                             "%zu events in one request, %d are allowed", ret->received_n,
                             TDL_NATIVE_MAX);
    ret->events = tdl_arena_alloc(arena, ret->received_n, sizeof *ret->events);
    if (!ret->events)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < ret->received_n; i++) {
        const json_t *object = many ? json_array_get(ret->json, i) : ret->json;
        if ((st = read_event(object, now_us, arena, &ret->events[i], why))) {
            tdl_report_prefix(why, "event %zu", i);
            return st;
        }
    }
    ret->events_n = ret->received_n;
    return TDL_OK;
}
