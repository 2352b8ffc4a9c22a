/* CSV: a streaming reader of RFC 4180 files with a header row.
 *
 * Life cycle   tdl_csv_open -> tdl_csv_next ... -> tdl_csv_close
 * Ownership    the fields of a row are borrowed until the next call
 * Threads      one thread per reader
 * Memory       bounded: no more than one row (16 MiB) and one read buffer, whatever the file's size
 * Failure      the report names the file, the line and the column; nothing can be read after it
 *
 * Accepted: files packed by gzip or zstd (input.h), any delimiter of one byte, quoted fields
 * holding delimiters, line ends and doubled quotes, LF and CRLF, a byte order mark, a last line
 * without its end. Blank lines are skipped, except that in a file of one column they are a row with
 * an empty field. Refused: text that is not UTF-8, NUL bytes, a quote inside an unquoted field,
 * text after a closing quote, a lone carriage return outside quotes, rows with more or fewer fields
 * than the header, a field over its limit, a file that ends inside a quoted field, two columns of
 * the same name.
 */
#ifndef TDL_TABLE_CSV_H
#define TDL_TABLE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct tdl_csv tdl_csv;

typedef struct tdl_csv_options {
    char delimiter;       /* 0 = ',' */
    size_t field_limit;   /* most bytes of one field; 0 = 1 MiB */
    bool guess_delimiter; /* the one of , ; tab | that the header has most of; `delimiter` is not
                           * looked at */
    const char *encoding; /* of the file, a name that iconv knows; NULL = UTF-8. Must outlive it */
    size_t skip_bad; /* rows that may be left out: ragged, badly quoted, not UTF-8. The next is an
                      * error */
    bool *bad_encoding; /* set to true when a byte that is none of the encoding's ends the reading;
                         * with it, such rows are never skipped. May be NULL; must outlive it */
} tdl_csv_options;

/* Open `path` and read its header row. options may be NULL.
 *   returns  TDL_OK | TDL_E_NOT_FOUND | TDL_E_IO | TDL_E_INVALID | TDL_E_TOO_LARGE |
 * TDL_E_NO_MEMORY
 */
tdl_status tdl_csv_open(const char *path, const tdl_csv_options *options, tdl_csv **ret,
                        tdl_report *why);

/* The same from an open file or pipe, called `name` in messages. Closing `fd` stays the caller's.
 */
tdl_status tdl_csv_open_fd(int fd, const char *name, const tdl_csv_options *options, tdl_csv **ret,
                           tdl_report *why);
void tdl_csv_close(tdl_csv *csv); /* accepts NULL */

/* The next row.
 *   ret_fields  [ret_n], as many as the header has
 *   ret_more    false at the end of the file, and then there is no row
 */
tdl_status tdl_csv_next(tdl_csv *csv, const tdl_str **ret_fields, size_t *ret_n, bool *ret_more,
                        tdl_report *why);

/* Column names, in order; live as long as the reader. */
const tdl_str *tdl_csv_header(const tdl_csv *csv, size_t *ret_n);

/* Which column is called `name`? False when none is. */
bool tdl_csv_column(const tdl_csv *csv, const char *name, size_t *ret_index);

size_t tdl_csv_line(const tdl_csv *csv); /* on which the last row began, counted from 1 */

char tdl_csv_delimiter(const tdl_csv *csv);
size_t tdl_csv_skipped(const tdl_csv *csv, size_t *ret_first_line); /* rows left out so far */

/* For progress: bytes of the file read so far, a buffer ahead of the rows, and in all; 0 when
 * unknown, as for a pipe. */
uint64_t tdl_csv_bytes_read(const tdl_csv *csv);
uint64_t tdl_csv_bytes_total(const tdl_csv *csv);

#endif
