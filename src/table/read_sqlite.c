/* What a query of an SQLite file answers, as a frame. The file is opened for reading only. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/read_parts.h"

enum { BUSY_MS = 5000 };

static tdl_status fail_sqlite(sqlite3 *db, const char *doing, tdl_report *why)
{
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    tdl_status st = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? TDL_E_CORRUPT
                    : code == SQLITE_NOMEM                          ? TDL_E_NO_MEMORY
                    : code == SQLITE_ERROR || code == SQLITE_SCHEMA ? TDL_E_INVALID
                                                                    : TDL_E_IO;

    return TDL_FAIL(why, st, "%s: %s", doing, db ? sqlite3_errmsg(db) : "out of memory");
}

static tdl_status open_database(const char *path, sqlite3 **ret, tdl_report *why)
{
    sqlite3 *db = NULL;
    tdl_status st = TDL_OK;

    if (access(path, R_OK))
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s", strerror(errno));
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL)) {
        st = fail_sqlite(db, "opening it", why);
        sqlite3_close(db);
        return st;
    }
    /* a schema that came with the file may not call what has side effects */
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_busy_timeout(db, BUSY_MS);
    *ret = db;
    return TDL_OK;
}

static tdl_status prepare(sqlite3 *db, const char *query, sqlite3_stmt **ret, tdl_report *why)
{
    const char *rest = "";
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, query, -1, &statement, &rest))
        return fail_sqlite(db, "the query", why);
    if (!statement || !sqlite3_column_count(statement) || !sqlite3_stmt_readonly(statement) ||
        rest[strspn(rest, " \t\r\n;")]) {
        sqlite3_finalize(statement);
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "select ... from ...",
                             "the query must be one statement that only reads");
    }
    *ret = statement;
    return TDL_OK;
}

/* Cells that are no text are written into `room`; until all are there, their `at` stays NULL. */
static tdl_status read_cell(sqlite3_stmt *statement, int i, tdl_str *ret, tdl_buf *room,
                            tdl_report *why)
{
    tdl_jw w = {.out = room};
    size_t before = room->len, bad;

    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_NULL:
        *ret = (tdl_str){"", 0};
        return TDL_OK;
    case SQLITE_INTEGER:
        tdl_jw_int(&w, sqlite3_column_int64(statement, i));
        break;
    case SQLITE_FLOAT:
        /* infinite: SQLite itself spells it so */
        if (sqlite3_column_double(statement, i) - sqlite3_column_double(statement, i) != 0)
            tdl_buf_text(room, sqlite3_column_double(statement, i) > 0 ? "inf" : "-inf");
        else
            tdl_jw_number(&w, sqlite3_column_double(statement, i));
        break;
    default:
        ret->at = (const char *)sqlite3_column_text(statement, i);
        ret->len = (size_t)sqlite3_column_bytes(statement, i);
        if (!ret->at)
            *ret = (tdl_str){"", 0};
        if (tdl_str_utf8(*ret, &bad) && !memchr(ret->at, 0, ret->len))
            return TDL_OK;
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "select hex() of it, or leave it out",
                             "column '%s' holds bytes that are not text",
                             sqlite3_column_name(statement, i));
    }
    *ret = (tdl_str){NULL, room->len - before};
    return TDL_OK;
}

static tdl_status add_row(sqlite3_stmt *statement, tdl_frame_builder *builder, tdl_str *cell,
                          tdl_buf *room, tdl_report *why)
{
    int n = sqlite3_column_count(statement);
    size_t at = 0;
    tdl_status st;

    tdl_buf_clear(room);
    for (int i = 0; i < n; i++)
        if ((st = read_cell(statement, i, &cell[i], room, why)))
            return st;
    if (room->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    for (int i = 0; i < n; i++)
        if (!cell[i].at) {
            cell[i].at = room->at + at;
            at += cell[i].len;
        }
    return tdl_frame_builder_add(builder, cell, why);
}

static tdl_status start_builder(sqlite3_stmt *statement, const tdl_read_options *options,
                                tdl_str *cell, tdl_frame_builder **ret, tdl_report *why)
{
    int n = sqlite3_column_count(statement);

    for (int i = 0; i < n; i++)
        cell[i] = tdl_str_of(sqlite3_column_name(statement, i));
    return tdl_frame_builder_new(cell, (size_t)n, options, ret, why);
}

static tdl_status read_answer(sqlite3 *db, sqlite3_stmt *statement, const tdl_read_options *options,
                              tdl_frame *ret, tdl_report *why)
{
    tdl_str *cell = calloc((size_t)sqlite3_column_count(statement), sizeof *cell);
    tdl_frame_builder *builder = NULL;
    tdl_buf room = {0};
    size_t rows = 0;
    int step = SQLITE_ROW;
    tdl_status st;

    if (!cell)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    if ((st = start_builder(statement, options, cell, &builder, why)))
        goto out;
    while (!st && (!options->rows_max || rows < options->rows_max) &&
           (step = sqlite3_step(statement)) == SQLITE_ROW) {
        if ((st = add_row(statement, builder, cell, &room, why)))
            tdl_report_prefix(why, "row %zu", rows + 1);
        else if (++rows % TDL_READ_PROGRESS_ROWS == 0)
            st = tdl_read_tell(options, rows, 0, why);
    }
    if (!st && step != SQLITE_ROW && step != SQLITE_DONE)
        st = fail_sqlite(db, "the query", why);
    if (!st)
        st = tdl_frame_builder_finish(builder, ret, why);
out:
    tdl_frame_builder_free(builder);
    tdl_buf_release(&room);
    free(cell);
    return st;
}

tdl_status tdl_read_sqlite(const char *source, const tdl_read_options *options, tdl_frame *ret,
                           tdl_read_counts *counts, tdl_report *why)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    tdl_status st;

    TDL_UNUSED(counts);
    if (!options->query)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--query 'select * from TABLE'",
                             "%s: a database needs a query", source);
    if (!(st = open_database(source + strlen("sqlite:"), &db, why)) &&
        !(st = prepare(db, options->query, &statement, why)))
        st = read_answer(db, statement, options, ret, why);
    if (st)
        tdl_report_prefix(why, "%s", source);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return st;
}
