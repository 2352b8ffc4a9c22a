/* Softmax, bias + activation and dot products over rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/rows.h"
#include "tensor_case.h"

/* Cross-entropy of three rows with classes 0, 3, 3 = 0.966048933121069 (PyTorch 1.13.1, double):
 * large logits must not overflow. */
static void log_sum_exp_gives_the_reference_cross_entropy(void **state)
{
    static const float logits[12] = {2, -1, .5f, 0, .1f, .2f, .3f, .4f, 1000, -1000, 0, 999};
    static const size_t classes[3] = {0, 3, 3};
    float x[12], lse[3];
    double mean = 0;

    (void)state;
    memcpy(x, logits, sizeof x);
    tdl_softmax_rows(3, 4, x, 4, lse, NULL);
    for (size_t i = 0; i < 3; i++)
        mean += ((double)lse[i] - (double)logits[i * 4 + classes[i]]) / 3;
    /* 3e-5: at 1000 one unit in the last place of a float is 6e-5, and a third of half of it
     * counts. */
    assert_true(fabs(mean - 0.966048933121069) < 3e-5);
}

static void softmax_equals_the_definition_in_double(void **state)
{
    enum { N_MAX = 100 };
    float x[N_MAX], y[N_MAX], lse;
    uint64_t seed = 1;
    const tdl_kernel *kernel;

    (void)state;
    for (size_t n = 1; n <= N_MAX; n++) {
        double sum = 0;

        for (size_t i = 0; i < n; i++) {
            x[i] = 10 * tdl_case_float(&seed);
            sum += exp((double)x[i]);
        }
        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
            memcpy(y, x, sizeof y);
            lse = kernel->softmax(y, n);
            assert_true(fabs((double)lse - log(sum)) < 2e-6);
            for (size_t i = 0; i < n; i++) {
                double exact = exp((double)x[i]) / sum;
                assert_true(fabs((double)y[i] - exact) < 3e-6 * exact);
            }
        }
    }
}

static void rows_and_threads_do_not_touch_each_other(void **state)
{
    enum { ROWS = 37, N = 29, LD = 31 };
    float *x = tdl_case_floats((size_t)ROWS * LD, 2), *y = malloc(sizeof *y * ROWS * LD);
    float lse[ROWS], one_lse, one[N];

    (void)state;
    assert_non_null(y);
    for (unsigned threads = 1; threads <= 3; threads++) {
        tdl_pool *pool = tdl_pool_new(threads);

        memcpy(y, x, sizeof *y * ROWS * LD);
        tdl_softmax_rows(ROWS, N, y, LD, lse, pool);
        for (size_t i = 0; i < ROWS; i++) {
            memcpy(one, x + i * LD, sizeof one);
            tdl_softmax_rows(1, N, one, N, &one_lse, NULL);
            tdl_case_same(y + i * LD, one, N, "a row alone");
            tdl_case_same(lse + i, &one_lse, 1, "its log-sum-exp");
            tdl_case_same(y + i * LD + N, x + i * LD + N, LD - N, "the gap after a row");
        }
        tdl_pool_free(pool);
    }
    free(x);
    free(y);
}

static void every_kernel_gives_the_same_bits(void **state)
{
    enum { N_MAX = 1000 };
    float *x = tdl_case_floats(N_MAX, 3), *y = tdl_case_floats(N_MAX, 4), first[N_MAX], own[N_MAX];
    const tdl_kernel *kernel;

    (void)state;
    for (size_t n = 1; n <= N_MAX; n += n < 70 ? 1 : 93) {
        float lse = 0, dot = 0, value;

        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
            memcpy(at ? own : first, x, n * sizeof *x);
            value = kernel->softmax(at ? own : first, n);
            lse = at ? lse : value;
            tdl_case_same(&value, &lse, 1, kernel->name);
            if (at)
                tdl_case_same(own, first, n, kernel->name);
            value = kernel->dot(x, y, n);
            dot = at ? dot : value;
            tdl_case_same(&value, &dot, 1, kernel->name);
        }
    }
    free(x);
    free(y);
}

static void impossible_outcomes_get_nothing_and_bad_rows_become_nan(void **state)
{
    const tdl_kernel *kernel;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        float masked[3] = {1, -INFINITY, 1}, none[2] = {-INFINITY, -INFINITY};
        float bad[20] = {[17] = NAN}, infinite[20] = {[3] = INFINITY};

        (void)kernel->softmax(masked, 3);
        assert_true(masked[0] == 0.5f && masked[1] == 0 && masked[2] == 0.5f);
        assert_true(isnan(kernel->softmax(none, 2)) && isnan(none[0]) && isnan(none[1]));
        assert_true(isnan(kernel->softmax(bad, 20)) && isnan(bad[0]) && isnan(bad[17]));
        assert_true(isnan(kernel->softmax(infinite, 20)) && isnan(infinite[0]));
    }
}

/* Lanes and tree in plain C: element i in lane i mod 16, then lanes j and j + 8, 4, 2, 1. */
static void dot_adds_in_the_stated_order(void **state)
{
    enum { N_MAX = 200, LANES = 16 };
    float *x = tdl_case_floats(N_MAX, 5), *y = tdl_case_floats(N_MAX, 6);

    (void)state;
    for (size_t n = 0; n <= N_MAX; n++) {
        float lane[LANES] = {0}, dot = tdl_dot(x, y, n);

        for (size_t i = 0; i < n; i++)
            lane[i % LANES] = fmaf(x[i], y[i], lane[i % LANES]);
        for (size_t half = LANES / 2; half; half /= 2)
            for (size_t j = 0; j < half; j++)
                lane[j] += lane[j + half];
        tdl_case_same(&dot, lane, 1, "dot");
    }
    free(x);
    free(y);
}

static void finish_rows_adds_the_bias_then_applies_the_activation(void **state)
{
    static const float bias[2] = {1, -1};
    float y[6] = {-3, 5, 77, 2, 0.5f, 77};
    const float expected[6] = {0, 4, 77,
                               3, 0, 77}; /* max(y + bias, 0); the third column is a gap */

    (void)state;
    tdl_finish_rows(2, 2, bias, TDL_ACT_RELU, y, 3);
    assert_memory_equal(y, expected, sizeof y);
    tdl_finish_rows(2, 2, NULL, TDL_ACT_NONE, y, 3);
    assert_memory_equal(y, expected, sizeof y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_sum_exp_gives_the_reference_cross_entropy),
        cmocka_unit_test(softmax_equals_the_definition_in_double),
        cmocka_unit_test(rows_and_threads_do_not_touch_each_other),
        cmocka_unit_test(every_kernel_gives_the_same_bits),
        cmocka_unit_test(impossible_outcomes_get_nothing_and_bad_rows_become_nan),
        cmocka_unit_test(dot_adds_in_the_stated_order),
        cmocka_unit_test(finish_rows_adds_the_bias_then_applies_the_activation),
    };

    return cmocka_run_group_tests_name("tensor/rows", tests, NULL, NULL);
}
