#include "table/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "table/csv_record.h"

enum { FIELD_LIMIT = 1 << 20, HEADER_BUDGET = 32 << 20 };

struct tdl_csv {
    tdl_csv_records records;
    tdl_arena *arena; /* of name and header */
    const char *name;
    tdl_str *header; /* [header_n] */
    size_t header_n;
    tdl_input *input;
    bool failed;
    bool *bad_encoding; /* the caller's, or NULL */
    size_t skip_bad, skipped, first_skipped;
};

/* Name file, line and column before what the grammar had to say. */
static tdl_status fail_at_field(tdl_csv *csv, tdl_status st, tdl_report *why)
{
    const tdl_csv_records *r = &csv->records;
    size_t column = r->fields_n;

    csv->failed = true;
    if (csv->bad_encoding && (r->not_utf8 || tdl_input_misencoded(csv->input)))
        *csv->bad_encoding = true;
    if (column < csv->header_n && csv->header[column].len)
        tdl_report_prefix(why, "%s: line %zu, column %zu (%.*s)", csv->name, r->line, column + 1,
                          TDL_FMT(csv->header[column]));
    else
        tdl_report_prefix(why, "%s: line %zu, column %zu", csv->name, r->line, column + 1);
    return st;
}

static int by_name(const void *a, const void *b)
{
    const tdl_str *const *x = a, *const *y = b;
    int order = tdl_str_cmp(**x, **y);

    return order ? order : (*x > *y) - (*x < *y);
}

static tdl_status refuse_duplicate_names(tdl_csv *csv, tdl_report *why)
{
    const tdl_str **sorted = tdl_arena_alloc(csv->arena, csv->header_n, sizeof *sorted);

    if (!sorted)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory for the header", csv->name);
    for (size_t i = 0; i < csv->header_n; i++)
        sorted[i] = &csv->header[i];
    qsort(sorted, csv->header_n, sizeof *sorted, by_name);
    for (size_t i = 1; i < csv->header_n; i++)
        if (tdl_str_eq(*sorted[i - 1], *sorted[i]))
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "give every column a name of its own",
                                 "%s: line %zu: columns %td and %td are both called '%.*s'",
                                 csv->name, csv->records.row_line, sorted[i - 1] - csv->header + 1,
                                 sorted[i] - csv->header + 1, TDL_FMT(*sorted[i]));
    return TDL_OK;
}

static tdl_status read_header(tdl_csv *csv, bool guess_delimiter, tdl_report *why)
{
    tdl_csv_records *r = &csv->records;
    bool more;
    tdl_status st;

    if ((st = tdl_csv_records_sniff(r, why)))
        return fail_at_field(csv, st, why);
    if (guess_delimiter)
        tdl_csv_records_guess(r);
    if ((st = tdl_csv_records_next(r, &more, why)))
        return fail_at_field(csv, st, why);
    if (!more)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "the first line must name the columns",
                             "%s: the file is empty", csv->name);
    csv->header = tdl_arena_alloc(csv->arena, r->fields_n, sizeof *csv->header);
    for (size_t i = 0; csv->header && i < r->fields_n; i++) {
        csv->header[i] = tdl_arena_str(csv->arena, r->fields[i]);
        if (!csv->header[i].at)
            csv->header = NULL;
    }
    if (!csv->header)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory for the header", csv->name);
    csv->header_n = r->fields_n;
    return refuse_duplicate_names(csv, why);
}

static tdl_status check_delimiter(char delimiter, tdl_report *why)
{
    if (strchr("\"\r\n", delimiter) || (delimiter & 0x80))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "use a comma, a semicolon, a tab or '|'",
                             "the delimiter cannot be a quote, a line end or a byte over 127");
    return TDL_OK;
}

/* Takes the input over, on failure too. */
static tdl_status open_input(tdl_input *take_input, const char *name,
                             const tdl_csv_options *options, tdl_csv **ret, tdl_report *why)
{
    char delimiter = options && options->delimiter ? options->delimiter : ',';
    size_t limit = options && options->field_limit ? options->field_limit : FIELD_LIMIT;
    tdl_csv *csv = calloc(1, sizeof *csv);
    tdl_status st;

    if (!csv) {
        tdl_input_close(take_input);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory to read it", name);
    }
    csv->input = take_input;
    if (!(csv->arena = tdl_arena_new(HEADER_BUDGET)) ||
        !(csv->name = tdl_arena_str(csv->arena, tdl_str_of(name)).at)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory to read it", name);
        goto out;
    }
    csv->bad_encoding = options ? options->bad_encoding : NULL;
    csv->skip_bad = options ? options->skip_bad : 0;
    if (options && options->encoding &&
        (st = tdl_input_convert(csv->input, options->encoding, why))) {
        tdl_report_prefix(why, "%s", name);
        goto out;
    }
    if ((st = tdl_csv_records_init(&csv->records, csv->input, delimiter, limit, why)))
        goto out;
    if ((st = read_header(csv, options && options->guess_delimiter, why)))
        goto out;
    *ret = csv;
    csv = NULL;
out:
    tdl_csv_close(csv);
    return st;
}

static tdl_status check_options(const tdl_csv_options *options, tdl_report *why)
{
    return check_delimiter(options && options->delimiter ? options->delimiter : ',', why);
}

tdl_status tdl_csv_open_fd(int fd, const char *name, const tdl_csv_options *options, tdl_csv **ret,
                           tdl_report *why)
{
    tdl_input *input;
    tdl_status st;

    if ((st = check_options(options, why)))
        return st;
    if ((st = tdl_input_open_fd(fd, &input, why))) {
        tdl_report_prefix(why, "%s", name);
        return st;
    }
    return open_input(input, name, options, ret, why);
}

tdl_status tdl_csv_open(const char *path, const tdl_csv_options *options, tdl_csv **ret,
                        tdl_report *why)
{
    tdl_input *input;
    tdl_status st;

    if ((st = check_options(options, why)) || (st = tdl_input_open(path, &input, why)))
        return st;
    return open_input(input, path, options, ret, why);
}

void tdl_csv_close(tdl_csv *csv)
{
    if (!csv)
        return;
    tdl_csv_records_release(&csv->records);
    tdl_input_close(csv->input);
    tdl_arena_free(csv->arena);
    free(csv);
}

static tdl_status fail_ragged(tdl_csv *csv, tdl_report *why)
{
    const tdl_csv_records *r = &csv->records;
    const char *hint = r->fields_n > csv->header_n
                           ? "put fields that contain the delimiter in quotes"
                           : "check the delimiter; if it is the last line, the file may be "
                             "truncated";

    csv->failed = true;
    return TDL_FAIL_HINT(why, TDL_E_INVALID, hint,
                         "%s: line %zu: %zu fields where the header has %zu", csv->name,
                         r->row_line, r->fields_n, csv->header_n);
}

/* A file that ends inside quotes would lose all that is behind the first of them. */
static bool may_skip(const tdl_csv *csv, tdl_status st)
{
    const tdl_csv_records *r = &csv->records;

    return st == TDL_E_INVALID && csv->skipped < csv->skip_bad && !r->failed_read &&
           !r->unterminated && !(r->not_utf8 && csv->bad_encoding);
}

static void skip(tdl_csv *csv)
{
    if (!csv->skipped++)
        csv->first_skipped = csv->records.row_line;
}

tdl_status tdl_csv_next(tdl_csv *csv, const tdl_str **ret_fields, size_t *ret_n, bool *ret_more,
                        tdl_report *why)
{
    tdl_csv_records *r = &csv->records;
    bool more;
    tdl_status st;

    if (csv->failed)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: reading stopped at an error on line %zu",
                        csv->name, r->line);
    for (;;) {
        tdl_report said;

        st = tdl_csv_records_next(r, &more, &said);
        if (st && !may_skip(csv, st)) {
            if (why)
                *why = said;
            return fail_at_field(csv, st, why);
        }
        if (st) {
            skip(csv);
            tdl_csv_records_skip_line(r);
            continue;
        }
        if (!more || (r->fields_n == csv->header_n && !(r->blank && csv->header_n > 1)))
            break;
        if (r->blank)
            continue;
        if (!may_skip(csv, TDL_E_INVALID))
            return fail_ragged(csv, why);
        skip(csv);
    }
    *ret_more = more;
    *ret_fields = more ? r->fields : NULL;
    *ret_n = more ? r->fields_n : 0;
    return TDL_OK;
}

const tdl_str *tdl_csv_header(const tdl_csv *csv, size_t *ret_n)
{
    *ret_n = csv->header_n;
    return csv->header;
}

bool tdl_csv_column(const tdl_csv *csv, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < csv->header_n; i++) {
        if (tdl_str_is(csv->header[i], name)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

size_t tdl_csv_line(const tdl_csv *csv)
{
    return csv->records.row_line;
}

char tdl_csv_delimiter(const tdl_csv *csv)
{
    return csv->records.delimiter;
}

size_t tdl_csv_skipped(const tdl_csv *csv, size_t *ret_first_line)
{
    *ret_first_line = csv->first_skipped;
    return csv->skipped;
}

uint64_t tdl_csv_bytes_read(const tdl_csv *csv)
{
    return tdl_input_taken(csv->input);
}

uint64_t tdl_csv_bytes_total(const tdl_csv *csv)
{
    return tdl_input_total(csv->input);
}
