/* A frame's schema as JSON and back. */
#include "table/schema.h"

#include <stdlib.h>

#include "table/levels.h"
#include "table/read.h"

enum { LEVELS_KEPT = 1000, SIDE_MAX = 1 << 15 };

/* ---- save ---- */

static json_t *save_levels(const tdl_column *column)
{
    json_t *levels = json_array();

    for (size_t i = 0; levels && i < column->levels_n; i++)
        if (json_array_append_new(levels,
                                  json_stringn(column->levels[i].at, column->levels[i].len))) {
            json_decref(levels);
            return NULL;
        }
    return levels;
}

static json_t *save_column(const tdl_column *column)
{
    json_t *saved =
        json_pack("{ss, ss}", "name", column->name, "type", tdl_column_type_name(column->type));
    bool has_levels = column->levels && column->levels_n <= LEVELS_KEPT &&
                      (column->type == TDL_COLUMN_CATEGORY || column->type == TDL_COLUMN_BOOLEAN);

    if (saved && has_levels && json_object_set_new(saved, "levels", save_levels(column)))
        goto fail;
    if (saved && column->type == TDL_COLUMN_IMAGE &&
        json_object_set_new(saved, "shape",
                            json_pack("[III]", (json_int_t)column->channels,
                                      (json_int_t)column->height, (json_int_t)column->width)))
        goto fail;
    return saved;
fail:
    json_decref(saved);
    return NULL;
}

json_t *tdl_schema_save(const tdl_frame *frame)
{
    json_t *columns = json_array(), *schema;

    for (size_t i = 0; columns && i < frame->columns_n; i++)
        if (json_array_append_new(columns, save_column(&frame->column[i]))) {
            json_decref(columns);
            return NULL;
        }
    schema = columns ? json_pack("{so}", "columns", columns) : NULL;
    return schema;
}

tdl_status tdl_schema_set_missing(json_t *schema, const char *missing, tdl_report *why)
{
    if (missing && json_object_set_new(schema, "missing", json_string(missing)))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "spell them in UTF-8",
                             "the spellings of missing values cannot be kept");
    return TDL_OK;
}

const char *tdl_schema_missing(const json_t *schema)
{
    return json_string_value(json_object_get(schema, "missing"));
}

/* ---- load ---- */

static tdl_status read_shape(const json_t *column, size_t i, tdl_schema_field *ret, tdl_report *why)
{
    const json_t *shape = json_object_get(column, "shape");
    size_t *const side[] = {&ret->channels, &ret->height, &ret->width};

    for (size_t k = 0; k < 3; k++) {
        json_int_t n = json_integer_value(json_array_get(shape, k));

        if (n < 1 || n > SIDE_MAX)
            return TDL_FAIL(why, TDL_E_INVALID,
                            "schema: column %zu is an image without a shape of 1 to %d", i + 1,
                            SIDE_MAX);
        *side[k] = (size_t)n;
    }
    return TDL_OK;
}

static tdl_status read_field(const json_t *column, size_t i, tdl_schema_field *ret, tdl_report *why)
{
    const json_t *level;
    tdl_str type;
    size_t k;

    *ret = (tdl_schema_field){0};
    if (!tdl_json_get_str(column, "name", &ret->name) || !ret->name.len ||
        !tdl_json_get_str(column, "type", &type) || !tdl_column_type_find(type, &ret->type))
        return TDL_FAIL(why, TDL_E_INVALID, "schema: column %zu has no name, or no known type",
                        i + 1);
    ret->levels = json_object_get(column, "levels");
    if (ret->levels && !json_is_array(ret->levels))
        return TDL_FAIL(why, TDL_E_INVALID, "schema: the levels of column %zu are no array", i + 1);
    json_array_foreach(ret->levels, k, level) if (!json_is_string(level)) return TDL_FAIL(
        why, TDL_E_INVALID, "schema: level %zu of column %zu is no text", k + 1, i + 1);
    return ret->type == TDL_COLUMN_IMAGE ? read_shape(column, i, ret, why) : TDL_OK;
}

tdl_status tdl_schema_fields(const json_t *schema, tdl_schema_field **ret, size_t *ret_n,
                             tdl_report *why)
{
    const json_t *columns = json_object_get(schema, "columns");
    size_t n = json_array_size(columns);
    tdl_schema_field *fields = calloc(n ? n : 1, sizeof *fields);
    tdl_levels names = {0};
    int32_t number;
    tdl_status st = TDL_OK;

    if (!fields)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a schema");
    if (!json_is_array(columns))
        st = TDL_FAIL(why, TDL_E_INVALID, "schema: there is no array `columns`");
    for (size_t i = 0; !st && i < n; i++) {
        if ((st = read_field(json_array_get(columns, i), i, &fields[i], why)) ||
            (st = tdl_levels_add(&names, fields[i].name, &number, why)))
            break;
        if ((size_t)number != i)
            st = TDL_FAIL(why, TDL_E_INVALID, "schema: two columns are called '%.*s'",
                          TDL_FMT(fields[i].name));
    }
    tdl_levels_release(&names);
    if (st) {
        free(fields);
        return st;
    }
    *ret = fields;
    *ret_n = n;
    return TDL_OK;
}

tdl_status tdl_schema_wishes(const json_t *schema, tdl_column_wish **ret, size_t *ret_n,
                             tdl_report *why)
{
    tdl_column_wish *wish;
    tdl_schema_field *fields = NULL;
    size_t n;
    tdl_status st = tdl_schema_fields(schema, &fields, &n, why);

    if (st)
        return st;
    wish = calloc(n ? n : 1, sizeof *wish);
    for (size_t i = 0; wish && i < n; i++)
        wish[i] = (tdl_column_wish){fields[i].name, fields[i].type};
    free(fields);
    if (!wish)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a schema");
    *ret = wish;
    *ret_n = n;
    return TDL_OK;
}
