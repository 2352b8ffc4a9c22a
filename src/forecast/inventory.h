/* How much to hold and when to order, from a forecast and what past forecasts were wrong by.
 *
 * Demand until an order arrives is the sum of the forecast over those steps plus the sum of their
 * errors. The errors of one path hang together, so their sum is taken path by path from the
 * back-test, never from a deviation times the root of the steps: no distribution is assumed.
 *
 *     safety stock    the quantile of those sums at the service level
 *     reorder point   forecast over the lead time + safety stock         (continuous review)
 *     order up to     the same over lead time + review period            (periodic review)
 *     EOQ             sqrt(2 demand order_cost / holding_cost)           Harris 1913
 *     newsvendor      demand at the critical ratio under / (under + over)  Arrow, Harris and
 *                     Marschak 1951
 * after Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (2017),
 * chapters 4, 6 and 9.
 */
#ifndef TDL_FORECAST_INVENTORY_H
#define TDL_FORECAST_INVENTORY_H

#include <stddef.h>

#include "base/report.h"

/* Demand as it may turn out. */
typedef struct tdl_demand {
    const double *mean; /* [horizon] */
    size_t horizon;
    const double *residual; /* [paths_n][horizon] truth less forecast */
    size_t paths_n;
} tdl_demand;

typedef struct tdl_stock_options {
    size_t lead_time;    /* steps from order to arrival, >= 1 */
    size_t review;       /* steps between looks; 0 = one looks always */
    double service;      /* share of order cycles without a shortage, in (0, 1) */
    double order_cost;   /* of placing one; 0 = no EOQ */
    double holding_cost; /* of a unit for a step */
    double position;     /* on hand and on order, less what is owed */
} tdl_stock_options;

typedef struct tdl_stock {
    double expected;      /* demand over lead time + review */
    double safety;        /* may be below 0 where forecasts were too high */
    double reorder_point; /* over the lead time alone */
    double order_up_to;
    double eoq;   /* NaN: no costs were given */
    double order; /* to bring the position up to there, at or above 0 */
} tdl_stock;

/* TDL_E_INVALID: lead time and review are beyond the horizon; too few paths for the service level:
 * says how many are needed; costs or levels out of range. */
tdl_status tdl_stock_plan(const tdl_demand *demand, const tdl_stock_options *options,
                          tdl_stock *ret, tdl_report *why);

/* How much to have for the next `steps` when each unit short costs `under` and each left `over`. */
tdl_status tdl_newsvendor(const tdl_demand *demand, size_t steps, double under, double over,
                          double *ret, tdl_report *why);

/* sqrt(2 demand order_cost / holding_cost), demand and holding cost of the same time. */
double tdl_eoq(double demand, double order_cost, double holding_cost);

#endif
