/* What deciding costs: a wrong yes and a wrong no have their prices (--cost FP:FN), a right answer
 * none. Of rows that were not learnt from, the mean cost a row of the threshold that these prices
 * ask for (Elkan, IJCAI 2001), beside that of 1/2 and of answering the same to everybody. */
#ifndef TDL_PREDICT_DECISION_COST_H
#define TDL_PREDICT_DECISION_COST_H

#include "apps/predict/fit.h"
#include "apps/predict/measure.h"

/* Costs can be had of yes-or-no targets only. TDL_E_INVALID | TDL_OK, also where none is asked. */
tdl_status tdl_decision_cost_check(const tdl_predict_options *options, tdl_task task,
                                   tdl_report *why);

/* The threshold that the options ask for; 1/2 without costs. */
tdl_status tdl_decision_threshold(const tdl_predict_options *options, tdl_task task, double *ret,
                                  tdl_report *why);

/* Where the options have costs, "decision": {"cost_fp", "cost_fn", "threshold", "rows",
 * "cost": {"threshold", "half", "no", "yes"}, "saved": {"over", "value", "low", "high"}}, costs a
 * row; saved: against the cheapest of the other three, paired over rows. Nothing otherwise. */
tdl_status tdl_decision_cost_write(const tdl_predict_options *options, const tdl_outcome *outcome,
                                   tdl_jw *out, tdl_report *why);

#endif
