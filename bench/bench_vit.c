/* A vision transformer (Dosovitskiy et al., ICLR 2021) behind a stem of three convolutions (Xiao et
 * al., NeurIPS 2021) on Fashion-MNIST: what it reaches in a few epochs with warm-up, a cosine, and
 * images mirrored and moved by chance.
 *
 * Rate, batch, starting values, stem and shift were chosen by the accuracy on the last 5,000
 * training images, which are never trained on, with up to 10 epochs; 12 leave a margin. The test
 * images were measured after that.
 */
#include <stdlib.h>
#include <time.h>

#include "bars.h"
#include "fashion.h"
#include "nn/transformer.h"

enum { SEED = 1, EPOCHS = 12, BATCH = 64, LAYERS = 2, D = 64, HELD_OUT = 5000 };

static double wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static tdl_status train(tdl_learner *l, tdl_pool *pool, tdl_report *why)
{
    uint64_t steps = (l->train->n + BATCH - 1) / BATCH;
    tdl_loop_options options = {
        .seed = SEED,
        .epochs = EPOCHS,
        .batch = BATCH,
        .clip = 1,
        .sched = {.name = "cosine", .warmup = steps / 2, .total = EPOCHS * steps, .floor = 0.01},
        .pool = pool};
    tdl_status st = tdl_optim_defaults("adamw", &options.optim, why);

    if (st)
        return st;
    options.optim.lr = 3e-3;
    options.optim.decay = 0.05;
    return tdl_learner_train(l, &options, why);
}

static tdl_status measure(tdl_learner *l, const tdl_fashion_set *held_out,
                          const tdl_fashion_set *test, tdl_bars *bars, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = TDL_FASHION_BATCH, .backward = true};
    double validated, reached, seconds = wall_seconds();
    tdl_status st = tdl_net_plan(l->net, &plan, why);
    tdl_pool *pool = tdl_pool_new(0);

    if (st || (st = train(l, pool, why)))
        goto out;
    seconds = wall_seconds() - seconds;
    if ((st = tdl_learner_accuracy(l, held_out, pool, &validated, why)) ||
        (st = tdl_learner_accuracy(l, test, pool, &reached, why)))
        goto out;
    tdl_bars_add(bars,
                 (tdl_bar){.value = validated,
                           .unit = "share",
                           .kind = TDL_BAR_NONE,
                           .peer = "parameters",
                           .peer_value = (double)l->params->n},
                 "fashion: ViT, accuracy, %d training images held out for choices", HELD_OUT);
    tdl_bars_add(bars,
                 (tdl_bar){.value = reached,
                           .unit = "share",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = 0.90,
                           .peer = "training, s",
                           .peer_value = seconds},
                 "fashion: ViT %d x %d, conv stem, test accuracy, %d epochs", LAYERS, D, EPOCHS);
out:
    tdl_pool_free(pool);
    return st;
}

/* The last `n` of a set; borrowed from it. */
static tdl_fashion_set split(tdl_fashion_set *set, size_t n)
{
    tdl_fashion_set last = *set;

    set->n -= n;
    last.chosen += set->n;
    last.n = n;
    return last;
}

static tdl_status measure_vit(const tdl_fashion *images, tdl_bars *bars, tdl_report *why)
{
    const tdl_transformer_config config = {
        .core = {.n_layer = LAYERS,
                 .d_model = D,
                 .n_head = 4,
                 .d_ff = 2 * D,
                 .act = TDL_ACT_GELU,
                 .bias_qkv = true,
                 .bias_out = true,
                 .bias_ff = true,
                 .mask = TDL_MASK_BIDIRECTIONAL,
                 .init_std = 0.12}, // 0.02 is for models ten times as wide
        .front = TDL_FRONT_IMAGE,
        .image = {.channels = 1, .height = 28, .width = 28, .kernel = 1}, // of what the stem leaves
        .stem = {{24, 3, 2}, {48, 3, 2}, {64, 3, 2}},                     // 4 x 4
        .stem_n = 3,
        .head = TDL_HEAD_CLASS,
        .head_bias = true,
        .pooling = TDL_POOL_MEAN,
        .outputs = TDL_FASHION_CLASSES};
    tdl_fashion_set train_set = {0}, held_out, test = {0};
    tdl_transformer model = {0};
    tdl_learner *l = calloc(1, sizeof *l);
    tdl_status st;

    if (!l) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
        goto out;
    }
    if ((st = tdl_fashion_choose(&images->train_pixels, &images->train_labels, 0,
                                 TDL_FASHION_CLASSES, 0, 0, &train_set, why)) ||
        (st = tdl_fashion_choose(&images->test_pixels, &images->test_labels, 0, TDL_FASHION_CLASSES,
                                 0, 0, &test, why)) ||
        (st = tdl_transformer_init(&model, &config, why)))
        goto out;
    held_out = split(&train_set, HELD_OUT);
    tdl_transformer_start(&model, SEED);
    *l = (tdl_learner){.params = &model.params,
                       .net = &model.net,
                       .scores = model.scores,
                       .classes = TDL_FASHION_CLASSES,
                       .train = &train_set,
                       .mirror = true,
                       .shift = 1};
    st = measure(l, &held_out, &test, bars, why);
out:
    tdl_transformer_release(&model);
    tdl_fashion_set_release(&train_set);
    tdl_fashion_set_release(&test);
    free(l);
    return st;
}

tdl_status tdl_bench_vit(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_fashion images = {0};
    bool there;
    tdl_status st = tdl_fashion_open(quiet, &images, &there, why);

    if (st || !there)
        return st;
    st = measure_vit(&images, bars, why);
    tdl_fashion_close(&images);
    return st;
}
