/* A crowd: how often its people took each item, each event halved every half-life (R0: decay.h).
 *
 * What is added can be taken back; an item of which nothing is left is 0 to the last bit.
 *
 * Life cycle   tdl_crowd_init -> add / scores ... -> tdl_crowd_release
 * Memory       48 bytes for each item that was taken, and at most 16 for finding it
 */
#ifndef TDL_APPS_RECOMMEND_CROWD_H
#define TDL_APPS_RECOMMEND_CROWD_H

#include "apps/recommend/decay.h"
#include "apps/recommend/ring.h"

typedef struct tdl_crowd {
    int32_t *item; /* [items_n] catalogue numbers, as they came */
    size_t items_n, cap;
    int32_t *slot; /* [slots_n] index into item, or -1: open addressing, at most half in use */
    size_t slots_n;
    tdl_decay of[TDL_HALF_LIVES_N]; /* [cap] sums each */
    size_t persons_n;               /* that are in it: the caller's to count */
} tdl_crowd;

tdl_status tdl_crowd_init(tdl_crowd *crowd, tdl_report *why);
void tdl_crowd_release(tdl_crowd *crowd); /* accepts a zeroed one */

/* Of a half-life, `weight` more; below 0: as much taken back. False: no memory. */
bool tdl_crowd_add(tdl_crowd *crowd, int32_t item, int64_t time_us, double weight);
/* All half-lives of what left a ring, times sign. */
bool tdl_crowd_add_spilt(tdl_crowd *crowd, const tdl_spilt *spilt, int sign);

double tdl_crowd_at(const tdl_crowd *crowd, tdl_half_life half_life, int32_t item, int64_t now_us);
/* scores [items_n]; their order stays when nothing has happened for long. spoken: NULL, or as
 * tdl_live_score has it. */
void tdl_crowd_scores(const tdl_crowd *crowd, tdl_half_life half_life, int64_t now_us,
                      float *scores, size_t items_n, uint64_t *spoken);

size_t tdl_crowd_bytes(const tdl_crowd *crowd);

#endif
