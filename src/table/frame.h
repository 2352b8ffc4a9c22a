/* A frame: a table in memory, column by column, each of one type.
 *
 * | type     | values are in | from cells such as                                             |
 * |----------|---------------|----------------------------------------------------------------|
 * | numeric  | number        | 1.5, -3e4                                                      |
 * | integer  | number        | 42                                                             |
 * | boolean  | number, 0 / 1 | true, false, yes, no, t, f; `levels`: false's spelling, true's  |
 * | date     | number        | RFC 3339 date or time; seconds since 1970 UTC                  |
 * | category | level         | any text that repeats                                          |
 * | text     | level         | any text, mostly different                                     |
 * | id       | level, number | names a row, tells nothing of it: left out of features         |
 * | image    | pixel         | channels first                                                 |
 *
 * Missing      NaN in `number`, -1 in `level`. Infinity is missing, and counted
 * Ownership    a frame owns all it points to
 */
#ifndef TDL_TABLE_FRAME_H
#define TDL_TABLE_FRAME_H

#include "base/str.h"

/* X(name, text) */
#define TDL_COLUMN_TYPE_MAP(X)                                                                     \
    X(NUMERIC, "numeric")                                                                          \
    X(INTEGER, "integer")                                                                          \
    X(BOOLEAN, "boolean")                                                                          \
    X(DATE, "date")                                                                                \
    X(CATEGORY, "category")                                                                        \
    X(TEXT, "text")                                                                                \
    X(ID, "id")                                                                                    \
    X(IMAGE, "image")

typedef enum tdl_column_type {
#define TDL_COLUMN_TYPE_ENUM(name, text) TDL_COLUMN_##name,
    TDL_COLUMN_TYPE_MAP(TDL_COLUMN_TYPE_ENUM)
#undef TDL_COLUMN_TYPE_ENUM
} tdl_column_type;

const char *tdl_column_type_name(tdl_column_type type);
bool tdl_column_type_find(tdl_str name, tdl_column_type *ret); /* false: there is none */

typedef struct tdl_column {
    char *name; /* UTF-8, not empty, unlike all others */
    tdl_column_type type;
    double *number;  /* [rows] or NULL, by type */
    int32_t *level;  /* [rows] or NULL: which of `levels`, -1 = missing */
    tdl_str *levels; /* [levels_n] the different values, ascending by bytes */
    size_t levels_n;
    char *level_bytes; /* what `levels` points into */
    uint8_t *pixel;    /* [rows][channels][height][width] or NULL */
    size_t channels, height, width;
    size_t missing, infinite; /* cells; infinite ones are among the missing */
} tdl_column;

typedef struct tdl_frame {
    size_t rows;
    tdl_column *column; /* [columns_n] */
    size_t columns_n;
} tdl_frame;

void tdl_frame_release(tdl_frame *frame);    /* accepts a zeroed struct */
void tdl_column_release(tdl_column *column); /* accepts a zeroed struct */
/* A frame of its own with rows row[n] of this one, in that order. TDL_E_NO_MEMORY */
tdl_status tdl_frame_take(const tdl_frame *frame, const uint32_t *row, size_t n, tdl_frame *ret,
                          tdl_report *why);
/* Index of the column of that name; false when there is none. */
bool tdl_frame_find(const tdl_frame *frame, tdl_str name, size_t *ret);
/* Is there a value? */
static inline bool tdl_column_has(const tdl_column *column, size_t row)
{
    if (column->pixel)
        return true;
    if (column->level)
        return column->level[row] >= 0;
    return column->number && column->number[row] == column->number[row];
}
/* The cell as text: numbers by the shortest that reads back, dates by RFC 3339, a missing one as
 * "". Appended. */
void tdl_column_print(const tdl_column *column, size_t row, tdl_buf *out);

#endif
