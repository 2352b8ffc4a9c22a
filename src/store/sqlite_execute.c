/* Statements of store/execute.h in the SQLite backend. */
#include <stdio.h>

#include "store/sqlite.h"

static tdl_status prepare(tdl_backend *b, tdl_execute which, sqlite3_stmt **ret, tdl_report *why)
{
    sqlite3_stmt **s = &b->execute[which];

    if (!*s)
        sqlite3_prepare_v3(b->db, tdl_execute_text_of[which].sql, -1, SQLITE_PREPARE_PERSISTENT, s,
                           NULL);
    *ret = *s;
    return *s ? TDL_OK : tdl_sqlite_fail(b->db, "preparing to write", why);
}

/* "$1" is a name to SQLite, and is numbered by where it first stands. */
static void bind(sqlite3_stmt *s, size_t i, const tdl_value *value)
{
    char name[16];

    snprintf(name, sizeof name, "$%u", (unsigned)i + 1);
    int at = sqlite3_bind_parameter_index(s, name);
    switch (value->kind) {
    case TDL_VALUE_NULL:
        sqlite3_bind_null(s, at);
        break;
    case TDL_VALUE_NUMBER:
        sqlite3_bind_int64(s, at, value->number);
        break;
    case TDL_VALUE_TEXT:
        tdl_sqlite_bind_text(s, at, value->text);
        break;
    case TDL_VALUE_BYTES:
        sqlite3_bind_blob64(s, at, value->text.at ? value->text.at : "", value->text.len,
                            SQLITE_STATIC);
        break;
    }
}

static tdl_value column(sqlite3_stmt *s, int at)
{
    switch (sqlite3_column_type(s, at)) {
    case SQLITE_NULL:
        return (tdl_value){0};
    case SQLITE_INTEGER:
        return tdl_value_number(sqlite3_column_int64(s, at));
    default:
        break;
    }
    const char *bytes = sqlite3_column_blob(s, at);
    return tdl_value_bytes((tdl_str){bytes, (size_t)sqlite3_column_bytes(s, at)});
}

/* A row that is given out stays under the statement, which is reset by the next one. */
tdl_status tdl_sqlite_execute(tdl_backend *b, tdl_execute which, const tdl_value *in, size_t in_n,
                              tdl_value *ret, size_t ret_n, int64_t *ret_rows, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = prepare(b, which, &s, why);

    if (st)
        return st;
    if (b->executed)
        sqlite3_reset(b->executed);
    b->executed = s;
    for (size_t i = 0; i < in_n; i++)
        bind(s, i, &in[i]);
    int code = sqlite3_step(s);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        st = tdl_sqlite_fail(b->db, "storing a row", why);
    for (size_t i = 0; code == SQLITE_ROW && i < ret_n; i++)
        ret[i] = column(s, (int)i);
    if (ret_rows)
        *ret_rows = st ? 0 : ret ? code == SQLITE_ROW : sqlite3_changes(b->db);
    if (code != SQLITE_ROW || !ret) {
        sqlite3_reset(s);
        b->executed = NULL;
    }
    return st;
}
