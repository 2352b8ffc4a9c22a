#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../nn/net_case.h"
#include "nn/recent_mlp.h"
#include "train/loop.h"

/* ---- a trainee whose every answer is written down: one weight w, each step's gradient is -1 ----
 */

enum { EXAMPLES = 10, CALLS_MAX = 64 };

typedef struct script {
    tdl_params params;
    size_t calls, batch[CALLS_MAX], seen[EXAMPLES];
    uint64_t step[CALLS_MAX];
    size_t nan_loss_at, nan_grad_at; /* the first step of them */
    const double *validation;        /* one an epoch */
    size_t validated;
    double value_at[CALLS_MAX]; /* w when validated */
} script;

static tdl_status script_gradient(void *model, const uint32_t *example, size_t n, double scale,
                                  uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    script *s = model;

    TDL_UNUSED(pool);
    TDL_UNUSED(scale);
    TDL_UNUSED(why);
    s->step[s->calls] = step;
    assert_true(tdl_params_grad(&s->params, 0)[0] == 0);
    for (size_t i = 0; i < n; i++)
        s->seen[example[i]]++;
    s->batch[s->calls++] = n;
    tdl_params_grad(&s->params, 0)[0] = step >= s->nan_grad_at ? NAN : -1;
    *ret_loss = step >= s->nan_loss_at ? INFINITY : (double)(n * n); // n for each example
    return TDL_OK;
}

static tdl_status script_validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    script *s = model;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    s->value_at[s->validated] = (double)tdl_params_value(&s->params, 0)[0];
    *ret = s->validation[s->validated++];
    return TDL_OK;
}

static tdl_trainee open_script(script *s)
{
    *s = (script){.nan_loss_at = SIZE_MAX, .nan_grad_at = SIZE_MAX};
    tdl_params_add(&s->params, "w", 1, 1, false);
    assert_int_equal(tdl_params_seal(&s->params, NULL), TDL_OK);
    return (tdl_trainee){.model = s,
                         .params = &s->params,
                         .examples_n = EXAMPLES,
                         .gradient = script_gradient,
                         .validate = script_validate};
}

static const tdl_loop_options THREE_EPOCHS = {
    .epochs = 3,
    .batch = 4,
    .optim = {.name = "adamw", .lr = 0.5, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}};

static void every_example_is_used_once_an_epoch_and_the_last_batch_is_smaller(void **state)
{
    tdl_loop_result result;
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    assert_int_equal(tdl_loop_run(&trainee, &THREE_EPOCHS, &result, NULL), TDL_OK);
    assert_int_equal(s.calls, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(s.batch[i], i % 3 == 2 ? 2 : 4);
        assert_int_equal(s.step[i], i);
    }
    for (size_t i = 0; i < EXAMPLES; i++)
        assert_int_equal(s.seen[i], 3);
    assert_int_equal(result.steps, 9);
    assert_int_equal(result.epochs_best, 3);
    assert_int_equal(result.stop, TDL_STOP_MAX_STEPS);
    assert_true(isnan(result.best));
    // losses 4, 4, 2 weighed by 4, 4, 2 examples; unweighted it would be 10/3
    assert_true(fabs(result.train_loss - 3.6) < 1e-12);
    tdl_params_release(&s.params);
}

static void a_batch_larger_than_the_data_is_all_of_it(void **state)
{
    tdl_loop_options options = THREE_EPOCHS;
    tdl_loop_result result;
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    options.batch = 1000;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    assert_int_equal(s.calls, 3);
    assert_int_equal(s.batch[0], EXAMPLES);
    tdl_params_release(&s.params);
}

static void no_examples_is_nothing_to_do(void **state)
{
    tdl_loop_result result;
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    trainee.examples_n = 0;
    assert_int_equal(tdl_loop_run(&trainee, &THREE_EPOCHS, &result, NULL), TDL_OK);
    assert_int_equal(result.steps, 0);
    tdl_params_release(&s.params);
}

/* ---- early stopping ---- */

static void patience_stops_and_the_best_parameters_come_back(void **state)
{
    const double validation[] = {5, 3, 4, 3.5, 1, 1};
    tdl_loop_options options = THREE_EPOCHS;
    tdl_loop_result result;
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    s.validation = validation;
    options.epochs = 20;
    options.patience = 2;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    assert_int_equal(result.epochs_run, 4); // two epochs after the second
    assert_int_equal(result.epochs_best, 2);
    assert_true(result.best == 3);
    assert_true((double)tdl_params_value(&s.params, 0)[0] == s.value_at[1]);
    assert_true(s.value_at[1] != s.value_at[3]); // it had moved on
    tdl_params_release(&s.params);
}

static void a_validation_that_is_not_a_number_is_never_the_best(void **state)
{
    const double validation[] = {2, NAN, NAN};
    tdl_loop_options options = THREE_EPOCHS;
    tdl_loop_result result;
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    s.validation = validation;
    options.patience = 5;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    assert_int_equal(result.epochs_best, 1);
    assert_true(result.best == 2);
    tdl_params_release(&s.params);
}

/* ---- bad input ---- */

/* Skip, skip, go back to the start of the second epoch (step 3); three times over. */
static void a_run_without_finite_numbers_goes_back_thrice_and_is_then_called_diverged(void **state)
{
    const uint64_t expected[] = {0, 1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5, 6};

    TDL_UNUSED(state);
    for (int grad = 0; grad < 2; grad++) {
        tdl_loop_result result = {.epochs_run = 77};
        tdl_report why = {0};
        script s, three;
        tdl_trainee trainee = open_script(&s), good = open_script(&three);
        tdl_loop_options options = THREE_EPOCHS, one = THREE_EPOCHS;

        *(grad ? &s.nan_grad_at : &s.nan_loss_at) = 4; // the second step of the second epoch
        one.epochs = 1;
        assert_int_equal(tdl_loop_run(&trainee, &options, &result, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, "diverged at step 6 (epoch 3)"));
        assert_int_equal(s.calls, sizeof expected / sizeof *expected);
        assert_memory_equal(s.step, expected, sizeof expected);
        assert_int_equal(result.epochs_run, 77); // set on success only
        assert_int_equal(tdl_loop_run(&good, &one, &result, NULL), TDL_OK);
        assert_true(tdl_params_value(&s.params, 0)[0] == tdl_params_value(&three.params, 0)[0]);
        assert_true(tdl_params_grad(&s.params, 0)[0] == 0);
        tdl_params_release(&s.params);
        tdl_params_release(&three.params);
    }
}

static void options_out_of_range_are_refused_before_any_work(void **state)
{
    struct {
        const char *says;
        tdl_loop_options options;
    } bad[] = {{"0 epochs", THREE_EPOCHS},   {"batches of 0", THREE_EPOCHS},
               {"clip", THREE_EPOCHS},       {"clip", THREE_EPOCHS},
               {"lr", THREE_EPOCHS},         {"patience", THREE_EPOCHS},
               {"eval_every", THREE_EPOCHS}, {"stop_on_validation", THREE_EPOCHS},
               {"stop_loss", THREE_EPOCHS},  {"seconds", THREE_EPOCHS},
               {"warmup", THREE_EPOCHS},     {"guard.z", THREE_EPOCHS},
               {"resume", THREE_EPOCHS}};
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    bad[0].options.epochs = 0;
    bad[1].options.batch = 0;
    bad[2].options.clip = -1;
    bad[3].options.clip = NAN;
    bad[4].options.optim.lr = 0;
    bad[5].options.patience = 1;
    bad[6].options.eval_every = 1;
    bad[7].options.stop_on_validation = true;
    bad[8].options.stop_loss = NAN;
    bad[9].options.seconds = -1;
    bad[10].options.sched = (tdl_sched_config){.name = "cosine", .warmup = 9, .total = 8};
    bad[11].options.guard.z = NAN;
    bad[12].options.checkpoint.resume = true;
    trainee.validate = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdl_loop_result result;
        tdl_report why = {0};

        assert_int_equal(tdl_loop_run(&trainee, &bad[i].options, &result, &why), TDL_E_INVALID);
        if (!strstr(why.message, bad[i].says))
            fail_msg("\"%s\" does not say %s", why.message, bad[i].says);
    }
    assert_int_equal(s.calls, 0);
    tdl_params_release(&s.params);
}

typedef struct told {
    size_t calls, stop_at;
    double last;
} told;

static bool listen(void *context, double done, const char *detail)
{
    told *t = context;

    assert_true(done >= t->last && done <= 1);
    assert_true(strlen(detail) > 0);
    t->last = done;
    return ++t->calls != t->stop_at;
}

static void progress_rises_to_one_and_can_stop_the_run(void **state)
{
    tdl_loop_options options = THREE_EPOCHS;
    tdl_loop_result result;
    told t = {0};
    script s;
    tdl_trainee trainee = open_script(&s);

    TDL_UNUSED(state);
    options.tell = listen;
    options.tell_context = &t;
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    assert_true(t.last == 1);
    s.calls = 0;
    t = (told){.stop_at = 6};
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_E_STOPPED);
    assert_int_equal(s.calls, 4);
    tdl_params_release(&s.params);
}

/* ---- shuffling ---- */

static void an_order_is_a_permutation_of_seed_and_epoch(void **state)
{
    enum { N = 1000 };
    static uint32_t a[N], b[N];
    static bool seen[N];

    TDL_UNUSED(state);
    tdl_epoch_order(1, 0, a, N);
    for (size_t i = 0; i < N; i++) {
        assert_true(a[i] < N && !seen[a[i]]);
        seen[a[i]] = true;
    }
    tdl_epoch_order(1, 0, b, N);
    assert_memory_equal(a, b, sizeof a);
    tdl_epoch_order(1, 1, b, N);
    assert_memory_not_equal(a, b, sizeof a);
    tdl_epoch_order(2, 0, b, N);
    assert_memory_not_equal(a, b, sizeof a);
}

/* ---- a real model: item i is always followed by item (3 i + 1) mod ITEMS ---- */

enum { ITEMS = 17, EPOCHS = 150 };

typedef struct cycle {
    tdl_recent_mlp model;
} cycle;

static tdl_status cycle_gradient(void *model, const uint32_t *example, size_t n, double scale,
                                 uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    cycle *c = model;
    size_t offsets[ITEMS + 1];
    int32_t id[ITEMS], target[ITEMS];
    tdl_real weight[ITEMS];
    uint64_t number[ITEMS];
    tdl_nn_batch batch = {.rows = n,
                          .offsets = offsets,
                          .id = {id},
                          .weight = weight,
                          .target = target,
                          .example = number};
    tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};

    for (size_t r = 0; r <= n; r++)
        offsets[r] = r;
    for (size_t r = 0; r < n; r++) {
        id[r] = (int32_t)example[r];
        target[r] = (int32_t)((3 * example[r] + 1) % ITEMS);
        weight[r] = 1;
        number[r] = example[r];
    }
    tdl_status st = tdl_net_forward(&c->model.net, &batch, &run, why);
    if (st)
        return st;
    *ret_loss = loss_sum(&c->model.net, &batch);
    return tdl_net_backward(&c->model.net, &batch, &run, scale, why);
}

static double learn_cycle(tdl_pool *pool, uint64_t seed, tdl_real *ret_params)
{
    const tdl_recent_mlp_config config = {.items_n = ITEMS, .d = 8, .hidden = 16, .drop_in = 0.01};
    tdl_loop_options options = {
        .seed = seed,
        .epochs = EPOCHS,
        .batch = 5,
        .clip = 1,
        .optim = {.name = "adamw", .lr = 0.02, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
        .pool = pool};
    tdl_loop_result result;
    cycle c;
    tdl_trainee trainee = {
        .model = &c, .params = &c.model.params, .examples_n = ITEMS, .gradient = cycle_gradient};

    assert_int_equal(tdl_recent_mlp_init(&c.model, &config, NULL), TDL_OK);
    tdl_recent_mlp_start(&c.model, seed);
    assert_int_equal(plan(&c.model.net, 5, true, NULL), TDL_OK);
    assert_int_equal(tdl_loop_run(&trainee, &options, &result, NULL), TDL_OK);
    memcpy(ret_params, c.model.params.value, c.model.params.n * sizeof *ret_params);
    tdl_recent_mlp_release(&c.model);
    return result.train_loss;
}

/* A model that could not learn would stay at log 17 = 2.83. */
static void a_deterministic_sequence_is_learnt_to_a_loss_below_one_in_a_hundred(void **state)
{
    static tdl_real params[2048];

    TDL_UNUSED(state);
    double loss = learn_cycle(NULL, 3, params);
    if (!(loss < 0.01))
        fail_msg("loss %g", loss);
}

static void training_gives_the_same_bits_on_any_number_of_threads(void **state)
{
    static tdl_real first[2048], other[2048];

    TDL_UNUSED(state);
    double loss = learn_cycle(NULL, 3, first);
    for (unsigned threads = 2; threads <= 3; threads++) {
        tdl_pool *pool = tdl_pool_new(threads);

        assert_true(learn_cycle(pool, 3, other) == loss);
        assert_memory_equal(first, other, sizeof first);
        tdl_pool_free(pool);
    }
    learn_cycle(NULL, 4, other);
    assert_memory_not_equal(first, other, sizeof first); // the seed matters
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_used_once_an_epoch_and_the_last_batch_is_smaller),
        cmocka_unit_test(a_batch_larger_than_the_data_is_all_of_it),
        cmocka_unit_test(no_examples_is_nothing_to_do),
        cmocka_unit_test(patience_stops_and_the_best_parameters_come_back),
        cmocka_unit_test(a_validation_that_is_not_a_number_is_never_the_best),
        cmocka_unit_test(a_run_without_finite_numbers_goes_back_thrice_and_is_then_called_diverged),
        cmocka_unit_test(options_out_of_range_are_refused_before_any_work),
        cmocka_unit_test(progress_rises_to_one_and_can_stop_the_run),
        cmocka_unit_test(an_order_is_a_permutation_of_seed_and_epoch),
        cmocka_unit_test(a_deterministic_sequence_is_learnt_to_a_loss_below_one_in_a_hundred),
        cmocka_unit_test(training_gives_the_same_bits_on_any_number_of_threads),
    };

    return cmocka_run_group_tests_name("train/loop", tests, NULL, NULL);
}
