/* A backup: one file with a whole store and its models' files, and its checksum beside it.
 *
 * FILE is a SQLite database, a Treadle store with one table more (files). FILE.sha256 is as
 * sha256sum writes it, so `sha256sum -c` checks it without Treadle.
 */
#ifndef TDL_STORE_ARCHIVE_H
#define TDL_STORE_ARCHIVE_H

#include "store/transfer.h"

/* Write the store `url` to `path`, while servers go on using it: what they commit from here on is
 * not in it. files_dir: where the models' files are; of a PostgreSQL store they are brought there.
 * master_key_file: of a sealed store on PostgreSQL, else not looked at; the key is never in the
 * backup. TDL_E_CONFLICT: there is such a file already. */
tdl_status tdl_archive_write(const char *url, const char *files_dir, const char *master_key_file,
                             const char *path, tdl_transfer_progress *progress, void *context,
                             tdl_report *why);

/* TDL_E_CORRUPT: the checksum is another one. TDL_E_NOT_FOUND: there is none. */
tdl_status tdl_archive_check(const char *path, tdl_report *why);

/* Check, then make `folder`/treadle.db and the models' files below `folder`. TDL_E_CONFLICT: there
 * is a treadle.db already. */
tdl_status tdl_archive_unpack(const char *path, const char *folder, tdl_report *why);

#endif
