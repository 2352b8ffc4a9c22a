#include "wire/native/native.h"

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
        if ((st = tdl_item_read(json_array_get(json, i), arena, &items[i], why))) {
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
