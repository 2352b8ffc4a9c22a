#include "wire/fields.h"
#include "wire/growthbook/growthbook.h"
#include "wire/repair.h"

typedef struct decoding {
    tdl_arena *arena;
    int64_t now_us;
} decoding;

/* Of an exposure also the id that was hashed: it is a person's, unless the experiment is about
 * something else, and then there is no other. */
static tdl_status read_user(const json_t *object, const json_t *properties, tdl_arena *arena,
                            tdl_str *ret, tdl_report *why)
{
    static const char *const users[] = {"user_id", "device_id", NULL};
    tdl_status st = tdl_fields_first_id(object, users, arena, ret, why);

    return st || ret->len ? st : tdl_fields_id(properties, "hashValue", arena, ret, why);
}

/* Gives a new reference; NULL without memory. */
static json_t *gather_properties(const json_t *object, const json_t *given)
{
    static const struct {
        const char *member, *name;
    } beside[] = {
        {"url", "url"},
        {"page_title", "page_title"},
        {"page_id", "page_id"},
        {"session_id", "session_id"},
        {"utm_source", "utm_source"},
        {"utm_medium", "utm_medium"},
        {"utm_campaign", "utm_campaign"},
        {"utm_term", "utm_term"},
        {"utm_content", "utm_content"},
        {"sdk_language", "sdk_language"},
        {"sdk_version", "sdk_version"},
        {"context_json", "context"},
    };
    json_t *properties = json_is_object(given) ? json_copy((json_t *)given) : json_object();

    for (size_t i = 0; properties && i < sizeof beside / sizeof beside[0]; i++) {
        json_t *value = json_object_get(object, beside[i].member);
        if (!value || json_is_null(value) || json_object_get(properties, beside[i].name))
            continue;
        if (json_object_set(properties, beside[i].name, value)) {
            json_decref(properties);
            properties = NULL;
        }
    }
    return properties;
}

static tdl_status read_properties(const json_t *object, const json_t *given, tdl_arena *arena,
                                  tdl_str *ret, tdl_report *why)
{
    json_t *properties = gather_properties(object, given);

    if (!properties)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_status st = tdl_batch_object_text(properties, "properties", arena, ret, why);
    json_decref(properties);
    return st;
}

static tdl_status decode_event(void *context, json_t *object, tdl_event *ret, tdl_report *why)
{
    const decoding *d = context;
    const json_t *properties = json_object_get(object, "properties_json");
    tdl_event event = {.time_us = d->now_us, .source = TDL_STR("growthbook")};
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "an event must be an object, not of type %s",
                        tdl_json_type_name(object));
    tdl_json_get_str(object, "event_name", &event.kind);
    if ((st = read_user(object, properties, d->arena, &event.user, why)) ||
        (st = tdl_fields_what(properties, d->arena, &event, why)) ||
        (st = tdl_fields_message_id((tdl_str){0}, d->arena, &event.message_id, why)) ||
        (st = read_properties(object, properties, d->arena, &event.properties, why)) ||
        (st = tdl_batch_check(&event, d->now_us, why)))
        return st;
    *ret = event;
    return TDL_OK;
}

tdl_status tdl_growthbook_decode(tdl_str text, int64_t now_us, tdl_arena *arena, tdl_batch *ret,
                                 tdl_report *why)
{
    decoding d = {.arena = arena, .now_us = now_us};
    tdl_batch_source source = {.decode = decode_event, .context = &d};
    tdl_status st = tdl_repair_parse(text, &ret->json, why);

    if (st)
        return st;
    if (!json_is_array(ret->json))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an array of events, not of type %s",
                        tdl_json_type_name(ret->json));
    source.list = ret->json;
    return tdl_batch_fill(ret, &source, arena, why);
}
