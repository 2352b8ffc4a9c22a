#include "store/execute.h"

#define FIND_JOIN(user)                                                                            \
    "SELECT j.id, j.joined FROM users u JOIN joined_ids d ON d." user " = u.id"                    \
    " JOIN joins j ON j.id = d.join_id WHERE u.name = $1 AND j.undone_us = 0"                      \
    " ORDER BY j.id DESC LIMIT 1"

const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N] = {
    [TDL_EXECUTE_PUT_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
    [TDL_EXECUTE_GET_SETTING] = {.sql = "SELECT value FROM settings WHERE name = $1"},
    [TDL_EXECUTE_PUT_GROUP] = {.sql = "INSERT INTO groups(type, name) VALUES($1, $2)"
                                      " ON CONFLICT(type, name) DO NOTHING"},
    [TDL_EXECUTE_PUT_GROUP_TRAIT] =
        {.sql = "INSERT INTO group_traits(group_id, name, value, time_us)"
                " SELECT id, $3, $4, CAST($5 AS bigint) FROM groups WHERE type = $1 AND name = $2"
                " ON CONFLICT(group_id, name) DO UPDATE SET value = excluded.value,"
                " time_us = excluded.time_us WHERE excluded.time_us >= group_traits.time_us"},
    [TDL_EXECUTE_PUT_NO_PERSON] = {.sql = "UPDATE users SET no_person = true"
                                          " WHERE name = $1 AND NOT no_person"},
    [TDL_EXECUTE_PUT_REJECT] = {.sql = "INSERT INTO rejects(received_us, source, reason, raw)"
                                       " VALUES($1, $2, $3, $4)"},
    [TDL_EXECUTE_DROP_REJECTS] = {.sql = "DELETE FROM rejects WHERE id <="
                                         " (SELECT max(id) FROM rejects) - CAST($1 AS bigint)"},
    [TDL_EXECUTE_FIND_USER] = {.sql = "SELECT id, coalesce(person, 0) FROM users WHERE name = $1"},
    [TDL_EXECUTE_FIND_JOIN] = {.sql = FIND_JOIN("user"), .postgres = FIND_JOIN("user_id")},
    [TDL_EXECUTE_UNDO_JOIN] =
        {.sql = "UPDATE joins SET undone_us = (SELECT CASE WHEN max(undone_us) >= $2"
                " THEN max(undone_us) + 1 ELSE CAST($2 AS bigint) END FROM joins) WHERE id = $1"},
    [TDL_EXECUTE_PART] =
        {.sql = "WITH RECURSIVE part(id) AS (SELECT CAST($1 AS bigint)"
                " UNION SELECT CASE WHEN j.own = p.id THEN j.alias ELSE j.own END FROM part p"
                " JOIN joins j ON (j.own = p.id OR j.alias = p.id) AND j.undone_us = 0)"
                " UPDATE users SET person = nullif(CAST($1 AS bigint), id)"
                " WHERE id IN (SELECT id FROM part)"},
    [TDL_EXECUTE_PUT_UNDONE] =
        {.sql = "INSERT INTO joins(event, kept, joined, own, alias, undone_us)"
                " SELECT 0, a.id, b.id, a.id, b.id, CAST($3 AS bigint) FROM users a, users b"
                " WHERE a.name = $1 AND b.name = $2 AND NOT EXISTS (SELECT 1 FROM joins j"
                " WHERE j.own = a.id AND j.alias = b.id AND j.undone_us = CAST($3 AS bigint))"},
};
