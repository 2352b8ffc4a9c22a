/* Hierarchies: forecasts of parts and of their sums made to agree.
 *
 *     bottom up   each node is the sum of its leaves' forecasts
 *     OLS         the forecasts of all nodes moved as little as possible, in squares, until they
 *                 agree: y = S (S'S)^-1 S' f    (Hyndman, Ahmed, Athanasopoulos and Shang 2011)
 *
 * S [nodes][leaves] is 1 where a leaf is below (or is) a node.
 */
#ifndef TDL_FORECAST_HIERARCHY_H
#define TDL_FORECAST_HIERARCHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

typedef enum tdl_reconcile { TDL_RECONCILE_BOTTOM_UP, TDL_RECONCILE_OLS } tdl_reconcile;

enum { TDL_HIERARCHY_LEAVES_MAX = 4096 };

/* forecast [nodes_n][horizon] is made to agree, in place.
 *   parent   [nodes_n] number of the node above, -1 = none; a node that is nobody's parent is a
 *            leaf
 *   returns  TDL_OK | TDL_E_INVALID (a parent out of range, a circle: names the node; too many
 *            leaves for OLS) | TDL_E_NO_MEMORY */
tdl_status tdl_hierarchy_reconcile(const int32_t *parent, size_t nodes_n, tdl_reconcile how,
                                   double *forecast, size_t horizon, tdl_report *why);

#endif
