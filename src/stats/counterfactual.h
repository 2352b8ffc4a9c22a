/* Counterfactuals: the nearest rows that a model would decide otherwise, within what may change.
 *
 * A row is its cells: a number, or the number of a level. The search knows the model by its scores
 * only. It looks at every change of one column and of two on candidate values (quantiles, levels;
 * of more than 720 candidates, pairs of the 720 that come nearest by themselves), then, where more
 * may change, walks on from the most promising changes; what it finds is shrunk towards the row as
 * far as the answer holds. The set is diverse: no two change the same columns.
 *
 * Distance  sum over changed columns of |change| / scale; 1 for a level, and from or to missing
 * Missing   NaN of a number, -1 of a level
 * Replay    same row, same limits: the same set, unless the time ran out
 */
#ifndef TDL_STATS_COUNTERFACTUAL_H
#define TDL_STATS_COUNTERFACTUAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"

enum { TDL_CF_CHANGED_MAX = 8, TDL_CF_SET_MAX = 5 };

typedef enum tdl_cf_direction {
    TDL_CF_FALLS = -1,
    TDL_CF_ANY = 0,
    TDL_CF_RISES = 1
} tdl_cf_direction;

typedef struct tdl_cf_column {
    const char *name; /* for reports */
    bool category;
    const double *candidate; /* [candidates_n] values or levels worth trying; finite */
    size_t candidates_n;
    double scale; /* of numbers: such as their median absolute deviation; > 0 */
    /* Limits. */
    bool immutable;
    tdl_cf_direction direction; /* of numbers */
    bool bounded;               /* low and high hold */
    double low, high;
    double step;         /* of numbers: the row's value plus a multiple of it; 0 = any */
    const bool *allowed; /* [levels_n] levels it may become; NULL = all */
    size_t levels_n;     /* of `allowed` */
} tdl_cf_column;

typedef struct tdl_cf_options {
    double wanted_low, wanted_high; /* scores that count as the other answer, ends included */
    size_t changed_max;             /* columns; 0 = 3, at most 8 */
    size_t set_max;                 /* 0 = 5, at most 5 */
    double seconds;                 /* 0 = 1 */
} tdl_cf_options;

/* cells [n][columns_n] -> ret [n] */
typedef tdl_status tdl_cf_score(void *context, const double *cells, size_t n, double *ret,
                                tdl_report *why);

typedef struct tdl_cf {
    double *cells; /* [columns_n] */
    size_t changed_n;
    double distance, score;
} tdl_cf;

typedef struct tdl_cf_set {
    tdl_cf item[TDL_CF_SET_MAX]; /* [n] nearest first; n = 0: none within the limits */
    size_t n;
    double score; /* of the row itself; when it is wanted already, item 0 is the row */
    size_t scored;
    bool timed_out; /* there may be nearer ones */
} tdl_cf_set;

/*   row      [columns_n] cells
 *   returns  TDL_OK | TDL_E_INVALID (limits that contradict each other, named; a score that is not
 *            finite) | TDL_E_NO_MEMORY | what the score gives */
tdl_status tdl_cf_search(const tdl_cf_column *column, size_t columns_n, const double *row,
                         const tdl_cf_options *options, tdl_cf_score *score, void *context,
                         tdl_cf_set *ret, tdl_report *why);
void tdl_cf_set_release(tdl_cf_set *set); /* accepts a zeroed struct */

#endif
