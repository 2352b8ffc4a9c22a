/* How good predictions are, as JSON: every metric of the task with its interval, calibration, lift
 * and confusion of a classifier, errors of a regression.
 */
#ifndef TDL_PREDICT_MEASURE_H
#define TDL_PREDICT_MEASURE_H

#include "apps/predict/contest.h"

typedef struct tdl_outcome {
    tdl_task task;
    size_t n, width;
    const double *y;        /* [n] */
    const double *output;   /* [n][width] probabilities, values */
    const int32_t *list;    /* [n] ranking; NULL = none */
    const double *quantile; /* [width] of a quantile task */
    double power;           /* of Tweedie; 0 = not of it */
    double threshold;       /* binary */
    char *const *class_name;
    const uint32_t *fold; /* [n] below folds_n; NULL = rows are measured together */
    size_t folds_n;
    uint64_t seed; /* of the resamples */
} tdl_outcome;

/* Metrics of rows that were tested in folds are means over the folds, as those of the leaderboard;
 * but of an expected calibration error, which grows as rows grow fewer, all rows are taken
 * together.
 *
 * An object: {"rows", "metrics": {name: {"value", "low", "high"}}, "calibration"?, "lift"?,
 * "confusion"?, "roc"?}. A metric that is undefined on these rows is null. */
tdl_status tdl_outcome_write(const tdl_outcome *outcome, tdl_jw *out, tdl_report *why);

#endif
