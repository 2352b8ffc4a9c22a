/* Front ends and image ops against central differences: see grad_case.h. */
#include "grad_case.h"

#include "nn/transformer.h"
#include <string.h>

enum { ROWS = 4, TOKENS = 8, NUMBERS_MAX = 4096 };
/* Rows of 3, 0, 1 and 4 tokens. */
static const size_t OFFSETS[ROWS + 1] = {0, 3, 3, 4, 8};
static const int32_t ID[TOKENS] = {0, 3, 3, 5, 1, 0, 5, 2}, TYPE[TOKENS] = {0, 1, 1, 0, 2, 2, 1, 0};
static const int32_t POSITION[TOKENS] = {0, 0, 1, 3, 2, 2, 3, 4};
static const double X[ROWS * 3] = {0.3, -1.2, 0.7, 1.4, 0.2, -0.6, -0.9, 0.8, 0.1, 2, -1, 0.4};
static const int32_t CATEGORY[ROWS * 2] = {0, 2, 1, 3, 0, 0, 1, 2};

/* Numbers to be met, enough for any shape here. */
static const double *values(void)
{
    static double value[NUMBERS_MAX];

    for (size_t i = 0; i < NUMBERS_MAX; i++)
        value[i] = (double)(i * 7 % 11) / 5 - 1;
    return value;
}

static tdl_nn_batch batch_of_all(void)
{
    return (tdl_nn_batch){.rows = ROWS,
                          .offsets = OFFSETS,
                          .id = {ID, TYPE},
                          .x = X,
                          .category = CATEGORY,
                          .value = values()};
}

typedef struct front_case {
    tdl_params params;
    tdl_net net;
} front_case;

static void open_case(front_case *c)
{
    *c = (front_case){0};
    c->net.params = &c->params;
}

static void check_case(front_case *c, int out, const tdl_nn_batch *batch)
{
    tdl_net_mse(&c->net, out, NULL);
    start(&c->params);
    check_net(&c->net, batch);
    tdl_params_release(&c->params);
}

/* Rows of so many columns that a gradient reaches. */
static int trained_rows(front_case *c, size_t cols)
{
    int w = tdl_params_add(&c->params, "first", 3, cols, true);

    return tdl_net_linear(&c->net, tdl_net_input(&c->net, 3), w, TDL_NONE, TDL_ACT_NONE);
}

/* ---- numbers ---- */

/* Columns 2 and 0 as waves, beside columns 1 and 2 as they are. */
static void waves_beside_some_columns(void **state)
{
    static const uint32_t column[] = {2, 0};
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    int in = trained_rows(&c, 3);
    int frequencies = tdl_params_add(&c.params, "c", 2, 4, false);
    int waves = tdl_net_periodic(&c.net, in, column, 2, frequencies);
    waves = tdl_net_reshape(&c.net, waves, 16);
    check_case(&c, tdl_net_concat(&c.net, tdl_net_cut(&c.net, in, 1, 2), waves, TDL_NONE, TDL_NONE),
               &batch);
}

/* torch 2, double: x = [.3, -1.2, .7], c = [[.5, -.25], [1.5, .1]] of columns 2 and 0; y = [sin(2
 * pi c x), cos(2 pi c x)] by column; loss = mean over y of (y - value)^2, value as values() has it.
 */
static void waves_are_those_of_torch(void **state)
{
    static const uint32_t column[] = {2, 0};
    static const double frequencies_of[] = {.5, -.25, 1.5, .1};
    static const double expected[] = {0.809016994374947,  -0.891006524188368, -0.587785252292473,
                                      0.453990499739547,  0.309016994374948,  0.187381314585725,
                                      -0.951056516295154, 0.982287250728689};
    static const double expected_grad[] = {-1.00212789913373, -1.17938829337115, 0.206131627265775,
                                           0.277735176954375};
    const double expected_loss = 1.24194640157658;
    tdl_nn_batch batch = {.rows = 1, .x = X, .value = values()};
    double loss, weight;
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    int k = tdl_params_add(&c.params, "c", 2, 2, false);
    int waves = tdl_net_periodic(&c.net, tdl_net_input(&c.net, 3), column, 2, k);
    waves = tdl_net_reshape(&c.net, waves, 8);
    tdl_net_mse(&c.net, waves, NULL);
    start(&c.params);
    memcpy(tdl_params_value(&c.params, k), frequencies_of, sizeof frequencies_of);
    assert_int_equal(plan(&c.net, 1, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&c.net, &batch, &RUN, NULL), TDL_OK);
    for (size_t i = 0; i < 8; i++)
        assert_true(fabs(tdl_net_value(&c.net, waves)[i] - expected[i]) < 1e-12);
    tdl_net_loss(&c.net, &batch, &loss, &weight);
    assert_true(fabs(loss - expected_loss) < 1e-12);
    assert_int_equal(tdl_net_backward(&c.net, &batch, &RUN, 1, NULL), TDL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(tdl_params_grad(&c.params, k)[i] - expected_grad[i]) < 1e-12);
    tdl_net_release(&c.net);
    tdl_params_release(&c.params);
}

/* ---- tokens ---- */

static void embeddings_of_two_streams_with_each_kind_of_position(void **state)
{
    TDL_UNUSED(state);
    for (int kind = TDL_POSITION_NONE; kind <= TDL_POSITION_LEARNED_FROM_END; kind++)
        for (int own = 0; own < 2; own++) {
            tdl_nn_batch batch = batch_of_all();
            tdl_embed_tables tables = {.table = {TDL_NONE, TDL_NONE, TDL_NONE},
                                       .positions = TDL_NONE,
                                       .position = (tdl_position)kind,
                                       .scale = 1.7};
            front_case c;

            open_case(&c);
            tables.table[0] = tdl_params_add(&c.params, "items", 6, 3, true);
            tables.table[1] = tdl_params_add(&c.params, "types", 3, 3, true);
            if (kind != TDL_POSITION_NONE)
                tables.positions = tdl_params_add(&c.params, "positions", 5, 3, true);
            batch.position = own ? POSITION : NULL;
            check_case(&c, tdl_net_embed(&c.net, &tables), &batch);
        }
}

static void columns_as_tokens(void **state)
{
    static const size_t sizes[] = {2, 4};

    TDL_UNUSED(state);
    for (int kind = 0; kind < 4; kind++) {
        const tdl_feature_config features = {
            .numbers = kind == 1 ? 0 : 3, .categories = kind == 2 ? 0 : 2, .category_sizes = sizes};
        tdl_nn_batch batch = batch_of_all();
        int cls = TDL_NONE, weights = TDL_NONE, table = TDL_NONE;
        front_case c;

        open_case(&c);
        if (kind != 3)
            cls = tdl_params_add(&c.params, "cls", 1, 2, true);
        if (features.numbers)
            weights = tdl_params_add(&c.params, "weights", features.numbers, 2, true);
        if (features.categories)
            table = tdl_params_add(&c.params, "table", 6, 2, true);
        int bias =
            tdl_params_add(&c.params, "bias", features.numbers + features.categories, 2, false);
        check_case(&c, tdl_net_feature_tokens(&c.net, &features, cls, weights, bias, table),
                   &batch);
    }
}

static void patches_behind_a_class_token_with_positions(void **state)
{
    const tdl_image_config image = {.channels = 2, .height = 4, .width = 6, .kernel = 2};
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    int patches = tdl_net_patchify(&c.net, trained_rows(&c, 48), &image);
    int cls = tdl_params_add(&c.params, "cls", 1, 8, true);
    int positions = tdl_params_add(&c.params, "positions", 7, 8, true);
    check_case(&c, tdl_net_prepend(&c.net, patches, cls, positions), &batch);
}

/* Two channels of 6 x 6 pixels; convolutions leave 3 of 3 x 3, then 4 of 2 x 2; patches of one
 * pixel, and of all there are. */
static void an_image_transformer_behind_a_stem(void **state)
{
    static const int32_t target[ROWS] = {1, 0, 2, 2};
    tdl_nn_batch batch = {.rows = ROWS, .x = values(), .target = target};

    TDL_UNUSED(state);
    for (size_t patch = 1; patch <= 2; patch++) {
        const tdl_transformer_config config = {
            .core = {.n_layer = 1,
                     .d_model = 4,
                     .n_head = 2,
                     .act = TDL_ACT_GELU,
                     .mask = TDL_MASK_BIDIRECTIONAL,
                     .init_std = 0.5},
            .front = TDL_FRONT_IMAGE,
            .image = {.channels = 2, .height = 6, .width = 6, .kernel = patch},
            .stem = {{.filters = 3, .kernel = 3, .stride = 2},
                     {.filters = 4, .kernel = 3, .stride = 2}},
            .stem_n = 2,
            .head = TDL_HEAD_CLASS,
            .pooling = TDL_POOL_MEAN,
            .outputs = 3};
        tdl_transformer model;
        tdl_report why = {0};

        if (tdl_transformer_init(&model, &config, &why))
            fail_msg("%s", why.message);
        tdl_transformer_start(&model, 6);
        check_net(&model.net, &batch);
        tdl_transformer_release(&model);
    }
}

/* ---- columns ---- */

static void columns_side_by_side_and_each_scaled(void **state)
{
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    int a = trained_rows(&c, 2), w = tdl_params_add(&c.params, "second", 2, 3, true);
    int b = tdl_net_linear(&c.net, a, w, TDL_NONE, TDL_ACT_TANH);
    int gain = tdl_params_add(&c.params, "gain", 1, 7, true);
    int bias = tdl_params_add(&c.params, "bias", 1, 7, false);
    int all = tdl_net_concat(&c.net, a, b, a, TDL_NONE);
    check_case(&c, tdl_net_scale_shift(&c.net, all, gain, bias), &batch);
}

static void cosines_of_two_values_and_with_a_table(void **state)
{
    TDL_UNUSED(state);
    for (int with_table = 0; with_table < 2; with_table++) {
        tdl_nn_batch batch = batch_of_all();
        front_case c;

        open_case(&c);
        int a = trained_rows(&c, 4), w = tdl_params_add(&c.params, "second", 4, 4, true);
        int b = tdl_net_linear(&c.net, a, w, TDL_NONE, TDL_ACT_TANH);
        if (with_table) {
            int table = tdl_params_add(&c.params, "table", 5, 4, true);
            check_case(&c, tdl_net_cosine_score(&c.net, tdl_net_add(&c.net, a, b), table, 3),
                       &batch);
        } else {
            check_case(&c, tdl_net_cosine(&c.net, a, b, 0), &batch);
        }
    }
}

static void numbers_that_cannot_cross(void **state)
{
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    check_case(&c, tdl_net_rising(&c.net, trained_rows(&c, 6), 3), &batch);
}

/* ---- images ---- */

static void check_conv(const tdl_image_config *image, size_t out, tdl_act act, bool with_bias)
{
    tdl_nn_batch batch = batch_of_all();
    size_t window = image->kernel * image->kernel * image->channels;
    front_case c;

    open_case(&c);
    int rows = trained_rows(&c, image->channels * image->height * image->width);
    int pixels = tdl_net_image_input(&c.net, rows, image);
    int w = tdl_params_add(&c.params, "w", window, out, true);
    int bias = with_bias ? tdl_params_add(&c.params, "bias", 1, out, false) : TDL_NONE;
    check_case(&c, tdl_net_conv2d(&c.net, pixels, image, w, bias, act), &batch);
}

static void convolutions(void **state)
{
    TDL_UNUSED(state);
    check_conv(&(tdl_image_config){2, 4, 5, 3, 1, 1}, 3, TDL_ACT_TANH, true);
    check_conv(&(tdl_image_config){1, 5, 5, 3, 2, 0}, 2, TDL_ACT_GELU, true);
    check_conv(&(tdl_image_config){3, 3, 3, 2, 1, 1}, 1, TDL_ACT_NONE, false);
    check_conv(&(tdl_image_config){1, 2, 2, 3, 1, 2}, 2, TDL_ACT_SIGMOID, true);
}

static void check_pool(const tdl_image_config *image)
{
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    open_case(&c);
    int rows = trained_rows(&c, image->channels * image->height * image->width);
    int pixels = tdl_net_image_input(&c.net, rows, image);
    check_case(&c, tdl_net_max_pool2d(&c.net, pixels, image), &batch);
}

static void pooling_with_windows_apart_and_overlapping(void **state)
{
    TDL_UNUSED(state);
    check_pool(&(tdl_image_config){2, 4, 6, 2, 2, 0});
    check_pool(&(tdl_image_config){1, 5, 5, 3, 2, 1});
    check_pool(&(tdl_image_config){3, 3, 4, 2, 1, 0});
}

/* Two convolutions of one value: the second adds to what the first gave back. */
static void a_value_that_two_convolutions_read(void **state)
{
    const tdl_image_config image = {2, 3, 3, 3, 1, 1};
    tdl_nn_batch batch = batch_of_all();
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    int pixels = tdl_net_image_input(&c.net, trained_rows(&c, 18), &image);
    int w = tdl_params_add(&c.params, "w", 18, 2, true);
    int v = tdl_params_add(&c.params, "v", 18, 2, true);
    int a = tdl_net_conv2d(&c.net, pixels, &image, w, TDL_NONE, TDL_ACT_TANH);
    int b = tdl_net_conv2d(&c.net, pixels, &image, v, TDL_NONE, TDL_ACT_TANH);
    check_case(&c, tdl_net_add(&c.net, tdl_net_add(&c.net, a, b), pixels), &batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waves_beside_some_columns),
        cmocka_unit_test(waves_are_those_of_torch),
        cmocka_unit_test(embeddings_of_two_streams_with_each_kind_of_position),
        cmocka_unit_test(columns_as_tokens),
        cmocka_unit_test(patches_behind_a_class_token_with_positions),
        cmocka_unit_test(an_image_transformer_behind_a_stem),
        cmocka_unit_test(columns_side_by_side_and_each_scaled),
        cmocka_unit_test(cosines_of_two_values_and_with_a_table),
        cmocka_unit_test(numbers_that_cannot_cross),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(pooling_with_windows_apart_and_overlapping),
        cmocka_unit_test(a_value_that_two_convolutions_read),
    };

    return cmocka_run_group_tests_name("grad/front", tests, NULL, NULL);
}
