/* Fashion-MNIST (Xiao et al. 2017): what an MLP and a small CNN reach in ten epochs, and what one
 * epoch costs a thread beside PyTorch on the same thread, when it is installed.
 */
#include <stdlib.h>
#include <time.h>

#include "bars.h"
#include "fashion.h"
#include "nn/cnn.h"
#include "nn/mlp.h"
#include "peak.h"
#include "peer_script.h"

enum { PIXELS = TDL_FASHION_PIXELS, CLASSES = TDL_FASHION_CLASSES, EPOCHS = 10 };

static tdl_status train(tdl_learner *l, unsigned epochs, tdl_pool *pool, tdl_report *why)
{
    uint64_t steps = (l->train->n + TDL_FASHION_BATCH - 1) / TDL_FASHION_BATCH;
    tdl_loop_options options = {.seed = 1,
                                .epochs = epochs,
                                .batch = TDL_FASHION_BATCH,
                                .sched = {.name = "cosine", .total = epochs * steps},
                                .pool = pool};
    tdl_status st = tdl_optim_defaults("adamw", &options.optim, why);

    return st ? st : tdl_learner_train(l, &options, why);
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
static tdl_status measure(tdl_learner *l, void (*start)(void *model), void *model, const goal *g,
                          const tdl_fashion_set *test, tdl_pool *pool, tdl_bars *bars,
                          tdl_report *why)
{
    const tdl_plan_options plan = {.rows = TDL_FASHION_BATCH, .backward = true};
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
    if ((st = tdl_learner_accuracy(l, test, pool, &reached, why)))
        return st;
    add_bars(g, reached, cpu, wall, tdl_pool_threads(pool), bars);
    return TDL_OK;
}

static void start_mlp(void *model)
{
    tdl_mlp_start(model, 1);
}

static tdl_status measure_mlp(tdl_learner *l, const goal *g, const tdl_fashion_set *test,
                              tdl_pool *pool, tdl_bars *bars, tdl_report *why)
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

static tdl_status measure_cnn(tdl_learner *l, const goal *g, const tdl_fashion_set *test,
                              tdl_pool *pool, tdl_bars *bars, tdl_report *why)
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

static tdl_status measure_both(const tdl_fashion *images, bool quiet, tdl_pool *pool,
                               tdl_bars *bars, tdl_report *why)
{
    tdl_fashion_set train_set = {0}, test = {0};
    tdl_learner *l = calloc(1, sizeof *l);
    json_t *peer = NULL;
    tdl_status st;

    if (!l) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
        goto out;
    }
    if ((st = tdl_fashion_choose(&images->train_pixels, &images->train_labels, 0, CLASSES, 0, 0,
                                 &train_set, why)) ||
        (st = tdl_fashion_choose(&images->test_pixels, &images->test_labels, 0, CLASSES, 0, 0,
                                 &test, why)))
        goto out;
    l->train = &train_set;
    l->classes = CLASSES;
    peer = tdl_peer_ask("fashion.py", tdl_fashion_train_images, tdl_fashion_train_labels, quiet);
    const goal mlp = {"MLP 784-256-128-10", 0.885, 0.72, tdl_peer_number(peer, "mlp")};
    const goal cnn = {"CNN 16-32-128-10", 0.91, 0.4, tdl_peer_number(peer, "cnn")};
    if (!(st = measure_mlp(l, &mlp, &test, pool, bars, why)))
        st = measure_cnn(l, &cnn, &test, pool, bars, why);
out:
    json_decref(peer);
    tdl_fashion_set_release(&train_set);
    tdl_fashion_set_release(&test);
    free(l);
    return st;
}

tdl_status tdl_bench_fashion(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_fashion images = {0};
    bool there;
    tdl_status st = tdl_fashion_open(quiet, &images, &there, why);

    if (st || !there)
        return st;
    tdl_pool *pool = tdl_pool_new(0);
    st = measure_both(&images, quiet, pool, bars, why);
    tdl_pool_free(pool);
    tdl_fashion_close(&images);
    return st;
}
