/* Rows of a reading statement into an array in an arena.
 *
 *     tdl_rows rows = {.reader = reader, .arena = arena, .size = sizeof **ret};
 *     if ((st = tdl_rows_start(&rows, TDL_READ_KEYS, why)))
 *         return st;
 *     while ((key = tdl_rows_next(&rows)))
 *         key->label = tdl_rows_keep(&rows, 2);
 *     if ((st = tdl_rows_end(&rows, why)))
 *         return st;
 *
 * A started statement must be ended: until then its connection stays inside a snapshot.
 */
#ifndef TDL_STORE_SQLITE_ROWS_H
#define TDL_STORE_SQLITE_ROWS_H

#include "store/sqlite.h"

typedef struct tdl_rows {
    tdl_reader *reader;
    sqlite3_stmt *s;
    tdl_arena *arena;
    void *at;            /* [n] of `size` bytes */
    size_t n, cap, size; /* size 0: rows are counted, not kept */
    bool no_memory;
} tdl_rows;

tdl_status tdl_rows_start(tdl_rows *rows, tdl_read_statement which, tdl_report *why);
void tdl_rows_bind_text(tdl_rows *rows, int at, tdl_str text); /* borrowed until the end */
void tdl_rows_bind_number(tdl_rows *rows, int at, int64_t value);
void tdl_rows_bind_limit(tdl_rows *rows, int at, size_t limit);
/* The next row's place, zeroed (not NULL, and not to be used, when size is 0). NULL at the end or
 * when there is no memory. */
void *tdl_rows_next(tdl_rows *rows);
tdl_status tdl_rows_end(tdl_rows *rows, tdl_report *why);

tdl_str tdl_rows_text(const tdl_rows *rows, int column); /* borrowed until the next row */
int64_t tdl_rows_number(const tdl_rows *rows, int column);
/* Copies in the arena. */
tdl_str tdl_rows_keep(tdl_rows *rows, int column);
tdl_str tdl_rows_keep_text(tdl_rows *rows, tdl_str text);

#endif
