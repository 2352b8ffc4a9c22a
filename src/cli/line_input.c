#include "cli/line_input.h"

#include <stdlib.h>
#include <string.h>

#include "table/input.h"

enum { INPUT_BYTES = 64 << 10 };

struct tdl_line_input {
    const char *path;
    tdl_input *input;
    char some[INPUT_BYTES];
    size_t at, some_n;
    tdl_buf text; /* of the line under way */
    size_t line;  /* counted from 1 */
};

tdl_status tdl_line_input_open(const char *path, tdl_line_input **ret, tdl_report *why)
{
    tdl_line_input *in = calloc(1, sizeof *in);

    if (!in)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    in->path = path;
    in->text.limit = TDL_LINE_BYTES_MAX;
    tdl_status st = tdl_input_open(path, &in->input, why);
    if (st) {
        free(in);
        return st;
    }
    *ret = in;
    return TDL_OK;
}

void tdl_line_input_close(tdl_line_input *in)
{
    if (!in)
        return;
    tdl_input_close(in->input);
    tdl_buf_release(&in->text);
    free(in);
}

tdl_status tdl_line_input_next(tdl_line_input *in, tdl_str *ret, bool *ret_more, tdl_report *why)
{
    tdl_buf_clear(&in->text);
    in->line++;
    for (;;) {
        if (in->at == in->some_n) {
            in->at = 0;
            tdl_status st = tdl_input_read(in->input, in->some, INPUT_BYTES, &in->some_n, why);
            if (st) {
                tdl_report_prefix(why, "%s: line %zu", in->path, in->line);
                return st;
            }
        }
        const char *begin = in->some + in->at, *end = memchr(begin, '\n', in->some_n - in->at);
        size_t n = end ? (size_t)(end - begin) : in->some_n - in->at;
        tdl_buf_add(&in->text, begin, n);
        in->at += n + (end != NULL);
        if (in->text.failed)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: line %zu is longer than %d bytes", in->path,
                            in->line, TDL_LINE_BYTES_MAX);
        *ret_more = end || in->text.len;
        *ret = tdl_buf_view(&in->text);
        if (end || !in->some_n)
            return TDL_OK;
    }
}

size_t tdl_line_input_line(const tdl_line_input *in)
{
    return in->line;
}

uint64_t tdl_line_input_taken(const tdl_line_input *in)
{
    return tdl_input_taken(in->input);
}

uint64_t tdl_line_input_total(const tdl_line_input *in)
{
    return tdl_input_total(in->input);
}
