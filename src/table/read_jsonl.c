/* JSON lines into a frame: an object a line, its keys the columns. */
#include <stdlib.h>
#include <unistd.h>

#include "table/input.h"
#include "table/read_parts.h"

enum { CHUNK_BYTES = 64 << 10, LINE_MAX_BYTES = 16 << 20 };
/* Cells that there may be beside so many a byte. Lines whose keys are all different would make a
 * table of their product. */
enum { CELLS_FREE = 10000000, CELLS_A_BYTE = 8 };

typedef struct lines {
    const char *name;
    tdl_input *input;
    tdl_buf text; /* read, of which `at` on are still to be used */
    size_t at, line;
    uint64_t bytes; /* unpacked, so far */
    bool ended;
} lines;

/* The next line without its end. ret_more: false when there is none. */
static tdl_status next_line(lines *l, tdl_str *ret, bool *ret_more, tdl_report *why)
{
    size_t scanned = l->at, got;
    char chunk[CHUNK_BYTES];
    tdl_status st;

    tdl_buf_reserve(&l->text, sizeof chunk);
    for (;;) {
        if (!l->text.at)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a line");
        const char *begin = l->text.at + l->at;
        const char *end = l->text.len > scanned
                              ? memchr(l->text.at + scanned, '\n', l->text.len - scanned)
                              : NULL;

        if (end || (l->ended && l->at < l->text.len)) {
            *ret = (tdl_str){begin, end ? (size_t)(end - begin) : l->text.len - l->at};
            l->at += ret->len + (end != NULL);
            l->line++;
            *ret_more = true;
            return TDL_OK;
        }
        *ret_more = false;
        if (l->ended)
            return TDL_OK;
        if (l->at) { /* the beginning of a line moves to the front */
            memmove(l->text.at, begin, l->text.len - l->at);
            l->text.len -= l->at;
            l->at = 0;
        }
        scanned = l->text.len;
        if ((st = tdl_input_read(l->input, chunk, sizeof chunk, &got, why)))
            return st;
        l->ended = got == 0;
        l->bytes += got;
        tdl_buf_add(&l->text, chunk, got);
        if (l->text.failed)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "line %zu is longer than %d bytes", l->line + 1,
                            LINE_MAX_BYTES);
    }
}

/* ---- cells ---- */

typedef struct row {
    tdl_str *cell; /* [cap], of which those of the builder's columns are set */
    size_t cap;
    tdl_buf text; /* of cells that are no strings, one after the other */
} row;

static tdl_status room_for_cells(row *r, size_t n, tdl_report *why)
{
    size_t cap = r->cap ? r->cap : 16;
    tdl_str *grown;

    while (cap < n)
        cap *= 2;
    if (cap == r->cap)
        return TDL_OK;
    if (!(grown = realloc(r->cell, cap * sizeof *grown)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu cells", n);
    memset(grown + r->cap, 0, (cap - r->cap) * sizeof *grown);
    r->cell = grown;
    r->cap = cap;
    return TDL_OK;
}

/* Strings are borrowed from the object. Others are written down; until the row is complete, `at`
 * stays NULL, because the text may move. */
static tdl_str cell_of(const json_t *value, tdl_buf *text)
{
    tdl_jw w = {.out = text};
    size_t before = text->len;

    if (json_is_string(value))
        return (tdl_str){json_string_value(value), json_string_length(value)};
    if (json_is_integer(value))
        tdl_jw_int(&w, json_integer_value(value));
    else if (json_is_real(value))
        tdl_jw_number(&w, json_real_value(value));
    else if (!json_is_null(value))
        tdl_json_dump(text, value);
    return (tdl_str){NULL, text->len - before};
}

static tdl_status add_object(tdl_frame_builder *builder, json_t *object, row *r, tdl_report *why)
{
    const char *key;
    json_t *value;
    size_t column, n = tdl_frame_builder_columns(builder), at = 0;
    tdl_status st;

    tdl_buf_clear(&r->text);
    for (size_t i = 0; i < n; i++)
        r->cell[i] = (tdl_str){"", 0};
    json_object_foreach(object, key, value)
    {
        if (!*key)
            return TDL_FAIL(why, TDL_E_INVALID, "a key is empty");
        if ((st = tdl_frame_builder_column(builder, tdl_str_of(key), &column, why)) ||
            (st = room_for_cells(r, column + 1, why)))
            return st;
        r->cell[column] = cell_of(value, &r->text);
    }
    if (r->text.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    json_object_foreach(object, key, value)
    { /* in the same order: `text` is complete now */
        if ((st = tdl_frame_builder_column(builder, tdl_str_of(key), &column, why)))
            return st;
        if (!r->cell[column].at) {
            r->cell[column].at = r->text.at ? r->text.at + at : "";
            at += r->cell[column].len;
        }
    }
    return tdl_frame_builder_add(builder, r->cell, why);
}

static tdl_status parse_object(tdl_str line, json_t **ret, tdl_report *why)
{
    json_t *value = NULL;
    tdl_status st = tdl_json_parse(line, TDL_JSON_REFUSE_DUPLICATES, &value, why);

    if (st)
        return line.at[0] == '['
                   ? TDL_FAIL_HINT(why, TDL_E_INVALID, "put an object on each line: jq -c '.[]'",
                                   "an array where an object is wanted")
                   : st;
    if (!json_is_object(value)) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "put an object on each line: jq -c '.[]'",
                           "%s where an object is wanted", tdl_json_type_name(value));
        json_decref(value);
        return st;
    }
    *ret = value;
    return TDL_OK;
}

static tdl_status check_size(const lines *l, const tdl_frame_builder *builder, tdl_report *why)
{
    uint64_t cells = (uint64_t)tdl_frame_builder_rows(builder) * tdl_frame_builder_columns(builder);

    if (cells <= CELLS_FREE || cells / CELLS_A_BYTE <= l->bytes)
        return TDL_OK;
    return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "keys must be names of columns, not values",
                         "%zu columns in %zu rows, hardly any cell of them filled",
                         tdl_frame_builder_columns(builder), tdl_frame_builder_rows(builder));
}

/* One line. ret_skipped: it is no object, and may be left out. */
static tdl_status add_line(lines *l, tdl_str text, tdl_frame_builder *builder, row *r,
                           bool may_skip, bool *ret_skipped, tdl_report *why)
{
    json_t *object = NULL;
    tdl_report said = {0};
    tdl_status st = parse_object(text, &object, &said);

    *ret_skipped = st == TDL_E_INVALID && may_skip;
    if (*ret_skipped)
        return TDL_OK;
    if (!st)
        st = add_object(builder, object, r, &said);
    if (!st)
        st = check_size(l, builder, &said);
    json_decref(object);
    if (st && why)
        *why = said;
    return st;
}

static tdl_status read_lines(lines *l, const tdl_read_options *options, tdl_frame_builder *builder,
                             tdl_read_counts *counts, tdl_report *why)
{
    row r = {.text.limit = 2 * LINE_MAX_BYTES};
    bool more = true, skipped;
    tdl_str text;
    tdl_status st = TDL_OK;

    while (!(st = next_line(l, &text, &more, why)) && more) {
        if (l->line == 1 && tdl_str_starts(text, TDL_STR("\xEF\xBB\xBF")))
            text = (tdl_str){text.at + 3, text.len - 3};
        text = tdl_str_trim(text);
        if (!text.len)
            continue;
        if ((st = add_line(l, text, builder, &r, counts->rows_skipped < options->skip_bad, &skipped,
                           why))) {
            tdl_report_prefix(why, "line %zu", l->line);
            break;
        }
        if (skipped && !counts->rows_skipped++)
            counts->first_skipped = l->line;
        if (options->rows_max && tdl_frame_builder_rows(builder) == options->rows_max)
            break;
        if (l->line % TDL_READ_PROGRESS_ROWS == 0 &&
            (st =
                 tdl_read_tell(options, tdl_input_taken(l->input), tdl_input_total(l->input), why)))
            break;
    }
    free(r.cell);
    tdl_buf_release(&r.text);
    return st;
}

tdl_status tdl_read_jsonl(const char *source, const tdl_read_options *options, tdl_frame *ret,
                          tdl_read_counts *counts, tdl_report *why)
{
    lines l = {.name = source, .text.limit = LINE_MAX_BYTES + CHUNK_BYTES};
    tdl_frame_builder *builder = NULL;
    tdl_status st;

    if ((st = tdl_input_open(source, &l.input, why)))
        return st;
    if ((options->encoding && strcasecmp(options->encoding, "utf-8") &&
         (st = tdl_input_convert(l.input, options->encoding, why))) ||
        (st = tdl_frame_builder_new(NULL, 0, options, &builder, why)) ||
        (st = read_lines(&l, options, builder, counts, why)))
        goto out;
    if (!tdl_frame_builder_columns(builder)) {
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "put a JSON object on each line", "there is no row");
        goto out;
    }
    tdl_buf_release(&l.text);
    st = tdl_frame_builder_finish(builder, ret, why);
out:
    if (st)
        tdl_report_prefix(why, "%s", source);
    tdl_buf_release(&l.text);
    tdl_frame_builder_free(builder);
    tdl_input_close(l.input);
    return st;
}
