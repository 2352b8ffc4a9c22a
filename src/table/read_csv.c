/* CSV into a frame: which delimiter, which encoding, which rows. */
#include <strings.h>
#include <unistd.h>

#include "table/csv.h"
#include "table/input.h"
#include "table/read_parts.h"

static bool is_standard_input(const char *source)
{
    return !strcmp(source, "-");
}

static tdl_status open_csv(const char *source, const tdl_csv_options *options, tdl_csv **ret,
                           tdl_report *why)
{
    return is_standard_input(source)
               ? tdl_csv_open_fd(STDIN_FILENO, "standard input", options, ret, why)
               : tdl_csv_open(source, options, ret, why);
}

static tdl_status read_rows(tdl_csv *csv, const char *name, const tdl_read_options *options,
                            tdl_frame_builder *builder, tdl_report *why)
{
    const tdl_str *fields;
    size_t n, rows = 0;
    bool more = true;
    tdl_status st = TDL_OK;

    while (!st && (!options->rows_max || rows < options->rows_max)) {
        if ((st = tdl_csv_next(csv, &fields, &n, &more, why)) || !more)
            break;
        if ((st = tdl_frame_builder_add(builder, fields, why)))
            tdl_report_prefix(why, "%s: line %zu", name, tdl_csv_line(csv));
        else if (++rows % TDL_READ_PROGRESS_ROWS == 0)
            st = tdl_read_tell(options, tdl_csv_bytes_read(csv), tdl_csv_bytes_total(csv), why);
    }
    return st;
}

static tdl_status read_once(const char *source, const tdl_read_options *options,
                            const char *encoding, bool *bad_encoding, tdl_frame *ret,
                            tdl_read_counts *counts, tdl_report *why)
{
    tdl_csv_options how = {.delimiter = options->delimiter,
                           .guess_delimiter = !options->delimiter,
                           .encoding = encoding,
                           .skip_bad = options->skip_bad,
                           .bad_encoding = bad_encoding};
    const char *name = is_standard_input(source) ? "standard input" : source;
    tdl_frame_builder *builder = NULL;
    tdl_csv *csv = NULL;
    const tdl_str *header;
    size_t header_n;
    tdl_status st;

    if (options->refused) // of a first reading, in another encoding
        tdl_refused_release(options->refused);
    if ((st = open_csv(source, &how, &csv, why)))
        return st;
    header = tdl_csv_header(csv, &header_n);
    if ((st = tdl_frame_builder_new(header, header_n, options, &builder, why))) {
        tdl_report_prefix(why, "%s: line 1", name);
        goto out;
    }
    if ((st = read_rows(csv, name, options, builder, why)))
        goto out;
    counts->rows_skipped = tdl_csv_skipped(csv, &counts->first_skipped);
    counts->delimiter = tdl_csv_delimiter(csv);
    tdl_csv_close(csv);
    csv = NULL;
    if ((st = tdl_frame_builder_finish(builder, ret, why)))
        tdl_report_prefix(why, "%s", name);
out:
    tdl_csv_close(csv);
    tdl_frame_builder_free(builder);
    return st;
}

static bool is_utf8(const char *encoding)
{
    return !strcasecmp(encoding, "utf-8") || !strcasecmp(encoding, "utf8");
}

static bool is_gb18030(tdl_input *input)
{
    char bytes[16384];
    size_t n = 0;
    tdl_status st = tdl_input_convert(input, "gb18030", NULL);

    while (!st && !(st = tdl_input_read(input, bytes, sizeof bytes, &n, NULL)) && n)
        ;
    return !st;
}

/* From the beginning again; false: a pipe cannot. */
static bool rewind_source(const char *source, off_t begin)
{
    return !is_standard_input(source) ||
           (begin >= 0 && lseek(STDIN_FILENO, begin, SEEK_SET) == begin);
}

/* Is all of the source valid in that encoding? Text in another one seldom is by chance. */
static bool all_gb18030(const char *source, off_t begin)
{
    tdl_input *input = NULL;
    bool valid;

    if (!rewind_source(source, begin) ||
        (is_standard_input(source) ? tdl_input_open_fd(STDIN_FILENO, &input, NULL)
                                   : tdl_input_open(source, &input, NULL)))
        return false;
    valid = is_gb18030(input);
    tdl_input_close(input);
    return valid && rewind_source(source, begin);
}

/* A file that is not UTF-8 is read once more as GB18030, if it is that: most Chinese exports that
 * are not UTF-8 are. Otherwise the rows that are not UTF-8 are bad ones. */
tdl_status tdl_read_csv(const char *source, const tdl_read_options *options, tdl_frame *ret,
                        tdl_read_counts *counts, tdl_report *why)
{
    off_t begin = is_standard_input(source) ? lseek(STDIN_FILENO, 0, SEEK_CUR) : 0;
    const char *given = options->encoding;
    bool bad = false;
    tdl_report said = {0};
    tdl_status st;

    if (given)
        return read_once(source, options, is_utf8(given) ? NULL : given, NULL, ret, counts, why);
    st = read_once(source, options, NULL, &bad, ret, counts, &said);
    if (st && bad && all_gb18030(source, begin)) {
        counts->gb18030 = true;
        return read_once(source, options, "gb18030", NULL, ret, counts, why);
    }
    if (st && bad && options->skip_bad && rewind_source(source, begin))
        return read_once(source, options, NULL, NULL, ret, counts, why);
    if (st && why)
        *why = said;
    return st;
}
