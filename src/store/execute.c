#include "store/execute.h"

const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N] = {
    [TDL_EXECUTE_PUT_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
    [TDL_EXECUTE_GET_SETTING] = {.sql = "SELECT value FROM settings WHERE name = $1"},
    [TDL_EXECUTE_COUNT_NAMED] = {.sql = "SELECT (SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)"
                                        " AS u) + (SELECT count(*) FROM (SELECT 1 FROM decisions"
                                        " LIMIT 1) AS d)"},
};
