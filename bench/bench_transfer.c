/* Transfer learning measured: a small CNN learns five classes of Fashion-MNIST from all their
 * images, then the other five from 50 images a class: from scratch, and in three ways from what it
 * knows. Each seed draws its images and starting values; the ways share both, so that they are
 * compared in pairs. The pre-training is one for all seeds.
 */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "bars.h"
#include "fashion.h"
#include "nn/cnn.h"
#include "nn/init.h"
#include "train/params_load.h"

enum { CLASSES = 5, EACH = 50, SEEDS = 10, PRETRAIN_EPOCHS = 3, EPOCHS = 12, BATCH = 32, RANK = 8 };
static const double STUDENT = 2.262; /* two-sided 95 %, SEEDS - 1 degrees of freedom */

typedef enum way { SCRATCH, ALL, HEAD, LORA, WAYS } way;
static const char *const WAY[WAYS] = {"from scratch", "all weights", "body frozen", "LoRA, rank 8"};
static const double RATE[WAYS] = {1e-3, 1e-3, 1e-2, 5e-3}; /* few numbers bear a higher one */

typedef struct study {
    tdl_fashion_set pretrain, test; /* of the first five classes, and of the others */
    tdl_idx *train_pixels, *train_labels;
    tdl_st_file *pretrained;
    tdl_learner *learner;
    tdl_pool *pool;
    double accuracy[WAYS][SEEDS];
} study;

static tdl_status open_model(tdl_cnn *model, const tdl_lora_config *lora, tdl_report *why)
{
    const tdl_cnn_config config = {.channels = 1,
                                   .height = 28,
                                   .width = 28,
                                   .stage = {{16, 3, 2}, {32, 3, 2}},
                                   .stages_n = 2,
                                   .hidden = 128,
                                   .classes = CLASSES,
                                   .lora = lora};

    return tdl_cnn_init(model, &config, why);
}

static tdl_status train(study *s, tdl_cnn *model, const tdl_fashion_set *set, uint64_t seed,
                        double rate, size_t batch, unsigned epochs, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = TDL_FASHION_BATCH, .backward = true};
    tdl_loop_options options = {.seed = seed, .epochs = epochs, .batch = batch, .pool = s->pool};
    tdl_status st;

    *s->learner = (tdl_learner){.params = &model->params,
                                .net = &model->net,
                                .scores = model->scores,
                                .classes = CLASSES,
                                .train = set};
    if ((st = tdl_net_plan(&model->net, &plan, why)) ||
        (st = tdl_optim_defaults("adamw", &options.optim, why)))
        return st;
    options.optim.lr = rate;
    return tdl_learner_train(s->learner, &options, why);
}

/* What was learned goes through a file, as between two programs. */
static tdl_status pretrain(study *s, tdl_report *why)
{
    char path[] = "/tmp/treadle-transfer-XXXXXX";
    int fd = mkstemp(path);
    tdl_cnn model = {0};
    tdl_status st;

    if (fd < 0)
        return TDL_FAIL(why, TDL_E_IO, "no temporary file");
    close(fd);
    if ((st = open_model(&model, NULL, why)))
        goto out;
    tdl_cnn_start(&model, 1);
    if (!(st = train(s, &model, &s->pretrain, 1, RATE[ALL], TDL_FASHION_BATCH, PRETRAIN_EPOCHS,
                     why)) &&
        !(st = tdl_params_save(&model.params, "*", path, why)))
        st = tdl_st_open(path, &s->pretrained, why);
    tdl_cnn_release(&model);
out:
    unlink(path);
    return st;
}

/* All ways start with the head that this seed draws. */
static tdl_status start(study *s, tdl_cnn *model, way how, uint64_t seed, tdl_report *why)
{
    tdl_status st;

    tdl_cnn_start(model, seed);
    if (how == SCRATCH)
        return TDL_OK;
    if ((st = tdl_params_load(s->pretrained, &model->params, NULL, NULL, NULL, why)))
        return st;
    tdl_init_slice(&model->params, model->w2, TDL_INIT_XAVIER, 1, seed);
    tdl_init_slice(&model->params, model->b2, TDL_INIT_ZERO, 1, seed);
    if (how == HEAD)
        tdl_params_freeze_matching(&model->params, "*");
    if (how == LORA)
        tdl_lora_freeze_base(&model->params);
    tdl_params_thaw_matching(&model->params, "w2");
    tdl_params_thaw_matching(&model->params, "b2");
    return TDL_OK;
}

static tdl_status fine_tune(study *s, way how, const tdl_fashion_set *set, unsigned seed,
                            tdl_report *why)
{
    static const char *const pattern[] = {"w1"};
    const tdl_lora_config lora = {.pattern = pattern, .patterns_n = 1, .rank = RANK};
    tdl_cnn model;
    tdl_status st = open_model(&model, how == LORA ? &lora : NULL, why);

    if (st)
        return st;
    if (!(st = start(s, &model, how, seed + 2, why)) &&
        !(st = train(s, &model, set, seed + 2, RATE[how], BATCH, EPOCHS, why)))
        st = tdl_learner_accuracy(s->learner, &s->test, s->pool, &s->accuracy[how][seed], why);
    tdl_cnn_release(&model);
    return st;
}

static tdl_status run_seed(study *s, unsigned seed, tdl_report *why)
{
    tdl_fashion_set set;
    tdl_status st = tdl_fashion_choose(s->train_pixels, s->train_labels, CLASSES, CLASSES, EACH,
                                       seed + 1, &set, why);

    if (st)
        return st;
    for (int how = 0; !st && how < WAYS; how++)
        st = fine_tune(s, (way)how, &set, seed, why);
    tdl_fashion_set_release(&set);
    return st;
}

/* ---- figures ---- */

static void mean_and_deviation(const double x[SEEDS], double *ret_mean, double *ret_deviation)
{
    double mean = 0, squares = 0;

    for (int i = 0; i < SEEDS; i++)
        mean += x[i] / SEEDS;
    for (int i = 0; i < SEEDS; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    *ret_mean = mean;
    *ret_deviation = sqrt(squares / (SEEDS - 1));
}

static void add_bars(const study *s, tdl_bars *bars)
{
    double mean, deviation, gain[SEEDS];

    for (int how = 0; how < WAYS; how++) {
        mean_and_deviation(s->accuracy[how], &mean, &deviation);
        tdl_bars_add(bars,
                     (tdl_bar){.value = mean,
                               .unit = "share",
                               .kind = TDL_BAR_NONE,
                               .peer = "deviation over seeds",
                               .peer_value = deviation},
                     "transfer: %s, test accuracy", WAY[how]);
    }
    for (int how = ALL; how < WAYS; how++) {
        for (int i = 0; i < SEEDS; i++)
            gain[i] = s->accuracy[how][i] - s->accuracy[SCRATCH][i];
        mean_and_deviation(gain, &mean, &deviation);
        tdl_bars_add(bars,
                     (tdl_bar){.value = mean - STUDENT * deviation / sqrt(SEEDS),
                               .unit = "share",
                               .kind = how == ALL ? TDL_BAR_AT_LEAST : TDL_BAR_NONE,
                               .bound = 0,
                               .peer = "mean gain",
                               .peer_value = mean},
                     "transfer: %s over scratch, 95 %% low end", WAY[how]);
    }
}

static tdl_status run_study(tdl_fashion *images, tdl_bars *bars, tdl_report *why)
{
    study s = {.train_pixels = &images->train_pixels,
               .train_labels = &images->train_labels,
               .learner = malloc(sizeof(tdl_learner)),
               .pool = tdl_pool_new(0)};
    tdl_status st;

    if (!s.learner) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a batch");
        goto out;
    }
    if ((st = tdl_fashion_choose(s.train_pixels, s.train_labels, 0, CLASSES, 0, 0, &s.pretrain,
                                 why)) ||
        (st = tdl_fashion_choose(&images->test_pixels, &images->test_labels, CLASSES, CLASSES, 0, 0,
                                 &s.test, why)) ||
        (st = pretrain(&s, why)))
        goto out;
    for (unsigned seed = 0; !st && seed < SEEDS; seed++)
        st = run_seed(&s, seed, why);
    if (!st)
        add_bars(&s, bars);
out:
    tdl_st_free(s.pretrained);
    tdl_fashion_set_release(&s.pretrain);
    tdl_fashion_set_release(&s.test);
    tdl_pool_free(s.pool);
    free(s.learner);
    return st;
}

tdl_status tdl_bench_transfer(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_fashion images = {0};
    bool there;
    tdl_status st = tdl_fashion_open(quiet, &images, &there, why);

    if (st || !there)
        return st;
    st = run_study(&images, bars, why);
    tdl_fashion_close(&images);
    return st;
}
