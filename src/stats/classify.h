/* Measures of a binary classifier: how well scores rank, and how true probabilities are.
 *
 * y       [n] 0 or 1
 * p       [n] score of class 1; a probability in [0, 1] where said so
 * weight  [n] >= 0, or NULL = 1 each. A row of weight 0 is as good as absent: a bootstrap resample
 *         is a weight vector, so that what is sorted once serves every resample
 * order   [n] rows ascending by p, from tdl_order_rows
 * NaN     is the answer where a measure is undefined, such as the AUC of one class
 */
#ifndef TDL_STATS_CLASSIFY_H
#define TDL_STATS_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

/* Rows ascending by key, equal ones by row.
 *   key  [n], every `stride`-th double; finite */
tdl_status tdl_order_rows(const double *key, size_t stride, size_t n, uint32_t *ret_order,
                          tdl_report *why);

/* Area under the ROC curve: how likely a row of class 1 scores above one of class 0, ties 1/2. */
double tdl_auc(const double *y, const double *p, const double *weight, const uint32_t *order,
               size_t n);
/* Sum over distinct scores, falling, of (gain of recall) * precision: no interpolation. */
double tdl_average_precision(const double *y, const double *p, const double *weight,
                             const uint32_t *order, size_t n);

/* Mean of -log P(y); probabilities are first clipped to [1e-15, 1 - 1e-15]. */
double tdl_log_loss(const double *y, const double *p, const double *weight, size_t n);
double tdl_brier(const double *y, const double *p, const double *weight, size_t n);

/* Weights of rows by truth and by decision, which is 1 where p >= threshold. */
typedef struct tdl_confusion {
    double tp, fp, tn, fn;
} tdl_confusion;

tdl_confusion tdl_confusion_at(const double *y, const double *p, const double *weight, size_t n,
                               double threshold);
double tdl_confusion_accuracy(const tdl_confusion *c);
double tdl_confusion_precision(const tdl_confusion *c); /* of none selected: 0 */
double tdl_confusion_recall(const tdl_confusion *c);    /* of no positives: NaN */
double tdl_confusion_f1(const tdl_confusion *c);        /* 2 tp / (2 tp + fp + fn) */
double tdl_confusion_balanced(const tdl_confusion *c);  /* mean recall of both classes */
double tdl_confusion_mcc(const tdl_confusion *c);       /* Matthews; 0 where a margin is empty */

/* ---- calibration ---- */

typedef struct tdl_calibration_bin {
    double low, high; /* scores in [low, high), the last one closed */
    double weight;
    size_t rows;
    double score, rate;         /* means; NaN when empty */
    double rate_low, rate_high; /* Wilson, 95 %, from `rows`; NaN when empty */
} tdl_calibration_bin;

/* `bins` equal parts of [0, 1]. */
void tdl_calibration_curve(const double *y, const double *p, const double *weight, size_t n,
                           size_t bins, tdl_calibration_bin *ret);
/* Expected calibration error, 10 equal bins: mean |score - rate| by weight of bin. */
double tdl_ece(const double *y, const double *p, const double *weight, size_t n);

/* Interval of a proportion (Wilson, 1927): `share` of n at z standard deviations. */
void tdl_wilson(double share, double n, double z, double *ret_low, double *ret_high);

/* ---- curves ---- */

/* Part t of the rows, best scores first; rows of one score stand by row. */
typedef struct tdl_lift_part {
    double share, score_low; /* of all weight up to here; the least score in it */
    double rate, lift;       /* of positives within the part; over that of all rows */
    double gain;             /* of all positives, those up to here */
} tdl_lift_part;

/* Into `parts` (10: deciles) of as equal weight as rows allow. */
void tdl_lift(const double *y, const double *p, const double *weight, const uint32_t *order,
              size_t n, size_t parts, tdl_lift_part *ret);

typedef struct tdl_roc_point {
    double fpr, tpr, threshold; /* rates when p >= threshold is 1 */
} tdl_roc_point;

/* From (0, 0), threshold infinite, to (1, 1): of the distinct scores at most `points_max` - 1, at
 * steps of equal weight; points_max >= 2. Returns how many; 0 when a class is absent. */
size_t tdl_roc(const double *y, const double *p, const double *weight, const uint32_t *order,
               size_t n, tdl_roc_point *ret, size_t points_max);

#endif
