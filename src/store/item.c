#include "store/item.h"

#include <math.h>
#include <string.h>

#include "base/timestamp.h"

static const struct {
    const char *name, *key;
    tdl_item_type type;
} fields[] = {
#define FIELD(name, type) {#name, "$" #name, TDL_ITEM_##type},
    TDL_ITEM_FIELD_MAP(FIELD)
#undef FIELD
};

const char *tdl_item_field_name(tdl_item_field field)
{
    return fields[field].name;
}

const char *tdl_item_field_key(tdl_item_field field)
{
    return fields[field].key;
}

tdl_item_type tdl_item_field_type(tdl_item_field field)
{
    return fields[field].type;
}

tdl_item_field tdl_item_field_find(tdl_str name)
{
    size_t i = 0;

    while (i < TDL_ITEM_FIELDS_N && !tdl_str_is(name, fields[i].name))
        i++;
    return (tdl_item_field)i;
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
}

/* ---- reading ---- */

static tdl_status check_id(tdl_str id, tdl_report *why)
{
    if (!id.len)
        return TDL_FAIL(why, TDL_E_INVALID, "id is missing");
    if (id.len > TDL_ID_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "id is %zu bytes long, %d are allowed", id.len,
                        TDL_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.at[i] < 0x20 || id.at[i] == 0x7f)
            return TDL_FAIL(why, TDL_E_INVALID, "id holds a control character at byte %zu", i);
    return TDL_OK;
}

static tdl_status read_text(const json_t *object, const char *field, tdl_str *ret, tdl_report *why)
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

static tdl_status check_texts(const char *name, const json_t *value, tdl_report *why)
{
    if (!json_is_array(value) || json_array_size(value) > TDL_ITEM_TEXTS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an array of at most %d strings", name,
                        TDL_ITEM_TEXTS_MAX);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return TDL_FAIL(why, TDL_E_INVALID, "%s: element %zu must be a string, not a %s", name,
                            i, tdl_json_type_name(json_array_get(value, i)));
    return TDL_OK;
}

/* ret: the value as it is kept, a new reference. Times become RFC 3339 in UTC, which texts compare
 * in order. */
static tdl_status read_time(const char *name, const json_t *value, json_t **ret, tdl_report *why)
{
    char text[TDL_TIME_TEXT_MAX];
    int64_t time_us = json_integer_value(value);
    tdl_status st = TDL_OK;

    if (json_is_string(value))
        st = tdl_time_parse((tdl_str){json_string_value(value), json_string_length(value)},
                            &time_us, why);
    else if (!json_is_integer(value))
        st = TDL_FAIL(why, TDL_E_INVALID, "write 2026-05-03T12:00:00Z, not a %s",
                      tdl_json_type_name(value));
    if (st) {
        tdl_report_prefix(why, "%s", name);
        return st;
    }
    tdl_time_format(time_us, text);
    *ret = json_string(text);
    return *ret ? TDL_OK : no_memory(why);
}

/* One field that is said. */
static tdl_status read_field(tdl_item_field field, const json_t *value, json_t **ret,
                             tdl_report *why)
{
    const char *name = fields[field].name;
    tdl_status st = TDL_OK;

    switch (fields[field].type) {
    case TDL_ITEM_TEXT:
        if (!json_is_string(value))
            st = TDL_FAIL(why, TDL_E_INVALID, "%s must be a string, not a %s", name,
                          tdl_json_type_name(value));
        break;
    case TDL_ITEM_TEXTS:
        st = check_texts(name, value, why);
        break;
    case TDL_ITEM_NUMBER: // JSON has no numbers that are not finite
        if (!json_is_number(value) || !(json_number_value(value) >= 0) ||
            !isfinite(json_number_value(value)))
            st = TDL_FAIL(why, TDL_E_INVALID, "%s must be a number of 0 or more", name);
        break;
    case TDL_ITEM_BOOL:
        if (!json_is_boolean(value))
            st = TDL_FAIL(why, TDL_E_INVALID, "%s must be true or false", name);
        break;
    case TDL_ITEM_TIME:
        return read_time(name, value, ret, why);
    }
    *ret = json_incref((json_t *)value); // jansson counts through const too
    return st;
}

static tdl_status check_member(const char *key, tdl_report *why)
{
    tdl_str name = tdl_str_of(key);

    if (tdl_str_is(name, "id") || tdl_str_is(name, "title") || tdl_str_is(name, "attributes") ||
        tdl_item_field_find(name) != TDL_ITEM_FIELDS_N)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "what is the shop's own goes into \"attributes\"; GET /openapi.json lists "
                         "the fields",
                         "there is no field \"%.100s\"", key);
}

/* Attributes one by one into `kept`; null takes away. */
static tdl_status read_attributes(const json_t *object, json_t *kept, tdl_report *why)
{
    json_t *attributes = json_object_get(object, "attributes");

    if (!attributes || json_is_null(attributes))
        return TDL_OK;
    if (!json_is_object(attributes))
        return TDL_FAIL(why, TDL_E_INVALID, "attributes must be an object, not a %s",
                        tdl_json_type_name(attributes));
    for (void *it = json_object_iter(attributes); it; it = json_object_iter_next(attributes, it)) {
        const char *key = json_object_iter_key(it);
        json_t *value = json_object_iter_value(it);
        if (key[0] == '$')
            return TDL_FAIL(why, TDL_E_INVALID,
                            "attributes: names do not begin with \"$\", as \"%.100s\" does", key);
        if (json_is_null(value))
            json_object_del(kept, key);
        else if (json_object_set(kept, key, value))
            return no_memory(why);
    }
    return TDL_OK;
}

static tdl_status read_members(const json_t *object, json_t *kept, tdl_report *why)
{
    json_t *members = (json_t *)object; // jansson's iterators are not const-correct
    tdl_status st = TDL_OK;

    for (void *it = json_object_iter(members); it && !st; it = json_object_iter_next(members, it)) {
        tdl_item_field field = tdl_item_field_find(tdl_str_of(json_object_iter_key(it)));
        const json_t *value = json_object_iter_value(it);
        json_t *read = NULL;
        if ((st = check_member(json_object_iter_key(it), why)) || field == TDL_ITEM_FIELDS_N)
            continue;
        if (json_is_null(value))
            json_object_del(kept, fields[field].key);
        else if (!(st = read_field(field, value, &read, why)) &&
                 json_object_set(kept, fields[field].key, read))
            st = no_memory(why);
        json_decref(read);
    }
    return st ? st : read_attributes(object, kept, why);
}

/* What is kept, as text in `arena`; {} is none. */
static tdl_status dump(const json_t *kept, tdl_arena *arena, tdl_str *ret, tdl_report *why)
{
    tdl_buf text = {.limit = TDL_PROPERTIES_MAX};
    tdl_status st = TDL_OK;

    *ret = (tdl_str){0};
    if (!json_object_size(kept))
        return TDL_OK;
    tdl_json_dump(&text, kept);
    if (text.failed)
        st = TDL_FAIL(why, TDL_E_INVALID, "the item is larger than %d bytes", TDL_PROPERTIES_MAX);
    else if (!(*ret = tdl_arena_str(arena, tdl_buf_view(&text))).at)
        st = no_memory(why);
    tdl_buf_release(&text);
    return st;
}

/* `object` over `item` and what is kept of it. */
static tdl_status read_over(const json_t *object, json_t *kept, tdl_arena *arena, tdl_item *item,
                            tdl_report *why)
{
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not a %s",
                        tdl_json_type_name(object));
    if ((st = read_text(object, "id", &item->id, why)) || (st = check_id(item->id, why)) ||
        (st = read_text(object, "title", &item->title, why)) ||
        (st = read_members(object, kept, why)))
        return st;
    if (item->title.len > TDL_TITLE_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "title is %zu bytes long, %d are allowed",
                        item->title.len, TDL_TITLE_MAX);
    return dump(kept, arena, &item->attributes, why);
}

tdl_status tdl_item_read(const json_t *object, tdl_arena *arena, tdl_item *ret, tdl_report *why)
{
    json_t *kept = json_object();
    tdl_item item = {0};
    tdl_status st = kept ? read_over(object, kept, arena, &item, why) : no_memory(why);

    json_decref(kept);
    if (!st)
        *ret = item;
    return st;
}

/* ---- what is stored ---- */

/* A new object; empty when what is stored is none. NULL: no memory. */
static json_t *parse_kept(const tdl_item *stored)
{
    json_t *kept = NULL;

    if (stored->attributes.len)
        tdl_json_parse(stored->attributes, TDL_JSON_LAST_WINS, &kept, NULL);
    if (kept && !json_is_object(kept)) {
        json_decref(kept);
        kept = NULL;
    }
    return kept ? kept : json_object();
}

tdl_status tdl_item_patch(const tdl_item *stored, const json_t *patch, tdl_arena *arena,
                          tdl_item *ret, tdl_report *why)
{
    json_t *kept = parse_kept(stored);
    tdl_item item = *stored;
    const json_t *title = json_object_get(patch, "title");
    tdl_str id = stored->id;
    tdl_status st = TDL_OK;

    if (!kept)
        return no_memory(why);
    json_object_del(kept, TDL_ITEM_DELETED);
    if (json_is_null(title))
        item.title = (tdl_str){0};
    st = read_over(patch, kept, arena, &item, why);
    if (!st && !tdl_str_eq(item.id, id))
        st = TDL_FAIL(why, TDL_E_INVALID, "id is \"%.*s\": an item's id does not change",
                      TDL_FMT(id));
    json_decref(kept);
    item.id = id;
    if (!st)
        *ret = item;
    return st;
}

tdl_status tdl_item_delete(const tdl_item *stored, tdl_arena *arena, tdl_item *ret, tdl_report *why)
{
    json_t *kept = parse_kept(stored);
    tdl_item item = *stored;
    tdl_status st = TDL_OK;

    if (!kept || json_object_set_new(kept, TDL_ITEM_DELETED, json_true()))
        st = no_memory(why);
    else
        st = dump(kept, arena, &item.attributes, why);
    json_decref(kept);
    if (!st)
        *ret = item;
    return st;
}

bool tdl_item_is_deleted(const tdl_item *stored)
{
    json_t *kept = parse_kept(stored);
    bool deleted = json_is_true(json_object_get(kept, TDL_ITEM_DELETED));

    json_decref(kept);
    return deleted;
}

static void write_member(tdl_jw *w, const char *name, const json_t *value)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, value);
    tdl_jw_kraw(w, name, tdl_buf_view(&text));
    w->out->failed |= text.failed;
    tdl_buf_release(&text);
}

/* The shop's own attributes, null when there is none. */
static tdl_status write_own(tdl_jw *w, const json_t *kept, tdl_report *why)
{
    json_t *own = json_copy((json_t *)kept); // members are shared

    if (!own)
        return no_memory(why);
    for (size_t i = 0; i < TDL_ITEM_FIELDS_N; i++)
        json_object_del(own, fields[i].key);
    json_object_del(own, TDL_ITEM_DELETED);
    write_member(w, "attributes", json_object_size(own) ? own : NULL);
    json_decref(own);
    return TDL_OK;
}

tdl_status tdl_item_write(const tdl_item *stored, tdl_jw *w, tdl_report *why)
{
    json_t *kept = parse_kept(stored);
    tdl_status st;

    if (!kept)
        return no_memory(why);
    tdl_jw_kstr(w, "id", stored->id);
    tdl_jw_key(w, "title");
    if (stored->title.len)
        tdl_jw_str(w, stored->title);
    else
        tdl_jw_null(w);
    st = write_own(w, kept, why);
    for (size_t i = 0; i < TDL_ITEM_FIELDS_N; i++) {
        const json_t *value = json_object_get(kept, fields[i].key);
        if (value)
            write_member(w, fields[i].name, value);
    }
    if (json_object_get(kept, TDL_ITEM_DELETED))
        tdl_jw_kbool(w, "deleted", true);
    json_decref(kept);
    return st;
}
