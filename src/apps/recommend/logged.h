/* What the answers of the last 90 days say of each contender, per task: what_if.h over the surfaces
 * that are named like their kind. A promotion may founder on it (figures.h).
 */
#ifndef TDL_APPS_RECOMMEND_LOGGED_H
#define TDL_APPS_RECOMMEND_LOGGED_H

#include "apps/recommend/blend_impressions.h"
#include "apps/recommend/lineup.h"
#include "apps/recommend/surface.h"
#include "stats/off_policy.h"

typedef struct tdl_logged {
    tdl_off_policy estimate[TDL_RECOMMEND_TASKS_N][TDL_CONTENDERS_MAX];
    bool known[TDL_RECOMMEND_TASKS_N][TDL_CONTENDERS_MAX]; /* by contenders' places */
} tdl_logged;

/*   task  [TDL_SURFACE_KINDS_N] of each kind's own surface
 *   ret   zeroed for tasks without such answers
 * What the store says, or TDL_E_NO_MEMORY. */
tdl_status tdl_logged_read(tdl_store *store, const tdl_recommend_task *task, tdl_logged *ret,
                           tdl_report *why);

/* The weights of a task's mix of two parts or more, from the same answers: blend_impressions.h.
 *   lineup  the mix has the weights that were learnt afterwards, if they are better
 * What the store says, or TDL_E_NO_MEMORY. */
tdl_status tdl_logged_weigh(tdl_store *store, const tdl_recommend_task *task,
                            tdl_recommend_task which, uint64_t seed, tdl_lineup *lineup,
                            tdl_blend_learnt *ret, tdl_report *why);

/* tdl_rung_contest_options.logged; context is a tdl_logged. NULL: the log says nothing. */
const tdl_off_policy *tdl_logged_of(void *context, tdl_recommend_task task, const char *name);

#endif
