/* What a training run says of its line-up: two members of its report,
 *
 *     "surfaces": [{"surface", "task", "serves", "reason", "people", "people_wanted",
 * "difference"..., "parts": [{"model", "setting", "weight", "bytes"}], "learnt_from_answers"}] one
 * for each kind "weights":  {"target", "chosen", "questions", "tried": [{"weights", "ndcg10"}]}
 * weighing.h "tasks":    [{"task", "target", "people", "serves", "cuts", "ladder": [...]}]   who
 * was measured
 */
#ifndef TDL_APPS_RECOMMEND_LINEUP_REPORT_H
#define TDL_APPS_RECOMMEND_LINEUP_REPORT_H

#include "apps/recommend/lineup_fit.h"
#include "apps/recommend/surface.h"
#include "base/json.h"

/* task_of: of each kind's own surface. promoted: the rung that serves what was not measured. */
void tdl_lineup_write(tdl_jw *w, const tdl_lineup *lineup, const tdl_lineup_report *report,
                      const tdl_recommend_task task_of[TDL_SURFACE_KINDS_N], const char *promoted,
                      const char *similar);

#endif
