/* How fast events can be stored at all: a bare loop over SQLite, and the store beside it.
 *
 * Both write the same rows, names included, in the same order, in groups of the same size, each
 * group durable before the next, into the same schema. The loop has no queue, no second thread, no
 * checks and no maps: it is the limit the store is measured against.
 */
#ifndef TDL_BENCH_BARE_SQLITE_H
#define TDL_BENCH_BARE_SQLITE_H

#include <stddef.h>

#include "base/report.h"

/* Rows a second of wall time over `batches` groups of `batch_n` events, the first rows of
 * bench_ingest.c, into a new database in the folder `dir`, which is removed again. */
tdl_status bare_sqlite_rows_per_second(const char *dir, size_t batches, size_t batch_n,
                                       double *ret_per_second, tdl_report *why);
/* The same rows through tdl_event_check and tdl_store_append, one call a group. */
tdl_status store_rows_per_second(const char *dir, size_t batches, size_t batch_n,
                                 double *ret_per_second, tdl_report *why);

/* CPU microseconds of the caller to log one decision of `candidates_n` candidates, and what share
 * of one core the rest of the process (the writer) used while `rate` a second were logged for
 * `seconds`. */
typedef struct decision_cost {
    double caller_us, writer_cores;
} decision_cost;
tdl_status decision_log_cost(const char *dir, size_t candidates_n, double rate, double seconds,
                             decision_cost *ret, tdl_report *why);

#endif
