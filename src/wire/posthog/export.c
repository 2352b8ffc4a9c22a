/* Lines of PostHog's batch exports, events model:
 * posthog.com/docs/data-pipelines/batch-exports/s3 */
#include "wire/clock.h"
#include "wire/posthog/posthog.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the line");
}

/* Objects that some formats hold as text. */
static tdl_status unpack(json_t *object, const char *field, tdl_report *why)
{
    const json_t *text = json_object_get(object, field);
    json_t *value = NULL;
    tdl_status st;

    if (!json_is_string(text))
        return TDL_OK;
    st = tdl_json_parse((tdl_str){json_string_value(text), json_string_length(text)},
                        TDL_JSON_LAST_WINS, &value, why);
    if (st) {
        tdl_report_prefix(why, "%s", field);
        return st;
    }
    return json_object_set_new(object, field, value) ? no_memory(why) : TDL_OK;
}

/* What the person was when the event came in is what it was told to be until then. */
static tdl_status take_person(json_t *object, tdl_report *why)
{
    json_t *person = json_object_get(object, "person_properties");

    if (!json_is_object(person))
        return TDL_OK;
    return json_object_set(object, "$set", person) ? no_memory(why) : TDL_OK;
}

static tdl_status take_elements(json_t *object, tdl_report *why)
{
    json_t *chain = json_object_get(object, "elements_chain");
    json_t *properties = json_object_get(object, "properties");

    if (!json_string_length(chain) || !json_is_object(properties) ||
        json_object_get(properties, "$elements_chain"))
        return TDL_OK;
    return json_object_set(properties, "$elements_chain", chain) ? no_memory(why) : TDL_OK;
}

/* Some formats name no zone: they mean UTC. What has no time cannot be put where it belongs. */
static tdl_status read_time(json_t *object, tdl_arena *arena, tdl_report *why)
{
    const json_t *time = json_object_get(object, "timestamp");
    int64_t us;

    if (tdl_clock_read(time, &us))
        return TDL_OK;
    if (!json_is_string(time))
        return TDL_FAIL(why, TDL_E_INVALID, "timestamp is missing");
    tdl_str zoned = tdl_arena_printf(arena, "%sZ", json_string_value(time));
    if (!zoned.at)
        return no_memory(why);
    if (!tdl_clock_parse(zoned, &us))
        return TDL_FAIL(why, TDL_E_INVALID, "timestamp is no time: \"%.60s\"",
                        json_string_value(time));
    return json_object_set_new(object, "timestamp", json_stringn(zoned.at, zoned.len))
               ? no_memory(why)
               : TDL_OK;
}

bool tdl_posthog_is_export(const json_t *line)
{
    return json_object_get(line, "event") && json_object_get(line, "distinct_id") &&
           json_object_get(line, "uuid");
}

tdl_status tdl_posthog_export(json_t *line, int64_t now_us, tdl_arena *arena, tdl_event *ret,
                              tdl_report *why)
{
    const tdl_posthog_call call = {.now_us = now_us, .sent_us = -1};
    const tdl_posthog_request request = {.call = &call, .sent_us = -1, .arena = arena};
    tdl_status st;

    if ((st = unpack(line, "properties", why)) || (st = unpack(line, "person_properties", why)) ||
        (st = take_person(line, why)) || (st = take_elements(line, why)) ||
        (st = read_time(line, arena, why)))
        return st;
    return tdl_posthog_event(line, &request, ret, why);
}
