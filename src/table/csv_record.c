#include "table/csv_record.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES = 64 << 10, ROW_LIMIT = 16 << 20, FIELDS_MAX = 100000 };

tdl_status tdl_csv_records_init(tdl_csv_records *r, tdl_input *input, char delimiter,
                                size_t field_limit, tdl_report *why)
{
    size_t limit = field_limit < ROW_LIMIT ? field_limit : ROW_LIMIT;

    *r = (tdl_csv_records){
        .input_file = input, .delimiter = delimiter, .field_limit = limit, .line = 1};
    r->row.limit = ROW_LIMIT;
    r->special[(unsigned char)delimiter] = true;
    r->special['"'] = r->special['\n'] = r->special['\r'] = r->special['\0'] = true;
    r->input = malloc(INPUT_BYTES);
    return r->input ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read");
}

void tdl_csv_records_release(tdl_csv_records *r)
{
    free(r->input);
    free(r->fields);
    tdl_buf_release(&r->row);
    *r = (tdl_csv_records){0};
}

/* ---- input ---- */

/* Read on behind what is there; false at the end and on an error. */
static bool read_on(tdl_csv_records *r)
{
    size_t got = 0;

    if (r->failed_read)
        return false;
    if (tdl_input_read(r->input_file, r->input + r->input_n, INPUT_BYTES - r->input_n, &got,
                       &r->read_why))
        r->failed_read = true;
    r->input_n += got;
    return got > 0;
}

/* Is there a byte at input[at]? */
static bool available(tdl_csv_records *r)
{
    if (r->at < r->input_n)
        return true;
    r->at = r->input_n = 0;
    return read_on(r);
}

/* The first bytes of the file, however short the reads of a pipe are. */
static size_t fill_up_to(tdl_csv_records *r, size_t wanted)
{
    while (r->input_n < wanted && read_on(r))
        ;
    return r->input_n;
}

tdl_status tdl_csv_records_sniff(tdl_csv_records *r, tdl_report *why)
{
    static const struct {
        const char *bytes, *what, *hint;
        size_t n;
    } others[] = {
        {"\xFF\xFE", "UTF-16 text", "save it as \"CSV UTF-8\"", 2},
        {"\xFE\xFF", "UTF-16 text", "save it as \"CSV UTF-8\"", 2},
        {"PK\x03\x04", "a zip archive or a spreadsheet",
         "unzip it, or save the sheet as \"CSV UTF-8\"", 4},
    };
    size_t n = fill_up_to(r, 4);

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (n >= others[i].n && memcmp(r->input, others[i].bytes, others[i].n) == 0)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, others[i].hint, "this is not CSV but %s",
                                 others[i].what);
    if (n >= 3 && memcmp(r->input, "\xEF\xBB\xBF", 3) == 0)
        r->at = 3;
    return TDL_OK;
}

void tdl_csv_records_guess(tdl_csv_records *r)
{
    static const char delimiters[] = {',', ';', '\t', '|'}; /* of as many, the earlier */
    size_t count[256] = {0}, n = fill_up_to(r, INPUT_BYTES);
    char best = delimiters[0];
    bool quoted = false;

    for (size_t i = r->at; i < n && (quoted || r->input[i] != '\n'); i++) {
        quoted ^= r->input[i] == '"';
        count[(unsigned char)r->input[i]] += !quoted;
    }
    for (size_t i = 1; i < sizeof delimiters; i++)
        if (count[(unsigned char)delimiters[i]] > count[(unsigned char)best])
            best = delimiters[i];
    r->special[(unsigned char)r->delimiter] = false;
    r->special[(unsigned char)best] = true;
    r->delimiter = best;
}

static tdl_status fail_read(const tdl_csv_records *r, tdl_report *why)
{
    if (why)
        *why = r->read_why;
    return r->read_why.status;
}

/* ---- fields ---- */

static tdl_status fail_nul(tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "the file may be damaged, or not be text",
                         "there is a NUL byte");
}

/* Add input[at .. at + n) to the field that began at row[from]. */
static tdl_status take(tdl_csv_records *r, size_t n, size_t from, const char *hint, tdl_report *why)
{
    if (r->row.len - from + n > r->field_limit)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, hint, "a field is longer than %zu bytes",
                             r->field_limit);
    if (r->row.len + n > ROW_LIMIT)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a row is longer than %d bytes", ROW_LIMIT);
    tdl_buf_add(&r->row, r->input + r->at, n);
    if (r->row.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row of %zu bytes", r->row.len + n);
    r->at += n;
    return TDL_OK;
}

static tdl_status read_unquoted(tdl_csv_records *r, tdl_report *why)
{
    size_t from = r->row.len;
    tdl_status st;

    while (available(r)) {
        size_t end = r->at;

        while (end < r->input_n && !r->special[(unsigned char)r->input[end]])
            end++;
        if ((st = take(r, end - r->at, from, "check the delimiter", why)))
            return st;
        if (r->at == r->input_n)
            continue;
        if (r->input[r->at] == '"')
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "put the whole field in quotes and double each quote inside it",
                                 "a quote stands inside a field that does not begin with one");
        return r->input[r->at] == '\0' ? fail_nul(why) : TDL_OK;
    }
    return TDL_OK;
}

static tdl_status fail_unterminated(size_t opened_line, tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "fetch or export it again; if it is complete, close that quote",
                         "file ends inside a quoted field that began on line %zu: the file may be "
                         "truncated",
                         opened_line);
}

/* Up to the quote, line end or NUL that comes next. */
static size_t plain_end(const tdl_csv_records *r)
{
    size_t end = r->at;

    while (end < r->input_n && r->input[end] != '"' && r->input[end] != '\n' &&
           r->input[end] != '\0')
        end++;
    return end;
}

static tdl_status read_quoted(tdl_csv_records *r, tdl_report *why)
{
    const char *hint = "a quote before it may never be closed";
    size_t from = r->row.len, opened_line = r->line;
    tdl_status st;

    r->at++; /* the opening quote */
    while (available(r)) {
        if ((st = take(r, plain_end(r) - r->at, from, hint, why)))
            return st;
        if (r->at == r->input_n)
            continue;
        if (r->input[r->at] == '\0')
            return fail_nul(why);
        if (r->input[r->at] == '"') {
            r->at++;
            if (!available(r) || r->input[r->at] != '"')
                return TDL_OK;
        }
        r->line += r->input[r->at] == '\n';
        if ((st = take(r, 1, from, hint, why)))
            return st;
    }
    r->unterminated = !r->failed_read;
    return r->failed_read ? TDL_OK : fail_unterminated(opened_line, why);
}

/* One field, onto the end of `row`. Its bytes are checked here, while its bounds are known. */
static tdl_status read_field(tdl_csv_records *r, tdl_report *why)
{
    bool quoted = available(r) && r->input[r->at] == '"';
    size_t from = r->row.len, bad;
    tdl_str text;
    tdl_status st;

    if ((st = quoted ? read_quoted(r, why) : read_unquoted(r, why)))
        return st;
    if (r->failed_read)
        return fail_read(r, why);
    text = (tdl_str){r->row.at ? r->row.at + from : "", r->row.len - from};
    r->not_utf8 = !tdl_str_utf8(text, &bad);
    if (r->not_utf8)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "convert it: iconv -f LATIN1 -t UTF-8",
                             "byte %zu of the field (0x%02x) is not UTF-8", bad + 1,
                             (unsigned char)text.at[bad]);
    if (r->fields_n == FIELDS_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a row has more than %d fields", FIELDS_MAX);
    if (r->fields_n == r->fields_cap) {
        size_t cap = r->fields_cap ? 2 * r->fields_cap : 16;
        tdl_str *grown = realloc(r->fields, cap * sizeof *grown);

        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu fields", cap);
        r->fields = grown;
        r->fields_cap = cap;
    }
    r->fields[r->fields_n++] = (tdl_str){NULL, text.len}; /* `row` may still move */
    return TDL_OK;
}

/* ---- records ---- */

/* What stands behind a field: a delimiter, or the end of the record. */
static tdl_status read_separator(tdl_csv_records *r, bool *ret_last, tdl_report *why)
{
    *ret_last = true;
    if (!available(r))
        return TDL_OK; /* a read error shows at the next record */
    if (r->input[r->at] == r->delimiter) {
        r->at++;
        *ret_last = false;
        return TDL_OK;
    }
    if (r->input[r->at] == '\r') {
        r->at++;
        if (!available(r) || r->input[r->at] != '\n')
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "quote that field, or convert the line ends: tr '\\r' '\\n'",
                                 "a carriage return is not followed by a line feed");
    }
    if (r->input[r->at] != '\n')
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "double each quote that stands inside a field",
                             "text follows the closing quote of a field");
    r->at++;
    r->line++;
    return TDL_OK;
}

tdl_status tdl_csv_records_next(tdl_csv_records *r, bool *ret_more, tdl_report *why)
{
    bool last = false;
    size_t from = 0;
    tdl_status st;

    tdl_buf_clear(&r->row);
    r->fields_n = 0;
    r->row_line = r->line;
    if (!available(r)) {
        *ret_more = false;
        return r->failed_read ? fail_read(r, why) : TDL_OK;
    }
    r->blank = r->input[r->at] == '\n' || r->input[r->at] == '\r';
    while (!last) {
        if ((st = read_field(r, why)))
            return st;
        if ((st = read_separator(r, &last, why)))
            return st;
    }
    for (size_t i = 0; i < r->fields_n; i++) {
        r->fields[i].at = r->row.at ? r->row.at + from : "";
        from += r->fields[i].len;
    }
    *ret_more = true;
    return TDL_OK;
}

void tdl_csv_records_skip_line(tdl_csv_records *r)
{
    while (available(r)) {
        const char *end = memchr(r->input + r->at, '\n', r->input_n - r->at);

        r->at = end ? (size_t)(end - r->input) + 1 : r->input_n;
        if (end) {
            r->line++;
            return;
        }
    }
}
