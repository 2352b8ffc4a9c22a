/* No remains of deleted rows in the database file.
 *
 * With secure_delete SQLite zeroes what it deletes. But when it spreads a tree's rows over its
 * pages anew, it leaves the copies of rows that moved in the unused middle of the page they came
 * from; what is deleted later is deleted in its new place only. All pages reach the database file
 * by a checkpoint: here their unused middle is zeroed on that way.
 */
#ifndef TDL_STORE_SQLITE_WIPE_H
#define TDL_STORE_SQLITE_WIPE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* From here on, for as long as `db` is open. */
void tdl_sqlite_wipe_pages(sqlite3 *db);

/* Zero the unused middle of a page of a tree; any other page is left alone. `first`: the page is
 * the first of its file, with the file's header. True when it is a page of a tree. */
bool tdl_sqlite_wipe_page(unsigned char *page, size_t size, bool first);

#endif
