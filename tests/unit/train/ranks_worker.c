/* One rank of a training run, for test_ranks.c: `ranks_worker key=value ...`, the keys below.
 *
 * The data are ragged in what they weigh: rows of weights 0.5 to 3, or sequences of 0 to 11 tokens.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/transformer.h"
#include "ranks.h"
#include "train/comm_mpi.h"
#include "train/loop.h"

enum { EXAMPLES = 37, COLUMNS = 6, HIDDEN = 40, CLASSES = 3, LENGTH_MAX = 11, VOCABULARY = 17 };
enum { NOBODY = -1 };
enum { TOKENS_MAX = EXAMPLES * LENGTH_MAX };

typedef struct settings {
    bool tokens, alone, wait; /* model; without MPI; no overlap */
    bool own_thread, bf16;    /* of the sums of gradients */
    bool own_batch;           /* each rank has a batch size of its own */
    size_t batch, micro, bucket;
    uint64_t steps;
    const char *folder, *out;
    /* at step `at`, the rank: kills itself, refuses its batch, falls silent, wants to stop; and
     * from there on has three, or always, a loss that is not a number */
    int kill, refuse, silent, stop, nan, always_nan;
    uint64_t at;
    double timeout_s;
} settings;

typedef struct learner {
    const settings *given;
    tdl_comm *comm;        /* NULL: alone */
    tdl_params own_params; /* of the small network */
    tdl_net own_net;
    tdl_transformer transformer;
    tdl_params *params; /* of whichever is trained */
    tdl_net *net;
    const tdl_gradient_watch *watch;
    atomic_bool stop;
    unsigned nans;
    ranks_result result;
    double checksum[RANKS_STEPS_MAX]; /* of the parameters behind each step */
    uint64_t at;                      /* the step that is told of */
    /* one batch */
    size_t offsets[EXAMPLES + 1];
    int32_t id[TOKENS_MAX], target[TOKENS_MAX];
    float x[EXAMPLES * COLUMNS], weight[EXAMPLES];
    uint64_t example[EXAMPLES];
} learner;

/* ---- data: functions of the number of the example ---- */

static size_t length_of(uint32_t example)
{
    return example * 7 % (LENGTH_MAX + 1);
}

static int32_t token_of(uint32_t example, size_t i)
{
    return (int32_t)((example * 5 + i * i * 3 + i) % VOCABULARY);
}

static tdl_nn_batch rows_batch(learner *l, const uint32_t *which, size_t n)
{
    static const float weights[] = {0.5F, 1, 3};

    for (size_t r = 0; r < n; r++) {
        l->example[r] = which[r];
        l->target[r] = (int32_t)(which[r] % CLASSES);
        l->weight[r] = weights[which[r] % 5 % 3];
        for (size_t c = 0; c < COLUMNS; c++)
            l->x[r * COLUMNS + c] = (float)((which[r] * (c + 3) + c * c) % 11) / 5 - 1;
    }
    return (tdl_nn_batch){.rows = n,
                          .x = l->x,
                          .target = l->target,
                          .target_weight = l->weight,
                          .example = l->example};
}

/* Each token is to foretell the next. */
static tdl_nn_batch tokens_batch(learner *l, const uint32_t *which, size_t n)
{
    size_t at = 0;

    for (size_t r = 0; r < n; r++) {
        size_t length = length_of(which[r]);
        l->example[r] = which[r];
        l->offsets[r] = at;
        for (size_t i = 0; i < length; i++, at++) {
            l->id[at] = token_of(which[r], i);
            l->target[at] = i + 1 < length ? token_of(which[r], i + 1) : TDL_TARGET_NONE;
        }
    }
    l->offsets[n] = at;
    return (tdl_nn_batch){.rows = n,
                          .offsets = l->offsets,
                          .id = {l->id},
                          .target = l->target,
                          .example = l->example};
}

static tdl_nn_batch make_batch(learner *l, const uint32_t *which, size_t n)
{
    return l->given->tokens ? tokens_batch(l, which, n) : rows_batch(l, which, n);
}

/* ---- trainee ---- */

static double weigh(void *model, const uint32_t *which, size_t n)
{
    learner *l = model;
    tdl_nn_batch batch = make_batch(l, which, n);
    double sum = 0;

    if (!l->given->tokens)
        for (size_t r = 0; r < n; r++)
            sum += (double)batch.target_weight[r];
    for (size_t i = 0; l->given->tokens && i < batch.offsets[n]; i++)
        sum += batch.target[i] != TDL_TARGET_NONE;
    return sum;
}

static void watch(void *model, const tdl_gradient_watch *who)
{
    ((learner *)model)->watch = who;
}

/* What the test has asked of this rank at this step. */
static tdl_status misbehave(learner *l, uint64_t step, tdl_report *why)
{
    const settings *given = l->given;
    int rank = l->comm ? (int)l->comm->rank : 0;

    if (step != given->at)
        return TDL_OK;
    if (rank == given->kill)
        raise(SIGKILL);
    while (rank == given->silent)
        pause();
    if (rank == given->stop)
        atomic_store(&l->stop, true);
    if (rank == given->refuse)
        return TDL_FAIL(why, TDL_E_INVALID, "a batch that nobody likes");
    return TDL_OK;
}

static bool has_no_loss(learner *l, uint64_t step)
{
    const settings *given = l->given;
    int rank = l->comm ? (int)l->comm->rank : 0;

    if (step < given->at)
        return false;
    return rank == given->always_nan || (rank == given->nan && l->nans++ < 3);
}

static tdl_status gradient(void *model, const uint32_t *which, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    learner *l = model;
    tdl_run run = {.seed = 3, .step = step, .training = true, .watch = l->watch, .pool = pool};
    tdl_nn_batch batch = make_batch(l, which, n);
    double weight;
    tdl_status st;

    if ((st = misbehave(l, step, why)) || (st = tdl_net_forward(l->net, &batch, &run, why)))
        return st;
    tdl_net_loss(l->net, &batch, ret_loss, &weight);
    if (has_no_loss(l, step))
        *ret_loss = NAN;
    return tdl_net_backward(l->net, &batch, &run, scale, why);
}

static tdl_status validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    learner *l = model;
    uint32_t which[EXAMPLES];
    double sum, weight;
    tdl_status st;

    for (uint32_t i = 0; i < EXAMPLES; i++)
        which[i] = i;
    tdl_nn_batch batch = make_batch(l, which, EXAMPLES);
    if ((st = tdl_net_forward(l->net, &batch, &(tdl_run){.pool = pool}, why)))
        return st;
    tdl_net_loss(l->net, &batch, &sum, &weight);
    *ret = sum / weight;
    l->result.validation[l->result.validations++ > 0] = *ret;
    return TDL_OK;
}

static void note_scalar(void *context, const char *tag, uint64_t step, double value)
{
    learner *l = context;

    if (strcmp(tag, "train/loss") != 0 || step >= RANKS_STEPS_MAX)
        return;
    l->at = step;
    l->result.loss[step] = value;
}

static tdl_status changed(void *model, tdl_pool *pool, tdl_report *why)
{
    learner *l = model;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    l->checksum[l->at] = tdl_crc32c(0, l->params->value, l->params->n * sizeof(float));
    return TDL_OK;
}

/* ---- the run ---- */

static tdl_status build_rows(learner *l, tdl_report *why)
{
    tdl_params *p = &l->own_params;
    int w = tdl_params_add(p, "w", COLUMNS, HIDDEN, true), b = tdl_params_add(p, "b", 1, HIDDEN, 0);
    int head = tdl_params_add(p, "head", HIDDEN, CLASSES, true);
    tdl_status st = tdl_params_seal(p, why);

    if (st)
        return st;
    tdl_init_slice(p, w, TDL_INIT_XAVIER, 1, 7);
    tdl_init_slice(p, head, TDL_INIT_XAVIER, 1, 7);
    l->own_net.params = p;
    int x = tdl_net_input(&l->own_net, COLUMNS);
    x = tdl_net_linear(&l->own_net, x, w, b, TDL_ACT_TANH);
    x = tdl_net_dropout(&l->own_net, x, 0.2);
    tdl_net_softmax_ce(&l->own_net, tdl_net_linear(&l->own_net, x, head, TDL_NONE, TDL_ACT_NONE),
                       NULL);
    l->params = p;
    l->net = &l->own_net;
    return TDL_OK;
}

/* Its token table is read first and last: its gradient is complete when all the rest is. */
static tdl_status build_tokens(learner *l, tdl_report *why)
{
    static const tdl_transformer_config config = {.core = {.n_layer = 2,
                                                           .d_model = 16,
                                                           .n_head = 2,
                                                           .d_ff = 32,
                                                           .max_len = LENGTH_MAX,
                                                           .act = TDL_ACT_GELU,
                                                           .bias_qkv = true,
                                                           .bias_out = true,
                                                           .bias_ff = true,
                                                           .drop_attn = 0.1,
                                                           .drop_resid = 0.1},
                                                  .vocabulary = VOCABULARY,
                                                  .position = TDL_POSITION_LEARNED,
                                                  .head = TDL_HEAD_TIED,
                                                  .drop_embed = 0.1};
    tdl_status st = tdl_transformer_init(&l->transformer, &config, why);

    if (st)
        return st;
    tdl_transformer_start(&l->transformer, 7);
    l->params = &l->transformer.params;
    l->net = &l->transformer.net;
    return TDL_OK;
}

static tdl_status build(learner *l, tdl_report *why)
{
    const tdl_plan_options plan = {.rows = EXAMPLES, .tokens = TOKENS_MAX, .backward = true};
    tdl_status st = l->given->tokens ? build_tokens(l, why) : build_rows(l, why);

    return st ? st : tdl_net_plan(l->net, &plan, why);
}

static tdl_status train(learner *l, tdl_report *why)
{
    const settings *given = l->given;
    const tdl_train_log log = {.context = l, .scalar = note_scalar};
    const tdl_trainee trainee = {.model = l,
                                 .params = l->params,
                                 .examples_n = EXAMPLES,
                                 .weight = weigh,
                                 .gradient = gradient,
                                 .watch = watch,
                                 .validate = validate,
                                 .changed = changed};
    tdl_loop_options options = {
        .seed = 11,
        .steps = given->steps,
        .batch = given->batch,
        .micro_batch = given->micro,
        .eval_every = 8,
        .clip = 0.5,
        .checkpoint = {.folder = given->folder, .every = 1, .resume = given->folder != NULL},
        .ranks = {.comm = l->comm, .bucket_bytes = given->bucket, .wait = given->wait},
        .stop = &l->stop,
        .log = &log};
    tdl_loop_result result;
    tdl_status st = tdl_optim_defaults("momentum", &options.optim, why);

    options.optim.lr = 0.1;
    if (l->comm && given->own_batch)
        options.batch += l->comm->rank;
    if (!st && !(st = tdl_loop_run(&trainee, &options, &result, why)))
        l->result.steps = result.steps;
    return st;
}

/* Steps after which a rank had other parameters than rank 0. */
static tdl_status compare(learner *l, tdl_report *why)
{
    double of_first[RANKS_STEPS_MAX], differing = 0;
    tdl_status st;

    memcpy(of_first, l->checksum, sizeof of_first);
    if (!l->comm)
        return TDL_OK;
    if ((st = l->comm->ops->broadcast(l->comm, of_first, sizeof of_first, why)))
        return st;
    for (size_t i = 0; i < RANKS_STEPS_MAX; i++)
        differing += of_first[i] != l->checksum[i];
    st = l->comm->ops->sum(l->comm, &differing, 1, why);
    l->result.differing = (uint64_t)differing;
    return st;
}

static tdl_status hand_over(learner *l, tdl_report *why)
{
    FILE *file;
    bool written;

    if (l->comm && l->comm->rank > 0)
        return TDL_OK;
    if (l->params->n > RANKS_PARAMS_MAX || !(file = fopen(l->given->out, "wb")))
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot hold the result", l->given->out);
    l->result.params_n = l->params->n;
    memcpy(l->result.value, l->params->value, l->params->n * sizeof(float));
    written = fwrite(&l->result, sizeof l->result, 1, file) == 1;
    return fclose(file) == 0 && written ? TDL_OK
                                        : TDL_FAIL(why, TDL_E_IO, "%s: not written", l->given->out);
}

static settings read_settings(char **text)
{
    settings s = {.batch = 12,
                  .steps = 20,
                  .kill = NOBODY,
                  .refuse = NOBODY,
                  .silent = NOBODY,
                  .stop = NOBODY,
                  .nan = NOBODY,
                  .always_nan = NOBODY};

    for (; *text; text++) {
        const char *value = strchr(*text, '=') ? strchr(*text, '=') + 1 : "";
#define IS(key) (!strncmp(*text, key "=", sizeof key))
        if (IS("model"))
            s.tokens = !strcmp(value, "tokens");
        if (IS("alone"))
            s.alone = atoi(value);
        if (IS("wait"))
            s.wait = atoi(value);
        if (IS("own_thread"))
            s.own_thread = atoi(value);
        if (IS("bf16"))
            s.bf16 = atoi(value);
        if (IS("own_batch"))
            s.own_batch = atoi(value);
        if (IS("batch"))
            s.batch = (size_t)atol(value);
        if (IS("micro"))
            s.micro = (size_t)atol(value);
        if (IS("bucket"))
            s.bucket = (size_t)atol(value);
        if (IS("steps"))
            s.steps = (uint64_t)atol(value);
        if (IS("folder"))
            s.folder = value;
        if (IS("out"))
            s.out = value;
        if (IS("kill"))
            s.kill = atoi(value);
        if (IS("refuse"))
            s.refuse = atoi(value);
        if (IS("silent"))
            s.silent = atoi(value);
        if (IS("stop"))
            s.stop = atoi(value);
        if (IS("nan"))
            s.nan = atoi(value);
        if (IS("always_nan"))
            s.always_nan = atoi(value);
        if (IS("at"))
            s.at = (uint64_t)atol(value);
        if (IS("timeout"))
            s.timeout_s = atof(value);
#undef IS
    }
    return s;
}

int main(int argc, char **argv)
{
    static learner l;
    settings given = read_settings(argv + (argc > 0));
    tdl_report why = {0};
    const tdl_comm_mpi_options options = {
        .timeout_s = given.timeout_s, .own_thread = given.own_thread, .bf16 = given.bf16};
    tdl_status st = given.alone ? TDL_OK : tdl_comm_mpi_open(&options, &l.comm, &why);

    l.given = &given;
    if (!st && !(st = build(&l, &why)) && !(st = train(&l, &why)) && !(st = compare(&l, &why)))
        st = hand_over(&l, &why);
    if (st)
        fprintf(stderr, "%s\n", why.message);
    fflush(NULL);
    if (l.comm)
        l.comm->ops->close(l.comm);
    tdl_net_release(&l.own_net);
    tdl_params_release(&l.own_params);
    tdl_transformer_release(&l.transformer);
    return st ? 1 : 0;
}
