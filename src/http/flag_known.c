#include "http/flag_known.h"

enum { GROUPS_MAX = 8 /* that one question has looked up; PostHog has five types */ };

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

static tdl_status read_traits(tdl_store *store, tdl_str id, json_t **ret, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_status st = tdl_store_traits(store, id, &text, why);

    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, ret, why);
    tdl_buf_release(&text);
    return st;
}

/* A group that nobody told of has none. */
static tdl_status read_group(tdl_store *store, tdl_str type, tdl_str name, json_t **ret,
                             tdl_report *why)
{
    tdl_buf text = {0};
    tdl_status st = tdl_store_group_traits(store, type, name, &text, NULL, why);

    if (st == TDL_E_NOT_FOUND) {
        *ret = json_object();
        st = *ret ? TDL_OK : no_memory(why);
    } else if (!st) {
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, ret, why);
    }
    tdl_buf_release(&text);
    return st;
}

static tdl_status add_group(tdl_flag_known *known, tdl_store *store,
                            const tdl_flag_context *context, const char *type, const json_t *name,
                            tdl_report *why)
{
    json_t *sent = json_object_get(context->group_properties, type), *properties = NULL;
    tdl_str key = {json_string_value(name), json_string_length(name)};
    tdl_status st;

    if (!key.len || key.len > TDL_ID_MAX)
        return TDL_OK;
    if ((st = read_group(store, tdl_str_of(type), key, &properties, why)))
        return st;
    if ((json_is_object(sent) && json_object_update(properties, sent)) ||
        json_object_set(known->groups, type, properties))
        st = no_memory(why);
    json_decref(properties);
    return st;
}

static tdl_status read_groups(tdl_flag_known *known, tdl_store *store, tdl_flag_context *context,
                              tdl_report *why)
{
    json_t *groups = (json_t *)context->groups, *name; // jansson's iterators are not const-correct
    const char *type;
    size_t n = 0;
    tdl_status st = TDL_OK;

    if (!json_object_size(groups))
        return TDL_OK;
    known->groups = json_is_object(context->group_properties)
                        ? json_copy((json_t *)context->group_properties)
                        : json_object();
    if (!known->groups)
        return no_memory(why);
    json_object_foreach(groups, type, name)
    {
        if (!st && n++ < GROUPS_MAX)
            st = add_group(known, store, context, type, name, why);
    }
    context->group_properties = known->groups;
    return st;
}

tdl_status tdl_flag_known_read(tdl_flag_known *known, tdl_store *store, tdl_flag_context *context,
                               tdl_report *why)
{
    tdl_status st = read_traits(store, context->id, &known->traits, why);

    if (st)
        return st;
    if (!(known->properties = json_copy(known->traits)) ||
        (context->properties &&
         json_object_update(known->properties, (json_t *)context->properties)))
        return no_memory(why);
    context->properties = known->properties;
    return read_groups(known, store, context, why);
}

void tdl_flag_known_release(tdl_flag_known *known)
{
    json_decref(known->groups);
    json_decref(known->properties);
    json_decref(known->traits);
}
