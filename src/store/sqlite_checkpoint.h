/* Checkpoints of the write-ahead log, beside the writer.
 *
 * Copying the log's pages back into the database takes tens of milliseconds of a core. SQLite would
 * do it on the writer's thread at the end of some commit, which all who wait for that commit would
 * feel. Here a thread of low priority with a connection of its own does it; SQLite lets the writer
 * and readers go on meanwhile.
 */
#ifndef TDL_STORE_SQLITE_CHECKPOINT_H
#define TDL_STORE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>

#include "base/report.h"

typedef struct tdl_checkpointer tdl_checkpointer;

/* From here on the commits of `db` start checkpoints. take_own: the connection of the thread,
 * closed with it; also on failure. */
tdl_status tdl_checkpointer_start(sqlite3 *db, sqlite3 *take_own, tdl_checkpointer **ret,
                                  tdl_report *why);
void tdl_checkpointer_stop(tdl_checkpointer *checkpointer); /* before `db` closes; accepts NULL */

#endif
