/* Measures of a classifier of several classes, ordered ones among them.
 *
 * y       [n] class numbers 0 .. k - 1
 * p       [n][k] probabilities; the decision is the greatest, of equal ones the first
 * weight  [n] >= 0, or NULL = 1 each; 0 is as good as absent
 * NaN     is the answer where a measure is undefined
 */
#ifndef TDL_STATS_CLASSES_H
#define TDL_STATS_CLASSES_H

#include <stddef.h>
#include <stdint.h>

size_t tdl_argmax(const double *p, size_t k);

/* ret [k][k]: weight of rows by class (row) and decision (column). */
void tdl_classes_confusion(const double *y, const double *p, const double *weight, size_t n,
                           size_t k, double *ret);
double tdl_classes_accuracy(const double *confusion, size_t k);
/* Mean over classes that occur, or are decided, of 2 tp / (2 tp + fp + fn). */
double tdl_classes_macro_f1(const double *confusion, size_t k);
/* Mean recall over classes that occur. */
double tdl_classes_balanced(const double *confusion, size_t k);

/* Mean of -log P(y), probabilities clipped as in classify.h after they are made to add up to 1. */
double tdl_classes_log_loss(const double *y, const double *p, const double *weight, size_t n,
                            size_t k);
/* Mean of sum over classes of (p - [y is it])^2. */
double tdl_classes_brier(const double *y, const double *p, const double *weight, size_t n,
                         size_t k);
/* Mean over classes, each against the rest, of the AUC.
 *   order  [k][n] rows ascending by column of p
 *   one    [2][n] scratch */
double tdl_classes_auc(const double *y, const double *p, const double *weight,
                       const uint32_t *order, size_t n, size_t k, double *one);
/* Calibration error of the probability of the decision, 10 equal bins. */
double tdl_classes_ece(const double *y, const double *p, const double *weight, size_t n, size_t k);

/* ---- ordered classes ---- */

/* Cohen's kappa with weights (i - j)^2: 1 = the same, 0 = as by chance. */
double tdl_quadratic_kappa(const double *confusion, size_t k);
double tdl_classes_mae(const double *confusion, size_t k); /* mean |class - decision| */

#endif
