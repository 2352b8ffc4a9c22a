#include "apps/recommend/directed.h"

#include <math.h>
#include <stdlib.h>

#include "apps/recommend/counting.h"

/* row_max: rows of popular items are thousands long and would be most of the work of an answer. 256
 * is a quarter of that work; on MovieLens small it costs .002 of validation NDCG@10. */
const tdl_directed_params tdl_directed_defaults = {.window = 10,
                                                   .step_decay = .8,
                                                   .backward = .3,
                                                   .size_power = 0,
                                                   .shrinkage = 5,
                                                   .row_max = 256,
                                                   .recent = 10,
                                                   .recency = .7};

/* A larger group (a bulk import without times, a robot) says nothing about order or taste, and its
 * pairs are too many to count: it takes up its place among the steps but adds nothing. */
enum { GROUP_MAX = 2000 };

/* size^-power */
static double size_weight(size_t size, double power)
{
    return power == 0 ? 1 : pow((double)size, -power);
}

/* A user's events of one time: [begin, end) of the interactions. */
typedef struct group {
    size_t begin, end;
} group;

typedef struct counting {
    const tdl_directed_params *params;
    group *group_of; /* [interactions] the group that each event belongs to */
} counting;

/* First index of the group that ends at `end` > begin. */
static size_t group_begin(const int64_t *time_us, size_t begin, size_t end)
{
    size_t at = end - 1;

    while (at > begin && time_us[at - 1] == time_us[end - 1])
        at--;
    return at;
}

static void find_groups(const tdl_fit_data *data, group *group_of)
{
    const tdl_interactions *all = data->all;

    for (size_t user = 0; user < all->users_n; user++)
        for (size_t end = data->end[user]; end > all->offsets[user];) {
            size_t begin = group_begin(all->time_us, all->offsets[user], end);
            for (size_t i = begin; i < end; i++)
                group_of[i] = (group){begin, end};
            end = begin;
        }
}

static size_t group_size(group g)
{
    return g.end - g.begin;
}

static void add_group(const tdl_fit_data *data, group g, double weight, tdl_row *row)
{
    for (size_t i = g.begin; i < g.end && group_size(g) <= GROUP_MAX; i++)
        tdl_row_add(row, data->all->item[i], weight);
}

static void add_own_group(const tdl_directed_params *p, const tdl_fit_data *data, group g,
                          size_t at, tdl_row *row)
{
    if (group_size(g) == 1)
        return;
    double weight = (1 + p->backward) / 2 * size_weight(group_size(g) - 1, p->size_power);
    for (size_t i = g.begin; i < g.end; i++)
        if (data->all->item[i] != data->all->item[at])
            tdl_row_add(row, data->all->item[i], weight);
}

static void count_neighbours(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                             tdl_row *row)
{
    const counting *c = context;
    const tdl_directed_params *p = c->params;
    group own = c->group_of[at], g;

    if (group_size(own) > GROUP_MAX)
        return;
    add_own_group(p, data, own, at, row);
    double weight = size_weight(group_size(own), p->size_power);
    size_t i = own.end;
    for (size_t k = 1; k <= p->window && i < data->end[user]; k++, weight *= p->step_decay) {
        g = c->group_of[i];
        add_group(data, g, weight * size_weight(group_size(g), p->size_power), row);
        i = g.end;
    }
    weight = p->backward * size_weight(group_size(own), p->size_power);
    i = own.begin;
    for (size_t k = 1; k <= p->window && i > data->all->offsets[user];
         k++, weight *= p->step_decay) {
        g = c->group_of[i - 1];
        add_group(data, g, weight * size_weight(group_size(g), p->size_power), row);
        i = g.begin;
    }
}

static void divide_by_row_sum(const void *context, int32_t item, const int32_t *column,
                              double *value, size_t n)
{
    const counting *c = context;
    double sum = c->params->shrinkage;

    TDL_UNUSED(item);
    TDL_UNUSED(column);
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    for (size_t i = 0; i < n; i++)
        value[i] /= sum;
}

tdl_status tdl_directed_fit(const tdl_directed_params *params, const tdl_fit_data *data,
                            const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why)
{
    size_t n = data->all->offsets[data->all->users_n];
    counting c = {params, malloc((n + 1) * sizeof *c.group_of)};
    tdl_sparse_recipe recipe = {.context = &c,
                                .occurrence = count_neighbours,
                                .finish = divide_by_row_sum,
                                .keep = params->row_max};
    tdl_status st;

    if (!c.group_of)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the groups of %zu events", n);
    find_groups(data, c.group_of);
    st = tdl_sparse_fit(data, &recipe, options, ret, why);
    free(c.group_of);
    return st;
}

double *tdl_directed_weights(const tdl_directed_params *params, const tdl_history *history,
                             tdl_arena *scratch, size_t *ret_from)
{
    double *weight = tdl_arena_alloc(scratch, history->n, sizeof *weight);
    double age_weight = 1;
    size_t end = history->n;

    for (size_t age = 0; weight && age < params->recent && end; age++) {
        size_t begin = group_begin(history->time_us, 0, end);
        while (end > begin)
            weight[--end] = age_weight;
        age_weight *= params->recency;
    }
    *ret_from = end;
    return weight;
}

/* ---- the rung: the same with the default parameters ---- */

static tdl_status directed_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                               tdl_report *why)
{
    tdl_sparse matrix;
    tdl_status st = tdl_directed_fit(&tdl_directed_defaults, data, options, &matrix, why);

    return st ? st : tdl_counting_take(&matrix, ret_model, why);
}

static double *weigh_groups(const tdl_history *history, tdl_arena *scratch, size_t *ret_from)
{
    return tdl_directed_weights(&tdl_directed_defaults, history, scratch, ret_from);
}

static tdl_status directed_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                 float *scores)
{
    return tdl_counting_score(model, history, weigh_groups, scratch, scores);
}

static void directed_explain(const void *model, const tdl_history *history, const int32_t *items,
                             size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                             size_t *ret_n)
{
    tdl_counting_explain(model, history, items, items_n, weigh_groups, scratch, ret, max, ret_n);
}

static void directed_save(const void *model, tdl_st_writer *writer)
{
    tdl_sparse_save(model, "directed", writer);
}

static tdl_status directed_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                                tdl_report *why)
{
    return tdl_counting_load(file, "directed", items_n, ret_model, why);
}

const tdl_rung_ops tdl_rung_directed = {
    .name = "directed",
    .fit = directed_fit,
    .free = tdl_counting_free,
    .score = directed_score,
    .explain = directed_explain,
    .similar = tdl_counting_similar,
    .save = directed_save,
    .load = directed_load,
    .bytes = tdl_counting_bytes,
};
