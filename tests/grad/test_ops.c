/* The first ops and the whole first model against central differences: see grad_case.h. The ops are
 * the sources of the layer compiled with -DTDL_REAL_DOUBLE.
 */
#include "grad_case.h"
#include "nn/recent_mlp.h"

enum { IDS = 7, CLASSES = 7, ROWS = 5 };

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

/* The same value twice: both gradients go to one place. */
static void ops_that_read_one_value_twice(void **state)
{
    tdl_params params = {0};
    tdl_net net = {.params = &params};
    int table = tdl_params_add(&params, "table", IDS, CLASSES, true);
    int w = tdl_params_add(&params, "w", CLASSES, CLASSES, true);
    int wide = tdl_params_add(&params, "wide", 2 * CLASSES, CLASSES, true);

    TDL_UNUSED(state);
    start(&params);
    int h = tdl_net_embed_bag(&net, table);
    int twice = tdl_net_add(&net, h, h);
    int squared = tdl_net_gate_mul(&net, twice, twice, 0);
    int through = tdl_net_linear_add(&net, squared, squared, w, TDL_NONE, TDL_ACT_NONE);
    int beside = tdl_net_concat(&net, through, through, TDL_NONE, TDL_NONE);
    tdl_net_softmax_ce(&net, tdl_net_linear(&net, beside, wide, TDL_NONE, TDL_ACT_NONE), NULL);
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
        cmocka_unit_test(ops_that_read_one_value_twice),
        cmocka_unit_test(dropout_with_its_mask_held),
        cmocka_unit_test(the_whole_recent_mlp),
        cmocka_unit_test(the_whole_recent_mlp_on_a_batch_of_one_row),
    };

    return cmocka_run_group_tests_name("grad/ops", tests, NULL, NULL);
}
