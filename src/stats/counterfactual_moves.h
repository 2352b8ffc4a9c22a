/* What a counterfactual search may do to one column: its limits, and the values left to try. */
#ifndef TDL_STATS_COUNTERFACTUAL_MOVES_H
#define TDL_STATS_COUNTERFACTUAL_MOVES_H

#include "stats/counterfactual.h"

/* One value one column may take. */
typedef struct tdl_cf_move {
    size_t column;
    double value, cost;
    double gap; /* from its score to those wanted; 0: it does by itself, and pairs are farther */
} tdl_cf_move;

bool tdl_cf_is_missing(const tdl_cf_column *column, double value);
double tdl_cf_cost(const tdl_cf_column *column, double from, double to);
bool tdl_cf_is_allowed(const tdl_cf_column *column, double from, double to);
/* The value on the grid of steps from the row's own, the nearer side; of a missing cell as given.
 */
double tdl_cf_on_step(const tdl_cf_column *column, double from, double to);

/* Check limits, then list what they leave, by column and cost.
 *   ret  [ret_n], the caller's */
tdl_status tdl_cf_moves(const tdl_cf_column *column, size_t columns_n, const double *row,
                        tdl_cf_move **ret, size_t *ret_n, tdl_report *why);

#endif
