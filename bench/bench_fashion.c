/* Fashion-MNIST (Xiao et al. 2017): what an MLP and a small CNN reach in ten epochs, and what one
 * epoch costs a thread beside PyTorch on the same thread, when it is installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bars.h"
#include "cli/command.h"
#include "nn/cnn.h"
#include "nn/mlp.h"
#include "peak.h"
#include "peer_script.h"
#include "table/idx.h"
#include "train/loop.h"

enum { PIXELS = 784, CLASSES = 10, BATCH = 128, EPOCHS = 10, BYTES_MAX = 1 << 26 };
static const double MEAN = 0.286, DEVIATION = 0.353; /* of the training pixels over 255 */

#define FOLDER "/usr/share/datasets/fashion-mnist/"
static const char TRAIN_IMAGES[] = FOLDER "train-images-idx3-ubyte.gz";
static const char TRAIN_LABELS[] = FOLDER "train-labels-idx1-ubyte.gz";
static const char TEST_IMAGES[] = FOLDER "t10k-images-idx3-ubyte.gz";
static const char TEST_LABELS[] = FOLDER "t10k-labels-idx1-ubyte.gz";

typedef struct images {
    tdl_idx pixels, labels;
    size_t n;
} images;

/* ---- data ---- */

static void release_images(images *set)
{
    tdl_idx_release(&set->pixels);
    tdl_idx_release(&set->labels);
}

static tdl_status read_images(const char *pixels, const char *labels, images *set, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_idx_read(pixels, BYTES_MAX, &set->pixels, why)) ||
        (st = tdl_idx_read(labels, BYTES_MAX, &set->labels, why)))
        return st;
    set->n = set->labels.n;
    if (set->labels.rank != 1 || set->pixels.rank != 3 || set->pixels.n != PIXELS * set->n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: not %zu images of %d pixels", pixels, set->n,
                        PIXELS);
    return TDL_OK;
}

/* ---- training ---- */

/* A planned model and room for one batch. */
typedef struct learner {
    tdl_params *params;
    tdl_net *net;
    int scores;
    const images *train;
    float level[256]; /* a pixel's byte as the number the net reads */
    float x[BATCH * PIXELS];
    int32_t target[BATCH];
    uint64_t example[BATCH];
} learner;

static tdl_nn_batch fill_batch(learner *l, const images *set, const uint32_t *example, size_t n)
{
    for (size_t r = 0; r < n; r++) {
        const uint8_t *pixel = set->pixels.data + (size_t)example[r] * PIXELS;

        for (size_t i = 0; i < PIXELS; i++)
            l->x[r * PIXELS + i] = l->level[pixel[i]];
        l->target[r] = set->labels.data[example[r]];
        l->example[r] = example[r];
    }
    return (tdl_nn_batch){.rows = n, .x = l->x, .target = l->target, .example = l->example};
}

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    learner *l = model;
    tdl_nn_batch batch = fill_batch(l, l->train, example, n);
    const tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};
    double weight;
    tdl_status st = tdl_net_forward(l->net, &batch, &run, why);

    if (st)
        return st;
    tdl_net_loss(l->net, &batch, ret_loss, &weight);
    return tdl_net_backward(l->net, &batch, &run, scale, why);
}

static tdl_status train(learner *l, unsigned epochs, tdl_pool *pool, tdl_report *why)
{
    const tdl_trainee trainee = {
        .model = l, .params = l->params, .examples_n = l->train->n, .gradient = gradient};
    tdl_loop_options options = {.seed = 1, .epochs = epochs, .batch = BATCH, .pool = pool};
    tdl_loop_result result;
    tdl_status st = tdl_optim_defaults("adamw", &options.optim, why);

    return st ? st : tdl_loop_run(&trainee, &options, &result, why);
}

static bool is_right(const float *score, int32_t target)
{
    for (int c = 0; c < CLASSES; c++)
        if (c != target && score[c] >= score[target])
            return false;
    return true;
}

static tdl_status accuracy(learner *l, const images *test, tdl_pool *pool, double *ret,
                           tdl_report *why)
{
    const tdl_run run = {.pool = pool};
    size_t right = 0;

    for (size_t at = 0; at < test->n; at += BATCH) {
        size_t n = test->n - at < BATCH ? test->n - at : BATCH;
        uint32_t example[BATCH];
        tdl_status st;

        for (size_t r = 0; r < n; r++)
            example[r] = (uint32_t)(at + r);
        tdl_nn_batch batch = fill_batch(l, test, example, n);
        batch.target = NULL; // scores stay scores
        if ((st = tdl_net_forward(l->net, &batch, &run, why)))
            return st;
        const float *score = tdl_net_value(l->net, l->scores);
        for (size_t r = 0; r < n; r++)
            right += is_right(score + r * CLASSES, l->target[r]);
    }
    *ret = (double)right / (double)test->n;
    return TDL_OK;
}

/* ---- bars ---- */

static double wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct goal {
    const char *name;
    double accuracy, of_peer; /* bounds */
    double peer_seconds;
} goal;

static void add_bars(const goal *g, double accuracy, double cpu, double wall, unsigned threads,
                     tdl_bars *bars)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = accuracy,
                           .unit = "share",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = g->accuracy,
                           .peer = "bar",
                           .peer_value = g->accuracy},
                 "fashion: %s, test accuracy, %d epochs", g->name, EPOCHS);
    if (g->peer_seconds > 0)
        tdl_bars_add(bars,
                     (tdl_bar){.value = cpu / g->peer_seconds,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = g->of_peer,
                               .peer = "PyTorch, s",
                               .peer_value = g->peer_seconds},
                     "fashion: %s, epoch, one thread (%.2f s)", g->name, cpu);
    tdl_bars_add(bars,
                 (tdl_bar){.value = cpu / wall,
                           .unit = "ratio",
                           .peer = "wall s an epoch",
                           .peer_value = wall,
                           .kind = TDL_BAR_NONE},
                 "fashion: %s, %u threads over one", g->name, threads);
}

/* One epoch on one thread for its time, then from the start all of them on the pool. */
static tdl_status measure(learner *l, void (*start)(void *model), void *model, const goal *g,
                          const images *test, tdl_pool *pool, tdl_bars *bars, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = BATCH, .backward = true};
    double reached, cpu, wall;
    tdl_status st = tdl_net_plan(l->net, &plan, why);

    if (st)
        return st;
    start(model);
    cpu = tdl_cpu_seconds();
    if ((st = train(l, 1, NULL, why)))
        return st;
    cpu = tdl_cpu_seconds() - cpu;
    start(model);
    wall = wall_seconds();
    if ((st = train(l, EPOCHS, pool, why)))
        return st;
    wall = (wall_seconds() - wall) / EPOCHS;
    if ((st = accuracy(l, test, pool, &reached, why)))
        return st;
    add_bars(g, reached, cpu, wall, tdl_pool_threads(pool), bars);
    return TDL_OK;
}

static void start_mlp(void *model)
{
    tdl_mlp_start(model, 1);
}

static tdl_status measure_mlp(learner *l, const goal *g, const images *test, tdl_pool *pool,
                              tdl_bars *bars, tdl_report *why)
{
    const tdl_mlp_config config = {.in = PIXELS,
                                   .hidden = {{256, TDL_ACT_RELU, 0}, {128, TDL_ACT_RELU, 0}},
                                   .hidden_n = 2,
                                   .out = CLASSES};
    static tdl_mlp model;
    tdl_status st = tdl_mlp_init(&model, &config, why);

    if (st)
        return st;
    l->params = &model.params;
    l->net = &model.net;
    l->scores = model.scores;
    st = measure(l, start_mlp, &model, g, test, pool, bars, why);
    tdl_mlp_release(&model);
    return st;
}

static void start_cnn(void *model)
{
    tdl_cnn_start(model, 1);
}

static tdl_status measure_cnn(learner *l, const goal *g, const images *test, tdl_pool *pool,
                              tdl_bars *bars, tdl_report *why)
{
    const tdl_cnn_config config = {.channels = 1,
                                   .height = 28,
                                   .width = 28,
                                   .stage = {{16, 3, 2}, {32, 3, 2}},
                                   .stages_n = 2,
                                   .hidden = 128,
                                   .classes = CLASSES};
    static tdl_cnn model;
    tdl_status st = tdl_cnn_init(&model, &config, why);

    if (st)
        return st;
    l->params = &model.params;
    l->net = &model.net;
    l->scores = model.scores;
    st = measure(l, start_cnn, &model, g, test, pool, bars, why);
    tdl_cnn_release(&model);
    return st;
}

tdl_status tdl_bench_fashion(bool quiet, tdl_bars *bars, tdl_report *why)
{
    images train_set = {0}, test = {0};
    tdl_pool *pool = tdl_pool_new(0);
    learner *l = calloc(1, sizeof *l);
    tdl_status st;

    if (access(TRAIN_IMAGES, R_OK)) {
        if (!quiet)
            fputs(tdl_tr("fashion: skipped, dataset-fashion-mnist is not installed\n",
                         "fashion：已跳过，未安装 dataset-fashion-mnist\n"),
                  stderr);
        st = TDL_OK;
        goto out;
    }
    if (!l) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
        goto out;
    }
    if ((st = read_images(TRAIN_IMAGES, TRAIN_LABELS, &train_set, why)) ||
        (st = read_images(TEST_IMAGES, TEST_LABELS, &test, why)))
        goto out;
    l->train = &train_set;
    for (int i = 0; i < 256; i++)
        l->level[i] = (float)((i / 255.0 - MEAN) / DEVIATION);
    json_t *peer = tdl_peer_ask("fashion.py", TRAIN_IMAGES, TRAIN_LABELS, quiet);
    const goal mlp = {"MLP 784-256-128-10", 0.885, 0.72, tdl_peer_number(peer, "mlp")};
    const goal cnn = {"CNN 16-32-128-10", 0.91, 0.4, tdl_peer_number(peer, "cnn")};
    if (!(st = measure_mlp(l, &mlp, &test, pool, bars, why)))
        st = measure_cnn(l, &cnn, &test, pool, bars, why);
    json_decref(peer);
out:
    release_images(&train_set);
    release_images(&test);
    free(l);
    tdl_pool_free(pool);
    return st;
}
