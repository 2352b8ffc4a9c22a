/* Rows of the PostgreSQL backend. */
#include <string.h>

#include "store/postgres.h"

#define EVENT_COLUMNS                                                                              \
    "e.time_us, coalesce(p.name, u.name), k.name, i.name, e.value, e.properties, s.name, "         \
    "e.message_id, e.decision_id, e.seq, CASE WHEN p.id IS NULL THEN u.sealed_key"                 \
    " ELSE p.sealed_key END, CASE WHEN p.id IS NULL THEN u.sealed_id ELSE p.sealed_id END"
#define EVENT_TABLES                                                                               \
    " FROM events e JOIN users u ON u.id = e.user_id JOIN kinds k ON k.id = e.kind"                \
    " JOIN sources s ON s.id = e.source LEFT JOIN items i ON i.id = e.item"                        \
    " LEFT JOIN users p ON p.id = u.person"
/* Whoever stands for the user called $1, and everybody he stands for. */
#define PERSON "(SELECT coalesce(person, id) FROM users WHERE name = $1)"
#define PERSON_IDS                                                                                 \
    "(SELECT id FROM users WHERE id = " PERSON                                                     \
    " UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
/* What the person of user u denies: his own words, and without one the default. */
#define DENIED                                                                                     \
    "(u.denied | (coalesce((SELECT value::bigint FROM settings WHERE name = 'consent.default'), "  \
    "0)"                                                                                           \
    " & ~(u.denied >> 8)))"
/* Events that are not kept at time $2. */
#define EXPIRED                                                                                    \
    " FROM events e JOIN kinds k ON k.id = e.kind JOIN sources s ON s.id = e.source"               \
    " WHERE e.time_us >= $1::bigint AND e.time_us < $2::bigint - 86400000000 *"                    \
    "   (SELECT min(days) FROM retention WHERE kind <> '" TDL_RETAIN_DECISIONS "')"                \
    " AND e.time_us < $2::bigint - 86400000000 * coalesce("                                        \
    "   (SELECT days FROM retention r WHERE r.kind = k.name), (SELECT days FROM retention"         \
    "   WHERE kind = '')) AND NOT EXISTS (SELECT FROM joins j WHERE j.event = e.seq)"
#define DECISION_COLUMNS                                                                           \
    "d.id, d.time_us, d.app, d.user_id, d.candidates, d.chosen_n, d.model_version, d.why,"         \
    " d.context_hash, d.sealed_user, u.sealed_key, u.sealed_id"
/* A pseudonym is its own escaped form. */
#define DECISION_TABLES                                                                            \
    " FROM decisions d LEFT JOIN users u ON u.name = encode(d.user_id, 'escape')"
#define ERASURES "n, id, subject, state, receipt, created_us, done_us FROM erasures"

static const char *const read_sql[TDL_READ_N] = {
    [TDL_READ_SCAN] = "SELECT " EVENT_COLUMNS EVENT_TABLES
                      " WHERE e.time_us >= $1 AND ($2::bigint = 0 OR (" DENIED
                      " & $2::bigint) = 0) ORDER BY e.time_us, e.seq",
    [TDL_READ_WALK] = "SELECT time_us, seq, user_id, kind, value FROM events"
                      " WHERE time_us >= $1 AND time_us < $2 ORDER BY time_us, seq",
    [TDL_READ_WALK_PROPERTIES] = "SELECT time_us, seq, user_id, kind, value, properties FROM events"
                                 " WHERE time_us >= $1 AND time_us < $2 ORDER BY time_us, seq",
    [TDL_READ_ALIAS_NUMBERS] =
        "SELECT id, person FROM users WHERE person IS NOT NULL UNION ALL SELECT id, 0::bigint"
        " FROM users WHERE no_person AND person IS NULL ORDER BY id",
    [TDL_READ_KINDS] = "SELECT id, name FROM kinds ORDER BY id",
    [TDL_READ_REWARDS] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.decision_id = $1 ORDER BY e.time_us, e.seq",
    [TDL_READ_PERSON] = "SELECT name, sealed_key, sealed_id FROM users WHERE id = " PERSON,
    [TDL_READ_PERSON_EVENTS] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.user_id IN " PERSON_IDS
        " ORDER BY e.time_us DESC, e.seq DESC LIMIT $2::bigint",
    [TDL_READ_ALIASES] =
        "SELECT u.name, p.name, u.sealed_key, u.sealed_id, p.sealed_key, p.sealed_id"
        " FROM users u JOIN users p ON p.id = u.person"
        " WHERE u.person IS NOT NULL",
    [TDL_READ_TRAITS] =
        "SELECT DISTINCT ON (t.name) t.name, t.value, u.name, u.sealed_key FROM traits t"
        " JOIN users u ON u.id = t.user_id WHERE t.user_id IN " PERSON_IDS
        " ORDER BY t.name, t.time_us DESC",
    [TDL_READ_FLAGS] = "SELECT id, key, family, definition, version, created_us, updated_us"
                       " FROM flags ORDER BY id",
    [TDL_READ_USERS] =
        "SELECT p.name, sum(e.n)::bigint, max(e.last), p.sealed_key, p.sealed_id FROM"
        " (SELECT user_id, count(*) AS n, max(time_us) AS last FROM events GROUP BY user_id) e"
        " JOIN users u ON u.id = e.user_id JOIN users p ON p.id = coalesce(u.person, u.id)"
        " WHERE p.name >= $1 AND substr(p.name, 1, $2::bigint::int) = $1"
        " AND NOT p.no_person"
        " GROUP BY p.id ORDER BY max(e.last) DESC, p.id LIMIT $3::bigint",
    [TDL_READ_ITEM] = "SELECT name, title, attributes FROM items WHERE name = $1",
    [TDL_READ_TITLE] = "SELECT title FROM items WHERE name = $1",
    [TDL_READ_ITEMS] = "SELECT name, title, attributes FROM items ORDER BY id",
    [TDL_READ_DECISION] = "SELECT " DECISION_COLUMNS DECISION_TABLES " WHERE d.id = $1"
                          " LIMIT $2::bigint",
    [TDL_READ_STRETCH] = "SELECT max(seq) >> 12 FROM decisions",
    [TDL_READ_USER_DECISIONS] = "SELECT " DECISION_COLUMNS DECISION_TABLES
                                " WHERE d.seq >> 12 = $3::bigint AND d.user_id = $1"
                                " ORDER BY d.seq DESC LIMIT $2::bigint",
    [TDL_READ_DECISIONS] = "SELECT " DECISION_COLUMNS DECISION_TABLES
                           " WHERE $1::text IS NULL ORDER BY d.seq DESC LIMIT $2::bigint",
    [TDL_READ_LOG] = "SELECT " DECISION_COLUMNS ", d.seq" DECISION_TABLES
                     " WHERE d.seq > $1::bigint ORDER BY d.seq LIMIT $2::bigint",
    [TDL_READ_LOG_AT] = "SELECT seq, time_us FROM decisions WHERE seq >= $1::bigint"
                        " ORDER BY seq LIMIT 1",
    [TDL_READ_LOG_ENDS] = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM decisions",
    [TDL_READ_MODELS] = "SELECT version, app, path, report, created_us, bytes, hash, active,"
                        " stale_us"
                        " FROM models WHERE $1 = '' OR app = $1"
                        " ORDER BY created_us DESC, n DESC",
    [TDL_READ_KEYS] = "SELECT id, grants, label, created_us, revoked_us, hash FROM keys"
                      " ORDER BY created_us, n",
    // An event that joined two persons has an alias: who stood for the other one.
    [TDL_READ_EXPORT] =
        "SELECT e.time_us, u.name, k.name, i.name, e.value, e.properties, s.name, e.message_id,"
        " e.decision_id, e.seq, u.sealed_key, u.sealed_id, a.name, a.sealed_key, a.sealed_id,"
        " u.no_person::int::bigint" EVENT_TABLES " LEFT JOIN users a ON a.id = (SELECT CASE"
        "   WHEN j.own = e.user_id THEN j.alias WHEN EXISTS"
        "   (SELECT 1 FROM joined_ids d WHERE d.join_id = j.id AND d.user_id = e.user_id)"
        "   THEN j.kept ELSE j.joined END FROM joins j WHERE j.event = e.seq AND j.undone_us = 0)"
        " WHERE e.seq > $1 ORDER BY e.seq",
    [TDL_READ_EXPORT_TRAITS] = "SELECT u.name, t.name, t.value, t.time_us, u.sealed_key,"
                               " u.sealed_id FROM traits t"
                               " JOIN users u ON u.id = t.user_id ORDER BY t.user_id, t.time_us",
    [TDL_READ_EXPORT_DECISIONS] =
        "SELECT " DECISION_COLUMNS DECISION_TABLES " ORDER BY d.seq OFFSET $1",
    [TDL_READ_GROUPS] =
        "SELECT g.type, g.name, coalesce(max(t.time_us), 0) FROM groups g LEFT JOIN group_traits t"
        " ON t.group_id = g.id WHERE $1 = '' OR g.type = $1 GROUP BY g.id, g.type, g.name"
        " ORDER BY g.type, g.name LIMIT $2::bigint",
    [TDL_READ_GROUP_TRAITS] =
        "SELECT t.name, t.value, t.time_us FROM groups g LEFT JOIN group_traits t"
        " ON t.group_id = g.id WHERE g.type = $1 AND g.name = $2 ORDER BY t.name",
    [TDL_READ_EXPORT_GROUPS] = "SELECT type, name FROM groups ORDER BY id",
    [TDL_READ_EXPORT_GROUP_TRAITS] =
        "SELECT g.type, g.name, t.name, t.value, t.time_us FROM group_traits t"
        " JOIN groups g ON g.id = t.group_id ORDER BY t.group_id, t.name",
    [TDL_READ_EXPORT_CONSENTS] =
        "SELECT u.name, c.purpose, c.granted, c.time_us, c.source, u.sealed_key, u.sealed_id"
        " FROM consents c JOIN users u ON u.id = c.user_id ORDER BY c.id",
    [TDL_READ_EXPORT_STALE] = "SELECT version, stale_us FROM models WHERE stale_us <> 0",
    [TDL_READ_EXPORT_ERASED] =
        "SELECT name, sealed_id, erased_us FROM users WHERE erased_us <> 0 ORDER BY id",
    [TDL_READ_EXPORT_ERASURES] =
        "SELECT id, subject, state, receipt, created_us, done_us FROM erasures ORDER BY n",
    [TDL_READ_EXPORT_REJECTS] = "SELECT received_us, source, reason, raw FROM rejects ORDER BY id",
    [TDL_READ_NTH_EVENT] = "SELECT e.seq, s.name, e.message_id FROM events e"
                           " JOIN sources s ON s.id = e.source WHERE e.seq ="
                           " (SELECT seq FROM events ORDER BY seq LIMIT 1 OFFSET $1)",
    [TDL_READ_PERSON_IDS] =
        "SELECT u.name, e.time_us, k.name, s.name, e.message_id, u.sealed_key, u.sealed_id"
        " FROM users u"
        " LEFT JOIN joins j ON j.id = (SELECT max(x.id) FROM joined_ids d JOIN joins x"
        "   ON x.id = d.join_id WHERE d.user_id = u.id AND x.undone_us = 0)"
        " LEFT JOIN events e ON e.seq = j.event LEFT JOIN kinds k ON k.id = e.kind"
        " LEFT JOIN sources s ON s.id = e.source WHERE u.erased_us = 0 AND u.id IN " PERSON_IDS
        " ORDER BY coalesce(j.id, 0), u.id",
    [TDL_READ_SPLITS] = "SELECT a.name, b.name, j.undone_us, a.sealed_key, a.sealed_id,"
                        " b.sealed_key, b.sealed_id FROM joins j"
                        " JOIN users a ON a.id = j.kept JOIN users b ON b.id = j.joined"
                        " WHERE j.undone_us > 0 AND j.undone_us > $1 ORDER BY j.undone_us",
    [TDL_READ_EXPORT_UNDONE] =
        "SELECT a.name, b.name, j.undone_us, a.sealed_key, a.sealed_id,"
        " b.sealed_key, b.sealed_id FROM joins j JOIN users a ON a.id = j.own"
        " JOIN users b ON b.id = j.alias WHERE j.undone_us > 0 ORDER BY j.id",
    [TDL_READ_REJECTS] = "SELECT received_us, source, reason, raw FROM rejects"
                         " ORDER BY id DESC LIMIT $1::bigint",
    [TDL_READ_REJECT_COUNTS] = "SELECT source, reason, count(*), max(received_us) FROM rejects"
                               " GROUP BY source, reason ORDER BY count(*) DESC, source, reason"
                               " LIMIT $1::bigint",
    [TDL_READ_AUDIT] = "SELECT seq, record, hash FROM audit WHERE seq > $1 ORDER BY seq"
                       " LIMIT $2::bigint",
    [TDL_READ_AUDIT_NEWEST] = "SELECT seq, record, hash FROM audit WHERE seq <= $1"
                              " ORDER BY seq DESC LIMIT $2::bigint",
    [TDL_READ_REPORTS] = "SELECT id, name, query, created_us, updated_us FROM reports"
                         " WHERE $1 = '' OR id = $1 ORDER BY created_us, id",
    [TDL_READ_PERSON_NAMES] =
        "SELECT name, CASE WHEN identified THEN 1::bigint ELSE 0 END, sealed_key, sealed_id"
        " FROM users WHERE erased_us = 0 AND id IN " PERSON_IDS " ORDER BY id",
    [TDL_READ_PERSON_JOINS] =
        "SELECT k.name, o.name, j.undone_us, k.sealed_key, k.sealed_id, o.sealed_key,"
        " o.sealed_id FROM joins j JOIN users k ON k.id = j.kept"
        " JOIN users o ON o.id = j.joined WHERE j.kept IN " PERSON_IDS " OR j.joined IN " PERSON_IDS
        " ORDER BY j.id",
    [TDL_READ_PERSON_TRAITS] = "SELECT u.name, t.name, t.value, t.time_us, u.sealed_key,"
                               " u.sealed_id FROM traits t"
                               " JOIN users u ON u.id = t.user_id WHERE t.user_id IN " PERSON_IDS,
    [TDL_READ_PERSON_HISTORY] =
        "SELECT e.time_us, u.name, k.name, i.name, e.value, e.properties, s.name, e.message_id,"
        " e.decision_id, e.seq, u.sealed_key, u.sealed_id" EVENT_TABLES
        " WHERE e.user_id IN " PERSON_IDS,
    [TDL_READ_PERSON_DECISIONS] =
        "WITH RECURSIVE stretch(n) AS (SELECT max(seq) >> 12 FROM decisions UNION ALL"
        " SELECT n - 1 FROM stretch WHERE n > 0) SELECT " DECISION_COLUMNS
        " FROM stretch JOIN decisions d ON d.seq >> 12 = n AND d.user_id = $1"
        " LEFT JOIN users u ON u.name = encode(d.user_id, 'escape')",
    [TDL_READ_ERASURES] = "SELECT " ERASURES " WHERE $1 = '' OR id = $1"
                          " ORDER BY n DESC LIMIT $2::bigint",
    [TDL_READ_NEW_ERASURES] = "SELECT " ERASURES " WHERE n > $1 AND ($2 = '' OR state = $2)"
                              " ORDER BY n",
    [TDL_READ_LAST_ERASURE] = "SELECT coalesce(max(n), 0) FROM erasures",
    [TDL_READ_ERASED] = "SELECT $1::text UNION SELECT name FROM users WHERE erased_us = $2",
    [TDL_READ_SETTING] = "SELECT value FROM settings WHERE name = $1",
    [TDL_READ_RETENTION] = "SELECT kind, days FROM retention ORDER BY kind",
    [TDL_READ_EXPIRED] =
        "SELECT e.seq, e.time_us, k.name, s.name, e.message_id,"
        " (e.decision_id IS NOT NULL)::int::bigint" EXPIRED " ORDER BY e.time_us LIMIT $3::bigint",
    [TDL_READ_EXPIRED_COUNT] = "SELECT k.name, count(*)" EXPIRED " GROUP BY k.name ORDER BY k.name",
    [TDL_READ_EXPIRED_DECISIONS] = "SELECT count(*) FROM decisions WHERE time_us < $1::bigint",
    [TDL_READ_CONSENTS] = "SELECT purpose, granted, time_us, source FROM consents"
                          " WHERE user_id IN " PERSON_IDS " ORDER BY time_us, id",
    [TDL_READ_CONSENT_SAID] =
        "SELECT u.name, u.denied, u.sealed_key, u.sealed_id FROM users u WHERE u.denied <> 0",
    [TDL_READ_CONSENT_SAID_OF] =
        "SELECT u.name, u.denied, u.sealed_key, u.sealed_id FROM users u WHERE u.id IN " PERSON_IDS,
    [TDL_READ_CONSENT_NEW] = "SELECT u.name, c.id, u.sealed_key, u.sealed_id FROM consents c JOIN "
                             "users u ON u.id = c.user_id"
                             " WHERE c.id > $1::bigint ORDER BY c.id",
    [TDL_READ_CONSENT_NEWEST] = "SELECT coalesce(max(id), 0) FROM consents",
    [TDL_READ_SEALS] = "SELECT name, sealed_key, sealed_id, erased_us FROM users",
    [TDL_READ_COUNTS] = "SELECT events - removed, users, items, decisions, rewards FROM store",
    [TDL_READ_VERSION] = "SELECT version FROM store",
    [TDL_READ_CHANGED_ITEMS] = "SELECT name, title, attributes, changed FROM items"
                               " WHERE changed > $1 ORDER BY changed, id",
    [TDL_READ_FILE] = "SELECT bytes FROM files WHERE path = $1 AND part >= $2::bigint"
                      " ORDER BY part LIMIT 1",
};

static tdl_status start(tdl_reader *reader, tdl_read_statement which, void **ret, tdl_report *why)
{
    tdl_pg_reader *r = (tdl_pg_reader *)reader;
    tdl_pg_statement *s = &r->statement[which];

    TDL_UNUSED(why);
    PQclear(s->result);
    *s = (tdl_pg_statement){.reader = r, .which = which, .row = -1, .prepared = s->prepared};
    *ret = s;
    return TDL_OK;
}

static void bind_text(void *statement, int at, tdl_str text)
{
    tdl_pg_bind_text(&((tdl_pg_statement *)statement)->p, at, text);
}

static void bind_number(void *statement, int at, int64_t value)
{
    tdl_pg_bind_number(&((tdl_pg_statement *)statement)->p, at, value);
}

/* ---- running ---- */

static tdl_status run(tdl_pg_statement *s)
{
    char name[16] = {'r', (char)('a' + s->which / 26), (char)('a' + s->which % 26)};

    return tdl_pg_query(s->reader->conn, &s->prepared, name, read_sql[s->which], &s->p,
                        "reading the store", &s->result, &s->why);
}

/* An idle connection does not outlive its server. What is only read may be asked again. */
static tdl_status reconnect(tdl_pg_reader *r, tdl_report *why)
{
    PGconn *conn;
    tdl_status st = tdl_pg_connect(r->backend->url, true, &conn, why);

    if (st)
        return st;
    PQfinish(r->conn);
    r->conn = conn;
    for (int i = 0; i < TDL_READ_N; i++)
        r->statement[i].prepared = false;
    return TDL_OK;
}

static void run_all(tdl_pg_statement *s)
{
    s->status = run(s);
    if (s->status && PQstatus(s->reader->conn) != CONNECTION_OK && !s->reader->in_snapshot &&
        !(s->status = reconnect(s->reader, &s->why)))
        s->status = run(s);
}

/* Row by row: the store may be larger than memory. */
static void run_scan(tdl_pg_statement *s)
{
    static const int binary[] = {1, 1};
    PGconn *conn = s->reader->conn;

    if (!PQsendQueryParams(conn, read_sql[s->which], s->p.n, NULL, s->p.at, s->p.len, binary, 1) ||
        !PQsetSingleRowMode(conn))
        s->status = tdl_pg_fail(conn, NULL, "scanning events", &s->why);
}

static bool next_of_scan(tdl_pg_statement *s)
{
    PQclear(s->result);
    s->result = PQgetResult(s->reader->conn);
    s->row = 0;
    if (PQresultStatus(s->result) == PGRES_SINGLE_TUPLE)
        return true;
    if (s->result && PQresultStatus(s->result) != PGRES_TUPLES_OK)
        s->status = tdl_pg_fail(s->reader->conn, s->result, "scanning events", &s->why);
    return false;
}

static bool is_scan(tdl_read_statement which)
{
    return which == TDL_READ_SCAN || which == TDL_READ_WALK || which == TDL_READ_WALK_PROPERTIES ||
           which == TDL_READ_SEALS || which == TDL_READ_PERSON_HISTORY ||
           which == TDL_READ_PERSON_DECISIONS ||
           (which >= TDL_READ_EXPORT && which <= TDL_READ_EXPORT_REJECTS);
}

static bool step(void *statement)
{
    tdl_pg_statement *s = statement;
    bool scanning = is_scan(s->which);

    if (!s->started) {
        s->started = true;
        scanning ? run_scan(s) : run_all(s);
    }
    if (s->status)
        return false;
    return scanning ? next_of_scan(s) : ++s->row < PQntuples(s->result);
}

static tdl_status end(tdl_reader *reader, void *statement, tdl_report *why)
{
    tdl_pg_statement *s = statement;

    TDL_UNUSED(reader);
    PQclear(s->result);
    s->result = NULL;
    while (is_scan(s->which) && s->started && (s->result = PQgetResult(s->reader->conn)))
        PQclear(s->result); // left before its end
    if (s->status && why)
        *why = s->why;
    return s->status;
}

/* ---- columns ---- */

static tdl_str text(void *statement, int column)
{
    const tdl_pg_statement *s = statement;
    return tdl_pg_get_text(s->result, s->row, column);
}

static int64_t number(void *statement, int column)
{
    const tdl_pg_statement *s = statement;
    return tdl_pg_get_number(s->result, s->row, column);
}

static double real(void *statement, int column)
{
    const tdl_pg_statement *s = statement;
    return tdl_pg_get_real(s->result, s->row, column);
}

static bool is_null(void *statement, int column)
{
    const tdl_pg_statement *s = statement;
    return PQgetisnull(s->result, s->row, column);
}

static tdl_status hold_snapshot(tdl_reader *reader, tdl_report *why)
{
    tdl_pg_reader *r = (tdl_pg_reader *)reader;

    r->in_snapshot = true;
    return tdl_pg_run(r->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM store",
                      "scanning events", why);
}

const tdl_rows_ops tdl_pg_rows = {
    .start = start,
    .bind_text = bind_text,
    .bind_number = bind_number,
    .step = step,
    .end = end,
    .text = text,
    .bytes = text,
    .number = number,
    .real = real,
    .is_null = is_null,
    .hold_snapshot = hold_snapshot,
};
