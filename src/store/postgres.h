/* PostgreSQL backend, shared by its files: connections, statements, errors.
 *
 * postgres_link.c talks to libpq; postgres_migrate.c makes and upgrades the schema; postgres.c
 * opens and closes; postgres_write.c is the writer thread's half, whose groups go through
 * postgres_batch.c and postgres_names.c, single rows through postgres_records.c; postgres_rows.c
 * reads rows for read*.c; postgres_watch.c notices what other processes committed, and
 * postgres_follow.c reads the events among it.
 */
#ifndef TDL_STORE_POSTGRES_H
#define TDL_STORE_POSTGRES_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/backend.h"
#include "store/intern.h"
#include "store/rows.h"

/* ---- connections and statements (postgres_link.c) ---- */

enum { TDL_PG_PARAMETERS_MAX = 12 };

/* Parameters in binary form; texts are borrowed. */
typedef struct tdl_pg_parameters {
    int n;
    const char *at[TDL_PG_PARAMETERS_MAX]; /* NULL = NULL */
    int len[TDL_PG_PARAMETERS_MAX];
    uint64_t number[TDL_PG_PARAMETERS_MAX]; /* big-endian */
} tdl_pg_parameters;

void tdl_pg_bind_text(tdl_pg_parameters *p, int at, tdl_str text); /* at: from 1; also of bytes */
void tdl_pg_bind_text_or_null(tdl_pg_parameters *p, int at, tdl_str text);
void tdl_pg_bind_number(tdl_pg_parameters *p, int at, int64_t value);
void tdl_pg_bind_buf(tdl_pg_parameters *p, int at, const tdl_buf *buf);

/* Big-endian numbers, as in arrays and COPY. */
void tdl_pg_add_16(tdl_buf *out, uint16_t value);
void tdl_pg_add_32(tdl_buf *out, uint32_t value);
void tdl_pg_add_64(tdl_buf *out, uint64_t value);
/* A field: its length, then its bytes. */
void tdl_pg_add_text(tdl_buf *out, tdl_str text);
void tdl_pg_add_number(tdl_buf *out, int64_t value);
void tdl_pg_add_null(tdl_buf *out);

/* An array parameter of `n` elements, each then added as a field. */
typedef enum tdl_pg_type {
    TDL_PG_BYTES = 17,
    TDL_PG_INT8 = 20,
    TDL_PG_TEXT = 25,
    TDL_PG_UUID = 2950
} tdl_pg_type;
void tdl_pg_array(tdl_buf *out, tdl_pg_type type, size_t n);

/* Connect and set what every session of ours has. TDL_E_FULL: not reachable now. */
tdl_status tdl_pg_connect(const char *url, bool read_only, PGconn **ret, tdl_report *why);
/* Why the last statement failed, with what to do about it. `doing`: "storing an event". `result`
 * may be NULL. TDL_E_FULL: later it may work. */
tdl_status tdl_pg_fail(PGconn *conn, const PGresult *result, const char *doing, tdl_report *why);
/* Run statements whose answers do not matter. */
tdl_status tdl_pg_run(PGconn *conn, const char *sql, const char *doing, tdl_report *why);
/* Prepare on first use, then run. *prepared belongs to the connection. ret: PQclear it; NULL when
 * not wanted. */
tdl_status tdl_pg_query(PGconn *conn, bool *prepared, const char *name, const char *sql,
                        const tdl_pg_parameters *p, const char *doing, PGresult **ret,
                        tdl_report *why);

/* Values of a binary result. */
int64_t tdl_pg_get_number(const PGresult *result, int row, int column);
double tdl_pg_get_real(const PGresult *result, int row, int column);
tdl_str tdl_pg_get_text(const PGresult *result, int row, int column); /* empty for NULL */

/* ---- the schema (postgres_migrate.c) ---- */

/* Make the schema, or bring an older one up to date, one process at a time. */
tdl_status tdl_pg_migrate(PGconn *conn, bool must_exist, tdl_report *why);
/* For reading only: refuse what migrate would have to change. */
tdl_status tdl_pg_check_schema(PGconn *conn, tdl_report *why);

/* ---- the backend ---- */

typedef enum tdl_pg_write_statement {
    TDL_PG_LOCK,
    TDL_PG_GATE_MOVE,
    TDL_PG_MESSAGES,
    TDL_PG_MESSAGES_OFF,
    TDL_PG_MONTH,
    TDL_PG_USER_KEYS,
    TDL_PG_PERSONS,
    TDL_PG_CONSENTS,
    TDL_PG_DECISIONS,
    TDL_PG_ITEM,
    TDL_PG_FLAG,
    TDL_PG_FLAG_OFF,
    TDL_PG_MODEL,
    TDL_PG_MODEL_OFF,
    TDL_PG_MODEL_ON,
    TDL_PG_KEY,
    TDL_PG_REVOKE,
    TDL_PG_FILE_OFF,
    TDL_PG_FILE,
    TDL_PG_FOLLOW,
    TDL_PG_NAMES, /* one for each table of names */
    TDL_PG_WRITE_N = TDL_PG_NAMES + 4
} tdl_pg_write_statement;

enum { TDL_PG_USERS, TDL_PG_ITEMS, TDL_PG_KINDS, TDL_PG_SOURCES, TDL_PG_NAME_TABLES };

/* The one row of table `store`. Whoever has locked it is the only writer. `events` were ever
 * stored, and number the newest; `removed` of them are gone. */
typedef struct tdl_pg_totals {
    int64_t events, users, items, decisions, rewards, version, removed;
} tdl_pg_totals;

/* Numbers of events from `first` to `last`. */
typedef struct tdl_pg_range {
    int64_t first, last;
} tdl_pg_range;

typedef struct tdl_pg_event {
    const tdl_event *event;
    int64_t *ret_seq;
    bool is_new;
    int64_t user, kind, source, item, alias; /* 0 = none; negative: barred */
} tdl_pg_event;

typedef struct tdl_pg_decision {
    const tdl_decision_text *decision;
    bool *ret_new;
} tdl_pg_decision;

enum { TDL_PG_MONTHS_MAX = 64 };

typedef struct tdl_pg_watch tdl_pg_watch;

struct tdl_backend {
    char *url;
    bool read_only;
    PGconn *conn; /* the writer's; NULL while the database is out of reach */
    bool prepared[TDL_PG_WRITE_N], execute_prepared[TDL_EXECUTE_N];
    PGresult *executed;                  /* whose values are given out; may be NULL */
    tdl_chain audit;                     /* see tdl_store_ops */
    int64_t retry_at_us, retry_after_us; /* monotonic; not before, and how long the next wait is */
    tdl_people *people;                  /* NULL: the store is plain */
    tdl_intern names[TDL_PG_NAME_TABLES];
    size_t marked_names[TDL_PG_NAME_TABLES]; /* fresh names at the mark */
    tdl_pg_event *events;                    /* [events_n], put off until mark or commit */
    size_t events_n, events_cap;
    tdl_pg_decision *decisions; /* [decisions_n], the same */
    size_t decisions_n, decisions_cap;
    bool locked, dirty; /* the row of `store` is ours; something was written */
    bool tell;          /* other processes want to know */
    tdl_pg_totals now;  /* under the lock: with what this transaction added */
    tdl_pg_totals marked;
    int64_t found_events; /* their number when the lock was taken */
    bool unasked_barred;  /* analytics are withheld by default */
    bool all_in;          /* nobody is barred */
    int64_t gate;         /* store.gate under which users were remembered; -1 = look again */
    int months[TDL_PG_MONTHS_MAX]; /* [months_n] year * 12 + month, seen to */
    size_t months_n;
    int64_t told_seq;  /* events up to here are known to this process */
    tdl_pg_range *own; /* [own_n] this process's events above told_seq */
    size_t own_n, own_cap;
    tdl_pg_watch *watch;
};

typedef struct tdl_pg_statement {
    struct tdl_pg_reader *reader;
    tdl_read_statement which;
    tdl_pg_parameters p;
    PGresult *result;
    int row; /* -1 before the first */
    bool prepared, started;
    tdl_status status;
    tdl_report why;
} tdl_pg_statement;

typedef struct tdl_pg_reader {
    tdl_reader base;
    const tdl_backend *backend;
    PGconn *conn;
    bool in_snapshot;
    tdl_pg_statement statement[TDL_READ_N];
} tdl_pg_reader;

extern const tdl_rows_ops tdl_pg_rows; /* postgres_rows.c */

/* A statement of the writing connection. ret may be NULL. */
tdl_status tdl_pg_write(tdl_backend *backend, tdl_pg_write_statement which,
                        const tdl_pg_parameters *p, const char *doing, PGresult **ret,
                        tdl_report *why);
/* The same under the lock; others are told. ret_rows: how many it touched; may be NULL. */
tdl_status tdl_pg_change(tdl_backend *backend, tdl_pg_write_statement which,
                         const tdl_pg_parameters *p, const char *doing, int64_t *ret_rows,
                         tdl_report *why);
/* Of the writer, with a growing pause between attempts. TDL_E_FULL: not yet. */
tdl_status tdl_pg_reconnect(tdl_backend *backend, tdl_report *why);
/* Wait until no other process writes, and read the totals. */
tdl_status tdl_pg_lock(tdl_backend *backend, tdl_report *why);

/* Number names that are not known yet, in order of appearance. */
typedef struct tdl_pg_names {
    tdl_str *at; /* [n] */
    size_t n;
} tdl_pg_names;
tdl_status tdl_pg_number_names(tdl_backend *backend, int table, tdl_pg_names names,
                               tdl_report *why);
tdl_status tdl_pg_number_user(tdl_backend *backend, tdl_str id, int64_t *ret, tdl_report *why);
/* All names of the events that were put off. */
tdl_status tdl_pg_number_events(tdl_backend *backend, tdl_report *why);
/* BLAKE2b-128 of source and message id: what table `messages` holds. */
enum { TDL_PG_MESSAGE_BYTES = 16 };
void tdl_pg_hash_message(tdl_str source, tdl_str message_id,
                         unsigned char ret[TDL_PG_MESSAGE_BYTES]);
/* Bind arrays and run; they are released. ret may be NULL. */
tdl_status tdl_pg_write_arrays(tdl_backend *backend, tdl_pg_write_statement which,
                               tdl_pg_parameters *p, tdl_buf *array, int n, const char *doing,
                               PGresult **ret, tdl_report *why);
/* Traits and joins of the new events among those put off. */
tdl_status tdl_pg_put_persons(tdl_backend *backend, tdl_report *why);
/* Store what was put off. */
tdl_status tdl_pg_put_events(tdl_backend *backend, tdl_report *why);
tdl_status tdl_pg_put_decisions(tdl_backend *backend, tdl_report *why);

/* ---- other processes (postgres_watch.c, postgres_follow.c) ---- */

tdl_status tdl_pg_watch_start(const char *url, tdl_pg_watch **ret, tdl_report *why);
void tdl_pg_watch_stop(tdl_pg_watch *watch); /* accepts NULL */
void tdl_pg_watch_call(tdl_pg_watch *watch, void (*fn)(void *context), void *context);
int64_t tdl_pg_watch_version(tdl_pg_watch *watch);
/* This process committed something, on a connection that the server knows by `server_pid`. */
void tdl_pg_watch_own(tdl_pg_watch *watch, int server_pid);

/* This process stored these, and knows them. */
void tdl_pg_follow_own(tdl_backend *backend, int64_t first, int64_t last);
tdl_status tdl_pg_follow(tdl_backend *backend, size_t limit, tdl_store_observer *observer,
                         void *context, size_t *ret_n, tdl_report *why);

/* ---- the writer thread's half, for the ops table (postgres_write.c) ---- */

tdl_status tdl_pg_begin(tdl_backend *backend, tdl_report *why);
tdl_status tdl_pg_commit(tdl_backend *backend, tdl_report *why);
void tdl_pg_rollback(tdl_backend *backend);
tdl_status tdl_pg_mark(tdl_backend *backend, tdl_report *why);
tdl_status tdl_pg_unmark(tdl_backend *backend, bool undo, tdl_report *why);
tdl_status tdl_pg_put_event(tdl_backend *backend, const tdl_event *event, int64_t *ret_seq,
                            tdl_report *why);
tdl_status tdl_pg_put_decision(tdl_backend *backend, const tdl_decision_text *decision,
                               bool *ret_new, tdl_report *why);
tdl_status tdl_pg_put_item(tdl_backend *backend, const tdl_item *item, tdl_report *why);
tdl_status tdl_pg_put_traits(tdl_backend *backend, tdl_str user, tdl_str traits, int64_t time_us,
                             tdl_report *why);
tdl_status tdl_pg_put_flag(tdl_backend *backend, const tdl_flag_row *flag, tdl_report *why);
tdl_status tdl_pg_drop_flag(tdl_backend *backend, tdl_str key, tdl_report *why);
tdl_status tdl_pg_put_model(tdl_backend *backend, const tdl_model_row *model, tdl_report *why);
tdl_status tdl_pg_put_file(tdl_backend *backend, tdl_str name, const char *path, tdl_report *why);
tdl_status tdl_pg_activate_model(tdl_backend *backend, tdl_str version, tdl_report *why);
tdl_status tdl_pg_put_key(tdl_backend *backend, const tdl_key_row *key, tdl_report *why);
tdl_status tdl_pg_revoke_key(tdl_backend *backend, tdl_str id, int64_t now_us, tdl_report *why);
tdl_execute_fn tdl_pg_execute;
tdl_status tdl_pg_forget_messages(tdl_backend *backend, const tdl_expired *events, size_t events_n,
                                  tdl_report *why);
tdl_status tdl_pg_forget_names(tdl_backend *backend, tdl_report *why);
void tdl_pg_let_in(tdl_backend *backend, bool all);
void tdl_pg_removed(tdl_backend *backend, const tdl_removed *rows);
tdl_status tdl_pg_clean(tdl_backend *backend, tdl_report *why);
void tdl_pg_added(tdl_backend *backend, int64_t *ret_users, int64_t *ret_items);
void tdl_pg_forget(tdl_backend *backend); /* names and the connection */

#endif
