/* What front ends and image ops promise beyond their gradients; built in float and in double. */
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
#include "nn/init.h"
#include "nn/kv_cache.h"
#include "nn/transformer.h"

typedef struct front_case {
    tdl_params params;
    tdl_net net;
} front_case;

static void open_case(front_case *c)
{
    *c = (front_case){0};
    c->net.params = &c->params;
}

static void close_case(front_case *c)
{
    tdl_net_release(&c->net);
    tdl_params_release(&c->params);
}

static void seal(front_case *c)
{
    assert_int_equal(tdl_params_seal(&c->params, NULL), TDL_OK);
}

/* Plan and run; the value `out`. */
static const tdl_real *forward(front_case *c, int out, const tdl_nn_batch *batch)
{
    const tdl_run how = {0};
    tdl_report why = {0};

    tdl_net_keep(&c->net, out);
    if (plan(&c->net, batch->rows, false, &why) || tdl_net_forward(&c->net, batch, &how, &why))
        fail_msg("%s", why.message);
    return tdl_net_value(&c->net, out);
}

static void expect_refusal(front_case *c, const tdl_nn_batch *batch, const char *said)
{
    const tdl_run how = {0};
    tdl_report why = {0};

    assert_int_equal(plan(&c->net, batch->rows, false, &why), TDL_OK);
    assert_int_equal(tdl_net_forward(&c->net, batch, &how, &why), TDL_E_INVALID);
    assert_string_equal(why.message, said);
    close_case(c);
}

static void assert_values(const tdl_real *got, const double *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) < 1e-6))
            fail_msg("[%zu]: %g, expected %g", i, (double)got[i], expected[i]);
}

/* ---- embed ---- */

enum { ITEMS = 3 };

/* Items 1, 10, 100 times 2, positions .1, .2, .3 */
static int embed_case(front_case *c, tdl_position position)
{
    const tdl_real item[ITEMS] = {1, 10, 100}, place[3] = {0.1F, 0.2F, 0.3F};
    tdl_embed_tables tables = {
        .table = {0, TDL_NONE, TDL_NONE}, .positions = TDL_NONE, .position = position, .scale = 2};

    open_case(c);
    tables.table[0] = tdl_params_add(&c->params, "items", ITEMS, 1, true);
    if (position != TDL_POSITION_NONE)
        tables.positions = tdl_params_add(&c->params, "positions", 3, 1, true);
    seal(c);
    memcpy(tdl_params_value(&c->params, tables.table[0]), item, sizeof item);
    if (position != TDL_POSITION_NONE)
        memcpy(tdl_params_value(&c->params, tables.positions), place, sizeof place);
    return tdl_net_embed(&c->net, &tables);
}

static void positions_count_from_the_first_token_or_from_the_last(void **state)
{
    static const size_t offsets[] = {0, 2, 2, 3};
    static const int32_t id[] = {0, 1, 2};
    static const double expected[][3] = {{2, 20, 200}, {2.1, 20.2, 200.1}, {2.2, 20.3, 200.3}};
    const tdl_nn_batch batch = {.rows = 3, .offsets = offsets, .id = {id}};

    TDL_UNUSED(state);
    for (int kind = TDL_POSITION_NONE; kind <= TDL_POSITION_LEARNED_FROM_END; kind++) {
        front_case c;
        int out = embed_case(&c, (tdl_position)kind);
        const tdl_real *got = forward(&c, out, &batch);
        for (size_t i = 0; i < 3; i++)
            assert_true(fabs((double)got[i] - expected[kind][i]) < 1e-5 * expected[kind][i]);
        close_case(&c);
    }
}

static void ids_and_positions_outside_their_tables_are_refused_by_name(void **state)
{
    static const size_t offsets[] = {0, 0, 4};
    static const int32_t bad_id[] = {0, 3, 0, 0}, id[] = {0, 0, 0, 0};
    tdl_nn_batch batch = {.rows = 2, .offsets = offsets, .id = {bad_id}};
    front_case c;

    TDL_UNUSED(state);
    embed_case(&c, TDL_POSITION_NONE);
    expect_refusal(&c, &batch, "table 'items': row 1, entry 1: id 3 is not in [0, 3)");
    batch.id[0] = id;
    embed_case(&c, TDL_POSITION_LEARNED);
    expect_refusal(&c, &batch, "row 1, entry 3: position 3, the table 'positions' has 3");
    embed_case(&c, TDL_POSITION_LEARNED_FROM_END);
    expect_refusal(&c, &batch, "row 1, entry 0: position 0, the table 'positions' has 3");
}

/* Items and positions through one head of attention, so that a cache can be had. */
static int attending_case(front_case *c)
{
    enum { WIDE = 4 };
    const tdl_attention_config attention = {
        .heads = 1, .kv_heads = 1, .d_head = WIDE, .k_at = WIDE, .v_at = 2 * WIDE};
    tdl_embed_tables tables = {.table = {0, TDL_NONE, TDL_NONE}, .position = TDL_POSITION_LEARNED};

    open_case(c);
    tables.table[0] = tdl_params_add(&c->params, "items", ITEMS, WIDE, true);
    tables.positions = tdl_params_add(&c->params, "positions", 3, WIDE, true);
    int w = tdl_params_add(&c->params, "w", WIDE, 3 * WIDE, true);
    seal(c);
    for (int k = 0; k < c->params.slices_n; k++)
        tdl_init_slice(&c->params, k, TDL_INIT_GAUSSIAN, 1, 4);
    int in = tdl_net_linear(&c->net, tdl_net_embed(&c->net, &tables), w, TDL_NONE, TDL_ACT_NONE);
    return tdl_net_attention(&c->net, in, &attention, TDL_NONE, TDL_NONE);
}

static void positions_go_on_where_the_cache_of_keys_ended(void **state)
{
    static const size_t all[] = {0, 3}, first[] = {0, 2}, next[] = {0, 1};
    static const int32_t id[] = {0, 2, 1};
    tdl_run how = {0};
    tdl_real whole[4];
    front_case c;

    TDL_UNUSED(state);
    int out = attending_case(&c);
    const tdl_real *got = forward(&c, out, &(tdl_nn_batch){.rows = 1, .offsets = all, .id = {id}});
    memcpy(whole, got + 2 * 4, sizeof whole);
    assert_int_equal(tdl_kv_cache_new(&c.net, 1, 3, &how.cache, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&c.net,
                                     &(tdl_nn_batch){.rows = 1, .offsets = first, .id = {id}}, &how,
                                     NULL),
                     TDL_OK);
    assert_int_equal(tdl_net_forward(&c.net,
                                     &(tdl_nn_batch){.rows = 1, .offsets = next, .id = {id + 2}},
                                     &how, NULL),
                     TDL_OK);
    assert_memory_equal(got, whole, sizeof whole);
    tdl_kv_cache_free(how.cache);
    close_case(&c);
}

/* ---- features ---- */

/* By hand: cls 9; 2 * 3 + 1 = 7; table row 2 + 1 of the second column, 40, + 5. */
static void columns_become_tokens_behind_cls(void **state)
{
    static const size_t sizes[] = {2, 3};
    const tdl_feature_config features = {1, 2, sizes};
    const tdl_real x[] = {2}, table[] = {10, 20, 30, 40, 50}, bias[] = {1, 0, 5};
    const int32_t category[] = {1, 1}, outside[] = {1, 3};
    const double expected[] = {9, 7, 20, 45};
    tdl_nn_batch batch = {.rows = 1, .x = x, .category = category};
    front_case c;

    TDL_UNUSED(state);
    for (int refused = 0; refused < 2; refused++) {
        open_case(&c);
        int cls = tdl_params_add(&c.params, "cls", 1, 1, true);
        int weights = tdl_params_add(&c.params, "weights", 1, 1, true);
        int shift = tdl_params_add(&c.params, "bias", 3, 1, true);
        int tables = tdl_params_add(&c.params, "tables", 5, 1, true);
        seal(&c);
        *tdl_params_value(&c.params, cls) = 9;
        *tdl_params_value(&c.params, weights) = 3;
        memcpy(tdl_params_value(&c.params, shift), bias, sizeof bias);
        memcpy(tdl_params_value(&c.params, tables), table, sizeof table);
        int out = tdl_net_feature_tokens(&c.net, &features, cls, weights, shift, tables);
        batch.category = refused ? outside : category;
        if (refused) {
            expect_refusal(&c, &batch, "row 0, column 1: category 3 is not in [0, 3)");
            continue;
        }
        assert_values(forward(&c, out, &batch), expected, 4);
        close_case(&c);
    }
}

/* ---- images ---- */

static void patches_run_along_lines_and_hold_channel_line_column(void **state)
{
    const tdl_image_config image = {.channels = 2, .height = 2, .width = 4, .kernel = 2};
    const double expected[] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    tdl_real x[16];
    const tdl_nn_batch batch = {.rows = 1, .x = x};
    front_case c;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 16; i++)
        x[i] = (tdl_real)i;
    open_case(&c);
    seal(&c);
    assert_values(forward(&c, tdl_net_patchify(&c.net, tdl_net_input(&c.net, 16), &image), &batch),
                  expected, 16);
    close_case(&c);
}

/* The definition: a sum over the window for each pixel, channel and output, in double. */
static void convolution_is_its_definition(void **state)
{
    enum { CHANNELS = 3, HEIGHT = 7, WIDTH = 6, OUT = 5, IMAGES = 9 };
    const tdl_image_config image = {CHANNELS, HEIGHT, WIDTH, 3, 2, 1};
    enum { DOWN = 4, RIGHT = 3, PIXELS = HEIGHT * WIDTH };
    static tdl_real x[IMAGES * CHANNELS * PIXELS];
    const tdl_nn_batch batch = {.rows = IMAGES, .x = x};
    front_case c;

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (tdl_real)((double)(i * 37 % 101) / 50 - 1);
    open_case(&c);
    int w = tdl_params_add(&c.params, "w", 9 * CHANNELS, OUT, true);
    seal(&c);
    tdl_init_slice(&c.params, w, TDL_INIT_GAUSSIAN, 1, 3);
    const tdl_real *weight = tdl_params_value(&c.params, w);
    int pixels = tdl_net_image_input(&c.net, tdl_net_input(&c.net, CHANNELS * PIXELS), &image);
    const tdl_real *got =
        forward(&c, tdl_net_conv2d(&c.net, pixels, &image, w, TDL_NONE, TDL_ACT_NONE), &batch);
    for (size_t i = 0; i < IMAGES * DOWN * RIGHT * OUT; i++) {
        size_t o = i % OUT, right = i / OUT % RIGHT, down = i / OUT / RIGHT % DOWN;
        size_t example = i / OUT / RIGHT / DOWN;
        double sum = 0;

        for (size_t n = 0; n < 9 * CHANNELS; n++) {
            size_t channel = n % CHANNELS, dx = n / CHANNELS % 3, dy = n / CHANNELS / 3;
            size_t y = 2 * down + dy - 1, at = 2 * right + dx - 1; // below 0 is far above

            if (y < HEIGHT && at < WIDTH)
                sum += (double)x[((example * CHANNELS + channel) * HEIGHT + y) * WIDTH + at] *
                       (double)weight[n * OUT + o];
        }
        assert_true(fabs((double)got[i] - sum) < 1e-5);
    }
    close_case(&c);
}

static void the_largest_of_each_window_and_padding_is_never_it(void **state)
{
    const tdl_image_config image = {1, 3, 3, 2, 2, 1};
    const tdl_real x[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    const double expected[] = {-1, -2, -4, -5};
    const tdl_nn_batch batch = {.rows = 1, .x = x};
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    seal(&c);
    int pixels = tdl_net_image_input(&c.net, tdl_net_input(&c.net, 9), &image);
    assert_values(forward(&c, tdl_net_max_pool2d(&c.net, pixels, &image), &batch), expected, 4);
    close_case(&c);
}

/* ---- threads ---- */

/* Gradients of a small convolutional net on `images` images with so many threads. */
static size_t cnn_gradients(size_t images, unsigned threads, tdl_real *ret)
{
    enum { SIDE = 9, OUT = 6, CLASSES = 5, IMAGES_MAX = 40 };
    const tdl_image_config image = {1, SIDE, SIDE, 3, 1, 1}, pool = {OUT, SIDE, SIDE, 3, 3, 0};
    static tdl_real x[IMAGES_MAX * SIDE * SIDE];
    static int32_t target[IMAGES_MAX];
    const tdl_nn_batch batch = {.rows = images, .x = x, .target = target};
    tdl_run how = {.training = true, .pool = tdl_pool_new(threads)};
    front_case c;

    for (size_t i = 0; i < images * SIDE * SIDE; i++)
        x[i] = (tdl_real)((double)(i * 53 % 97) / 48 - 1);
    for (size_t i = 0; i < images; i++)
        target[i] = (int32_t)(i % CLASSES);
    open_case(&c);
    int w = tdl_params_add(&c.params, "w", 9, OUT, true);
    int b = tdl_params_add(&c.params, "b", 1, OUT, true);
    int v = tdl_params_add(&c.params, "v", 9 * OUT, CLASSES, true);
    seal(&c);
    for (int k = 0; k < 3; k++)
        tdl_init_slice(&c.params, k, TDL_INIT_GAUSSIAN, 0.3, 5);
    int h = tdl_net_image_input(&c.net, tdl_net_input(&c.net, SIDE * SIDE), &image);
    h = tdl_net_conv2d(&c.net, h, &image, w, b, TDL_ACT_RELU);
    h = tdl_net_reshape(&c.net, tdl_net_max_pool2d(&c.net, h, &pool), 9 * OUT);
    tdl_net_softmax_ce(&c.net, tdl_net_linear(&c.net, h, v, TDL_NONE, TDL_ACT_NONE), NULL);
    assert_int_equal(plan(&c.net, images, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&c.net, &batch, &how, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&c.net, &batch, &how, 1, NULL), TDL_OK);
    size_t n = c.params.n;
    memcpy(ret, c.params.grad, n * sizeof *ret);
    close_case(&c);
    tdl_pool_free(how.pool);
    return n;
}

static void no_bit_of_a_convolutions_gradient_depends_on_the_threads(void **state)
{
    static tdl_real one[4096], many[4096];

    TDL_UNUSED(state);
    for (size_t images = 1; images <= 40; images += 13) {
        size_t n = cnn_gradients(images, 1, one);
        for (unsigned threads = 2; threads <= 8; threads += threads == 2 ? 1 : 5) {
            cnn_gradients(images, threads, many);
            assert_memory_equal(one, many, n * sizeof *one);
        }
    }
}

/* ---- shapes that do not meet ---- */

static void expect_no_plan(front_case *c, const char *said)
{
    tdl_report why = {0};

    assert_int_equal(plan(&c->net, 1, true, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, said));
    close_case(c);
}

static void images_of_another_shape_are_refused_in_words(void **state)
{
    const tdl_image_config image = {.channels = 1, .height = 5, .width = 4, .kernel = 2};
    const tdl_image_config wide = {1, 4, 4, 5, 1, 0};
    front_case c;

    TDL_UNUSED(state);
    open_case(&c);
    seal(&c);
    tdl_net_patchify(&c.net, tdl_net_input(&c.net, 20), &image);
    expect_no_plan(&c, "an image of 5 x 4 in 1 channels does not fall into patches of 2 x 2");
    open_case(&c);
    seal(&c);
    tdl_net_max_pool2d(&c.net, tdl_net_image_input(&c.net, tdl_net_input(&c.net, 16), &wide),
                       &wide);
    expect_no_plan(&c, "windows of 5, stride 1, padding 0 over 4 x 4 pixels");
    open_case(&c);
    seal(&c);
    tdl_net_concat(&c.net, tdl_net_input(&c.net, 4),
                   tdl_net_reshape(&c.net, tdl_net_input(&c.net, 4), 2), TDL_NONE, TDL_NONE);
    expect_no_plan(&c, "concat: inputs of 1 and of 2 rows for each");
}

static void expect_no_transformer(const tdl_transformer_config *config, const char *said)
{
    tdl_transformer model;
    tdl_report why = {0};

    assert_int_equal(tdl_transformer_init(&model, config, &why), TDL_E_INVALID);
    assert_string_equal(why.message, said);
}

static void a_stem_that_cannot_be_is_refused_by_its_number(void **state)
{
    tdl_transformer_config config = {.core = {.n_layer = 1, .d_model = 4, .n_head = 1},
                                     .front = TDL_FRONT_IMAGE,
                                     .image = {1, 28, 28, 2, 0, 0},
                                     .stem = {{8, 3, 2}, {8, 3, 2}},
                                     .stem_n = 2,
                                     .head = TDL_HEAD_CLASS,
                                     .outputs = 3};

    TDL_UNUSED(state);
    expect_no_transformer(&config, "images of 7 x 7, 8 channels, do not fall into patches of 2");
    config.stem[1].stride = 0;
    expect_no_transformer(&config, "stem 1: 8 filters, kernel 3, stride 0 over 14 x 14 pixels");
    config.stem_n = 5;
    expect_no_transformer(&config, "a stem of 5 convolutions, at most 4");
    config.front = TDL_FRONT_TOKENS;
    expect_no_transformer(&config, "a stem of convolutions without images");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_count_from_the_first_token_or_from_the_last),
        cmocka_unit_test(ids_and_positions_outside_their_tables_are_refused_by_name),
        cmocka_unit_test(positions_go_on_where_the_cache_of_keys_ended),
        cmocka_unit_test(columns_become_tokens_behind_cls),
        cmocka_unit_test(patches_run_along_lines_and_hold_channel_line_column),
        cmocka_unit_test(convolution_is_its_definition),
        cmocka_unit_test(the_largest_of_each_window_and_padding_is_never_it),
        cmocka_unit_test(no_bit_of_a_convolutions_gradient_depends_on_the_threads),
        cmocka_unit_test(images_of_another_shape_are_refused_in_words),
        cmocka_unit_test(a_stem_that_cannot_be_is_refused_by_its_number),
    };

    return cmocka_run_group_tests_name("nn/front", tests, NULL, NULL);
}
