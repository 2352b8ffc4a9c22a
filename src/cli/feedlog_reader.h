/* Logs of feedback as other programs write them: who took what, when.
 *
 * | name of the file             | what is read |
 * | .inter                       | RecBole: tabs, a header of name:type |
 * | u.data                       | MovieLens 100K: user, item, rating, time, tabs, no header |
 * | .dat                         | MovieLens 1M and 10M: the same, parted by "::" |
 * | .seq                         | a person a line, items in order; no times |
 * | .csv, .tsv                   | a table with a header: ratings.csv, a shop's invoices |
 * | .json, .jsonl, .ndjson       | objects, one a line or in one array: gorse's feedback |
 *
 * and .gz or .zst behind any. Columns and members are known by the names that such logs use
 * (feedlog_fields.c), or named by `map`: "user=...,item=...,time=...,order=...,kind=...,value=...,
 * segment=...,title=...,price=...".
 *
 * A table with InvoiceNo, StockCode, Quantity and UnitPrice is a shop's book (UCI Online Retail):
 * cancellations and corrections (numbers that begin with C or A), codes that do not begin with five
 * digits, and lines without goods or price are left out; codes are taken in capitals, and what a
 * line says of its kind is "purchase".
 *
 * A bad row is counted, and the first is told with its line; a file that cannot be read is an
 * error.
 */
#ifndef TDL_CLI_FEEDLOG_READER_H
#define TDL_CLI_FEEDLOG_READER_H

#include "base/str.h"
#include "cli/progress.h"

typedef struct tdl_feedlog_row {
    tdl_str user, item, order, kind, segment; /* empty where there is none; borrowed for the call */
    tdl_str title, price;                     /* of the item, likewise; price as it is written */
    int64_t time_us;                          /* without times: rises from row to row */
    double value;
    bool has_value;
    size_t line;
} tdl_feedlog_row;

/* Take one row. Anything but TDL_OK and TDL_E_INVALID ends the reading; TDL_E_INVALID rejects it.
 */
typedef tdl_status tdl_feedlog_row_fn(void *context, const tdl_feedlog_row *row, tdl_report *why);

typedef struct tdl_feedlog_options {
    const char *path;
    const char *map;        /* or "" or NULL */
    const char *segment;    /* column that says where a person belongs; NULL or "" = by `map` */
    const char *kind;       /* only rows of this kind; NULL or "" = all */
    tdl_progress *progress; /* may be NULL */
    /* Told of each row that is not taken; `context` is that of the rows. May be NULL. */
    void (*rejected)(void *context, size_t line, const tdl_report *why);
} tdl_feedlog_options;

typedef struct tdl_feedlog_result {
    const char *format; /* "recbole", "movielens", "sequences", "table", "retail", "json" */
    bool timed;         /* rows have times */
    size_t rows, rejected, other; /* other: of another kind, or left out by a rule */
    char first_reject[512];       /* "line 7: ..." or empty */
} tdl_feedlog_result;

/* Is this the name of a log that only this reader knows? (import has its own .csv and .jsonl.) */
bool tdl_feedlog_is_foreign(const char *path);
bool tdl_feedlog_has_no_times(const char *path);  /* whatever is in it */
bool tdl_feedlog_is_shops_book(const char *path); /* a .csv or .tsv whose header says so */

tdl_status tdl_feedlog_read(const tdl_feedlog_options *options, tdl_feedlog_row_fn *take,
                            void *context, tdl_feedlog_result *ret, tdl_report *why);

/* Seconds, milliseconds or microseconds by their size, else RFC 3339 or "YYYY-MM-DD[ HH:MM[:SS]]".
 */
tdl_status tdl_feedlog_time(tdl_str text, int64_t *ret_us, tdl_report *why);

#endif
