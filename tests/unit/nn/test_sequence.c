/* Ops over rows of tokens against PyTorch 1.13.1 in double (the project's reference values, printed
 * to 15 digits), and by hand. Built twice: float to 1e-5, gradients 1e-4, double to 1e-9. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net_case.h"
#include "sequence_case.h"

#ifdef TDL_REAL_DOUBLE
static const double TOLERANCE = 1e-9, TOLERANCE_GRAD = 1e-9;
#else
static const double TOLERANCE = 1e-5, TOLERANCE_GRAD = 1e-4;
#endif

/* Relative to the largest number expected. */
static void near(const tdl_real *got, const double *expected, size_t n, double tolerance,
                 const char *what)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= tolerance * largest))
            fail_msg("%s[%zu] = %.15g, expected %.15g", what, i, (double)got[i], expected[i]);
}

/* ---- norm ---- */

enum { NORM_ROWS = 2, NORM_COLS = 5, NORM_N = NORM_ROWS * NORM_COLS };
static const tdl_real NORM_X[NORM_N] = {0.5F, (tdl_real)-1.2, 3,   (tdl_real)0.1, 0,
                                        1000, 1001,           999, 1002,          1000};
static const tdl_real GAIN[NORM_COLS] = {1, (tdl_real)0.9, (tdl_real)1.1, (tdl_real)1.2,
                                         (tdl_real)0.8};
static const tdl_real BIAS[NORM_COLS] = {0, (tdl_real)0.1, (tdl_real)-0.1, (tdl_real)0.2, 0};
static const tdl_real DY[NORM_N] = {
    1, -0.5F, 0.25F, 2, 0, (tdl_real)0.3, (tdl_real)0.1, (tdl_real)-0.2, (tdl_real)0.4, 1};

static void layer_norm_and_its_gradients(void **state)
{
    const double y[] = {0.0144729697881469, -0.994156515983906, 1.90595361263716,
                        -0.129983711169749, -0.27788101993242,  -0.392230384557921,
                        0.629511019153136,  -1.61008698054793,  2.08270584587787,
                        -0.313784307646337};
    const double dx[] = {0.256050911062935,  -0.721473671060597, -0.374132078341386,
                         1.28604484976666,   -0.44649001142761,  0.0618512140508756,
                         -0.274183373934392, -0.317934649781989, -0.0218723850828155,
                         0.552139194748264};
    const double dgain[] = {-0.103196145579229, 0.666699288785851, 0.730459817517159,
                            0.0775957633430403, -0.392230384557921};
    const double dbias[] = {1.3, -0.4, 0.05, 2.4, 1};
    tdl_real got[NORM_N], mean[NORM_ROWS], rstd[NORM_ROWS], d[NORM_N], dg[NORM_COLS] = {0},
                                                                       db[NORM_COLS] = {0};

    TDL_UNUSED(state);
    tdl_norm_forward(true, NORM_ROWS, NORM_COLS, NORM_X, GAIN, BIAS, 1e-5, got, mean, rstd, NULL);
    near(got, y, NORM_N, TOLERANCE, "y");
    memcpy(d, DY, sizeof d); // in place
    tdl_norm_backward(true, NORM_ROWS, NORM_COLS, NORM_X, GAIN, mean, rstd, d, d, dg, db, NULL);
    near(d, dx, NORM_N, TOLERANCE_GRAD, "dx");
    near(dg, dgain, NORM_COLS, TOLERANCE_GRAD, "dgain");
    near(db, dbias, NORM_COLS, TOLERANCE_GRAD, "dbias");
}

static const double RMS_Y[NORM_N] = {
    0.341792883654191, -0.738272628693052, 2.25583303211766, 0.0820302920770057, 0,
    0.999599640559432, 0.900539316179992,  1.09846004501076, 1.20191860780866,   0.799679712447546};

static void rms_norm_and_its_gradients(void **state)
{
    const double dx[] = {0.616345236103763,
                         -0.146236320397688,
                         -0.215457101217905,
                         1.62715773529919,
                         0,
                         9.97437040122152e-06,
                         -0.000200231459638026,
                         -0.000509527537167917,
                         0.000189322494658386,
                         0.000509774190680938};
    const double dgain[] = {0.64167277582202, 0.510211384405028, 0.312969317297511,
                            0.537356689397897, 0.999599640559432};
    tdl_real got[NORM_N], mean[NORM_ROWS], rstd[NORM_ROWS], d[NORM_N], dg[NORM_COLS] = {0};

    TDL_UNUSED(state);
    tdl_norm_forward(false, NORM_ROWS, NORM_COLS, NORM_X, GAIN, NULL, 1e-6, got, mean, rstd, NULL);
    near(got, RMS_Y, NORM_N, TOLERANCE, "y");
    tdl_norm_backward(false, NORM_ROWS, NORM_COLS, NORM_X, GAIN, mean, rstd, DY, d, dg, NULL, NULL);
    near(d, dx, NORM_N, TOLERANCE_GRAD, "dx");
    near(dg, dgain, NORM_COLS, TOLERANCE_GRAD, "dgain");
}

/* ---- values of a net over a table of tokens ---- */

typedef struct tokens {
    tdl_params params;
    tdl_net net;
    int value;
    int gain; /* slice: GAIN */
} tokens;

static void open_tokens(tokens *t, size_t rows, size_t cols, const tdl_real *table)
{
    *t = (tokens){0};
    t->net.params = &t->params;
    int slice = tdl_params_add(&t->params, "tokens", rows, cols, true);
    t->gain = tdl_params_add(&t->params, "gain", 1, NORM_COLS, false);
    assert_int_equal(tdl_params_seal(&t->params, NULL), TDL_OK);
    memcpy(tdl_params_value(&t->params, slice), table, rows * cols * sizeof *table);
    memcpy(tdl_params_value(&t->params, t->gain), GAIN, sizeof GAIN);
    t->value = add_tokens(&t->net, slice);
}

static void close_tokens(tokens *t)
{
    tdl_net_release(&t->net);
    tdl_params_release(&t->params);
}

static void check_values(tokens *t, int out, const tdl_nn_batch *batch, const double *expected,
                         size_t n)
{
    tdl_report why = {0};

    if (plan(&t->net, batch->rows, false, &why) ||
        tdl_net_forward(&t->net, batch, &(tdl_run){0}, &why))
        fail_msg("%s", why.message);
    near(tdl_net_value(&t->net, out), expected, n, TOLERANCE, "out");
    close_tokens(t);
}

static void check_refused(tokens *t, const char *message)
{
    tdl_report why = {0};

    assert_int_equal(plan(&t->net, 1, false, &why), TDL_E_INVALID);
    if (!strstr(why.message, message))
        fail_msg("\"%s\" does not say \"%s\"", why.message, message);
    close_tokens(t);
}

static void rope_turns_interleaved_pairs(void **state)
{
    const tdl_real x[] = {1, 2, 3, 4};
    const double y[] = {1,
                        2,
                        3,
                        4,
                        -1.1426396637476532,
                        1.922075596544176,
                        2.9598506679133294,
                        4.029799501669161,
                        -0.5600709430942735,
                        2.1647911074053985,
                        2.7128816114097076,
                        4.200032543025717};
    const size_t offsets[] = {0, 3};
    const int32_t id[] = {0, 0, 0}, position[] = {0, 1, 7};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {id}, .position = position};
    const tdl_rope_config config = {.heads = 1, .d_head = 4, .base = 10000};
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 1, 4, x);
    check_values(&t, tdl_net_rope(&t.net, t.value, &config), &batch, y, 12);
}

static void rope_of_shapes_that_do_not_meet_is_refused(void **state)
{
    const tdl_real x[] = {1, 2, 3, 4};
    const tdl_rope_config odd = {.heads = 1, .d_head = 3, .base = 10000};
    const tdl_rope_config wide = {.heads = 2, .d_head = 2, .at = 1, .base = 10000};
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 1, 4, x);
    tdl_net_rope(&t.net, t.value, &odd);
    check_refused(&t, "rope: heads of 3 columns, not an even number");
    open_tokens(&t, 1, 4, x);
    tdl_net_rope(&t.net, t.value, &wide);
    check_refused(&t, "rope: 2 heads of 2 columns from column 1 on, the input has 4");
}

/* One query head and one key head: the two rows of the RMS norm above, between other columns. */
static void qk_norm_is_the_rms_norm_of_each_head_and_leaves_other_columns(void **state)
{
    enum { COLS = NORM_N + 3 };
    const size_t offsets[] = {0, 1};
    const int32_t id[] = {0};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {id}};
    const tdl_qk_norm_config config = {.heads = 1, .kv_heads = 1, .d_head = NORM_COLS, .at = 1};
    tdl_real x[COLS] = {7, [COLS - 2] = 8, [COLS - 1] = -9};
    double y[COLS] = {7, [COLS - 2] = 8, [COLS - 1] = -9};
    tokens t;

    TDL_UNUSED(state);
    memcpy(x + 1, NORM_X, sizeof NORM_X);
    memcpy(y + 1, RMS_Y, sizeof RMS_Y);
    open_tokens(&t, 1, COLS, x);
    int out = tdl_net_qk_norm(&t.net, t.value, &config, t.gain, t.gain, 1e-6);
    check_values(&t, out, &batch, y, COLS);
}

/* One gain for queries and keys, so that one slice has all gradients of both. */
static void qk_norm_gradients(unsigned threads, tdl_real ret[NORM_COLS])
{
    enum { TOKENS = 50 };
    const tdl_qk_norm_config config = {.heads = 1, .kv_heads = 1, .d_head = NORM_COLS};
    const size_t offsets[] = {0, TOKENS};
    int32_t id[TOKENS], target[TOKENS];
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {id}, .target = target};
    const tdl_run how = {.training = true, .pool = tdl_pool_new(threads)};
    tokens t;

    for (int i = 0; i < TOKENS; i++) {
        id[i] = i * i % 3 % 2;
        target[i] = i * 7 % NORM_COLS;
    }
    open_tokens(&t, 2, NORM_N, (tdl_real[2 * NORM_N]){1, 2, -3, 0.5F, 7, -1, [NORM_N] = 4, 1, 9});
    int normed = tdl_net_qk_norm(&t.net, t.value, &config, t.gain, t.gain, 1e-6);
    tdl_net_softmax_ce(&t.net, normed, NULL);
    assert_int_equal(plan(&t.net, 1, true, NULL), TDL_OK);
    assert_int_equal(tdl_net_forward(&t.net, &batch, &how, NULL), TDL_OK);
    assert_int_equal(tdl_net_backward(&t.net, &batch, &how, 1, NULL), TDL_OK);
    memcpy(ret, tdl_params_grad(&t.params, t.gain), NORM_COLS * sizeof *ret);
    close_tokens(&t);
    tdl_pool_free(how.pool);
}

static void no_bit_of_qk_norms_gradients_depends_on_the_threads(void **state)
{
    tdl_real one[NORM_COLS], many[NORM_COLS];

    TDL_UNUSED(state);
    qk_norm_gradients(1, one);
    for (unsigned threads = 2; threads <= 8; threads += threads == 2 ? 1 : 5) {
        qk_norm_gradients(threads, many);
        assert_memory_equal(one, many, sizeof one);
    }
}

static void qk_norm_of_shapes_that_do_not_meet_is_refused(void **state)
{
    const tdl_qk_norm_config wide = {.heads = 1, .kv_heads = 1, .d_head = NORM_COLS, .at = 1};
    const tdl_qk_norm_config narrow = {.heads = 3, .kv_heads = 1, .d_head = 2};
    const tdl_qk_norm_config none = {.heads = 1, .kv_heads = 1};
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 1, NORM_N, NORM_X);
    tdl_net_qk_norm(&t.net, t.value, &wide, t.gain, t.gain, 1e-6);
    check_refused(&t, "qk_norm: 1 + 1 heads of 5 columns from column 1 on, the input has 10");
    open_tokens(&t, 1, NORM_N, NORM_X);
    tdl_net_qk_norm(&t.net, t.value, &narrow, t.gain, t.gain, 1e-6);
    check_refused(&t, "qk_norm: heads of 2 columns, 'gain' [1][5]");
    open_tokens(&t, 1, NORM_N, NORM_X);
    tdl_net_qk_norm(&t.net, t.value, &none, t.gain, t.gain, 1e-6);
    check_refused(&t, "qk_norm: heads of no columns");
    open_tokens(&t, 1, NORM_N, NORM_X);
    tdl_net_qk_norm(&t.net, t.value, &wide, t.gain, t.gain, 0);
    check_refused(&t, "qk_norm: eps 0 is not above 0");
}

/* ---- pool, glu, gate_mul: by hand ---- */

static const tdl_real NUMBERS[] = {1, -2, 3, -4, 5, 6, -7, 8};
static const size_t OFFSETS[] = {0, 3, 3, 4};
static const int32_t ID[] = {0, 1, 2, 3};
static const tdl_nn_batch BATCH = {.rows = 3, .offsets = OFFSETS, .id = {ID}};

static void pool_takes_first_mean_or_last_and_zeros_of_an_empty_row(void **state)
{
    const double expected[][6] = {{1, -2, 0, 0, -7, 8}, {3, 0, 0, 0, -7, 8}, {5, 6, 0, 0, -7, 8}};

    TDL_UNUSED(state);
    for (int pooling = TDL_POOL_FIRST; pooling <= TDL_POOL_LAST; pooling++) {
        tokens t;

        open_tokens(&t, 4, 2, NUMBERS);
        check_values(&t, tdl_net_pool(&t.net, t.value, (tdl_pooling)pooling), &BATCH,
                     expected[pooling], 6);
    }
}

static void glu_gates_with_the_half_it_is_told_to(void **state)
{
    const double first[] = {-2, -12, 30, 0}, second[] = {0, 0, 30, -56};
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 4, 2, NUMBERS);
    check_values(&t, tdl_net_glu(&t.net, t.value, TDL_ACT_RELU, false), &BATCH, first, 4);
    open_tokens(&t, 4, 2, NUMBERS);
    check_values(&t, tdl_net_glu(&t.net, t.value, TDL_ACT_RELU, true), &BATCH, second, 4);
    open_tokens(&t, 2, 3, NUMBERS);
    tdl_net_glu(&t.net, t.value, TDL_ACT_RELU, true);
    check_refused(&t, "glu: 3 columns have no two halves");
}

static void gate_mul_multiplies_by_the_columns_it_is_told_to(void **state)
{
    // a b of the two columns a and b, times a or b
    const double by_column[][4] = {{-2, -36, 150, 392}, {4, 48, 180, -448}};
    tokens t;

    TDL_UNUSED(state);
    for (size_t at = 0; at < 2; at++) {
        open_tokens(&t, 4, 2, NUMBERS);
        int product = tdl_net_glu(&t.net, t.value, TDL_ACT_NONE, false);
        check_values(&t, tdl_net_gate_mul(&t.net, product, t.value, at), &BATCH, by_column[at], 4);
    }
    open_tokens(&t, 4, 2, NUMBERS);
    tdl_net_gate_mul(&t.net, t.value, t.value, 1);
    check_refused(&t, "gate_mul: 2 columns from column 1 on, the gates have 2");
}

static void norm_refuses_what_its_kind_does_not_have(void **state)
{
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 4, 2, NUMBERS);
    tdl_net_norm(&t.net, t.value, TDL_NORM_RMS, TDL_NONE, TDL_NONE, 1e-5);
    check_refused(&t, "norm: no gain");
    open_tokens(&t, 4, 2, NUMBERS);
    tdl_net_norm(&t.net, t.value, TDL_NORM_LAYER_PLAIN, 0, TDL_NONE, 1e-5);
    check_refused(&t, "norm: the plain kind has no gain");
    open_tokens(&t, 4, 2, NUMBERS);
    tdl_net_norm(&t.net, t.value, TDL_NORM_LAYER, 0, TDL_NONE, 1e-5);
    check_refused(&t, "norm: input of 2 columns, 'tokens' [4][2]");
    open_tokens(&t, 4, 2, NUMBERS);
    tdl_net_norm(&t.net, t.value, TDL_NORM_LAYER_PLAIN, TDL_NONE, TDL_NONE, 0);
    check_refused(&t, "norm: eps 0 is not above 0");
}

/* ---- act ---- */

static void act_of_gelu_by_erf_silu_and_leaky_relu(void **state)
{
    const tdl_real x[] = {-20, -3, -1, -0.5F, 0, 0.5F, 1, 3, 20};
    const double gelu_erf[] = {0, -0.00404969409489031, -0.158655253931457, -0.154268769362993,
                               0, 0.345731230637007,    0.841344746068543,  2.99595030590511,
                               20};
    const double silu[] = {
        -4.12230723638041e-08, -0.1422776195327,  -0.268941421369995, -0.188770334399073, 0,
        0.311229665600927,     0.731058578630005, 2.8577223804673,    19.9999999587769};
    const double leaky[] = {-0.2, -0.03, -0.01, -0.005, 0, 0.5, 1, 3, 20};
    const size_t offsets[] = {0, 9};
    const int32_t id[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const tdl_nn_batch batch = {.rows = 1, .offsets = offsets, .id = {id}};
    tokens t;

    TDL_UNUSED(state);
    open_tokens(&t, 9, 1, x);
    check_values(&t, tdl_net_act(&t.net, t.value, TDL_ACT_GELU_ERF), &batch, gelu_erf, 9);
    open_tokens(&t, 9, 1, x);
    check_values(&t, tdl_net_act(&t.net, t.value, TDL_ACT_SILU), &batch, silu, 9);
    open_tokens(&t, 9, 1, x);
    check_values(&t, tdl_net_act(&t.net, t.value, TDL_ACT_LEAKY_RELU), &batch, leaky, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_and_its_gradients),
        cmocka_unit_test(rms_norm_and_its_gradients),
        cmocka_unit_test(rope_turns_interleaved_pairs),
        cmocka_unit_test(rope_of_shapes_that_do_not_meet_is_refused),
        cmocka_unit_test(qk_norm_is_the_rms_norm_of_each_head_and_leaves_other_columns),
        cmocka_unit_test(no_bit_of_qk_norms_gradients_depends_on_the_threads),
        cmocka_unit_test(qk_norm_of_shapes_that_do_not_meet_is_refused),
        cmocka_unit_test(pool_takes_first_mean_or_last_and_zeros_of_an_empty_row),
        cmocka_unit_test(glu_gates_with_the_half_it_is_told_to),
        cmocka_unit_test(gate_mul_multiplies_by_the_columns_it_is_told_to),
        cmocka_unit_test(norm_refuses_what_its_kind_does_not_have),
        cmocka_unit_test(act_of_gelu_by_erf_silu_and_leaky_relu),
    };

    return cmocka_run_group_tests_name("nn/sequence", tests, NULL, NULL);
}
