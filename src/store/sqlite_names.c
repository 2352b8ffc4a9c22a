/* Names of the SQLite backend: a text's row is looked up, or added, and remembered. */
#include <stdlib.h>

#include "store/erase.h"
#include "store/sqlite.h"

/* How a user is called in the store; other texts stand for themselves. */
static tdl_str name_of(const tdl_backend *b, tdl_name_table table, tdl_str text,
                       char pseudonym[TDL_PSEUDONYM_LEN + 1])
{
    return table == TDL_USERS ? tdl_people_name(b->people, text, pseudonym) : text;
}

tdl_status tdl_sqlite_find_name(tdl_backend *b, tdl_name_table table, tdl_str text, int64_t *ret,
                                tdl_report *why)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1], gone[TDL_PSEUDONYM_LEN + 1], erased[TDL_SUBJECT_MAX];
    sqlite3_stmt *s;
    tdl_status st =
        tdl_sqlite_prepare(b, (tdl_write_statement)(TDL_WRITE_NAME_FIND + (int)table), &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, name_of(b, table, text, pseudonym));
    if (table == TDL_USERS) {
        tdl_erased_name(text, erased);
        sqlite3_bind_int(s, 2, b->unasked_barred);
        tdl_sqlite_bind_text(s, 3, tdl_people_erased(b->people, tdl_str_of(erased), gone));
    }
    int code = sqlite3_step(s);
    *ret = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    if (b->all_in)
        *ret = llabs(*ret);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        st = tdl_sqlite_fail(b->db, "looking up a name", why);
    sqlite3_reset(s);
    return st;
}

static tdl_status add_name(tdl_backend *b, tdl_name_table table, tdl_str text, int64_t *ret,
                           tdl_report *why)
{
    char pseudonym[TDL_PSEUDONYM_LEN + 1];
    tdl_str name = name_of(b, table, text, pseudonym);
    sqlite3_stmt *s;
    tdl_status st =
        tdl_sqlite_prepare(b, (tdl_write_statement)(TDL_WRITE_NAME_ADD + (int)table), &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, name);
    if (table == TDL_USERS) {
        tdl_buf_clear(&b->sealed[0]);
        tdl_buf_clear(&b->sealed[1]);
        tdl_people_seal(b->people, text, name, &b->sealed[0], &b->sealed[1]);
        if (b->sealed[0].failed || b->sealed[1].failed)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to store a user");
        tdl_sqlite_bind_bytes(s, 2, tdl_buf_view(&b->sealed[0]));
        tdl_sqlite_bind_bytes(s, 3, tdl_buf_view(&b->sealed[1]));
    }
    if (!(st = tdl_sqlite_step(b, s, "storing a name", why)))
        *ret = sqlite3_last_insert_rowid(b->db);
    return st;
}

/* Another process may have added the name since: look before adding. */
tdl_status tdl_sqlite_intern(tdl_backend *b, tdl_name_table table, tdl_str text, int64_t *ret,
                             tdl_report *why)
{
    tdl_status st;

    if (tdl_intern_find(&b->names[table], text, ret))
        return TDL_OK;
    if ((st = tdl_sqlite_find_name(b, table, text, ret, why)))
        return st;
    bool unknown = !*ret, unasked = unknown && table == TDL_USERS && b->unasked_barred;
    if (unasked)
        *ret = TDL_USER_UNASKED;
    else if (unknown && (st = add_name(b, table, text, ret, why)))
        return st;
    tdl_intern_add(&b->names[table], text, *ret, unknown && !unasked);
    return TDL_OK;
}

tdl_status tdl_sqlite_number_user(tdl_backend *b, tdl_str id, int64_t *ret, tdl_report *why)
{
    tdl_intern *users = &b->names[TDL_USERS];
    tdl_status st = tdl_sqlite_find_name(b, TDL_USERS, id, ret, why);
    int64_t remembered;

    if (st || *ret) {
        *ret = llabs(*ret);
        return st;
    }
    if ((st = add_name(b, TDL_USERS, id, ret, why)))
        return st;
    if (tdl_intern_find(users, id, &remembered)) // as one who has no row
        tdl_intern_release(users);
    users->fresh_n++; // whether he is barred is not known here
    return TDL_OK;
}

void tdl_sqlite_added(tdl_backend *b, int64_t *ret_users, int64_t *ret_items)
{
    *ret_users = b->names[TDL_USERS].committed_n;
    *ret_items = b->names[TDL_ITEMS].committed_n;
}
