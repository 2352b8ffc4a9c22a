/* An experiment that somebody else ran, from a table of its units.
 *
 * An outcome is named by its column:
 *
 *     retention_7              zeros and ones: a proportion. Other numbers: a mean
 *     clicks/views             a ratio of sums
 *     latency@0.9              a quantile; several rows of a unit are several values of it
 *     revenue~revenue_before   CUPED: the second column was known before the unit saw its arm. A
 * unit without it counts as one more group, as with an indicator
 *
 * Rows of one unit are added up (of zeros and ones: 1 if any is). A unit in several arms is left
 * out of all, and counted.
 */
#ifndef TDL_DECIDE_UNIT_ROWS_H
#define TDL_DECIDE_UNIT_ROWS_H

#include "apps/decide/experiment.h"
#include "table/frame.h"

typedef struct tdl_unit_ask {
    const char *arm;     /* column */
    const char *control; /* its value; NULL = the first by name */
    const char *unit;    /* column; NULL = each row is a unit */
    tdl_str outcome[TDL_EXPERIMENT_OUTCOMES_MAX];
    size_t outcomes_n;
    double cap; /* means are winsorised at this quantile of all arms joined, in (0, 1); 0 = not */
} tdl_unit_ask;

/* Roles, margins and directions of the outcomes are the caller's to set. ret lives in `arena`.
 *   returns  TDL_OK | TDL_E_INVALID (which column, and what is wrong with it) | TDL_E_NO_MEMORY */
tdl_status tdl_unit_rows_read(const tdl_frame *frame, const tdl_unit_ask *ask, tdl_arena *arena,
                              tdl_experiment *ret, tdl_report *why);

#endif
