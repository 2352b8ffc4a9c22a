/* Runs side by side: what was asked differently, and what came of it. */
#ifndef TDL_CLI_RUNS_COMPARE_H
#define TDL_CLI_RUNS_COMPARE_H

#include "train/runs.h"

/* In the user's language. */
const char *tdl_run_status_words(tdl_run_status status);

/* The better of a series' extremes: the smallest loss, error or duration, the largest of all else.
 */
const tdl_metric_point *tdl_series_best(const tdl_series *series);

/* JSON object or table on stdout.
 *   rows, curves  [n], of the same runs */
tdl_status tdl_runs_compare(const tdl_run_row *rows, const tdl_curves *curves, size_t n, bool json,
                            tdl_report *why);

#endif
