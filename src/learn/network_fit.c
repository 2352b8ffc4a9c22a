/* Training the towers of a network: tdl_network_fit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/network.h"
#include "nn/layers.h"
#include "train/loop.h"

enum { EVALUATION_ROWS = 512 };

/* What all members share. */
typedef struct fitting {
    tdl_network *network;
    const tdl_problem *problem;
    float pixel_line[2];    /* a pixel is byte * [0] + [1] */
    double mean, deviation; /* of the target where it is standardised, else 0 and 1 */
    uint32_t *row;          /* [rows_n] those that weigh anything */
    size_t rows_n;
    bool side_by_side; /* members are trained at the same time */
} fitting;

/* One member in training. */
typedef struct member {
    const fitting *f;
    tdl_tower *tower;
    uint64_t seed;
    uint32_t *row; /* [rows_n] the first train_n are trained on, the rest held out */
    size_t train_n, rows_n;
    size_t batch_rows; /* at most */
    size_t pixels_n;
    float *x;          /* [batch_rows][columns] */
    int32_t *category; /* [batch_rows][categories] */
    float *value, *weight;
    int32_t *target;
    uint64_t *example;
    tdl_loop_result result;
} member;

/* ---- the target ---- */

static bool is_class_task(tdl_task task)
{
    return task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL;
}

static double weight_of(const tdl_problem *p, size_t row)
{
    return p->weight ? (double)p->weight[row] : 1;
}

static void standardise(fitting *f)
{
    const tdl_problem *p = f->problem;
    double sum = 0, square = 0, weights = 0;

    f->mean = 0;
    f->deviation = 1;
    if (p->task != TDL_TASK_REGRESSION && p->task != TDL_TASK_QUANTILE)
        return;
    for (size_t i = 0; i < f->rows_n; i++) {
        weights += weight_of(p, f->row[i]);
        sum += weight_of(p, f->row[i]) * (double)p->y[f->row[i]];
    }
    f->mean = sum / weights;
    for (size_t i = 0; i < f->rows_n; i++) {
        double off = (double)p->y[f->row[i]] - f->mean;

        square += weight_of(p, f->row[i]) * off * off;
    }
    f->deviation = square > 0 ? sqrt(square / weights) : 1;
}

/* Heads start where a model of no features would end: training then starts with what is to be
 * learnt from features. */
static void start_head(const fitting *f, tdl_tower *t)
{
    const tdl_problem *p = f->problem;
    float *bias = tdl_params_value(t->params, t->head_bias);
    size_t n = f->network->shape.outputs;
    double weights = 0, sum = 0;

    if (is_class_task(p->task)) {
        for (size_t c = 0; c < n; c++)
            bias[c] = 0;
        for (size_t i = 0; i < f->rows_n; i++) {
            bias[(size_t)p->y[f->row[i]]] += (float)weight_of(p, f->row[i]);
            weights += weight_of(p, f->row[i]);
        }
        for (size_t c = 0; c < n; c++)
            bias[c] = (float)log(((double)bias[c] + 1) / (weights + (double)n));
        return;
    }
    for (size_t i = 0; i < f->rows_n; i++) {
        sum += weight_of(p, f->row[i]) * (double)p->y[f->row[i]];
        weights += weight_of(p, f->row[i]);
    }
    if (p->task == TDL_TASK_BINARY)
        bias[0] = (float)log((sum + 1) / (weights - sum + 1));
    if (p->task == TDL_TASK_COUNT && sum > 0)
        bias[0] = (float)log(sum / weights);
}

static void add_loss(const fitting *f, tdl_tower *t)
{
    const tdl_problem *p = f->problem;

    switch (p->task) {
    case TDL_TASK_BINARY:
        tdl_net_bce(t->net, t->scores, NULL);
        return;
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        tdl_net_softmax_ce(t->net, t->scores, NULL);
        return;
    case TDL_TASK_COUNT:
        tdl_net_poisson(t->net, t->scores);
        return;
    case TDL_TASK_QUANTILE:
        tdl_net_quantile(t->net, t->scores, p->quantile, p->quantiles_n);
        return;
    case TDL_TASK_REGRESSION:
    case TDL_TASK_RANKING:
        tdl_net_mse(t->net, t->scores, NULL);
        return;
    }
}

/* ---- batches ---- */

typedef struct view { /* of an image, by chance */
    bool mirrored;
    ptrdiff_t down, right;
} view;

static view draw_view(const member *m, uint64_t step, uint32_t row)
{
    const double *of = m->f->network->setting.of;
    uint64_t shift = (uint64_t)of[TDL_NETWORK_SHIFT];
    tdl_rng rng = tdl_rng_make(m->seed ^ step, row);
    view v = {.mirrored = of[TDL_NETWORK_MIRROR] != 0 && tdl_rng_below(&rng, 2) != 0};

    if (!shift)
        return v;
    v.down = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    v.right = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
    return v;
}

/* What a moved image leaves free is black. */
static void read_view(const member *m, size_t row, const view *v, float *ret)
{
    const tdl_matrix *x = m->f->problem->x;
    const float *line = m->f->pixel_line;
    ptrdiff_t height = (ptrdiff_t)x->height, width = (ptrdiff_t)x->width;
    const uint8_t *plane = x->pixel + row * m->pixels_n;

    for (size_t c = 0; c < x->channels; c++, plane += height * width)
        for (ptrdiff_t i = v->down; i < height + v->down; i++)
            for (ptrdiff_t j = 0; j < width; j++) {
                ptrdiff_t at = (v->mirrored ? width - 1 - j : j) + v->right;
                bool inside = i >= 0 && i < height && at >= 0 && at < width;

                *ret++ = (float)(inside ? plane[i * width + at] : 0) * line[0] + line[1];
            }
}

static void put_row(member *m, size_t at, size_t row)
{
    const tdl_problem *p = m->f->problem;
    const tdl_network_shape *shape = &m->f->network->shape;

    if (m->pixels_n)
        read_view(m, row, &(view){0}, m->x + at * m->pixels_n);
    else if (shape->cols)
        memcpy(m->x + at * shape->cols, p->x->x + row * shape->cols, shape->cols * sizeof *m->x);
    if (shape->categories_n)
        memcpy(m->category + at * shape->categories_n, p->x->category + row * shape->categories_n,
               shape->categories_n * sizeof *m->category);
    m->target[at] = (int32_t)p->y[row];
    m->value[at] = (float)(((double)p->y[row] - m->f->mean) / m->f->deviation);
    m->weight[at] = (float)weight_of(p, row);
    m->example[at] = row;
}

/* The rows number which[i] of the member's as a batch. */
static tdl_nn_batch make_batch(member *m, const uint32_t *which, size_t n)
{
    const tdl_problem *p = m->f->problem;

    for (size_t i = 0; i < n; i++)
        put_row(m, i, m->row[which[i]]);
    return (tdl_nn_batch){.rows = n,
                          .x = m->x,
                          .category = m->category,
                          .target = is_class_task(p->task) ? m->target : NULL,
                          .value = is_class_task(p->task) ? NULL : m->value,
                          .target_weight = p->weight ? m->weight : NULL,
                          .example = m->example};
}

static void draw_views(member *m, uint64_t step, const uint32_t *which, size_t n)
{
    const double *of = m->f->network->setting.of;

    if (!m->pixels_n || (of[TDL_NETWORK_SHIFT] == 0 && of[TDL_NETWORK_MIRROR] == 0))
        return;
    for (size_t i = 0; i < n; i++) {
        view v = draw_view(m, step, m->row[which[i]]);

        read_view(m, m->row[which[i]], &v, m->x + i * m->pixels_n);
    }
}

/* ---- what the loop asks ---- */

static double weight_of_batch(void *context, const uint32_t *which, size_t n)
{
    member *m = context;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += weight_of(m->f->problem, m->row[which[i]]);
    return sum;
}

static tdl_status gradient(void *context, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    member *m = context;
    tdl_nn_batch batch = make_batch(m, which, n);
    const tdl_run run = {.seed = m->seed, .step = step, .training = true, .pool = pool};
    double weight;
    tdl_status st;

    draw_views(m, step, which, n);
    if ((st = tdl_net_forward(m->tower->net, &batch, &run, why)))
        return st;
    tdl_net_loss(m->tower->net, &batch, ret_loss, &weight);
    return tdl_net_backward(m->tower->net, &batch, &run, scale, why);
}

static tdl_status validate(void *context, tdl_pool *pool, double *ret, tdl_report *why)
{
    member *m = context;
    const tdl_run run = {.pool = pool};
    double sum = 0, weights = 0;

    for (size_t at = m->train_n; at < m->rows_n; at += EVALUATION_ROWS) {
        uint32_t which[EVALUATION_ROWS];
        size_t n = m->rows_n - at < EVALUATION_ROWS ? m->rows_n - at : EVALUATION_ROWS;
        double of_batch, weight;
        tdl_status st;

        for (size_t i = 0; i < n; i++)
            which[i] = (uint32_t)(at + i);
        tdl_nn_batch batch = make_batch(m, which, n);
        if ((st = tdl_net_forward(m->tower->net, &batch, &run, why)))
            return st;
        tdl_net_loss(m->tower->net, &batch, &of_batch, &weight);
        sum += of_batch;
        weights += weight;
    }
    *ret = weights > 0 ? sum / weights : 0;
    return TDL_OK;
}

/* ---- one member ---- */

static void member_release(member *m)
{
    free(m->row);
    free(m->x);
    free(m->category);
    free(m->value);
    free(m->weight);
    free(m->target);
    free(m->example);
}

/* Which rows are held out is drawn for each member: an ensemble has then seen all of them. */
static tdl_status member_init(member *m, const fitting *f, size_t which, tdl_report *why)
{
    const double *of = f->network->setting.of;
    const tdl_network_shape *shape = &f->network->shape;
    size_t held =
        of[TDL_NETWORK_PATIENCE] > 0 ? (size_t)(of[TDL_NETWORK_VALIDATION] * (double)f->rows_n) : 0;

    *m = (member){.f = f,
                  .tower = &f->network->tower[which],
                  .seed = f->problem->seed + 0x9E3779B97F4A7C15U * (uint64_t)which,
                  .rows_n = f->rows_n,
                  .train_n = f->rows_n - held,
                  .pixels_n = shape->channels * shape->height * shape->width};
    m->batch_rows = (size_t)of[TDL_NETWORK_BATCH];
    if (m->batch_rows < EVALUATION_ROWS)
        m->batch_rows = EVALUATION_ROWS;
    size_t cols = m->pixels_n ? m->pixels_n : shape->cols;
    m->row = malloc(f->rows_n * sizeof *m->row);
    m->x = calloc(m->batch_rows * cols + 1, sizeof *m->x);
    m->category = calloc(m->batch_rows * shape->categories_n + 1, sizeof *m->category);
    m->value = calloc(m->batch_rows, sizeof *m->value);
    m->weight = calloc(m->batch_rows, sizeof *m->weight);
    m->target = calloc(m->batch_rows, sizeof *m->target);
    m->example = calloc(m->batch_rows, sizeof *m->example);
    if (!m->row || !m->x || !m->category || !m->value || !m->weight || !m->target || !m->example)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for batches of %zu rows", m->batch_rows);
    uint32_t *order = m->row;
    tdl_epoch_order(m->seed, UINT32_MAX, order, f->rows_n);
    for (size_t i = 0; i < f->rows_n; i++)
        order[i] = f->row[order[i]];
    return TDL_OK;
}

static tdl_status make_options(const member *m, tdl_pool *pool, tdl_loop_options *ret,
                               tdl_report *why)
{
    const double *of = m->f->network->setting.of;
    size_t batch = (size_t)of[TDL_NETWORK_BATCH], steps = (m->train_n + batch - 1) / batch;
    tdl_status st;

    *ret = (tdl_loop_options){.seed = m->seed,
                              .epochs = (unsigned)of[TDL_NETWORK_EPOCHS],
                              .batch = batch,
                              .seconds = m->f->problem->seconds,
                              .stop = m->f->problem->stop,
                              .clip = 1,
                              .pool = pool};
    if (m->train_n < m->rows_n) {
        ret->patience = (unsigned)of[TDL_NETWORK_PATIENCE];
        ret->eval_every = steps;
    } else
        ret->sched = (tdl_sched_config){
            .name = "cosine", .warmup = steps / 2, .total = steps * ret->epochs, .floor = 0.01};
    if ((st = tdl_optim_defaults("adamw", &ret->optim, why)))
        return st;
    ret->optim.lr = of[TDL_NETWORK_RATE];
    ret->optim.decay = of[TDL_NETWORK_DECAY];
    return TDL_OK;
}

static tdl_status train_member(const fitting *f, size_t which, tdl_pool *pool, tdl_loop_result *ret,
                               tdl_report *why)
{
    member m;
    tdl_status st = member_init(&m, f, which, why);
    const tdl_plan_options plan = {.rows = m.batch_rows, .backward = true};
    tdl_trainee trainee = {.model = &m,
                           .params = m.tower->params,
                           .examples_n = m.train_n,
                           .weight = f->problem->weight ? weight_of_batch : NULL,
                           .gradient = gradient,
                           .validate = validate};
    tdl_loop_options options;

    if (st)
        goto out;
    m.tower->start(m.tower->model, m.seed);
    start_head(f, m.tower);
    add_loss(f, m.tower);
    if ((st = tdl_net_plan(m.tower->net, &plan, why)) ||
        (st = make_options(&m, pool, &options, why)) ||
        (st = tdl_loop_run(&trainee, &options, ret, why)))
        goto out;
    if (ret->stop == TDL_STOP_SIGNAL)
        st = TDL_FAIL(why, TDL_E_STOPPED, "training was stopped");
out:
    member_release(&m);
    return st;
}

/* ---- all of them ---- */

typedef struct members {
    const fitting *f;
    tdl_loop_result result[TDL_NETWORK_MEMBERS_MAX];
    tdl_status status[TDL_NETWORK_MEMBERS_MAX];
    tdl_report report[TDL_NETWORK_MEMBERS_MAX];
} members;

static void train_some(void *context, size_t begin, size_t end, unsigned part)
{
    members *all = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        all->status[i] = train_member(all->f, i, NULL, &all->result[i], &all->report[i]);
}

static tdl_status train_all(const fitting *f, unsigned *ret_epochs, tdl_report *why)
{
    members *all = calloc(1, sizeof *all);
    size_t n = f->network->towers_n;
    tdl_status st = TDL_OK;

    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to train %zu networks", n);
    all->f = f;
    if (n > 1)
        tdl_pool_run(f->problem->pool, n, 1, train_some, all);
    else
        all->status[0] = train_member(f, 0, f->problem->pool, &all->result[0], &all->report[0]);
    *ret_epochs = 0;
    for (size_t i = 0; !st && i < n; i++) {
        if ((st = all->status[i]) && why)
            *why = all->report[i];
        if (all->result[i].epochs_best > *ret_epochs)
            *ret_epochs = all->result[i].epochs_best;
    }
    free(all);
    return st;
}

static tdl_status find_rows(fitting *f, tdl_report *why)
{
    const tdl_problem *p = f->problem;

    if (p->x->rows > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows", p->x->rows);
    f->row = malloc(p->x->rows * sizeof *f->row);
    if (!f->row)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", p->x->rows);
    for (size_t r = 0; r < p->x->rows; r++)
        if (weight_of(p, r) > 0)
            f->row[f->rows_n++] = (uint32_t)r;
    if (!f->rows_n)
        return TDL_FAIL(why, TDL_E_INVALID, "no row weighs anything");
    return TDL_OK;
}

/* Bytes to numbers of mean 0 and deviation 1 over the training images. */
static void find_pixel_line(const tdl_problem *p, float line[2])
{
    size_t n = p->x->rows * p->x->channels * p->x->height * p->x->width, count[256] = {0};
    double sum = 0, square = 0;

    for (size_t i = 0; i < n; i++)
        count[p->x->pixel[i]]++;
    for (int v = 0; v < 256; v++)
        sum += (double)count[v] * v;
    for (int v = 0; v < 256; v++)
        square += (double)count[v] * (v - sum / (double)n) * (v - sum / (double)n);
    double deviation = square > 0 ? sqrt(square / (double)n) : 1;
    line[0] = (float)(1 / deviation);
    line[1] = (float)(-sum / (double)n / deviation);
}

static void set_output(const fitting *f)
{
    tdl_network *n = f->network;
    float *gain = tdl_params_value(&n->params, n->gain);
    float *bias = tdl_params_value(&n->params, n->bias);

    for (size_t i = 0; i < n->shape.outputs; i++) {
        gain[i] = (float)(f->deviation / (double)n->towers_n);
        bias[i] = (float)f->mean;
    }
    for (size_t i = 0; n->pixel_gain != TDL_NONE && i < n->params.slice[n->pixel_gain].cols; i++) {
        tdl_params_value(&n->params, n->pixel_gain)[i] = f->pixel_line[0];
        tdl_params_value(&n->params, n->pixel_bias)[i] = f->pixel_line[1];
    }
}

static json_t *make_note(const tdl_network *n, unsigned epochs)
{
    json_t *note = json_object();

    json_object_set_new(note, "members", json_integer((json_int_t)n->towers_n));
    json_object_set_new(note, "epochs", json_integer(epochs));
    return note;
}

tdl_status tdl_network_fit(const tdl_network_kind *kind, const tdl_problem *problem,
                           const json_t *setting, tdl_learner **ret, json_t **ret_note,
                           tdl_report *why)
{
    fitting f = {.problem = problem};
    tdl_network_setting read;
    unsigned epochs;
    tdl_status st = tdl_network_read_setting(kind, setting, &read, why);

    if (st || (st = find_rows(&f, why)) ||
        (st = tdl_network_new(kind, &read, problem->x, problem->task, tdl_problem_scores(problem),
                              &f.network, why)))
        goto out;
    standardise(&f);
    if (kind->images)
        find_pixel_line(problem, f.pixel_line);
    if ((st = train_all(&f, &epochs, why)) || (st = tdl_network_join(f.network, why)))
        goto out;
    set_output(&f);
    if ((st = tdl_network_serve(f.network, why)))
        goto out;
    if (ret_note)
        *ret_note = make_note(f.network, epochs);
    *ret = &f.network->learner;
    f.network = NULL;
out:
    free(f.row);
    tdl_network_free(f.network ? &f.network->learner : NULL);
    return st;
}
