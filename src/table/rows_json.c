/* Rows of JSON as a frame of a known schema: what a model is asked about. */
#include <math.h>
#include <stdlib.h>

#include "table/cell.h"
#include "table/levels.h"
#include "table/read.h"
#include "table/schema.h"

enum { FAULTS_MAX = 1000 /* a caller with more sends something else */ };

typedef struct reader {
    tdl_schema_field *field; /* [n] */
    size_t n, rows;
    tdl_column *column;  /* [n], being filled */
    tdl_levels *levels;  /* [n], of those with levels */
    const char *missing; /* the schema's spellings; NULL: the usual ones */
    tdl_buf text;        /* of one cell */
    size_t unknown_keys;
    tdl_row_fault *fault; /* [faults_n] */
    size_t faults_n, faults_cap;
    bool keeps_faults;
} reader;

static bool has_level(tdl_column_type type)
{
    return type == TDL_COLUMN_CATEGORY || type == TDL_COLUMN_TEXT || type == TDL_COLUMN_ID;
}

/* ---- one cell ---- */

static tdl_status fail_cell(const tdl_schema_field *field, const json_t *value, const char *wanted,
                            tdl_report *why)
{
    const char *hint = "correct that cell, or send null where the value is missing";

    if (json_is_string(value))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, hint, "%.*s: '%.80s' is not %s",
                             TDL_FMT(field->name), json_string_value(value), wanted);
    return TDL_FAIL_HINT(why, TDL_E_INVALID, hint, "%.*s: %s where %s is wanted",
                         TDL_FMT(field->name), tdl_json_type_name(value), wanted);
}

static tdl_str string_of(const json_t *value)
{
    return tdl_str_trim((tdl_str){json_string_value(value), json_string_length(value)});
}

static tdl_status read_number(const tdl_schema_field *field, const json_t *value,
                              tdl_column *column, double *ret, tdl_report *why)
{
    tdl_cell_number number = {0};

    if (json_is_number(value)) {
        *ret = json_number_value(value);
        return TDL_OK;
    }
    if (!json_is_string(value) || !tdl_cell_number_read(string_of(value), &number))
        return fail_cell(field, value, "a number", why);
    *ret = isinf(number.value) ? (double)NAN : number.value;
    column->infinite += isinf(number.value) ? 1 : 0;
    return TDL_OK;
}

static tdl_status read_date(const tdl_schema_field *field, const json_t *value, double *ret,
                            tdl_report *why)
{
    if (json_is_string(value) && tdl_cell_date_wished(string_of(value), ret))
        return TDL_OK;
    return fail_cell(field, value, "a date such as \"2026-11-24\"", why);
}

static tdl_str spelling(const tdl_schema_field *field, size_t i)
{
    const json_t *level = json_array_get(field->levels, i);

    return (tdl_str){json_string_value(level), json_string_length(level)};
}

static tdl_status read_truth(const tdl_schema_field *field, const json_t *value, double *ret,
                             tdl_report *why)
{
    bool truth;

    if (json_is_boolean(value)) {
        *ret = json_is_true(value);
        return TDL_OK;
    }
    if (json_is_number(value) && (json_number_value(value) == 0 || json_number_value(value) == 1)) {
        *ret = json_number_value(value);
        return TDL_OK;
    }
    for (size_t i = 0; json_is_string(value) && i < 2 && i < json_array_size(field->levels); i++)
        if (tdl_str_eq(string_of(value), spelling(field, i))) {
            *ret = (double)i;
            return TDL_OK;
        }
    if (!json_is_string(value) || !tdl_cell_truth_wished(string_of(value), &truth))
        return fail_cell(field, value, "true or false", why);
    *ret = truth;
    return TDL_OK;
}

/* Numbers as digits, true and false as words, arrays and objects as their JSON. */
static tdl_str text_of(const json_t *value, tdl_buf *room)
{
    tdl_jw w = {.out = room};

    if (json_is_string(value))
        return string_of(value);
    tdl_buf_clear(room);
    if (json_is_integer(value))
        tdl_jw_int(&w, json_integer_value(value));
    else if (json_is_real(value))
        tdl_jw_number(&w, json_real_value(value));
    else
        tdl_json_dump(room, value);
    return tdl_buf_view(room);
}

static bool take_pixels(const json_t *value, uint8_t *to, size_t n, size_t *at, int depth)
{
    const json_t *item;
    size_t i;

    if (json_is_integer(value)) {
        if (*at == n || json_integer_value(value) < 0 || json_integer_value(value) > UINT8_MAX)
            return false;
        to[(*at)++] = (uint8_t)json_integer_value(value);
        return true;
    }
    if (!json_is_array(value) || depth == 4)
        return false;
    json_array_foreach(value, i, item) if (!take_pixels(item, to, n, at, depth + 1)) return false;
    return true;
}

static tdl_status read_image(const tdl_schema_field *field, const json_t *value, uint8_t *to,
                             tdl_report *why)
{
    size_t n = field->channels * field->height * field->width, at = 0;

    if (take_pixels(value, to, n, &at, 0) && at == n)
        return TDL_OK;
    memset(to, 0, n);
    return TDL_FAIL(why, TDL_E_INVALID,
                    "%.*s: not an array of %zu x %zu x %zu integers from 0 to 255",
                    TDL_FMT(field->name), field->channels, field->height, field->width);
}

/* Numbers are missing only where training said so: --missing -9. */
static bool is_missing(reader *r, const tdl_schema_field *field, const json_t *value)
{
    bool told = r->missing && json_is_number(value);

    if (!value || json_is_null(value))
        return true;
    if (!(json_is_string(value) || told) || !tdl_cell_missing(text_of(value, &r->text), r->missing))
        return false;
    for (size_t i = 0; json_is_string(value) && i < json_array_size(field->levels); i++)
        if (tdl_str_eq(string_of(value), spelling(field, i)))
            return false; /* a model knows "None" as a level */
    return true;
}

static tdl_status read_cell(reader *r, size_t row, size_t i, const json_t *value, tdl_report *why)
{
    const tdl_schema_field *field = &r->field[i];
    tdl_column *column = &r->column[i];

    if (field->type == TDL_COLUMN_IMAGE)
        return read_image(field, value,
                          column->pixel + row * field->channels * field->height * field->width,
                          why);
    if (is_missing(r, field, value))
        return TDL_OK;
    if (has_level(field->type)) {
        tdl_str text = text_of(value, &r->text);

        if (r->text.failed)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a cell");
        return tdl_levels_add(&r->levels[i], text, &column->level[row], why);
    }
    if (field->type == TDL_COLUMN_DATE)
        return read_date(field, value, &column->number[row], why);
    if (field->type == TDL_COLUMN_BOOLEAN)
        return read_truth(field, value, &column->number[row], why);
    return read_number(field, value, column, &column->number[row], why);
}

/* ---- rows ---- */

static tdl_status add_fault(reader *r, size_t row, size_t column, const tdl_report *said,
                            tdl_report *why)
{
    if (!r->keeps_faults || r->faults_n == FAULTS_MAX) {
        if (why)
            *why = *said;
        tdl_report_prefix(why, "row %zu", row + 1);
        return said->status;
    }
    if (r->faults_n == r->faults_cap) {
        size_t cap = r->faults_cap ? 2 * r->faults_cap : 8;
        tdl_row_fault *grown = realloc(r->fault, cap * sizeof *grown);

        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what is wrong with the rows");
        r->fault = grown;
        r->faults_cap = cap;
    }
    r->fault[r->faults_n++] = (tdl_row_fault){row, column, *said};
    return TDL_OK;
}

/* The first fault of the row ends it: what has not been read stays missing. */
static tdl_status read_row(reader *r, const json_t *row, size_t number, tdl_report *why)
{
    size_t known = 0;
    tdl_report said = {0};

    if (!json_is_object(row)) {
        TDL_FAIL(&said, TDL_E_INVALID, "a row is an object, not %s", tdl_json_type_name(row));
        return add_fault(r, number, 0, &said, why);
    }
    for (size_t i = 0; i < r->n; i++) {
        const json_t *value = json_object_get(row, r->field[i].name.at);
        tdl_status st;

        known += value != NULL;
        if ((st = read_cell(r, number, i, value, &said)) == TDL_E_INVALID)
            return add_fault(r, number, i, &said, why);
        if (st) {
            if (why)
                *why = said;
            return st;
        }
    }
    r->unknown_keys += json_object_size(row) - known;
    return TDL_OK;
}

/* ---- columns ---- */

static tdl_status start_column(const tdl_schema_field *field, size_t rows, tdl_column *ret,
                               tdl_report *why)
{
    size_t n = field->channels * field->height * field->width, bytes;
    size_t room = rows ? rows : 1;

    ret->type = field->type;
    ret->name = strndup(field->name.at, field->name.len);
    ret->channels = field->channels;
    ret->height = field->height;
    ret->width = field->width;
    if (field->type == TDL_COLUMN_IMAGE) {
        if (!__builtin_mul_overflow(room, n, &bytes) && bytes <= (size_t)1 << 32)
            ret->pixel = calloc(bytes, 1);
    } else if (has_level(field->type)) {
        if ((ret->level = malloc(room * sizeof *ret->level)))
            memset(ret->level, 0xff, room * sizeof *ret->level); /* -1 */
    } else if ((ret->number = malloc(room * sizeof *ret->number))) {
        for (size_t i = 0; i < room; i++)
            ret->number[i] = (double)NAN;
    }
    return ret->name && (ret->pixel || ret->level || ret->number)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows);
}

static tdl_status name_truths(const tdl_schema_field *field, tdl_column *column, tdl_report *why)
{
    tdl_str spelt[2] = {{0}, {0}};

    for (size_t i = 0; json_array_size(field->levels) == 2 && i < 2; i++)
        spelt[i] = spelling(field, i);
    tdl_cell_truth_other(&spelt[0], &spelt[1]);
    column->levels = calloc(2, sizeof *column->levels);
    column->level_bytes = malloc(spelt[0].len + spelt[1].len + 1);
    if (!column->levels || !column->level_bytes)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the values of a column");
    memcpy(column->level_bytes, spelt[0].at, spelt[0].len);
    memcpy(column->level_bytes + spelt[0].len, spelt[1].at, spelt[1].len);
    column->levels[0] = (tdl_str){column->level_bytes, spelt[0].len};
    column->levels[1] = (tdl_str){column->level_bytes + spelt[0].len, spelt[1].len};
    column->levels_n = 2;
    return TDL_OK;
}

static tdl_status finish_column(reader *r, size_t i, tdl_report *why)
{
    tdl_column *column = &r->column[i];
    int32_t *place = NULL;
    tdl_status st = TDL_OK;

    if (has_level(column->type)) {
        if ((st = tdl_levels_sorted(&r->levels[i], &column->levels, &column->levels_n,
                                    &column->level_bytes, &place, why)))
            return st;
        for (size_t row = 0; row < r->rows; row++)
            if (column->level[row] >= 0)
                column->level[row] = place[column->level[row]];
        free(place);
    } else if (column->type == TDL_COLUMN_BOOLEAN) {
        st = name_truths(&r->field[i], column, why);
    }
    for (size_t row = 0; row < r->rows; row++)
        column->missing += !tdl_column_has(column, row);
    return st;
}

static void release(reader *r)
{
    for (size_t i = 0; r->levels && i < r->n; i++)
        tdl_levels_release(&r->levels[i]);
    free(r->levels);
    free(r->field);
    free(r->fault);
    tdl_buf_release(&r->text);
}

tdl_status tdl_frame_of_json(const json_t *schema, const json_t *rows, tdl_frame *ret,
                             size_t *ret_unknown_keys, tdl_row_fault **ret_faults,
                             size_t *ret_faults_n, tdl_report *why)
{
    reader r = {.rows = json_array_size(rows),
                .missing = tdl_schema_missing(schema),
                .keeps_faults = ret_faults != NULL};
    tdl_frame frame = {.rows = r.rows};
    tdl_status st = tdl_schema_fields(schema, &r.field, &r.n, why);

    if (st)
        return st;
    if (!json_is_array(rows)) {
        st = TDL_FAIL(why, TDL_E_INVALID, "rows are an array of objects, not %s",
                      tdl_json_type_name(rows));
        goto out;
    }
    r.levels = calloc(r.n ? r.n : 1, sizeof *r.levels);
    frame.column = r.column = calloc(r.n ? r.n : 1, sizeof *r.column);
    if (!r.levels || !r.column) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", r.rows);
        goto out;
    }
    for (; !st && frame.columns_n < r.n; frame.columns_n++)
        st = start_column(&r.field[frame.columns_n], r.rows, &r.column[frame.columns_n], why);
    for (size_t i = 0; !st && i < r.rows; i++)
        st = read_row(&r, json_array_get(rows, i), i, why);
    for (size_t i = 0; !st && i < r.n; i++)
        st = finish_column(&r, i, why);
    if (st)
        goto out;
    *ret = frame;
    frame = (tdl_frame){0};
    if (ret_unknown_keys)
        *ret_unknown_keys = r.unknown_keys;
    if (ret_faults) {
        *ret_faults = r.fault;
        *ret_faults_n = r.faults_n;
        r.fault = NULL;
    }
out:
    tdl_frame_release(&frame);
    release(&r);
    return st;
}
