/* What the fully connected and the convolutional model learn; built in float. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "nn/cnn.h"
#include "nn/mlp.h"

/* A step of plain gradient descent on the whole batch; the mean loss before it. */
static double step(tdl_params *params, tdl_net *net, const tdl_nn_batch *batch, double rate)
{
    const tdl_run how = {.training = true};
    tdl_report why = {0};
    double sum, weight;

    memset(params->grad, 0, params->n * sizeof *params->grad);
    if (tdl_net_forward(net, batch, &how, &why))
        fail_msg("%s", why.message);
    tdl_net_loss(net, batch, &sum, &weight);
    assert_int_equal(tdl_net_backward(net, batch, &how, 1 / weight, NULL), TDL_OK);
    for (size_t i = 0; i < params->n; i++)
        params->value[i] -= (tdl_real)rate * params->grad[i];
    return sum / weight;
}

static double descend(tdl_params *params, tdl_net *net, const tdl_nn_batch *batch, double rate,
                      int steps)
{
    double loss = 0;

    for (int i = 0; i < steps; i++)
        loss = step(params, net, batch, rate);
    return loss;
}

static void open_mlp(tdl_mlp *model, const tdl_mlp_config *config, size_t rows)
{
    tdl_report why = {0};

    if (tdl_mlp_init(model, config, &why) || plan(&model->net, rows, true, &why))
        fail_msg("%s", why.message);
}

/* ---- the worked examples ---- */

/* sigmoid(0.6) by arithmetic; a circulating text prints 0.54030846. */
static void the_two_by_two_sigmoid_layer(void **state)
{
    const tdl_mlp_config config = {
        .in = 2, .head = TDL_HEAD_VALUE, .out = 2, .out_act = TDL_ACT_SIGMOID};
    const tdl_real x[] = {1, 0, 0, 1};
    const tdl_nn_batch batch = {.rows = 2, .x = x};
    const tdl_run how = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_mlp(&model, &config, 2);
    for (size_t i = 0; i < 4; i++)
        tdl_params_value(&model.params, model.w[0])[i] = 0.5F;
    for (size_t i = 0; i < 2; i++)
        tdl_params_value(&model.params, model.b[0])[i] = 0.1F;
    assert_int_equal(tdl_net_forward(&model.net, &batch, &how, NULL), TDL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs((double)tdl_net_value(&model.net, model.scores)[i] - 0.645656306225795) <
                    1e-7);
    tdl_mlp_release(&model);
}

/* y = x - 1 exactly; descent at .08 passes 1e-3 after 279 steps in double precision. */
static void the_line_through_five_points(void **state)
{
    const tdl_mlp_config config = {.in = 1, .head = TDL_HEAD_VALUE, .out = 1};
    const tdl_real x[] = {1, 2, 3, 4, 5}, y[] = {0, 1, 2, 3, 4}, later[] = {6, 7, 8, 9, 10};
    const tdl_nn_batch batch = {.rows = 5, .x = x, .value = y}, asked = {.rows = 5, .x = later};
    const tdl_run how = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_mlp(&model, &config, 5);
    for (int steps = 277; steps <= 281; steps += 4) {
        memset(model.params.value, 0, model.params.n * sizeof *model.params.value);
        descend(&model.params, &model.net, &batch, 0.08, steps);
        assert_int_equal(tdl_net_forward(&model.net, &asked, &how, NULL), TDL_OK);
        const tdl_real *got = tdl_net_value(&model.net, model.scores);
        double worst = 0;
        for (size_t i = 0; i < 5; i++)
            worst = fmax(worst, fabs((double)got[i] - (5 + (double)i)));
        assert_true(steps < 279 ? worst > 1e-3 : worst < 1e-3);
    }
    tdl_mlp_release(&model);
}

/* ---- what is learnt ---- */

static void xor_is_learnt(void **state)
{
    const tdl_mlp_config config = {.in = 2,
                                   .hidden = {{8, TDL_ACT_TANH, 0}},
                                   .hidden_n = 1,
                                   .head = TDL_HEAD_BINARY,
                                   .out = 1};
    const tdl_real x[] = {0, 0, 0, 1, 1, 0, 1, 1}, y[] = {0, 1, 1, 0};
    const tdl_nn_batch batch = {.rows = 4, .x = x, .value = y};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_mlp(&model, &config, 4);
    tdl_mlp_start(&model, 1);
    assert_true(descend(&model.params, &model.net, &batch, 0.5, 3000) < 0.01);
    tdl_mlp_release(&model);
}

static void one_batch_is_learnt_by_heart_by_mlp_and_cnn(void **state)
{
    enum { SIDE = 8, IMAGES = 16, CLASSES = 4 };
    const tdl_mlp_config flat = {.in = SIDE * SIDE,
                                 .hidden = {{32, TDL_ACT_GELU, 0}, {16, TDL_ACT_RELU, 0}},
                                 .hidden_n = 2,
                                 .out = CLASSES};
    const tdl_cnn_config deep = {.channels = 1,
                                 .height = SIDE,
                                 .width = SIDE,
                                 .stage = {{4, 3, 2}, {8, 3, 0}},
                                 .stages_n = 2,
                                 .hidden = 16,
                                 .classes = CLASSES};
    static tdl_real x[IMAGES * SIDE * SIDE];
    int32_t target[IMAGES];
    const tdl_nn_batch batch = {.rows = IMAGES, .x = x, .target = target};
    tdl_mlp mlp;
    tdl_cnn cnn;

    TDL_UNUSED(state);
    for (size_t i = 0; i < IMAGES * SIDE * SIDE; i++)
        x[i] = (tdl_real)((double)(i * 2654435761U % 1009) / 504 - 1);
    for (size_t i = 0; i < IMAGES; i++)
        target[i] = (int32_t)(i % CLASSES);
    open_mlp(&mlp, &flat, IMAGES);
    tdl_mlp_start(&mlp, 1);
    assert_true(descend(&mlp.params, &mlp.net, &batch, 0.2, 800) < 1e-3);
    tdl_mlp_release(&mlp);
    assert_int_equal(tdl_cnn_init(&cnn, &deep, NULL), TDL_OK);
    assert_int_equal(plan(&cnn.net, IMAGES, true, NULL), TDL_OK);
    tdl_cnn_start(&cnn, 1);
    assert_true(descend(&cnn.params, &cnn.net, &batch, 0.1, 1500) < 1e-3);
    tdl_cnn_release(&cnn);
}

/* y uniform on 0 .. 1 whatever x: the quantiles of its answer are those of y. */
static void quantiles_are_met_and_do_not_cross(void **state)
{
    enum { ROWS = 200, QUANTILES = 3 };
    const tdl_mlp_config config = {.in = 1,
                                   .head = TDL_HEAD_QUANTILES,
                                   .out = 1,
                                   .quantile = {0.1, 0.5, 0.9},
                                   .quantiles_n = QUANTILES};
    static tdl_real x[ROWS], y[ROWS];
    const tdl_nn_batch batch = {.rows = ROWS, .x = x, .value = y};
    const tdl_run how = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++)
        y[i] = (tdl_real)((0.5 + (double)i) / ROWS);
    open_mlp(&model, &config, ROWS);
    tdl_mlp_start(&model, 1);
    descend(&model.params, &model.net, &batch, 0.3, 2000);
    assert_int_equal(tdl_net_forward(&model.net, &batch, &how, NULL), TDL_OK);
    const tdl_real *got = tdl_net_value(&model.net, model.scores);
    for (size_t k = 0; k < QUANTILES; k++) {
        assert_true(fabs((double)got[k] - config.quantile[k]) < 0.02);
        assert_true(k == 0 || got[k] > got[k - 1]);
    }
    tdl_mlp_release(&model);
}

/* ---- starts ---- */

/* Of tanh'(0) h' = 1 only the layer below an all-zero one gets a gradient of zero. */
static void all_zero_weights_leave_hidden_units_as_they_are_and_a_note_says_so(void **state)
{
    const tdl_mlp_config config = {
        .in = 2, .hidden = {{3, TDL_ACT_TANH, 0}}, .hidden_n = 1, .head = TDL_HEAD_VALUE, .out = 1};
    const tdl_real x[] = {0.5F, -1, 2, 0.3F}, y[] = {1, -1}, zeros[6] = {0};
    const tdl_nn_batch batch = {.rows = 2, .x = x, .value = y};
    tdl_report note = {0};
    tdl_mlp model;

    TDL_UNUSED(state);
    open_mlp(&model, &config, 2);
    tdl_mlp_start_as(&model, TDL_INIT_XAVIER, 1, 1, &note);
    assert_string_equal(note.message, "");
    tdl_mlp_start_as(&model, TDL_INIT_ZERO, 1, 1, &note);
    assert_string_equal(note.message, "all weights start at zero: hidden units stay identical");
    descend(&model.params, &model.net, &batch, 0.1, 100);
    assert_memory_equal(tdl_params_value(&model.params, model.w[0]), zeros, sizeof zeros);
    tdl_mlp_release(&model);
}

static void expect_refusal(const tdl_mlp_config *config, const char *said)
{
    tdl_report why = {0};
    tdl_mlp model;

    assert_int_equal(tdl_mlp_init(&model, config, &why), TDL_E_INVALID);
    assert_string_equal(why.message, said);
}

static void models_that_cannot_be_are_refused(void **state)
{
    tdl_report why = {0};
    tdl_cnn cnn;

    TDL_UNUSED(state);
    expect_refusal(&(tdl_mlp_config){.in = 2, .hidden_n = 1, .out = 1},
                   "hidden layer 1 has no units");
    expect_refusal(&(tdl_mlp_config){.in = 2,
                                     .head = TDL_HEAD_QUANTILES,
                                     .out = 1,
                                     .quantile = {0.5, 0.1},
                                     .quantiles_n = 2},
                   "quantile 0.1 does not rise above 0.5");
    assert_int_equal(tdl_cnn_init(&cnn,
                                  &(tdl_cnn_config){.channels = 1,
                                                    .height = 3,
                                                    .width = 3,
                                                    .stage = {{4, 3, 4}},
                                                    .stages_n = 1,
                                                    .classes = 2},
                                  &why),
                     TDL_E_INVALID);
    assert_string_equal(why.message,
                        "stage 1: 4 filters, kernel 3 (odd), pool 4 leave 0 x 0 pixels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_by_two_sigmoid_layer),
        cmocka_unit_test(the_line_through_five_points),
        cmocka_unit_test(xor_is_learnt),
        cmocka_unit_test(one_batch_is_learnt_by_heart_by_mlp_and_cnn),
        cmocka_unit_test(quantiles_are_met_and_do_not_cross),
        cmocka_unit_test(all_zero_weights_leave_hidden_units_as_they_are_and_a_note_says_so),
        cmocka_unit_test(models_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests_name("nn/mlp", tests, NULL, NULL);
}
