/* Fitting the behaviour model.
 *
 * An example is a window of a person's history. Each token behind the first group is a target,
 * scored by the mean state of the group before its own (nn/op_group_before.c), and weighs one over
 * the members of its group: the loss of a group is the mean of the cross-entropies of its members.
 * Longer histories are cut into windows at another place in each epoch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/behaviour_net.h"
#include "apps/recommend/behaviour_return.h"
#include "base/rng.h"
#include "nn/layers.h"
#include "stats/ranking.h"
#include "train/graph.h"
#include "train/loop.h"

enum {
    HELD_OUT_MAX = 2000,
    HELD_OUT_MIN = 500, /* people, or all of them */
    STREAM_HELD_OUT = 11,
    STREAM_PHASE = 12,
    STREAM_NEGATIVES = 13,
    MEASURED_AT = 10
};

typedef struct example {
    uint32_t user, part;
} example;

typedef struct fitting {
    const tdl_interactions *all;
    const tdl_fit_options *options;
    tdl_behaviour *model;
    tdl_net net; /* the model's, then the loss */
    size_t *end; /* [users_n] of what is learnt from */
    example *example;
    size_t examples_n;
    uint32_t *held_out; /* people whose item at end[u] measures */
    size_t held_out_n;
    unsigned epoch;
    /* of the batch being worked on */
    size_t *offsets;           /* [batch + 1] */
    tdl_behaviour_tokens room; /* [batch * window] */
    int32_t *kind, *target, *negative;
    float *weight;
    uint64_t *number; /* [batch] */
    float *log_q;     /* [items_n] */
    /* of validation */
    float *vector, *scores;
    bool *seen; /* [items_n] */
} fitting;

static void release(fitting *f)
{
    tdl_net_release(&f->net);
    free(f->end);
    free(f->example);
    free(f->held_out);
    free(f->offsets);
    free(f->room.item);
    free(f->room.gap);
    free(f->room.position);
    free(f->kind);
    free(f->target);
    free(f->negative);
    free(f->weight);
    free(f->number);
    free(f->log_q);
    free(f->vector);
    free(f->scores);
    free(f->seen);
}

/* ---- who is learnt from ---- */

static tdl_history history_of(const fitting *f, size_t user)
{
    size_t begin = f->all->offsets[user];

    return (tdl_history){f->all->item + begin, f->all->time_us + begin, f->end[user] - begin};
}

/* Some people's last group, when the caller holds nothing out and no number of epochs is given. */
static void hold_out_some(fitting *f)
{
    size_t users_n = f->all->users_n, wanted = users_n / 10;
    tdl_rng rng = tdl_rng_make(f->options->seed, STREAM_HELD_OUT);

    wanted = wanted < HELD_OUT_MIN ? HELD_OUT_MIN : wanted > HELD_OUT_MAX ? HELD_OUT_MAX : wanted;
    for (size_t u = 0; u < users_n; u++) {
        tdl_history h = history_of(f, u);
        size_t begin = h.n, left = users_n - u, missing = wanted - f->held_out_n;

        if (!missing || tdl_rng_below(&rng, left) >= missing)
            continue;
        while (begin > 0 && h.time_us[begin - 1] == h.time_us[h.n - 1])
            begin--;
        if (begin == 0)
            continue;
        f->end[u] = f->all->offsets[u] + begin;
        f->held_out[f->held_out_n++] = (uint32_t)u;
    }
}

/* Of options->validate, evenly chosen. */
static void hold_out_theirs(fitting *f)
{
    size_t total = 0, at = 0;

    for (size_t u = 0; u < f->all->users_n; u++)
        total += f->options->validate[u] && f->end[u] > f->all->offsets[u];
    size_t wanted = total < HELD_OUT_MAX ? total : HELD_OUT_MAX;
    for (size_t u = 0; u < f->all->users_n; u++)
        if (f->options->validate[u] && f->end[u] > f->all->offsets[u]) {
            if (at * wanted / total < (at + 1) * wanted / total)
                f->held_out[f->held_out_n++] = (uint32_t)u;
            at++;
        }
}

/* Parts of a history: one, or windows that begin anywhere below the first. */
static size_t parts_of(const fitting *f, size_t user)
{
    size_t n = f->end[user] - f->all->offsets[user], window = f->model->params.window;

    return n < 2 ? 0 : n <= window ? 1 : (n + window - 1) / window + 1;
}

static tdl_status list_examples(fitting *f, const tdl_fit_data *data, tdl_report *why)
{
    size_t users_n = f->all->users_n, n = 0;

    f->end = malloc((users_n + 1) * sizeof *f->end);
    f->held_out = malloc((users_n + 1) * sizeof *f->held_out);
    if (!f->end || !f->held_out || users_n >= UINT32_MAX)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu users", users_n);
    memcpy(f->end, data->end, users_n * sizeof *f->end);
    if (f->options->validate)
        hold_out_theirs(f);
    else if (!f->options->epochs)
        hold_out_some(f);
    for (size_t u = 0; u < users_n; u++)
        n += parts_of(f, u);
    f->example = malloc((n + 1) * sizeof *f->example);
    if (!f->example || n >= UINT32_MAX)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu windows", n);
    for (size_t u = 0; u < users_n; u++)
        for (size_t k = 0, parts = parts_of(f, u); k < parts; k++)
            f->example[f->examples_n++] = (example){(uint32_t)u, (uint32_t)k};
    return TDL_OK;
}

/* ---- batches ---- */

static tdl_status make_room(fitting *f, tdl_report *why)
{
    const tdl_behaviour_params *p = &f->model->params;
    size_t items_n = f->model->items_n, tokens = p->batch * p->window;

    f->offsets = calloc(p->batch + 1, sizeof *f->offsets);
    f->room.item = calloc(tokens, sizeof *f->room.item);
    f->room.gap = calloc(tokens, sizeof *f->room.gap);
    f->room.position = calloc(tokens, sizeof *f->room.position);
    f->kind = calloc(tokens, sizeof *f->kind);
    f->target = calloc(tokens, sizeof *f->target);
    f->weight = calloc(tokens, sizeof *f->weight);
    f->negative = calloc(p->negatives + 1, sizeof *f->negative);
    f->number = calloc(p->batch, sizeof *f->number);
    f->log_q = calloc(items_n + 1, sizeof *f->log_q);
    f->vector = calloc(p->d, sizeof *f->vector);
    f->scores = calloc(items_n + 1, sizeof *f->scores);
    f->seen = calloc(items_n + 1, sizeof *f->seen);
    if (!f->offsets || !f->room.item || !f->room.gap || !f->room.position || !f->kind ||
        !f->target || !f->weight || !f->negative || !f->number || !f->log_q || !f->vector ||
        !f->scores || !f->seen)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for batches of %zu tokens", tokens);
    return TDL_OK;
}

/* What the group [begin, end) is to be predicted as, at the rows from `at` on. */
static void set_targets(fitting *f, size_t at, const tdl_behaviour_tokens *t, size_t begin,
                        size_t end)
{
    for (size_t i = begin; i < end; i++, at++) {
        f->target[at] = t->item[i];
        f->weight[at] = 1 / (float)(end - begin);
    }
}

/* The tokens of row r, and what each of them is to be predicted as: itself. The last group is read
 * by nobody: it is left out, and its targets take the rows of the first group, where no target is,
 * if there are enough. */
static void fill_row(fitting *f, size_t r, const tdl_behaviour_tokens *t)
{
    size_t at = f->offsets[r], n = t->n, first = 0;

    for (size_t i = 0, next; i < t->n; i = next) {
        for (next = i + 1; next < t->n && t->position[next] == t->position[i];)
            next++;
        if (i > 0 && next == t->n && next - i <= first) {
            set_targets(f, at, t, i, next);
            n = i;
        } else if (i > 0) {
            set_targets(f, at + i, t, i, next);
        } else {
            first = next;
            for (size_t k = at; k < at + first; k++) {
                f->target[k] = TDL_TARGET_NONE;
                f->weight[k] = 0;
            }
        }
    }
    f->offsets[r + 1] = at + n;
}

static tdl_behaviour_tokens room_at(const fitting *f, size_t at, size_t cap)
{
    return (tdl_behaviour_tokens){.item = f->room.item + at,
                                  .gap = f->room.gap + at,
                                  .position = f->room.position + at,
                                  .cap = cap};
}

static void add_window(fitting *f, size_t r, const example *e)
{
    size_t window = f->model->params.window, begin = 0, end;
    tdl_history h = history_of(f, e->user);
    tdl_behaviour_tokens t = room_at(f, f->offsets[r], window);

    end = h.n;
    if (h.n > window) {
        tdl_rng rng = tdl_rng_make(f->options->seed ^ (uint64_t)f->epoch << 40,
                                   STREAM_PHASE + (e->user << 8));
        size_t to = (size_t)tdl_rng_below(&rng, window) + e->part * window;

        begin = to > window ? to - window : 0;
        end = to < h.n ? to : h.n;
    }
    if (begin < end)
        tdl_behaviour_tokenise(&h, begin, end, f->model->items_n, f->epoch + 1, &t);
    fill_row(f, r, &t);
}

/* Half uniform, half from the batch's targets; log_q of what may have been drawn. */
static void draw_negatives(fitting *f, uint64_t step, size_t tokens)
{
    size_t n = f->model->params.negatives, items_n = f->model->items_n, targets = 0;
    tdl_rng rng = tdl_rng_make(f->options->seed ^ step << 20, STREAM_NEGATIVES);
    double each = .5 / (double)items_n;

    for (size_t i = 0; i < tokens; i++)
        targets += f->target[i] >= 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = tokens;
        if (i % 2 && targets)
            while (at == tokens || f->target[at] < 0)
                at = (size_t)tdl_rng_below(&rng, tokens);
        f->negative[i] = at < tokens ? f->target[at] : (int32_t)tdl_rng_below(&rng, items_n);
    }
    for (size_t i = 0; i < items_n; i++)
        f->log_q[i] = 0;
    for (size_t i = 0; i < tokens; i++)
        if (f->target[i] >= 0)
            f->log_q[f->target[i]]++;
    float rare = (float)log(each);
    for (size_t i = 0; i < items_n; i++)
        f->log_q[i] =
            f->log_q[i] > 0 ? (float)log(each + .5 * (double)f->log_q[i] / (double)targets) : rare;
}

static tdl_nn_batch batch_of(fitting *f, size_t rows)
{
    return (tdl_nn_batch){.rows = rows,
                          .offsets = f->offsets,
                          .id = {f->room.item, f->room.gap, f->kind},
                          .position = f->room.position,
                          .example = f->number};
}

static void begin_batch(void *model, const tdl_batch_place *place)
{
    fitting *f = model;

    f->epoch = place->epoch;
}

static void make_batch(fitting *f, const uint32_t *which, size_t n)
{
    for (size_t r = 0; r < n; r++) {
        add_window(f, r, &f->example[which[r]]);
        f->number[r] = which[r];
    }
}

static double weight_of(void *model, const uint32_t *which, size_t n)
{
    fitting *f = model;
    double sum = 0;

    make_batch(f, which, n);
    for (size_t i = 0; i < f->offsets[n]; i++)
        sum += (double)f->weight[i];
    return sum;
}

static tdl_status gradient(void *model, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    fitting *f = model;
    const tdl_behaviour_params *p = &f->model->params;
    tdl_run run = {.seed = f->options->seed,
                   .step = step,
                   .training = true,
                   .defers_loss = true,
                   .pool = pool};
    double weight;
    tdl_status st;

    make_batch(f, which, n);
    tdl_nn_batch batch = batch_of(f, n);
    batch.target = f->target;
    batch.target_weight = f->weight;
    if (!p->full) {
        draw_negatives(f, step, f->offsets[n]);
        batch.negative = f->negative;
        batch.negatives_n = p->negatives;
        batch.log_q = p->calibrated ? NULL : f->log_q;
    }
    if ((st = tdl_net_forward(&f->net, &batch, &run, why)) ||
        (st = tdl_net_backward(&f->net, &batch, &run, scale, why)))
        return st;
    tdl_net_loss(&f->net, &batch, ret_loss, &weight);
    return TDL_OK;
}

/* ---- validation: NDCG@10 of what the held-out people took next ---- */

static double gain_of(fitting *f, size_t user)
{
    tdl_history h = history_of(f, user);
    size_t items_n = f->model->items_n, target = (size_t)h.item[h.n];

    for (size_t i = 0; i < h.n; i++)
        f->seen[h.item[i]] = true;
    /* who takes a thing again is asked about all things */
    double rank = tdl_rank(f->scores, f->seen[target] ? NULL : f->seen, items_n, target);
    for (size_t i = 0; i < h.n; i++)
        f->seen[h.item[i]] = false;
    return tdl_ndcg_at(rank, MEASURED_AT);
}

static tdl_status validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    fitting *f = model;
    tdl_behaviour *m = f->model;
    size_t d = m->params.d, items_n = m->items_n;
    tdl_run run = {.pool = pool};
    double sum = 0;
    tdl_status st;

    for (size_t at = 0, n; at < f->held_out_n; at += n) {
        n = f->held_out_n - at < m->params.batch ? f->held_out_n - at : m->params.batch;
        for (size_t r = 0; r < n; r++) {
            tdl_history h = history_of(f, f->held_out[at + r]);
            tdl_behaviour_tokens t = room_at(f, f->offsets[r], m->params.window);
            tdl_behaviour_window_of(&h, items_n, &t);
            f->offsets[r + 1] = f->offsets[r] + t.n;
            f->number[r] = t.last;
        }
        tdl_nn_batch batch = batch_of(f, n);
        if ((st = tdl_net_forward(&m->net, &batch, &run, why)))
            return st;
        for (size_t r = 0; r < n; r++) {
            const float *hidden = tdl_net_value(&m->net, m->hidden) + f->offsets[r] * d;
            tdl_behaviour_read_out(hidden, d, f->number[r], f->offsets[r + 1] - f->offsets[r],
                                   f->vector);
            if ((st = tdl_gemm(false, true, 1, items_n, d, f->vector, d, tdl_behaviour_items(m), d,
                               f->scores, items_n, false, pool, why)))
                return st;
            sum += gain_of(f, f->held_out[at + r]);
        }
    }
    *ret = -sum / (double)f->held_out_n;
    return TDL_OK;
}

/* ---- the run ---- */

static tdl_status make_net(fitting *f, tdl_report *why)
{
    tdl_behaviour *m = f->model;
    const tdl_behaviour_params *p = &m->params;
    const tdl_loss_config loss = {
        .negatives_max = p->negatives, .calibrated = p->calibrated, .parameter = p->t};
    tdl_plan_options plan = {.rows = p->batch, .tokens = p->batch * p->window, .backward = true};
    tdl_status st;

    f->net.params = &m->values;
    int z =
        tdl_net_group_before(&f->net, tdl_net_join(&f->net, &m->net, m->net.nodes_n, 0, TDL_NONE));
    if (p->full)
        tdl_net_table_ce(&f->net, z, m->item_table, NULL);
    else if (p->calibrated)
        tdl_net_sampled_bce(&f->net, z, m->item_table, &loss);
    else
        tdl_net_sampled_softmax(&f->net, z, m->item_table, &loss);
    if ((st = tdl_net_plan(&f->net, &plan, why)))
        return st;
    plan.backward = false;
    return tdl_net_plan(&m->net, &plan, why);
}

static bool tell(void *context, double done, const char *detail)
{
    const tdl_fit_options *o = context;

    return !o->progress || o->progress(o->progress_context, "behaviour", done, detail);
}

static tdl_status train(fitting *f, tdl_fit_options *o, tdl_report *why)
{
    const tdl_behaviour_params *p = &f->model->params;
    tdl_trainee trainee = {.model = f,
                           .params = &f->model->values,
                           .examples_n = f->examples_n,
                           .begin = begin_batch,
                           .weight = weight_of,
                           .gradient = gradient,
                           .validate = validate};
    tdl_loop_options options = {
        .seed = o->seed,
        .epochs = o->epochs ? o->epochs : p->epochs,
        .batch = p->batch,
        .patience = f->held_out_n ? p->patience : 0,
        .optim = {.name = "adam", .lr = p->rate, .beta1 = .9, .beta2 = .98, .eps = 1e-8},
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

tdl_status tdl_behaviour_fit(const tdl_fit_data *data, tdl_fit_options *options,
                             tdl_behaviour **ret, tdl_report *why)
{
    tdl_behaviour_params params = {0};
    fitting f = {.all = data->all, .options = options};
    tdl_status st;

    if (options->params)
        params = *(const tdl_behaviour_params *)options->params;
    if ((st = tdl_behaviour_choose(data, &params, why)) ||
        (st = tdl_behaviour_new(&params, data->all->items_n, &f.model, why)))
        return st;
    tdl_behaviour_start(f.model, options->seed);
    if ((st = list_examples(&f, data, why)) || (st = make_room(&f, why)) ||
        (st = make_net(&f, why)))
        goto out;
    tdl_graph_tell(&f.net, &options->log);
    if ((st = train(&f, options, why)))
        goto out;
    tdl_net_release(&f.net);
    if ((st = tdl_behaviour_ready(f.model, why)))
        goto out;
    if (options->serves && (st = tdl_behaviour_return_fit(f.model, data, options, why)))
        goto out;
    *ret = f.model;
    f.model = NULL; /* the caller's now */
out:
    release(&f);
    tdl_behaviour_free(f.model);
    return st;
}
