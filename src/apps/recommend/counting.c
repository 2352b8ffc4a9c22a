#include "apps/recommend/counting.h"

#include <stdlib.h>
#include <string.h>

tdl_status tdl_counting_take(tdl_sparse *take_matrix, void **ret_model, tdl_report *why)
{
    tdl_sparse *model = malloc(sizeof *model);

    if (!model) {
        tdl_sparse_release(take_matrix);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    }
    *model = *take_matrix;
    *ret_model = model;
    return TDL_OK;
}

tdl_status tdl_counting_fit(const tdl_fit_data *data, const tdl_sparse_recipe *recipe,
                            const tdl_fit_options *options, void **ret_model, tdl_report *why)
{
    tdl_sparse matrix;
    tdl_status st = tdl_sparse_fit(data, recipe, options, &matrix, why);

    return st ? st : tdl_counting_take(&matrix, ret_model, why);
}

tdl_status tdl_counting_load(const tdl_st_file *file, const char *rung, size_t items_n,
                             void **ret_model, tdl_report *why)
{
    tdl_sparse matrix;
    tdl_status st = tdl_sparse_load(file, rung, items_n, &matrix, why);

    return st ? st : tdl_counting_take(&matrix, ret_model, why);
}

void tdl_counting_free(void *model)
{
    if (model)
        tdl_sparse_release(model);
    free(model);
}

tdl_status tdl_counting_similar(const void *model, int32_t item, float *scores)
{
    const tdl_sparse *matrix = model;

    memset(scores, 0, matrix->items_n * sizeof *scores);
    tdl_sparse_add_row(matrix, item, 1, scores);
    return TDL_OK;
}

size_t tdl_counting_bytes(const void *model)
{
    return tdl_sparse_bytes(model);
}

tdl_status tdl_counting_score(const tdl_sparse *matrix, const tdl_history *history,
                              tdl_history_weights *weights, tdl_arena *scratch, float *scores)
{
    size_t from = 0;
    const double *weight = weights(matrix, history, scratch, &from);

    if (!weight)
        return TDL_E_NO_MEMORY;
    memset(scores, 0, matrix->items_n * sizeof *scores);
    for (size_t i = from; i < history->n; i++) {
        if (i + 1 < history->n)
            tdl_sparse_prefetch(matrix, history->item[i + 1]);
        tdl_sparse_add_row(matrix, history->item[i], (float)weight[i], scores);
    }
    return TDL_OK;
}

void tdl_counting_explain(const tdl_sparse *matrix, const tdl_history *history,
                          const int32_t *items, size_t items_n, tdl_history_weights *weights,
                          tdl_arena *scratch, tdl_reason *ret, size_t max, size_t *ret_n)
{
    size_t from = 0;
    const double *weight = weights(matrix, history, scratch, &from);
    size_t each = history->n - (weight ? from : 0);
    tdl_term *terms = tdl_arena_alloc(scratch, items_n * each, sizeof *terms);

    memset(ret_n, 0, items_n * sizeof *ret_n);
    if (!weight || !terms)
        return;
    for (size_t i = from; i < history->n; i++) // a row at a time: it is far away
        for (size_t k = 0; k < items_n; k++) {
            double value = weight[i] * (double)tdl_sparse_at(matrix, history->item[i], items[k]);
            if (value > 0)
                terms[k * each + ret_n[k]++] = (tdl_term){i, value};
        }
    for (size_t k = 0; k < items_n; k++)
        ret_n[k] = tdl_terms_reasons(terms + k * each, ret_n[k], ret + k * max, max);
}
