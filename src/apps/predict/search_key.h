/* The key of a search (search_log.h): a hash of all that its results depend on. */
#ifndef TDL_PREDICT_SEARCH_KEY_H
#define TDL_PREDICT_SEARCH_KEY_H

#include "apps/predict/contest.h"
#include "apps/predict/fit.h"

/* The rows with every cell, the target, weights, folds, preparation, metric, seed and the version
 * of the program. Which models compete and for how long is no part of it: a result is the same for
 * all that ask for it. */
void tdl_search_key(const tdl_contest_data *data, const tdl_predict_options *options,
                    unsigned char ret[TDL_SEARCH_KEY_BYTES]);

#endif
