/* Gathering the cells of one column of unknown type, and telling its type when all are there.
 * Internal to this folder; frame_builder.c has one for each column.
 *
 * As long as every cell is a number, doubles are kept and, where "%.*f" would not give it back, the
 * spelling: a column "001", "002" that has "A1" in its last row is still text, and 001 is in it.
 * From the first other cell on, the column is a dictionary.
 *
 * Memory       8 bytes a number (and its spelling if it is an odd one: 007, 1e5, more than 15
 *              digits), 4 a text and each different text once
 */
#ifndef TDL_TABLE_GATHER_H
#define TDL_TABLE_GATHER_H

#include "table/frame.h"
#include "table/levels.h"

typedef struct tdl_gather {
    char *name;           /* owned */
    bool wished;          /* then `wish` is the type */
    tdl_column_type wish; /* */
    size_t rows, missing, cap;

    double *number;   /* [cap]; NaN = missing, infinite ones as they are */
    int8_t *decimals; /* [cap], or NULL: all have `common` */
    int8_t common;    /* of the numbers so far, if `has_common` */
    bool has_common;
    tdl_buf odd;       /* spellings of those with TDL_CELL_ODD: a length byte, then the text */
    bool fraction;     /* one at least is not spelt as an integer */
    bool inexact;      /* an integer that a double may not hold */
    bool not_rising;   /* they do not rise from row to row, or one is missing */
    bool not_counting; /* nor by one each, from 0 or 1 */

    bool is_text;  /* then: */
    int32_t *code; /* [cap] of `levels`, -1 = missing */
    tdl_levels levels;
} tdl_gather;

tdl_status tdl_gather_init(tdl_gather *gather, tdl_str name, tdl_report *why);
void tdl_gather_wish(tdl_gather *gather, tdl_column_type type); /* before the first cell */
void tdl_gather_release(tdl_gather *gather);                    /* accepts a zeroed struct */

/* The next cell, without white space around it. TDL_E_INVALID: not of the type wished for. */
tdl_status tdl_gather_add(tdl_gather *gather, tdl_str text, tdl_report *why);
tdl_status tdl_gather_add_missing(tdl_gather *gather, tdl_report *why);

/* From numbers to a dictionary of their spellings. */
tdl_status tdl_gather_to_text(tdl_gather *gather, tdl_report *why);

/* Tell the type and make the column of it (infer.c). The gather is empty afterwards. */
tdl_status tdl_gather_finish(tdl_gather *gather, tdl_column *ret, tdl_report *why);

#endif
