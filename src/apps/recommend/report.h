/* The report of a training run: the JSON object of its model row (GET /v1/models). */
#ifndef TDL_APPS_RECOMMEND_REPORT_H
#define TDL_APPS_RECOMMEND_REPORT_H

#include "apps/recommend/evaluate.h"
#include "apps/recommend/lineup_report.h"

typedef struct tdl_recommend_training {
    const tdl_evaluation *evaluation;
    uint64_t seed;
    double seconds;           /* so far */
    const tdl_lineup *lineup; /* NULL: none was chosen */
    const tdl_lineup_report *lineup_report;
    tdl_recommend_task task_of[TDL_SURFACE_KINDS_N]; /* of each kind's own surface */
    size_t memory_bytes;                             /* of all that will be loaded */
} tdl_recommend_training;

/* Appended to `out`; check out->failed. */
void tdl_recommend_report(tdl_buf *out, const tdl_recommend_training *training);

#endif
