/* Columns of values, and their names. */
#include <stdlib.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "table/frame.h"

static const char *const type_names[] = {
#define TYPE_NAME(name, text) [TDL_COLUMN_##name] = (text),
    TDL_COLUMN_TYPE_MAP(TYPE_NAME)
#undef TYPE_NAME
};

const char *tdl_column_type_name(tdl_column_type type)
{
    return type_names[type];
}

bool tdl_column_type_find(tdl_str name, tdl_column_type *ret)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++)
        if (tdl_str_is(name, type_names[i])) {
            *ret = (tdl_column_type)i;
            return true;
        }
    return false;
}

void tdl_column_release(tdl_column *column)
{
    free(column->name);
    free(column->number);
    free(column->level);
    free(column->levels);
    free(column->level_bytes);
    free(column->pixel);
    *column = (tdl_column){0};
}

void tdl_frame_release(tdl_frame *frame)
{
    for (size_t i = 0; i < frame->columns_n; i++)
        tdl_column_release(&frame->column[i]);
    free(frame->column);
    *frame = (tdl_frame){0};
}

/* ---- some of the rows ---- */

static bool take_levels(const tdl_column *from, tdl_column *to)
{
    size_t bytes = 0;
    char *at;

    for (size_t i = 0; i < from->levels_n; i++)
        bytes += from->levels[i].len;
    to->levels = malloc((from->levels_n + 1) * sizeof *to->levels);
    to->level_bytes = at = malloc(bytes + 1);
    if (!to->levels || !at)
        return false;
    for (size_t i = 0; i < from->levels_n; i++) {
        if (from->levels[i].len)
            memcpy(at, from->levels[i].at, from->levels[i].len);
        to->levels[i] = (tdl_str){at, from->levels[i].len};
        at += from->levels[i].len;
    }
    to->levels_n = from->levels_n;
    return true;
}

static bool take_column(const tdl_column *from, const uint32_t *row, size_t n, tdl_column *to)
{
    size_t image = from->channels * from->height * from->width;

    to->type = from->type;
    to->channels = from->channels;
    to->height = from->height;
    to->width = from->width;
    to->name = strdup(from->name);
    to->number = from->number ? malloc((n + 1) * sizeof *to->number) : NULL;
    to->level = from->level ? malloc((n + 1) * sizeof *to->level) : NULL;
    to->pixel = from->pixel ? malloc(n * image + 1) : NULL;
    if (!to->name || (from->number && !to->number) || (from->level && !to->level) ||
        (from->pixel && !to->pixel) || (from->levels && !take_levels(from, to)))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (from->number)
            to->number[i] = from->number[row[i]];
        if (from->level)
            to->level[i] = from->level[row[i]];
        if (from->pixel)
            memcpy(to->pixel + i * image, from->pixel + row[i] * image, image);
        to->missing += !tdl_column_has(to, i);
    }
    return true;
}

tdl_status tdl_frame_take(const tdl_frame *frame, const uint32_t *row, size_t n, tdl_frame *ret,
                          tdl_report *why)
{
    tdl_frame taken = {.rows = n, .column = calloc(frame->columns_n + 1, sizeof *taken.column)};
    bool whole = taken.column != NULL;

    for (size_t i = 0; i < frame->columns_n && whole; i++) {
        taken.columns_n++;
        whole = take_column(&frame->column[i], row, n, &taken.column[i]);
    }
    if (!whole) {
        tdl_frame_release(&taken);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows of %zu columns", n,
                        frame->columns_n);
    }
    *ret = taken;
    return TDL_OK;
}

bool tdl_frame_find(const tdl_frame *frame, tdl_str name, size_t *ret)
{
    for (size_t i = 0; i < frame->columns_n; i++)
        if (tdl_str_is(name, frame->column[i].name)) {
            *ret = i;
            return true;
        }
    return false;
}

void tdl_column_print(const tdl_column *column, size_t row, tdl_buf *out)
{
    tdl_jw number = {.out = out};

    if (column->pixel || !tdl_column_has(column, row))
        return;
    if (column->level) {
        tdl_buf_str(out, column->levels[column->level[row]]);
    } else if (column->type == TDL_COLUMN_BOOLEAN && column->levels_n == 2) {
        tdl_buf_str(out, column->levels[column->number[row] != 0]);
    } else if (column->type == TDL_COLUMN_DATE) {
        char text[TDL_TIME_TEXT_MAX];

        tdl_time_format((int64_t)(column->number[row] * 1e6), text);
        tdl_buf_text(out, text);
    } else {
        tdl_jw_number(&number, column->number[row]);
    }
}
