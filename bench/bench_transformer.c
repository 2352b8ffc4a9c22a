/* The transformer core beside PyTorch, one thread: a small encoder, and a GPT-2 small.
 *
 * Figures are CPU seconds of the best repetition, as in bench/peers/transformer.py, which does the
 * same with PyTorch's own layers. Two threads are wall time of one over wall time of two.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bars.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "nn/layers.h"
#include "nn/transformer.h"
#include "peer_script.h"
#include "train/optim.h"

/* ---- what is measured ---- */

typedef struct subject {
    tdl_params *params;
    tdl_net *net;
    tdl_nn_batch batch;
    tdl_optim optim;
    bool training;
} subject;

static tdl_status run_once(subject *s, tdl_pool *pool, tdl_report *why)
{
    const tdl_run run = {.seed = 1, .training = s->training, .pool = pool};
    double sum, weight;
    tdl_status st = tdl_net_forward(s->net, &s->batch, &run, why);

    if (st || !s->training)
        return st;
    tdl_net_loss(s->net, &s->batch, &sum, &weight);
    if ((st = tdl_net_backward(s->net, &s->batch, &run, 1 / weight, why)))
        return st;
    tdl_optim_step(&s->optim, s->params, s->optim.config.lr, 1, pool);
    return TDL_OK;
}

static double wall_seconds(void)
{
    return (double)tdl_time_monotonic() / 1e6;
}

/* Shortest call over at least `seconds`; by `clock`. */
static tdl_status best_of(subject *s, tdl_pool *pool, double seconds, double (*clock)(void),
                          double *ret, tdl_report *why)
{
    double spent = 0;
    tdl_status st = run_once(s, pool, why);

    *ret = 1e9;
    while (!st && spent < seconds) {
        double before = clock();
        st = run_once(s, pool, why);
        double took = clock() - before;
        *ret = took < *ret ? took : *ret;
        spent += took;
    }
    return st;
}

static tdl_status prepare(subject *s, size_t rows, size_t tokens, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = rows, .tokens = tokens, .backward = s->training};
    tdl_optim_config config;
    tdl_status st = tdl_net_plan(s->net, &plan, why);

    if (st || !s->training)
        return st;
    if ((st = tdl_optim_defaults("adamw", &config, why)))
        return st;
    return tdl_optim_init(&s->optim, &config, s->params, why);
}

typedef struct goal {
    const char *name, *key; /* of the bar, and of the peer's figure */
    double of_peer, seconds;
    bool two_threads;
} goal;

static tdl_status measure(subject *s, const goal *g, const json_t *peer, tdl_bars *bars,
                          tdl_report *why)
{
    double cpu, one, two, theirs = tdl_peer_number(peer, g->key);
    tdl_status st = best_of(s, NULL, g->seconds, tdl_time_cpu_thread, &cpu, why);

    if (st)
        return st;
    if (theirs > 0)
        tdl_bars_add(bars,
                     (tdl_bar){.value = cpu / theirs,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = g->of_peer,
                               .peer = "PyTorch, CPU s",
                               .peer_value = theirs},
                     "transformer: %s (%.3g s)", g->name, cpu);
    if (!g->two_threads)
        return TDL_OK;
    tdl_pool *pool = tdl_pool_new(2);
    st = best_of(s, NULL, g->seconds, wall_seconds, &one, why);
    if (!st)
        st = best_of(s, pool, g->seconds, wall_seconds, &two, why);
    tdl_pool_free(pool);
    if (!st)
        tdl_bars_add(bars,
                     (tdl_bar){.value = one / two,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_LEAST,
                               .bound = 1.7,
                               .peer = "one thread, wall s",
                               .peer_value = one},
                     "transformer: %s, two threads", g->name);
    return st;
}

/* ---- the small encoder: 2 layers of 64, 4 heads, 32 rows an example, loss = mean square ---- */

enum { LENGTH = 32, WIDTH = 64, ROWS_MAX = 64 };

static tdl_status measure_encoder(size_t rows, bool training, const goal *g, const json_t *peer,
                                  tdl_bars *bars, tdl_report *why)
{
    static float x[ROWS_MAX * LENGTH * WIDTH], zero[ROWS_MAX * LENGTH * WIDTH];
    static const tdl_tf_config config = {.n_layer = 2,
                                         .d_model = WIDTH,
                                         .n_head = 4,
                                         .d_ff = 256,
                                         .act = TDL_ACT_RELU,
                                         .bias_qkv = true,
                                         .bias_out = true,
                                         .bias_ff = true,
                                         .mask = TDL_MASK_BIDIRECTIONAL};
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    subject s = {.params = &params, .net = &net, .training = training};
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_tf core;
    tdl_status st;

    for (size_t i = 0; i < rows * LENGTH * WIDTH; i++)
        x[i] = (float)tdl_rng_normal(&rng);
    s.batch = (tdl_nn_batch){.rows = rows, .x = x, .value = training ? zero : NULL};
    if ((st = tdl_tf_declare(&core, &config, &params, why)) || (st = tdl_params_seal(&params, why)))
        goto out;
    tdl_tf_start(&core, &params, 1);
    int in = tdl_net_reshape(&net, tdl_net_input(&net, (size_t)LENGTH * WIDTH), WIDTH);
    int last = tdl_tf_build(&core, &net, in);
    if (training)
        tdl_net_mse(&net, last, NULL);
    if ((st = prepare(&s, rows, 0, why)))
        goto out;
    if (!training && (st = tdl_net_pack(&net, why)))
        goto out;
    st = measure(&s, g, peer, bars, why);
out:
    tdl_optim_release(&s.optim);
    tdl_net_release(&net);
    tdl_tf_release(&core);
    tdl_params_release(&params);
    return st;
}

/* ---- GPT-2 small: one training step of 4 sequences of 64 tokens ---- */

static tdl_status measure_gpt2(const json_t *peer, tdl_bars *bars, tdl_report *why)
{
    enum { BATCH = 4, TOKENS = 64, VOCABULARY = 50257 };
    static int32_t id[BATCH * TOKENS], target[BATCH * TOKENS];
    static const tdl_transformer_config config = {.core = {.n_layer = 12,
                                                           .d_model = 768,
                                                           .n_head = 12,
                                                           .d_ff = 3072,
                                                           .max_len = 1024,
                                                           .act = TDL_ACT_GELU,
                                                           .bias_qkv = true,
                                                           .bias_out = true,
                                                           .bias_ff = true},
                                                  .vocabulary = VOCABULARY,
                                                  .position = TDL_POSITION_LEARNED,
                                                  .head = TDL_HEAD_TIED};
    static const goal step = {"GPT-2 small, step of 4 x 64", "gpt2_step", 0.8, 8, true};
    size_t offsets[BATCH + 1];
    tdl_transformer model;
    tdl_rng rng = tdl_rng_make(4, 0);
    tdl_status st = tdl_transformer_init(&model, &config, why);

    if (st)
        return st;
    subject s = {.params = &model.params, .net = &model.net, .training = true};
    tdl_transformer_start(&model, 1);
    for (size_t r = 0; r <= BATCH; r++)
        offsets[r] = r * TOKENS;
    for (size_t i = 0; i < (size_t)BATCH * TOKENS; i++) {
        id[i] = (int32_t)tdl_rng_below(&rng, VOCABULARY);
        target[i] = (int32_t)tdl_rng_below(&rng, VOCABULARY);
    }
    s.batch = (tdl_nn_batch){.rows = BATCH, .offsets = offsets, .id = {id}, .target = target};
    if (!(st = prepare(&s, BATCH, (size_t)BATCH * TOKENS, why)))
        st = measure(&s, &step, peer, bars, why);
    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)model.net.bytes,
                           .unit = "bytes",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = 0.35 * 2 * 73.3e6 * 4,
                           .peer = "llm.c: activations and gradients",
                           .peer_value = 2 * 73.3e6 * 4},
                 "transformer: GPT-2 small, values of a step");
    tdl_optim_release(&s.optim);
    tdl_transformer_release(&model);
    return st;
}

tdl_status tdl_bench_transformer(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static const goal one = {"d=64 encoder, 1 example", "infer_1", 0.47, 0.6, false};
    static const goal many = {"d=64 encoder, 64 examples", "infer_64", 0.67, 0.6, true};
    static const goal step = {"d=64 encoder, AdamW step of 64", "step_64", 0.62, 1.5, true};
    json_t *small = tdl_peer_ask("transformer.py", "small", NULL, quiet), *gpt2;
    tdl_status st;

    if (!(st = measure_encoder(1, false, &one, small, bars, why)) &&
        !(st = measure_encoder(64, false, &many, small, bars, why)))
        st = measure_encoder(64, true, &step, small, bars, why);
    json_decref(small);
    if (st)
        return st;
    gpt2 = tdl_peer_ask("transformer.py", "gpt2", NULL, quiet);
    st = measure_gpt2(gpt2, bars, why);
    json_decref(gpt2);
    return st;
}
