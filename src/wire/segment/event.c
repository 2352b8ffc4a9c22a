#include <strings.h>

#include "store/store.h"
#include "wire/clock.h"
#include "wire/fields.h"
#include "wire/segment/segment.h"

static const struct {
    const char *type, *kind;
} calls[] = {
    [TDL_SEGMENT_BATCH] = {"", ""},
    [TDL_SEGMENT_TRACK] = {"track", ""},
    [TDL_SEGMENT_IDENTIFY] = {"identify", "$identify"},
    [TDL_SEGMENT_PAGE] = {"page", "$page"},
    [TDL_SEGMENT_SCREEN] = {"screen", "$screen"},
    [TDL_SEGMENT_GROUP] = {"group", "$groupidentify"},
    [TDL_SEGMENT_ALIAS] = {"alias", "$create_alias"},
};
enum { CALLS_N = sizeof calls / sizeof calls[0] };

/* What a call says beside its properties; kept among them unless they name it themselves. */
static const struct {
    tdl_segment_call call;
    const char *member;
} beside[] = {
    {TDL_SEGMENT_PAGE, "name"},
    {TDL_SEGMENT_SCREEN, "name"},
    {TDL_SEGMENT_GROUP, "groupId"},
};

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static tdl_status find_call(const json_t *object, tdl_segment_call *call, tdl_report *why)
{
    tdl_str type = {0};

    if (*call != TDL_SEGMENT_BATCH)
        return TDL_OK;
    if (!tdl_json_get_str(object, "type", &type))
        return TDL_FAIL(why, TDL_E_INVALID, "type is missing");
    for (size_t i = 1; i < CALLS_N; i++)
        if (tdl_str_is(type, calls[i].type)) {
            *call = (tdl_segment_call)i;
            return TDL_OK;
        }
    return TDL_FAIL(why, TDL_E_INVALID, "there is no call of type \"%.*s\"", TDL_FMT(type));
}

static tdl_status read_who_and_what(const json_t *object, const json_t *properties,
                                    tdl_segment_call call, tdl_arena *arena, tdl_event *event,
                                    tdl_report *why)
{
    static const char *const users[] = {"userId", "anonymousId", NULL};
    tdl_status st;

    if ((st = tdl_fields_first_id(object, users, arena, &event->user, why)))
        return st;
    if (call == TDL_SEGMENT_TRACK)
        tdl_json_get_str(object, "event", &event->kind);
    else
        event->kind = tdl_str_of(calls[call].kind);
    if ((st = tdl_fields_what(properties, arena, event, why)))
        return st;
    if (call == TDL_SEGMENT_ALIAS || call == TDL_SEGMENT_IDENTIFY) {
        st = tdl_fields_id(object, call == TDL_SEGMENT_ALIAS ? "previousId" : "anonymousId", arena,
                           &event->alias, why);
        if (st)
            return st;
        if (tdl_str_eq(event->alias, event->user))
            event->alias = (tdl_str){0};
    }
    return TDL_OK;
}

/* Segment names no types: all groups are of the type "group". */
static tdl_status read_group(const json_t *object, tdl_arena *arena, tdl_event *event,
                             tdl_report *why)
{
    tdl_status st = tdl_fields_id(object, "groupId", arena, &event->group, why);

    if (st || !event->group.len)
        return st;
    event->group_type = TDL_STR("group");
    if ((st = tdl_batch_object_text(json_object_get(object, "traits"), "traits", arena,
                                    &event->group_traits, why)))
        return st;
    return tdl_fields_group_user(arena, event, why);
}

static tdl_status read_message_id(const json_t *object, tdl_arena *arena, tdl_str *ret,
                                  tdl_report *why)
{
    tdl_str sent = {0};
    tdl_status st = tdl_fields_id(object, "messageId", arena, &sent, why);

    return st ? st : tdl_fields_message_id(sent, arena, ret, why);
}

/* Traits and ids of a person are no properties: a sealed store holds them nowhere else in the
 * clear. */
static tdl_status read_properties(json_t *object, tdl_segment_call call, tdl_arena *arena,
                                  tdl_str *ret, tdl_report *why)
{
    json_t *given = json_object_get(object, call == TDL_SEGMENT_GROUP ? "traits" : "properties");
    json_t *properties = json_is_object(given) ? json_incref(given) : json_object();
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        json_t *value = json_object_get(object, beside[i].member);
        if (beside[i].call != call || !json_is_string(value) ||
            json_object_get(properties, beside[i].member))
            continue;
        if (json_object_set(properties, beside[i].member, value))
            st = no_memory(why);
    }
    if (!st)
        st = tdl_batch_object_text(properties, "properties", arena, ret, why);
    json_decref(properties);
    return st;
}

/* ---- consent ---- */

/* Categories are the customer's own words; these are what Segment's documentation calls them. */
static const struct {
    const char *category;
    tdl_purpose purpose;
} categories[] = {
    {"Analytics", TDL_PURPOSE_ANALYTICS},
    {"Advertising", TDL_PURPOSE_SHARING},
    {"Functional", TDL_PURPOSE_PERSONALISATION},
    {"Personalization", TDL_PURPOSE_PERSONALISATION},
};

static unsigned purpose_of(const char *category)
{
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++)
        if (!strcasecmp(category, categories[i].category))
            return categories[i].purpose;
    return 0;
}

/* Every call repeats the state of the page it comes from: that decides on the call itself. What the
 * person says from now on is in an identify, or when the preference was changed. */
static void read_consent(json_t *object, tdl_segment_call call, tdl_event *event)
{
    json_t *preferences = json_object_get(
        json_object_get(json_object_get(object, "context"), "consent"), "categoryPreferences");
    unsigned granted = 0, denied = 0;
    const char *category;
    json_t *value;

    json_object_foreach(preferences, category, value)
    {
        granted |= json_is_true(value) ? purpose_of(category) : 0;
        denied |= json_is_false(value) ? purpose_of(category) : 0;
    }
    event->unwanted = denied & TDL_PURPOSE_ANALYTICS;
    if (call != TDL_SEGMENT_IDENTIFY &&
        !tdl_str_is(event->kind, "Segment Consent Preference Updated"))
        return;
    event->grants = (uint8_t)(granted & ~denied);
    event->denies = (uint8_t)denied;
}

tdl_status tdl_segment_event(json_t *object, tdl_segment_call call, int64_t sent_us,
                             int64_t received_us, tdl_arena *arena, tdl_event *ret, tdl_report *why)
{
    tdl_event event = {.time_us = received_us, .source = TDL_STR("segment")};
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "an event must be an object, not a %s",
                        tdl_json_type_name(object));
    if ((st = find_call(object, &call, why)))
        return st;
    const json_t *properties = json_object_get(object, "properties");
    if ((st = read_who_and_what(object, properties, call, arena, &event, why)) ||
        (call == TDL_SEGMENT_GROUP && (st = read_group(object, arena, &event, why))) ||
        (st = read_message_id(object, arena, &event.message_id, why)) ||
        (st = read_properties(object, call, arena, &event.properties, why)))
        return st;
    if (call == TDL_SEGMENT_IDENTIFY &&
        (st = tdl_batch_object_text(json_object_get(object, "traits"), "traits", arena,
                                    &event.traits, why)))
        return st;
    if (tdl_clock_read(json_object_get(object, "timestamp"), &event.time_us))
        event.time_us = tdl_clock_correct(event.time_us, sent_us, received_us);
    if ((st = tdl_batch_check(&event, received_us, why)))
        return st;
    read_consent(object, call, &event);
    *ret = event;
    return TDL_OK;
}
