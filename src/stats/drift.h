/* Drift: how far the values of today are from those of training, by the population stability index.
 *
 * A column is cut into deciles of training, or levels, and missing; the index is the sum over parts
 * of (q - p) log(q / p), p and q the shares then and now. Below .1 is calm, .1 to .2 a change, from
 * .2 on an alarm (Siddiqi, 2006). Empty parts count half a row, so that it stays finite.
 */
#ifndef TDL_STATS_DRIFT_H
#define TDL_STATS_DRIFT_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { TDL_DRIFT_PARTS_MAX = 1024 };

/* Of one column. Numbers: part k holds [edge k - 1, edge k). Levels: part k is level k, the one
 * before the last is for all that are new. The last part is missing. */
typedef struct tdl_drift {
    double *edge; /* [edges_n] ascending; numbers only */
    size_t edges_n;
    size_t levels_n; /* 0 for numbers */
    double *count;   /* [parts_n] of training */
    size_t parts_n;
} tdl_drift;

/* From training: numbers (NaN = missing) or levels (-1 = missing) [n]; n >= 1. Deciles that are
 * equal are one; infinite numbers belong to the outer parts. */
tdl_status tdl_drift_of_numbers(const double *value, size_t n, tdl_drift *ret, tdl_report *why);
tdl_status tdl_drift_of_levels(const int32_t *level, size_t n, size_t levels_n, tdl_drift *ret,
                               tdl_report *why);
void tdl_drift_release(tdl_drift *d); /* accepts a zeroed struct */

size_t tdl_drift_part_of_number(const tdl_drift *d, double value);
size_t tdl_drift_part_of_level(const tdl_drift *d, int32_t level);

/* now [parts_n]: rows by part, which a server may keep as counters. NaN when there are none. */
double tdl_drift_index(const tdl_drift *d, const double *now);

/* As JSON and back. Loading treats the value as hostile. */
json_t *tdl_drift_save(const tdl_drift *d); /* NULL: no memory */
tdl_status tdl_drift_load(const json_t *saved, tdl_drift *ret, tdl_report *why);

#endif
