/* One learner's part in a contest: its settings against each other, fold by fold (contest.h has the
 * rules). Private to contest.c. */
#ifndef TDL_PREDICT_BOUT_H
#define TDL_PREDICT_BOUT_H

#include "apps/predict/contest.h"

/* Fill in `entry`, whose ops are set. forced: asked for by name, so that no clock ends it. */
tdl_status tdl_bout_hold(const tdl_contest_data *data, tdl_entry *entry, bool forced,
                         tdl_report *why);

/* Seconds that it will take two threads of the machine that learners' costs were measured on, by
 * the number of fits, rows and features alone. */
double tdl_bout_estimate(const tdl_contest_data *data, const tdl_learner_ops *ops);

/* The problem without its rows, as `suits` and `settings` take it. */
tdl_problem tdl_bout_problem(const tdl_contest_data *data);

#endif
