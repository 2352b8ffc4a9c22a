/* The report of a training run: the JSON object of its model row (GET /v1/models). */
#ifndef TDL_APPS_RECOMMEND_REPORT_H
#define TDL_APPS_RECOMMEND_REPORT_H

#include "apps/recommend/evaluate.h"

/* Appended to `out`; check out->failed. */
void tdl_recommend_report(tdl_buf *out, const tdl_evaluation *evaluation, uint64_t seed,
                          double seconds);

#endif
