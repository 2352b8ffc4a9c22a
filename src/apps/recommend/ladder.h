/* The ladder: every rung, simplest first. The gate climbs it in this order. */
#ifndef TDL_APPS_RECOMMEND_LADDER_H
#define TDL_APPS_RECOMMEND_LADDER_H

#include "apps/recommend/rung.h"

enum { TDL_RUNGS_N = 8 };
extern const tdl_rung_ops *const tdl_ladder[TDL_RUNGS_N];

/* Index of the rung called `name`, or TDL_RUNGS_N. */
size_t tdl_ladder_find(tdl_str name);

/* Roughly how long a fit takes beside the others; for progress only. */
double tdl_rung_cost(const tdl_rung_ops *rung);

#endif
