#include "wire/native/native.h"

static const char *const item_fields[] = {"id", "title", "attributes", NULL};

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

static tdl_status read_item(const json_t *object, tdl_arena *arena, tdl_item *ret, tdl_report *why)
{
    tdl_item item = {0};
    tdl_status st;

    if (!json_is_object(object))
        return TDL_FAIL(why, TDL_E_INVALID, "must be an object, not a %s",
                        tdl_json_type_name(object));
    if ((st = tdl_native_check_fields(object, item_fields, why)) ||
        (st = tdl_native_text(object, "id", &item.id, why)) || (st = check_id(item.id, why)) ||
        (st = tdl_native_text(object, "title", &item.title, why)) ||
        (st = tdl_native_object(object, "attributes", arena, &item.attributes, why)))
        return st;
    if (item.title.len > TDL_TITLE_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "title is %zu bytes long, %d are allowed",
                        item.title.len, TDL_TITLE_MAX);
    *ret = item;
    return TDL_OK;
}

tdl_status tdl_native_items(tdl_str text, tdl_arena *arena, tdl_item **ret, size_t *ret_n,
                            json_t **ret_json, tdl_report *why)
{
    json_t *json = NULL;
    tdl_status st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &json, why);
    size_t n = json_array_size(json);
    tdl_item *items;

    if (st)
        return st;
    if (!json_is_array(json)) {
        st = TDL_FAIL(why, TDL_E_INVALID, "the body must be an array of items, not a %s",
                      tdl_json_type_name(json));
        goto out;
    }
    if (n > TDL_NATIVE_MAX) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "send several requests",
                           "%zu items in one request, %d are allowed", n, TDL_NATIVE_MAX);
        goto out;
    }
    if (!(items = tdl_arena_alloc(arena, n, sizeof *items))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if ((st = read_item(json_array_get(json, i), arena, &items[i], why))) {
            tdl_report_prefix(why, "item %zu", i);
            goto out;
        }
    *ret = items;
    *ret_n = n;
    *ret_json = json;
    json = NULL; /* the caller's now */
out:
    json_decref(json);
    return st;
}
