/* Optimisers. Compiled twice: against the layer, and in double (test_optim_double), where the
 * reference values must be met to 1e-9. */
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
#include "train/optim.h"

#ifdef TDL_REAL_DOUBLE
static const double TOLERANCE = 1e-9;
#else
static const double TOLERANCE = 1e-6;
#endif

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.12g, expected %.12g", got, expected);
}

static tdl_params vector_of(size_t n, bool decay)
{
    tdl_params p = {0};

    tdl_params_add(&p, "w", 1, n, decay);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    return p;
}

static tdl_optim_config defaults_of(const char *name)
{
    tdl_optim_config config = {0};

    assert_int_equal(tdl_optim_defaults(name, &config, NULL), TDL_OK);
    return config;
}

/* ---- six steps of each: torch.optim of PyTorch 1.13.1 in double (the project's reference values
 * for optimisers); l1 by hand in the same script ---- */

enum { STEPS = 6, N = 3 };
static const double START[N] = {0.5, -1.25, 2};
static const double GRADIENT[STEPS][N] = {{0.1, -2, 0},  {0.3, 1.5, 1e-4},   {-0.2, 0, -1e-4},
                                          {10, -0.5, 3}, {0.05, 0.05, 0.05}, {0, 0, 0}};

static const struct {
    const char *what;
    tdl_optim_config config;
    double expected[STEPS][N];
} REFERENCE[] = {
    {"sgd",
     {.name = "sgd", .lr = 0.1},
     {{0.49, -1.05, 2.0},
      {0.46, -1.2, 1.99999},
      {0.48, -1.2, 2.0},
      {-0.52, -1.15, 1.7},
      {-0.525, -1.155, 1.695},
      {-0.525, -1.155, 1.695}}},
    {"momentum",
     {.name = "momentum", .lr = 0.1, .momentum = 0.9},
     {{0.49, -1.05, 2.0},
      {0.451, -1.02, 1.99999},
      {0.4359, -0.993, 1.999991},
      {-0.57769, -0.9187, 1.6999919},
      {-1.494921, -0.85683, 1.42499271},
      {-2.3204289, -0.801147, 1.177493439}}},
    {"nesterov",
     {.name = "nesterov", .lr = 0.1, .momentum = 0.9},
     {{0.481, -0.87, 2.0},
      {0.4159, -0.993, 1.999981},
      {0.42231, -0.9687, 1.9999919},
      {-1.489921, -0.85183, 1.42999271},
      {-2.3204289, -0.801147, 1.177493439},
      {-3.06338601, -0.7510323, 0.9547440951}}},
    {"sgd_l2",
     {.name = "sgd", .lr = 0.1, .l2 = 0.1},
     {{0.485, -1.0375, 1.98},
      {0.45015, -1.177125, 1.96019},
      {0.4656485, -1.16535375, 1.9405981},
      {-0.539007985, -1.1037002125, 1.621192119},
      {-0.53861790515, -1.097663210375, 1.59998019781},
      {-0.5332317260985, -1.08668657827125, 1.5839803958319}}},
    {"sgd_l1",
     {.name = "sgd", .lr = 0.1, .l1 = 0.1},
     {{0.48, -1.04, 1.99},
      {0.44, -1.18, 1.97999},
      {0.45, -1.17, 1.97},
      {-0.56, -1.11, 1.66},
      {-0.555, -1.105, 1.645},
      {-0.545, -1.095, 1.635}}},
    {"rmsprop",
     {.name = "rmsprop", .lr = 0.01, .alpha = 0.99, .eps = 1e-08},
     {{0.4000000999999, -1.150000005, 2.0},
      {0.305084330454671, -1.21019292912743, 1.9000999000999},
      {0.358747607847407, -1.21019292912743, 1.97093780494139},
      {0.258816294011392, -1.19032978587326, 1.87093780838417},
      {0.258314126596499, -1.19232570920508, 1.86926298036485},
      {0.258314126596499, -1.19232570920508, 1.86926298036485}}},
    {"adagrad",
     {.name = "adagrad", .lr = 0.1, .eps = 1e-10},
     {{0.4000000001, -1.150000000005, 2.0},
      {0.305131670324949, -1.2100000000026, 1.9000000999999},
      {0.358583918693148, -1.2100000000026, 1.97071072811859},
      {0.258653845279791, -1.19038838648955, 1.87071072823303},
      {0.258154201149506, -1.1923491708032, 1.86904429300154},
      {0.258154201149506, -1.1923491708032, 1.86904429300154}}},
    {"adam",
     {.name = "adam", .lr = 0.1, .eps = 1e-08, .beta1 = 0.9, .beta2 = 0.999},
     {{0.400000009999999, -1.1500000005, 2.0},
      {0.30822190220559, -1.14106749981, 1.92559683720861},
      {0.282431522889793, -1.13416265089625, 1.93011450802523},
      {0.223570048474979, -1.11720539213071, 1.87200184659614},
      {0.173546614980553, -1.10394688790083, 1.82198074662125},
      {0.130432886269491, -1.09251977236333, 1.77886902912368}}},
    {"adam_l2",
     {.name = "adam", .lr = 0.1, .l2 = 0.1, .eps = 1e-08, .beta1 = 0.9, .beta2 = 0.999},
     {{0.400000006666666, -1.15000000047059, 1.900000005},
      {0.304877139650911, -1.13451924141819, 1.80016445633284},
      {0.264508934358801, -1.11970770474476, 1.70062422198213},
      {0.205099521589519, -1.09427956813102, 1.63440332108792},
      {0.154502787082642, -1.07154948145772, 1.57490997906931},
      {0.110814531164915, -1.04983096109279, 1.5211230212624}}},
    {"adamw",
     {.name = "adamw", .lr = 0.1, .eps = 1e-08, .decay = 0.1, .beta1 = 0.9, .beta2 = 0.999},
     {{0.395000009999999, -1.1375000005, 1.98},
      {0.29927190210559, -1.117192499805, 1.88579683720861},
      {0.270488803768737, -1.0991157258932, 1.87145653965314},
      {0.208922441316235, -1.07116730986873, 1.79462931282753},
      {0.156809783408648, -1.04719713254016, 1.72666191972435},
      {0.112127956863499, -1.02529804567725, 1.66628358302954}}},
};

static void fill_gradient(tdl_params *p, size_t t)
{
    for (size_t i = 0; i < N; i++)
        tdl_params_grad(p, 0)[i] = (tdl_real)GRADIENT[t][i];
}

static void check_steps(const tdl_optim_config *config, bool decay, const double expected[STEPS][N])
{
    tdl_params p = vector_of(N, decay);
    tdl_optim optim;

    for (size_t i = 0; i < N; i++)
        tdl_params_value(&p, 0)[i] = (tdl_real)START[i];
    assert_int_equal(tdl_optim_init(&optim, config, &p, NULL), TDL_OK);
    for (size_t t = 0; t < STEPS; t++) {
        fill_gradient(&p, t);
        tdl_optim_step(&optim, &p, config->lr, 1, NULL);
        for (size_t i = 0; i < N; i++) {
            near((double)tdl_params_value(&p, 0)[i], expected[t][i],
                 TOLERANCE * fmax(1, fabs(expected[t][i])));
            assert_true(tdl_params_grad(&p, 0)[i] == 0);
        }
    }
    assert_int_equal(optim.t, STEPS);
    tdl_optim_release(&optim);
    tdl_params_release(&p);
}

static void six_steps_of_each_optimiser_are_those_of_pytorch(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof REFERENCE / sizeof *REFERENCE; i++) {
        print_message("%s\n", REFERENCE[i].what);
        check_steps(&REFERENCE[i].config, true, REFERENCE[i].expected);
    }
}

static const double (*reference(const char *what))[N]
{
    for (size_t i = 0; i < sizeof REFERENCE / sizeof *REFERENCE; i++)
        if (!strcmp(REFERENCE[i].what, what))
            return REFERENCE[i].expected;
    fail_msg("no reference %s", what);
    return NULL;
}

/* Biases: neither decay nor penalties reach them. */
static void a_slice_without_decay_follows_the_plain_method(void **state)
{
    tdl_optim_config adamw = defaults_of("adamw"), sgd = defaults_of("sgd");

    TDL_UNUSED(state);
    adamw.lr = 0.1;
    adamw.decay = 0.1;
    check_steps(&adamw, false, reference("adam"));
    sgd.lr = 0.1;
    sgd.l1 = sgd.l2 = 0.1;
    check_steps(&sgd, false, reference("sgd"));
}

static void a_scaled_gradient_is_scaled_before_all_else(void **state)
{
    tdl_optim_config config = defaults_of("sgd");
    tdl_params p = vector_of(N, true);
    tdl_optim optim;

    TDL_UNUSED(state);
    config.l2 = 0.5;
    assert_int_equal(tdl_optim_init(&optim, &config, &p, NULL), TDL_OK);
    tdl_params_value(&p, 0)[0] = 2;
    tdl_params_grad(&p, 0)[0] = 8;
    tdl_optim_step(&optim, &p, 0.25, 0.5, NULL); // 2 - (8 / 2 + 2 / 2) / 4
    near((double)tdl_params_value(&p, 0)[0], 0.75, 0);
    tdl_optim_release(&optim);
    tdl_params_release(&p);
}

/* a0 = w0; a = a / 2 + w / 2 after each step of w -= 1 */
static void the_average_follows_the_weights(void **state)
{
    tdl_optim_config config = defaults_of("sgd");
    tdl_params p = vector_of(1, true);
    tdl_optim optim;

    TDL_UNUSED(state);
    config.ema = 0.5;
    tdl_params_value(&p, 0)[0] = 8;
    assert_int_equal(tdl_optim_init(&optim, &config, &p, NULL), TDL_OK);
    for (int t = 0; t < 3; t++) {
        tdl_params_grad(&p, 0)[0] = 1;
        tdl_optim_step(&optim, &p, 1, 1, NULL);
    }
    near((double)optim.average[0], 5.875, 0); // 8 -> 7.5 -> 6.75 -> 5.875
    tdl_optim_release(&optim);
    tdl_params_release(&p);
}

/* ---- frozen slices ---- */

static void a_frozen_slice_neither_moves_nor_counts_in_the_norm(void **state)
{
    const char *const methods[] = {"sgd", "nesterov", "adagrad", "rmsprop", "adamw"};

    TDL_UNUSED(state);
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        tdl_optim_config config = defaults_of(methods[m]);
        tdl_params p = {0};
        tdl_optim optim;
        int body = tdl_params_add(&p, "body", 2, 3, true);
        int head = tdl_params_add(&p, "head", 1, 2, true);

        assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
        p.slice[body].frozen = true;
        config.l2 = 0.1;
        config.ema = 0.9;
        for (size_t i = 0; i < 6; i++)
            tdl_params_value(&p, body)[i] = 1;
        assert_int_equal(tdl_optim_init(&optim, &config, &p, NULL), TDL_OK);
        tdl_params_grad(&p, body)[4] = 100;
        tdl_params_grad(&p, head)[0] = 3;
        tdl_params_grad(&p, head)[1] = 4;
        near(tdl_optim_norm(&optim, &p, NULL), 5, 1e-12);
        tdl_params_grad(&p, body)[4] = 100;
        tdl_optim_step(&optim, &p, 0.1, 1, NULL);
        for (size_t i = 0; i < 6; i++) {
            assert_true(tdl_params_value(&p, body)[i] == 1);
            assert_true(tdl_params_grad(&p, body)[i] == 0);
        }
        assert_true(tdl_params_value(&p, head)[0] != 0);
        tdl_optim_release(&optim);
        tdl_params_release(&p);
    }
}

/* ---- settings ---- */

static void settings_out_of_range_are_refused_by_name(void **state)
{
    const tdl_optim_config adamw = defaults_of("adamw");
    struct {
        const char *field;
        size_t at;
        double value;
    } bad[] = {{"lr", offsetof(tdl_optim_config, lr), 0},
               {"lr", offsetof(tdl_optim_config, lr), -1},
               {"lr", offsetof(tdl_optim_config, lr), NAN},
               {"lr", offsetof(tdl_optim_config, lr), INFINITY},
               {"momentum", offsetof(tdl_optim_config, momentum), 1},
               {"beta1", offsetof(tdl_optim_config, beta1), 1},
               {"beta1", offsetof(tdl_optim_config, beta1), -0.1},
               {"beta2", offsetof(tdl_optim_config, beta2), NAN},
               {"alpha", offsetof(tdl_optim_config, alpha), 1},
               {"eps", offsetof(tdl_optim_config, eps), -1},
               {"l1", offsetof(tdl_optim_config, l1), -1},
               {"l2", offsetof(tdl_optim_config, l2), INFINITY},
               {"decay", offsetof(tdl_optim_config, decay), -0.1},
               {"ema", offsetof(tdl_optim_config, ema), 1}};
    tdl_params p = vector_of(N, true);

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdl_optim_config config = adamw;
        tdl_optim optim;
        tdl_report why = {0};

        memcpy((char *)&config + bad[i].at, &bad[i].value, sizeof bad[i].value);
        assert_int_equal(tdl_optim_init(&optim, &config, &p, &why), TDL_E_INVALID);
        assert_int_equal(strncmp(why.message, bad[i].field, strlen(bad[i].field)), 0);
    }
    tdl_params_release(&p);
}

static void an_unknown_name_is_refused_with_those_that_exist(void **state)
{
    tdl_optim_config config;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_optim_defaults("adam2", &config, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "adam2"));
    assert_non_null(strstr(why.hint, "nesterov"));
}

static void decay_is_refused_where_there_is_none(void **state)
{
    tdl_optim_config config = defaults_of("sgd");
    tdl_params p = vector_of(N, true);
    tdl_optim optim;
    tdl_report why = {0};

    TDL_UNUSED(state);
    config.decay = 0.1;
    assert_int_equal(tdl_optim_init(&optim, &config, &p, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "decay: sgd"));
    tdl_params_release(&p);
}

/* ---- clipping ---- */

/* |(3, 4, 12)| = 13; clipped to 1: times 1 / (13 + 1e-6), as torch.nn.utils.clip_grad_norm_. */
static void a_long_gradient_is_scaled_to_the_limit(void **state)
{
    const tdl_optim_config config = defaults_of("sgd");
    tdl_params p = vector_of(N, true);
    tdl_optim optim;

    TDL_UNUSED(state);
    assert_int_equal(tdl_optim_init(&optim, &config, &p, NULL), TDL_OK);
    p.grad[0] = 3;
    p.grad[1] = 4;
    p.grad[2] = 12;
    double norm = tdl_optim_norm(&optim, &p, NULL);
    near(norm, 13, 1e-12);
    near(tdl_clip_scale(norm, 20), 1, 0); // short enough: left alone
    near(tdl_clip_scale(norm, 1), 0.07692307100591762, 1e-15);
    tdl_optim_release(&optim);
    tdl_params_release(&p);
}

/* ---- bits ---- */

enum { MANY = 100003 };

static void fill(tdl_real *x, uint64_t stream)
{
    tdl_rng rng = tdl_rng_make(3, stream);

    for (size_t i = 0; i < MANY; i++)
        x[i] = (tdl_real)tdl_rng_normal(&rng);
}

static void norm_and_step_have_the_same_bits_on_any_number_of_threads(void **state)
{
    const unsigned threads[] = {1, 2, 3, 8};
    tdl_optim_config config = defaults_of("adamw");
    tdl_real *first = malloc(MANY * sizeof *first);
    double first_norm = 0;

    TDL_UNUSED(state);
    config.l1 = config.l2 = 0.01;
    config.ema = 0.9;
    for (size_t k = 0; k < 4; k++) {
        tdl_pool *pool = tdl_pool_new(threads[k]);
        tdl_params p = vector_of(MANY, true);
        tdl_optim optim;

        fill(tdl_params_value(&p, 0), 1);
        fill(tdl_params_grad(&p, 0), 2);
        assert_int_equal(tdl_optim_init(&optim, &config, &p, NULL), TDL_OK);
        double norm = tdl_optim_norm(&optim, &p, pool);
        tdl_optim_step(&optim, &p, config.lr, tdl_clip_scale(norm, 1), pool);
        if (k == 0) {
            memcpy(first, optim.average, MANY * sizeof *first);
            first_norm = norm;
            near(norm, sqrt(MANY), 5 / sqrt(2.0)); // of unit normals, five deviations
        }
        assert_true(norm == first_norm);
        assert_memory_equal(first, optim.average, MANY * sizeof *first);
        tdl_optim_release(&optim);
        tdl_params_release(&p);
        tdl_pool_free(pool);
    }
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_steps_of_each_optimiser_are_those_of_pytorch),
        cmocka_unit_test(a_slice_without_decay_follows_the_plain_method),
        cmocka_unit_test(a_scaled_gradient_is_scaled_before_all_else),
        cmocka_unit_test(the_average_follows_the_weights),
        cmocka_unit_test(a_frozen_slice_neither_moves_nor_counts_in_the_norm),
        cmocka_unit_test(settings_out_of_range_are_refused_by_name),
        cmocka_unit_test(an_unknown_name_is_refused_with_those_that_exist),
        cmocka_unit_test(decay_is_refused_where_there_is_none),
        cmocka_unit_test(a_long_gradient_is_scaled_to_the_limit),
        cmocka_unit_test(norm_and_step_have_the_same_bits_on_any_number_of_threads),
    };

    return cmocka_run_group_tests_name("train/optim", tests, NULL, NULL);
}
