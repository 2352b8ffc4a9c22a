/* Directed counts that learn with every group (rung R1, per event): directed.h gives the formula.
 *
 * A row is a table of open addressing, 8 slots growing to row_max; when that is full its smallest
 * weight makes room, and the row's sum stays that of all, so that rare followers are not inflated.
 * What is learnt in order of time gives the counts that a fit on the same groups gives.
 *
 * Life cycle   tdl_live_new -> learn / score ... -> tdl_live_free
 * Memory       8 bytes a slot, at most half of the slots in use
 * Threads      one writer; nobody may score while it learns
 */
#ifndef TDL_APPS_RECOMMEND_LIVE_H
#define TDL_APPS_RECOMMEND_LIVE_H

#include "apps/recommend/directed.h"

typedef struct tdl_live tdl_live;

/* params->half_life_days must be 0. row_max 0 = all. NULL: no memory. */
tdl_live *tdl_live_new(const tdl_directed_params *params, size_t items_n);
void tdl_live_free(tdl_live *live); /* accepts NULL */

/* A person with the history `before` takes a group: item [n] different items. TDL_E_NO_MEMORY: some
 * of its counts are missing. */
tdl_status tdl_live_learn(tdl_live *live, const tdl_history *before, const int32_t *item, size_t n);

/* scores [items_n]. TDL_E_NO_MEMORY: scratch is full. */
tdl_status tdl_live_score(const tdl_live *live, const tdl_history *history, tdl_arena *scratch,
                          float *scores);

/* As they stand: the count of j in row i, and the sum of row i. */
double tdl_live_count(const tdl_live *live, int32_t i, int32_t j);
double tdl_live_sum(const tdl_live *live, int32_t i);

size_t tdl_live_bytes(const tdl_live *live);

#endif
