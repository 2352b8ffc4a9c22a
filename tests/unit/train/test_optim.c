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

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g", got, expected);
}

static tdl_params vector_of(size_t n, bool decay)
{
    tdl_params p = {0};

    tdl_params_add(&p, "w", 1, n, decay);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    return p;
}

/* ---- AdamW: six steps of torch.optim.Adam and AdamW, PyTorch 1.13.1 in double (the project's
 * reference values for optimisers) ---- */

enum { STEPS = 6, N = 3 };
static const float START[N] = {0.5F, -1.25F, 2};
static const float GRADIENT[STEPS][N] = {{0.1F, -2, 0},  {0.3F, 1.5F, 1e-4F},   {-0.2F, 0, -1e-4F},
                                         {10, -0.5F, 3}, {0.05F, 0.05F, 0.05F}, {0, 0, 0}};

static void check_steps(bool decay, const double expected[STEPS][N])
{
    const tdl_adamw_config config = {0.1, 0.9, 0.999, 1e-8, 0.1};
    tdl_params p = vector_of(N, decay);
    tdl_adamw optim;

    assert_int_equal(tdl_adamw_init(&optim, &config, &p, NULL), TDL_OK);
    memcpy(tdl_params_value(&p, 0), START, sizeof START);
    for (size_t t = 0; t < STEPS; t++) {
        memcpy(tdl_params_grad(&p, 0), GRADIENT[t], sizeof GRADIENT[t]);
        tdl_adamw_step(&optim, &p, NULL);
        for (size_t i = 0; i < N; i++) {
            near((double)tdl_params_value(&p, 0)[i], expected[t][i], 5e-7);
            assert_true(tdl_params_grad(&p, 0)[i] == 0);
        }
    }
    assert_int_equal(optim.t, STEPS);
    tdl_adamw_release(&optim);
    tdl_params_release(&p);
}

static void six_steps_with_decay_are_adamw(void **state)
{
    const double expected[STEPS][N] = {{0.395000009999999, -1.1375000005, 1.98},
                                       {0.29927190210559, -1.117192499805, 1.88579683720861},
                                       {0.270488803768737, -1.0991157258932, 1.87145653965314},
                                       {0.208922441316235, -1.07116730986873, 1.79462931282753},
                                       {0.156809783408648, -1.04719713254016, 1.72666191972435},
                                       {0.112127956863499, -1.02529804567725, 1.66628358302954}};

    TDL_UNUSED(state);
    check_steps(true, expected);
}

static void a_slice_without_decay_follows_adam(void **state)
{
    const double expected[STEPS][N] = {{0.400000009999999, -1.1500000005, 2},
                                       {0.30822190220559, -1.14106749981, 1.92559683720861},
                                       {0.282431522889793, -1.13416265089625, 1.93011450802523},
                                       {0.223570048474979, -1.11720539213071, 1.87200184659614},
                                       {0.173546614980553, -1.10394688790083, 1.82198074662125},
                                       {0.130432886269491, -1.09251977236333, 1.77886902912368}};

    TDL_UNUSED(state);
    check_steps(false, expected);
}

static void settings_out_of_range_are_refused(void **state)
{
    const tdl_adamw_config bad[] = {
        {0, 0.9, 0.999, 1e-8, 0},        {-1, 0.9, 0.999, 1e-8, 0},   {NAN, 0.9, 0.999, 1e-8, 0},
        {INFINITY, 0.9, 0.999, 1e-8, 0}, {0.1, 1, 0.999, 1e-8, 0},    {0.1, -0.1, 0.999, 1e-8, 0},
        {0.1, 0.9, 1, 1e-8, 0},          {0.1, 0.9, NAN, 1e-8, 0},    {0.1, 0.9, 0.999, -1, 0},
        {0.1, 0.9, 0.999, 1e-8, -0.1},   {0.1, 0.9, 0.999, 1e-8, NAN}};
    tdl_params p = vector_of(N, true);

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdl_adamw optim;
        tdl_report why = {0};

        assert_int_equal(tdl_adamw_init(&optim, &bad[i], &p, &why), TDL_E_INVALID);
        assert_int_equal(why.status, TDL_E_INVALID);
    }
    tdl_params_release(&p);
}

/* ---- clipping ---- */

/* |(3, 4, 12)| = 13; clipped to 1: times 1 / (13 + 1e-6), as torch.nn.utils.clip_grad_norm_. */
static void a_long_gradient_is_scaled_to_the_limit(void **state)
{
    const float grad[N] = {3, 4, 12};
    const double clipped[N] = {0.23076921301775286, 0.3076922840236705, 0.9230768520710114};
    tdl_params p = vector_of(N, true);
    double norm;

    TDL_UNUSED(state);
    memcpy(p.grad, grad, sizeof grad);
    assert_int_equal(tdl_global_norm(p.grad, p.n, NULL, &norm, NULL), TDL_OK);
    near(norm, 13, 1e-12);
    tdl_clip(&p, norm, 20, NULL);
    assert_memory_equal(p.grad, grad, sizeof grad); // short enough: left alone
    tdl_clip(&p, norm, 1, NULL);
    for (size_t i = 0; i < N; i++)
        near((double)p.grad[i], clipped[i], 1e-7);
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
    tdl_real *first = malloc(MANY * sizeof *first);
    double first_norm = 0;

    TDL_UNUSED(state);
    for (size_t k = 0; k < 4; k++) {
        tdl_pool *pool = tdl_pool_new(threads[k]);
        tdl_params p = vector_of(MANY, true);
        tdl_adamw optim;
        double norm;

        assert_int_equal(tdl_adamw_init(&optim, &TDL_ADAMW_DEFAULTS, &p, NULL), TDL_OK);
        fill(tdl_params_value(&p, 0), 1);
        fill(tdl_params_grad(&p, 0), 2);
        assert_int_equal(tdl_global_norm(p.grad, p.n, pool, &norm, NULL), TDL_OK);
        tdl_clip(&p, norm, 1, pool);
        tdl_adamw_step(&optim, &p, pool);
        if (k == 0) {
            memcpy(first, p.value, MANY * sizeof *first);
            first_norm = norm;
            near(norm, sqrt(MANY), 5 / sqrt(2.0)); // of unit normals, five deviations
        }
        assert_true(norm == first_norm);
        assert_memory_equal(first, p.value, MANY * sizeof *first);
        tdl_adamw_release(&optim);
        tdl_params_release(&p);
        tdl_pool_free(pool);
    }
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_steps_with_decay_are_adamw),
        cmocka_unit_test(a_slice_without_decay_follows_adam),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(a_long_gradient_is_scaled_to_the_limit),
        cmocka_unit_test(norm_and_step_have_the_same_bits_on_any_number_of_threads),
    };

    return cmocka_run_group_tests_name("train/optim", tests, NULL, NULL);
}
