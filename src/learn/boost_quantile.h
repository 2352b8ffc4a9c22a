/* Quantiles by boosted trees: one booster grown by squares, its leaves refitted at each level
 * (forest_refit.h). How many of its trees a level takes is seen on rows held out (boost_rows.h).
 * Internal to this folder.
 */
#ifndef TDL_LEARN_BOOST_QUANTILE_H
#define TDL_LEARN_BOOST_QUANTILE_H

#include "learn/boost_parameters.h"
#include "learn/forest.h"

/* ret: score k is quantile[k]. Two levels may cross.
 *   ret_rounds  of the level that takes most
 *   ret_loss    mean pinball loss on the rows held out, over all levels; left alone where none were
 *   TDL_E_INVALID | TDL_E_STOPPED | TDL_E_NO_MEMORY | ...: as xgboost_worker.h has them */
tdl_status tdl_boost_quantiles(const tdl_problem *problem, const tdl_boost_setting *setting,
                               tdl_forest *ret, uint32_t *ret_rounds, double *ret_loss,
                               tdl_report *why);

#endif
