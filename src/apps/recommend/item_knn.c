/* Rung "item-knn": items that the same users had.
 *
 * Co-occurrence of items i and j (users who had both) over sqrt(n_i n_j) + 20, n = users of an
 * item; the 200 nearest of each item are kept. A score is the sum over all items of the user.
 */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/counting.h"

/* A longer history (a robot) says nothing about taste, and its pairs are too many to count. */
enum { NEIGHBOURS = 200, HISTORY_MAX = 10000 };
static const double SHRINKAGE = 20;

static void count_companions(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                             tdl_row *row)
{
    int32_t item = data->all->item[at];

    TDL_UNUSED(context);
    if (data->end[user] - data->all->offsets[user] > HISTORY_MAX)
        return;
    for (size_t i = data->all->offsets[user]; i < data->end[user]; i++)
        if (data->all->item[i] != item)
            tdl_row_add(row, data->all->item[i], 1);
}

static void normalise(const void *context, int32_t item, const int32_t *column, double *value,
                      size_t n)
{
    const double *users = context; /* [items_n] */

    for (size_t i = 0; i < n; i++)
        value[i] /= sqrt(users[item] * users[column[i]]) + SHRINKAGE;
}

static tdl_status item_knn_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                               tdl_report *why)
{
    double *users = calloc(data->all->items_n + 1, sizeof *users);
    tdl_sparse_recipe recipe = {
        .context = users, .occurrence = count_companions, .finish = normalise, .keep = NEIGHBOURS};
    tdl_status st;

    if (!users)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for item-knn");
    for (size_t user = 0; user < data->all->users_n; user++) {
        tdl_history history = tdl_fit_history(data, user);
        for (size_t i = 0; i < history.n; i++)
            users[history.item[i]]++;
    }
    st = tdl_counting_fit(data, &recipe, options, ret_model, why);
    free(users);
    return st;
}

static double *weigh_all(const void *model, const tdl_history *history, tdl_arena *scratch,
                         size_t *ret_from)
{
    double *weight = tdl_arena_alloc(scratch, history->n, sizeof *weight);

    TDL_UNUSED(model);
    *ret_from = 0;
    for (size_t i = 0; weight && i < history->n; i++)
        weight[i] = 1;
    return weight;
}

static tdl_status item_knn_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                 float *scores)
{
    return tdl_counting_score(model, history, weigh_all, scratch, scores);
}

static void item_knn_explain(const void *model, const tdl_history *history, const int32_t *items,
                             size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                             size_t *ret_n)
{
    tdl_counting_explain(model, history, items, items_n, weigh_all, scratch, ret, max, ret_n);
}

static void item_knn_save(const void *model, tdl_st_writer *writer)
{
    tdl_sparse_save(model, "item-knn", writer);
}

static tdl_status item_knn_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                                tdl_report *why)
{
    return tdl_counting_load(file, "item-knn", items_n, ret_model, why);
}

const tdl_rung_ops tdl_rung_item_knn = {
    .name = "item-knn",
    .fit = item_knn_fit,
    .free = tdl_counting_free,
    .score = item_knn_score,
    .explain = item_knn_explain,
    .similar = tdl_counting_similar,
    .save = item_knn_save,
    .load = item_knn_load,
    .bytes = tdl_counting_bytes,
};
