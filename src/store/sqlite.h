/* SQLite backend, shared by its files: connections, prepared statements, errors.
 *
 * sqlite.c opens and closes; sqlite_migrate.c makes and upgrades the schema; sqlite_write.c is the
 * writer thread's half, beside which sqlite_checkpoint.c works; sqlite_rows.c reads rows for
 * read*.c.
 */
#ifndef TDL_STORE_SQLITE_H
#define TDL_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/backend.h"
#include "store/intern.h"
#include "store/rows.h"
#include "store/sqlite_checkpoint.h"

/* "TDLE" as SQLite's application id: a database of another program is not touched. */
enum { TDL_SQLITE_APPLICATION_ID = 0x54444c45, TDL_SQLITE_BUSY_MS = 5000 };

/* The tables of names. Their statements follow each other in this order. */
typedef enum tdl_name_table {
    TDL_USERS,
    TDL_ITEMS,
    TDL_KINDS,
    TDL_SOURCES,
    TDL_NAME_TABLES
} tdl_name_table;

typedef enum tdl_write_statement {
    TDL_WRITE_BEGIN,
    TDL_WRITE_COMMIT,
    TDL_WRITE_GATE,
    TDL_WRITE_GATE_MOVE,
    TDL_WRITE_EVENT,
    TDL_WRITE_DECISION,
    TDL_WRITE_ITEM,
    TDL_WRITE_MODEL,
    TDL_WRITE_MODEL_OFF,
    TDL_WRITE_MODEL_ON,
    TDL_WRITE_JOIN_ROOT,
    TDL_WRITE_JOIN_SIZE,
    TDL_WRITE_JOIN,
    TDL_WRITE_JOIN_UNDONE,
    TDL_WRITE_JOIN_IDS,
    TDL_WRITE_JOIN_MOVE,
    TDL_WRITE_IDENTIFIED,
    TDL_WRITE_USER_KEY,
    TDL_WRITE_TRAITS,
    TDL_WRITE_TRAITS_ONCE,
    TDL_WRITE_FLAG,
    TDL_WRITE_FLAG_OFF,
    TDL_WRITE_KEY,
    TDL_WRITE_REVOKE,
    TDL_WRITE_NAME_FIND, /* one for each table of names */
    TDL_WRITE_NAME_ADD = TDL_WRITE_NAME_FIND + TDL_NAME_TABLES,
    TDL_WRITE_N = TDL_WRITE_NAME_ADD + TDL_NAME_TABLES
} tdl_write_statement;

struct tdl_backend {
    char *path;
    sqlite3 *db;                          /* the writer's; NULL when reading only */
    sqlite3_stmt *statement[TDL_WRITE_N]; /* prepared when first used */
    sqlite3_stmt *execute[TDL_EXECUTE_N]; /* the same */
    sqlite3_stmt *executed;               /* whose row is given out; may be NULL */
    tdl_intern names[TDL_NAME_TABLES];
    size_t marked[TDL_NAME_TABLES]; /* fresh names at the mark */
    tdl_people *people;             /* NULL: the store is plain */
    tdl_buf sealed[2];              /* what is being written */
    int64_t gate;        /* the setting under which users were remembered; -1 = look again */
    bool unasked_barred; /* analytics are withheld by default */
    bool all_in;         /* nobody is barred */
    tdl_chain audit;     /* see tdl_store_ops */
    tdl_checkpointer *checkpointer; /* NULL when reading only */
    pthread_mutex_t watch_lock;
    sqlite3 *watch_db; /* of data_version */
};

typedef struct tdl_sqlite_reader {
    tdl_reader base;
    sqlite3 *db;
    sqlite3_stmt *statement[TDL_READ_N]; /* prepared when first used */
} tdl_sqlite_reader;

extern const tdl_rows_ops tdl_sqlite_rows; /* sqlite_rows.c */

/* Why the last call on `db` failed, with what to do about it. `doing`: "storing an event". */
tdl_status tdl_sqlite_fail(sqlite3 *db, const char *doing, tdl_report *why);
/* Run statements whose answers do not matter. */
tdl_status tdl_sqlite_run(sqlite3 *db, const char *sql, const char *doing, tdl_report *why);

/* Make the schema, or bring an older one up to date. */
tdl_status tdl_sqlite_migrate(sqlite3 *db, const char *path, tdl_report *why);
/* For reading only: refuse what migrate would have to change. */
tdl_status tdl_sqlite_check_schema(sqlite3 *db, const char *path, tdl_report *why);

/* ---- the writer thread's half, for the ops table ---- */

tdl_status tdl_sqlite_begin(tdl_backend *backend, tdl_report *why);
tdl_status tdl_sqlite_commit(tdl_backend *backend, tdl_report *why);
void tdl_sqlite_rollback(tdl_backend *backend);
tdl_status tdl_sqlite_mark(tdl_backend *backend, tdl_report *why);
tdl_status tdl_sqlite_unmark(tdl_backend *backend, bool undo, tdl_report *why);
tdl_status tdl_sqlite_put_event(tdl_backend *backend, const tdl_event *event, int64_t *ret_seq,
                                tdl_report *why);
tdl_status tdl_sqlite_put_decision(tdl_backend *backend, const tdl_decision_text *decision,
                                   bool *ret_new, tdl_report *why);
/* Joins and traits that a new event brings; user, alias: rows of `users`. With an alias of 0, or of
 * somebody barred, nobody is joined. */
tdl_status tdl_sqlite_put_person(tdl_backend *backend, const tdl_event *event, int64_t seq,
                                 int64_t user, int64_t alias, tdl_report *why);
tdl_status tdl_sqlite_put_traits(tdl_backend *backend, tdl_str user, tdl_str traits,
                                 int64_t time_us, tdl_report *why);
tdl_status tdl_sqlite_put_flag(tdl_backend *backend, const tdl_flag_row *flag, tdl_report *why);
tdl_status tdl_sqlite_drop_flag(tdl_backend *backend, tdl_str key, tdl_report *why);
tdl_status tdl_sqlite_put_item(tdl_backend *backend, const tdl_item *item, tdl_report *why);
tdl_status tdl_sqlite_put_model(tdl_backend *backend, const tdl_model_row *model, tdl_report *why);
tdl_status tdl_sqlite_activate_model(tdl_backend *backend, tdl_str version, tdl_report *why);
tdl_status tdl_sqlite_put_key(tdl_backend *backend, const tdl_key_row *key, tdl_report *why);
tdl_status tdl_sqlite_revoke_key(tdl_backend *backend, tdl_str id, int64_t now_us, tdl_report *why);
tdl_execute_fn tdl_sqlite_execute;
tdl_status tdl_sqlite_clean(tdl_backend *backend, tdl_report *why);
tdl_status tdl_sqlite_forget_names(tdl_backend *backend, tdl_report *why);
void tdl_sqlite_let_in(tdl_backend *backend, bool all);
void tdl_sqlite_added(tdl_backend *backend, int64_t *ret_users, int64_t *ret_items);
void tdl_sqlite_forget(tdl_backend *backend); /* statements and names */

/* ---- for the files of the writer's half ---- */

/* A statement of `which`, ready to bind. */
tdl_status tdl_sqlite_prepare(tdl_backend *backend, tdl_write_statement which, sqlite3_stmt **ret,
                              tdl_report *why);
/* The row of a name, made when there is none; negative of a user who is barred. */
tdl_status tdl_sqlite_intern(tdl_backend *backend, tdl_name_table table, tdl_str text, int64_t *ret,
                             tdl_report *why);
/* The same, 0 when there is none; nothing is remembered. */
tdl_status tdl_sqlite_find_name(tdl_backend *backend, tdl_name_table table, tdl_str text,
                                int64_t *ret, tdl_report *why);
tdl_status tdl_sqlite_number_user(tdl_backend *backend, tdl_str id, int64_t *ret, tdl_report *why);
/* Nothing is copied: step before `text` dies. */
void tdl_sqlite_bind_text(sqlite3_stmt *statement, int at, tdl_str text);
void tdl_sqlite_bind_bytes(sqlite3_stmt *statement, int at, tdl_str bytes); /* empty: NULL */
/* Run a statement that gives no row. */
tdl_status tdl_sqlite_step(tdl_backend *backend, sqlite3_stmt *statement, const char *doing,
                           tdl_report *why);

#endif
