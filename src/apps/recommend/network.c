/* Rung "network": the recency-weighted average of the last items' embeddings -> MLP -> scores.
 *
 * nn/recent_mlp.h gives the formula. Every position of every user's history is one example: predict
 * the item there from those before it, by softmax cross-entropy over the whole catalogue. The bias
 * of an item starts at the logarithm of its popularity, so that the tables learn what popularity
 * does not say.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/cosine.h"
#include "apps/recommend/rung.h"
#include "nn/recent_mlp.h"
#include "tensor/rows.h"
#include "train/graph.h"
#include "train/loop.h"

/* Chosen on the validation split of MovieLens small; neighbouring values do about as well. */
typedef struct recipe {
    size_t d, hidden;
    size_t last;  /* items a prediction looks back on */
    double decay; /* weight of an item relative to the one after it */
    double drop_in, drop_out;
    size_t batch;              /* examples per step */
    unsigned epochs, patience; /* at most; without improvement */
    double clip;
    tdl_optim_config optim;
} recipe;

static const recipe RECIPE = {
    .d = 48,
    .hidden = 96,
    .last = 20,
    .decay = 0.8,
    .drop_in = 0.1,
    .drop_out = 0.4,
    .batch = 512,
    .epochs = 4,
    .patience = 1,
    .clip = 1,
    .optim =
        {.name = "adamw", .lr = 6e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0.05},
};
enum { SCORES_MAX = 8 << 20, LAST_MAX = 1000 };
static const double WORK_MAX =
    4e9; /* scores of one fit: of more examples fewer epochs, at least 1 */

typedef struct network {
    tdl_recent_mlp mlp; /* params only: serving uses the packed copies */
    double recency[2];  /* last, decay: as saved */
    size_t last;
    double decay;
    tdl_packed *w1, *w2, *out;
} network;

static void network_free(void *model)
{
    network *n = model;

    if (!n)
        return;
    tdl_recent_mlp_release(&n->mlp);
    tdl_packed_free(n->w1);
    tdl_packed_free(n->w2);
    tdl_packed_free(n->out);
    free(n);
}

static network *network_new(size_t last, double decay)
{
    network *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    n->last = last;
    n->decay = decay;
    n->recency[0] = (double)last;
    n->recency[1] = decay;
    return n;
}

static float *value_of(const network *n, int slice)
{
    return tdl_params_value(&n->mlp.params, slice);
}

/* Fitted or loaded: from now on immutable. */
static tdl_status make_ready(network *n, tdl_report *why)
{
    const tdl_recent_mlp_config *c = &n->mlp.config;
    tdl_status st;

    tdl_net_release(&n->mlp.net);
    tdl_params_freeze(&n->mlp.params);
    if ((st = tdl_pack(value_of(n, n->mlp.w1), false, c->d, c->hidden, &n->w1, why)))
        return st;
    if ((st = tdl_pack(value_of(n, n->mlp.w2), false, c->hidden, c->d, &n->w2, why)))
        return st;
    return tdl_pack(value_of(n, n->mlp.out_table), true, c->d, c->items_n, &n->out, why);
}

/* ---- fitting ---- */

/* One row to predict: all->item[at] from the items in [begin, at). */
typedef struct example {
    size_t begin, at;
} example;

typedef struct fitting {
    const tdl_interactions *all;
    network *model;
    example *train, *held_out;
    size_t train_n, held_out_n, batch;
    uint64_t seed;
    tdl_fit_options *options;
    /* The batch being worked on. */
    size_t *offsets;  /* [batch + 1] */
    int32_t *id;      /* [batch * last] */
    float *weight;    /* same */
    int32_t *target;  /* [batch] */
    uint64_t *number; /* [batch] */
} fitting;

static void release_fitting(fitting *f)
{
    free(f->train);
    free(f->held_out);
    free(f->offsets);
    free(f->id);
    free(f->weight);
    free(f->target);
    free(f->number);
}

static size_t batch_rows(size_t items_n)
{
    size_t rows = SCORES_MAX / items_n;

    return rows > RECIPE.batch ? RECIPE.batch : rows < 8 ? 8 : rows;
}

static tdl_status list_examples(fitting *f, const tdl_fit_data *data, tdl_report *why)
{
    size_t users_n = data->all->users_n, last = f->model->last;

    f->train = malloc((data->all->offsets[users_n] + 1) * sizeof *f->train);
    f->held_out = malloc((users_n + 1) * sizeof *f->held_out);
    f->offsets = malloc((f->batch + 1) * sizeof *f->offsets);
    f->id = malloc((f->batch * last + 1) * sizeof *f->id);
    f->weight = malloc((f->batch * last + 1) * sizeof *f->weight);
    f->target = malloc((f->batch + 1) * sizeof *f->target);
    f->number = malloc((f->batch + 1) * sizeof *f->number);
    if (!f->train || !f->held_out || !f->offsets || !f->id || !f->weight || !f->target ||
        !f->number)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the examples of %zu users", users_n);
    for (size_t u = 0; u < users_n; u++) {
        size_t begin = data->all->offsets[u], end = data->end[u];
        for (size_t at = begin + 1; at < end; at++)
            f->train[f->train_n++] = (example){begin, at};
        if (f->options->validate && f->options->validate[u] && end > begin)
            f->held_out[f->held_out_n++] = (example){begin, end};
    }
    return TDL_OK;
}

/* bias = log((users who have the item + 1/2) / all of them) */
static void start_at_popularity(network *n, const tdl_fit_data *data)
{
    float *bias = value_of(n, n->mlp.out_bias);
    size_t items_n = data->all->items_n;
    double total = 0;

    for (size_t u = 0; u < data->all->users_n; u++) {
        tdl_history history = tdl_fit_history(data, u);
        for (size_t i = 0; i < history.n; i++)
            bias[history.item[i]]++;
        total += (double)history.n;
    }
    for (size_t i = 0; i < items_n; i++)
        bias[i] = (float)log((bias[i] + 0.5) / (total + 0.5 * (double)items_n));
}

/* Rows of `list`: those numbered which[0..n), or the n from `first` on when which is NULL. */
static tdl_nn_batch make_batch(fitting *f, const example *list, const uint32_t *which, size_t first,
                               size_t n)
{
    size_t entries = 0;

    f->offsets[0] = 0;
    for (size_t r = 0; r < n; r++) {
        size_t number = which ? which[r] : first + r;
        example e = list[number];
        size_t have = e.at - e.begin, used = have < f->model->last ? have : f->model->last;

        memcpy(f->id + entries, f->all->item + e.at - used, used * sizeof *f->id);
        tdl_recency_weights(used, f->model->decay, f->weight + entries);
        entries += used;
        f->offsets[r + 1] = entries;
        f->target[r] = f->all->item[e.at];
        f->number[r] = number;
    }
    return (tdl_nn_batch){.rows = n,
                          .offsets = f->offsets,
                          .id = {f->id},
                          .weight = f->weight,
                          .target = f->target,
                          .example = f->number};
}

static tdl_status gradient(void *model, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    fitting *f = model;
    tdl_net *net = &f->model->mlp.net;
    tdl_nn_batch batch = make_batch(f, f->train, which, 0, n);
    tdl_run run = {.seed = f->seed, .step = step, .training = true, .pool = pool};
    tdl_status st = tdl_net_forward(net, &batch, &run, why);

    if (st)
        return st;
    double weight;
    tdl_net_loss(net, &batch, ret_loss, &weight);
    return tdl_net_backward(net, &batch, &run, scale, why);
}

static tdl_status validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    fitting *f = model;
    tdl_net *net = &f->model->mlp.net;
    tdl_run run = {.pool = pool};
    double sum = 0;

    for (size_t at = 0; at < f->held_out_n; at += f->batch) {
        size_t left = f->held_out_n - at, n = left < f->batch ? left : f->batch;
        tdl_nn_batch batch = make_batch(f, f->held_out, NULL, at, n);
        tdl_status st = tdl_net_forward(net, &batch, &run, why);

        if (st)
            return st;
        double loss, weight;
        tdl_net_loss(net, &batch, &loss, &weight);
        sum += loss;
    }
    *ret = sum / (double)f->held_out_n;
    return TDL_OK;
}

static bool tell(void *context, double done, const char *detail)
{
    const tdl_fit_options *o = context;

    return !o->progress || o->progress(o->progress_context, "network", done, detail);
}

static unsigned epochs_of(const fitting *f)
{
    double work = (double)f->train_n * (double)f->all->items_n, most = WORK_MAX / (work + 1);

    return most >= RECIPE.epochs ? RECIPE.epochs : most > 1 ? (unsigned)most : 1;
}

static tdl_status train(fitting *f, tdl_report *why)
{
    tdl_fit_options *o = f->options;
    tdl_trainee trainee = {.model = f,
                           .params = &f->model->mlp.params,
                           .examples_n = f->train_n,
                           .gradient = gradient,
                           .validate = validate};
    tdl_loop_options options = {.seed = f->seed,
                                .epochs = o->epochs ? o->epochs : epochs_of(f),
                                .batch = f->batch,
                                .patience = f->held_out_n ? RECIPE.patience : 0,
                                .clip = RECIPE.clip,
                                .optim = RECIPE.optim,
                                .pool = o->pool,
                                .log = &o->log,
                                .tell = tell,
                                .tell_context = o};
    tdl_loop_result result;
    tdl_status st = tdl_loop_run(&trainee, &options, &result, why);

    if (!st)
        o->ret_epochs = result.epochs_best;
    return st;
}

static tdl_status network_fit(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                              tdl_report *why)
{
    tdl_recent_mlp_config config = {.items_n = data->all->items_n,
                                    .d = RECIPE.d,
                                    .hidden = RECIPE.hidden,
                                    .drop_in = RECIPE.drop_in,
                                    .drop_out = RECIPE.drop_out};
    fitting f = {.all = data->all, .options = options, .seed = options->seed};
    network *model = network_new(RECIPE.last, RECIPE.decay);
    tdl_status st;

    if (!model)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the network");
    f.model = model;
    if ((st = tdl_recent_mlp_init(&model->mlp, &config, why)))
        goto out;
    f.batch = batch_rows(config.items_n);
    tdl_recent_mlp_start(&model->mlp, options->seed);
    start_at_popularity(model, data);
    if ((st = list_examples(&f, data, why)))
        goto out;
    tdl_plan_options plan = {.rows = f.batch, .tokens = f.batch * model->last, .backward = true};
    if ((st = tdl_net_plan(&model->mlp.net, &plan, why)))
        goto out;
    tdl_graph_tell(&model->mlp.net, &options->log);
    if ((st = train(&f, why)) || (st = make_ready(model, why)))
        goto out;
    *ret_model = model;
    model = NULL; /* the caller's now */
out:
    release_fitting(&f);
    network_free(model);
    return st;
}

/* ---- asking ---- */

/* Average `rows` bags over the last n events, row r without event `skip[r]` (n = none left out).
 *   ret [rows][d] */
static void average(const network *m, const int32_t *item, size_t n, const float *weight,
                    size_t rows, const size_t *skip, float *ret)
{
    size_t d = m->mlp.config.d;
    const float *table = value_of(m, m->mlp.in_table);

    memset(ret, 0, rows * d * sizeof *ret);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            if (i == skip[r] || (size_t)item[i] >= m->mlp.config.items_n)
                continue;
            for (size_t k = 0; k < d; k++)
                ret[r * d + k] += weight[i] * table[(size_t)item[i] * d + k];
        }
}

/* h [rows][d] becomes z.  scratch [rows][hidden + d] */
static void transform(const network *m, size_t rows, float *h, float *scratch)
{
    size_t d = m->mlp.config.d, hidden = m->mlp.config.hidden;
    float *delta = scratch + rows * hidden;

    tdl_linear(m->w1, rows, h, d, value_of(m, m->mlp.b1), TDL_ACT_GELU, scratch, hidden, NULL);
    tdl_linear(m->w2, rows, scratch, hidden, value_of(m, m->mlp.b2), TDL_ACT_NONE, delta, d, NULL);
    for (size_t i = 0; i < rows * d; i++)
        h[i] += delta[i];
}

/* The vectors z of `rows` histories that lack one event each: [rows][d] in the arena, or NULL. */
static float *represent(const network *m, const tdl_history *last, size_t rows, const size_t *skip,
                        tdl_arena *scratch)
{
    size_t d = m->mlp.config.d, hidden = m->mlp.config.hidden;
    float *h = tdl_arena_alloc(scratch, rows * d, sizeof *h);
    float *work = tdl_arena_alloc(scratch, rows * (hidden + d), sizeof *work);
    float *weight = tdl_arena_alloc(scratch, last->n, sizeof *weight);

    if (!h || !work || !weight)
        return NULL;
    tdl_recency_weights(last->n, m->decay, weight);
    average(m, last->item, last->n, weight, rows, skip, h);
    transform(m, rows, h, work);
    return h;
}

static tdl_history last_of(const network *m, const tdl_history *history)
{
    size_t n = history->n < m->last ? history->n : m->last, from = history->n - n;

    if (n == 0)
        return (tdl_history){0};
    return (tdl_history){history->item + from, history->time_us + from, n};
}

/* Scores are probabilities of being next. */
static tdl_status network_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                float *scores)
{
    const network *m = model;
    size_t d = m->mlp.config.d, items_n = m->mlp.config.items_n;
    tdl_history last = last_of(m, history);

    if (last.n == 0) {
        memset(scores, 0, items_n * sizeof *scores);
        return TDL_OK;
    }
    float *z = represent(m, &last, 1, &last.n, scratch);
    if (!z)
        return TDL_E_NO_MEMORY;
    tdl_linear(m->out, 1, z, d, value_of(m, m->mlp.out_bias), TDL_ACT_NONE, scores, items_n, NULL);
    tdl_softmax_rows(1, items_n, scores, items_n, NULL, NULL);
    return TDL_OK;
}

static int by_share(const void *a, const void *b)
{
    const tdl_reason *x = a, *y = b;

    if (x->share != y->share)
        return x->share < y->share ? 1 : -1;
    return x->at < y->at ? 1 : -1; // the newer first
}

/* What each of the last events adds: the score with all of them less the score without that one.
 * The network is not a sum, so shares are of the positive differences, and not exact.
 *   z       [last_n + 1] representations: without event i, and last with all
 *   before  events of the history that the network is not shown
 *   all     [last_n + 1] scratch */
static size_t explain_one(const network *m, const float *z, size_t last_n, size_t before,
                          const float *vector, tdl_reason *all, tdl_reason *ret, size_t max)
{
    size_t d = m->mlp.config.d, found = 0;
    double sum = 0, whole = 0;

    for (size_t i = last_n + 1; i-- > 0;) {
        double score = 0;
        for (size_t k = 0; k < d; k++)
            score += (double)z[i * d + k] * (double)vector[k];
        if (i == last_n)
            whole = score;
        else if (whole > score)
            sum += all[found++].share = whole - score, all[found - 1].at = i;
    }
    qsort(all, found, sizeof *all, by_share);
    for (size_t i = 0; i < found && i < max; i++)
        ret[i] = (tdl_reason){
            .kind = TDL_REASON_EVENT, .at = before + all[i].at, .share = all[i].share / sum};
    return found < max ? found : max;
}

static void network_explain(const void *model, const tdl_history *history, const int32_t *items,
                            size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                            size_t *ret_n)
{
    const network *m = model;
    tdl_history last = last_of(m, history);
    size_t *skip = tdl_arena_alloc(scratch, last.n + 1, sizeof *skip);
    tdl_reason *all = tdl_arena_alloc(scratch, last.n + 1, sizeof *all);
    float *z = NULL;

    for (size_t i = 0; skip && i <= last.n; i++)
        skip[i] = i;
    if (skip && all)
        z = represent(m, &last, last.n + 1, skip, scratch);
    for (size_t i = 0; i < items_n; i++) {
        size_t item = (size_t)items[i];
        const float *vector = value_of(m, m->mlp.out_table) + item * m->mlp.config.d;
        ret_n[i] =
            z && item < m->mlp.config.items_n
                ? explain_one(m, z, last.n, history->n - last.n, vector, all, ret + i * max, max)
                : 0;
    }
}

/* Cosine of the vectors that what follows is scored with. */
static tdl_status network_similar(const void *model, int32_t item, float *scores)
{
    const network *m = model;

    tdl_cosine_rows(value_of(m, m->mlp.out_table), m->mlp.config.items_n, m->mlp.config.d,
                    (size_t)item, scores);
    return TDL_OK;
}

/* ---- files: "network/<slice>" [rows][cols] and "network/recency" (last, decay) ---- */

static void network_save(const void *model, tdl_st_writer *writer)
{
    const network *m = model;
    char name[TDL_PARAM_NAME_MAX + 16];

    tdl_st_add_1d(writer, "network/recency", TDL_F64, 2, m->recency);
    for (int k = 0; k < m->mlp.params.slices_n; k++) {
        const tdl_slice *slice = &m->mlp.params.slice[k];
        snprintf(name, sizeof name, "network/%s", slice->name);
        tdl_st_add(writer, name, TDL_F32, 2, (size_t[]){slice->rows, slice->cols}, value_of(m, k));
    }
}

static tdl_status load_slice(const tdl_st_file *file, network *m, int k, tdl_report *why)
{
    const tdl_slice *slice = &m->mlp.params.slice[k];
    const tdl_st_view *view;
    char name[TDL_PARAM_NAME_MAX + 16];
    tdl_status st;

    snprintf(name, sizeof name, "network/%s", slice->name);
    if ((st = tdl_st_get(file, name, TDL_F32, 2, &view, why)))
        return st;
    if (view->shape[0] != slice->rows || view->shape[1] != slice->cols)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s is [%zu][%zu], expected [%zu][%zu]", name,
                        view->shape[0], view->shape[1], slice->rows, slice->cols);
    float *value = value_of(m, k);
    memcpy(value, view->data, view->n * sizeof *value);
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(value[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s: value %zu is not finite", name, i);
    return TDL_OK;
}

static tdl_status load_config(const tdl_st_file *file, size_t items_n, tdl_recent_mlp_config *ret,
                              const double **ret_recency, tdl_report *why)
{
    const tdl_st_view *recency, *w1;
    tdl_status st;

    if ((st = tdl_st_get(file, "network/recency", TDL_F64, 1, &recency, why)))
        return st;
    const double *value = recency->data;
    if (recency->n != 2 || !(value[0] >= 1 && value[0] <= LAST_MAX) ||
        !(value[1] > 0 && value[1] <= 1))
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "network/recency: expected a window in [1, %d] and a decay in (0, 1]",
                        LAST_MAX);
    if ((st = tdl_st_get(file, "network/w1", TDL_F32, 2, &w1, why)))
        return st;
    *ret = (tdl_recent_mlp_config){.items_n = items_n, .d = w1->shape[0], .hidden = w1->shape[1]};
    *ret_recency = value;
    return TDL_OK;
}

static tdl_status network_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                               tdl_report *why)
{
    tdl_recent_mlp_config config;
    const double *recency = NULL;
    tdl_status st = load_config(file, items_n, &config, &recency, why);

    if (st)
        return st;
    network *m = network_new((size_t)recency[0], recency[1]);
    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the network");
    if ((st = tdl_recent_mlp_init(&m->mlp, &config, why)))
        goto out;
    for (int k = 0; k < m->mlp.params.slices_n; k++)
        if ((st = load_slice(file, m, k, why)))
            goto out;
    if ((st = make_ready(m, why)))
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    network_free(m);
    return st;
}

static size_t network_bytes(const void *model)
{
    const network *m = model;

    return m->mlp.params.n * sizeof(float) + tdl_packed_bytes(m->w1) + tdl_packed_bytes(m->w2) +
           tdl_packed_bytes(m->out);
}

const tdl_rung_ops tdl_rung_network = {
    .name = "network",
    .must_prove = true,
    .slow = true,
    .fit = network_fit,
    .free = network_free,
    .score = network_score,
    .explain = network_explain,
    .similar = network_similar,
    .save = network_save,
    .load = network_load,
    .bytes = network_bytes,
};
