#include "store/sqlite_rows.h"

#include <string.h>

#define EVENT_COLUMNS                                                                              \
    "e.time_us, coalesce(p.name, u.name), k.name, i.name, e.value, e.properties, s.name, "         \
    "e.message_id,"                                                                                \
    " e.decision_id, e.seq"
/* CROSS: events are walked in the order asked for, and names are looked up one by one. */
#define EVENT_TABLES                                                                               \
    " FROM events e CROSS JOIN users u ON u.id = e.user CROSS JOIN kinds k ON k.id = e.kind"       \
    " CROSS JOIN sources s ON s.id = e.source LEFT JOIN items i ON i.id = e.item"                  \
    " LEFT JOIN users p ON p.id = u.person"
/* Whoever stands for the user called ?1. */
#define PERSON "(SELECT coalesce(person, id) FROM users WHERE name = ?1)"
#define DECISION_COLUMNS                                                                           \
    "id, time_us, app, user, candidates, chosen_n, model_version, why, context_hash"

static const char *const read_sql[TDL_READ_N] = {
    [TDL_READ_SCAN] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.time_us >= ?1 ORDER BY e.time_us, e.seq",
    [TDL_READ_REWARDS] =
        "SELECT " EVENT_COLUMNS EVENT_TABLES " WHERE e.decision_id = ?1 ORDER BY e.time_us, e.seq",
    [TDL_READ_WALK] = "SELECT time_us, seq, user, kind, value FROM events"
                      " WHERE time_us >= ?1 AND time_us < ?2 ORDER BY time_us, seq",
    [TDL_READ_WALK_PROPERTIES] = "SELECT time_us, seq, user, kind, value, properties FROM events"
                                 " WHERE time_us >= ?1 AND time_us < ?2 ORDER BY time_us, seq",
    [TDL_READ_ALIAS_NUMBERS] = "SELECT id, person FROM users WHERE person IS NOT NULL ORDER BY id",
    [TDL_READ_KINDS] = "SELECT id, name FROM kinds ORDER BY id",
    [TDL_READ_PERSON] = "SELECT name FROM users WHERE id = " PERSON,
    [TDL_READ_PERSON_EVENTS] = "SELECT " EVENT_COLUMNS EVENT_TABLES
                               " WHERE e.user IN (SELECT id FROM users WHERE id = " PERSON
                               "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
                               " ORDER BY e.time_us DESC, e.seq DESC LIMIT ?2",
    [TDL_READ_ALIASES] = "SELECT u.name, p.name FROM users u JOIN users p ON p.id = u.person"
                         " WHERE u.person IS NOT NULL",
    // Of the words that a person's ids have on one trait, the newest.
    [TDL_READ_TRAITS] = "SELECT name, value, max(time_us) FROM traits"
                        " WHERE user IN (SELECT id FROM users WHERE id = " PERSON
                        "   UNION ALL SELECT id FROM users WHERE person = " PERSON ")"
                        " GROUP BY name ORDER BY name",
    [TDL_READ_FLAGS] = "SELECT rowid, key, family, definition, version, created_us, updated_us"
                       " FROM flags ORDER BY rowid",
    // One seek per id finds the newest event; only persons that are listed have theirs counted.
    [TDL_READ_USERS] =
        "SELECT name, (SELECT count(*) FROM events WHERE user = l.id)"
        "   + (SELECT count(*) FROM users a JOIN events e ON e.user = a.id WHERE a.person = l.id),"
        " last FROM (SELECT u.id, u.name, max("
        "   coalesce((SELECT max(time_us) FROM events WHERE user = u.id), -1),"
        "   coalesce((SELECT max((SELECT max(time_us) FROM events WHERE user = a.id))"
        "     FROM users a WHERE a.person = u.id), -1)) AS last FROM users u"
        "   WHERE u.name >= ?1 AND substr(u.name, 1, ?2) = ?1 AND u.person IS NULL"
        "   ORDER BY last DESC, u.id LIMIT ?3) l" // without events: last
        " WHERE last >= 0 ORDER BY last DESC, id",
    [TDL_READ_ITEM] = "SELECT name, title, attributes FROM items WHERE name = ?1",
    [TDL_READ_TITLE] = "SELECT title FROM items WHERE name = ?1",
    [TDL_READ_ITEMS] = "SELECT name, title, attributes FROM items ORDER BY id",
    [TDL_READ_DECISION] = "SELECT " DECISION_COLUMNS " FROM decisions WHERE id = ?1 LIMIT ?2",
    [TDL_READ_STRETCH] = "SELECT max(seq) >> 12 FROM decisions",
    [TDL_READ_USER_DECISIONS] = "SELECT " DECISION_COLUMNS " FROM decisions"
                                " WHERE seq >> 12 = ?3 AND user = ?1 ORDER BY seq DESC LIMIT ?2",
    [TDL_READ_DECISIONS] = "SELECT " DECISION_COLUMNS " FROM decisions ORDER BY seq DESC LIMIT ?2",
    [TDL_READ_MODELS] = "SELECT version, app, path, report, created_us, bytes, hash, active"
                        " FROM models WHERE ?1 = '' OR app = ?1"
                        " ORDER BY created_us DESC, rowid DESC",
    [TDL_READ_KEYS] = "SELECT id, grants, label, created_us, revoked_us, hash FROM keys"
                      " ORDER BY created_us, rowid",
    [TDL_READ_COUNTS] = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM users),"
                        " (SELECT count(*) FROM items), (SELECT count(*) FROM decisions),"
                        " (SELECT count(*) FROM events WHERE decision_id IS NOT NULL)",
};

tdl_status tdl_rows_start(tdl_rows *r, tdl_read_statement which, tdl_report *why)
{
    sqlite3_stmt **s = &r->reader->statement[which];

    if (!*s &&
        sqlite3_prepare_v3(r->reader->db, read_sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL))
        return tdl_sqlite_fail(r->reader->db, "reading the store", why);
    r->s = *s;
    return TDL_OK;
}

void tdl_rows_bind_text(tdl_rows *r, int at, tdl_str text)
{
    sqlite3_bind_text64(r->s, at, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void tdl_rows_bind_number(tdl_rows *r, int at, int64_t value)
{
    sqlite3_bind_int64(r->s, at, value);
}

void tdl_rows_bind_limit(tdl_rows *r, int at, size_t limit)
{
    sqlite3_bind_int64(r->s, at, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
}

static bool grow(tdl_rows *r)
{
    size_t cap = r->cap ? 2 * r->cap : 16;
    void *grown = tdl_arena_alloc(r->arena, cap, r->size);

    if (!grown)
        return false;
    if (r->n)
        memcpy(grown, r->at, r->n * r->size);
    r->at = grown;
    r->cap = cap;
    return true;
}

void *tdl_rows_next(tdl_rows *r)
{
    if (r->no_memory || sqlite3_step(r->s) != SQLITE_ROW)
        return NULL;
    if (!r->size)
        return r;
    if (r->n == r->cap && !grow(r)) {
        r->no_memory = true;
        return NULL;
    }
    return memset((char *)r->at + r->size * r->n++, 0, r->size);
}

tdl_status tdl_rows_end(tdl_rows *r, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (sqlite3_reset(r->s)) // answers what the last step met
        st = tdl_sqlite_fail(r->reader->db, "reading the store", why);
    else if (r->no_memory)
        st = TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "ask for fewer rows",
                           "the answer does not fit into memory");
    sqlite3_clear_bindings(r->s);
    return st;
}

tdl_str tdl_rows_text(const tdl_rows *r, int column)
{
    const char *text = (const char *)sqlite3_column_text(r->s, column);
    return (tdl_str){text, text ? (size_t)sqlite3_column_bytes(r->s, column) : 0};
}

int64_t tdl_rows_number(const tdl_rows *r, int column)
{
    return sqlite3_column_int64(r->s, column);
}

tdl_str tdl_rows_keep(tdl_rows *r, int column)
{
    return tdl_rows_keep_text(r, tdl_rows_text(r, column));
}

tdl_str tdl_rows_keep_text(tdl_rows *r, tdl_str text)
{
    tdl_str copy = {0};

    if (text.len) {
        copy = tdl_arena_str(r->arena, text);
        r->no_memory |= !copy.at;
    }
    return copy;
}
