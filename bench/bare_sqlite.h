/* How fast events can be stored at all: a bare loop over SQLite.
 *
 * It writes the rows of bench_ingest.c, names included, in the same order, in groups of the same
 * size, each group durable before the next, into the same schema and a database that grows as the
 * server's does. It has no queue, no second thread, no checks and no maps: it is the limit that
 * ingest is measured against.
 */
#ifndef TDL_BENCH_BARE_SQLITE_H
#define TDL_BENCH_BARE_SQLITE_H

#include <stddef.h>

#include "base/report.h"

typedef struct bare_sqlite bare_sqlite;

/* A new database in the folder `dir`. */
tdl_status bare_sqlite_open(const char *dir, bare_sqlite **ret, tdl_report *why);
void bare_sqlite_close(bare_sqlite *loop); /* the file stays; accepts NULL */

/* Write the next `batches` groups of `batch_n` events. ret: rows a second of wall time. */
tdl_status bare_sqlite_write(bare_sqlite *loop, size_t batches, size_t batch_n,
                             double *ret_per_second, tdl_report *why);

#endif
