/* A transfer under way, shared by transfer*.c. */
#ifndef TDL_STORE_TRANSFER_PARTS_H
#define TDL_STORE_TRANSFER_PARTS_H

#include "store/rows.h"
#include "store/store_parts.h"
#include "store/transfer.h"

typedef struct tdl_transfer {
    tdl_store *from, *to;
    tdl_transfer_progress *progress;
    void *context;
    tdl_arena *arena; /* of one batch */
    tdl_report *why;
    tdl_status status; /* of a callback */
} tdl_transfer;

void tdl_transfer_tell(const tdl_transfer *transfer, const char *stage, int64_t done,
                       int64_t total);

/* total: rows of `from`, to tell how far it is. */
tdl_status tdl_transfer_events(tdl_transfer *transfer, int64_t total);
tdl_status tdl_transfer_traits(tdl_transfer *transfer);
tdl_status tdl_transfer_decisions(tdl_transfer *transfer, int64_t total);
/* Small tables (transfer_tables.c), and how many rows of them both have then. */
tdl_status tdl_transfer_erased(tdl_transfer *transfer, tdl_transfer_counts *from,
                               tdl_transfer_counts *to);
tdl_status tdl_transfer_tables(tdl_transfer *transfer, tdl_transfer_counts *from,
                               tdl_transfer_counts *to);
/* Rows of `which`, by reading them. */
tdl_status tdl_transfer_count(tdl_transfer *transfer, tdl_store *store, tdl_read_statement which,
                              int64_t *ret);
tdl_status tdl_transfer_consent_default(tdl_transfer *transfer);

/* Write one row of a small table; on the writer thread of the store whose people those are. */
typedef tdl_status tdl_transfer_put(const tdl_store_ops *ops, tdl_backend *backend,
                                    const tdl_people *people, const tdl_rows *row, tdl_report *why);
tdl_transfer_put tdl_transfer_put_erased, tdl_transfer_put_consent, tdl_transfer_put_reject;

/* Rows of `which` inside a snapshot; position: its first parameter, < 0 = it has none. */
tdl_status tdl_transfer_start(tdl_store *store, tdl_read_statement which, int64_t position,
                              tdl_rows *ret, tdl_report *why);
/* Gives `st`, or else how the reading ended. */
tdl_status tdl_transfer_end(tdl_store *store, tdl_rows *rows, tdl_status st, tdl_report *why);
tdl_status tdl_transfer_audit(tdl_transfer *transfer);

#endif
