#include "table/refused.h"

#include <stdlib.h>

static tdl_status no_memory(size_t n, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what is wrong with %zu rows", n + 1);
}

tdl_status tdl_refuse_row(tdl_refused_rows *r, size_t row, const tdl_report *said, tdl_report *why)
{
    if (r->n && r->row[r->n - 1].row == row)
        return TDL_OK;
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 16;
        struct tdl_refused_row *grown = realloc(r->row, cap * sizeof *grown);

        if (!grown)
            return no_memory(r->n, why);
        r->row = grown;
        r->cap = cap;
    }
    r->said.limit = SIZE_MAX / 4;
    r->row[r->n] = (struct tdl_refused_row){row, r->said.len};
    tdl_buf_text(&r->said, said->message);
    if (said->hint[0])
        tdl_buf_printf(&r->said, "; %s", said->hint);
    tdl_buf_char(&r->said, '\0');
    if (r->said.failed)
        return no_memory(r->n, why);
    r->n++;
    return TDL_OK;
}

void tdl_refused_release(tdl_refused_rows *r)
{
    free(r->row);
    tdl_buf_release(&r->said);
    *r = (tdl_refused_rows){0};
}

const char *tdl_refused_said(const tdl_refused_rows *r, size_t i)
{
    return r->said.at + r->row[i].at;
}

tdl_status tdl_refused_take_out(const tdl_refused_rows *r, tdl_frame *frame, tdl_report *why)
{
    uint32_t *row = NULL;
    size_t n = 0, next = 0;
    tdl_frame rest = {0};
    tdl_status st;

    if (!r->n)
        return TDL_OK;
    if (!(row = malloc((frame->rows + 1) * sizeof *row)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", frame->rows);
    for (size_t i = 0; i < frame->rows; i++) {
        bool refused = next < r->n && r->row[next].row == i;

        next += refused;
        if (!refused)
            row[n++] = (uint32_t)i;
    }
    if (!(st = tdl_frame_take(frame, row, n, &rest, why))) {
        tdl_frame_release(frame);
        *frame = rest;
    }
    free(row);
    return st;
}

tdl_status tdl_refused_find(const tdl_refused_rows *r, size_t row, size_t *ret, tdl_report *why)
{
    size_t before = 0;

    while (before < r->n && r->row[before].row < row)
        before++;
    if (before < r->n && r->row[before].row == row)
        return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %.400s", row + 1,
                        tdl_refused_said(r, before));
    *ret = row - before;
    return TDL_OK;
}
