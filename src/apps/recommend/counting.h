/* What the rungs whose model is one sparse matrix have in common. The model pointer of such a rung
 * is a tdl_sparse, or begins with one. */
#ifndef TDL_APPS_RECOMMEND_COUNTING_H
#define TDL_APPS_RECOMMEND_COUNTING_H

#include "apps/recommend/sparse.h"

/* ret_model: a new tdl_sparse that owns what `take_matrix` held; released when there is no memory.
 */
tdl_status tdl_counting_take(tdl_sparse *take_matrix, void **ret_model, tdl_report *why);

/* ret_model: a new tdl_sparse fitted by `recipe`. */
tdl_status tdl_counting_fit(const tdl_fit_data *data, const tdl_sparse_recipe *recipe,
                            const tdl_fit_options *options, void **ret_model, tdl_report *why);
tdl_status tdl_counting_load(const tdl_st_file *file, const char *rung, size_t items_n,
                             void **ret_model, tdl_report *why);

/* Rows of tdl_rung_ops. */
void tdl_counting_free(void *model);
tdl_status tdl_counting_similar(const void *model, int32_t item, float *scores);
size_t tdl_counting_bytes(const void *model);

/* How much a history's events weigh, newest last: weight [history->n] of the events from *ret_from
 * on; those before weigh nothing. NULL when the arena is full. model: the rung's, whose first
 * member is the matrix. */
typedef double *tdl_history_weights(const void *model, const tdl_history *history,
                                    tdl_arena *scratch, size_t *ret_from);

/* scores[j] = sum of weight[i] * matrix[item[i]][j] */
tdl_status tdl_counting_score(const tdl_sparse *matrix, const tdl_history *history,
                              tdl_history_weights *weights, tdl_arena *scratch, float *scores);
/* The terms of that sum. */
void tdl_counting_explain(const tdl_sparse *matrix, const tdl_history *history,
                          const int32_t *items, size_t items_n, tdl_history_weights *weights,
                          tdl_arena *scratch, tdl_reason *ret, size_t max, size_t *ret_n);

#endif
