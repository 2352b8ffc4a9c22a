/* The writer thread's half of the SQLite backend. */

#include "base/str.h"
#include "store/sqlite.h"

enum { CLEAN_BUSY_MS = 100 };

/* A value as it was written. SQLite does not find a key that has a quote in it by its path. */
#define TRAIT_VALUE                                                                                \
    "coalesce(?2 -> fullkey, CASE WHEN type IN ('object', 'array') THEN value"                     \
    " WHEN type IN ('true', 'false', 'null') THEN type ELSE json_quote(value) END)"

static const char *const write_sql[TDL_WRITE_N] = {
    [TDL_WRITE_BEGIN] = "BEGIN IMMEDIATE",
    [TDL_WRITE_COMMIT] = "COMMIT",
    [TDL_WRITE_GATE] = "SELECT coalesce((SELECT value FROM settings WHERE name = 'gate'), 0),"
                       " coalesce((SELECT value FROM settings WHERE name = 'consent.default'), 0)",
    [TDL_WRITE_GATE_MOVE] = "INSERT INTO settings VALUES('gate', 1)"
                            " ON CONFLICT(name) DO UPDATE SET value = value + 1",
    [TDL_WRITE_EVENT] = "INSERT INTO events(time_us, user, kind, item, value, properties, source,"
                        " message_id, decision_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                        " ON CONFLICT(source, message_id) DO NOTHING",
    [TDL_WRITE_DECISION] = "INSERT INTO decisions(id, time_us, app, user, candidates, chosen_n,"
                           " model_version, why, context_hash, sealed_user)"
                           " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                           " ON CONFLICT(id) DO NOTHING",
    [TDL_WRITE_ITEM] = "UPDATE items SET title = ?2, attributes = ?3 WHERE id = ?1",
    [TDL_WRITE_MODEL] = "INSERT INTO models(version, app, path, report, created_us, bytes, hash,"
                        " active, stale_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, max(?9,"
                        " (SELECT coalesce(min(created_us), 0) FROM erasures"
                        " WHERE ?10 > 0 AND created_us >= ?10)))"
                        " ON CONFLICT(version) DO NOTHING",
    [TDL_WRITE_MODEL_OFF] = "UPDATE models SET active = 0 WHERE active AND app = ?1",
    [TDL_WRITE_MODEL_ON] = "UPDATE models SET active = (version = ?1)"
                           " WHERE app = (SELECT app FROM models WHERE version = ?1)",
    [TDL_WRITE_JOIN_ROOT] = "SELECT r.id, r.identified FROM users u"
                            " JOIN users r ON r.id = coalesce(u.person, u.id) WHERE u.id = ?1",
    [TDL_WRITE_JOIN_SIZE] = "SELECT 2 + count(*) FROM users WHERE person = ?1 OR person = ?2",
    [TDL_WRITE_JOIN] = "INSERT INTO joins(event, kept, joined, own, alias)"
                       " VALUES(?1, ?2, ?3, ?4, ?5)",
    // Are the two persons ones that somebody parted, and that no alias since has joined?
    [TDL_WRITE_JOIN_UNDONE] =
        "SELECT count(*) FROM joins j JOIN users a ON a.id = j.own JOIN users b ON b.id = j.alias"
        " WHERE j.undone_us > 0 AND j.undone_us >= ?3"
        " AND (coalesce(a.person, a.id), coalesce(b.person, b.id)) IN (VALUES (?1, ?2), (?2, ?1))",
    [TDL_WRITE_JOIN_IDS] = "INSERT INTO joined_ids(join_id, user)"
                           " SELECT ?1, id FROM users WHERE id = ?2 OR person = ?2",
    [TDL_WRITE_JOIN_MOVE] = "UPDATE users SET person = ?1 WHERE id = ?2 OR person = ?2",
    [TDL_WRITE_IDENTIFIED] = "UPDATE users SET identified = 1 WHERE id = ?1 AND NOT identified",
    [TDL_WRITE_USER_KEY] = "SELECT sealed_key FROM users WHERE id = ?1",
    // The newest word on a trait holds; of equally new ones the later to arrive.
    [TDL_WRITE_TRAITS] = "INSERT INTO traits(user, name, value, time_us)"
                         " SELECT ?1, key, " TRAIT_VALUE ", ?3 FROM json_each(?2) WHERE true"
                         " ON CONFLICT(user, name) DO UPDATE SET value = excluded.value,"
                         " time_us = excluded.time_us WHERE excluded.time_us >= time_us",
    [TDL_WRITE_TRAITS_ONCE] = "INSERT INTO traits(user, name, value, time_us)"
                              " SELECT ?1, key, " TRAIT_VALUE ", ?3 FROM json_each(?2) WHERE true"
                              " ON CONFLICT(user, name) DO NOTHING",
    [TDL_WRITE_FLAG] = "INSERT INTO flags(key, family, definition, version, created_us, updated_us)"
                       " VALUES(?1, ?2, ?3, coalesce(?5, 1), coalesce(?6, ?4), ?4)"
                       " ON CONFLICT(key) DO UPDATE SET family = ?2, definition = ?3,"
                       " version = coalesce(?5, version + 1), updated_us = ?4",
    [TDL_WRITE_FLAG_OFF] = "DELETE FROM flags WHERE key = ?1",
    [TDL_WRITE_KEY] = "INSERT INTO keys(id, grants, label, created_us, revoked_us, hash)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [TDL_WRITE_REVOKE] = "UPDATE keys SET revoked_us = ?2 WHERE id = ?1 AND revoked_us = 0",
    [TDL_WRITE_NAME_FIND + TDL_USERS] =
        "SELECT CASE WHEN u.erased_us OR u.denied & 1 OR p.erased_us OR p.denied & 1"
        " OR (?2 AND NOT u.denied >> 8 & 1) THEN -u.id"
        " ELSE u.id END FROM users u LEFT JOIN users p ON p.id = u.person"
        " WHERE u.name IN (?1, ?3)", // ?3: the name of the same one erased
    [TDL_WRITE_NAME_FIND + TDL_ITEMS] = "SELECT id FROM items WHERE name = ?1",
    [TDL_WRITE_NAME_FIND + TDL_KINDS] = "SELECT id FROM kinds WHERE name = ?1",
    [TDL_WRITE_NAME_FIND + TDL_SOURCES] = "SELECT id FROM sources WHERE name = ?1",
    [TDL_WRITE_NAME_ADD + TDL_USERS] = "INSERT INTO users(name, sealed_key, sealed_id)"
                                       " VALUES(?1, ?2, ?3)",
    [TDL_WRITE_NAME_ADD + TDL_ITEMS] = "INSERT INTO items(name) VALUES(?1)",
    [TDL_WRITE_NAME_ADD + TDL_KINDS] = "INSERT INTO kinds(name) VALUES(?1)",
    [TDL_WRITE_NAME_ADD + TDL_SOURCES] = "INSERT INTO sources(name) VALUES(?1)",
};

/* ---- statements ---- */

tdl_status tdl_sqlite_prepare(tdl_backend *b, tdl_write_statement which, sqlite3_stmt **ret,
                              tdl_report *why)
{
    sqlite3_stmt **s = &b->statement[which];

    if (!*s)
        sqlite3_prepare_v3(b->db, write_sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
    *ret = *s;
    return *s ? TDL_OK : tdl_sqlite_fail(b->db, "preparing to write", why);
}

void tdl_sqlite_bind_text(sqlite3_stmt *s, int at, tdl_str text)
{
    sqlite3_bind_text64(s, at, text.at ? text.at : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void tdl_sqlite_bind_bytes(sqlite3_stmt *s, int at, tdl_str bytes)
{
    bytes.len ? sqlite3_bind_blob64(s, at, bytes.at, bytes.len, SQLITE_STATIC)
              : sqlite3_bind_null(s, at);
}

static void bind_text_or_null(sqlite3_stmt *s, int at, tdl_str text)
{
    if (text.len)
        tdl_sqlite_bind_text(s, at, text);
    else
        sqlite3_bind_null(s, at);
}

tdl_status tdl_sqlite_step(tdl_backend *b, sqlite3_stmt *s, const char *doing, tdl_report *why)
{
    int code = sqlite3_step(s);
    tdl_status st = code == SQLITE_DONE ? TDL_OK : tdl_sqlite_fail(b->db, doing, why);

    sqlite3_reset(s);
    return st;
}

static tdl_status run(tdl_backend *b, tdl_write_statement which, const char *doing, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, which, &s, why);

    return st ? st : tdl_sqlite_step(b, s, doing, why);
}

/* ---- transactions ---- */

/* Whatever row execute gave out: no statement may be under way at a commit. */
static void end_execute(tdl_backend *b)
{
    if (b->executed)
        sqlite3_reset(b->executed);
    b->executed = NULL;
}

static void forget_users(tdl_backend *b)
{
    tdl_intern_release(&b->names[TDL_USERS]);
    tdl_people_forget(b->people);
}

/* Has somebody been barred, or let in again, since users were remembered? */
static tdl_status check_gate(tdl_backend *b, tdl_report *why)
{
    sqlite3_stmt *s;
    int64_t gate = 0;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_GATE, &s, why);

    if (st)
        return st;
    if (sqlite3_step(s) == SQLITE_ROW) {
        gate = sqlite3_column_int64(s, 0);
        b->unasked_barred = !b->all_in && sqlite3_column_int64(s, 1) & TDL_PURPOSE_ANALYTICS;
    } else
        st = tdl_sqlite_fail(b->db, "starting to write", why);
    sqlite3_reset(s);
    if (gate != b->gate)
        forget_users(b);
    b->gate = gate;
    return st;
}

tdl_status tdl_sqlite_begin(tdl_backend *b, tdl_report *why)
{
    tdl_status st = run(b, TDL_WRITE_BEGIN, "starting to write", why);

    return st ? st : check_gate(b, why);
}

tdl_status tdl_sqlite_forget_names(tdl_backend *b, tdl_report *why)
{
    forget_users(b);
    b->gate = -1;
    return run(b, TDL_WRITE_GATE_MOVE, "changing who may be stored", why);
}

void tdl_sqlite_let_in(tdl_backend *b, bool all)
{
    b->all_in = all;
    b->gate = -1;
}

/* The write-ahead log is emptied into the database file, where pages are wiped (sqlite_wipe.h), and
 * so is what this connection remembers of pages: it would write their remains once more. Nobody
 * commits meanwhile, because this is the writer's thread. */
tdl_status tdl_sqlite_clean(tdl_backend *b, tdl_report *why)
{
    sqlite3_busy_timeout(b->db, CLEAN_BUSY_MS); // whoever writes waits for it
    int code = sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    tdl_status st = code ? tdl_sqlite_fail(b->db, "emptying the write-ahead log", why) : TDL_OK;

    sqlite3_busy_timeout(b->db, TDL_SQLITE_BUSY_MS);
    sqlite3_db_release_memory(b->db);
    return st;
}

tdl_status tdl_sqlite_commit(tdl_backend *b, tdl_report *why)
{
    end_execute(b);
    tdl_status st = run(b, TDL_WRITE_COMMIT, "committing", why);

    for (int table = 0; !st && table < TDL_NAME_TABLES; table++)
        tdl_intern_commit(&b->names[table]);
    return st;
}

void tdl_sqlite_rollback(tdl_backend *b)
{
    end_execute(b);
    if (!sqlite3_get_autocommit(b->db)) // some failures have rolled back already
        sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
    for (int table = 0; table < TDL_NAME_TABLES; table++)
        tdl_intern_undo(&b->names[table], 0);
}

tdl_status tdl_sqlite_mark(tdl_backend *b, tdl_report *why)
{
    for (int table = 0; table < TDL_NAME_TABLES; table++)
        b->marked[table] = b->names[table].fresh_n;
    return tdl_sqlite_run(b->db, "SAVEPOINT request", "starting to write", why);
}

tdl_status tdl_sqlite_unmark(tdl_backend *b, bool undo, tdl_report *why)
{
    tdl_status st = TDL_OK;

    end_execute(b);
    if (undo)
        st = tdl_sqlite_run(b->db, "ROLLBACK TO request", "undoing a request", why);
    for (int table = 0; undo && table < TDL_NAME_TABLES; table++)
        tdl_intern_undo(&b->names[table], b->marked[table]);
    if (undo && b->gate < 0) // forgotten since, and perhaps found again among what is undone
        tdl_intern_release(&b->names[TDL_USERS]);
    return st ? st : tdl_sqlite_run(b->db, "RELEASE request", "ending a request", why);
}

void tdl_sqlite_forget(tdl_backend *b)
{
    for (int table = 0; table < TDL_NAME_TABLES; table++)
        tdl_intern_release(&b->names[table]);
    for (int i = 0; i < TDL_WRITE_N; i++) {
        sqlite3_finalize(b->statement[i]);
        b->statement[i] = NULL;
    }
    for (int i = 0; i < TDL_EXECUTE_N; i++) {
        sqlite3_finalize(b->execute[i]);
        b->execute[i] = NULL;
    }
    b->executed = NULL;
}

/* ---- rows ---- */

tdl_status tdl_sqlite_put_event(tdl_backend *b, const tdl_event *e, int64_t *ret_seq,
                                tdl_report *why)
{
    int64_t user, kind, source, item = 0, alias = 0;
    sqlite3_stmt *s;
    tdl_status st;

    if ((st = tdl_sqlite_intern(b, TDL_USERS, e->user, &user, why)))
        return st;
    if (user < 0) {
        *ret_seq = TDL_SEQ_DROPPED;
        return TDL_OK;
    }
    if ((st = tdl_sqlite_intern(b, TDL_KINDS, e->kind, &kind, why)) ||
        (st = tdl_sqlite_intern(b, TDL_SOURCES, e->source, &source, why)) ||
        (e->item.len && (st = tdl_sqlite_intern(b, TDL_ITEMS, e->item, &item, why))) ||
        (e->alias.len && (st = tdl_sqlite_intern(b, TDL_USERS, e->alias, &alias, why))) ||
        (st = tdl_sqlite_prepare(b, TDL_WRITE_EVENT, &s, why)))
        return st;
    sqlite3_bind_int64(s, 1, e->time_us);
    sqlite3_bind_int64(s, 2, user);
    sqlite3_bind_int64(s, 3, kind);
    item ? sqlite3_bind_int64(s, 4, item) : sqlite3_bind_null(s, 4);
    e->has_value ? sqlite3_bind_double(s, 5, e->value) : sqlite3_bind_null(s, 5);
    bind_text_or_null(s, 6, e->properties);
    sqlite3_bind_int64(s, 7, source);
    tdl_sqlite_bind_text(s, 8, e->message_id);
    bind_text_or_null(s, 9, e->decision_id);
    if ((st = tdl_sqlite_step(b, s, "storing an event", why)))
        return st;
    *ret_seq = sqlite3_changes(b->db) ? sqlite3_last_insert_rowid(b->db) : 0;
    return *ret_seq ? tdl_sqlite_put_person(b, e, *ret_seq, user, alias, why) : TDL_OK;
}

/* Who asks need not be a user. Then he has no key, and his id is sealed into the decision. */
static tdl_status seal_stranger(tdl_backend *b, const tdl_decision_text *d, tdl_report *why)
{
    int64_t user = 0;
    tdl_status st;

    tdl_buf_clear(&b->sealed[0]);
    if (!d->asker.len || tdl_intern_find(&b->names[TDL_USERS], d->asker, &user))
        return TDL_OK;
    if ((st = tdl_sqlite_find_name(b, TDL_USERS, d->asker, &user, why)))
        return st;
    if (user)
        tdl_intern_add(&b->names[TDL_USERS], d->asker, user, false);
    else
        tdl_people_seal_stranger(b->people, d->asker, d->user, &b->sealed[0]);
    return b->sealed[0].failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to log a decision")
                               : TDL_OK;
}

tdl_status tdl_sqlite_put_decision(tdl_backend *b, const tdl_decision_text *d, bool *ret_new,
                                   tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st;

    if ((st = seal_stranger(b, d, why)) ||
        (st = tdl_sqlite_prepare(b, TDL_WRITE_DECISION, &s, why)))
        return st;
    tdl_sqlite_bind_text(s, 1, d->id);
    sqlite3_bind_int64(s, 2, d->time_us);
    tdl_sqlite_bind_text(s, 3, d->app);
    tdl_sqlite_bind_text(s, 4, d->user);
    tdl_sqlite_bind_text(s, 5, d->candidates);
    sqlite3_bind_int64(s, 6, d->chosen_n);
    tdl_sqlite_bind_text(s, 7, d->model_version);
    tdl_sqlite_bind_text(s, 8, d->why);
    sqlite3_bind_blob(s, 9, d->context_hash, sizeof d->context_hash, SQLITE_STATIC);
    tdl_sqlite_bind_bytes(s, 10, tdl_buf_view(&b->sealed[0]));
    st = tdl_sqlite_step(b, s, "logging a decision", why);
    *ret_new = !st && sqlite3_changes(b->db);
    return st;
}

tdl_status tdl_sqlite_put_item(tdl_backend *b, const tdl_item *item, tdl_report *why)
{
    int64_t id;
    sqlite3_stmt *s;
    tdl_status st;

    if ((st = tdl_sqlite_intern(b, TDL_ITEMS, item->id, &id, why)) ||
        (st = tdl_sqlite_prepare(b, TDL_WRITE_ITEM, &s, why)))
        return st;
    sqlite3_bind_int64(s, 1, id);
    bind_text_or_null(s, 2, item->title);
    bind_text_or_null(s, 3, item->attributes);
    return tdl_sqlite_step(b, s, "storing an item", why);
}

tdl_status tdl_sqlite_put_model(tdl_backend *b, const tdl_model_row *m, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st;

    if (m->active) {
        if ((st = tdl_sqlite_prepare(b, TDL_WRITE_MODEL_OFF, &s, why)))
            return st;
        tdl_sqlite_bind_text(s, 1, m->app);
        if ((st = tdl_sqlite_step(b, s, "storing a model", why)))
            return st;
    }
    if ((st = tdl_sqlite_prepare(b, TDL_WRITE_MODEL, &s, why)))
        return st;
    tdl_sqlite_bind_text(s, 1, m->version);
    tdl_sqlite_bind_text(s, 2, m->app);
    tdl_sqlite_bind_text(s, 3, m->path);
    tdl_sqlite_bind_text(s, 4, m->report);
    sqlite3_bind_int64(s, 5, m->created_us);
    sqlite3_bind_int64(s, 6, m->bytes);
    sqlite3_bind_text(s, 7, m->hash, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 8, m->active);
    sqlite3_bind_int64(s, 9, m->stale_us);
    sqlite3_bind_int64(s, 10, m->read_us);
    if ((st = tdl_sqlite_step(b, s, "storing a model", why)))
        return st;
    if (!sqlite3_changes(b->db))
        return TDL_FAIL(why, TDL_E_CONFLICT, "there is a model version \"%.*s\" already",
                        TDL_FMT(m->version));
    return TDL_OK;
}

tdl_status tdl_sqlite_activate_model(tdl_backend *b, tdl_str version, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_MODEL_ON, &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, version);
    if ((st = tdl_sqlite_step(b, s, "activating a model", why)))
        return st;
    if (!sqlite3_changes(b->db))
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /v1/models lists them",
                             "there is no model version \"%.*s\"", TDL_FMT(version));
    return TDL_OK;
}

tdl_status tdl_sqlite_put_key(tdl_backend *b, const tdl_key_row *key, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_KEY, &s, why);

    if (st)
        return st;
    sqlite3_bind_text(s, 1, key->id, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, (int)key->right);
    tdl_sqlite_bind_text(s, 3, key->label);
    sqlite3_bind_int64(s, 4, key->created_us);
    sqlite3_bind_int64(s, 5, key->revoked_us);
    sqlite3_bind_blob(s, 6, key->hash, sizeof key->hash, SQLITE_STATIC);
    return tdl_sqlite_step(b, s, "storing a key", why);
}

tdl_status tdl_sqlite_revoke_key(tdl_backend *b, tdl_str id, int64_t now_us, tdl_report *why)
{
    sqlite3_stmt *s;
    tdl_status st = tdl_sqlite_prepare(b, TDL_WRITE_REVOKE, &s, why);

    if (st)
        return st;
    tdl_sqlite_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, now_us);
    if ((st = tdl_sqlite_step(b, s, "revoking a key", why)))
        return st;
    if (!sqlite3_changes(b->db))
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle key list shows the ids",
                             "there is no valid key \"%.*s\"", TDL_FMT(id));
    return TDL_OK;
}
