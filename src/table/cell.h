/* A cell: what a piece of text in a table can be read as.
 *
 * Text is expected without white space around it (tdl_str_trim).
 */
#ifndef TDL_TABLE_CELL_H
#define TDL_TABLE_CELL_H

#include "base/str.h"

enum { TDL_CELL_ODD = -1 };

typedef struct tdl_cell_number {
    double value; /* may be infinite: "inf", "-Infinity", 1e999 */
    int decimals; /* digits after the point if "%.*f" spells it again byte for byte, else _ODD */
    bool integer; /* spelt without point and exponent */
} tdl_cell_number;

/* Is it a decimal number, in the sense of tdl_str_double, or an infinity? */
bool tdl_cell_number_read(tdl_str text, tdl_cell_number *ret);

/* RFC 3339, or ISO 8601 without a zone (UTC is meant) or without seconds: "2001-01-22",
 * "2016-07-01 00:00", "2016-07-01T00:00:00.5+08:00". Seconds since 1970 UTC. */
bool tdl_cell_date(tdl_str text, double *ret_seconds);
/* The same, and what only a column that is known to hold dates may have: 20010122, 2001-01,
 * 2001/1/22, 2001. */
bool tdl_cell_date_wished(tdl_str text, double *ret_seconds);

/* true, yes, t or false, no, f in any case.
 *   ret_pair  which of the three pairs it belongs to */
bool tdl_cell_truth(tdl_str text, bool *ret_truth, int *ret_pair);
/* The same, and y, n, on, off, 1, 0, for a column that is known to hold truths. */
bool tdl_cell_truth_wished(tdl_str text, bool *ret_truth);

/* Of a false and a true spelling, give the one that is empty the other's partner, in like letters:
 * "Yes" gives "No". Of two empty ones: false, true. Borrowed from static memory. */
void tdl_cell_truth_other(tdl_str *false_spelling, tdl_str *true_spelling);

/* Is it a spelling of "missing"? Empty always is.
 *   spellings  separated by commas, compared byte by byte; NULL = NA, null, ?, NaN, N/A, None in
 *              any case */
bool tdl_cell_missing(tdl_str text, const char *spellings);

#endif
