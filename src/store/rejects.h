/* Rejects, between the files of the store. In a sealed store their bytes lie sealed, because ids
 * stand in them. The contract is in store.h. */
#ifndef TDL_STORE_REJECTS_H
#define TDL_STORE_REJECTS_H

#include "store/rows.h"

/* On the writer thread. */
tdl_status tdl_reject_put(const tdl_store_ops *ops, tdl_backend *backend, const tdl_people *people,
                          const tdl_reject *reject, tdl_report *why);
/* Remove those that hold one of the ids; adds how many to *rows. On the writer thread. */
tdl_status tdl_rejects_erase(const tdl_store_ops *ops, tdl_backend *backend,
                             const tdl_people *people, const tdl_str *ids, size_t ids_n,
                             int64_t *rows, tdl_report *why);
/* Time, source, reason, bytes of a row; borrowed until the next one, bytes in `buf`. */
tdl_reject tdl_read_reject(const tdl_rows *rows, tdl_buf *buf);

#endif
