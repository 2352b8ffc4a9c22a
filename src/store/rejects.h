/* Rejects, between the files of the store. In a sealed store their bytes lie sealed, because ids
 * stand in them. The contract is in store.h. */
#ifndef TDL_STORE_REJECTS_H
#define TDL_STORE_REJECTS_H

#include "store/rows.h"

/* On the writer thread. */
tdl_status tdl_reject_put(const tdl_store_ops *ops, tdl_backend *backend, const tdl_people *people,
                          const tdl_reject *reject, tdl_report *why);
/* Who is erased: the id that was asked for, and all of the person. */
typedef struct tdl_erased_ids {
    tdl_str user;
    const tdl_person_id *ids; /* [ids_n] */
    size_t ids_n;
} tdl_erased_ids;
/* Remove those that hold one of them, as bytes; adds how many to *rows. On the writer thread. */
tdl_status tdl_rejects_erase(const tdl_store_ops *ops, tdl_backend *backend,
                             const tdl_people *people, const tdl_erased_ids *who, int64_t *rows,
                             tdl_report *why);
/* Time, source, reason, bytes of a row; borrowed until the next one, bytes in `buf`. */
tdl_reject tdl_read_reject(const tdl_rows *rows, tdl_buf *buf);

#endif
