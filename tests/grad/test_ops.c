/* Every op and the whole model against central differences, in double.
 *
 * The ops are the sources of the layer compiled with -DTDL_REAL_DOUBLE. Expected: relative error of
 * (L(w + h) - L(w - h)) / 2h to the backward pass at most 1e-6, h = 1e-5; the error is relative to
 * the larger of the two, or to a thousandth of the slice's largest gradient.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/nn/net_case.h"
#include "nn/init.h"
#include "nn/recent_mlp.h"

enum { IDS = 7, CLASSES = 7, ROWS = 5 };
static const double H = 1e-5, RELATIVE_ERROR_MAX = 1e-6;

/* Rows of 3, 0, 1, 4 and 2 entries; ids come back within a row and between rows. */
static const size_t OFFSETS[ROWS + 1] = {0, 3, 3, 4, 8, 10};
static const int32_t ID[10] = {0, 3, 3, 6, 1, 0, 5, 2, 6, 6};
static const double WEIGHT[10] = {0.5, 0.3, 0.2, 1, 0.1, -0.4, 0.6, 0.7, 0.25, 0.75};
static const int32_t TARGET[ROWS] = {1, 6, 0, 3, 6};
static const uint64_t EXAMPLE[ROWS] = {11, 4, 90, 2, 17};
static const tdl_nn_batch BATCH = {.rows = ROWS,
                                   .offsets = OFFSETS,
                                   .id = {ID},
                                   .weight = WEIGHT,
                                   .target = TARGET,
                                   .example = EXAMPLE};
static const tdl_run RUN = {.seed = 3, .step = 8, .training = true};

static double mean_loss(tdl_net *net, const tdl_nn_batch *batch)
{
    assert_int_equal(tdl_net_forward(net, batch, &RUN, NULL), TDL_OK);
    return loss_sum(net, batch) / (double)batch->rows;
}

static void check_slice(tdl_net *net, const tdl_nn_batch *batch, int slice)
{
    const tdl_slice *shape = &net->params->slice[slice];
    size_t n = shape->rows * shape->cols;
    double *value = tdl_params_value(net->params, slice);
    const double *grad = tdl_params_grad(net->params, slice);
    double largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(grad[i]));
    assert_true(largest > 0); // a slice that reaches no loss would pass any check
    for (size_t i = 0; i < n; i++) {
        double at = value[i], scale;

        value[i] = at + H;
        double above = mean_loss(net, batch);
        value[i] = at - H;
        double below = mean_loss(net, batch);
        value[i] = at;
        double numeric = (above - below) / (2 * H);
        scale = fmax(fmax(fabs(numeric), fabs(grad[i])), largest * 1e-3);
        if (fabs(numeric - grad[i]) > RELATIVE_ERROR_MAX * scale)
            fail_msg("%s[%zu]: backward %.12g, central difference %.12g", shape->name, i, grad[i],
                     numeric);
    }
}

/* Plan, run forward and backward once, compare every slice. Releases. */
static void check_net(tdl_net *net, const tdl_nn_batch *batch)
{
    tdl_report why = {0};

    if (plan(net, batch->rows, true, &why))
        fail_msg("%s", why.message);
    mean_loss(net, batch);
    assert_int_equal(tdl_net_backward(net, batch, &RUN, 1 / (double)batch->rows, &why), TDL_OK);
    for (int k = 0; k < net->params->slices_n; k++)
        check_slice(net, batch, k);
    tdl_net_release(net);
}

static void start(tdl_params *params)
{
    assert_int_equal(tdl_params_seal(params, NULL), TDL_OK);
    for (int k = 0; k < params->slices_n; k++)
        tdl_init_slice(params, k, TDL_INIT_GAUSSIAN, 0.7, 5);
}

static void embed_bag_and_softmax_ce(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);

    TDL_UNUSED(state);
    start(&params);
    tdl_net_softmax_ce(&net, tdl_net_embed_bag(&net, table), NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

static void check_linear(tdl_act act, bool with_bias)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, 3, true);
    int w = tdl_params_add(&params, "w", 3, CLASSES, true);
    int bias = with_bias ? tdl_params_add(&params, "bias", 1, CLASSES, false) : TDL_NONE;

    start(&params);
    tdl_net_softmax_ce(&net, tdl_net_linear(&net, tdl_net_embed_bag(&net, table), w, bias, act),
                       NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

static void linear_without_activation(void **state)
{
    TDL_UNUSED(state);
    check_linear(TDL_ACT_NONE, true);
    check_linear(TDL_ACT_NONE, false);
}

static void linear_with_each_activation(void **state)
{
    TDL_UNUSED(state);
    check_linear(TDL_ACT_RELU, true);
    check_linear(TDL_ACT_TANH, true);
    check_linear(TDL_ACT_SIGMOID, true);
    check_linear(TDL_ACT_GELU, true);
    check_linear(TDL_ACT_GELU, false);
}

static void dot_score_with_and_without_bias(void **state)
{
    TDL_UNUSED(state);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        tdl_params params = {0};
        tdl_net net = {.params = &params};
        int table = tdl_params_add(&params, "table", IDS, 4, true);
        int items = tdl_params_add(&params, "items", CLASSES, 4, true);
        int bias = with_bias ? tdl_params_add(&params, "bias", 1, CLASSES, false) : TDL_NONE;

        start(&params);
        tdl_net_softmax_ce(
            &net, tdl_net_dot_score(&net, tdl_net_embed_bag(&net, table), items, bias), NULL);
        check_net(&net, &BATCH);
        tdl_params_release(&params);
    }
}

/* A tied table is read by two ops: their gradients must add. */
static void a_table_that_embeds_and_scores(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, 4, true);

    TDL_UNUSED(state);
    start(&params);
    tdl_net_softmax_ce(
        &net, tdl_net_dot_score(&net, tdl_net_embed_bag(&net, table), table, TDL_NONE), NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

/* A value that both branches read: its gradients must add too. */
static void add_of_a_value_and_its_transform(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);
    int w = tdl_params_add(&params, "w", CLASSES, CLASSES, true);

    TDL_UNUSED(state);
    start(&params);
    int h = tdl_net_embed_bag(&net, table);
    tdl_net_softmax_ce(
        &net, tdl_net_add(&net, h, tdl_net_linear(&net, h, w, TDL_NONE, TDL_ACT_TANH)), NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

/* Each add comes after another reader of h has left its gradient there. */
static void adds_of_a_value_that_many_read(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);
    int w = tdl_params_add(&params, "w", CLASSES, CLASSES, true);

    TDL_UNUSED(state);
    start(&params);
    int h = tdl_net_embed_bag(&net, table);
    int a = tdl_net_add(&net, tdl_net_linear(&net, h, w, TDL_NONE, TDL_ACT_TANH), h);
    int b = tdl_net_add(&net, h, tdl_net_linear(&net, a, w, TDL_NONE, TDL_ACT_TANH));
    tdl_net_softmax_ce(&net, tdl_net_add(&net, b, h), NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

static void dropout_with_its_mask_held(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);

    TDL_UNUSED(state);
    start(&params);
    tdl_net_softmax_ce(&net, tdl_net_dropout(&net, tdl_net_embed_bag(&net, table), 0.4), NULL);
    check_net(&net, &BATCH);
    tdl_params_release(&params);
}

static void check_model(const tdl_nn_batch *batch, size_t d, size_t hidden)
{
    tdl_recent_mlp_config config = {
        .items_n = IDS, .d = d, .hidden = hidden, .drop_in = 0.2, .drop_out = 0.3};
    tdl_recent_mlp model;

    assert_int_equal(tdl_recent_mlp_init(&model, &config, NULL), TDL_OK);
    for (int k = 0; k < model.params.slices_n; k++)
        tdl_init_slice(&model.params, k, TDL_INIT_GAUSSIAN, 0.7, 9);
    check_net(&model.net, batch);
    tdl_recent_mlp_release(&model);
}

static void the_whole_recent_mlp(void **state)
{
    TDL_UNUSED(state);
    check_model(&BATCH, 4, 6);
    check_model(&BATCH, 5, 3);
}

static void the_whole_recent_mlp_on_a_batch_of_one_row(void **state)
{
    const size_t offsets[] = {0, 2};
    const int32_t id[] = {4, 2}, target[] = {5};
    const double weight[] = {0.4, 0.6};
    const uint64_t example[] = {1};
    const tdl_nn_batch one = {.rows = 1,
                              .offsets = offsets,
                              .id = {id},
                              .weight = weight,
                              .target = target,
                              .example = example};

    TDL_UNUSED(state);
    check_model(&one, 16, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embed_bag_and_softmax_ce),
        cmocka_unit_test(linear_without_activation),
        cmocka_unit_test(linear_with_each_activation),
        cmocka_unit_test(dot_score_with_and_without_bias),
        cmocka_unit_test(a_table_that_embeds_and_scores),
        cmocka_unit_test(add_of_a_value_and_its_transform),
        cmocka_unit_test(adds_of_a_value_that_many_read),
        cmocka_unit_test(dropout_with_its_mask_held),
        cmocka_unit_test(the_whole_recent_mlp),
        cmocka_unit_test(the_whole_recent_mlp_on_a_batch_of_one_row),
    };

    return cmocka_run_group_tests_name("grad/ops", tests, NULL, NULL);
}
