/* Rung "markov": what came next.
 *
 * Each item gives 1, 1/2, 1/3 to the next three items of the same user. Rows are divided by their
 * sum + 5. A score is the sum over the user's last five items, weighted .8^age, newest age 0.
 */
#include "apps/recommend/counting.h"

enum { WINDOW = 3, RECENT = 5 };
static const double SHRINKAGE = 5, DECAY = .8;

static void count_followers(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                            tdl_row *row)
{
    TDL_UNUSED(context);
    for (size_t step = 1; step <= WINDOW && at + step < data->end[user]; step++)
        tdl_row_add(row, data->all->item[at + step], 1.0 / (double)step);
}

static void normalise(const void *context, int32_t item, const int32_t *column, double *value,
                      size_t n)
{
    double sum = 0;

    TDL_UNUSED(context);
    TDL_UNUSED(item);
    TDL_UNUSED(column);
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    for (size_t i = 0; i < n; i++)
        value[i] /= sum + SHRINKAGE;
}

static tdl_status markov_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                             tdl_report *why)
{
    static const tdl_sparse_recipe recipe = {.occurrence = count_followers, .finish = normalise};

    return tdl_counting_fit(data, &recipe, options, ret_model, why);
}

static double *weigh_recent(const void *model, const tdl_history *history, tdl_arena *scratch,
                            size_t *ret_from)
{
    double *weight = tdl_arena_alloc(scratch, history->n, sizeof *weight);
    double value = 1;

    TDL_UNUSED(model);
    *ret_from = history->n > RECENT ? history->n - RECENT : 0;
    for (size_t i = history->n; weight && i-- > *ret_from; value *= DECAY)
        weight[i] = value;
    return weight;
}

static tdl_status markov_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                               float *scores)
{
    return tdl_counting_score(model, history, weigh_recent, scratch, scores);
}

static void markov_explain(const void *model, const tdl_history *history, const int32_t *items,
                           size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                           size_t *ret_n)
{
    tdl_counting_explain(model, history, items, items_n, weigh_recent, scratch, ret, max, ret_n);
}

static void markov_save(const void *model, tdl_st_writer *writer)
{
    tdl_sparse_save(model, "markov", writer);
}

static tdl_status markov_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                              tdl_report *why)
{
    return tdl_counting_load(file, "markov", items_n, ret_model, why);
}

const tdl_rung_ops tdl_rung_markov = {
    .name = "markov",
    .fit = markov_fit,
    .free = tdl_counting_free,
    .score = markov_score,
    .explain = markov_explain,
    .similar = tdl_counting_similar,
    .save = markov_save,
    .load = markov_load,
    .bytes = tdl_counting_bytes,
};
