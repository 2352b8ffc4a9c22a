/* Training the towers of a network: tdl_network_fit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/huber.h"
#include "learn/network_member.h"
#include "nn/layers.h"

typedef tdl_network_fitting fitting;
typedef tdl_network_member member;

/* ---- the target ---- */

static tdl_status standardise(fitting *f, tdl_report *why)
{
    const tdl_problem *p = f->problem;
    double sum = 0, square = 0, weights = 0;

    f->mean = 0;
    f->deviation = 1;
    if (p->aim == TDL_AIM_ABSOLUTE || p->aim == TDL_AIM_HUBER)
        return tdl_robust_centre(p, &f->mean, &f->deviation, why);
    if (p->task != TDL_TASK_REGRESSION && p->task != TDL_TASK_QUANTILE)
        return TDL_OK;
    for (size_t i = 0; i < f->rows_n; i++) {
        weights += tdl_network_row_weight(p, f->row[i]);
        sum += tdl_network_row_weight(p, f->row[i]) * (double)p->y[f->row[i]];
    }
    f->mean = sum / weights;
    for (size_t i = 0; i < f->rows_n; i++) {
        double off = (double)p->y[f->row[i]] - f->mean;

        square += tdl_network_row_weight(p, f->row[i]) * off * off;
    }
    f->deviation = square > 0 ? sqrt(square / weights) : 1;
    return TDL_OK;
}

/* Heads start where a model of no features would end: training then starts with what is to be
 * learnt from features. */
static void start_head(const fitting *f, tdl_tower *t)
{
    const tdl_problem *p = f->problem;
    float *bias = tdl_params_value(t->params, t->head_bias);
    size_t n = f->network->shape.outputs;
    double weights = 0, sum = 0;

    if (tdl_network_has_classes(p->task)) {
        for (size_t c = 0; c < n; c++)
            bias[c] = 0;
        for (size_t i = 0; i < f->rows_n; i++) {
            bias[(size_t)p->y[f->row[i]]] += (float)tdl_network_row_weight(p, f->row[i]);
            weights += tdl_network_row_weight(p, f->row[i]);
        }
        for (size_t c = 0; c < n; c++)
            bias[c] = (float)log(((double)bias[c] + 1) / (weights + (double)n));
        return;
    }
    for (size_t i = 0; i < f->rows_n; i++) {
        sum += tdl_network_row_weight(p, f->row[i]) * (double)p->y[f->row[i]];
        weights += tdl_network_row_weight(p, f->row[i]);
    }
    if (p->task == TDL_TASK_BINARY)
        bias[0] = (float)log((sum + 1) / (weights - sum + 1));
    if (p->task == TDL_TASK_COUNT && sum > 0)
        bias[0] = (float)log(sum / weights);
}

/* Of a regression, in robust deviations where they count. */
static void add_regression_loss(const tdl_problem *p, tdl_tower *t)
{
    static const double half = 0.5;

    switch (p->aim) {
    case TDL_AIM_ABSOLUTE:
        tdl_net_quantile(t->net, t->scores, &half, 1);
        return;
    case TDL_AIM_HUBER: // as tdl_huber_delta has it
        tdl_net_huber(t->net, t->scores, tdl_huber_tuning / 2);
        return;
    case TDL_AIM_USUAL:
    case TDL_AIM_TWEEDIE:
        tdl_net_mse(t->net, t->scores, NULL);
        return;
    }
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
        if (p->aim == TDL_AIM_TWEEDIE)
            tdl_net_tweedie(t->net, t->scores, p->power);
        else
            tdl_net_poisson(t->net, t->scores);
        return;
    case TDL_TASK_QUANTILE:
        tdl_net_quantile(t->net, t->scores, p->quantile, p->quantiles_n);
        return;
    case TDL_TASK_RANKING:
        tdl_net_lists(t->net, t->scores);
        return;
    case TDL_TASK_REGRESSION:
        add_regression_loss(p, t);
        return;
    }
}

/* ---- what the loop asks ---- */

static double weight_of_batch(void *context, const uint32_t *which, size_t n)
{
    member *m = context;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += tdl_network_unit_weight(m, m->unit[which[i]]);
    return sum;
}

static tdl_status gradient(void *context, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    member *m = context;
    tdl_nn_batch batch = tdl_network_batch(m, which, n);
    const tdl_run run = {.seed = m->seed, .step = step, .training = true, .pool = pool};
    double weight;
    tdl_status st;

    tdl_network_draw_views(m, step, which, n);
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

    size_t step =
        m->batch_units < TDL_NETWORK_EVALUATION_ROWS ? m->batch_units : TDL_NETWORK_EVALUATION_ROWS;

    for (size_t at = m->train_n; at < m->units_n; at += step) {
        uint32_t which[TDL_NETWORK_EVALUATION_ROWS];
        size_t n = m->units_n - at < step ? m->units_n - at : step;
        double of_batch, weight;
        tdl_status st;

        for (size_t i = 0; i < n; i++)
            which[i] = (uint32_t)(at + i);
        tdl_nn_batch batch = tdl_network_batch(m, which, n);
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

static tdl_status make_options(const member *m, tdl_pool *pool, tdl_loop_options *ret,
                               tdl_report *why)
{
    const double *of = m->f->network->setting.of;
    size_t batch = m->f->lists_n ? m->batch_units : (size_t)of[TDL_NETWORK_BATCH];
    size_t steps = (m->train_n + batch - 1) / batch;
    tdl_status st;

    *ret = (tdl_loop_options){.seed = m->seed,
                              .epochs = (unsigned)of[TDL_NETWORK_EPOCHS],
                              .batch = batch,
                              .seconds = m->f->problem->seconds,
                              .stop = m->f->problem->stop,
                              .clip = 1,
                              .pool = pool};
    if (m->train_n < m->units_n) {
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
    tdl_status st = tdl_network_member_init(&m, f, which, why);
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
    tdl_network_member_release(&m);
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

    if (p->x->rows > INT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows", p->x->rows);
    f->row = malloc(p->x->rows * sizeof *f->row);
    if (!f->row)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", p->x->rows);
    for (size_t r = 0; r < p->x->rows; r++)
        if (tdl_network_row_weight(p, r) > 0)
            f->row[f->rows_n++] = (uint32_t)r;
    if (!f->rows_n)
        return TDL_FAIL(why, TDL_E_INVALID, "no row weighs anything");
    return tdl_network_find_lists(f, why);
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
    size_t pixels = n->shape.channels * n->shape.height * n->shape.width;
    for (size_t i = 0; n->pixel_gain != TDL_NONE && i < tdl_network_inputs(&n->shape); i++) {
        tdl_params_value(&n->params, n->pixel_gain)[i] = i < pixels ? f->pixel_line[0] : 1;
        tdl_params_value(&n->params, n->pixel_bias)[i] = i < pixels ? f->pixel_line[1] : 0;
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
    uint32_t *number = malloc((problem->x->cols + 1) * sizeof *number);
    size_t numbers_n = 0;
    tdl_status st = number ? tdl_network_read_setting(kind, setting, &read, why)
                           : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");

    if (!st && read.of[TDL_NETWORK_PERIODIC] > 0)
        tdl_network_find_numbers(problem->x, number, &numbers_n);
    if (st || (st = find_rows(&f, why)) ||
        (st = tdl_network_new(kind, &read, problem->x, number, numbers_n, problem->task,
                              tdl_problem_scores(problem), &f.network, why)))
        goto out;
    if ((st = standardise(&f, why)))
        goto out;
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
    free(number);
    free(f.row);
    free(f.list_first);
    tdl_network_free(f.network ? &f.network->learner : NULL);
    return st;
}
