#include "flags/growthbook_members.h"

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the definition is too large");
}

tdl_status tdl_gb_read_member(const json_t *object, const char *key, json_type type,
                              const json_t **ret, tdl_report *why)
{
    const json_t *value = json_object_get(object, key);

    *ret = json_is_null(value) ? NULL : value;
    if (!*ret || json_typeof(value) == type || (type == JSON_REAL && json_is_number(value)))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "%s must be %s, not of type %s", key,
                    type == JSON_ARRAY    ? "an array"
                    : type == JSON_OBJECT ? "an object"
                    : type == JSON_STRING ? "a text"
                                          : "a number",
                    tdl_json_type_name(value));
}

tdl_status tdl_gb_read_text(const json_t *object, const char *key, tdl_str *ret, tdl_report *why)
{
    const json_t *value;
    tdl_status st = tdl_gb_read_member(object, key, JSON_STRING, &value, why);

    if (!st && value)
        *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    return st;
}

tdl_status tdl_gb_read_number(const json_t *object, const char *key, double *ret, tdl_report *why)
{
    const json_t *value;
    tdl_status st = tdl_gb_read_member(object, key, JSON_REAL, &value, why);

    if (!st && value && json_number_value(value) != 0)
        *ret = json_number_value(value);
    return st;
}

tdl_status tdl_gb_read_list(tdl_gb_compiler *c, const json_t *object, const char *key, size_t size,
                            const json_t **ret_array, void *ret, size_t *ret_n, tdl_report *why)
{
    tdl_status st = tdl_gb_read_member(object, key, JSON_ARRAY, ret_array, why);
    void *list;

    if (st || !*ret_array)
        return st;
    *ret_n = json_array_size(*ret_array);
    if (!(list = tdl_arena_zalloc(c->arena, *ret_n, size)))
        return no_memory(why);
    memcpy(ret, &list, sizeof list);
    return TDL_OK;
}

tdl_status tdl_gb_keep_value(tdl_gb_compiler *c, const json_t *json, tdl_gb_value *ret,
                             tdl_report *why)
{
    tdl_buf text = {0};

    tdl_js_stringify(&text, json, true);
    *ret = (tdl_gb_value){json, text.failed ? (tdl_str){0}
                                            : tdl_arena_str(c->arena, tdl_buf_view(&text))};
    tdl_buf_release(&text);
    return ret->text.at ? TDL_OK : no_memory(why);
}

tdl_status tdl_gb_read_condition(tdl_gb_compiler *c, const json_t *object, tdl_gb_condition *ret,
                                 bool *ret_given, tdl_report *why)
{
    const json_t *condition;
    tdl_status st = tdl_gb_read_member(object, "condition", JSON_OBJECT, &condition, why);

    *ret_given = condition != NULL;
    if (!st && condition && (st = tdl_gb_condition_compile(c, condition, ret, why)))
        tdl_report_prefix(why, "condition");
    return st;
}

tdl_status tdl_gb_read_weights(tdl_gb_compiler *c, const json_t *json, double **ret, size_t *ret_n,
                               tdl_report *why)
{
    const json_t *array;
    tdl_status st = tdl_gb_read_list(c, json, "weights", sizeof **ret, &array, ret, ret_n, why);

    for (size_t i = 0; !st && i < *ret_n; i++) {
        const json_t *weight = json_array_get(array, i);
        if (!json_is_number(weight))
            return TDL_FAIL(why, TDL_E_INVALID, "weights must be numbers");
        (*ret)[i] = json_number_value(weight);
    }
    return st;
}
