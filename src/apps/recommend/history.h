/* What each user did, as serving sees it: distinct items in time order, late events included.
 *
 * The same events give the same histories in whatever order they arrive, except that events of one
 * time keep their order of arrival. Training sees the same histories: dataset.h.
 *
 * Memory    12 bytes for each item of each user
 * Threads   not its own: recommend.c holds one lock over catalogue and histories
 */
#ifndef TDL_APPS_RECOMMEND_HISTORY_H
#define TDL_APPS_RECOMMEND_HISTORY_H

#include "apps/recommend/rung.h"

typedef struct tdl_histories tdl_histories;

tdl_histories *tdl_histories_new(void);            /* NULL: no memory */
void tdl_histories_free(tdl_histories *histories); /* accepts NULL */

/* Put an item into a user's history at its time; equal times keep arrival order. True when it is
 * new to the user. An item that the user had before stays at its earliest time. False also without
 * memory: the history then lacks this event. */
bool tdl_histories_add(tdl_histories *histories, tdl_str user, int32_t item, int64_t time_us);

/* A user's history; n = 0 for a stranger. Valid until the next add. */
tdl_history tdl_histories_of(const tdl_histories *histories, tdl_str user);

#endif
