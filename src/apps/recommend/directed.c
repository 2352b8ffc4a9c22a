#include "apps/recommend/directed.h"

#include <math.h>
#include <stdlib.h>

#include "apps/recommend/counting.h"
#include "apps/recommend/decay.h"

/* row_max: rows of popular items are thousands long and would be most of the work of an answer. 256
 * is a quarter of that work; on MovieLens small it costs .002 of validation NDCG@10. */
const tdl_directed_params tdl_directed_defaults = {.window = 10,
                                                   .step_decay = .8,
                                                   .backward = .3,
                                                   .size_power = 0,
                                                   .shrinkage = 5,
                                                   .row_max = 256,
                                                   .recent = 10,
                                                   .recency = .7,
                                                   .same_group = .65};

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
    int64_t now_us;
    const uint8_t *weight; /* as tdl_fit_options */
} counting;

/* What age leaves of a count. */
static double age_weight(const counting *c, const tdl_fit_data *data, group g)
{
    return tdl_decay_weight(c->now_us, data->all->time_us[g.begin],
                            c->params->half_life_days * (double)TDL_DAY_US);
}

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

/* What follows counts as its kind weighs; what it follows is as good a sign whatever it was. */
static void add_event(const counting *c, const tdl_fit_data *data, size_t at, double weight,
                      tdl_row *row)
{
    uint8_t of_kind = c->weight ? c->weight[at] : 1;

    if (of_kind)
        tdl_row_add(row, data->all->item[at], weight * of_kind);
}

static void add_group(const counting *c, const tdl_fit_data *data, group g, double weight,
                      tdl_row *row)
{
    for (size_t i = g.begin; i < g.end && group_size(g) <= GROUP_MAX; i++)
        add_event(c, data, i, weight, row);
}

static void add_own_group(const counting *c, const tdl_fit_data *data, group g, size_t at,
                          tdl_row *row)
{
    const tdl_directed_params *p = c->params;

    if (group_size(g) == 1 || !(p->same_group > 0))
        return;
    double weight =
        p->same_group * size_weight(group_size(g) - 1, p->size_power) * age_weight(c, data, g);
    for (size_t i = g.begin; i < g.end; i++)
        if (data->all->item[i] != data->all->item[at])
            add_event(c, data, i, weight, row);
}

static void count_neighbours(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                             tdl_row *row)
{
    const counting *c = context;
    const tdl_directed_params *p = c->params;
    group own = c->group_of[at], g;

    if (group_size(own) > GROUP_MAX)
        return;
    add_own_group(c, data, own, at, row);
    double weight = size_weight(group_size(own), p->size_power);
    size_t i = own.end;
    for (size_t k = 1; k <= p->window && i < data->end[user]; k++, weight *= p->step_decay) {
        g = c->group_of[i];
        add_group(c, data, g,
                  weight * size_weight(group_size(g), p->size_power) * age_weight(c, data, g), row);
        i = g.end;
    }
    weight = p->backward * size_weight(group_size(own), p->size_power) * age_weight(c, data, own);
    i = own.begin;
    for (size_t k = 1; weight > 0 && k <= p->window && i > data->all->offsets[user];
         k++, weight *= p->step_decay) {
        g = c->group_of[i - 1];
        add_group(c, data, g, weight * size_weight(group_size(g), p->size_power), row);
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

/* From counts to M[i][j] / ((R_i + c)(C_j + c)^damping), then the cut. */
static tdl_status damp(const tdl_directed_params *params, tdl_sparse *m, tdl_report *why)
{
    double *column_sum = calloc(m->items_n + 1, sizeof *column_sum);

    if (!column_sum)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the sums of %zu columns", m->items_n);
    for (int64_t i = 0; i < m->offsets[m->items_n]; i++)
        column_sum[m->column[i]] += (double)m->value[i];
    for (size_t j = 0; j < m->items_n; j++)
        column_sum[j] = pow(column_sum[j] + params->shrinkage, -params->damping);
    for (size_t row = 0; row < m->items_n; row++) {
        double sum = params->shrinkage;
        for (int64_t i = m->offsets[row]; i < m->offsets[row + 1]; i++)
            sum += (double)m->value[i];
        for (int64_t i = m->offsets[row]; i < m->offsets[row + 1]; i++)
            m->value[i] = (float)((double)m->value[i] / sum * column_sum[m->column[i]]);
    }
    free(column_sum);
    return tdl_sparse_cut(m, params->row_max, why);
}

tdl_status tdl_directed_fit(const tdl_directed_params *params, const tdl_fit_data *data,
                            const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why)
{
    size_t n = data->all->offsets[data->all->users_n];
    counting c = {params, malloc((n + 1) * sizeof *c.group_of), tdl_fit_now(data, options),
                  options->weight};
    bool damped = params->damping > 0; // needs the sums of all columns first
    tdl_sparse_recipe recipe = {.context = &c,
                                .occurrence = count_neighbours,
                                .finish = damped ? NULL : divide_by_row_sum,
                                .keep = damped ? 0 : params->row_max};
    tdl_status st;

    if (!c.group_of)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the groups of %zu events", n);
    find_groups(data, c.group_of);
    st = tdl_sparse_fit(data, &recipe, options, ret, why);
    free(c.group_of);
    if (!st && damped && (st = damp(params, ret, why)))
        tdl_sparse_release(ret);
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
        double each = age_weight * size_weight(end - begin, params->query_power);
        while (end > begin)
            weight[--end] = each;
        age_weight *= params->recency;
    }
    *ret_from = end;
    return weight;
}

/* ---- the rung ---- */

enum { PARAMS_SAVED = 12 };

/* What a file may say: counts are made anew with them (live_state.h). */
static const double params_max[PARAMS_SAVED] = {1000, 1, 10, 10,  1e9, 1e9,
                                                1000, 1, 10, 1e6, 10,  10};

/* Begins with the matrix: counting.h. */
typedef struct directed {
    tdl_sparse matrix;
    tdl_directed_params params;
    double saved[PARAMS_SAVED]; /* the same, as it is written */
} directed;

static void params_to(const tdl_directed_params *p, double ret[PARAMS_SAVED])
{
    const double values[PARAMS_SAVED] = {(double)p->window, p->step_decay, p->backward,
                                         p->size_power,     p->shrinkage,  (double)p->row_max,
                                         (double)p->recent, p->recency,    p->same_group,
                                         p->half_life_days, p->damping,    p->query_power};

    for (size_t i = 0; i < PARAMS_SAVED; i++)
        ret[i] = values[i];
}

/* take_matrix is the model's now, or released. */
static tdl_status take_directed(tdl_sparse *take_matrix, const tdl_directed_params *params,
                                void **ret_model, tdl_report *why)
{
    directed *m = malloc(sizeof *m);

    if (!m) {
        tdl_sparse_release(take_matrix);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    }
    *m = (directed){.matrix = *take_matrix, .params = *params};
    params_to(params, m->saved);
    *ret_model = m;
    return TDL_OK;
}

static tdl_status directed_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                               tdl_report *why)
{
    const tdl_directed_params *params = options->params ? options->params : &tdl_directed_defaults;
    tdl_sparse matrix;
    tdl_status st = tdl_directed_fit(params, data, options, &matrix, why);

    return st ? st : take_directed(&matrix, params, ret_model, why);
}

const tdl_directed_params *tdl_directed_params_of(const void *model)
{
    return &((const directed *)model)->params;
}

static double *weigh_groups(const void *model, const tdl_history *history, tdl_arena *scratch,
                            size_t *ret_from)
{
    return tdl_directed_weights(&((const directed *)model)->params, history, scratch, ret_from);
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
    const directed *m = model;

    tdl_sparse_save(&m->matrix, "directed", writer);
    tdl_st_add_1d(writer, "directed/params", TDL_F64, PARAMS_SAVED, m->saved);
}

/* Files of older versions have none: they were fitted with the defaults. */
static tdl_status load_params(const tdl_st_file *file, tdl_directed_params *ret, tdl_report *why)
{
    const tdl_st_view *view;
    tdl_status st;

    *ret = tdl_directed_defaults;
    if (!tdl_st_find(file, "directed/params"))
        return TDL_OK;
    if ((st = tdl_st_get(file, "directed/params", TDL_F64, 1, &view, why)))
        return st;
    if (view->n != PARAMS_SAVED)
        return TDL_FAIL(why, TDL_E_CORRUPT, "directed/params: %zu numbers, expected %d", view->n,
                        PARAMS_SAVED);
    const double *v = view->data;
    for (size_t i = 0; i < PARAMS_SAVED; i++)
        if (!(v[i] >= 0 && v[i] <= params_max[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "directed/params: number %zu is %g, expected 0 to %g", i, v[i],
                            params_max[i]);
    *ret = (tdl_directed_params){.window = (size_t)v[0],
                                 .step_decay = v[1],
                                 .backward = v[2],
                                 .size_power = v[3],
                                 .shrinkage = v[4],
                                 .row_max = (size_t)v[5],
                                 .recent = (size_t)v[6],
                                 .recency = v[7],
                                 .same_group = v[8],
                                 .half_life_days = v[9],
                                 .damping = v[10],
                                 .query_power = v[11]};
    return TDL_OK;
}

static tdl_status directed_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                                tdl_report *why)
{
    tdl_directed_params params;
    tdl_sparse matrix;
    tdl_status st = load_params(file, &params, why);

    if (st || (st = tdl_sparse_load(file, "directed", items_n, &matrix, why)))
        return st;
    return take_directed(&matrix, &params, ret_model, why);
}

static size_t directed_bytes(const void *model)
{
    return tdl_sparse_bytes(&((const directed *)model)->matrix) + sizeof(directed);
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
    .bytes = directed_bytes,
    .repeats = true,
};
