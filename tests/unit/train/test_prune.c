/* Pruning: which weights go, that they stay away, and whole units. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clusters.h"
#include "train/prune.h"
#include "train/prune_rank.h"

/* ---- which ---- */

static void the_smallest_of_all_weights_go_of_equal_ones_the_first(void **state)
{
    const float a[] = {0.5F, -0.1F, 0.3F, 2}, b[] = {0.3F, -0.3F}, expected[] = {0.5F, 0, 0, 2};
    tdl_params params = {0};

    TDL_UNUSED(state);
    int small = tdl_params_add(&params, "b", 1, 2, true);
    int large = tdl_params_add(&params, "a", 2, 2, true); // lies first
    int bias = tdl_params_add(&params, "bias", 1, 2, false);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    memcpy(tdl_params_value(&params, large), a, sizeof a);
    memcpy(tdl_params_value(&params, small), b, sizeof b);
    tdl_params_value(&params, bias)[0] = 1e-9F;
    assert_int_equal(tdl_prune_by_size(&params, 0.4, NULL), TDL_OK); // 2 of 6
    assert_memory_equal(tdl_params_value(&params, large), expected, sizeof expected);
    assert_memory_equal(tdl_params_value(&params, small), b, sizeof b);
    assert_true(tdl_params_value(&params, bias)[0] == 1e-9F); // biases do not decay
    assert_true(fabs(tdl_prune_sparsity(&params) - 2.0 / 6) < 1e-15);
    tdl_params_release(&params);
}

/* Whatever the order: the first k are what sorting puts there. */
static void ranking_finds_the_smallest_among_many_equal_ones(void **state)
{
    enum { N = 1000, K = 317 };
    static tdl_ranked entry[N];

    TDL_UNUSED(state);
    for (size_t i = 0; i < N; i++)
        entry[i] = (tdl_ranked){(double)((i * 7919) % 10), i};
    tdl_rank_smallest(entry, N, K); // 100 each of 0, 1 and 2, then the 17 first of 3
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < K; i++) {
        sum += entry[i].score;
        last = entry[i].score == 3 && entry[i].at > last ? entry[i].at : last;
    }
    assert_true(sum == 100 * (0 + 1 + 2) + 17 * 3);
    assert_int_equal(last, 167); // 7919 i mod 10 = 3 where i mod 10 = 7
}

/* y = x w; x has columns of lengths 5, 0.1 and 1; by hand 0.2 * 5 > 0.5 * 1 > 4 * 0.1. */
static void by_input_a_large_weight_of_a_weak_input_goes_first(void **state)
{
    const float x[] = {3, 0.1F, 1, 4, 0, 0}, w[] = {0.2F, 4, 0.5F}, expected[] = {0.2F, 0, 0.5F};
    const tdl_nn_batch batch = {.rows = 2, .x = x};
    const tdl_mlp_config config = {.in = 3, .head = TDL_HEAD_VALUE, .out = 1};
    tdl_mlp model;

    TDL_UNUSED(state);
    assert_int_equal(tdl_mlp_init(&model, &config, NULL), TDL_OK);
    memcpy(tdl_params_value(&model.params, model.w[0]), w, sizeof w);
    assert_int_equal(tdl_prune_by_input(&model.net, &batch, 1.0 / 3, NULL), TDL_OK);
    assert_memory_equal(tdl_params_value(&model.params, model.w[0]), expected, sizeof expected);
    tdl_mlp_release(&model);
}

static void by_input_every_output_loses_the_same_share(void **state)
{
    static clusters c;

    TDL_UNUSED(state);
    clusters_open(&c, 16, 0);
    assert_int_equal(tdl_prune_by_input(&c.model.net, &c.batch, 0.5, NULL), TDL_OK);
    for (size_t layer = 0; layer < 2; layer++) {
        const tdl_slice *w = &c.model.params.slice[c.model.w[layer]];
        const float *value = tdl_params_value(&c.model.params, c.model.w[layer]);

        for (size_t j = 0; j < w->cols; j++) {
            size_t zeros = 0;
            for (size_t i = 0; i < w->rows; i++)
                zeros += value[i * w->cols + j] == 0;
            assert_int_equal(zeros, w->rows / 2);
        }
    }
    clusters_close(&c);
}

static void what_cannot_be_pruned_is_refused_and_left_as_it_was(void **state)
{
    static clusters c;
    tdl_report why = {0};

    TDL_UNUSED(state);
    clusters_open(&c, 8, 0);
    assert_int_equal(tdl_prune_by_size(&c.model.params, 1, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_prune_by_size(&c.model.params, NAN, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_prune_by_input(&c.model.net, &c.batch, -0.5, NULL), TDL_E_INVALID);
    tdl_params_value(&c.model.params, c.model.w[1])[5] = NAN;
    assert_int_equal(tdl_prune_by_size(&c.model.params, 0.5, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "w2: weight 5 is no number");
    c.x[3] = INFINITY;
    assert_int_equal(tdl_prune_by_input(&c.model.net, &c.batch, 0.5, &why), TDL_E_INVALID);
    assert_null(c.model.params.mask);
    for (int k = 0; k < c.model.params.slices_n; k++)
        c.model.params.slice[k].frozen = true;
    assert_int_equal(tdl_prune_by_size(&c.model.params, 0.5, NULL), TDL_E_INVALID);
    clusters_close(&c);
}

/* ---- staying away ---- */

static size_t zeros_that_are(const tdl_params *params, const uint8_t *mask)
{
    size_t n = 0;

    for (size_t i = 0; i < params->n; i++)
        n += !mask[i] && params->value[i] == 0;
    return n;
}

static size_t masked(const tdl_params *params)
{
    size_t n = 0;

    for (size_t i = 0; i < params->n; i++)
        n += !params->mask[i];
    return n;
}

static void pruned_weights_stay_zero_through_steps_of_every_optimiser(void **state)
{
    static const char *const NAMES[] = {"sgd",     "momentum", "nesterov", "adagrad",
                                        "rmsprop", "adam",     "adamw"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        static clusters c;

        clusters_open(&c, 16, 0);
        assert_int_equal(tdl_optim_defaults(NAMES[i], &c.loop.optim, NULL), TDL_OK);
        c.loop.optim.l1 = c.loop.optim.l2 = 1e-4;
        c.loop.optim.ema = 0.9;
        c.loop.clip = 1;
        c.loop.epochs = 2;
        assert_int_equal(tdl_prune_by_size(&c.model.params, 0.7, NULL), TDL_OK);
        size_t gone = masked(&c.model.params);
        assert_int_equal(gone, 179); // .7 of 12 * 16 + 16 * 4
        float kept = tdl_params_value(&c.model.params, c.model.b[1])[0];
        clusters_train(&c);
        assert_int_equal(zeros_that_are(&c.model.params, c.model.params.mask), gone);
        assert_true(tdl_params_value(&c.model.params, c.model.b[1])[0] != kept);
        clusters_close(&c);
    }
}

static void weights_pruned_in_mid_run_are_not_moved_by_their_moments(void **state)
{
    tdl_params params = {0};
    tdl_optim_config config;
    tdl_optim optim = {0};

    TDL_UNUSED(state);
    int w = tdl_params_add(&params, "w", 1, 2, true);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    assert_int_equal(tdl_optim_defaults("momentum", &config, NULL), TDL_OK);
    assert_int_equal(tdl_optim_init(&optim, &config, &params, NULL), TDL_OK);
    tdl_params_value(&params, w)[0] = 0.1F;
    tdl_params_value(&params, w)[1] = 1;
    for (int step = 0; step < 2; step++) {
        tdl_params_grad(&params, w)[0] = tdl_params_grad(&params, w)[1] = 1;
        tdl_optim_step(&optim, &params, 0.01, 1, NULL);
        assert_int_equal(tdl_prune_by_size(&params, 0.5, NULL), TDL_OK);
    }
    assert_true(tdl_params_value(&params, w)[0] == 0);
    assert_true(tdl_params_value(&params, w)[1] < 0.99F);
    tdl_optim_release(&optim);
    tdl_params_release(&params);
}

static void masked_gradients_do_not_count_in_the_norm(void **state)
{
    const float grad[] = {30, 4};
    tdl_params params = {0};
    tdl_optim_config config;
    tdl_optim optim = {0};

    TDL_UNUSED(state);
    int w = tdl_params_add(&params, "w", 1, 2, true);
    assert_int_equal(tdl_params_seal(&params, NULL), TDL_OK);
    assert_int_equal(tdl_optim_defaults("sgd", &config, NULL), TDL_OK);
    assert_int_equal(tdl_optim_init(&optim, &config, &params, NULL), TDL_OK);
    tdl_params_value(&params, w)[1] = 1;
    assert_int_equal(tdl_prune_hold_zeros(&params, NULL), TDL_OK);
    memcpy(tdl_params_grad(&params, w), grad, sizeof grad);
    assert_true(tdl_optim_norm(&optim, &params, NULL) == 4);
    tdl_optim_release(&optim);
    tdl_params_release(&params);
}

static void a_mask_is_made_again_from_the_zeros_and_let_go(void **state)
{
    static clusters c;

    TDL_UNUSED(state);
    clusters_open(&c, 16, 0);
    assert_int_equal(tdl_prune_by_size(&c.model.params, 0.5, NULL), TDL_OK);
    size_t gone = masked(&c.model.params);
    tdl_prune_let_go(&c.model.params);
    assert_int_equal(tdl_prune_hold_zeros(&c.model.params, NULL), TDL_OK);
    assert_int_equal(masked(&c.model.params), gone); // biases at zero are not held
    tdl_prune_let_go(&c.model.params);
    clusters_train(&c);
    assert_true(tdl_prune_sparsity(&c.model.params) < 0.1);
    clusters_close(&c);
}

static void training_on_brings_back_what_pruning_took(void **state)
{
    static clusters c;
    tdl_prune_report report;

    TDL_UNUSED(state);
    clusters_open(&c, 64, 0);
    clusters_train(&c);
    const tdl_prune_options options = {.sparsity = 0.7, .trainee = &c.trainee, .loop = &c.loop};
    assert_int_equal(tdl_prune_net(&c.model.net, &c.data, &options, &report, NULL), TDL_OK);
    assert_true(fabs(report.sparsity - 0.7) < 1e-3);
    assert_true(report.metric_before > 0.9);
    assert_true(report.metric_after < report.metric_before);
    assert_true(report.metric_tuned > report.metric_after + 0.2);
    assert_true(clusters_accuracy(&c) == report.metric_tuned);
    clusters_close(&c);
}

/* ---- units ---- */

static void units_without_a_way_out_go_and_nothing_else_changes(void **state)
{
    static clusters c;
    const tdl_plan_options plan = {.rows = CLUSTERS_POINTS};
    tdl_trial before, after;
    tdl_mlp small;

    TDL_UNUSED(state);
    clusters_open(&c, 12, 0);
    clusters_train(&c);
    float *out = tdl_params_value(&c.model.params, c.model.w[1]);
    for (size_t j = 0; j < 12; j += 2)
        memset(out + j * CLUSTERS_CLASSES, 0, CLUSTERS_CLASSES * sizeof *out);
    assert_int_equal(tdl_prune_units(&c.model, 0.5, &small, NULL), TDL_OK);
    assert_int_equal(small.config.hidden[0].width, 6);
    assert_int_equal(small.params.slice[small.w[0]].cols, 6);
    assert_int_equal(small.params.slice[small.w[1]].rows, 6);
    assert_int_equal(tdl_net_plan(&small.net, &plan, NULL), TDL_OK);
    assert_int_equal(tdl_trial_run(&c.model.net, &c.data, &before, NULL), TDL_OK);
    assert_int_equal(tdl_trial_run(&small.net, &c.data, &after, NULL), TDL_OK);
    assert_true(after.bytes < before.bytes);
    // sums without their zeros, in the same order: the same bits
    assert_memory_equal(before.scores, after.scores, before.rows * before.cols * sizeof(float));
    tdl_trial_release(&before);
    tdl_trial_release(&after);
    tdl_mlp_release(&small);
    clusters_close(&c);
}

static void one_unit_always_stays(void **state)
{
    static clusters c;
    tdl_mlp small;

    TDL_UNUSED(state);
    clusters_open(&c, 3, 0);
    assert_int_equal(tdl_prune_units(&c.model, 0.99, &small, NULL), TDL_OK);
    assert_int_equal(small.config.hidden[0].width, 1);
    tdl_mlp_release(&small);
    assert_int_equal(tdl_prune_units(&c.model, 1, &small, NULL), TDL_E_INVALID);
    clusters_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_of_all_weights_go_of_equal_ones_the_first),
        cmocka_unit_test(ranking_finds_the_smallest_among_many_equal_ones),
        cmocka_unit_test(by_input_a_large_weight_of_a_weak_input_goes_first),
        cmocka_unit_test(by_input_every_output_loses_the_same_share),
        cmocka_unit_test(what_cannot_be_pruned_is_refused_and_left_as_it_was),
        cmocka_unit_test(pruned_weights_stay_zero_through_steps_of_every_optimiser),
        cmocka_unit_test(weights_pruned_in_mid_run_are_not_moved_by_their_moments),
        cmocka_unit_test(masked_gradients_do_not_count_in_the_norm),
        cmocka_unit_test(a_mask_is_made_again_from_the_zeros_and_let_go),
        cmocka_unit_test(training_on_brings_back_what_pruning_took),
        cmocka_unit_test(units_without_a_way_out_go_and_nothing_else_changes),
        cmocka_unit_test(one_unit_always_stays),
    };

    return cmocka_run_group_tests_name("train/prune", tests, NULL, NULL);
}
