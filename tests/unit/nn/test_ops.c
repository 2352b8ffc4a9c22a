/* What single ops promise beyond their gradients. */
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
#include "nn/init.h"

/* A net over one table [ids][cols], each row of a batch looking up one id with weight 1. */
typedef struct lookup {
    tdl_params params;
    tdl_net net;
    int table, bag;
} lookup;

static void open_lookup(lookup *l, size_t ids, size_t cols)
{
    *l = (lookup){0};
    l->net.params = &l->params;
    l->table = tdl_params_add(&l->params, "table", ids, cols, true);
    assert_int_equal(tdl_params_seal(&l->params, NULL), TDL_OK);
    l->bag = tdl_net_embed_bag(&l->net, l->table);
}

static void close_lookup(lookup *l)
{
    tdl_net_release(&l->net);
    tdl_params_release(&l->params);
}

/* ---- embed_bag ---- */

/* By hand: .5 (1, 2) + .25 (3, 4) - 1 (1, 2) = (.25, 0). */
static void embed_bag_sums_weighted_rows_and_an_empty_row_is_zero(void **state)
{
    const size_t offsets[] = {0, 3, 3};
    const int32_t id[] = {0, 1, 0};
    const tdl_real weight[] = {0.5, 0.25, -1};
    const tdl_nn_batch batch = {.rows = 2, .offsets = offsets, .id = {id}, .weight = weight};
    const tdl_run run = {0};
    const tdl_real rows[] = {1, 2, 3, 4};
    lookup l;

    TDL_UNUSED(state);
    open_lookup(&l, 2, 2);
    memcpy(tdl_params_value(&l.params, l.table), rows, sizeof rows);
    assert_int_equal(plan(&l.net, 2, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&l.net, &batch, &run, NULL), TDL_OK);
    const tdl_real *out = tdl_net_value(&l.net, l.bag);
    assert_true(out[0] == 0.25F && out[1] == 0 && out[2] == 0 && out[3] == 0);
    close_lookup(&l);
}

/* ---- dropout ---- */

enum { ROWS = 64, COLS = 30 };
static const double RATE = 0.3;

/* Ones of `rows` examples numbered from `first` through dropout: ret [rows][COLS] */
static void drop(size_t rows, uint64_t first, tdl_run run, tdl_real *ret)
{
    size_t *offsets = calloc(rows + 1, sizeof *offsets);
    int32_t *id = calloc(rows, sizeof *id);
    tdl_real *weight = calloc(rows, sizeof *weight);
    uint64_t *example = calloc(rows, sizeof *example);
    tdl_nn_batch batch = {
        .rows = rows, .offsets = offsets, .id = {id}, .weight = weight, .example = example};
    lookup l;

    for (size_t r = 0; r < rows; r++) {
        offsets[r + 1] = r + 1;
        weight[r] = 1;
        example[r] = first + r;
    }
    open_lookup(&l, 1, COLS);
    for (size_t i = 0; i < COLS; i++)
        tdl_params_value(&l.params, l.table)[i] = 1;
    int out = tdl_net_dropout(&l.net, l.bag, RATE);
    assert_int_equal(plan(&l.net, rows, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&l.net, &batch, &run, NULL), TDL_OK);
    memcpy(ret, tdl_net_value(&l.net, out), rows * COLS * sizeof *ret);
    close_lookup(&l);
    free(offsets);
    free(id);
    free(weight);
    free(example);
}

static void dropout_drops_its_share_and_scales_the_rest(void **state)
{
    static tdl_real out[ROWS * COLS];
    size_t dropped = 0, n = ROWS * COLS;

    TDL_UNUSED(state);
    drop(ROWS, 0, (tdl_run){.seed = 1, .training = true}, out);
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i] == 0 || fabs((double)out[i] - 1 / (1 - RATE)) < 1e-6);
        dropped += out[i] == 0;
    }
    // five standard deviations of a binomial
    assert_true(fabs((double)dropped - RATE * (double)n) < 5 * sqrt(RATE * 0.7 * (double)n));
}

/* As the head of op_dropout.c says, whatever registers it is computed with: number c of an example
 * has word c mod 4 of the block 8 example + c / 4 of Philox, keyed by seed, step and op. */
static void dropout_has_the_words_of_philox(void **state)
{
    static tdl_real out[ROWS * COLS];
    const uint64_t first = UINT64_C(0x1FFFFFFF0), seed = UINT64_C(0x123456789abcdef);
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    TDL_UNUSED(state);
    drop(ROWS, first, (tdl_run){.seed = seed, .step = 77, .training = true}, out);
    for (size_t i = 0; i < (size_t)ROWS * COLS; i++) {
        uint64_t block = (first + i / COLS) * 8 + i % COLS / 4;
        const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 77, 1};
        uint32_t word[4];

        tdl_philox4x32(counter, key, word);
        assert_true((out[i] == 0) == (word[i % COLS % 4] < (uint32_t)(RATE * 0x1p32)));
    }
}

static void dropout_is_the_identity_outside_training(void **state)
{
    static tdl_real out[ROWS * COLS];

    TDL_UNUSED(state);
    drop(ROWS, 0, (tdl_run){.seed = 1}, out);
    for (size_t i = 0; i < ROWS * COLS; i++)
        assert_true(out[i] == 1);
}

static void a_mask_depends_on_the_example_and_not_on_its_batch(void **state)
{
    static tdl_real whole[ROWS * COLS], part[COLS];
    tdl_run run = {.seed = 5, .step = 9, .training = true};

    TDL_UNUSED(state);
    drop(ROWS, 100, run, whole);
    for (size_t r = 0; r < ROWS; r++) {
        drop(1, 100 + r, run, part);
        assert_memory_equal(part, whole + r * COLS, sizeof part);
    }
}

static void seed_and_step_change_the_mask(void **state)
{
    static tdl_real a[ROWS * COLS], b[ROWS * COLS];

    TDL_UNUSED(state);
    drop(ROWS, 0, (tdl_run){.seed = 1, .step = 1, .training = true}, a);
    drop(ROWS, 0, (tdl_run){.seed = 2, .step = 1, .training = true}, b);
    assert_memory_not_equal(a, b, sizeof a);
    drop(ROWS, 0, (tdl_run){.seed = 1, .step = 2, .training = true}, b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* Ones through two dropouts of a half: with one mask for both a half would be left, not a quarter.
 */
static void two_dropouts_of_a_net_have_masks_of_their_own(void **state)
{
    enum { WIDE = 4000 };
    const size_t offsets[] = {0, 1};
    const int32_t id[] = {0};
    const tdl_real weight[] = {1};
    const uint64_t example[] = {3};
    const tdl_nn_batch batch = {
        .rows = 1, .offsets = offsets, .id = {id}, .weight = weight, .example = example};
    const tdl_run run = {.seed = 1, .training = true};
    size_t left = 0;
    lookup l;

    TDL_UNUSED(state);
    open_lookup(&l, 1, WIDE);
    for (size_t i = 0; i < WIDE; i++)
        tdl_params_value(&l.params, l.table)[i] = 1;
    int out = tdl_net_dropout(&l.net, tdl_net_dropout(&l.net, l.bag, 0.5), 0.5);
    assert_int_equal(plan(&l.net, 1, false, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&l.net, &batch, &run, NULL), TDL_OK);
    for (size_t i = 0; i < WIDE; i++)
        left += tdl_net_value(&l.net, out)[i] > 0;
    // five standard deviations of a binomial
    assert_true(fabs((double)left - WIDE / 4.0) < 5 * sqrt(WIDE * 0.25 * 0.75));
    close_lookup(&l);
}

static void a_rate_outside_0_to_1_is_refused(void **state)
{
    const double rates[] = {-0.1, 1, 1.5, (double)NAN};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 4; i++) {
        tdl_report why = {0};
        lookup l;

        open_lookup(&l, 1, COLS);
        tdl_net_dropout(&l.net, l.bag, rates[i]);
        assert_int_equal(plan(&l.net, 1, false, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, "dropout: rate"));
        close_lookup(&l);
    }
}

/* ---- linear ---- */

/* Serving packs the weights and fuses bias and activation; the bits must be those of training. */
static void linear_gives_the_bits_of_the_packed_layer(void **state)
{
    enum { IN = 37, OUT = 53 };
    const tdl_act acts[] = {TDL_ACT_NONE, TDL_ACT_RELU, TDL_ACT_TANH, TDL_ACT_SIGMOID,
                            TDL_ACT_GELU};
    const size_t offsets[] = {0, 1};
    const int32_t id[] = {0};
    const tdl_real weight[] = {1};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {id}, .weight = weight};
    const tdl_run run = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 5; i++) {
        tdl_params p = {0};
        tdl_net net = {.params = &p};
        tdl_packed *packed = NULL;
        float y[OUT];
        int table = tdl_params_add(&p, "table", 1, IN, true);
        int w = tdl_params_add(&p, "w", IN, OUT, true), b = tdl_params_add(&p, "b", 1, OUT, false);

        assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
        for (int k = 0; k < 3; k++)
            tdl_init_slice(&p, k, TDL_INIT_GAUSSIAN, 1, 3);
        int out = tdl_net_linear(&net, tdl_net_embed_bag(&net, table), w, b, acts[i]);
        assert_int_equal(plan(&net, 1, false, NULL), TDL_OK);
        assert_int_equal(tdl_net_forward(&net, &batch, &run, NULL), TDL_OK);
        assert_int_equal(tdl_pack(tdl_params_value(&p, w), false, IN, OUT, &packed, NULL), TDL_OK);
        tdl_linear(packed, 1, tdl_params_value(&p, table), IN, tdl_params_value(&p, b), acts[i], y,
                   OUT, NULL);
        assert_memory_equal(y, tdl_net_value(&net, out), sizeof y);
        tdl_packed_free(packed);
        tdl_net_release(&net);
        tdl_params_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embed_bag_sums_weighted_rows_and_an_empty_row_is_zero),
        cmocka_unit_test(dropout_drops_its_share_and_scales_the_rest),
        cmocka_unit_test(dropout_has_the_words_of_philox),
        cmocka_unit_test(dropout_is_the_identity_outside_training),
        cmocka_unit_test(a_mask_depends_on_the_example_and_not_on_its_batch),
        cmocka_unit_test(seed_and_step_change_the_mask),
        cmocka_unit_test(two_dropouts_of_a_net_have_masks_of_their_own),
        cmocka_unit_test(a_rate_outside_0_to_1_is_refused),
        cmocka_unit_test(linear_gives_the_bits_of_the_packed_layer),
    };

    return cmocka_run_group_tests_name("nn/ops", tests, NULL, NULL);
}
