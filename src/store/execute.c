#include "store/execute.h"

#define FIND_JOIN(user)                                                                            \
    "SELECT j.id, j.joined, j.kept FROM users u JOIN joined_ids d ON d." user " = u.id"            \
    " JOIN joins j ON j.id = d.join_id WHERE u.name = $1 AND j.undone_us = 0"                      \
    " ORDER BY j.id DESC LIMIT 1"
/* Every id of the person of user $1. */
#define PERSON "(SELECT coalesce(person, id) FROM users WHERE id = CAST($1 AS bigint))"
#define PERSON_IDS                                                                                 \
    "(SELECT id FROM users WHERE id = " PERSON                                                     \
    " UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
#define PURPOSE_BIT                                                                                \
    "CASE purpose WHEN 'analytics' THEN 1 WHEN 'personalisation' THEN 2 WHEN 'pricing' THEN 4"     \
    " WHEN 'training' THEN 8 ELSE 16 END"
/* Every id of the person that user $1 stands for. */
#define IDS                                                                                        \
    "(SELECT id FROM users WHERE id = CAST($1 AS bigint)"                                          \
    " UNION ALL SELECT id FROM users WHERE person = CAST($1 AS bigint))"
#define EVENTS_IN(user)                                                                            \
    " FROM events WHERE " user " IN " IDS " AND time_us >= CAST($2 AS bigint)"                     \
    " AND time_us < CAST($3 AS bigint) AND (CAST($4 AS text) = ''"                                 \
    " OR kind = (SELECT id FROM kinds WHERE name = CAST($4 AS text)))"
#define TRAITS_IN(user)                                                                            \
    " FROM traits WHERE " user " IN " IDS " AND time_us >= CAST($2 AS bigint)"                     \
    " AND time_us < CAST($3 AS bigint)"
#define JOINS "SELECT id FROM joins WHERE kept IN " IDS " OR joined IN " IDS
/* By stretches, as the index is (docs/design/store.md). */
#define DECISIONS_IN(user)                                                                         \
    " FROM decisions WHERE seq IN (WITH RECURSIVE stretch(n) AS"                                   \
    " (SELECT max(seq) >> 12 FROM decisions UNION ALL SELECT n - 1 FROM stretch WHERE n > 0)"      \
    " SELECT d.seq FROM stretch CROSS JOIN decisions d WHERE d.seq >> 12 = n AND d." user " = $1)" \
    " AND time_us >= CAST($2 AS bigint) AND time_us < CAST($3 AS bigint)"

const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N] = {
    [TDL_EXECUTE_PUT_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"},
    [TDL_EXECUTE_GET_SETTING] = {.sql = "SELECT value FROM settings WHERE name = $1"},
    // One statement: on PostgreSQL, two that read first would both find the former value.
    [TDL_EXECUTE_SWAP_SETTING] = {.sql = "INSERT INTO settings(name, value) VALUES($1, $2)"
                                         " ON CONFLICT(name) DO UPDATE SET value = excluded.value"
                                         " WHERE settings.value = $3"},
    [TDL_EXECUTE_PUT_GROUP] = {.sql = "INSERT INTO groups(type, name) VALUES($1, $2)"
                                      " ON CONFLICT(type, name) DO NOTHING"},
    [TDL_EXECUTE_PUT_GROUP_TRAIT] =
        {.sql = "INSERT INTO group_traits(group_id, name, value, time_us)"
                " SELECT id, $3, $4, CAST($5 AS bigint) FROM groups WHERE type = $1 AND name = $2"
                " ON CONFLICT(group_id, name) DO UPDATE SET value = excluded.value,"
                " time_us = excluded.time_us WHERE excluded.time_us >= group_traits.time_us"},
    [TDL_EXECUTE_PUT_NO_PERSON] = {.sql = "UPDATE users SET no_person = true"
                                          " WHERE id = CAST($1 AS bigint) AND NOT no_person"},
    [TDL_EXECUTE_PUT_REJECT] = {.sql = "INSERT INTO rejects(received_us, source, reason, raw)"
                                       " VALUES($1, $2, $3, $4)"},
    [TDL_EXECUTE_DROP_REJECTS] = {.sql = "DELETE FROM rejects WHERE id <="
                                         " (SELECT max(id) FROM rejects) - CAST($1 AS bigint)"},
    [TDL_EXECUTE_CLEAR_REJECTS] = {.sql = "DELETE FROM rejects"},
    [TDL_EXECUTE_NEXT_REJECT] = {.sql = "SELECT id, source, raw FROM rejects"
                                        " WHERE id > CAST($1 AS bigint) ORDER BY id LIMIT 1"},
    [TDL_EXECUTE_DROP_REJECT] = {.sql = "DELETE FROM rejects WHERE id = CAST($1 AS bigint)"},
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
    [TDL_EXECUTE_ERASE_FIND] = {.sql = "SELECT coalesce(person, id) FROM users"
                                       " WHERE name IN ($1, $2) ORDER BY id LIMIT 1"},
    [TDL_EXECUTE_ERASE_MEASURE] = {.sql =
                                       "SELECT min(time_us), count(decision_id)" EVENTS_IN("user"),
                                   .postgres = "SELECT min(time_us), count(decision_id)" EVENTS_IN(
                                       "user_id")},
    [TDL_EXECUTE_ERASE_UNNAME] =
        {.sql = "UPDATE joins SET event = 0 WHERE event IN (SELECT seq" EVENTS_IN("user") ")",
         .postgres =
             "UPDATE joins SET event = 0 WHERE event IN (SELECT seq" EVENTS_IN("user_id") ")"},
    [TDL_EXECUTE_ERASE_EVENTS] = {.sql = "DELETE" EVENTS_IN("user"),
                                  .postgres = "DELETE" EVENTS_IN("user_id")},
    [TDL_EXECUTE_ERASE_TRAITS] = {.sql = "DELETE" TRAITS_IN("user"),
                                  .postgres = "DELETE" TRAITS_IN("user_id")},
    [TDL_EXECUTE_ERASE_CONSENTS] = {.sql = "DELETE FROM consents WHERE user_id IN " IDS},
    [TDL_EXECUTE_ERASE_JOINED] = {.sql = "DELETE FROM joined_ids WHERE join_id IN (" JOINS ")"},
    [TDL_EXECUTE_ERASE_JOINS] = {.sql = "DELETE FROM joins WHERE id IN (" JOINS ")"},
    [TDL_EXECUTE_ERASE_NEXT_ID] =
        {.sql = "SELECT id, name, sealed_key, sealed_id, erased_us FROM users WHERE id IN " IDS
                " AND id > CAST($2 AS bigint) ORDER BY id LIMIT 1"},
    [TDL_EXECUTE_ERASE_ID] = {.sql = "UPDATE users SET name = $2, person = NULL,"
                                     " identified = false, sealed_key = NULL, sealed_id ="
                                     " CASE WHEN erased_us <> 0 THEN sealed_id ELSE $4 END,"
                                     " denied = 0, erased_us = CAST($3 AS bigint)"
                                     " WHERE id = CAST($1 AS bigint)"},
    [TDL_EXECUTE_ERASE_DECISIONS] = {.sql = "DELETE" DECISIONS_IN("user"),
                                     .postgres = "DELETE" DECISIONS_IN("user_id")},
    [TDL_EXECUTE_ERASE_NEXT_MODEL] =
        {.sql = "SELECT version FROM models WHERE created_us >= CAST($1 AS bigint)"
                " AND version > $2 ORDER BY version LIMIT 1"},
    [TDL_EXECUTE_ERASE_MODELS] = {.sql =
                                      "UPDATE models SET stale_us = CAST($2 AS bigint)"
                                      " WHERE created_us >= CAST($1 AS bigint) AND stale_us = 0"},
    [TDL_EXECUTE_PUT_ERASURE] =
        {.sql = "INSERT INTO erasures(id, subject, state, receipt, created_us, done_us)"
                " VALUES($1, $2, 'removed', $3, CAST($4 AS bigint), 0)"},
    [TDL_EXECUTE_END_ERASURE] =
        {.sql = "UPDATE erasures SET state = 'done', receipt = $2, done_us = CAST($3 AS bigint)"
                " WHERE id = $1 AND state = 'removed'"},
    [TDL_EXECUTE_MOVE_ERASURE] =
        {.sql = "INSERT INTO erasures(id, subject, state, receipt, created_us, done_us)"
                " VALUES($1, $2, $3, $4, $5, $6) ON CONFLICT(id) DO UPDATE SET"
                " state = excluded.state, receipt = excluded.receipt, done_us = excluded.done_us"
                " WHERE erasures.state = 'removed'"},
    [TDL_EXECUTE_PUT_STALE] = {.sql = "UPDATE models SET stale_us = CAST($2 AS bigint)"
                                      " WHERE version = $1"},
    [TDL_EXECUTE_COUNT_NAMED] = {.sql = "SELECT (SELECT count(*) FROM (SELECT 1 FROM users LIMIT 1)"
                                        " AS u) + (SELECT count(*) FROM (SELECT 1 FROM decisions"
                                        " LIMIT 1) AS d)"},
};
