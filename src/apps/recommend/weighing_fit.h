/* Choosing what answers are measured by, and how much events count: weighing.h. */
#ifndef TDL_APPS_RECOMMEND_WEIGHING_FIT_H
#define TDL_APPS_RECOMMEND_WEIGHING_FIT_H

#include "apps/recommend/cut.h"
#include "apps/recommend/weighing.h"
#include "base/pool.h"

/* The kind of a log's targets: `wanted`, if it has any such events; else "purchase", if the last 30
 * days hold 1,000 of them; else the most frequent of "click" and "view". Empty: neither is there,
 * and every event is a target. Borrowed from the feedback. */
tdl_str tdl_target_of(const tdl_feedback *feedback, tdl_str wanted);

typedef struct tdl_weighing_choice {
    tdl_weighing chosen;
    size_t questions_n;             /* 0: there was nothing to choose, or nobody to ask */
    double ndcg10[TDL_WEIGHINGS_N]; /* mean of popularity of late and directed counts */
} tdl_weighing_choice;

/* Chooses by what is asked about in `window` (something new, of the target's kind), of 50 people
 * and more, and lets the feedback weigh so: tdl_feedback_weigh. Of equals the first.
 * TDL_E_NO_MEMORY, or what a fit says. */
tdl_status tdl_weighing_choose(tdl_feedback *feedback, tdl_str target, tdl_cut window,
                               tdl_pool *pool, tdl_weighing_choice *ret, tdl_report *why);

#endif
