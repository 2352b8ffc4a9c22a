#include "base/json.h"

#include <string.h>

/* Where a byte is, for people: both counted from 1, the column in code points. */
static void position_of(tdl_str text, size_t offset, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text.at[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text.at[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}

/* Refuse hostile nesting before anything is built. Brackets that do not match are left to the
 * parser; those inside strings do not count. */
static tdl_status check_depth(tdl_str text, tdl_report *why)
{
    size_t depth = 0, line, column;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else
                in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth <= TDL_JSON_DEPTH_MAX)
                continue;
            position_of(text, i, &line, &column);
            return TDL_FAIL(why, TDL_E_INVALID,
                            "line %zu, column %zu (byte %zu): nested deeper than %d", line, column,
                            i + 1, TDL_JSON_DEPTH_MAX);
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return TDL_OK;
}

static const char *hint_for(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_premature_end_of_input:
        return "the text ends too early: it may have been cut off";
    case json_error_invalid_utf8:
        return "send UTF-8";
    case json_error_null_character:
        return "remove the \\u0000";
    case json_error_duplicate_key:
        return "give each key once";
    case json_error_numeric_overflow:
        return "integers must fit 64 bits and numbers a double: send larger ones as strings";
    default:
        if (strstr(error->text, "near 'NaN'") || strstr(error->text, "near 'Infinity'") ||
            strstr(error->text, "near '-'"))
            return "JSON has no NaN or Infinity: send null or leave the member out";
        return "";
    }
}

/* A NUL byte is never JSON, but jansson passes over one behind a number. */
static tdl_status check_no_nul(tdl_str text, tdl_report *why)
{
    const char *nul = memchr(text.at, '\0', text.len);
    size_t line, column;

    if (!nul)
        return TDL_OK;
    position_of(text, (size_t)(nul - text.at), &line, &column);
    return TDL_FAIL(why, TDL_E_INVALID, "line %zu, column %zu (byte %zu): there is a NUL byte",
                    line, column, (size_t)(nul - text.at) + 1);
}

tdl_status tdl_json_parse(tdl_str text, tdl_json_duplicates duplicates, json_t **ret,
                          tdl_report *why)
{
    size_t flags = JSON_DECODE_ANY;
    json_error_t error;
    json_t *value;
    tdl_status st;

    if (text.len == 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "send one JSON value",
                             "line 1, column 1 (byte 1): the text is empty");
    if ((st = check_no_nul(text, why)) || (st = check_depth(text, why)))
        return st;
    if (duplicates == TDL_JSON_REFUSE_DUPLICATES)
        flags |= JSON_REJECT_DUPLICATES;
    value = json_loadb(text.at, text.len, flags, &error);
    if (!value)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, hint_for(&error),
                             "line %d, column %d (byte %d): %s", error.line, error.column,
                             error.position, error.text);
    *ret = value;
    return TDL_OK;
}

bool tdl_json_get_str(const json_t *object, const char *key, tdl_str *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return false;
    *ret = (tdl_str){json_string_value(value), json_string_length(value)};
    return true;
}

bool tdl_json_get_number(const json_t *object, const char *key, double *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_number(value))
        return false;
    *ret = json_number_value(value);
    return true;
}

bool tdl_json_get_int(const json_t *object, const char *key, int64_t *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value))
        return false;
    *ret = json_integer_value(value);
    return true;
}

bool tdl_json_get_bool(const json_t *object, const char *key, bool *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return false;
    *ret = json_is_true(value);
    return true;
}

const char *tdl_json_type_name(const json_t *value)
{
    if (!value)
        return "missing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}
