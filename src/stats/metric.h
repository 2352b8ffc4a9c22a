/* Metrics by name: one list for leaderboards, --metric, --min-auc and intervals alike.
 *
 * What was scored is described once (tdl_scored); each metric says for which tasks it is and which
 * way is better. Where a task has several the first of the list is its default.
 *
 * | task     | y                 | p [n][width]                              |
 * |----------|-------------------|-------------------------------------------|
 * | binary   | 0 or 1            | [1] probability of 1                      |
 * | classes  | class number      | [classes] probabilities                   |
 * | ordinal  | class number      | likewise                                  |
 * | value    | number            | [1] number                                |
 * | quantile | number            | [levels] quantiles, levels ascending      |
 * | ranking  | relevance, >= 0   | [1] score                                 |
 */
#ifndef TDL_STATS_METRIC_H
#define TDL_STATS_METRIC_H

#include <stdbool.h>

#include "base/str.h"
#include "stats/bootstrap.h"

typedef enum tdl_metric_task {
    TDL_METRIC_BINARY = 1,
    TDL_METRIC_CLASSES = 2,
    TDL_METRIC_ORDINAL = 4,
    TDL_METRIC_VALUE = 8,
    TDL_METRIC_QUANTILE = 16,
    TDL_METRIC_RANKING = 32
} tdl_metric_task;

typedef struct tdl_scored {
    tdl_metric_task task; /* one of them */
    size_t n, width;
    const double *y;        /* [n] */
    const double *p;        /* [n][width] */
    const double *weight;   /* [n] or NULL = 1 */
    const double *quantile; /* [width] levels in (0, 1); of the task quantile only */
    const int32_t *list;    /* [n] ranking: rows of a list stand together; NULL = all one list */
    double power;           /* of tweedie_deviance; 0 = it does not apply */
    double threshold;       /* of decisions, binary; 0 = 1/2 */
    /* Rows sorted as the task needs it, from tdl_scored_order; NULL = sorted for each call. */
    const uint32_t *order;
} tdl_scored;

typedef struct tdl_metric {
    const char *name; /* "auc", "rmse" */
    tdl_metric_task task;
    bool higher_is_better;
    bool of_probability; /* p must lie in [0, 1] */
    bool sorted;         /* needs `order` */
    /* scratch [width * width + 2 n]; NaN = undefined on these rows */
    double (*value)(const tdl_scored *s, double *scratch);
    bool of_all; /* grows as rows grow fewer: of folds take all rows together, not the mean */
} tdl_metric;

extern const tdl_metric tdl_metrics[];
extern const size_t tdl_metrics_n;

/* NULL: no metric of that name is for that task. */
const tdl_metric *tdl_metric_find(tdl_str name, tdl_metric_task task);
const tdl_metric *tdl_metric_default(tdl_metric_task task);

/* Is it one of this task, and is what it needs there? */
bool tdl_metric_applies(const tdl_metric *metric, const tdl_scored *s);

/* Sort rows once for many calls. ret_order: the caller's, [2 * max(width, 1)][n]; free it. */
tdl_status tdl_scored_order(const tdl_scored *s, uint32_t **ret_order, tdl_report *why);

/* returns TDL_OK | TDL_E_INVALID (a row's value is not what the task asks for, or the metric is
 * undefined: only one class, no relevant item) | TDL_E_NO_MEMORY */
tdl_status tdl_metric_value(const tdl_metric *metric, const tdl_scored *s, double *ret,
                            tdl_report *why);

/* Percentile bootstrap (bootstrap.h) over rows, or over groups drawn whole; lists of a ranking are
 * always drawn whole. ret->mean is the value on the rows themselves. Resamples on which the metric
 * is undefined are drawn anew; too many of them: TDL_E_INVALID.
 *   group    [n] or NULL
 *   options  NULL = defaults
 */
tdl_status tdl_metric_interval(const tdl_metric *metric, const tdl_scored *s, const int32_t *group,
                               const tdl_bootstrap_options *options, tdl_rng *rng,
                               tdl_interval *ret, tdl_report *why);
/* The same of value(a) - value(b): two models on the same rows, drawn together. */
tdl_status tdl_metric_difference(const tdl_metric *metric, const tdl_scored *a, const tdl_scored *b,
                                 const int32_t *group, const tdl_bootstrap_options *options,
                                 tdl_rng *rng, tdl_interval *ret, tdl_report *why);

/* The same of the mean over folds: the metric of each fold's rows by themselves, averaged over the
 * folds on which it is defined; what a cross-validation reports. Rows (lists of a ranking) are
 * drawn within their fold, so every fold weighs the same in each draw. a, b   b = NULL: the value
 * of a; else value(a) - value(b), drawn together; `order` is not used fold   [n] below folds_n
 */
tdl_status tdl_metric_fold_interval(const tdl_metric *metric, const tdl_scored *a,
                                    const tdl_scored *b, const uint32_t *fold, size_t folds_n,
                                    const tdl_bootstrap_options *options, tdl_rng *rng,
                                    tdl_interval *ret, tdl_report *why);

/* Mean of `values` over folds, and its standard error sd / sqrt(k), sd over k - 1; NaN for k < 2.
 * Folds share training rows, so it is a little too small (Bengio and Grandvalet, 2004). */
void tdl_fold_mean(const double *values, size_t k, double *ret_mean, double *ret_error);

#endif
