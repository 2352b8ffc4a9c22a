/* The grammar under csv.h: bytes of a file into records of fields. Internal to this folder.
 *
 * Failure      the message says what is wrong; the caller knows where: `line` and `fields_n`
 */
#ifndef TDL_TABLE_CSV_RECORD_H
#define TDL_TABLE_CSV_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "table/input.h"

typedef struct tdl_csv_records {
    tdl_input *input_file; /* borrowed */
    char delimiter;        /* */
    size_t field_limit;    /* bytes */

    char *input;      /* [input_n], of which `at` on are still to be read */
    size_t at;        /* */
    size_t input_n;   /* */
    size_t line;      /* of input[at], counted from 1 */
    bool failed_read; /* then `read_why` says how */
    tdl_report read_why;
    bool not_utf8;     /* the record that failed is well-formed but for that */
    bool unterminated; /* the file ended inside quotes */
    bool special[256]; /* bytes that end a run of plain text in an unquoted field */

    size_t row_line;   /* on which the record began */
    bool blank;        /* the record is a line without anything, not even quotes */
    tdl_buf row;       /* its fields' bytes, one field after the other */
    tdl_str *fields;   /* [fields_n], into `row` once the record is complete */
    size_t fields_n;   /* while a record is being read: those complete */
    size_t fields_cap; /* */
} tdl_csv_records;

tdl_status tdl_csv_records_init(tdl_csv_records *r, tdl_input *input, char delimiter,
                                size_t field_limit, tdl_report *why);
void tdl_csv_records_release(tdl_csv_records *r); /* accepts a zeroed one */

/* Skip a byte order mark; refuse what is plainly no CSV (UTF-16, zip). */
tdl_status tdl_csv_records_sniff(tdl_csv_records *r, tdl_report *why);

/* Make the delimiter the one of , ; tab | that the first record has most of, outside quotes. After
 * _sniff. */
void tdl_csv_records_guess(tdl_csv_records *r);

/* After a record that failed: go on behind the next line end. */
void tdl_csv_records_skip_line(tdl_csv_records *r);

/* Read one record into `fields`. ret_more: false at the end of the file. A blank line is a record
 * of one empty field. */
tdl_status tdl_csv_records_next(tdl_csv_records *r, bool *ret_more, tdl_report *why);

#endif
