/* Audit log: who changed what, as a chain in which nothing can be changed unseen.
 *
 * A record is canonical JSON: keys sorted, no blanks, UTF-8, integers only; store/chain.h has the
 * rule of the hashes. The place of the last entry is also in the settings ("audit.head"), written
 * in the same transaction: entries cut off the end are missed. Whoever can write to the database
 * can make a whole new chain; against that there is an exported file, kept elsewhere, which
 * tdl_store_audit_check compares with.
 *
 * An entry is committed together with the change it tells of, or neither is. Before this process
 * appends for the first time, and wherever another one has appended since, entries are checked;
 * nothing is appended to a broken chain. What needs an entry is then refused (TDL_E_CONFLICT),
 * while events and decisions go on being stored.
 *
 * An entry never holds a personal value: people are named by pseudonyms, keys by their ids.
 */
#ifndef TDL_STORE_AUDIT_H
#define TDL_STORE_AUDIT_H

#include <stdio.h>

#include "store/chain.h"
#include "store/vault.h"
#include "store/writer.h"

/* ---- entries ---- */

enum { TDL_AUDIT_MEMBERS_MAX = 7 };

typedef struct tdl_audit_member {
    const char *name;
    tdl_value value; /* a number or a text */
} tdl_audit_member;

/* A record has the members `action`, `actor`, `seq`, `subject` (where there is one), `ts` (its time
 * in microseconds) and those of the entry. */
typedef struct tdl_audit_entry {
    const char *action;                              /* "flag.put", see docs/operations.md */
    tdl_str subject;                                 /* pseudonym of the person; empty = none */
    tdl_audit_member members[TDL_AUDIT_MEMBERS_MAX]; /* up to the first without a name */
    /* Who, and when: left zero, tdl_audit_begin says them. */
    char actor[32];
    int64_t time_us;
} tdl_audit_entry;

/* On this thread, until it is called with NULL, changes are made with this key. Without one they
 * are made by the actor of the store's options. key_id is borrowed until then. */
void tdl_audit_act_for(const char *key_id);
/* Fill in who acts on this thread, and the time. */
void tdl_audit_begin(const tdl_store *store, tdl_audit_entry *entry);

/* How a person stands in an entry. NUL-terminated. */
enum { TDL_AUDIT_SUBJECT_MAX = 40 };
void tdl_audit_subject(const tdl_store *store, tdl_str id, char ret[TDL_AUDIT_SUBJECT_MAX]);

/* Inside a tdl_writer_call, with what it tells of; on an entry that was begun. */
tdl_status tdl_audit_append(const tdl_store_ops *ops, tdl_backend *backend,
                            const tdl_audit_entry *entry, tdl_report *why);

/* Run `call` as tdl_store_write does, and append the entry (which is begun here) in its commit. */
tdl_status tdl_store_change(tdl_store *store, tdl_writer_call *call, const void *context,
                            const tdl_audit_entry *entry, tdl_report *why);
/* A setting in place of the one that was read, with an entry.
 *   former   as it was read; empty = there was none
 *   returns  TDL_E_CONFLICT: somebody changed it since */
tdl_status tdl_store_swap_setting(tdl_store *store, tdl_str name, tdl_str former, tdl_str value,
                                  const tdl_audit_entry *entry, tdl_report *why);
/* An entry of what changes no row: a sign-in, an export. */
tdl_status tdl_store_audit(tdl_store *store, const tdl_audit_entry *entry, tdl_report *why);

/* ---- reading ---- */

typedef struct tdl_audit_row {
    int64_t seq;
    tdl_str record;
    char hash[TDL_CHAIN_HEX + 1];
} tdl_audit_row;
/* Newest first, from `from` on downwards; 0 = from the newest. */
tdl_status tdl_store_audit_rows(tdl_store *store, int64_t from, size_t limit, tdl_arena *arena,
                                tdl_audit_row **ret, size_t *ret_n, tdl_report *why);

typedef struct tdl_audit_state {
    tdl_chain whole;   /* so far the entries are good */
    int64_t first_bad; /* 0 = the chain is whole */
    tdl_report said;   /* what is wrong with the first bad one */
} tdl_audit_state;
/* Check every entry. `pass`: a place the chain must go through, as an exported file told it; may be
 * NULL. TDL_OK also when the chain is broken. */
tdl_status tdl_store_audit_check(tdl_store *store, const tdl_chain *pass, tdl_audit_state *ret,
                                 tdl_report *why);

/* ---- files: "{record}\t{hash}" a line, then the head ---- */

typedef struct tdl_audit_head {
    tdl_chain chain;
    int64_t time_us;
    bool is_signed;
    uint8_t public_key[TDL_PUBLIC_KEY_BYTES];
} tdl_audit_head;

/* Write the log and its head, signed when a vault is given. A broken chain is not written
 * (TDL_E_CONFLICT). */
tdl_status tdl_store_audit_export(tdl_store *store, const tdl_vault *vault, FILE *out,
                                  tdl_audit_head *ret, tdl_report *why);
/* Check a file, signature included. TDL_OK also when it is broken. */
tdl_status tdl_audit_file_check(const char *path, tdl_audit_state *ret, tdl_audit_head *ret_head,
                                tdl_report *why);
/* The same of a file that is open. */
void tdl_audit_stream_check(FILE *file, tdl_audit_state *ret, tdl_audit_head *ret_head);

/* ---- inside the store ---- */

/* Check from `chain` on to the end, and move `chain` there. TDL_E_CONFLICT: entry chain->n + 1 is
 * bad, and the report says how. `fn` is told of each good entry, and may fail; it may be NULL. */
typedef tdl_status tdl_audit_fn(void *context, const tdl_chain *after, tdl_str record,
                                tdl_report *why);
tdl_status tdl_audit_walk(tdl_reader *reader, tdl_chain *chain, tdl_audit_fn *fn, void *context,
                          tdl_report *why);
/* The head as the settings have it. */
#define TDL_AUDIT_HEAD TDL_STR("audit.head")

#endif
