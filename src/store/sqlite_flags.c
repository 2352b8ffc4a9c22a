/* Flag definitions in the SQLite backend. */
#include "store/sqlite.h"

tdl_status tdl_sqlite_put_flag(tdl_backend *b, const tdl_flag_row *flag, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_FLAG, &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, flag->key);
    tdl_sqlite_bind_text(s, 2, flag->family);
    tdl_sqlite_bind_text(s, 3, flag->definition);
    sqlite3_bind_int64(s, 4, flag->updated_us);
    flag->version ? sqlite3_bind_int64(s, 5, flag->version) : sqlite3_bind_null(s, 5);
    flag->version ? sqlite3_bind_int64(s, 6, flag->created_us) : sqlite3_bind_null(s, 6);
    return tdl_sqlite_step(b, s, "storing a flag", why);
}

tdl_status tdl_sqlite_drop_flag(tdl_backend *b, tdl_str key, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_FLAG_OFF, &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, key);
    if ((st = tdl_sqlite_step(b, s, "dropping a flag", why)))
        return st;
    if (!sqlite3_changes(b->db))
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no flag \"%.*s\"", TDL_FMT(key));
    return TDL_OK;
}
