/* Mixed precision: products of numbers rounded to bf16, everything else in float. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "nn/mlp.h"
#include "train/optim.h"

enum { ROWS = 96, IN = 8, HIDDEN = 48, CLASSES = 3 };

typedef struct task {
    tdl_mlp model;
    tdl_optim optim;
    float x[ROWS * IN];
    int32_t target[ROWS];
} task;

/* Three classes by the largest of three random directions, so that there is something to learn. */
static void draw_examples(task *t)
{
    tdl_rng rng = tdl_rng_make(4, 0);
    double direction[CLASSES][IN];

    for (size_t i = 0; i < CLASSES * IN; i++)
        direction[i / IN][i % IN] = tdl_rng_normal(&rng);
    for (size_t r = 0; r < ROWS; r++) {
        double best = -INFINITY;

        for (size_t i = 0; i < IN; i++)
            t->x[r * IN + i] = (float)tdl_rng_normal(&rng);
        for (int c = 0; c < CLASSES; c++) {
            double score = 0;

            for (size_t i = 0; i < IN; i++)
                score += direction[c][i] * (double)t->x[r * IN + i];
            if (score > best)
                t->target[r] = c;
            best = fmax(best, score);
        }
    }
}

static void open_task(task *t, bool bf16)
{
    const tdl_mlp_config config = {
        .in = IN, .hidden = {{HIDDEN, TDL_ACT_GELU, 0}}, .hidden_n = 1, .out = CLASSES};
    const tdl_plan_options plan = {.rows = ROWS, .backward = true, .bf16 = bf16};
    tdl_optim_config optim;

    draw_examples(t);
    assert_int_equal(tdl_mlp_init(&t->model, &config, NULL), TDL_OK);
    assert_int_equal(tdl_net_plan(&t->model.net, &plan, NULL), TDL_OK);
    tdl_mlp_start(&t->model, 2);
    assert_int_equal(tdl_optim_defaults("adamw", &optim, NULL), TDL_OK);
    assert_int_equal(tdl_optim_init(&t->optim, &optim, &t->model.params, NULL), TDL_OK);
}

static void close_task(task *t)
{
    tdl_optim_release(&t->optim);
    tdl_mlp_release(&t->model);
}

/* Mean loss before the last of so many steps. */
static double train(task *t, int steps, tdl_pool *pool)
{
    const tdl_nn_batch batch = {.rows = ROWS, .x = t->x, .target = t->target};
    const tdl_run run = {.training = true, .pool = pool};
    double sum = 0, weight;

    for (int i = 0; i < steps; i++) {
        assert_int_equal(tdl_net_forward(&t->model.net, &batch, &run, NULL), TDL_OK);
        tdl_net_loss(&t->model.net, &batch, &sum, &weight);
        assert_int_equal(tdl_net_backward(&t->model.net, &batch, &run, 1.0 / ROWS, NULL), TDL_OK);
        tdl_optim_step(&t->optim, &t->model.params, 1e-2, 1, pool);
    }
    return sum / ROWS;
}

/* Stated margin: 5 % of the loss, or .002. The loss falls from 1.3 to below .05. */
static void training_in_bf16_reaches_the_loss_of_float(void **state)
{
    static task exact, rounded;

    (void)state;
    open_task(&exact, false);
    open_task(&rounded, true);
    double in_float = train(&exact, 100, NULL), in_bf16 = train(&rounded, 100, NULL);
    assert_true(in_float < 0.05);
    assert_true(in_float != in_bf16); // it was in use
    assert_true(fabs(in_bf16 - in_float) < fmax(0.05 * in_float, 0.002));
    close_task(&exact);
    close_task(&rounded);
}

static void its_bits_do_not_depend_on_threads(void **state)
{
    static task alone, shared;

    (void)state;
    open_task(&alone, true);
    train(&alone, 5, NULL);
    for (unsigned threads = 2; threads <= 8; threads += 3) {
        tdl_pool *pool = tdl_pool_new(threads);

        open_task(&shared, true);
        train(&shared, 5, pool);
        assert_memory_equal(alone.model.params.value, shared.model.params.value,
                            alone.model.params.n * sizeof(float));
        close_task(&shared);
        tdl_pool_free(pool);
    }
    close_task(&alone);
}

/* 1 + 2^-9 lies between the bf16 numbers 1 and 1 + 2^-7, and is rounded to 1; the weight that
 * multiplies it keeps all its digits for the optimiser, so that steps of 2^-12 add up. */
static void products_are_rounded_and_weights_are_not(void **state)
{
    const tdl_mlp_config config = {.in = 1, .head = TDL_HEAD_VALUE, .out = 1};
    const tdl_plan_options plan = {.rows = 1, .backward = true, .bf16 = true};
    const float x = 1, value = 0;
    const tdl_nn_batch batch = {.rows = 1, .x = &x, .value = &value};
    const tdl_run run = {.training = true};
    tdl_optim_config optim_config;
    tdl_optim optim;
    tdl_mlp model;

    (void)state;
    assert_int_equal(tdl_mlp_init(&model, &config, NULL), TDL_OK);
    assert_int_equal(tdl_net_plan(&model.net, &plan, NULL), TDL_OK);
    assert_int_equal(tdl_optim_defaults("sgd", &optim_config, NULL), TDL_OK);
    assert_int_equal(tdl_optim_init(&optim, &optim_config, &model.params, NULL), TDL_OK);
    float *w = tdl_params_value(&model.params, model.w[0]);
    *w = 1 + 0x1p-9F;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tdl_net_forward(&model.net, &batch, &run, NULL), TDL_OK);
        assert_true(tdl_net_value(&model.net, model.scores)[0] == 1);
        assert_int_equal(tdl_net_backward(&model.net, &batch, &run, 1, NULL), TDL_OK);
        tdl_params_value(&model.params, model.b[0])[0] = 0;
        memset(tdl_params_grad(&model.params, model.b[0]), 0, sizeof(float));
        tdl_optim_step(&optim, &model.params, 0x1p-13, 1, NULL); // d loss / d w = 2
    }
    assert_true(*w == 1 + 0x1p-9F - 4 * 0x1p-12F);
    tdl_optim_release(&optim);
    tdl_mlp_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_in_bf16_reaches_the_loss_of_float),
        cmocka_unit_test(its_bits_do_not_depend_on_threads),
        cmocka_unit_test(products_are_rounded_and_weights_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
