#include "cli/item_table.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/names.h"
#include "base/json.h"
#include "cli/feedlog_parts.h"
#include "table/csv.h"

enum { COLUMNS_MAX = 1000, NAME_BYTES = 128, ID_BYTES = 512 };

typedef enum role { MUTE, ITEM, TITLE, FIELD, ATTRIBUTE } role;

typedef struct column {
    role role;
    char key[NAME_BYTES]; /* of a field or an attribute */
} column;

typedef struct reading {
    const char *path;
    char folder[4096];
    tdl_csv *csv;
    tdl_names *names;
    column *column; /* [columns_n] */
    size_t columns_n, item_column;
    tdl_content_code *code;
    bool *described;
    size_t described_n;
} reading;

/* In small letters; a type behind ":" is cut off. */
static void plain_name(tdl_str from, char ret[NAME_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < from.len && from.at[i] != ':' && n + 1 < NAME_BYTES; i++)
        ret[n++] = (char)tolower((unsigned char)from.at[i]);
    ret[n] = '\0';
}

static column column_of(tdl_str header)
{
    static const struct known {
        const char *name;
        role role;
        const char *key;
    } known[] = {
        {"title", TITLE, ""},
        {"name", TITLE, ""},
        {"movie_title", TITLE, ""},
        {"text", FIELD, "$text"},
        {"description", FIELD, "$text"},
        {"image", FIELD, "$image"},
        {"price", FIELD, "$price"},
        {"unitprice", FIELD, "$price"},
        {"quantity", MUTE, ""},
        {"country", MUTE, ""},
        {"stock", MUTE, ""},
        {"url", MUTE, ""},
    };
    const tdl_feedlog_options none = {.map = ""};
    const tdl_feedlog log = {.options = &none};
    column c = {.role = ATTRIBUTE};
    tdl_feedlog_field field = tdl_feedlog_field_of(&log, header);

    plain_name(header, c.key);
    if (field != TDL_FEEDLOG_FIELDS_N) {
        c.role = field == TDL_FEEDLOG_ITEM ? ITEM : MUTE;
        return c;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(c.key, known[i].name)) {
            c.role = known[i].role;
            strcpy(c.key, known[i].key);
        }
    return c;
}

static tdl_status read_header(reading *r, tdl_report *why)
{
    const tdl_str *header = tdl_csv_header(r->csv, &r->columns_n);
    size_t found = 0;

    if (r->columns_n > COLUMNS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: %zu columns, %d are possible", r->path,
                        r->columns_n, COLUMNS_MAX);
    if (!(r->column = calloc(r->columns_n + 1, sizeof *r->column)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < r->columns_n; i++) {
        r->column[i] = column_of(header[i]);
        if (r->column[i].role != ITEM)
            continue;
        r->item_column = i;
        found++;
    }
    if (found != 1)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "call one column item_id",
                             "%s: %zu columns name the item", r->path, found);
    return TDL_OK;
}

/* The item of the log; a shop's codes may be there in capitals. */
static int32_t find_item(const reading *r, tdl_str id)
{
    char capitals[ID_BYTES];
    int32_t item = tdl_names_find(r->names, id);

    if (item >= 0 || id.len > sizeof capitals)
        return item;
    for (size_t i = 0; i < id.len; i++)
        capitals[i] = (char)toupper((unsigned char)id.at[i]);
    return tdl_names_find(r->names, (tdl_str){capitals, id.len});
}

/* A member of the item's words; prices below 0 and the like say nothing. */
static void write_cell(tdl_jw *w, const column *c, tdl_str cell)
{
    double number;
    bool is_number = tdl_str_double(cell, &number);

    if (!cell.len || tdl_str_is(cell, "NA"))
        return;
    if (c->role == FIELD && !strcmp(c->key, "$price")) {
        if (is_number && number >= 0)
            tdl_jw_knumber(w, c->key, number);
    } else if (c->role == ATTRIBUTE && is_number)
        tdl_jw_knumber(w, c->key, number);
    else
        tdl_jw_kstr(w, c->key, cell);
}

static tdl_status take_row(reading *r, const tdl_str *cell, tdl_buf *text, tdl_report *why)
{
    int32_t item = find_item(r, tdl_str_trim(cell[r->item_column]));
    tdl_jw w = {.out = text};
    tdl_str title = {0};

    if (item < 0 || r->described[item])
        return TDL_OK;
    tdl_buf_clear(text);
    tdl_jw_object(&w);
    for (size_t i = 0; i < r->columns_n; i++)
        if (r->column[i].role == TITLE && !title.len)
            title = cell[i];
        else if (r->column[i].role == FIELD || r->column[i].role == ATTRIBUTE)
            write_cell(&w, &r->column[i], tdl_str_trim(cell[i]));
    tdl_jw_end_object(&w);
    if (text->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: line %zu is too long", r->path,
                        tdl_csv_line(r->csv));
    tdl_content_encode(title, tdl_buf_view(text), r->folder, &r->code[item]);
    r->described[item] = true;
    r->described_n++;
    return TDL_OK;
}

static tdl_status read_rows(reading *r, tdl_report *why)
{
    const tdl_str *cell;
    size_t n;
    bool more = true;
    tdl_buf text = {0};
    tdl_status st = read_header(r, why);

    while (!st && !(st = tdl_csv_next(r->csv, &cell, &n, &more, why)) && more)
        st = take_row(r, cell, &text, why);
    tdl_buf_release(&text);
    return st;
}

static bool allot(reading *r, const tdl_feedback *feedback)
{
    size_t items_n = tdl_feedback_all(feedback)->items_n;
    bool ok = (r->names = tdl_names_new()) != NULL;

    for (size_t i = 0; ok && i < items_n; i++)
        ok = tdl_names_add(r->names, tdl_feedback_item(feedback, (int32_t)i)) == (int32_t)i;
    r->code = calloc(items_n + 1, sizeof *r->code);
    r->described = calloc(items_n + 1, sizeof *r->described);
    return ok && r->code && r->described;
}

tdl_status tdl_item_table_read(const char *path, const tdl_feedback *feedback,
                               tdl_content_code **ret, size_t *ret_described, tdl_report *why)
{
    const tdl_csv_options options = {.guess_delimiter = true};
    const char *slash = strrchr(path, '/');
    reading r = {.path = path};
    tdl_status st;

    snprintf(r.folder, sizeof r.folder, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    if (!allot(&r, feedback))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    else if (!(st = tdl_csv_open(path, &options, &r.csv, why)))
        st = read_rows(&r, why);
    if (!st) {
        *ret = r.code;
        r.code = NULL; /* the caller's now */
        *ret_described = r.described_n;
    }
    tdl_csv_close(r.csv);
    tdl_names_free(r.names);
    free(r.column);
    free(r.code);
    free(r.described);
    return st;
}
