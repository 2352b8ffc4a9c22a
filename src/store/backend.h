/* What a storage backend is: one const table of functions, found by the scheme of the store's URL.
 *
 * A backend is two things: one writing connection, used by the writer thread alone (between
 * begin and commit or rollback), and readers, each used by one thread at a time. store.c checks
 * arguments and takes readers from the pool; writer.c groups writes. Neither knows SQL.
 */
#ifndef TDL_STORE_BACKEND_H
#define TDL_STORE_BACKEND_H

#include "store/chain.h"
#include "store/execute.h"
#include "store/people.h"
#include "store/store.h"

/* Ids of one person; more are not joined. */
enum { TDL_PERSON_IDS_MAX = 1000 };

/* In place of the number of an event that was dropped because its user is barred. */
enum { TDL_SEQ_DROPPED = -1 };

/* In place of the number of a user who has no row, because nobody's events are stored unasked. */
#define TDL_USER_UNASKED INT64_MIN

typedef struct tdl_backend tdl_backend; /* the writing connection and what all share */
typedef struct tdl_reader tdl_reader;   /* one reading connection */

/* Rows that were removed. */
typedef struct tdl_removed {
    int64_t events, rewards, decisions; /* rewards: of the events, those that carry a decision id */
} tdl_removed;

/* A decision as it is stored: texts ready to bind. */
typedef struct tdl_decision_text {
    tdl_str id, app, user, model_version, why;
    tdl_str asker; /* in a sealed store the user's id: sealed too where he is no row of `users` */
    tdl_str candidates; /* store/candidates.h */
    int64_t time_us;
    int64_t chosen_n; /* the first so many candidates are the answer */
    uint8_t context_hash[16];
} tdl_decision_text;

/* A stored event that is to be removed. */
typedef struct tdl_expired {
    int64_t seq, time_us;
    tdl_str kind, source, message_id;
    bool is_reward;
} tdl_expired;

typedef struct tdl_store_ops {
    const char *scheme;
    const char *other_scheme; /* a second name; may be NULL */

    tdl_status (*open)(const char *path, const tdl_store_options *options, tdl_backend **ret,
                       tdl_report *why);
    void (*close)(tdl_backend *backend); /* accepts NULL; readers are closed before it */
    /* The store is sealed: for the writer, and readers opened from here on. */
    void (*use_people)(tdl_backend *backend, tdl_people *people);

    /* Writing. After a failed put the caller undoes to the mark, or rolls everything back. */
    tdl_status (*begin)(tdl_backend *backend, tdl_report *why);
    tdl_status (*commit)(tdl_backend *backend, tdl_report *why); /* durable once it returns OK */
    void (*rollback)(tdl_backend *backend);
    /* A point inside the transaction to which one refused request can be undone alone. */
    tdl_status (*mark)(tdl_backend *backend, tdl_report *why);
    tdl_status (*unmark)(tdl_backend *backend, bool undo, tdl_report *why);

    /* A put of an event or a decision may be put off until the next mark or commit: what it was
     * given lives that long, and what it answers is final only then. */
    tdl_status (*put_event)(tdl_backend *backend, const tdl_event *event, int64_t *ret_seq,
                            tdl_report *why); /* *ret_seq = 0 for a duplicate, or TDL_SEQ_DROPPED */
    tdl_status (*put_decision)(tdl_backend *backend, const tdl_decision_text *decision,
                               bool *ret_new, tdl_report *why);
    tdl_status (*put_item)(tdl_backend *backend, const tdl_item *item, tdl_report *why);
    /* A version of 0 is the next one; another, with its created_us, is one that is moved here. */
    tdl_status (*put_flag)(tdl_backend *backend, const tdl_flag_row *flag, tdl_report *why);
    tdl_status (*drop_flag)(tdl_backend *backend, tdl_str key, tdl_report *why);
    tdl_status (*put_model)(tdl_backend *backend, const tdl_model_row *model, tdl_report *why);
    /* What a user was said to be at a time: a JSON object. */
    tdl_status (*put_traits)(tdl_backend *backend, tdl_str user, tdl_str traits, int64_t time_us,
                             tdl_report *why);
    /* The file of a model, from `path`, under a name; NULL where files are not kept. */
    tdl_status (*put_file)(tdl_backend *backend, tdl_str name, const char *path, tdl_report *why);
    tdl_status (*activate_model)(tdl_backend *backend, tdl_str version, tdl_report *why);
    tdl_status (*put_key)(tdl_backend *backend, const tdl_key_row *key, tdl_report *why);
    tdl_status (*revoke_key)(tdl_backend *backend, tdl_str id, int64_t now_us, tdl_report *why);
    tdl_execute_fn *execute; /* all small tables */
    /* The row of a user, made where there is none, barred or not. */
    tdl_status (*number_user)(tdl_backend *backend, tdl_str id, int64_t *ret, tdl_report *why);
    /* These events were removed in this transaction: drop what is kept of their message ids
     * besides; NULL where nothing is. */
    tdl_status (*forget_messages)(tdl_backend *backend, const tdl_expired *events, size_t events_n,
                                  tdl_report *why);
    /* Forget who may be stored, here and in all other processes: called in the transaction that
     * changed users.denied, users.erased_us, or removed users. */
    tdl_status (*forget_names)(tdl_backend *backend, tdl_report *why);
    /* From the next transaction on nobody is barred (all), or whoever is: for a store that is moved
     * here. */
    void (*let_in)(tdl_backend *backend, bool all);
    /* How far the audit log is known to be good, with what this transaction appended; the writer
     * takes it back with what it undoes. */
    tdl_chain *(*audit)(tdl_backend *backend);
    /* The totals follow what this transaction removed; NULL where nobody keeps any. */
    void (*removed)(tdl_backend *backend, const tdl_removed *rows);
    /* Let the files forget what was removed and committed, as far as that is in our power.
     * TDL_E_FULL: somebody still reads it; try again. */
    tdl_status (*clean)(tdl_backend *backend, tdl_report *why);
    bool clean_between; /* it is the writer thread's, between transactions; else anybody's */
    /* Users and items added and committed since open; on the writer thread. */
    void (*added)(tdl_backend *backend, int64_t *ret_users, int64_t *ret_items);

    int64_t (*data_version)(tdl_backend *backend); /* from any thread */

    /* Of a store that several processes may write to; NULL in others. `fn` is called, on a thread
     * of the backend's own, when another process has committed, or may have. NULL takes it off. */
    void (*watch)(tdl_backend *backend, void (*fn)(void *context), void *context);
    /* Tell the observer of up to `limit` events that other processes stored since open or the last
     * call, in order; between transactions on the writer thread. ret_n: fewer than limit, no more
     * are there. */
    tdl_status (*follow)(tdl_backend *backend, size_t limit, tdl_store_observer *observer,
                         void *context, size_t *ret_n, tdl_report *why);

    /* Reading; the same contracts as the tdl_store_* functions of the same name. */
    tdl_status (*reader_open)(tdl_backend *backend, tdl_reader **ret, tdl_report *why);
    void (*reader_close)(tdl_reader *reader); /* accepts NULL */
    tdl_status (*scan_start)(tdl_reader *reader, int64_t from_us, unsigned purposes,
                             tdl_report *why);
    tdl_status (*scan_next)(tdl_reader *reader, tdl_event *ret, int64_t *ret_seq, bool *ret_more,
                            tdl_report *why);
    tdl_status (*walk)(tdl_reader *reader, const tdl_walk *walk,
                       bool (*fn)(void *context, const tdl_step *step), void *context,
                       tdl_report *why);
    tdl_status (*kinds)(tdl_reader *reader, tdl_arena *arena, tdl_kind_row **ret, size_t *ret_n,
                        tdl_report *why);
    tdl_status (*user_events)(tdl_reader *reader, tdl_str user, size_t limit, tdl_arena *arena,
                              tdl_event **ret, size_t *ret_n, tdl_report *why);
    tdl_status (*users)(tdl_reader *reader, tdl_str prefix, size_t limit, tdl_arena *arena,
                        tdl_user_row **ret, size_t *ret_n, tdl_report *why);
    tdl_status (*person)(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_str *ret,
                         tdl_report *why);
    tdl_status (*each_alias)(tdl_reader *reader,
                             void (*fn)(void *context, tdl_str alias, tdl_str person),
                             void *context, tdl_report *why);
    tdl_status (*traits)(tdl_reader *reader, tdl_str id, tdl_buf *ret, tdl_report *why);
    tdl_status (*flags)(tdl_reader *reader, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                        tdl_report *why);
    tdl_status (*get_item)(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_item *ret,
                           tdl_report *why);
    tdl_status (*each_item)(tdl_reader *reader, void (*fn)(void *context, const tdl_item *item),
                            void *context, tdl_report *why);
    /* NULL where nobody else writes. */
    tdl_status (*changed_items)(tdl_reader *reader, int64_t *position,
                                void (*fn)(void *context, const tdl_item *item), void *context,
                                tdl_report *why);
    /* Either one decision by id, or the newest of a user (empty: of all). */
    tdl_status (*decisions)(tdl_reader *reader, tdl_str id, tdl_str user, size_t limit,
                            tdl_arena *arena, tdl_decision_row **ret, size_t *ret_n,
                            tdl_report *why);
    tdl_status (*models)(tdl_reader *reader, tdl_str app, tdl_arena *arena, tdl_model_row **ret,
                         size_t *ret_n, tdl_report *why);
    tdl_status (*keys)(tdl_reader *reader, tdl_arena *arena, tdl_key_row **ret, size_t *ret_n,
                       tdl_report *why);
    /* Rows now: events, users, items, decisions, rewards. The rest is left alone. */
    tdl_status (*count)(tdl_reader *reader, tdl_store_counts *ret, tdl_report *why);
} tdl_store_ops;

/* groups.c, for backends: what a new event says of groups. */
tdl_status tdl_put_group(tdl_execute_fn *execute, tdl_backend *backend, const tdl_event *event,
                         int64_t user, tdl_report *why);

extern const tdl_store_ops tdl_sqlite_ops;   /* sqlite.c */
extern const tdl_store_ops tdl_postgres_ops; /* postgres.c */

#endif
