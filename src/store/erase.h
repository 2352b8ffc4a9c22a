/* Erasing a person, and the receipt of it.
 *
 * Erasing is one transaction: events, traits, joins, consents and decisions go, the person's key is
 * destroyed, models that may have seen what went are marked stale, and each of the person's ids
 * becomes the name of an erased one, under which the writer drops what comes late. The erasure is
 * then 'removed'. Once the files have forgotten too (SQLite's write-ahead log is emptied,
 * PostgreSQL has vacuumed) it is 'done', and its receipt is final. What a crash left 'removed' is
 * finished when the store is opened next.
 *
 * Subject   who was erased, as store and receipt call him: in a sealed store the pseudonym,
 *           else "erased:" and BLAKE2b-128 of the id in hexadecimal, which hides an id from a
 *           reader but not from somebody who guesses it
 * Receipt   {"public_key", "receipt", "signature"}: the receipt is canonical JSON (sorted keys, no
 *           blanks, integers only), signed with Ed25519 by the vault; null in a plain store. It
 *           names its entry in the audit log, "person.erase", which is committed with it
 * Part      of a time or of kinds: other rows stay as they are, key and ids too
 */
#ifndef TDL_STORE_ERASE_H
#define TDL_STORE_ERASE_H

#include "store/chain.h"
#include "store/store.h"
#include "store/vault.h"

enum { TDL_SUBJECT_MAX = 48, TDL_ERASE_KINDS_MAX = 32 };

typedef struct tdl_erase_request {
    tdl_str user;              /* any id of the person */
    int64_t from_us, until_us; /* [from, until); until 0 = no end */
    const tdl_str *kinds;      /* [kinds_n] events of these only; none = all */
    size_t kinds_n;
    int64_t backup_days; /* for how long backups are kept, for the receipt; 0 = not stated */
} tdl_erase_request;

typedef struct tdl_erasure {
    char id[37];
    int64_t n; /* in order of their commits */
    tdl_str subject;
    tdl_str receipt; /* JSON, see above; final when done */
    int64_t created_us, done_us;
    bool done;
} tdl_erasure;

/* An unknown person is erased like any other: a receipt of no rows. Waits some seconds for the
 * files to forget; when a reader is in the way, the erasure is not done yet, and
 * tdl_store_finish_erasures tries again. ret lives in `arena`. */
tdl_status tdl_store_erase(tdl_store *store, const tdl_erase_request *request, tdl_arena *arena,
                           tdl_erasure *ret, tdl_report *why);
/* Those that are 'removed'; also called by tdl_store_open. Without any it costs one read. */
tdl_status tdl_store_finish_erasures(tdl_store *store, tdl_report *why);

/* Newest first. */
tdl_status tdl_store_erasures(tdl_store *store, size_t limit, tdl_arena *arena, tdl_erasure **ret,
                              size_t *ret_n, tdl_report *why);
tdl_status tdl_store_get_erasure(tdl_store *store, tdl_str id, tdl_arena *arena, tdl_erasure *ret,
                                 tdl_report *why); /* TDL_E_NOT_FOUND */

/* Names, as the store has them, of everybody whose rows went since *position, by whomever; moves
 * it. A position below 0 becomes that of now, and there are no names. */
tdl_status tdl_store_new_erasures(tdl_store *store, int64_t *position, tdl_arena *arena,
                                  tdl_str **ret, size_t *ret_n, tdl_report *why);
/* Is one of those names that of `id`? */
bool tdl_store_is_named(const tdl_store *store, tdl_str id, const tdl_str *names, size_t names_n);

/* Check a receipt as it was given out, without a store.
 *   key      the public key it must be signed with, in hexadecimal; empty = the one it names
 *   returns  TDL_OK | TDL_E_INVALID: no receipt, not signed, or not by that key */
tdl_status tdl_receipt_verify(tdl_str text, tdl_str key, tdl_report *why);

/* ---- inside the store ---- */

tdl_status tdl_store_open_erasures(tdl_store *store, tdl_arena *arena, tdl_erasure **ret,
                                   size_t *ret_n, tdl_report *why); /* 'removed', oldest first */

/* It is erased, whatever is in the way of the files: what cannot be finished now stays 'removed'.
 */
void tdl_erasure_conclude(tdl_store *store, tdl_str id, tdl_str draft);

/* The name of an erased id in a plain store. */
void tdl_erased_name(tdl_str id, char ret[TDL_SUBJECT_MAX]);

/* What a receipt says. */
typedef struct tdl_receipt {
    const char *request, *subject;
    const tdl_erase_request *scope;
    int64_t events, traits, joins, consents, decisions, rejects; /* rows removed */
    int64_t keys, removed_us;
    bool shared;     /* the database is a server's, with pages and a log of its own */
    tdl_chain audit; /* up to the entry that was made of it */
} tdl_receipt;
/* Not done and not signed yet. stale: a JSON array of versions. */
void tdl_receipt_write(const tdl_receipt *receipt, tdl_str stale, tdl_buf *ret);
/* The same, done and signed, appended to `ret`. vault may be NULL. */
tdl_status tdl_receipt_finish(tdl_str draft, int64_t done_us, const tdl_vault *vault, tdl_buf *ret,
                              tdl_report *why);

#endif
