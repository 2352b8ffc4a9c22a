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
tdl_status tdl_transfer_tables(tdl_transfer *transfer); /* small ones: transfer_tables.c */

/* Rows of `which` inside a snapshot; position: its first parameter, < 0 = it has none. */
tdl_status tdl_transfer_start(tdl_store *store, tdl_read_statement which, int64_t position,
                              tdl_rows *ret, tdl_report *why);
/* Gives `st`, or else how the reading ended. */
tdl_status tdl_transfer_end(tdl_store *store, tdl_rows *rows, tdl_status st, tdl_report *why);
tdl_status tdl_transfer_audit(tdl_transfer *transfer);

#endif
