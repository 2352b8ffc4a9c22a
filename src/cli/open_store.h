/* The store that a command works on, beside a server that may be running. */
#ifndef TDL_CLI_OPEN_STORE_H
#define TDL_CLI_OPEN_STORE_H

#include <limits.h>

#include "cli/command.h"
#include "loop/loop.h"

/* Changes are made by "cli". --store, else the one in the data folder; it must be there. A running
 * server notices what is changed by itself. */
tdl_status tdl_open_store(const tdl_common *common, bool read_only, tdl_store **ret,
                          tdl_report *why);

/* The loop over it, which serves and trains beside a running server's. Warnings go to standard
 * error. threads: of training; 0 = one per core. */
tdl_status tdl_open_loop(const tdl_common *common, unsigned threads, tdl_loop **ret,
                         tdl_report *why);
/* The same; a store that is not there is made. */
tdl_status tdl_make_loop(const tdl_common *common, unsigned threads, tdl_loop **ret,
                         tdl_report *why);

/* An entry in its audit log: `action` on a file, of which the name without its folder is kept. */
tdl_status tdl_note_file(const tdl_common *common, const char *action, const char *path,
                         tdl_report *why);

/* The file of the master key: --master-key-file, else master.key in `folder`. */
tdl_status tdl_master_key_file(const tdl_common *common, const char *folder, char ret[PATH_MAX],
                               tdl_report *why);
/* Say on stderr where the key is, if opening the store made it. */
void tdl_tell_master_key(const tdl_store *store, const char *file);

#endif
