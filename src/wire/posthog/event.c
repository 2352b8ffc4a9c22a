#include "wire/clock.h"
#include "wire/fields.h"
#include "wire/posthog/posthog.h"

static const double MILLISECOND_US = 1e3;

/* An event while it is read. */
typedef struct reading {
    const tdl_posthog_request *request;
    json_t *object;     /* as sent */
    json_t *properties; /* of it; never NULL */
    tdl_event *event;
} reading;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static bool is_kind(const reading *r, const char *kind)
{
    return tdl_str_is(r->event->kind, kind);
}

static tdl_status property_id(const reading *r, const char *name, tdl_str *ret, tdl_report *why)
{
    return tdl_fields_id(r->properties, name, r->request->arena, ret, why);
}

/* ---- who ---- */

static tdl_status read_user(const reading *r, tdl_report *why)
{
    static const char *const names[] = {"distinct_id", "$distinct_id", NULL};
    tdl_arena *arena = r->request->arena;
    tdl_str *user = &r->event->user;
    tdl_status st;

    if ((st = tdl_fields_first_id(r->object, names, arena, user, why)))
        return st;
    return tdl_fields_first_id(r->properties, names, arena, user, why);
}

static tdl_status read_group(const reading *r, tdl_report *why)
{
    tdl_event *event = r->event;
    tdl_status st;

    if ((st = property_id(r, "$group_type", &event->group_type, why)) ||
        (st = property_id(r, "$group_key", &event->group, why)))
        return st;
    if (!event->group_type.len || !event->group.len)
        return TDL_FAIL(why, TDL_E_INVALID, "%s is missing",
                        event->group_type.len ? "$group_key" : "$group_type");
    if ((st = tdl_batch_object_text(json_object_get(r->properties, "$group_set"), "$group_set",
                                    r->request->arena, &event->group_traits, why)))
        return st;
    return tdl_fields_group_user(r->request->arena, event, why);
}

static tdl_status read_alias(const reading *r, tdl_report *why)
{
    const char *name = is_kind(r, "$identify")       ? "$anon_distinct_id"
                       : is_kind(r, "$create_alias") ? "alias"
                                                     : NULL;
    tdl_status st = name ? property_id(r, name, &r->event->alias, why) : TDL_OK;

    if (tdl_str_eq(r->event->alias, r->event->user))
        r->event->alias = (tdl_str){0};
    return st;
}

/* ---- what ---- */

/* A property that was sent beside the properties; their own word counts more. */
static tdl_status add(const reading *r, const char *name, json_t *take_value, tdl_report *why)
{
    if (!take_value)
        return no_memory(why);
    if (json_object_get(r->properties, name)) {
        json_decref(take_value);
        return TDL_OK;
    }
    return json_object_set_new_nocheck(r->properties, name, take_value) ? no_memory(why) : TDL_OK;
}

static tdl_status add_text(const reading *r, const char *name, tdl_str text, tdl_report *why)
{
    return text.len ? add(r, name, json_stringn(text.at, text.len), why) : TDL_OK;
}

/* "posthog-node/5.70.0" in two. */
static tdl_status add_library(const reading *r, tdl_report *why)
{
    tdl_str library = r->request->call->library, version = {0};
    const char *slash = library.len ? memchr(library.at, '/', library.len) : NULL;
    tdl_status st;

    if (slash) {
        version = (tdl_str){slash + 1, (size_t)(library.at + library.len - slash - 1)};
        library.len = (size_t)(slash - library.at);
    }
    if (!tdl_str_utf8(library, NULL) || !tdl_str_utf8(version, NULL))
        return TDL_OK;
    st = add_text(r, "$lib", library, why);
    return st ? st : add_text(r, "$lib_version", version, why);
}

/* The second capture protocol says some properties beside the others, under shorter names. */
static tdl_status add_beside(const reading *r, tdl_report *why)
{
    static const struct {
        const char *member, *property;
    } renamed[] = {{"session_id", "$session_id"}, {"window_id", "$window_id"}};
    const char *option;
    json_t *value;
    tdl_status st = add_library(r, why);

    for (size_t i = 0; !st && i < sizeof renamed / sizeof renamed[0]; i++)
        if (json_is_string(value = json_object_get(r->object, renamed[i].member)))
            st = add(r, renamed[i].property, json_incref(value), why);
    json_object_foreach(json_object_get(r->object, "options"), option, value)
    {
        tdl_str name = tdl_arena_printf(r->request->arena, "$%s", option);
        if (!st)
            st = name.at ? add(r, name.at, json_incref(value), why) : no_memory(why);
    }
    return st;
}

/* ---- the person ---- */

/* Traits under one name: beside the properties and among them, where the latter count more. They
 * are no properties then. */
static tdl_status take_traits(const reading *r, const char *name, tdl_str *ret, tdl_report *why)
{
    json_t *beside = json_object_get(r->object, name);
    json_t *among = json_object_get(r->properties, name);
    tdl_status st;

    if (json_is_object(beside) && json_is_object(among) && json_object_update(beside, among))
        return no_memory(why);
    st = tdl_batch_object_text(json_is_object(beside) ? beside : among, name, r->request->arena,
                               ret, why);
    if (!st && json_is_object(among))
        json_object_del(r->properties, name);
    return st;
}

/* Traits that change nobody are properties like all others. */
static tdl_status keep_traits(const reading *r, const char *name, tdl_report *why)
{
    json_t *beside = json_object_get(r->object, name);

    return json_is_object(beside) ? add(r, name, json_incref(beside), why) : TDL_OK;
}

static bool touches_person(const reading *r)
{
    return !is_kind(r, "$groupidentify") &&
           !json_is_false(json_object_get(r->properties, "$process_person_profile"));
}

static tdl_status read_person(const reading *r, tdl_report *why)
{
    tdl_event *event = r->event;
    tdl_status st;

    if (touches_person(r)) {
        if ((st = read_alias(r, why)) || (st = take_traits(r, "$set", &event->traits, why)))
            return st;
        return take_traits(r, "$set_once", &event->traits_once, why);
    }
    st = keep_traits(r, "$set", why);
    return st ? st : keep_traits(r, "$set_once", why);
}

/* Ids of the person are no properties: a sealed store holds them nowhere else in the clear. */
static tdl_status take_ids(const reading *r, tdl_report *why)
{
    static const char *const names[] = {"distinct_id", "$distinct_id", "$anon_distinct_id",
                                        "$device_id", "$user_id"};
    tdl_str *kept[] = {&r->event->user, &r->event->alias}; // may lie in what goes

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (kept[i]->len && !(*kept[i] = tdl_arena_str(r->request->arena, *kept[i])).at)
            return no_memory(why);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_del(r->properties, names[i]);
    if (is_kind(r, "$create_alias"))
        json_object_del(r->properties, "alias");
    return TDL_OK;
}

/* A key is no property either. */
static tdl_status read_properties(const reading *r, tdl_report *why)
{
    tdl_str token;
    tdl_status st = take_ids(r, why);

    if (st)
        return st;
    if (tdl_json_get_str(r->properties, "token", &token) && tdl_str_eq(token, r->request->key))
        json_object_del(r->properties, "token");
    return tdl_batch_object_text(r->properties, "properties", r->request->arena,
                                 &r->event->properties, why);
}

static tdl_status read_who(const reading *r, tdl_report *why)
{
    tdl_status st = read_user(r, why);

    return st || !is_kind(r, "$groupidentify") ? st : read_group(r, why);
}

static tdl_status read_message_id(const reading *r, tdl_report *why)
{
    tdl_arena *arena = r->request->arena;
    tdl_str sent = {0};
    tdl_status st = tdl_fields_id(r->object, "uuid", arena, &sent, why);

    if (!st && !sent.len)
        st = property_id(r, "$insert_id", &sent, why);
    return st ? st : tdl_fields_message_id(sent, arena, &r->event->message_id, why);
}

static int64_t read_time(const reading *r)
{
    const tdl_posthog_request *request = r->request;
    int64_t now_us = request->call->now_us, us;
    double ago_us = 0;

    if (tdl_clock_read(json_object_get(r->object, "timestamp"), &us))
        return tdl_clock_correct(us, request->sent_us, now_us);
    if (tdl_json_get_number(r->object, "offset", &ago_us))
        ago_us *= MILLISECOND_US;
    return ago_us > 0 && ago_us < (double)now_us ? now_us - (int64_t)ago_us : now_us;
}

/* ---- */

static tdl_status read_all(const reading *r, tdl_report *why)
{
    tdl_event *event = r->event;
    tdl_status st;

    tdl_json_get_str(r->object, "event", &event->kind);
    event->time_us = read_time(r);
    if ((st = add_beside(r, why)) || (st = read_who(r, why)) || (st = read_message_id(r, why)) ||
        (st = tdl_fields_what(r->properties, r->request->arena, event, why)) ||
        (st = read_person(r, why)) || (st = read_properties(r, why)))
        return st;
    return tdl_batch_check(event, r->request->call->now_us, why);
}

/* The properties of an event, which has some from now on. NULL: no memory. */
static json_t *own_properties(json_t *object)
{
    json_t *given = json_object_get(object, "properties");

    if (json_is_object(given))
        return given;
    json_object_set_new(object, "properties", json_object());
    given = json_object_get(object, "properties");
    return json_is_object(given) ? given : NULL;
}

tdl_status tdl_posthog_event(json_t *object, const tdl_posthog_request *request, tdl_event *ret,
                             tdl_report *why)
{
    tdl_event event = {.source = TDL_STR("posthog")};
    reading r = {.request = request, .object = object, .event = &event};
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "an event must be an object, not a %s",
                        tdl_json_type_name(object));
    if (!(r.properties = own_properties(object)))
        return no_memory(why);
    if ((st = read_all(&r, why)))
        return st;
    *ret = event;
    return TDL_OK;
}
