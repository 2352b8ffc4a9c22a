/* Small tables: statements on the writing connection that both backends understand.
 *
 * Where the writer's hot statements are each backend's own, these are written once, in the SQL that
 * SQLite and PostgreSQL share: parameters are $1, $2 ..., numbers are bigint (say CAST($1 AS
 * bigint) where a column does not say it), upserts are ON CONFLICT. Used inside a tdl_writer_call:
 *
 *     const tdl_value in[] = {tdl_value_text(name), tdl_value_text(value)};
 *     st = ops->execute(backend, TDL_EXECUTE_PUT_SETTING, in, 2, NULL, 0, NULL, why);
 */
#ifndef TDL_STORE_EXECUTE_H
#define TDL_STORE_EXECUTE_H

#include "base/report.h"
#include "base/str.h"

typedef struct tdl_backend tdl_backend;

typedef enum tdl_execute {
    TDL_EXECUTE_PUT_SETTING,      /* name, value */
    TDL_EXECUTE_GET_SETTING,      /* name -> value */
    TDL_EXECUTE_SWAP_SETTING,     /* name, value, the former one: nothing where it is another */
    TDL_EXECUTE_PUT_GROUP,        /* type, name */
    TDL_EXECUTE_PUT_GROUP_TRAIT,  /* type, name, trait, JSON, time: the newest word holds */
    TDL_EXECUTE_PUT_NO_PERSON,    /* user's number */
    TDL_EXECUTE_PUT_REJECT,       /* time, source, reason, raw */
    TDL_EXECUTE_DROP_REJECTS,     /* all but the newest so many */
    TDL_EXECUTE_CLEAR_REJECTS,    /* */
    TDL_EXECUTE_NEXT_REJECT,      /* number -> next number, source, raw */
    TDL_EXECUTE_DROP_REJECT,      /* number */
    TDL_EXECUTE_FIND_USER,        /* name -> number, number of its person or 0 */
    TDL_EXECUTE_FIND_JOIN,        /* name -> the join that brought it in, who was joined, whom to */
    TDL_EXECUTE_UNDO_JOIN,        /* join, time: later than that of all undone before */
    TDL_EXECUTE_PART,             /* number: with all that is joined to it, a person from now on */
    TDL_EXECUTE_PUT_UNDONE,       /* two ids, time: parted there */
    TDL_EXECUTE_PUT_CONSENT,      /* user's number, purpose, granted, time, source */
    TDL_EXECUTE_SUM_CONSENT,      /* user's number: what his person's words come to */
    TDL_EXECUTE_AUDIT_LAST,       /* -> seq, hash */
    TDL_EXECUTE_AUDIT_ADD,        /* seq, record, hash */
    TDL_EXECUTE_PUT_REPORT,       /* id, name, query, created, updated */
    TDL_EXECUTE_CHANGE_REPORT,    /* id, name, query, updated */
    TDL_EXECUTE_DROP_REPORT,      /* id */
    TDL_EXECUTE_GET_RETENTION,    /* -> every rule: "days kind" on a line each */
    TDL_EXECUTE_CLEAR_RETENTION,  /* */
    TDL_EXECUTE_PUT_RETENTION,    /* kind, days */
    TDL_EXECUTE_REMOVE_EVENTS,    /* numbers as a JSON array, oldest and newest time */
    TDL_EXECUTE_REMOVE_DECISIONS, /* before this time; of the oldest so many */
    /* Erasing (erase.c). "of a person": $1 is the number of the user who stands for him; a scope is
     * from, until, kind (empty = all). */
    TDL_EXECUTE_ERASE_FIND,       /* name, name of the erased -> number of the person */
    TDL_EXECUTE_ERASE_MEASURE,    /* of a person, scope -> time of the first event, rewards */
    TDL_EXECUTE_ERASE_UNNAME,     /* of a person, scope: joins forget the event that made them */
    TDL_EXECUTE_ERASE_EVENTS,     /* of a person, scope */
    TDL_EXECUTE_ERASE_TRAITS,     /* of a person, from, until */
    TDL_EXECUTE_ERASE_CONSENTS,   /* of a person */
    TDL_EXECUTE_ERASE_JOINED,     /* of a person: ids of his joins */
    TDL_EXECUTE_ERASE_JOINS,      /* of a person */
    TDL_EXECUTE_ERASE_NEXT_ID,    /* of a person, number -> next number, name, key, id, erased */
    TDL_EXECUTE_ERASE_ID,         /* number, new name, time, sealed name of the erased */
    TDL_EXECUTE_ERASE_DECISIONS,  /* name, from, until */
    TDL_EXECUTE_ERASE_NEXT_MODEL, /* made since, version -> next version */
    TDL_EXECUTE_ERASE_MODELS,     /* made since, time: they are stale */
    TDL_EXECUTE_PUT_ERASURE,      /* id, subject, receipt, time */
    TDL_EXECUTE_END_ERASURE,      /* id, receipt, time */
    TDL_EXECUTE_MOVE_ERASURE,     /* id, subject, state, receipt, created, done */
    TDL_EXECUTE_PUT_STALE,        /* version of a model, time */
    TDL_EXECUTE_COUNT_NAMED,      /* -> 0 when the store knows nobody yet */
    TDL_EXECUTE_N
} tdl_execute;

/* [i].sql; [i].postgres instead where the tables differ, else NULL. */
typedef struct tdl_execute_text {
    const char *sql, *postgres;
} tdl_execute_text;
extern const tdl_execute_text tdl_execute_text_of[TDL_EXECUTE_N];

enum { TDL_EXECUTE_VALUES_MAX = 10 }; /* parameters of one statement, and columns of its answer */

typedef enum tdl_value_kind {
    TDL_VALUE_NULL,
    TDL_VALUE_NUMBER,
    TDL_VALUE_TEXT,
    TDL_VALUE_BYTES
} tdl_value_kind;

typedef struct tdl_value {
    tdl_value_kind kind;
    int64_t number;
    tdl_str text; /* of TEXT and BYTES */
} tdl_value;

static inline tdl_value tdl_value_number(int64_t number)
{
    return (tdl_value){.kind = TDL_VALUE_NUMBER, .number = number};
}
static inline tdl_value tdl_value_text(tdl_str text)
{
    return (tdl_value){.kind = TDL_VALUE_TEXT, .text = text};
}
static inline tdl_value tdl_value_bytes(tdl_str bytes)
{
    return (tdl_value){.kind = TDL_VALUE_BYTES, .text = bytes};
}

/* One statement, inside the transaction.
 *   in        [in_n] $1, $2, ...
 *   ret       [ret_n] columns of the first row of the answer, when there is one: numbers and bytes
 *             (text is given as bytes), which live until the next execute; may be NULL
 *   ret_rows  rows of the answer, at most 1 when `ret` is given, else rows changed; may be NULL */
typedef tdl_status tdl_execute_fn(tdl_backend *backend, tdl_execute which, const tdl_value *in,
                                  size_t in_n, tdl_value *ret, size_t ret_n, int64_t *ret_rows,
                                  tdl_report *why);

#endif
