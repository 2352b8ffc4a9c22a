#include "store/execute.h"

/* Every id of the person of user $1. */
#define PERSON "(SELECT coalesce(person, id) FROM users WHERE id = CAST($1 AS bigint))"
#define PERSON_IDS                                                                                 \
    "(SELECT id FROM users WHERE id = " PERSON                                                     \
    " UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
#define PURPOSE_BIT                                                                                \
    "CASE purpose WHEN 'analytics' THEN 1 WHEN 'personalisation' THEN 2 WHEN 'pricing' THEN 4"     \
    " WHEN 'training' THEN 8 ELSE 16 END"

const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N] = {
    [TDL_EXECUTE_PUT_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
    [TDL_EXECUTE_GET_SETTING] = {.sql = "SELECT value FROM settings WHERE name = $1"},
    [TDL_EXECUTE_PUT_CONSENT] =
        {.sql = "INSERT INTO consents(user_id, purpose, granted, time_us, source)"
                " SELECT CAST($1 AS bigint), CAST($2 AS text), CAST($3 AS bigint),"
                " CAST($4 AS bigint), CAST($5 AS text) WHERE NOT EXISTS (SELECT 1 FROM consents"
                " WHERE user_id = CAST($1 AS bigint) AND purpose = CAST($2 AS text)"
                " AND granted = CAST($3 AS bigint) AND time_us = CAST($4 AS bigint))"
                " AND NOT EXISTS (SELECT 1 FROM users WHERE id = CAST($1 AS bigint)"
                " AND erased_us <> 0)"},
    [TDL_EXECUTE_GET_RETENTION] =
        {.sql = "SELECT group_concat(days || ' ' || kind, char(10)) FROM retention",
         .postgres = "SELECT string_agg(days || ' ' || kind, chr(10)) FROM retention"},
    [TDL_EXECUTE_CLEAR_RETENTION] = {.sql = "DELETE FROM retention"},
    [TDL_EXECUTE_PUT_RETENTION] = {.sql = "INSERT INTO retention(kind, days) VALUES($1, $2)"},
    [TDL_EXECUTE_REMOVE_EVENTS] =
        {.sql = "DELETE FROM events WHERE seq IN (SELECT value FROM json_each($1))",
         .postgres = "DELETE FROM events WHERE seq IN (SELECT value::bigint FROM"
                     " json_array_elements_text($1::json) AS value)"
                     " AND time_us BETWEEN $2::bigint AND $3::bigint"},
    // The log is in order of time, but for rows that a failing disk put off.
    [TDL_EXECUTE_REMOVE_DECISIONS] =
        {.sql = "DELETE FROM decisions WHERE seq IN (SELECT seq FROM (SELECT seq, time_us"
                " FROM decisions ORDER BY seq LIMIT CAST($2 AS bigint)) AS oldest"
                " WHERE time_us < CAST($1 AS bigint))"},
    // users.denied: bits of what is denied, and 8 higher of what is granted.
    [TDL_EXECUTE_SUM_CONSENT] =
        {.sql = "UPDATE users SET denied = (SELECT coalesce(sum(CASE WHEN granted = 0 THEN bit"
                "   ELSE bit * 256 END), 0) FROM (SELECT " PURPOSE_BIT " AS bit, granted,"
                "   row_number() OVER (PARTITION BY purpose ORDER BY time_us DESC, id DESC) AS age"
                "   FROM consents WHERE user_id IN " PERSON_IDS ") AS word WHERE age = 1)"
                " WHERE id IN " PERSON_IDS},
    [TDL_EXECUTE_AUDIT_LAST] = {.sql = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"},
    [TDL_EXECUTE_AUDIT_ADD] = {.sql = "INSERT INTO audit(seq, record, hash) VALUES($1, $2, $3)"},
    [TDL_EXECUTE_PUT_REPORT] = {.sql =
                                    "INSERT INTO reports(id, name, query, created_us, updated_us)"
                                    " VALUES($1, $2, $3, $4, $5) ON CONFLICT(id) DO UPDATE"
                                    " SET name = excluded.name, query = excluded.query,"
                                    " updated_us = excluded.updated_us"},
    [TDL_EXECUTE_CHANGE_REPORT] =
        {.sql = "UPDATE reports SET name = $2, query = $3, updated_us = $4 WHERE id = $1"},
    [TDL_EXECUTE_DROP_REPORT] = {.sql = "DELETE FROM reports WHERE id = $1"},
};
