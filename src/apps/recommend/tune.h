/* Choosing a rung's settings by the held-out items of a validation fit. */
#ifndef TDL_APPS_RECOMMEND_TUNE_H
#define TDL_APPS_RECOMMEND_TUNE_H

#include "apps/recommend/rung.h"

/* Mean NDCG@10 of a fitted model over the users that options->validate names: measure.h.
 * TDL_E_NO_MEMORY. */
tdl_status tdl_validation_ndcg(const tdl_rung_ops *rung, const void *model,
                               const tdl_fit_data *data, const tdl_fit_options *options,
                               double *ret, tdl_report *why);

/* How good setting `at` of a row of settings is; larger is better. */
typedef tdl_status tdl_try_fn(void *context, size_t at, double *ret, tdl_report *why);

/* The best of a row of `n` settings that run from little to much of something: from `start` upwards
 * as long as the next is better, then the same downwards. Each is tried at most once. */
tdl_status tdl_climb(tdl_try_fn *try, void *context, size_t n, size_t start, size_t *ret,
                     tdl_report *why);

#endif
