/* The writer thread's half of the PostgreSQL backend: its statements, connection, transactions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/postgres.h"

/* $2: 1 = of those that are not there, none is added. */
#define NUMBER_NAMES(table)                                                                        \
    "WITH given AS (SELECT name, min(at) AS at FROM unnest($1::text[]) WITH ORDINALITY"            \
    "   AS g(name, at) GROUP BY name),"                                                            \
    " added AS (INSERT INTO " table "(name) SELECT name FROM given g WHERE $2::bigint = 0"         \
    "   AND NOT EXISTS (SELECT FROM " table                                                        \
    " t WHERE t.name = g.name) ORDER BY at RETURNING id, name)" NUMBERED(table, "t.id",            \
                                                                         "= g.name")
/* Of a user the name under which he would be erased is given as well, and what a sealed store keeps
 * of him. */
#define NUMBER_USERS                                                                               \
    "WITH given AS (SELECT DISTINCT ON (name) name, erased, key, sealed, at"                       \
    "   FROM unnest($1::text[], $3::text[], $4::bytea[], $5::bytea[]) WITH ORDINALITY"             \
    "   AS g(name, erased, key, sealed, at) ORDER BY name, at),"                                   \
    " added AS (INSERT INTO users(name, sealed_key, sealed_id)"                                    \
    "   SELECT name, nullif(key, ''), nullif(sealed, '') FROM given g WHERE $2::bigint = 0"        \
    "   AND NOT EXISTS (SELECT FROM users t WHERE t.name IN (g.name, g.erased)) ORDER BY at"       \
    "   RETURNING id, name)" NUMBERED("users", NUMBER_USER, "IN (g.name, g.erased)")
/* Number, place among the given ones, and whether it is new. */
#define NUMBERED(table, number, is_it)                                                             \
    " SELECT id, at, 1::bigint FROM added JOIN given g USING (name) UNION ALL"                     \
    " SELECT " number ", at, 0::bigint FROM given g JOIN " table " t ON t.name " is_it
#define NUMBER_USER                                                                                \
    "CASE WHEN EXISTS (SELECT FROM users p WHERE p.id IN (t.id, t.person)"                         \
    " AND (p.erased_us <> 0 OR p.denied & 1 <> 0)) OR $2::bigint & ~(t.denied >> 8) & 1 <> 0"      \
    " THEN -t.id ELSE t.id END"

static const char *const write_sql[TDL_PG_WRITE_N] = {
    [TDL_PG_LOCK] = "SELECT events, users, items, decisions, rewards, version, removed, gate,"
                    " coalesce((SELECT value::bigint FROM settings WHERE name = 'consent.default'),"
                    " 0) FROM store FOR UPDATE",
    [TDL_PG_GATE_MOVE] = "UPDATE store SET gate = gate + 1",
    [TDL_PG_MESSAGES] = "INSERT INTO messages SELECT h FROM unnest($1::uuid[]) h WHERE NOT EXISTS"
                        " (SELECT FROM messages m WHERE m.hash = h) RETURNING hash",
    [TDL_PG_MESSAGES_OFF] = "DELETE FROM messages WHERE hash = ANY($1::uuid[])",
    [TDL_PG_MONTH] = "SELECT make_month($1::text, $2::bigint, $3::bigint)",
    [TDL_PG_USER_KEYS] = "SELECT id, sealed_key FROM users WHERE id = ANY($1::bigint[])"
                         " ORDER BY id",
    [TDL_PG_PERSONS] =
        "SELECT put_person(seq, own, alias, what, traits, once, at, $8::bigint) FROM"
        " (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],"
        "   $5::text[], $6::text[], $7::bigint[])"
        "   AS g(seq, own, alias, what, traits, once, at) ORDER BY seq) g",
    // Persons of these users who said something on consent, under any id.
    [TDL_PG_CONSENTS] =
        "SELECT id FROM (SELECT DISTINCT coalesce(u.person, u.id) AS id FROM users u"
        " WHERE u.id = ANY($1::bigint[])) g WHERE EXISTS (SELECT FROM users m"
        " WHERE (m.id = g.id OR m.person = g.id) AND m.denied <> 0)",
    [TDL_PG_DECISIONS] =
        "INSERT INTO decisions(id, time_us, app, user_id, candidates, chosen_n, model_version, why,"
        " context_hash, sealed_user) SELECT d.id, at, app, asker, candidates, chosen_n, model, why,"
        " hash, CASE WHEN sealed <> '' AND NOT EXISTS"
        "   (SELECT FROM users u WHERE u.name = encode(asker, 'escape')) THEN sealed END"
        " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bigint[],"
        "   $7::text[], $8::bytea[], $9::bytea[], $10::bytea[])"
        " AS d(id, at, app, asker, candidates, chosen_n, model, why, hash, sealed)"
        " ON CONFLICT DO NOTHING RETURNING id",
    [TDL_PG_ITEM] = "UPDATE items SET title = $2, attributes = $3, changed = $4 WHERE id = $1",
    [TDL_PG_FLAG] = "INSERT INTO flags AS f(key, family, definition, version, created_us,"
                    " updated_us) VALUES($1, $2, $3, coalesce($5::bigint, 1),"
                    " coalesce($6::bigint, $4), $4) ON CONFLICT(key) DO UPDATE SET"
                    " family = excluded.family, definition = excluded.definition,"
                    " version = coalesce($5::bigint, f.version + 1),"
                    " updated_us = excluded.updated_us",
    [TDL_PG_FLAG_OFF] = "DELETE FROM flags WHERE key = $1",
    [TDL_PG_MODEL] = "INSERT INTO models(version, app, path, report, created_us, bytes, hash,"
                     " active, stale_us) VALUES($1, $2, $3, $4, $5, $6, $7, $8::bigint <> 0,"
                     " greatest($9::bigint, (SELECT coalesce(min(created_us), 0) FROM erasures"
                     " WHERE $10::bigint > 0 AND created_us >= $10)))"
                     " ON CONFLICT(version) DO NOTHING",
    [TDL_PG_MODEL_OFF] = "UPDATE models SET active = false WHERE active AND app = $1",
    [TDL_PG_MODEL_ON] = "UPDATE models SET active = (version = $1)"
                        " WHERE app = (SELECT app FROM models WHERE version = $1)",
    [TDL_PG_KEY] = "INSERT INTO keys(id, grants, label, created_us, revoked_us, hash)"
                   " VALUES($1, $2, $3, $4, $5, $6)",
    [TDL_PG_REVOKE] = "UPDATE keys SET revoked_us = $2 WHERE id = $1 AND revoked_us = 0",
    [TDL_PG_FILE_OFF] = "DELETE FROM files WHERE path = $1",
    [TDL_PG_FILE] = "INSERT INTO files(path, part, bytes) VALUES($1, $2, $3)",
    [TDL_PG_FOLLOW] =
        "SELECT e.seq, e.time_us, coalesce(p.name, u.name), k.name, i.name, e.value, e.properties,"
        " s.name, e.message_id, e.decision_id, a.name, CASE WHEN p.id IS NULL"
        " THEN u.sealed_key ELSE p.sealed_key END, CASE WHEN p.id IS NULL THEN u.sealed_id"
        " ELSE p.sealed_id END, a.sealed_key, a.sealed_id FROM events e"
        " JOIN users u ON u.id = e.user_id JOIN kinds k ON k.id = e.kind"
        " JOIN sources s ON s.id = e.source LEFT JOIN items i ON i.id = e.item"
        " LEFT JOIN users p ON p.id = u.person LEFT JOIN joins j ON j.event = e.seq"
        " LEFT JOIN users a ON a.id = j.joined"
        " WHERE e.seq > $1 AND e.seq < $2 ORDER BY e.seq LIMIT $3::bigint",
    [TDL_PG_NAMES + TDL_PG_USERS] = NUMBER_USERS,
    [TDL_PG_NAMES + TDL_PG_ITEMS] = NUMBER_NAMES("items"),
    [TDL_PG_NAMES + TDL_PG_KINDS] = NUMBER_NAMES("kinds"),
    [TDL_PG_NAMES + TDL_PG_SOURCES] = NUMBER_NAMES("sources"),
};

enum { RETRY_FIRST_US = 100000, RETRY_LAST_US = 5000000 };

tdl_status tdl_pg_write(tdl_backend *b, tdl_pg_write_statement which, const tdl_pg_parameters *p,
                        const char *doing, PGresult **ret, tdl_report *why)
{
    char name[16];

    snprintf(name, sizeof name, "w%d", (int)which);
    return tdl_pg_query(b->conn, &b->prepared[which], name, write_sql[which], p, doing, ret, why);
}

tdl_status tdl_pg_change(tdl_backend *b, tdl_pg_write_statement which, const tdl_pg_parameters *p,
                         const char *doing, int64_t *ret_rows, tdl_report *why)
{
    PGresult *result = NULL;
    tdl_status st = tdl_pg_lock(b, why);

    if (st || (st = tdl_pg_write(b, which, p, doing, &result, why)))
        return st;
    if (ret_rows)
        *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    b->tell = true;
    return TDL_OK;
}

/* ---- the connection ---- */

static void disconnect(tdl_backend *b)
{
    PQfinish(b->conn);
    b->conn = NULL;
    memset(b->prepared, 0, sizeof b->prepared);
    memset(b->execute_prepared, 0, sizeof b->execute_prepared);
    PQclear(b->executed);
    b->executed = NULL;
}

/* Whoever writes meanwhile is told to come again later, without waiting for a time-out each. */
tdl_status tdl_pg_reconnect(tdl_backend *b, tdl_report *why)
{
    int64_t now_us = tdl_time_monotonic();
    tdl_status st;

    if (now_us < b->retry_at_us)
        return TDL_FAIL_HINT(why, TDL_E_FULL, "retry in a few seconds; is the database running?",
                             "the database is out of reach; it is tried again in %lld ms",
                             (long long)(b->retry_at_us - now_us) / 1000);
    tdl_pg_forget(b);
    if ((st = tdl_pg_connect(b->url, false, &b->conn, why))) {
        int64_t longer = 2 * b->retry_after_us;
        b->retry_after_us = longer < RETRY_FIRST_US  ? RETRY_FIRST_US
                            : longer > RETRY_LAST_US ? RETRY_LAST_US
                                                     : longer;
        b->retry_at_us = tdl_time_monotonic() + b->retry_after_us;
        return st;
    }
    b->retry_after_us = 0;
    return TDL_OK;
}

/* Names too: another database may answer at the same place. */
void tdl_pg_forget(tdl_backend *b)
{
    disconnect(b);
    for (int table = 0; table < TDL_PG_NAME_TABLES; table++)
        tdl_intern_release(&b->names[table]);
}

/* ---- transactions ---- */

static void reset_group(tdl_backend *b)
{
    b->events_n = b->decisions_n = 0;
    b->locked = b->dirty = b->tell = false;
}

tdl_status tdl_pg_begin(tdl_backend *b, tdl_report *why)
{
    tdl_status st = b->conn ? tdl_pg_run(b->conn, "BEGIN", "starting to write", why) : TDL_OK;

    reset_group(b);
    if (b->conn && PQstatus(b->conn) != CONNECTION_OK)
        disconnect(b); // the server was restarted while we were idle
    if (b->conn)
        return st;
    st = tdl_pg_reconnect(b, why);
    return st ? st : tdl_pg_run(b->conn, "BEGIN", "starting to write", why);
}

static void forget_users(tdl_backend *b)
{
    tdl_intern_release(&b->names[TDL_PG_USERS]);
    tdl_people_forget(b->people);
}

tdl_status tdl_pg_lock(tdl_backend *b, tdl_report *why)
{
    tdl_pg_parameters none = {0};
    PGresult *result = NULL;
    int64_t gate = -1;
    tdl_status st;

    b->dirty = true;
    if (b->locked)
        return TDL_OK;
    if ((st = tdl_pg_write(b, TDL_PG_LOCK, &none, "starting to write", &result, why)))
        return st;
    if (PQntuples(result) == 1) {
        gate = tdl_pg_get_number(result, 0, 7);
        b->unasked_barred = !b->all_in && tdl_pg_get_number(result, 0, 8) & TDL_PURPOSE_ANALYTICS;
        b->now = (tdl_pg_totals){tdl_pg_get_number(result, 0, 0), tdl_pg_get_number(result, 0, 1),
                                 tdl_pg_get_number(result, 0, 2), tdl_pg_get_number(result, 0, 3),
                                 tdl_pg_get_number(result, 0, 4), tdl_pg_get_number(result, 0, 5),
                                 tdl_pg_get_number(result, 0, 6)};
    } else
        st = TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore it from a backup",
                           "the store has lost its totals");
    PQclear(result);
    if (gate != b->gate) // somebody has been barred, or let in again
        forget_users(b);
    b->gate = gate;
    b->locked = !st;
    b->found_events = b->now.events;
    return st;
}

tdl_status tdl_pg_forget_names(tdl_backend *b, tdl_report *why)
{
    tdl_pg_parameters none = {0};
    tdl_status st =
        tdl_pg_change(b, TDL_PG_GATE_MOVE, &none, "changing who may be stored", NULL, why);

    forget_users(b);
    b->gate = -1;
    return st;
}

void tdl_pg_let_in(tdl_backend *b, bool all)
{
    b->all_in = all;
    b->gate = -1;
}

/* Decisions first, because they need no lock. */
static tdl_status put_waiting(tdl_backend *b, tdl_report *why)
{
    tdl_status st = b->decisions_n ? tdl_pg_put_decisions(b, why) : TDL_OK;

    return st || !b->events_n ? st : tdl_pg_put_events(b, why);
}

/* A COMMIT of a transaction that failed is a ROLLBACK, which is no error to the server. */
static tdl_status end_transaction(tdl_backend *b, const char *sql, tdl_report *why)
{
    PGresult *result = PQexec(b->conn, sql);
    tdl_status st = TDL_OK;

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        st = tdl_pg_fail(b->conn, result, "committing", why);
    else if (strcmp(PQcmdStatus(result), "COMMIT"))
        st = TDL_FAIL(why, TDL_E_INTERNAL, "committing: the transaction had failed");
    PQclear(result);
    return st;
}

tdl_status tdl_pg_commit(tdl_backend *b, tdl_report *why)
{
    char sql[384];
    tdl_status st = put_waiting(b, why);

    if (st || (b->dirty && (st = tdl_pg_lock(b, why))))
        return st;
    snprintf(sql, sizeof sql,
             "UPDATE store SET events = %lld, users = %lld, items = %lld, decisions = %lld,"
             " rewards = %lld, removed = %lld, version = version + 1; %s COMMIT",
             (long long)b->now.events, (long long)b->now.users, (long long)b->now.items,
             (long long)b->now.decisions, (long long)b->now.rewards, (long long)b->now.removed,
             b->tell ? "NOTIFY treadle;" : "");
    if ((st = end_transaction(b, b->dirty ? sql : "COMMIT", why)))
        return st;
    for (int table = 0; table < TDL_PG_NAME_TABLES; table++)
        tdl_intern_commit(&b->names[table]);
    if (b->locked && b->now.events > b->found_events)
        tdl_pg_follow_own(b, b->found_events + 1, b->now.events);
    if (b->dirty)
        tdl_pg_watch_own(b->watch, PQbackendPID(b->conn));
    reset_group(b);
    return TDL_OK;
}

void tdl_pg_rollback(tdl_backend *b)
{
    PGTransactionStatusType status = b->conn ? PQtransactionStatus(b->conn) : PQTRANS_IDLE;

    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
        PQclear(PQexec(b->conn, "ROLLBACK"));
    if (b->conn && PQtransactionStatus(b->conn) != PQTRANS_IDLE)
        disconnect(b); // lost, or in the middle of a COPY
    for (int table = 0; table < TDL_PG_NAME_TABLES; table++)
        tdl_intern_undo(&b->names[table], 0);
    b->months_n = 0; // some may have been rolled back
    reset_group(b);
}

tdl_status tdl_pg_mark(tdl_backend *b, tdl_report *why)
{
    tdl_status st;

    if ((st = put_waiting(b, why)) || (st = tdl_pg_lock(b, why)))
        return st;
    b->marked = b->now;
    for (int table = 0; table < TDL_PG_NAME_TABLES; table++)
        b->marked_names[table] = b->names[table].fresh_n;
    return tdl_pg_run(b->conn, "SAVEPOINT request", "starting to write", why);
}

tdl_status tdl_pg_unmark(tdl_backend *b, bool undo, tdl_report *why)
{
    if (undo) {
        b->now = b->marked;
        for (int table = 0; table < TDL_PG_NAME_TABLES; table++)
            tdl_intern_undo(&b->names[table], b->marked_names[table]);
        if (b->gate < 0) // forgotten since, and perhaps found again among what is undone
            tdl_intern_release(&b->names[TDL_PG_USERS]);
    }
    return tdl_pg_run(b->conn, undo ? "ROLLBACK TO request; RELEASE request" : "RELEASE request",
                      "ending a request", why);
}

void tdl_pg_added(tdl_backend *b, int64_t *ret_users, int64_t *ret_items)
{
    *ret_users = b->names[TDL_PG_USERS].committed_n;
    *ret_items = b->names[TDL_PG_ITEMS].committed_n;
}

/* ---- put off ---- */

static void *grow(void *at, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 64;
    void *grown = reallocarray(at, more, size);

    if (grown)
        *cap = more;
    return grown;
}

tdl_status tdl_pg_put_event(tdl_backend *b, const tdl_event *event, int64_t *ret_seq,
                            tdl_report *why)
{
    if (b->events_n == b->events_cap) {
        void *grown = grow(b->events, &b->events_cap, sizeof *b->events);
        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of events");
        b->events = grown;
    }
    *ret_seq = 0;
    b->events[b->events_n++] = (tdl_pg_event){.event = event, .ret_seq = ret_seq};
    b->dirty = true;
    return TDL_OK;
}

tdl_status tdl_pg_put_decision(tdl_backend *b, const tdl_decision_text *decision, bool *ret_new,
                               tdl_report *why)
{
    if (b->decisions_n == b->decisions_cap) {
        void *grown = grow(b->decisions, &b->decisions_cap, sizeof *b->decisions);
        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a group of decisions");
        b->decisions = grown;
    }
    *ret_new = false;
    b->decisions[b->decisions_n++] = (tdl_pg_decision){decision, ret_new};
    b->dirty = true;
    return TDL_OK;
}
