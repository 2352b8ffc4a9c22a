/* Retention beside the server: once a day, on a thread of its own.
 *
 * It looks each minute whether a run is due; a night that was missed is made up for. Of several
 * processes that share a store one does it.
 */
#ifndef TDL_LOOP_RETENTION_H
#define TDL_LOOP_RETENTION_H

#include "loop/loop.h"

/* "03:00" to minutes since midnight. */
tdl_status tdl_retain_at_parse(const char *text, int *ret_minutes, tdl_report *why);

/* The newest time before `now_us` at which the local clock showed so many minutes since midnight.
 */
int64_t tdl_retain_due(int64_t now_us, int minutes);

/* Run now, beside. TDL_E_CONFLICT: a run is under way. */
tdl_status tdl_loop_retain_start(tdl_loop *loop, tdl_report *why);

/* ---- for loop.c ---- */

typedef struct tdl_loop_retention tdl_loop_retention;
/* minutes: when a day's run is due; below 0 only when asked. */
tdl_status tdl_loop_retention_start(tdl_store *store, int minutes, tdl_loop_retention **ret,
                                    tdl_report *why);
void tdl_loop_retention_stop(tdl_loop_retention *retention); /* accepts NULL */
tdl_loop_retention *tdl_loop_retention_of(tdl_loop *loop);

#endif
