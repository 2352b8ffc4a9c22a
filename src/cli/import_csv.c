/* Rows of a CSV file, by its columns. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/feedlog_reader.h"
#include "cli/import_parts.h"

enum { ATTRIBUTES_MAX = 32 };

typedef enum field {
    FIELD_USER,
    FIELD_ITEM,
    FIELD_KIND,
    FIELD_VALUE,
    FIELD_TIME,
    FIELD_MESSAGE_ID,
    FIELD_TITLE,
    FIELDS_N
} field;

static const char *const field_names[FIELDS_N] = {"user", "item",       "kind", "value",
                                                  "time", "message_id", "title"};

typedef struct csv_reader {
    tdl_importer *to;
    tdl_csv *csv;
    int column[FIELDS_N]; /* -1 = not mapped */
    size_t attribute[ATTRIBUTES_MAX];
    tdl_str attribute_name[ATTRIBUTES_MAX];
    size_t attributes_n;
} csv_reader;

/* ---- columns ---- */

static tdl_status map_one(csv_reader *r, tdl_str name, tdl_str column, tdl_report *why)
{
    size_t index;
    char text[256];

    snprintf(text, sizeof text, "%.*s", TDL_FMT(column));
    for (size_t f = 0; f < FIELDS_N; f++) {
        if (!tdl_str_is(name, field_names[f]))
            continue;
        if (!tdl_csv_column(r->csv, text, &index))
            return TDL_FAIL(why, TDL_E_INVALID, "%s has no column \"%s\" for %s",
                            r->to->options->path, text, field_names[f]);
        r->column[f] = (int)index;
        return TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_USAGE,
                         "fields are user, item, kind, value, time, message_id and title",
                         "--map: there is no field \"%.*s\"", TDL_FMT(name));
}

/* The next piece of a comma-separated list; false at its end. */
static bool next_piece(const char **list, tdl_str *ret)
{
    while (**list == ',')
        (*list)++;
    size_t n = strcspn(*list, ",");
    *ret = tdl_str_trim((tdl_str){*list, n});
    *list += n;
    return n > 0;
}

static tdl_status map_columns(csv_reader *r, tdl_report *why)
{
    const char *list = r->to->options->map;
    tdl_str piece;

    for (size_t f = 0; f < FIELDS_N; f++) {
        size_t index;
        r->column[f] = tdl_csv_column(r->csv, field_names[f], &index) ? (int)index : -1;
    }
    while (next_piece(&list, &piece)) {
        const char *equals = memchr(piece.at, '=', piece.len);
        if (!equals)
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "write field=column, as in user=userId",
                                 "--map: \"%.*s\" is not field=column", TDL_FMT(piece));
        tdl_str name = {piece.at, (size_t)(equals - piece.at)};
        tdl_str column = {equals + 1, piece.len - name.len - 1};
        tdl_status st = map_one(r, name, column, why);
        if (st)
            return st;
    }
    if (r->column[FIELD_USER] < 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name it: --map user=COLUMN",
                             "%s: no column says which user a row is about", r->to->options->path);
    return TDL_OK;
}

static tdl_status map_attributes(csv_reader *r, tdl_report *why)
{
    const char *list = r->to->options->attributes;
    tdl_str piece;

    while (next_piece(&list, &piece)) {
        char text[256];
        snprintf(text, sizeof text, "%.*s", TDL_FMT(piece));
        if (r->attributes_n == ATTRIBUTES_MAX)
            return TDL_FAIL(why, TDL_E_USAGE, "--attributes: more than %d columns", ATTRIBUTES_MAX);
        if (!tdl_csv_column(r->csv, text, &r->attribute[r->attributes_n]))
            return TDL_FAIL(why, TDL_E_INVALID, "--attributes: %s has no column \"%s\"",
                            r->to->options->path, text);
        r->attribute_name[r->attributes_n++] = piece;
    }
    return TDL_OK;
}

static tdl_str cell(const csv_reader *r, const tdl_str *cells, field f)
{
    return r->column[f] < 0 ? (tdl_str){0} : cells[r->column[f]];
}

static tdl_str attributes_json(csv_reader *r, const tdl_str *cells)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    char name[256];

    if (!r->attributes_n)
        return (tdl_str){0};
    tdl_jw_object(&w);
    for (size_t i = 0; i < r->attributes_n; i++) {
        snprintf(name, sizeof name, "%.*s", TDL_FMT(r->attribute_name[i]));
        tdl_jw_kstr(&w, name, cells[r->attribute[i]]);
    }
    tdl_jw_end_object(&w);
    tdl_str copy = tdl_arena_str(r->to->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy;
}

static tdl_status read_cells(csv_reader *r, const tdl_str *cells, tdl_event *ret, tdl_report *why)
{
    tdl_str value = cell(r, cells, FIELD_VALUE), time = cell(r, cells, FIELD_TIME);
    tdl_str kind = cell(r, cells, FIELD_KIND);
    tdl_status st;

    *ret = (tdl_event){
        .user = tdl_arena_str(r->to->arena, cell(r, cells, FIELD_USER)),
        .kind = tdl_arena_str(r->to->arena, kind.len ? kind : tdl_str_of(r->to->options->kind)),
        .item = tdl_arena_str(r->to->arena, cell(r, cells, FIELD_ITEM)),
        .source = tdl_str_of(r->to->options->source),
        .message_id = tdl_arena_str(r->to->arena, cell(r, cells, FIELD_MESSAGE_ID)),
        .time_us = tdl_time_now()};
    if (value.len) {
        if (!tdl_str_double(value, &ret->value))
            return TDL_FAIL(why, TDL_E_INVALID, "value \"%.*s\" is not a number", TDL_FMT(value));
        ret->has_value = true;
    }
    if (time.len && (st = tdl_feedlog_time(time, &ret->time_us, why)))
        return st;
    if (!ret->message_id.len)
        ret->message_id = tdl_importer_content_id(r->to, ret);
    return TDL_OK;
}

/* The row again, near enough to be recognised. */
static tdl_str row_text(const tdl_str *cells, size_t n, tdl_buf *storage)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            tdl_buf_char(storage, ',');
        tdl_buf_str(storage, cells[i]);
    }
    return tdl_buf_view(storage);
}

static tdl_status take_row(csv_reader *r, const tdl_str *cells, size_t cells_n, tdl_report *why)
{
    tdl_event event;
    tdl_report bad = {0};
    tdl_buf row = {0};
    size_t line = tdl_csv_line(r->csv);
    tdl_status st;

    if (tdl_importer_skips(r->to))
        return TDL_OK;
    if ((st = tdl_importer_make_room(r->to, why)))
        return st;
    if (read_cells(r, cells, &event, &bad)) {
        tdl_importer_reject(r->to, line, row_text(cells, cells_n, &row), &bad);
        goto out;
    }
    if (event.item.len && r->column[FIELD_TITLE] >= 0) {
        tdl_str title = tdl_arena_str(r->to->arena, cell(r, cells, FIELD_TITLE));
        if ((st = tdl_importer_item(r->to, event.item, title, attributes_json(r, cells), why)))
            goto out;
    }
    st = tdl_importer_event(r->to, &event, line, row_text(cells, cells_n, &row), why);
out:
    tdl_buf_release(&row);
    return st;
}

tdl_status tdl_import_csv(tdl_importer *importer, tdl_report *why)
{
    csv_reader r = {.to = importer};
    tdl_csv_options options = {.delimiter =
                                   tdl_import_is_tsv(importer->options->path) ? '\t' : ','};
    tdl_status st = tdl_csv_open(importer->options->path, &options, &r.csv, why);
    const tdl_str *cells;
    size_t cells_n;
    bool more = true;

    if (!st)
        st = map_columns(&r, why);
    if (!st)
        st = map_attributes(&r, why);
    while (!st && more) {
        st = tdl_csv_next(r.csv, &cells, &cells_n, &more, why);
        if (!st && more)
            st = take_row(&r, cells, cells_n, why);
        tdl_importer_draw(importer, tdl_csv_bytes_read(r.csv), tdl_csv_bytes_total(r.csv));
    }
    tdl_csv_close(r.csv);
    return st;
}
