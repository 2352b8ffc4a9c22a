#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "net_case.h"
#include "nn/recent_mlp.h"

enum { ITEMS = 700, D = 20, HIDDEN = 33, ROWS = 96, ENTRIES = ROWS * 5 };

static const tdl_recent_mlp_config CONFIG = {
    .items_n = ITEMS, .d = D, .hidden = HIDDEN, .drop_in = 0.1, .drop_out = 0.2};
static const tdl_run RUN = {.seed = 2, .step = 6, .training = true};

typedef struct data {
    size_t offsets[ROWS + 1];
    int32_t id[ENTRIES], target[ROWS];
    tdl_real weight[ENTRIES];
    uint64_t example[ROWS];
} data;

static tdl_nn_batch make_data(data *x)
{
    tdl_rng rng = tdl_rng_make(4, 0);

    x->offsets[0] = 0;
    for (size_t r = 0; r < ROWS; r++) {
        x->offsets[r + 1] = x->offsets[r] + r % 6 * (r > 0); // 0 .. 5 entries
        x->target[r] = (int32_t)tdl_rng_below(&rng, ITEMS);
        x->example[r] = 1000 + r;
    }
    for (size_t e = 0; e < ENTRIES; e++) {
        x->id[e] = (int32_t)tdl_rng_below(&rng, 50); // some ids many times
        x->weight[e] = (tdl_real)tdl_rng_uniform(&rng);
    }
    return (tdl_nn_batch){.rows = ROWS,
                          .offsets = x->offsets,
                          .id = {x->id},
                          .weight = x->weight,
                          .target = x->target,
                          .example = x->example};
}

static void open_model(tdl_recent_mlp *model)
{
    assert_int_equal(tdl_recent_mlp_init(model, &CONFIG, NULL), TDL_OK);
    tdl_recent_mlp_start(model, 7);
    tdl_net_keep(&model->net, model->scores);

    assert_int_equal(plan(&model->net, ROWS, true, NULL), TDL_OK);
}

/* decay .5: 4, 2, 1 parts of 7, the newest last */
static void recency_weights_halve_and_sum_to_one(void **state)
{
    tdl_real w[3];

    TDL_UNUSED(state);
    tdl_recency_weights(3, 0.5, w);
    assert_true(fabs((double)w[2] - 4.0 / 7) < 1e-7);
    assert_true(fabs((double)w[1] - 2.0 / 7) < 1e-7);
    assert_true(fabs((double)w[0] - 1.0 / 7) < 1e-7);
    tdl_recency_weights(1, 0.8, w);
    assert_true(w[0] == 1);
}

static void a_model_without_items_or_width_is_refused(void **state)
{
    const tdl_recent_mlp_config bad[] = {
        {.items_n = 0, .d = 4, .hidden = 4}, {.items_n = 9, .d = 0, .hidden = 4}, {9, 4, 0, 0, 0}};
    tdl_recent_mlp model;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tdl_recent_mlp_init(&model, &bad[i], NULL), TDL_E_INVALID);
}

static void gradients_have_the_same_bits_on_any_number_of_threads(void **state)
{
    const unsigned threads[] = {1, 2, 3, 8};
    tdl_recent_mlp model;
    data x;
    tdl_nn_batch batch = make_data(&x);

    TDL_UNUSED(state);
    open_model(&model);
    size_t bytes = model.params.n * sizeof(tdl_real);
    tdl_real *first = malloc(bytes);
    double loss = 0;
    for (size_t i = 0; i < 4; i++) {
        tdl_run run = RUN;
        run.pool = tdl_pool_new(threads[i]);
        memset(model.params.grad, 0, bytes);
        assert_int_equal(tdl_net_forward(&model.net, &batch, &run, NULL), TDL_OK);
        if (i == 0)
            loss = loss_sum(&model.net, &batch);
        assert_true(loss_sum(&model.net, &batch) == loss);
        assert_int_equal(tdl_net_backward(&model.net, &batch, &run, 1.0 / ROWS, NULL), TDL_OK);
        if (i == 0)
            memcpy(first, model.params.grad, bytes);
        assert_memory_equal(first, model.params.grad, bytes);
        tdl_pool_free(run.pool);
    }
    free(first);
    tdl_recent_mlp_release(&model);
}

/* Row r alone: the same offsets, moved to start at 0. */
static void a_row_alone_gives_the_bits_it_has_in_a_batch(void **state)
{
    static tdl_real together[ROWS * ITEMS];
    tdl_recent_mlp model;
    data x;
    tdl_nn_batch batch = make_data(&x);

    TDL_UNUSED(state);
    open_model(&model);
    batch.target = NULL;
    assert_int_equal(tdl_net_forward(&model.net, &batch, &RUN, NULL), TDL_OK);
    memcpy(together, tdl_net_value(&model.net, model.scores), sizeof together);
    for (size_t r = 0; r < ROWS; r++) {
        const size_t offsets[] = {0, x.offsets[r + 1] - x.offsets[r]};
        const tdl_nn_batch one = {.rows = 1,
                                  .offsets = offsets,
                                  .id = {x.id + x.offsets[r]},
                                  .weight = x.weight + x.offsets[r],
                                  .example = x.example + r};

        assert_int_equal(tdl_net_forward(&model.net, &one, &RUN, NULL), TDL_OK);
        assert_memory_equal(tdl_net_value(&model.net, model.scores), together + r * ITEMS,
                            ITEMS * sizeof(tdl_real));
    }
    tdl_recent_mlp_release(&model);
}

/* The mean over a batch is the sum of its halves' shares: what data parallel training rests on. */
static void two_halves_add_up_to_the_gradient_of_the_whole(void **state)
{
    tdl_recent_mlp model;
    data x;
    tdl_nn_batch batch = make_data(&x), half = batch;
    size_t split = ROWS / 2, offsets[ROWS / 2 + 1];

    TDL_UNUSED(state);
    open_model(&model);
    size_t n = model.params.n;
    tdl_real *whole = malloc(n * sizeof *whole);
    assert_int_equal(tdl_net_forward(&model.net, &batch, &RUN, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&model.net, &batch, &RUN, 1.0 / ROWS, NULL), TDL_OK);
    memcpy(whole, model.params.grad, n * sizeof *whole);
    memset(model.params.grad, 0, n * sizeof *whole);
    half.rows = split;
    assert_int_equal(tdl_net_forward(&model.net, &half, &RUN, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&model.net, &half, &RUN, 1.0 / ROWS, NULL), TDL_OK);
    for (size_t r = 0; r <= split; r++)
        offsets[r] = x.offsets[split + r] - x.offsets[split];
    half = (tdl_nn_batch){.rows = split,
                          .offsets = offsets,
                          .id = {x.id + x.offsets[split]},
                          .weight = x.weight + x.offsets[split],
                          .target = x.target + split,
                          .example = x.example + split};
    assert_int_equal(tdl_net_forward(&model.net, &half, &RUN, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&model.net, &half, &RUN, 1.0 / ROWS, NULL), TDL_OK);
    for (size_t i = 0; i < n; i++) // 2^-20 of the largest terms, which are below 1
        assert_true(fabs((double)whole[i] - (double)model.params.grad[i]) < 1e-6);
    free(whole);
    tdl_recent_mlp_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recency_weights_halve_and_sum_to_one),
        cmocka_unit_test(a_model_without_items_or_width_is_refused),
        cmocka_unit_test(gradients_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(a_row_alone_gives_the_bits_it_has_in_a_batch),
        cmocka_unit_test(two_halves_add_up_to_the_gradient_of_the_whole),
    };

    return cmocka_run_group_tests_name("nn/recent_mlp", tests, NULL, NULL);
}
