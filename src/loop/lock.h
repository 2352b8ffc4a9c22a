/* One process per data folder: an advisory lock on `treadle.lock`, released when its holder dies.
 */
#ifndef TDL_LOOP_LOCK_H
#define TDL_LOOP_LOCK_H

#include "base/report.h"

/* ret_fd: keep it open as long as the folder is held. TDL_E_CONFLICT names the holder's process. */
tdl_status tdl_lock_take(const char *data_dir, int *ret_fd, tdl_report *why);
void tdl_lock_release(int fd); /* accepts -1 */

#endif
