/* Mitigation of unequal treatment, without a coin: the same row gets the same answer.
 *
 * group  [n] in [0, groups_n), or -1: not of any group. y, score, weight as in fairness.h
 */
#ifndef TDL_STATS_MITIGATE_H
#define TDL_STATS_MITIGATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Reweighing (Kamiran and Calders, 2012): w(g, y) = P(g) P(y) / P(g, y), so that group and class
 * are independent under the weights. Rows without a group keep 1; what a row weighed before counts.
 *   y    [n] 0 .. classes_n - 1
 *   ret  [n] factors */
tdl_status tdl_reweigh(const double *y, size_t classes_n, const int32_t *group, size_t groups_n,
                       const double *weight, size_t n, double *ret, tdl_report *why);

typedef enum tdl_equal {
    TDL_EQUAL_SELECTION, /* demographic parity */
    TDL_EQUAL_TPR        /* equal opportunity */
} tdl_equal;

/* For each group the threshold (decide 1 where score >= it) whose rate is nearest to `target`; of
 * equally near ones the higher. It lies half-way between two distinct scores, so that ties are
 * decided alike and the rate is as near as they allow.
 *   fallback  of groups that have no rows to count, such as positives
 *   ret       [groups_n] */
tdl_status tdl_group_thresholds(tdl_equal kind, const double *y, const double *score,
                                const double *weight, const int32_t *group, size_t groups_n,
                                size_t n, double target, double fallback, double *ret,
                                tdl_report *why);

/* The true-positive rate to ask of every group so that `selection` of all rows with a group are
 * chosen: to that of one threshold for all, equal opportunity then does not add positives. */
tdl_status tdl_equal_tpr_target(const double *y, const double *score, const double *weight,
                                const int32_t *group, size_t groups_n, size_t n, double selection,
                                double *ret, tdl_report *why);

/* Quantile repair (Feldman et al., 2015): within a group the order of rows stays, but the scores of
 * all groups come to have one distribution, the mean of their quantile functions by weight. At
 * strength s a score is (1 - s) own + s repaired. */
enum { TDL_REPAIR_KNOTS = 101 };

typedef struct tdl_repair {
    size_t groups_n;
    double strength;
    double *quantile; /* [groups_n][KNOTS] of each group, not falling */
    double *common;   /* [KNOTS] */
} tdl_repair;

/* strength in [0, 1]. A group without rows stays as it is. */
tdl_status tdl_repair_fit(const double *score, const double *weight, const int32_t *group,
                          size_t groups_n, size_t n, double strength, tdl_repair *ret,
                          tdl_report *why);
void tdl_repair_release(tdl_repair *r); /* accepts a zeroed struct */
/* group -1 or unknown: the score itself. */
double tdl_repair_apply(const tdl_repair *r, double score, int32_t group);

/* As JSON and back. Loading treats the value as hostile. */
json_t *tdl_repair_save(const tdl_repair *r); /* NULL: no memory */
tdl_status tdl_repair_load(const json_t *saved, tdl_repair *ret, tdl_report *why);

#endif
