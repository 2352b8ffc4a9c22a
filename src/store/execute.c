#include "store/execute.h"

const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N] = {
    [TDL_EXECUTE_PUT_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
    [TDL_EXECUTE_GET_SETTING] = {.sql = "SELECT value FROM settings WHERE name = $1"},
    [TDL_EXECUTE_PUT_REPORT] = {.sql =
                                    "INSERT INTO reports(id, name, query, created_us, updated_us)"
                                    " VALUES($1, $2, $3, $4, $5) ON CONFLICT(id) DO UPDATE"
                                    " SET name = excluded.name, query = excluded.query,"
                                    " updated_us = excluded.updated_us"},
    [TDL_EXECUTE_CHANGE_REPORT] =
        {.sql = "UPDATE reports SET name = $2, query = $3, updated_us = $4 WHERE id = $1"},
    [TDL_EXECUTE_DROP_REPORT] = {.sql = "DELETE FROM reports WHERE id = $1"},
};
