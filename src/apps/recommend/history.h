/* What each user did, as serving sees it: distinct items in time order, late events included.
 *
 * The same events give the same histories in whatever order they arrive, except that events of one
 * time keep their order of arrival. Training sees the same histories: dataset.h.
 *
 * Memory    20 bytes for each item of each user
 * Ownership the catalogue is borrowed and outlives the histories: it names the items
 * Threads   not its own: recommend.c holds one lock over catalogue and histories
 */
#ifndef TDL_APPS_RECOMMEND_HISTORY_H
#define TDL_APPS_RECOMMEND_HISTORY_H

#include "apps/recommend/catalogue.h"
#include "apps/recommend/live_state.h"
#include "apps/recommend/rung.h"

typedef struct tdl_histories tdl_histories;

/* SipHash-128, chained over id and time of every event of a history, in order. */
typedef struct tdl_digest {
    uint8_t byte[16];
} tdl_digest;

tdl_histories *tdl_histories_new(const tdl_catalogue *catalogue); /* NULL: no memory */
void tdl_histories_free(tdl_histories *histories);                /* accepts NULL */
/* From now on `live` is told who is joined, parted and forgotten. It outlives the histories. */
void tdl_histories_follow(tdl_histories *histories, tdl_live_state *live);
/* Number of the person that an id stands for, as the live state knows it; -1: nobody. */
int32_t tdl_histories_person(const tdl_histories *histories, tdl_str user);
/* The same, numbered when it is new. -1: no memory. */
int32_t tdl_histories_know(tdl_histories *histories, tdl_str user);
/* How many numbers there are, and the id of each; ids never move. */
int32_t tdl_histories_count(const tdl_histories *histories);
tdl_str tdl_histories_id(const tdl_histories *histories, int32_t number);

/* Put an item into a user's history at its time; equal times keep arrival order. True when it is
 * new to the user. An item that the user had before stays at its earliest time. False also without
 * memory: the history then lacks this event. */
bool tdl_histories_add(tdl_histories *histories, tdl_str user, int32_t item, int64_t time_us);

/* Let `id` be another name of `person`, and its events the person's. again: called for each item
 * that both had. False: no memory for some event. */
typedef void tdl_again(void *context, int32_t item);
bool tdl_histories_join(tdl_histories *histories, tdl_str person, tdl_str id, tdl_again *again,
                        void *context);

/* Make `person` stand for itself, with no history. gone: called for each item that it had. False:
 * no memory. */
bool tdl_histories_part(tdl_histories *histories, tdl_str person, tdl_again *gone, void *context);
/* Empty the histories of those for whom is_gone holds, among the next thousand ids from *from on;
 * moves it. gone: called for each item of each. True when there are more. */
bool tdl_histories_forget(tdl_histories *histories, int32_t *from,
                          bool (*is_gone)(void *context, tdl_str id), void *context,
                          tdl_again *gone, void *gone_context);

/* A user's history; n = 0 for a stranger. Valid until the next add. ret_digest: may be NULL; kept
 * up while events come in order of time, else worked out from the first event. */
tdl_history tdl_histories_of(const tdl_histories *histories, tdl_str user, tdl_digest *ret_digest);
/* When each item of that history was last taken: [n], valid as long. NULL for a stranger. */
const int64_t *tdl_histories_newest(const tdl_histories *histories, tdl_str user);

#endif
