/* Flag definitions in the SQLite backend. */
#include "store/sqlite_rows.h"

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

tdl_status tdl_sqlite_flags(tdl_reader *reader, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                            tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_flag_row *flag;
    tdl_status st = tdl_rows_start(&r, TDL_READ_FLAGS, why);

    if (st)
        return st;
    while ((flag = tdl_rows_next(&r)))
        *flag = (tdl_flag_row){.id = tdl_rows_number(&r, 0),
                               .key = tdl_rows_keep(&r, 1),
                               .family = tdl_rows_keep(&r, 2),
                               .definition = tdl_rows_keep(&r, 3),
                               .version = tdl_rows_number(&r, 4),
                               .created_us = tdl_rows_number(&r, 5),
                               .updated_us = tdl_rows_number(&r, 6)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}
