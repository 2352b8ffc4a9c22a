/* Reading: what is asked of a backend, and its rows into an array in an arena.
 *
 *     tdl_rows rows = {.reader = reader, .arena = arena, .size = sizeof **ret};
 *     if ((st = tdl_rows_start(&rows, TDL_READ_KEYS, why)))
 *         return st;
 *     while ((key = tdl_rows_next(&rows)))
 *         key->label = tdl_rows_keep(&rows, 2);
 *     if ((st = tdl_rows_end(&rows, why)))
 *         return st;
 *
 * A started statement must be ended: until then its connection may stay inside a snapshot.
 *
 * Every backend answers the same questions with the same columns, in SQL of its own
 * (sqlite_rows.c, postgres_rows.c), so that what is made of the rows (read*.c) is there once.
 */
#ifndef TDL_STORE_ROWS_H
#define TDL_STORE_ROWS_H

#include "store/backend.h"
#include "store/people.h"

/* Users of a sealed store among whom those are looked for whose ids start alike. */
enum { TDL_USERS_SEARCHED_MAX = 100000 };

typedef enum tdl_read_statement {
    TDL_READ_SCAN,
    TDL_READ_REWARDS,
    TDL_READ_WALK,
    TDL_READ_WALK_PROPERTIES,
    TDL_READ_ALIAS_NUMBERS,
    TDL_READ_KINDS,
    TDL_READ_PERSON,
    TDL_READ_PERSON_EVENTS,
    TDL_READ_ALIASES,
    TDL_READ_TRAITS,
    TDL_READ_FLAGS,
    TDL_READ_USERS,
    TDL_READ_ITEM,
    TDL_READ_TITLE,
    TDL_READ_ITEMS,
    TDL_READ_DECISION,
    TDL_READ_STRETCH,
    TDL_READ_USER_DECISIONS,
    TDL_READ_DECISIONS,
    TDL_READ_LOG,      /* decisions behind a number, up to a limit; 12: the number */
    TDL_READ_LOG_AT,   /* from a number on, the first: number, time */
    TDL_READ_LOG_ENDS, /* the lowest and the highest number */
    TDL_READ_MODELS,
    TDL_READ_KEYS,
    TDL_READ_COUNTS,
    TDL_READ_SETTING,
    TDL_READ_PERSON_IDS, /* id, and time, kind, source, message id of the event that joined it */
    TDL_READ_SPLITS,     /* two persons that were parted later than a time, and when */
    TDL_READ_REJECTS,    /* the newest so many */
    TDL_READ_REJECT_COUNTS,
    TDL_READ_GROUPS,       /* type, name, time of the newest word, in order */
    TDL_READ_GROUP_TRAITS, /* name, JSON, time; NULL when the group has none */
    TDL_READ_RETENTION,
    TDL_READ_EXPIRED,       /* events that are not kept, from a time on: at most so many */
    TDL_READ_EXPIRED_COUNT, /* by kind */
    TDL_READ_EXPIRED_DECISIONS,
    TDL_READ_CONSENTS,        /* of a person */
    TDL_READ_CONSENT_SAID,    /* every id with words */
    TDL_READ_CONSENT_SAID_OF, /* of a person */
    TDL_READ_CONSENT_NEW,     /* behind a number */
    TDL_READ_CONSENT_NEWEST,
    TDL_READ_AUDIT,        /* behind a number */
    TDL_READ_AUDIT_NEWEST, /* from a number on downwards */
    TDL_READ_REPORTS,      /* one by id; all when it is empty */
    /* Of a person, by one of his ids (person_data.c): */
    TDL_READ_PERSON_NAMES, /* id, and is it identified? */
    TDL_READ_PERSON_JOINS,
    TDL_READ_PERSON_TRAITS,
    TDL_READ_PERSON_HISTORY,   /* events under the id they came with, row by row */
    TDL_READ_PERSON_DECISIONS, /* of this id alone, row by row */
    TDL_READ_ERASURES,         /* of an id (empty = all), newest first, up to a limit */
    TDL_READ_NEW_ERASURES,     /* behind a number; of a state (empty = all) */
    TDL_READ_LAST_ERASURE,     /* its number */
    TDL_READ_ERASED,           /* a name, and those of the ids erased at a time */
    TDL_READ_SEALS,            /* users, as far as it says who that is */
    TDL_READ_NTH_EVENT,        /* behind so many: number, source, message id */
    /* Whole tables for store/transfer.c, row by row: */
    TDL_READ_EXPORT,           /* events behind a number, under the id they came with, an alias, and
                                  whether that id is nobody */
    TDL_READ_EXPORT_TRAITS,    /* user, name, value, time; together what was said at once */
    TDL_READ_EXPORT_DECISIONS, /* all but the first so many */
    TDL_READ_EXPORT_UNDONE,
    TDL_READ_EXPORT_GROUPS,
    TDL_READ_EXPORT_GROUP_TRAITS,
    TDL_READ_EXPORT_CONSENTS,
    TDL_READ_EXPORT_STALE,  /* models */
    TDL_READ_EXPORT_ERASED, /* users who were: name, sealed name of the erased, time */
    TDL_READ_EXPORT_ERASURES,
    TDL_READ_EXPORT_REJECTS,
    /* Only of stores that several processes share: */
    TDL_READ_FILE,
    TDL_READ_VERSION,
    TDL_READ_CHANGED_ITEMS,
    TDL_READ_N
} tdl_read_statement;

/* One backend's way to rows. Columns are numbered from 0, parameters from 1. */
typedef struct tdl_rows_ops {
    /* A statement to bind and step; one of each kind may be under way on a reader. */
    tdl_status (*start)(tdl_reader *reader, tdl_read_statement which, void **ret, tdl_report *why);
    void (*bind_text)(void *statement, int at, tdl_str text); /* borrowed until the end */
    void (*bind_number)(void *statement, int at, int64_t value);
    bool (*step)(void *statement); /* false at the end, and after a failure */
    tdl_status (*end)(tdl_reader *reader, void *statement, tdl_report *why);
    tdl_str (*text)(void *statement, int column);  /* empty for NULL; until the next step */
    tdl_str (*bytes)(void *statement, int column); /* the same of a blob */
    int64_t (*number)(void *statement, int column);
    double (*real)(void *statement, int column);
    bool (*is_null)(void *statement, int column);
    /* From here on the reader stays inside one snapshot, and TDL_READ_SCAN and TDL_READ_EXPORT*
     * come row by row. */
    tdl_status (*hold_snapshot)(tdl_reader *reader, tdl_report *why);
} tdl_rows_ops;

/* What every backend's reader begins with. */
struct tdl_reader {
    const tdl_rows_ops *ops;
    void *scan;         /* the statement of a scan under way */
    tdl_people *people; /* NULL: the store is plain */
    tdl_buf id[2];      /* read last: an event's user, and its alias */
};
void tdl_reader_release(tdl_reader *reader); /* what is in it, not itself */

typedef struct tdl_rows {
    tdl_reader *reader;
    void *s; /* the statement */
    tdl_arena *arena;
    void *at;            /* [n] of `size` bytes */
    size_t n, cap, size; /* size 0: rows are counted, not kept */
    bool no_memory;
    char name[TDL_PSEUDONYM_LEN + 1]; /* bound last by tdl_rows_bind_person */
} tdl_rows;

tdl_status tdl_rows_start(tdl_rows *rows, tdl_read_statement which, tdl_report *why);
void tdl_rows_bind_text(tdl_rows *rows, int at, tdl_str text); /* borrowed until the end */
/* The name under which the store knows a person. */
void tdl_rows_bind_person(tdl_rows *rows, int at, tdl_str id);
void tdl_rows_bind_number(tdl_rows *rows, int at, int64_t value);
void tdl_rows_bind_limit(tdl_rows *rows, int at, size_t limit);
/* The next row's place, zeroed (not NULL, and not to be used, when size is 0). NULL at the end or
 * when there is no memory. */
void *tdl_rows_next(tdl_rows *rows);
tdl_status tdl_rows_end(tdl_rows *rows, tdl_report *why);

tdl_str tdl_rows_text(const tdl_rows *rows, int column);  /* borrowed until the next row */
tdl_str tdl_rows_bytes(const tdl_rows *rows, int column); /* the same of a blob */
int64_t tdl_rows_number(const tdl_rows *rows, int column);
double tdl_rows_real(const tdl_rows *rows, int column);
bool tdl_rows_is_null(const tdl_rows *rows, int column);
/* The id of a person, whose name is in one column, and key and sealed id in another and the next;
 * borrowed until the next row. place: 0, or 1 for a second person of the row. */
tdl_str tdl_rows_person(const tdl_rows *rows, int name_column, int key_column, int place);
/* Copies in the arena. */
tdl_str tdl_rows_keep(tdl_rows *rows, int column);
tdl_str tdl_rows_keep_text(tdl_rows *rows, tdl_str text);

/* Columns 0 to 8, and the seal of the user in 10 and 11, of a row of events; borrowed until the
 * next row. */
void tdl_read_event(const tdl_rows *rows, tdl_event *ret);

/* ---- what is read, for the ops table (read*.c) ---- */

tdl_status tdl_read_scan_start(tdl_reader *reader, int64_t from_us, unsigned purposes,
                               tdl_report *why);
tdl_status tdl_read_scan_next(tdl_reader *reader, tdl_event *ret, int64_t *ret_seq, bool *ret_more,
                              tdl_report *why);
tdl_status tdl_read_walk(tdl_reader *reader, const tdl_walk *walk,
                         bool (*fn)(void *context, const tdl_step *step), void *context,
                         tdl_report *why);
tdl_status tdl_read_kinds(tdl_reader *reader, tdl_arena *arena, tdl_kind_row **ret, size_t *ret_n,
                          tdl_report *why);
tdl_status tdl_read_user_events(tdl_reader *reader, tdl_str user, size_t limit, tdl_arena *arena,
                                tdl_event **ret, size_t *ret_n, tdl_report *why);
/* Events that carry the id of a decision, oldest first. */
tdl_status tdl_read_rewards(tdl_reader *reader, tdl_str decision_id, tdl_arena *arena,
                            tdl_event **ret, size_t *ret_n, tdl_report *why);
tdl_status tdl_read_users(tdl_reader *reader, tdl_str prefix, size_t limit, tdl_arena *arena,
                          tdl_user_row **ret, size_t *ret_n, tdl_report *why);
tdl_status tdl_read_person(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_str *ret,
                           tdl_report *why);
tdl_status tdl_read_each_alias(tdl_reader *reader,
                               void (*fn)(void *context, tdl_str alias, tdl_str person),
                               void *context, tdl_report *why);
tdl_status tdl_read_traits(tdl_reader *reader, tdl_str id, tdl_buf *ret, tdl_report *why);
tdl_status tdl_read_flags(tdl_reader *reader, tdl_arena *arena, tdl_flag_row **ret, size_t *ret_n,
                          tdl_report *why);
tdl_status tdl_read_get_item(tdl_reader *reader, tdl_str id, tdl_arena *arena, tdl_item *ret,
                             tdl_report *why);
tdl_status tdl_read_each_item(tdl_reader *reader, void (*fn)(void *context, const tdl_item *item),
                              void *context, tdl_report *why);
tdl_status tdl_read_changed_items(tdl_reader *reader, int64_t *position,
                                  void (*fn)(void *context, const tdl_item *item), void *context,
                                  tdl_report *why);
tdl_status tdl_read_decisions(tdl_reader *reader, tdl_str id, tdl_str user, size_t limit,
                              tdl_arena *arena, tdl_decision_row **ret, size_t *ret_n,
                              tdl_report *why);
/* See tdl_store_log_begin, tdl_store_log_read. */
tdl_status tdl_read_log_begin(tdl_reader *reader, int64_t from_us, int64_t *ret_position,
                              tdl_report *why);
tdl_status tdl_read_log(tdl_reader *reader, int64_t *position, size_t limit, tdl_arena *arena,
                        tdl_decision_row **ret, size_t *ret_n, tdl_report *why);
/* The decision in a row, without titles, in the arena. */
tdl_status tdl_read_decision(tdl_rows *rows, tdl_decision *ret, tdl_report *why);
/* Who asked for the decision in a row, borrowed until the next row. */
tdl_str tdl_read_decision_user(const tdl_rows *rows);
tdl_status tdl_read_models(tdl_reader *reader, tdl_str app, tdl_arena *arena, tdl_model_row **ret,
                           size_t *ret_n, tdl_report *why);
tdl_status tdl_read_keys(tdl_reader *reader, tdl_arena *arena, tdl_key_row **ret, size_t *ret_n,
                         tdl_report *why);
tdl_status tdl_read_setting(tdl_reader *reader, tdl_str name, tdl_buf *ret, bool *ret_found,
                            tdl_report *why);
tdl_status tdl_read_count(tdl_reader *reader, tdl_store_counts *ret, tdl_report *why);

#endif
