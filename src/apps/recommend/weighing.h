/* Kinds of events: which of them answers are measured by, and how much each counts.
 *
 * A surface's targets are of one kind: what its policy names ("target"), else the usual one. Every
 * event is a sign of what somebody will do next, whatever its kind; as something to be predicted
 * (popularity, what follows in directed counts) it counts as validation finds best: all alike, the
 * target's kind alone, or the target's kind thrice. One choice a training.
 */
#ifndef TDL_APPS_RECOMMEND_WEIGHING_H
#define TDL_APPS_RECOMMEND_WEIGHING_H

#include "apps/recommend/policy.h"

typedef enum tdl_weighing {
    TDL_WEIGH_ALIKE,
    TDL_WEIGH_TARGET_ALONE,
    TDL_WEIGH_TARGET_THRICE,
    TDL_WEIGHINGS_N
} tdl_weighing;
extern const char
    *const tdl_weighing_name[TDL_WEIGHINGS_N]; /* "all 1", "target only", "target 3" */

/* Of an event of the target's kind, or of another. */
uint8_t tdl_weighing_of(tdl_weighing weighing, bool of_target);

#endif
