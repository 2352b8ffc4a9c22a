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
