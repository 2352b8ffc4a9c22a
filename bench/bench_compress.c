/* Smaller models of one network over Fashion-MNIST: what each weighs, how fast it answers, and what
 * it gets right, before and after.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bars.h"
#include "fashion.h"
#include "nn/mlp.h"
#include "train/distil.h"
#include "train/prune.h"
#include "train/quant.h"

enum { BATCH = TDL_FASHION_BATCH, PIXELS = TDL_FASHION_PIXELS, CLASSES = TDL_FASHION_CLASSES };
enum { EPOCHS = 10, TUNING_EPOCHS = 3, FEW = 1000, FEW_EPOCHS = 100, STUDENT = 16 };
static const double MEAN = 0.286, DEVIATION = 0.353; /* of the training pixels over 255 */
static const double TEMPERATURE = 2, SOFT_SHARE = 0.5, TUNING_RATE = 3e-4;

/* ---- data ---- */

typedef struct study {
    tdl_fashion images;
    float level[256]; /* a pixel's byte as the number a net reads */
    size_t train_n, test_n;
    uint64_t *example; /* [train_n] */
    float *teacher;    /* [train_n][CLASSES] softened probabilities */
    float *test;       /* [test_n][PIXELS] */
    int32_t *target;   /* [test_n] */
    tdl_nn_batch *batch;
    size_t batches_n; /* of test */
    tdl_pool *pool;
    tdl_bars *bars;
} study;

static void close_study(study *s)
{
    tdl_fashion_close(&s->images);
    free(s->example);
    free(s->teacher);
    free(s->test);
    free(s->target);
    free(s->batch);
    tdl_pool_free(s->pool);
}

static void read_pixels(const study *s, const tdl_idx *pixels, size_t image, float *x)
{
    const uint8_t *pixel = pixels->data + image * PIXELS;

    for (size_t i = 0; i < PIXELS; i++)
        x[i] = s->level[pixel[i]];
}

static tdl_status prepare(study *s, tdl_report *why)
{
    s->train_n = s->images.train_labels.n;
    s->test_n = s->images.test_labels.n;
    s->batches_n = (s->test_n + BATCH - 1) / BATCH;
    s->pool = tdl_pool_new(0);
    s->example = calloc(s->train_n, sizeof *s->example);
    s->teacher = calloc(s->train_n, CLASSES * sizeof *s->teacher);
    s->test = calloc(s->test_n, PIXELS * sizeof *s->test);
    s->target = calloc(s->test_n, sizeof *s->target);
    s->batch = calloc(s->batches_n, sizeof *s->batch);
    if (!s->example || !s->teacher || !s->test || !s->target || !s->batch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu images", s->test_n);
    for (int i = 0; i < 256; i++)
        s->level[i] = (float)((i / 255.0 - MEAN) / DEVIATION);
    for (size_t i = 0; i < s->train_n; i++)
        s->example[i] = i;
    for (size_t i = 0; i < s->test_n; i++) {
        read_pixels(s, &s->images.test_pixels, i, s->test + i * PIXELS);
        s->target[i] = s->images.test_labels.data[i];
    }
    for (size_t i = 0; i < s->batches_n; i++) {
        size_t at = i * BATCH, left = s->test_n - at;
        s->batch[i] = (tdl_nn_batch){.rows = left < BATCH ? left : BATCH,
                                     .x = s->test + at * PIXELS,
                                     .example = s->example + at};
    }
    return TDL_OK;
}

static tdl_trial_data trial_data(const study *s, const tdl_mlp *model)
{
    return (tdl_trial_data){.batch = s->batch,
                            .batches_n = s->batches_n,
                            .scores = model->scores,
                            .metric = tdl_trial_accuracy,
                            .context = s->target};
}

/* ---- training ---- */

typedef struct learner {
    const study *study;
    tdl_mlp *model;
    size_t images, labels; /* the first so many of the training images; those that have a class */
    float x[BATCH * PIXELS], teacher[BATCH * CLASSES];
    int32_t target[BATCH];
    uint64_t example[BATCH];
} learner;

static tdl_nn_batch fill_batch(learner *l, const uint32_t *example, size_t n)
{
    const study *s = l->study;

    for (size_t r = 0; r < n; r++) {
        read_pixels(s, &s->images.train_pixels, example[r], l->x + r * PIXELS);
        memcpy(l->teacher + r * CLASSES, s->teacher + (size_t)example[r] * CLASSES,
               CLASSES * sizeof *l->teacher);
        l->target[r] =
            example[r] < l->labels ? s->images.train_labels.data[example[r]] : TDL_TARGET_NONE;
        l->example[r] = example[r];
    }
    return (tdl_nn_batch){.rows = n,
                          .x = l->x,
                          .target = l->target,
                          .value = l->model->config.soft_share > 0 ? l->teacher : NULL,
                          .example = l->example};
}

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    learner *l = model;
    tdl_nn_batch batch = fill_batch(l, example, n);
    const tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};
    double weight;
    tdl_status st = tdl_net_forward(&l->model->net, &batch, &run, why);

    if (st)
        return st;
    tdl_net_loss(&l->model->net, &batch, ret_loss, &weight);
    return tdl_net_backward(&l->model->net, &batch, &run, scale, why);
}

static tdl_trainee trainee_of(learner *l)
{
    return (tdl_trainee){
        .model = l, .params = &l->model->params, .examples_n = l->images, .gradient = gradient};
}

/* AdamW, its rate falling to 0; rate 0 = its usual one */
static tdl_status loop_options(const learner *l, unsigned epochs, double rate,
                               tdl_loop_options *ret, tdl_report *why)
{
    uint64_t steps = (uint64_t)epochs * ((l->images + BATCH - 1) / BATCH);

    *ret = (tdl_loop_options){.seed = 1,
                              .epochs = epochs,
                              .batch = BATCH,
                              .sched = {.name = "cosine", .total = steps},
                              .pool = l->study->pool};
    tdl_status st = tdl_optim_defaults("adamw", &ret->optim, why);

    if (rate > 0)
        ret->optim.lr = rate;
    return st;
}

static tdl_status train(learner *l, tdl_mlp *model, unsigned epochs, double rate, tdl_report *why)
{
    tdl_loop_options options;
    tdl_loop_result result;
    tdl_status st = loop_options(l, epochs, rate, &options, why);

    l->model = model;
    tdl_trainee trainee = trainee_of(l);
    return st ? st : tdl_loop_run(&trainee, &options, &result, why);
}

static tdl_status plan(tdl_mlp *model, tdl_report *why)
{
    return tdl_net_plan(&model->net, &(tdl_plan_options){.rows = BATCH, .backward = true}, why);
}

/* A network 784-hidden-10 from a seed, or 784-256-128-10 when hidden is 0. */
static tdl_status open_model(tdl_mlp *ret, size_t hidden, double soft_share, tdl_report *why)
{
    tdl_mlp_config config = {.in = PIXELS,
                             .hidden = {{256, TDL_ACT_RELU, 0}, {128, TDL_ACT_RELU, 0}},
                             .hidden_n = 2,
                             .out = CLASSES,
                             .temperature = TEMPERATURE,
                             .soft_share = soft_share};
    tdl_status st;

    if (hidden) {
        config.hidden[0].width = hidden;
        config.hidden_n = 1;
    }
    if ((st = tdl_mlp_init(ret, &config, why)))
        return st;
    tdl_mlp_start(ret, 1);
    if ((st = plan(ret, why)))
        tdl_mlp_release(ret);
    return st;
}

/* ---- bars ---- */

static void show(const study *s, double value, const char *unit, const char *peer,
                 double peer_value, const char *name)
{
    tdl_bars_add(s->bars,
                 (tdl_bar){.value = value,
                           .unit = unit,
                           .kind = TDL_BAR_NONE,
                           .peer = peer,
                           .peer_value = peer_value},
                 "compress: %s", name);
}

/* ---- what is measured ---- */

static tdl_status quantise(const study *s, tdl_mlp *model, tdl_report *why)
{
    static const double bound[] = {[TDL_PRECISION_INT8] = 0.001, [TDL_PRECISION_INT4] = 0.015};
    const tdl_trial_data data = trial_data(s, model);
    double rows = (double)s->test_n;

    for (int p = TDL_PRECISION_BF16; p <= TDL_PRECISION_INT4; p++) {
        const tdl_quant_options options = {.precision = (tdl_precision)p,
                                           .max_metric_loss = INFINITY};
        const char *type = tdl_precision_name((tdl_precision)p);
        tdl_quant_report r;
        char name[64];
        tdl_status st = tdl_quantise(&model->net, &data, &options, &r, why);

        if (st)
            return st;
        tdl_bars_add(s->bars,
                     (tdl_bar){.value = r.metric_loss,
                               .unit = "share",
                               .kind = bound[p] > 0 ? TDL_BAR_AT_MOST : TDL_BAR_NONE,
                               .bound = bound[p],
                               .peer = "accuracy, f32",
                               .peer_value = r.metric_before},
                     "compress: %s, accuracy lost (now %.4f)", type, r.metric_after);
        snprintf(name, sizeof name, "%s, same first class", type);
        show(s, r.agreement, "share", "f32", 1, name);
        snprintf(name, sizeof name, "%s, bytes of weights", type);
        show(s, (double)r.bytes_after, "bytes", "f32", (double)r.bytes_before, name);
        snprintf(name, sizeof name, "%s, rows, batches of %d, one thread", type, BATCH);
        show(s, rows / r.seconds_after, "1/s", "f32", rows / r.seconds_before, name);
    }
    return tdl_net_pack(&model->net, why);
}

/* Prune a copy, train on, put the weights back. */
static tdl_status prune(learner *l, tdl_mlp *model, double sparsity, bool by_input, tdl_report *why)
{
    const study *s = l->study;
    const tdl_trial_data data = trial_data(s, model);
    size_t bytes = model->params.n * sizeof *model->params.value;
    float *kept = malloc(bytes);
    tdl_loop_options loop;
    tdl_prune_report r;
    char name[80];
    tdl_status st = loop_options(l, TUNING_EPOCHS, TUNING_RATE, &loop, why);

    if (!st && !kept)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a copy of the weights");
    if (!st) {
        memcpy(kept, model->params.value, bytes);
        l->model = model;
        tdl_trainee trainee = trainee_of(l);
        const tdl_prune_options options = {.sparsity = sparsity,
                                           .calibration = by_input ? s->batch : NULL,
                                           .trainee = &trainee,
                                           .loop = &loop};
        st = tdl_prune_net(&model->net, &data, &options, &r, why);
        memcpy(model->params.value, kept, bytes);
        tdl_prune_let_go(&model->params);
    }
    free(kept);
    if (st)
        return st;
    snprintf(name, sizeof name, "%.0f %% pruned by %s, accuracy (%.4f untuned)", 100 * r.sparsity,
             by_input ? "input" : "size", r.metric_after);
    show(s, r.metric_tuned, "share", "whole", r.metric_before, name);
    return TDL_OK;
}

static tdl_status try_once(const study *s, tdl_mlp *model, double *ret_accuracy,
                           double *ret_seconds, size_t *ret_bytes, tdl_report *why)
{
    const tdl_trial_data data = trial_data(s, model);
    tdl_trial trial = {0};
    tdl_status st = tdl_net_pack(&model->net, why);

    if (!st && !(st = tdl_trial_run(&model->net, &data, &trial, why))) {
        *ret_accuracy = trial.metric;
        *ret_seconds = trial.seconds;
        *ret_bytes = trial.bytes;
    }
    tdl_trial_release(&trial);
    return st;
}

static tdl_status shrink(learner *l, tdl_mlp *model, double share, tdl_report *why)
{
    const study *s = l->study;
    double whole = 0, untuned = 0, tuned = 0, seconds[2], rows = (double)s->test_n;
    size_t bytes[2];
    tdl_mlp small;
    char name[80];
    tdl_status st;

    if ((st = try_once(s, model, &whole, &seconds[0], &bytes[0], why)) ||
        (st = tdl_prune_units(model, share, &small, why)))
        return st;
    if (!(st = plan(&small, why)) &&
        !(st = try_once(s, &small, &untuned, &seconds[1], &bytes[1], why)) &&
        !(st = train(l, &small, TUNING_EPOCHS, TUNING_RATE, why)) &&
        !(st = try_once(s, &small, &tuned, &seconds[1], &bytes[1], why))) {
        snprintf(name, sizeof name, "%.0f %% of units gone, accuracy (%.4f untuned)", 100 * share,
                 untuned);
        show(s, tuned, "share", "whole", whole, name);
        snprintf(name, sizeof name, "%.0f %% of units gone, bytes of weights", 100 * share);
        show(s, (double)bytes[1], "bytes", "whole", (double)bytes[0], name);
        snprintf(name, sizeof name, "%.0f %% of units gone, rows, one thread", 100 * share);
        show(s, rows / seconds[1], "1/s", "whole", rows / seconds[0], name);
    }
    tdl_mlp_release(&small);
    return st;
}

/* The teacher's word on every training image. */
static tdl_status ask_teacher(learner *l, tdl_mlp *teacher, tdl_report *why)
{
    const study *s = l->study;
    tdl_status st = TDL_OK;

    for (size_t at = 0; !st && at < s->train_n; at += BATCH) {
        size_t n = s->train_n - at < BATCH ? s->train_n - at : BATCH;
        uint32_t example[BATCH];

        for (size_t r = 0; r < n; r++)
            example[r] = (uint32_t)(at + r);
        tdl_nn_batch batch = fill_batch(l, example, n);
        st = tdl_distil_teach(&teacher->net, teacher->scores, &batch, TEMPERATURE, s->pool,
                              s->teacher + at * CLASSES, why);
    }
    return st;
}

/* What one student comes to; images and labels are the learner's. */
static tdl_status try_student(learner *l, double soft_share, unsigned epochs, double *ret_accuracy,
                              double *ret_seconds, size_t *ret_bytes, tdl_report *why)
{
    tdl_mlp student;
    tdl_status st = open_model(&student, STUDENT, soft_share, why);

    if (st)
        return st;
    if (!(st = train(l, &student, epochs, 0, why)))
        st = try_once(l->study, &student, ret_accuracy, ret_seconds, ret_bytes, why);
    tdl_mlp_release(&student);
    return st;
}

/* With all labels, and with few: there the teacher speaks on the other images too. */
static tdl_status teach(learner *l, tdl_mlp *teacher, tdl_report *why)
{
    const study *s = l->study;
    double whole = 0, alone = 0, taught = 0, alone_few = 0, taught_few = 0, seconds[2];
    size_t bytes[2], all = s->train_n;
    tdl_status st;

    l->model = teacher;
    if ((st = try_once(s, teacher, &whole, &seconds[0], &bytes[0], why)) ||
        (st = ask_teacher(l, teacher, why)) ||
        (st = try_student(l, 0, EPOCHS, &alone, &seconds[1], &bytes[1], why)) ||
        (st = try_student(l, SOFT_SHARE, EPOCHS, &taught, &seconds[1], &bytes[1], why)))
        return st;
    l->labels = FEW;
    st = try_student(l, SOFT_SHARE, EPOCHS, &taught_few, &seconds[1], &bytes[1], why);
    l->images = FEW;
    if (!st)
        st = try_student(l, 0, FEW_EPOCHS, &alone_few, &seconds[1], &bytes[1], why);
    l->images = l->labels = all;
    if (st)
        return st;
    show(s, taught, "share", "alone", alone, "student of 16 units, distilled, accuracy");
    tdl_bars_add(s->bars,
                 (tdl_bar){.value = taught_few,
                           .unit = "share",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = alone_few,
                           .peer = "alone",
                           .peer_value = alone_few},
                 "compress: the same, %d of %zu images have labels", FEW, all);
    show(s, (double)bytes[1], "bytes", "teacher", (double)bytes[0],
         "student of 16 units, bytes of weights");
    show(s, (double)s->test_n / seconds[1], "1/s", "teacher", (double)s->test_n / seconds[0],
         "student of 16 units, rows, one thread");
    return TDL_OK;
}

static tdl_status measure(learner *l, tdl_mlp *model, tdl_report *why)
{
    static const double sparsity[] = {0.5, 0.8, 0.9};
    tdl_status st;

    if ((st = train(l, model, EPOCHS, 0, why)) || (st = quantise(l->study, model, why)) ||
        (st = teach(l, model, why)) || (st = shrink(l, model, 0.5, why)))
        return st;
    tdl_net_unpack(&model->net); // its weights will change
    for (size_t i = 0; !st && i < sizeof sparsity / sizeof *sparsity; i++)
        st = prune(l, model, sparsity[i], false, why);
    return st ? st : prune(l, model, 0.8, true, why);
}

tdl_status tdl_bench_compress(bool quiet, tdl_bars *bars, tdl_report *why)
{
    study s = {.bars = bars};
    learner *l = calloc(1, sizeof *l);
    tdl_mlp model = {0};
    bool there = false;
    tdl_status st = l ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");

    if (st || (st = tdl_fashion_open(quiet, &s.images, &there, why)) || !there)
        goto out;
    st = prepare(&s, why);
    l->study = &s;
    l->images = l->labels = s.train_n;
    if (!st && !(st = open_model(&model, 0, 0, why))) {
        st = measure(l, &model, why);
        tdl_mlp_release(&model);
    }
out:
    close_study(&s);
    free(l);
    return st;
}
