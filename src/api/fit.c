/* Training a model of the public API. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/model.h"
#include "nn/layers.h"
#include "train/loop.h"

/* ---- losses by name ---- */

static int add_mse(tdl_net *net, int in)
{
    return tdl_net_mse(net, in, NULL);
}

static int add_huber(tdl_net *net, int in)
{
    return tdl_net_huber(net, in, 1);
}

static int add_binary(tdl_net *net, int in)
{
    return tdl_net_bce(net, in, NULL);
}

static int add_classes(tdl_net *net, int in)
{
    return tdl_net_softmax_ce(net, in, NULL);
}

typedef struct loss {
    const char *name;
    int (*add)(tdl_net *net, int in);
    bool classes; /* y holds one class number a row */
} loss;

static const loss losses[] = {
    {"mse", add_mse, false},       {"huber", add_huber, false},    {"hinge", tdl_net_hinge, false},
    {"binary", add_binary, false}, {"classes", add_classes, true},
};

static tdl_status find_loss(const char *name, const loss **ret, tdl_report *why)
{
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        if (!strcmp(losses[i].name, name)) {
            *ret = &losses[i];
            return TDL_OK;
        }
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "there are mse, huber, hinge, binary and classes",
                         "there is no loss \"%s\"", name);
}

/* ---- the data as batches ---- */

typedef struct fitting {
    tdl_model *model;
    const float *x, *y;
    const loss *loss;
    size_t inputs, outputs, rows, train_n, batch;
    uint64_t seed;
    uint32_t *order; /* [rows] the first train_n are trained on, the rest held out */
    float *batch_x;  /* [batch][inputs] */
    float *batch_y;  /* [batch][outputs], unless classes */
    int32_t *target; /* [batch] classes */
    uint64_t *example;
    const tdl_fit_options *options;
    unsigned epoch; /* told last */
    atomic_bool stop;
} fitting;

static void release(fitting *f)
{
    free(f->order);
    free(f->batch_x);
    free(f->batch_y);
    free(f->target);
    free(f->example);
}

static tdl_status check_classes(const fitting *f, tdl_report *why)
{
    for (size_t r = 0; r < f->rows; r++)
        if (!(f->y[r] >= 0 && f->y[r] < (float)f->outputs) || f->y[r] != rintf(f->y[r]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %g is not a class from 0 to %zu", r,
                            (double)f->y[r], f->outputs - 1);
    return TDL_OK;
}

static tdl_status prepare(fitting *f, tdl_report *why)
{
    tdl_status st = tdl_nn_check_finite("x", f->x, f->rows, f->inputs, why);

    if (st || (st = f->loss->classes ? check_classes(f, why)
                                     : tdl_nn_check_finite("y", f->y, f->rows, f->outputs, why)))
        return st;
    f->order = malloc((f->rows + 1) * sizeof *f->order);
    f->batch_x = malloc((f->batch * f->inputs + 1) * sizeof *f->batch_x);
    f->batch_y = malloc((f->batch * f->outputs + 1) * sizeof *f->batch_y);
    f->target = malloc((f->batch + 1) * sizeof *f->target);
    f->example = malloc((f->batch + 1) * sizeof *f->example);
    if (!f->order || !f->batch_x || !f->batch_y || !f->target || !f->example)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for batches of %zu rows", f->batch);
    for (size_t r = 0; r < f->rows; r++)
        f->order[r] = (uint32_t)r;
    if (f->train_n < f->rows) // chosen by the seed, not by their place in the file
        tdl_epoch_order(f->seed, UINT32_MAX, f->order, f->rows);
    return TDL_OK;
}

/* The rows order[which[i]] as a batch. */
static tdl_nn_batch make_batch(fitting *f, const uint32_t *which, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = f->order[which[i]];

        memcpy(f->batch_x + i * f->inputs, f->x + row * f->inputs, f->inputs * sizeof *f->x);
        f->example[i] = row;
        if (f->loss->classes)
            f->target[i] = (int32_t)f->y[row];
        else
            memcpy(f->batch_y + i * f->outputs, f->y + row * f->outputs, f->outputs * sizeof *f->y);
    }
    return (tdl_nn_batch){.rows = n,
                          .x = f->batch_x,
                          .target = f->loss->classes ? f->target : NULL,
                          .value = f->loss->classes ? NULL : f->batch_y,
                          .example = f->example};
}

static tdl_status gradient(void *context, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    fitting *f = context;
    tdl_nn_batch batch = make_batch(f, which, n);
    tdl_run run = {.seed = f->seed, .step = step, .training = true, .pool = pool};
    tdl_status st = tdl_net_forward(&f->model->net, &batch, &run, why);
    double weight;

    if (st)
        return st;
    tdl_net_loss(&f->model->net, &batch, ret_loss, &weight);
    return tdl_net_backward(&f->model->net, &batch, &run, scale, why);
}

static tdl_status validate(void *context, tdl_pool *pool, double *ret, tdl_report *why)
{
    fitting *f = context;
    const tdl_run run = {.pool = pool};
    double sum = 0, weights = 0;

    for (size_t at = f->train_n; at < f->rows; at += f->batch) {
        uint32_t which[TDL_MODEL_BATCH_MAX];
        size_t n = f->rows - at < f->batch ? f->rows - at : f->batch;
        double of_batch, weight;

        for (size_t i = 0; i < n; i++)
            which[i] = (uint32_t)(at + i);
        tdl_nn_batch batch = make_batch(f, which, n);
        tdl_status st = tdl_net_forward(&f->model->net, &batch, &run, why);
        if (st)
            return st;
        tdl_net_loss(&f->model->net, &batch, &of_batch, &weight);
        sum += of_batch;
        weights += weight;
    }
    *ret = weights > 0 ? sum / weights : 0;
    return TDL_OK;
}

/* ---- options ---- */

static tdl_status check(size_t rows, const tdl_fit_options *o, tdl_report *why)
{
    if (rows == 0 || rows > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rows to train on", rows);
    if (!(o->validation >= 0 && o->validation < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "validation %g is not a share in [0, 1)",
                        o->validation);
    if (o->patience && o->validation <= 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "hold out a share of the rows: validation = 0.1",
                             "patience %u without validation", o->patience);
    if (o->batch > TDL_MODEL_BATCH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "batches of %zu rows, at most %d", o->batch,
                        TDL_MODEL_BATCH_MAX);
    return TDL_OK;
}

static tdl_status make_options(const tdl_fit_options *o, const fitting *f, tdl_loop_options *ret,
                               tdl_report *why)
{
    tdl_status st = tdl_optim_defaults(o->optimiser ? o->optimiser : "adam", &ret->optim, why);
    size_t steps = (f->train_n + f->batch - 1) / f->batch;

    if (st)
        return st;
    ret->optim.lr = o->rate != 0 ? o->rate : ret->optim.lr;
    ret->optim.momentum = o->momentum != 0 ? o->momentum : ret->optim.momentum;
    ret->optim.l1 = o->l1;
    ret->optim.l2 = o->l2;
    ret->seed = o->seed;
    ret->epochs = o->epochs ? o->epochs : 100;
    ret->batch = f->batch;
    ret->clip = o->clip;
    ret->stop_loss = o->stop_loss;
    ret->patience = o->patience;
    ret->sched = (tdl_sched_config){.name = o->schedule,
                                    .total = steps * ret->epochs,
                                    .every = steps * (ret->epochs / 3 + 1),
                                    .gamma = 0.1};
    if (o->schedule && !strcmp(o->schedule, "exponential"))
        ret->sched.gamma = pow(0.01, 1 / (double)(steps * ret->epochs)); // to a hundredth
    return TDL_OK;
}

/* ---- the run ---- */

/* The loop tells the mean loss of each epoch here, and looks at `stop` after it. */
static void note_scalar(void *context, const char *tag, uint64_t step, double value)
{
    fitting *f = context;

    TDL_UNUSED(step);
    if (strcmp(tag, "epoch/loss") != 0)
        return;
    f->epoch++;
    if (f->options->on_epoch && !f->options->on_epoch(f->options->context, f->epoch, value))
        atomic_store(&f->stop, true);
}

static const char *reason(const tdl_loop_result *result)
{
    switch (result->stop) {
    case TDL_STOP_MAX_STEPS:
        return "epochs";
    case TDL_STOP_SIGNAL:
        return "stopped";
    default:
        return tdl_stop_name(result->stop);
    }
}

static tdl_status run(fitting *f, tdl_fit_result *ret, tdl_report *why)
{
    const tdl_train_log log = {.context = f, .scalar = note_scalar};
    tdl_pool *pool = tdl_pool_new(f->options->threads);
    tdl_loop_options options = {.pool = pool, .log = &log, .stop = &f->stop};
    tdl_trainee trainee = {.model = f,
                           .params = &f->model->params,
                           .examples_n = f->train_n,
                           .gradient = gradient,
                           .validate = validate};
    tdl_loop_result result;
    tdl_status st = make_options(f->options, f, &options, why);

    if (!st && !f->options->keep_weights)
        tdl_model_start(f->model, f->seed);
    if (!st)
        st = tdl_loop_run(&trainee, &options, &result, why);
    tdl_pool_free(pool);
    if (st)
        return st;
    *ret = (tdl_fit_result){.epochs = result.epochs_run,
                            .loss = result.train_loss,
                            .validation = result.best,
                            .stopped = reason(&result)};
    return TDL_OK;
}

static tdl_status plan(fitting *f, tdl_report *why)
{
    const tdl_plan_options options = {.rows = f->batch, .backward = true};
    tdl_status st = tdl_model_seal(f->model, why);

    if (st)
        return st;
    f->loss->add(&f->model->net, tdl_model_build(f->model));
    return tdl_net_plan(&f->model->net, &options, why);
}

tdl_status tdl_model_fit(tdl_model *model, const float *x, const float *y, size_t rows,
                         const tdl_fit_options *options, tdl_fit_result *ret_result,
                         tdl_report *why)
{
    static const tdl_fit_options defaults = {0};
    const tdl_fit_options *o = options ? options : &defaults;
    fitting f = {.model = model,
                 .x = x,
                 .y = y,
                 .inputs = model->inputs,
                 .outputs = tdl_model_outputs(model),
                 .rows = rows,
                 .train_n = rows - (size_t)(o->validation * (double)rows),
                 .batch = o->batch ? o->batch : 32,
                 .seed = o->seed,
                 .options = o};
    tdl_fit_result result;
    tdl_status st;

    if ((st = check(rows, o, why)) || (st = find_loss(o->loss ? o->loss : "mse", &f.loss, why)) ||
        (st = plan(&f, why)))
        return st;
    if (!(st = prepare(&f, why)))
        st = run(&f, &result, why);
    release(&f);
    if (!st && ret_result)
        *ret_result = result;
    return st;
}
