/* A model as libxgboost saves it (UBJSON, its schema of 1.6 and later), as a forest.
 *
 * Read: boosted trees with numeric splits, one value a leaf. Refused with the reason: other
 * boosters, categorical splits, trees of more than one output. Nodes that pruning took out, and the
 * order of those that stay, are the library's; ours put children side by side.
 */
#ifndef TDL_LEARN_XGBOOST_MODEL_H
#define TDL_LEARN_XGBOOST_MODEL_H

#include "base/str.h"
#include "learn/forest.h"

/* bytes: hostile until checked. TDL_E_CORRUPT | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY */
tdl_status tdl_xgboost_model_read(tdl_str bytes, tdl_forest *ret, tdl_report *why);

#endif
