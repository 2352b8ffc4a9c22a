/* Which rows boosting holds out to see how many rounds help. Internal to this folder. */
#ifndef TDL_LEARN_BOOST_ROWS_H
#define TDL_LEARN_BOOST_ROWS_H

#include "learn/learner.h"

/* Are there rows enough that some can be spared? */
bool tdl_boost_can_hold_out(const tdl_problem *problem);

/* 15 % once, or all in four parts where rows are few. The classes of a fold are as those of the
 * whole; the lists of a ranking stay whole.
 *   ret_fold  [rows] the part, or TDL_XGBOOST_ALWAYS; the caller's */
tdl_status tdl_boost_hold_out(const tdl_problem *problem, uint8_t **ret_fold, size_t *ret_folds_n,
                              tdl_report *why);

/* Rounds on all rows for one on those that were not held out. */
double tdl_boost_rounds_scale(size_t folds_n);

#endif
