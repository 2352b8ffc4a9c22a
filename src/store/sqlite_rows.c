/* Rows of the SQLite backend. */
#include "store/sqlite.h"

#define EVENT_COLUMNS                                                                              \
    "e.time_us, coalesce(p.name, u.name), k.name, i.name, e.value, e.properties, s.name, "         \
    "e.message_id, e.decision_id, e.seq, CASE WHEN p.id IS NULL THEN u.sealed_key"                 \
    " ELSE p.sealed_key END, CASE WHEN p.id IS NULL THEN u.sealed_id ELSE p.sealed_id END"
/* CROSS: events are walked in the order asked for, and names are looked up one by one. */
#define EVENT_TABLES                                                                               \
    " FROM events e CROSS JOIN users u ON u.id = e.user CROSS JOIN kinds k ON k.id = e.kind"       \
    " CROSS JOIN sources s ON s.id = e.source LEFT JOIN items i ON i.id = e.item"                  \
    " LEFT JOIN users p ON p.id = u.person"
/* Whoever stands for the user called ?1. */
#define PERSON "(SELECT coalesce(person, id) FROM users WHERE name = ?1)"
/* What the person of user u denies: his own words, and without one the default. */
#define DENIED                                                                                     \
    "(u.denied | (coalesce((SELECT CAST(value AS INTEGER) FROM settings"                           \
    " WHERE name = 'consent.default'), 0) & ~(u.denied >> 8)))"
/* Events that are not kept at time ?2; the newest to arrive stays, because its number would be
 * given again. */
#define EXPIRED                                                                                    \
    " FROM events e CROSS JOIN kinds k ON k.id = e.kind CROSS JOIN sources s ON s.id = e.source"   \
    " WHERE e.time_us >= ?1 AND e.time_us < ?2 - 86400000000 * (SELECT min(days) FROM retention"   \
    "   WHERE kind <> '" TDL_RETAIN_DECISIONS "')"                                                 \
    " AND e.time_us < ?2 - 86400000000 * coalesce("                                                \
    "   (SELECT days FROM retention r WHERE r.kind = k.name), (SELECT days FROM retention"         \
    "   WHERE kind = '')) AND e.seq < (SELECT max(seq) FROM events)"                               \
    " AND e.seq NOT IN (SELECT event FROM joins)"
/* He, and everybody he stands for. */
#define PERSON_IDS                                                                                 \
    "(SELECT id FROM users WHERE id = " PERSON                                                     \
    " UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
#define DECISION_COLUMNS                                                                           \
    "d.id, d.time_us, d.app, d.user, d.candidates, d.chosen_n, d.model_version, d.why,"            \
    " d.context_hash, d.sealed_user, u.sealed_key, u.sealed_id"
#define DECISION_TABLES " FROM decisions d LEFT JOIN users u ON u.name = d.user"
#define ERASURES        "n, id, subject, state, receipt, created_us, done_us FROM erasures"

static const char *const read_sql[TDL_READ_N] = {
    [TDL_READ_SCAN] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.time_us >= ?1 AND (?2 = 0 OR " DENIED
        " & ?2 = 0) ORDER BY e.time_us, e.seq",
    [TDL_READ_REWARDS] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.decision_id = ?1 ORDER BY e.time_us, e.seq",
    [TDL_READ_WALK] = "SELECT time_us, seq, user, kind, value FROM events"
                      " WHERE time_us >= ?1 AND time_us < ?2 ORDER BY time_us, seq",
    [TDL_READ_WALK_PROPERTIES] = "SELECT time_us, seq, user, kind, value, properties FROM events"
                                 " WHERE time_us >= ?1 AND time_us < ?2 ORDER BY time_us, seq",
    [TDL_READ_ALIAS_NUMBERS] =
        "SELECT id, person FROM users WHERE person IS NOT NULL UNION ALL SELECT id, 0"
        " FROM users WHERE no_person AND person IS NULL ORDER BY id",
    [TDL_READ_KINDS] = "SELECT id, name FROM kinds ORDER BY id",
    [TDL_READ_PERSON] = "SELECT name, sealed_key, sealed_id FROM users WHERE id = " PERSON,
    [TDL_READ_PERSON_EVENTS] = "SELECT " EVENT_COLUMNS EVENT_TABLES
                               " WHERE e.user IN (SELECT id FROM users WHERE id = " PERSON
                               "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
                               " ORDER BY e.time_us DESC, e.seq DESC LIMIT ?2",
    [TDL_READ_ALIASES] =
        "SELECT u.name, p.name, u.sealed_key, u.sealed_id, p.sealed_key, p.sealed_id"
        " FROM users u JOIN users p ON p.id = u.person"
        " WHERE u.person IS NOT NULL",
    // Of the words that a person's ids have on one trait, the newest.
    [TDL_READ_TRAITS] = "SELECT t.name, t.value, u.name, u.sealed_key, max(t.time_us)"
                        " FROM traits t JOIN users u ON u.id = t.user"
                        " WHERE t.user IN (SELECT id FROM users WHERE id = " PERSON
                        "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
                        " GROUP BY t.name ORDER BY t.name",
    [TDL_READ_FLAGS] = "SELECT rowid, key, family, definition, version, created_us, updated_us"
                       " FROM flags ORDER BY rowid",
    // One seek per id finds the newest event; only persons that are listed have theirs counted.
    [TDL_READ_USERS] =
        "SELECT name, (SELECT count(*) FROM events WHERE user = l.id)"
        "   + (SELECT count(*) FROM users a JOIN events e ON e.user = a.id WHERE a.person = l.id),"
        " last, sealed_key, sealed_id FROM (SELECT u.id, u.name, u.sealed_key, u.sealed_id, max("
        "   coalesce((SELECT max(time_us) FROM events WHERE user = u.id), -1),"
        "   coalesce((SELECT max((SELECT max(time_us) FROM events WHERE user = a.id))"
        "     FROM users a WHERE a.person = u.id), -1)) AS last FROM users u"
        "   WHERE u.name >= ?1 AND substr(u.name, 1, ?2) = ?1 AND u.person IS NULL AND NOT "
        "u.no_person"
        "   ORDER BY last DESC, u.id LIMIT ?3) l" // without events: last
        " WHERE last >= 0 ORDER BY last DESC, id",
    [TDL_READ_ITEM] = "SELECT name, title, attributes FROM items WHERE name = ?1",
    [TDL_READ_TITLE] = "SELECT title FROM items WHERE name = ?1",
    [TDL_READ_ITEMS] = "SELECT name, title, attributes FROM items ORDER BY id",
    [TDL_READ_DECISION] = "SELECT " DECISION_COLUMNS DECISION_TABLES " WHERE d.id = ?1 LIMIT ?2",
    [TDL_READ_STRETCH] = "SELECT max(seq) >> 12 FROM decisions",
    [TDL_READ_USER_DECISIONS] =
        "SELECT " DECISION_COLUMNS DECISION_TABLES
        " WHERE d.seq >> 12 = ?3 AND d.user = ?1 ORDER BY d.seq DESC LIMIT ?2",
    [TDL_READ_DECISIONS] =
        "SELECT " DECISION_COLUMNS DECISION_TABLES " ORDER BY d.seq DESC LIMIT ?2",
    [TDL_READ_LOG] = "SELECT " DECISION_COLUMNS ", d.seq" DECISION_TABLES
                     " WHERE d.seq > ?1 ORDER BY d.seq LIMIT ?2",
    [TDL_READ_LOG_AT] = "SELECT seq, time_us FROM decisions WHERE seq >= ?1 ORDER BY seq LIMIT 1",
    [TDL_READ_LOG_ENDS] = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM decisions",
    [TDL_READ_MODELS] = "SELECT version, app, path, report, created_us, bytes, hash, active,"
                        " stale_us"
                        " FROM models WHERE ?1 = '' OR app = ?1"
                        " ORDER BY created_us DESC, rowid DESC",
    [TDL_READ_KEYS] = "SELECT id, grants, label, created_us, revoked_us, hash FROM keys"
                      " ORDER BY created_us, rowid",
    // An event that joined two persons has an alias: who stood for the other one.
    [TDL_READ_EXPORT] =
        "SELECT e.time_us, u.name, k.name, i.name, e.value, e.properties, s.name, e.message_id,"
        " e.decision_id, e.seq, u.sealed_key, u.sealed_id, a.name, a.sealed_key, a.sealed_id,"
        " u.no_person" EVENT_TABLES " LEFT JOIN users a ON a.id = (SELECT CASE"
        "   WHEN j.own = e.user THEN j.alias WHEN EXISTS"
        "   (SELECT 1 FROM joined_ids d WHERE d.join_id = j.id AND d.user = e.user)"
        "   THEN j.kept ELSE j.joined END FROM joins j WHERE j.event = e.seq AND j.undone_us = 0)"
        " WHERE e.seq > ?1 ORDER BY e.seq",
    [TDL_READ_EXPORT_TRAITS] = "SELECT u.name, t.name, t.value, t.time_us, u.sealed_key,"
                               " u.sealed_id FROM traits t"
                               " JOIN users u ON u.id = t.user ORDER BY t.user, t.time_us",
    [TDL_READ_EXPORT_DECISIONS] =
        "SELECT " DECISION_COLUMNS DECISION_TABLES " ORDER BY d.seq LIMIT -1 OFFSET ?1",
    [TDL_READ_GROUPS] =
        "SELECT g.type, g.name, coalesce(max(t.time_us), 0) FROM groups g LEFT JOIN group_traits t"
        " ON t.group_id = g.id WHERE ?1 = '' OR g.type = ?1 GROUP BY g.id, g.type, g.name"
        " ORDER BY g.type, g.name LIMIT ?2",
    [TDL_READ_GROUP_TRAITS] =
        "SELECT t.name, t.value, t.time_us FROM groups g LEFT JOIN group_traits t"
        " ON t.group_id = g.id WHERE g.type = ?1 AND g.name = ?2 ORDER BY t.name",
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
                           " (SELECT seq FROM events ORDER BY seq LIMIT 1 OFFSET ?1)",
    [TDL_READ_PERSON_IDS] =
        "SELECT u.name, e.time_us, k.name, s.name, e.message_id, u.sealed_key, u.sealed_id"
        " FROM users u"
        " LEFT JOIN joins j ON j.id = (SELECT max(x.id) FROM joined_ids d JOIN joins x"
        "   ON x.id = d.join_id WHERE d.user = u.id AND x.undone_us = 0)"
        " LEFT JOIN events e ON e.seq = j.event LEFT JOIN kinds k ON k.id = e.kind"
        " LEFT JOIN sources s ON s.id = e.source WHERE u.erased_us = 0 AND u.id IN"
        " (SELECT id FROM users WHERE id = " PERSON
        " UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
        " ORDER BY coalesce(j.id, 0), u.id",
    [TDL_READ_SPLITS] = "SELECT a.name, b.name, j.undone_us, a.sealed_key, a.sealed_id,"
                        " b.sealed_key, b.sealed_id FROM joins j"
                        " JOIN users a ON a.id = j.kept JOIN users b ON b.id = j.joined"
                        " WHERE j.undone_us > 0 AND j.undone_us > ?1 ORDER BY j.undone_us",
    [TDL_READ_EXPORT_UNDONE] =
        "SELECT a.name, b.name, j.undone_us, a.sealed_key, a.sealed_id,"
        " b.sealed_key, b.sealed_id FROM joins j JOIN users a ON a.id = j.own"
        " JOIN users b ON b.id = j.alias WHERE j.undone_us > 0 ORDER BY j.id",
    [TDL_READ_REJECTS] = "SELECT received_us, source, reason, raw FROM rejects"
                         " ORDER BY id DESC LIMIT ?1",
    [TDL_READ_REJECT_COUNTS] = "SELECT source, reason, count(*), max(received_us) FROM rejects"
                               " GROUP BY source, reason ORDER BY count(*) DESC, source, reason"
                               " LIMIT ?1",
    [TDL_READ_AUDIT] = "SELECT seq, record, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    [TDL_READ_AUDIT_NEWEST] = "SELECT seq, record, hash FROM audit WHERE seq <= ?1"
                              " ORDER BY seq DESC LIMIT ?2",
    [TDL_READ_REPORTS] = "SELECT id, name, query, created_us, updated_us FROM reports"
                         " WHERE ?1 = '' OR id = ?1 ORDER BY created_us, id",
    [TDL_READ_PERSON_NAMES] = "SELECT name, identified, sealed_key, sealed_id FROM users WHERE "
                              "erased_us = 0 AND id IN " PERSON_IDS " ORDER BY id",
    [TDL_READ_PERSON_JOINS] =
        "SELECT k.name, o.name, j.undone_us, k.sealed_key, k.sealed_id, o.sealed_key,"
        " o.sealed_id FROM joins j JOIN users k ON k.id = j.kept"
        " JOIN users o ON o.id = j.joined WHERE j.kept IN " PERSON_IDS " OR j.joined IN " PERSON_IDS
        " ORDER BY j.id",
    [TDL_READ_PERSON_TRAITS] = "SELECT u.name, t.name, t.value, t.time_us, u.sealed_key,"
                               " u.sealed_id FROM traits t"
                               " JOIN users u ON u.id = t.user WHERE t.user IN " PERSON_IDS,
    [TDL_READ_PERSON_HISTORY] =
        "SELECT e.time_us, u.name, k.name, i.name, e.value, e.properties, s.name, e.message_id,"
        " e.decision_id, e.seq, u.sealed_key, u.sealed_id" EVENT_TABLES
        " WHERE e.user IN " PERSON_IDS,
    [TDL_READ_PERSON_DECISIONS] =
        "WITH RECURSIVE stretch(n) AS (SELECT max(seq) >> 12 FROM decisions UNION ALL"
        " SELECT n - 1 FROM stretch WHERE n > 0) SELECT " DECISION_COLUMNS
        " FROM stretch CROSS JOIN decisions d LEFT JOIN users u ON u.name = d.user"
        " WHERE d.seq >> 12 = n AND d.user = ?1",
    [TDL_READ_ERASURES] = "SELECT " ERASURES " WHERE ?1 = '' OR id = ?1"
                          " ORDER BY n DESC LIMIT ?2",
    [TDL_READ_NEW_ERASURES] = "SELECT " ERASURES " WHERE n > ?1 AND (?2 = '' OR state = ?2)"
                              " ORDER BY n",
    [TDL_READ_LAST_ERASURE] = "SELECT coalesce(max(n), 0) FROM erasures",
    [TDL_READ_ERASED] = "SELECT ?1 UNION SELECT name FROM users WHERE erased_us = ?2",
    [TDL_READ_SETTING] = "SELECT value FROM settings WHERE name = ?1",
    [TDL_READ_RETENTION] = "SELECT kind, days FROM retention ORDER BY kind",
    [TDL_READ_EXPIRED] = "SELECT e.seq, e.time_us, k.name, s.name, e.message_id,"
                         " e.decision_id IS NOT NULL" EXPIRED " ORDER BY e.time_us LIMIT ?3",
    [TDL_READ_EXPIRED_COUNT] = "SELECT k.name, count(*)" EXPIRED " GROUP BY k.name ORDER BY k.name",
    [TDL_READ_EXPIRED_DECISIONS] = "SELECT count(*) FROM decisions WHERE time_us < ?1",
    [TDL_READ_CONSENTS] = "SELECT purpose, granted, time_us, source FROM consents WHERE user_id IN"
                          " (SELECT id FROM users WHERE id = " PERSON
                          "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
                          " ORDER BY time_us, id",
    [TDL_READ_CONSENT_SAID] =
        "SELECT u.name, u.denied, u.sealed_key, u.sealed_id FROM users u WHERE u.denied <> 0",
    [TDL_READ_CONSENT_SAID_OF] =
        "SELECT u.name, u.denied, u.sealed_key, u.sealed_id FROM users u WHERE u.id IN (SELECT id "
        "FROM users WHERE id "
        "= " PERSON "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")",
    [TDL_READ_CONSENT_NEW] = "SELECT u.name, c.id, u.sealed_key, u.sealed_id FROM consents c JOIN "
                             "users u ON u.id = c.user_id"
                             " WHERE c.id > ?1 ORDER BY c.id",
    [TDL_READ_CONSENT_NEWEST] = "SELECT coalesce(max(id), 0) FROM consents",
    [TDL_READ_SEALS] = "SELECT name, sealed_key, sealed_id, erased_us FROM users",
    [TDL_READ_COUNTS] = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM users),"
                        " (SELECT count(*) FROM items), (SELECT count(*) FROM decisions),"
                        " (SELECT count(*) FROM events WHERE decision_id IS NOT NULL)",
};

static tdl_status start(tdl_reader *reader, tdl_read_statement which, void **ret, tdl_report *why)
{
    tdl_sqlite_reader *r = (tdl_sqlite_reader *)reader;
    sqlite3_stmt **s = &r->statement[which];

    if (!*s && sqlite3_prepare_v3(r->db, read_sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL))
        return tdl_sqlite_fail(r->db, "reading the store", why);
    *ret = *s;
    return TDL_OK;
}

static void bind_text(void *s, int at, tdl_str text)
{
    sqlite3_bind_text64(s, at, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_number(void *s, int at, int64_t value)
{
    sqlite3_bind_int64(s, at, value);
}

static bool step(void *s)
{
    return sqlite3_step(s) == SQLITE_ROW;
}

static tdl_status end(tdl_reader *reader, void *s, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (sqlite3_reset(s)) // answers what the last step met
        st = tdl_sqlite_fail(((tdl_sqlite_reader *)reader)->db, "reading the store", why);
    sqlite3_clear_bindings(s);
    return st;
}

static tdl_str text(void *s, int column)
{
    const char *at = (const char *)sqlite3_column_text(s, column);
    return (tdl_str){at, at ? (size_t)sqlite3_column_bytes(s, column) : 0};
}

static tdl_str bytes(void *s, int column)
{
    const char *at = sqlite3_column_blob(s, column);
    return (tdl_str){at, at ? (size_t)sqlite3_column_bytes(s, column) : 0};
}

static int64_t number(void *s, int column)
{
    return sqlite3_column_int64(s, column);
}

static double real(void *s, int column)
{
    return sqlite3_column_double(s, column);
}

static bool is_null(void *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL;
}

/* Being inside a transaction holds the snapshot; reading once takes it. */
static tdl_status hold_snapshot(tdl_reader *reader, tdl_report *why)
{
    return tdl_sqlite_run(((tdl_sqlite_reader *)reader)->db, "BEGIN; SELECT 1 FROM events LIMIT 1",
                          "scanning events", why);
}

const tdl_rows_ops tdl_sqlite_rows = {
    .start = start,
    .bind_text = bind_text,
    .bind_number = bind_number,
    .step = step,
    .end = end,
    .text = text,
    .bytes = bytes,
    .number = number,
    .real = real,
    .is_null = is_null,
    .hold_snapshot = hold_snapshot,
};
