/* Directed counts that learn with every group (rung R1, per event): directed.h gives the formula.
 *
 * A row is a table of open addressing, 8 slots growing as long as it is more than 7/8 full. With
 * row_max entries its smallest eighth makes room; the row's sum stays that of all, so that rare
 * followers are not inflated. What is learnt gives the counts that a fit on the same groups gives.
 *
 * Counts are whole numbers of 2^-36: what was learnt is unlearnt without a rest, and sums do not
 * depend on the order of arrival. Only which entries a full row lost does. The largest count or sum
 * is 1.3e8.
 *
 * Life cycle   tdl_live_new -> learn / score ... -> tdl_live_free
 * Memory       12 bytes a slot, 40 bytes an item; at most 3.1 KiB an item with row_max
 *              TDL_LIVE_ROW_MAX
 * Threads      one writer; nobody may score while it learns
 */
#ifndef TDL_APPS_RECOMMEND_LIVE_H
#define TDL_APPS_RECOMMEND_LIVE_H

#include "apps/recommend/directed.h"
#include "apps/recommend/ring.h"

typedef struct tdl_live tdl_live;

enum { TDL_LIVE_ROW_MAX = 224 /* what 256 slots hold */, TDL_LIVE_WINDOW_MAX = 1000 };

/* params->half_life_days must be 0, the window at most TDL_LIVE_WINDOW_MAX. row_max 0 = all. Items
 * from items_n on are taken in when they are learnt. NULL: no memory. */
tdl_live *tdl_live_new(const tdl_directed_params *params, size_t items_n);
void tdl_live_free(tdl_live *live); /* accepts NULL */
const tdl_directed_params *tdl_live_params(const tdl_live *live);

/* A person with the history `before` takes a group: item [n] different items. TDL_E_NO_MEMORY: some
 * of its counts are missing. */
tdl_status tdl_live_learn(tdl_live *live, const tdl_history *before, const int32_t *item, size_t n);

/* ---- the same in parts. sign: +1 learns, -1 takes back what was learnt so ---- */

typedef struct tdl_live_group {
    const int32_t *item; /* [n] different items */
    size_t n;
    const tdl_ring_mark *mark; /* [n] how much each weighs as what follows; NULL: once */
} tdl_live_group;

/* A larger group takes its place among the steps but adds nothing. */
size_t tdl_live_group_max(const tdl_live *live);
/* Two groups, the later one `steps` >= 1 after the earlier; nothing past the window. False: no
 * memory. */
bool tdl_live_pair(tdl_live *live, tdl_live_group earlier, tdl_live_group later, size_t steps,
                   int sign);
/* Of the items of one group with each other. */
bool tdl_live_within(tdl_live *live, tdl_live_group group, int sign);
/* The part of it that one more item brings, where size_power is 0. */
bool tdl_live_within_one(tdl_live *live, tdl_live_group others, tdl_live_group item);

/* ---- asking ---- */

/* scores [items_n]; what is beyond is left out.
 *   spoken  NULL: all scores are written; else a set of items, empty at first: those that have a
 *           score are put into it, and no other score is written
 * TDL_E_NO_MEMORY: scratch is full. */
tdl_status tdl_live_score(const tdl_live *live, const tdl_history *history, tdl_arena *scratch,
                          float *scores, size_t items_n, uint64_t *spoken);
/* Of the counts of one row: count / (sum + shrinkage), damped: scores [items_n]. */
void tdl_live_similar_row(const tdl_live *live, int32_t item, float *scores, size_t items_n);

/* As they stand: the count of j in row i, and the sum of row i. */
double tdl_live_count(const tdl_live *live, int32_t i, int32_t j);
double tdl_live_sum(const tdl_live *live, int32_t i);

size_t tdl_live_bytes(const tdl_live *live);

#endif
