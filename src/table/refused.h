/* Rows of a file that are refused one by one, each for its first cell that is not of the type of
 * its column: what is said of each, in the order of the file.
 *
 * Memory       what is said, and 16 bytes a row
 */
#ifndef TDL_TABLE_REFUSED_H
#define TDL_TABLE_REFUSED_H

#include "table/frame.h"

typedef struct tdl_refused_rows {
    struct tdl_refused_row {
        size_t row; /* of the frame, from 0 */
        size_t at;  /* what is said of it, in `said` */
    } * row;        /* [n] ascending, each once */
    size_t n, cap;
    tdl_buf said; /* texts, each with its NUL */
} tdl_refused_rows;

/* Rows come in order; what is said of a row a second time is not kept. TDL_E_NO_MEMORY */
tdl_status tdl_refuse_row(tdl_refused_rows *refused, size_t row, const tdl_report *said,
                          tdl_report *why);
void tdl_refused_release(tdl_refused_rows *refused); /* accepts a zeroed struct */
/* What is said of the i-th of them: "column 'age': 'old' is not a number; correct ...". */
const char *tdl_refused_said(const tdl_refused_rows *refused, size_t i);
/* The frame without them, which then is the caller's alone: rows left keep their order. */
tdl_status tdl_refused_take_out(const tdl_refused_rows *refused, tdl_frame *frame, tdl_report *why);
/* Where row `row` of the file stands in the frame without them. TDL_E_INVALID: it is one of them,
 * and what is said of it. */
tdl_status tdl_refused_find(const tdl_refused_rows *refused, size_t row, size_t *ret,
                            tdl_report *why);

#endif
