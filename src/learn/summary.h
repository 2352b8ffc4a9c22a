/* What weighted targets are like as a whole, on the scale of scores: the best guess without
 * features, for a whole problem or for a few of its rows.
 */
#ifndef TDL_LEARN_SUMMARY_H
#define TDL_LEARN_SUMMARY_H

#include "learn/learner.h"

/* Scores of rows row[n] of the problem (NULL = rows 0 .. n - 1).
 *   prior    [classes] shares that are added as one more row, for the tasks of classes; NULL =
 *            equal ones. counts: one more row of mean *prior
 *   scratch  [2 n] for quantiles, and for medians where the problem aims at those; else NULL
 *   ret      [scores_n] */
void tdl_summary(const tdl_problem *problem, const uint32_t *row, size_t n, const double *prior,
                 double *scratch, double *ret);

/* Does it look for quantiles or medians? */
bool tdl_summary_sorts(const tdl_problem *problem);

#endif
