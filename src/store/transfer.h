/* Moving a whole store into another one, of whatever kind.
 *
 * What is moved goes in order, and what the other store has already is skipped: an interrupted
 * transfer goes on where it stopped, and one more changes nothing. The other store must be empty or
 * hold the beginning of this one. Servers may go on using `from`; nobody else writes to `to`. When
 * somebody was erased between two runs, the second one is refused: his rows are in `to`.
 */
#ifndef TDL_STORE_TRANSFER_H
#define TDL_STORE_TRANSFER_H

#include "store/store.h"

/* Rows of a store. */
typedef struct tdl_transfer_counts {
    int64_t items, keys, flags, reports, models, events, rewards, decisions;
    int64_t splits, groups, group_traits, consents;
    int64_t stale;            /* models */
    int64_t retention;        /* rules */
    int64_t erased, erasures; /* ids, and requests */
    int64_t rejects;
} tdl_transfer_counts;

/* stage: "events", ...; done, total: rows of it. */
typedef void tdl_transfer_progress(void *context, const char *stage, int64_t done, int64_t total);

/* Model files are taken from and put below the two stores' files_dir (see tdl_store_options): give
 * both the same one.
 *   ret_from, ret_to  what each holds now; set on success only
 *   returns           TDL_OK | TDL_E_CONFLICT: `to` holds something else, or the counts differ at
 *                     the end | what reading and writing answer */
tdl_status tdl_store_transfer(tdl_store *from, tdl_store *to, tdl_transfer_progress *progress,
                              void *context, tdl_transfer_counts *ret_from,
                              tdl_transfer_counts *ret_to, tdl_report *why);

#endif
