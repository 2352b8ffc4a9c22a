#include "clusters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { N = CLUSTERS_POINTS, IN = CLUSTERS_IN, CLASSES = CLUSTERS_CLASSES };

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    clusters *c = model;
    const tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};
    float x[N * IN], teacher[N * CLASSES];
    int32_t target[N];
    double weight;

    for (size_t r = 0; r < n; r++) {
        memcpy(x + r * IN, c->x + example[r] * (size_t)IN, IN * sizeof *x);
        memcpy(teacher + r * CLASSES, c->teacher + example[r] * (size_t)CLASSES,
               CLASSES * sizeof *teacher);
        target[r] = c->target[example[r]];
    }
    const tdl_nn_batch batch = {.rows = n,
                                .x = x,
                                .target = target,
                                .value = c->taught ? teacher : NULL,
                                .example = c->example};
    tdl_status st = tdl_net_forward(&c->model.net, &batch, &run, why);
    if (st)
        return st;
    tdl_net_loss(&c->model.net, &batch, ret_loss, &weight);
    return tdl_net_backward(&c->model.net, &batch, &run, scale, why);
}

static void make_points(clusters *c)
{
    tdl_rng rng = tdl_rng_make(3, 0);

    for (size_t i = 0; i < N; i++) {
        c->target[i] = (int32_t)(i % CLASSES);
        c->example[i] = i;
        for (size_t k = 0; k < IN; k++)
            c->x[i * IN + k] =
                (float)(1.5 * (k % CLASSES == i % CLASSES) + 0.9 * tdl_rng_normal(&rng));
    }
}

void clusters_open(clusters *c, size_t hidden, double soft_share)
{
    const tdl_mlp_config config = {.in = IN,
                                   .hidden = {{hidden, TDL_ACT_RELU, 0}},
                                   .hidden_n = 1,
                                   .out = CLASSES,
                                   .temperature = 2,
                                   .soft_share = soft_share};
    const tdl_plan_options plan = {.rows = N, .backward = true};

    *c = (clusters){.taught = soft_share > 0};
    make_points(c);
    assert_int_equal(tdl_mlp_init(&c->model, &config, NULL), TDL_OK);
    tdl_mlp_start(&c->model, 1);
    assert_int_equal(tdl_net_plan(&c->model.net, &plan, NULL), TDL_OK);
    c->batch = (tdl_nn_batch){.rows = N, .x = c->x, .example = c->example};
    c->data = (tdl_trial_data){.batch = &c->batch,
                               .batches_n = 1,
                               .scores = c->model.scores,
                               .metric = tdl_trial_accuracy,
                               .context = c->target};
    c->trainee = (tdl_trainee){
        .model = c, .params = &c->model.params, .examples_n = N, .gradient = gradient};
    c->loop = (tdl_loop_options){.seed = 1, .epochs = 10, .batch = 32};
    assert_int_equal(tdl_optim_defaults("adamw", &c->loop.optim, NULL), TDL_OK);
    c->loop.optim.lr = 0.01;
}

void clusters_train(clusters *c)
{
    tdl_loop_result result;

    assert_int_equal(tdl_loop_run(&c->trainee, &c->loop, &result, NULL), TDL_OK);
}

double clusters_accuracy(clusters *c)
{
    tdl_trial trial;

    assert_int_equal(tdl_trial_run(&c->model.net, &c->data, &trial, NULL), TDL_OK);
    double metric = trial.metric;
    tdl_trial_release(&trial);
    return metric;
}

void clusters_close(clusters *c)
{
    tdl_mlp_release(&c->model);
}
