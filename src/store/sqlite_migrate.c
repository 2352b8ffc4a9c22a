/* The schema, as a list of steps. A step is never changed once released; new ones are added. */
#include "store/sqlite.h"

#include <stdio.h>
#include <time.h>

/* Names are stored once and numbered; events and decisions refer to them by number. */
static const char step_1[] =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "                   title TEXT, attributes TEXT);"
    "CREATE TABLE kinds(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE sources(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE events("
    "  seq INTEGER PRIMARY KEY," // arrival order, from 1
    "  time_us INTEGER NOT NULL,"
    "  user INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  item INTEGER,"
    "  value REAL,"
    "  properties TEXT,"
    "  source INTEGER NOT NULL,"
    "  message_id TEXT NOT NULL,"
    "  decision_id TEXT,"
    "  UNIQUE(source, message_id));"
    "CREATE INDEX events_by_time ON events(time_us);"
    "CREATE INDEX events_by_user ON events(user, time_us);"
    "CREATE INDEX events_by_decision ON events(decision_id) WHERE decision_id IS NOT NULL;"
    "CREATE TABLE decisions("
    "  seq INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  time_us INTEGER NOT NULL,"
    "  app TEXT NOT NULL,"
    "  user TEXT NOT NULL,"        // not interned: asking about a stranger stores no user
    "  candidates TEXT NOT NULL,"  // [["item", score, propensity], ...]
    "  chosen_n INTEGER NOT NULL," // the first so many candidates are the answer
    "  model_version TEXT NOT NULL,"
    "  why TEXT NOT NULL,"
    "  context_hash BLOB NOT NULL);"
    "CREATE INDEX decisions_by_user ON decisions(user);"
    "CREATE TABLE models("
    "  version TEXT PRIMARY KEY,"
    "  app TEXT NOT NULL,"
    "  path TEXT NOT NULL,"
    "  report TEXT NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  hash TEXT NOT NULL,"
    "  active INTEGER NOT NULL);"
    "CREATE TABLE keys("
    "  id TEXT PRIMARY KEY,"
    "  grants INTEGER NOT NULL,"
    "  label TEXT NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  revoked_us INTEGER NOT NULL,"
    "  hash BLOB NOT NULL);";

/* An index on the user alone would touch another page with every decision. By stretches of 4,096
 * decisions, what is written at a time lies together: sqlite_decisions.c walks the stretches. */
static const char step_2[] = "DROP INDEX decisions_by_user;"
                             "CREATE INDEX decisions_by_user ON decisions(seq >> 12, user);";

/* Persons: ids that were found to be one. users.person is the id that stands for all, NULL where
 * that is the row itself. joins says what was joined when, so that it can be undone. */
static const char step_3[] =
    "ALTER TABLE users ADD COLUMN person INTEGER;"
    "ALTER TABLE users ADD COLUMN identified INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX users_by_person ON users(person) WHERE person IS NOT NULL;"
    "CREATE TABLE joins("
    "  id INTEGER PRIMARY KEY,"
    "  event INTEGER NOT NULL,"  // events.seq that asked for it
    "  kept INTEGER NOT NULL,"   // users.id that stands for all
    "  joined INTEGER NOT NULL," // users.id that stood for the others until then
    "  undone_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE joined_ids(join_id INTEGER NOT NULL, user INTEGER NOT NULL,"
    "  PRIMARY KEY(join_id, user)) WITHOUT ROWID;"
    "CREATE TABLE traits("
    "  user INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL," // JSON
    "  time_us INTEGER NOT NULL,"
    "  PRIMARY KEY(user, name)) WITHOUT ROWID;"
    "CREATE TABLE flags("
    "  key TEXT PRIMARY KEY,"
    "  family TEXT NOT NULL,"     // whose rules and hash: posthog, growthbook
    "  definition TEXT NOT NULL," // JSON, in that family's own form
    "  version INTEGER NOT NULL," // from 1, one more with each change
    "  created_us INTEGER NOT NULL,"
    "  updated_us INTEGER NOT NULL);";

/* Privacy, and what is said about many events.
 *
 * In a sealed store (store/vault.h) users.name and decisions.user are pseudonyms, and a user's own
 * id and key lie encrypted beside the pseudonym, nowhere else. */
static const char step_4[] =
    "ALTER TABLE users ADD COLUMN sealed_key BLOB;"
    "ALTER TABLE users ADD COLUMN sealed_id BLOB;"
    "ALTER TABLE users ADD COLUMN denied INTEGER NOT NULL DEFAULT 0;"    // see consents
    "ALTER TABLE users ADD COLUMN erased_us INTEGER NOT NULL DEFAULT 0;" // late events are dropped
    "ALTER TABLE users ADD COLUMN no_person INTEGER NOT NULL DEFAULT 0;" // a group's own name
    "CREATE INDEX users_no_person ON users(id) WHERE no_person;"
    // The ids that the event itself names. Joins that stand are then a forest over ids: without one
    // of them its person falls into two.
    "ALTER TABLE joins ADD COLUMN own INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE joins ADD COLUMN alias INTEGER NOT NULL DEFAULT 0;"
    "UPDATE joins SET own = kept, alias = joined;"
    "CREATE INDEX joins_undone ON joins(undone_us) WHERE undone_us > 0;"
    "CREATE INDEX joins_by_own ON joins(own);"
    "CREATE INDEX joins_by_alias ON joins(alias);"
    "CREATE INDEX joins_by_event ON joins(event);"
    "CREATE INDEX joined_ids_by_user ON joined_ids(user, join_id);"
    "CREATE INDEX users_by_erased ON users(erased_us) WHERE erased_us <> 0;"
    "ALTER TABLE decisions ADD COLUMN sealed_user BLOB;" // of who is no user, and has no key
    "ALTER TABLE models ADD COLUMN stale_us INTEGER NOT NULL DEFAULT 0;" // saw somebody erased
                                                                         // since
    "CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit("        // a chain: store/audit.h
    "  seq INTEGER PRIMARY KEY," // from 1, without gaps
    "  record TEXT NOT NULL,"
    "  hash BLOB NOT NULL);"
    // Never changed: the newest word of a person on a purpose holds. What that comes to is in
    // users.denied of each of his ids: bits of purposes denied, and 8 higher of those granted.
    "CREATE TABLE consents("
    "  id INTEGER PRIMARY KEY,"
    "  user_id INTEGER NOT NULL,"
    "  purpose TEXT NOT NULL,"
    "  granted INTEGER NOT NULL,"
    "  time_us INTEGER NOT NULL,"
    "  source TEXT NOT NULL);"
    "CREATE INDEX consents_by_user ON consents(user_id);"
    "CREATE INDEX users_by_denied ON users(denied) WHERE denied <> 0;"
    "CREATE TABLE retention(kind TEXT PRIMARY KEY, days INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE erasures("
    "  n INTEGER PRIMARY KEY," // in order of their commits
    "  id TEXT NOT NULL UNIQUE,"
    "  subject TEXT NOT NULL," // erase.h
    "  state TEXT NOT NULL,"   // 'removed': rows are gone; 'done': from the log too
    "  receipt TEXT NOT NULL," // JSON, signed
    "  created_us INTEGER NOT NULL,"
    "  done_us INTEGER NOT NULL);"
    "CREATE TABLE reports(" // saved questions
    "  id TEXT PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  query TEXT NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  updated_us INTEGER NOT NULL);"
    "CREATE TABLE rejects(" // events of good requests that could not be taken
    "  id INTEGER PRIMARY KEY,"
    "  received_us INTEGER NOT NULL,"
    "  source TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  raw BLOB NOT NULL);"
    "CREATE TABLE groups(" // companies, teams: what persons belong to
    "  id INTEGER PRIMARY KEY,"
    "  type TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  UNIQUE(type, name));"
    "CREATE TABLE group_traits("
    "  group_id INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL," // JSON
    "  time_us INTEGER NOT NULL,"
    "  PRIMARY KEY(group_id, name)) WITHOUT ROWID;";

static const char *const steps[] = {step_1, step_2, step_3, step_4};
enum { NEWEST = sizeof steps / sizeof steps[0] };

static tdl_status read_number(sqlite3 *db, const char *sql, int64_t *ret, tdl_report *why)
{
    sqlite3_stmt *statement = NULL;
    tdl_status st = TDL_OK;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) || sqlite3_step(statement) != SQLITE_ROW)
        st = tdl_sqlite_fail(db, "reading the store", why);
    else
        *ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return st;
}

/* All three in one snapshot: another process may be making the schema. A savepoint, because it also
 * works inside a transaction. */
static tdl_status read_header(sqlite3 *db, int64_t *ret_application, int64_t *ret_tables,
                              int64_t *ret_version, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_sqlite_run(db, "SAVEPOINT header", "reading the store", why)))
        return st;
    if ((st = read_number(db, "PRAGMA application_id", ret_application, why)) ||
        (st = read_number(db, "SELECT count(*) FROM sqlite_schema", ret_tables, why)))
        goto out;
    st = read_number(db, "PRAGMA user_version", ret_version, why);
out:
    sqlite3_exec(db, "RELEASE header", NULL, NULL, NULL);
    return st;
}

static tdl_status read_version(sqlite3 *db, const char *path, int64_t *ret, tdl_report *why)
{
    int64_t application = 0, tables = 0;
    tdl_status st = read_header(db, &application, &tables, ret, why);

    if (st) {
        tdl_report_prefix(why, "%s", path);
        return st;
    }
    if (application != TDL_SQLITE_APPLICATION_ID && (application || tables || *ret))
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "choose another data folder",
                             "%s is the database of another program", path);
    if (*ret < 0 || (tables && !*ret))
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore it from a backup",
                             "%s: schema version %lld makes no sense", path, (long long)*ret);
    if (*ret > NEWEST)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "use that version, or a newer one",
                             "%s was written by a newer Treadle (schema %lld, this one knows %d)",
                             path, (long long)*ret, NEWEST);
    return TDL_OK;
}

tdl_status tdl_sqlite_check_schema(sqlite3 *db, const char *path, tdl_report *why)
{
    int64_t version = 0;
    tdl_status st = read_version(db, path, &version, why);

    if (st || version == NEWEST)
        return st;
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "open it once with `treadle serve`",
                         "%s has an older schema (%lld, this one needs %d)", path,
                         (long long)version, NEWEST);
}

static tdl_status apply_step(sqlite3 *db, int64_t version, tdl_report *why)
{
    char mark[96];
    tdl_status st;

    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
             TDL_SQLITE_APPLICATION_ID, (long long)version + 1);
    if ((st = tdl_sqlite_run(db, steps[version], "making the schema", why)) ||
        (st = tdl_sqlite_run(db, mark, "making the schema", why)))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

/* WAL: readers never wait for the writer. It is a property of the file and stays. Changing it does
 * not wait for others by itself, and two processes may make the store at the same time. */
static tdl_status use_wal(sqlite3 *db, const char *path, tdl_report *why)
{
    static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    tdl_status st = TDL_OK;

    for (int left = TDL_SQLITE_BUSY_MS / 20; !code && left; left--) {
        code = sqlite3_step(s);
        if ((code & 0xff) != SQLITE_BUSY)
            break;
        sqlite3_reset(s);
        code = SQLITE_OK;
        nanosleep(&pause, NULL);
    }
    if (code != SQLITE_ROW)
        st = tdl_sqlite_fail(db, "opening the store", why);
    else if (sqlite3_stricmp((const char *)sqlite3_column_text(s, 0), "wal") != 0)
        st = TDL_FAIL_HINT(why, TDL_E_IO, "put the data folder on a local disk",
                           "%s: this file system cannot hold a write-ahead log", path);
    sqlite3_finalize(s);
    return st;
}

tdl_status tdl_sqlite_migrate(sqlite3 *db, const char *path, tdl_report *why)
{
    int64_t version = 0;
    tdl_status st = read_version(db, path, &version, why);

    if (!st)
        st = use_wal(db, path, why);
    while (!st && version < NEWEST) {
        // Read again inside the transaction: another process may have been faster.
        if ((st = tdl_sqlite_run(db, "BEGIN IMMEDIATE", "opening the store", why)))
            break;
        if ((st = read_version(db, path, &version, why)) || version == NEWEST) {
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            break;
        }
        if (!(st = apply_step(db, version, why)))
            version++;
    }
    return st;
}
