#include "cli/read_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/progress.h"

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static tdl_status read_delimiter(const char *text, char *ret, tdl_report *why)
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = {{"tab", '\t'}, {"\\t", '\t'}, {"comma", ','}, {"semicolon", ';'}, {"pipe", '|'}};

    *ret = 0;
    if (!or_null(text))
        return TDL_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(text, names[i].name)) {
            *ret = names[i].delimiter;
            return TDL_OK;
        }
    if (text[1])
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "one character, or tab",
                             "--delimiter %s: a delimiter is one character", text);
    *ret = *text;
    return TDL_OK;
}

/* "name=type", up to the next comma; a name may hold '='. */
static tdl_status read_wish(tdl_str item, tdl_column_wish *ret, tdl_report *why)
{
    size_t at = item.len;

    while (at > 0 && item.at[at - 1] != '=')
        at--;
    if (at < 2)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--types zip=category,since=date",
                             "--types: '%.*s' is not COLUMN=TYPE", TDL_FMT(item));
    ret->name = (tdl_str){item.at, at - 1};
    tdl_str type = {item.at + at, item.len - at};
    if (!tdl_column_type_find(type, &ret->type) || ret->type == TDL_COLUMN_IMAGE)
        return TDL_FAIL_HINT(why, TDL_E_USAGE,
                             "numeric, integer, boolean, date, category, text or id",
                             "--types: there is no type '%.*s'", TDL_FMT(type));
    return TDL_OK;
}

static tdl_status read_wishes(const char *types, tdl_column_wish **ret, size_t *ret_n,
                              tdl_report *why)
{
    tdl_column_wish *wish = NULL;
    size_t n = 1;
    tdl_status st = TDL_OK;

    *ret = NULL;
    *ret_n = 0;
    if (!or_null(types))
        return TDL_OK;
    for (const char *c = types; *c; c++)
        n += *c == ',';
    if (!(wish = calloc(n, sizeof *wish)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for --types");
    for (size_t i = 0; !st && i < n; i++) {
        size_t len = strcspn(types, ",");

        st = read_wish((tdl_str){types, len}, &wish[i], why);
        types += len + 1;
    }
    if (st) {
        free(wish);
        return st;
    }
    *ret = wish;
    *ret_n = n;
    return TDL_OK;
}

tdl_status tdl_read_values_options(const tdl_read_values *values, tdl_read_options *ret,
                                   tdl_report *why)
{
    tdl_read_options options = {.query = or_null(values->query),
                                .encoding = or_null(values->encoding),
                                .missing = or_null(values->missing),
                                .skip_bad = (size_t)values->skip_bad,
                                .rows_max = (size_t)values->rows};
    tdl_column_wish *wish;
    tdl_status st;

    if ((st = read_delimiter(values->delimiter, &options.delimiter, why)) ||
        (st = read_wishes(values->types, &wish, &options.wishes_n, why)))
        return st;
    options.wish = wish;
    *ret = options;
    return TDL_OK;
}

void tdl_read_free_wishes(tdl_read_options *options)
{
    free((void *)options->wish);
    options->wish = NULL;
    options->wishes_n = 0;
}

static bool draw(void *context, uint64_t bytes, uint64_t total)
{
    if (total)
        tdl_progress_draw(context, tdl_tr("reading", "读取"), (double)bytes / (double)total, NULL);
    return true;
}

static tdl_status check_wishes(const tdl_read_options *options, const tdl_frame *frame,
                               tdl_report *why)
{
    size_t column;

    for (size_t i = 0; i < options->wishes_n; i++)
        if (!tdl_frame_find(frame, options->wish[i].name, &column))
            return TDL_FAIL(why, TDL_E_USAGE, "--types: there is no column '%.*s'",
                            TDL_FMT(options->wish[i].name));
    return TDL_OK;
}

static void tell(const tdl_read_counts *counts)
{
    if (counts->gb18030)
        fprintf(stderr, "%s\n",
                tdl_tr("the file is not UTF-8: read as GB18030 (--encoding)",
                       "文件不是 UTF-8：按 GB18030 读取（--encoding）"));
    if (counts->rows_skipped)
        fprintf(
            stderr,
            tdl_tr("%zu rows left out, the first on line %zu\n", "跳过 %zu 行，首行在第 %zu 行\n"),
            counts->rows_skipped, counts->first_skipped);
}

tdl_status tdl_read_told(const char *source, tdl_read_options *options, bool quiet, tdl_frame *ret,
                         tdl_report *why)
{
    tdl_progress progress = tdl_progress_start(quiet);
    tdl_read_counts counts = {0};
    tdl_status st;

    options->progress = draw;
    options->progress_context = &progress;
    st = tdl_frame_read(source, options, ret, &counts, why);
    tdl_progress_finish(&progress);
    if (!st && !quiet)
        tell(&counts);
    return st;
}

tdl_status tdl_read_frame(const char *source, const tdl_read_values *values, bool quiet,
                          tdl_frame *ret, tdl_report *why)
{
    tdl_read_options options = {0};
    tdl_frame frame = {0};
    tdl_status st = tdl_read_values_options(values, &options, why);

    if (st)
        return st;
    st = tdl_read_told(source, &options, quiet, &frame, why);
    if (!st && (st = check_wishes(&options, &frame, why)))
        tdl_frame_release(&frame);
    if (!st)
        *ret = frame;
    tdl_read_free_wishes(&options);
    return st;
}
