#include "store/sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/sqlite_wipe.h"

/* ---- errors ---- */

/* What the system said to the last failed write to the write-ahead log. */
static int log_errno(sqlite3 *db)
{
    sqlite3_file *log = NULL;
    int number = 0;

    if (!sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) && log &&
        log->pMethods)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* To SQLite only ENOSPC is a full disk; a quota and a limit on the size of files are two more. */
static bool is_full(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);
    int number = code == SQLITE_IOERR_WRITE ? log_errno(db) : 0;

    return (code & 0xff) == SQLITE_FULL || number == EDQUOT || number == EFBIG;
}

tdl_status tdl_sqlite_fail(sqlite3 *db, const char *doing, tdl_report *why)
{
    const char *message = sqlite3_errmsg(db);

    if (is_full(db))
        return TDL_FAIL_HINT(why, TDL_E_FULL,
                             "make room, then send it again; nothing stored is lost",
                             "%s: the disk is full", doing);
    switch (sqlite3_extended_errcode(db) & 0xff) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return TDL_FAIL_HINT(why, TDL_E_IO, "let this user write to the data folder",
                             "%s: the store is read-only", doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return TDL_FAIL_HINT(why, TDL_E_FULL, "retry; another process is writing",
                             "%s: the store is busy", doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: // the schema is not what its version says
        return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore it from a backup", "%s: %s", doing,
                             message);
    case SQLITE_CONSTRAINT:
        return TDL_FAIL(why, TDL_E_CONFLICT, "%s: %s", doing, message);
    case SQLITE_TOOBIG:
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: %s", doing, message);
    case SQLITE_NOMEM:
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: out of memory", doing);
    default:
        return TDL_FAIL_HINT(why, TDL_E_IO, "look at the disk and the data folder's permissions",
                             "%s: %s", doing, message);
    }
}

tdl_status tdl_sqlite_run(sqlite3 *db, const char *sql, const char *doing, tdl_report *why)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? tdl_sqlite_fail(db, doing, why) : TDL_OK;
}

/* ---- connections ---- */

static tdl_status connect_file(const char *path, int flags, sqlite3 **ret, tdl_report *why)
{
    sqlite3 *db = NULL;
    tdl_status st = TDL_OK;

    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL)) {
        int system = db ? sqlite3_system_errno(db) : ENOMEM;
        st = TDL_FAIL_HINT(why, TDL_E_IO, "does the folder exist, and may this user use it?",
                           "%s: %s", path, system ? strerror(system) : sqlite3_errmsg(db));
        sqlite3_close(db);
        return st;
    }
    sqlite3_busy_timeout(db, TDL_SQLITE_BUSY_MS);
    sqlite3_extended_result_codes(db, 1);
    *ret = db;
    return TDL_OK;
}

/* FULL: every commit is fsynced, so what was acknowledged survives a power cut. */
static tdl_status open_writing(tdl_backend *backend, const tdl_store_options *options,
                               tdl_report *why)
{
    int create = options->must_exist ? 0 : SQLITE_OPEN_CREATE;
    sqlite3 *second;
    tdl_status st = connect_file(backend->path, SQLITE_OPEN_READWRITE | create, &backend->db, why);

    if (st)
        return st;
    if (sqlite3_db_readonly(backend->db, "main") == 1) // SQLite falls back to it silently
        return TDL_FAIL_HINT(why, TDL_E_IO, "let this user write to the data folder",
                             "%s cannot be written", backend->path);
    if ((st = tdl_sqlite_migrate(backend->db, backend->path, why)))
        return st;
    if ((st = tdl_sqlite_run(backend->db,
                             "PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;"
                             "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
                             "opening the store", why)) ||
        (st = connect_file(backend->path, SQLITE_OPEN_READWRITE, &second, why)))
        return st;
    tdl_sqlite_wipe_pages(backend->db);
    tdl_sqlite_wipe_pages(second);
    return tdl_checkpointer_start(backend->db, second, &backend->checkpointer, why);
}

/* SQLite gives these names a meaning of their own, in which connections share nothing. */
static tdl_status check_path(const char *path, tdl_report *why)
{
    if (!*path || *path == ':')
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name a file: sqlite:treadle-data/treadle.db",
                             "\"%s\" is not the path of a file", path);
    return TDL_OK;
}

static tdl_status sqlite_open(const char *path, const tdl_store_options *options, tdl_backend **ret,
                              tdl_report *why)
{
    tdl_status st;
    tdl_backend *backend = calloc(1, sizeof *backend);

    if (!backend)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
    pthread_mutex_init(&backend->watch_lock, NULL);
    if (!(backend->path = strdup(path))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
        goto out;
    }
    if ((st = check_path(path, why)) ||
        (!options->read_only && (st = open_writing(backend, options, why))) ||
        (st = connect_file(path, SQLITE_OPEN_READONLY, &backend->watch_db, why)) ||
        (st = tdl_sqlite_check_schema(backend->watch_db, path, why)))
        goto out;
    *ret = backend;
    backend = NULL; /* the caller's now */
out:
    tdl_sqlite_ops.close(backend);
    return st;
}

static void sqlite_close(tdl_backend *backend)
{
    if (!backend)
        return;
    tdl_checkpointer_stop(backend->checkpointer);
    tdl_sqlite_forget(backend);
    sqlite3_close(backend->watch_db);
    sqlite3_close(backend->db); // last, because it may tidy up the write-ahead log
    pthread_mutex_destroy(&backend->watch_lock);
    tdl_buf_release(&backend->sealed[0]);
    tdl_buf_release(&backend->sealed[1]);
    free(backend->path);
    free(backend);
}

static void sqlite_use_people(tdl_backend *backend, tdl_people *people)
{
    backend->people = people;
}

static int64_t sqlite_data_version(tdl_backend *backend)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = 0;

    pthread_mutex_lock(&backend->watch_lock);
    if (!sqlite3_prepare_v2(backend->watch_db, "PRAGMA data_version", -1, &statement, NULL) &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&backend->watch_lock);
    return version;
}

static tdl_status sqlite_reader_open(tdl_backend *backend, tdl_reader **ret, tdl_report *why)
{
    tdl_status st;
    tdl_sqlite_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a connection");
    reader->base.ops = &tdl_sqlite_rows;
    reader->base.people = backend->people;
    if ((st = connect_file(backend->path, SQLITE_OPEN_READONLY, &reader->db, why)) ||
        (st = tdl_sqlite_run(reader->db, "PRAGMA cache_size = -2048", "opening the store", why)))
        goto out;
    *ret = &reader->base;
    reader = NULL; /* the caller's now */
out:
    tdl_sqlite_ops.reader_close(reader ? &reader->base : NULL);
    return st;
}

static void sqlite_reader_close(tdl_reader *given)
{
    tdl_sqlite_reader *reader = (tdl_sqlite_reader *)given;

    if (!reader)
        return;
    for (int i = 0; i < TDL_READ_N; i++)
        sqlite3_finalize(reader->statement[i]);
    sqlite3_close(reader->db);
    tdl_reader_release(&reader->base);
    free(reader);
}

static tdl_chain *sqlite_audit(tdl_backend *b)
{
    return &b->audit;
}

const tdl_store_ops tdl_sqlite_ops = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .use_people = sqlite_use_people,
    .begin = tdl_sqlite_begin,
    .commit = tdl_sqlite_commit,
    .rollback = tdl_sqlite_rollback,
    .mark = tdl_sqlite_mark,
    .unmark = tdl_sqlite_unmark,
    .put_event = tdl_sqlite_put_event,
    .put_decision = tdl_sqlite_put_decision,
    .put_item = tdl_sqlite_put_item,
    .put_flag = tdl_sqlite_put_flag,
    .drop_flag = tdl_sqlite_drop_flag,
    .put_traits = tdl_sqlite_put_traits,
    .put_model = tdl_sqlite_put_model,
    .activate_model = tdl_sqlite_activate_model,
    .put_key = tdl_sqlite_put_key,
    .revoke_key = tdl_sqlite_revoke_key,
    .execute = tdl_sqlite_execute,
    .number_user = tdl_sqlite_number_user,
    .forget_names = tdl_sqlite_forget_names,
    .let_in = tdl_sqlite_let_in,
    .audit = sqlite_audit,
    .clean = tdl_sqlite_clean,
    .clean_between = true,
    .added = tdl_sqlite_added,
    .data_version = sqlite_data_version,
    .reader_open = sqlite_reader_open,
    .reader_close = sqlite_reader_close,
    .scan_start = tdl_read_scan_start,
    .scan_next = tdl_read_scan_next,
    .walk = tdl_read_walk,
    .kinds = tdl_read_kinds,
    .user_events = tdl_read_user_events,
    .users = tdl_read_users,
    .person = tdl_read_person,
    .each_alias = tdl_read_each_alias,
    .traits = tdl_read_traits,
    .flags = tdl_read_flags,
    .get_item = tdl_read_get_item,
    .each_item = tdl_read_each_item,
    .decisions = tdl_read_decisions,
    .models = tdl_read_models,
    .keys = tdl_read_keys,
    .count = tdl_read_count,
};
