/* exp, log, tanh, sigmoid, GELU against libm in double, over all magnitudes, on every kernel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor_case.h"

enum { STEP = 977, BATCH = 4096 }; /* every 977th of the 2^32 floats */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Hendrycks and Gimpel 2016, the tanh form; written so that it keeps its digits for negative x. */
static double gelu(double x)
{
    double u = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);

    return x * sigmoid(2 * u);
}

/* Distance in units of the last place of the exact value as a float. */
static double ulps(float got, double exact)
{
    int exponent;

    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0 : INFINITY;
    if (isinf((float)exact) || isinf(got))
        return (float)exact == got ? 0 : INFINITY;
    frexp(exact, &exponent);
    return fabs((double)got - exact) / ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static double gelu_erf(double x)
{
    return x / 2 * erfc(-x / sqrt(2));
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double leaky_relu(double x)
{
    return x < 0 ? x * (double).01f : x;
}

static void check_sweep(tdl_map f, double (*exact)(double), double ulps_max)
{
    const tdl_kernel *kernel = tdl_kernel_at(0);
    float x[BATCH], y[BATCH];
    double worst = 0;
    float at = 0;

    for (uint64_t bits = 0; bits < UINT32_MAX;) {
        size_t n = 0;

        for (; n < BATCH && bits < UINT32_MAX; bits += STEP)
            x[n++] = float_of((uint32_t)bits);
        kernel->map_rows(f, 1, n, x, n, NULL, y, n);
        for (size_t i = 0; i < n; i++) {
            double error = ulps(y[i], exact((double)x[i]));
            if (error > worst) {
                worst = error;
                at = x[i];
            }
        }
    }
    if (worst > ulps_max)
        fail_msg("%g ulp at %a", worst, (double)at);
}

/* The engine's specification allows 4; the bounds here are the measured ones rounded up. */
static void exp_is_within_one_and_a_half_ulp(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_EXP, exp, 1.5);
}

static void log_is_within_two_ulp(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_LOG, log, 2);
}

static void tanh_is_within_two_ulp(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_TANH, tanh, 2);
}

static void sigmoid_is_within_three_ulp(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_SIGMOID, sigmoid, 3);
}

/* Far left GELU is x times a small sigmoid whose argument carries its own rounding: there the error
 * counts against |x|, as every error of an activation does in the layer that follows. */
static void gelu_is_within_four_parts_in_2_to_the_24_of_x(void **state)
{
    const tdl_kernel *kernel = tdl_kernel_at(0);
    double worst = 0;

    (void)state;
    for (float x = -12; x < 12; x += 0x1p-12f) {
        float y;

        kernel->map_rows(TDL_MAP_GELU, 1, 1, &x, 1, NULL, &y, 1);
        double scale = fabs((double)x) + 0x1p-126;
        double error = fabs((double)y - gelu((double)x)) / scale;
        worst = error > worst ? error : worst;
    }
    assert_true(worst < 4 * 0x1p-24);
}

static void gelu_in_its_erf_form_is_within_five_ulp(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_GELU_ERF, gelu_erf, 5);
}

/* Where the sigmoid in it is subnormal, below -87, it loses digits. */
static void silu_is_within_four_ulp(void **state)
{
    const tdl_kernel *kernel = tdl_kernel_at(0);
    double worst = 0;

    (void)state;
    for (float x = -87; x < 87; x += 0x1p-14f) {
        float y;

        kernel->map_rows(TDL_MAP_SILU, 1, 1, &x, 1, NULL, &y, 1);
        worst = fmax(worst, ulps(y, silu((double)x)));
    }
    assert_true(worst < 4);
}

static void leaky_relu_is_exact(void **state)
{
    (void)state;
    check_sweep(TDL_MAP_LEAKY_RELU, leaky_relu, .5);
}

/* From the formulas in double; the slopes are of the order of 1, and so is what is allowed. */
static double slope_of(tdl_map f, double x)
{
    double s = sigmoid(x), root = sqrt(2 / acos(-1)), t, y = tanh(x);

    switch (f) {
    case TDL_MAP_RELU:
        return x > 0 ? 1 : 0;
    case TDL_MAP_LEAKY_RELU:
        return x > 0 ? 1 : (double).01f;
    case TDL_MAP_TANH:
        return 1 - y * y;
    case TDL_MAP_SIGMOID:
        return s * (1 - s);
    case TDL_MAP_SILU:
        return s * (1 + x * (1 - s));
    case TDL_MAP_GELU:
        t = tanh(root * (x + 0.044715 * x * x * x));
        return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x);
    case TDL_MAP_GELU_ERF:
        return erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
    case TDL_MAP_COPY:
    case TDL_MAP_EXP:
    case TDL_MAP_LOG:
        break;
    }
    return 1;
}

static void slopes_equal_the_formulas_on_every_kernel(void **state)
{
    static const tdl_map from_x[] = {TDL_MAP_SILU, TDL_MAP_GELU, TDL_MAP_GELU_ERF};
    static const tdl_map from_y[] = {TDL_MAP_RELU, TDL_MAP_LEAKY_RELU, TDL_MAP_TANH,
                                     TDL_MAP_SIGMOID};
    const tdl_kernel *kernel;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
        for (int i = 0; i < 7; i++)
            for (float x = -20; x < 20; x += 0x1p-6f) {
                tdl_map f = i < 3 ? from_x[i] : from_y[i - 3];
                float saved = x, dy = 3;

                if (i >= 3)
                    kernel->map_rows(f, 1, 1, &x, 1, NULL, &saved, 1);
                kernel->map_backward(f, 1, &saved, &dy);
                if (!(fabs((double)dy - 3 * slope_of(f, (double)x)) < 3 * 12 * 0x1p-24))
                    fail_msg("%s: slope %d at %g is %g", kernel->name, f, (double)x,
                             (double)dy / 3);
            }
}

/* PyTorch 1.13.1 in double. */
static void values_equal_the_published_ones(void **state)
{
    static const struct {
        tdl_map f;
        float x;
        double y;
    } cases[] = {
        {TDL_MAP_GELU, 1, 0.841191990608277},
        {TDL_MAP_GELU_ERF, 1, 0.841344746068543},
        {TDL_MAP_SILU, 1, 0.731058578630005},
        {TDL_MAP_TANH, 0.5f, 0.462117157260010},
        {TDL_MAP_SIGMOID, 0.6f, 0.645656306225795},
        {TDL_MAP_RELU, -3, 0},
        {TDL_MAP_RELU, 3, 3},
        {TDL_MAP_COPY, -3, -3},
    };
    float y;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_kernel_at(0)->map_rows(cases[i].f, 1, 1, &cases[i].x, 1, NULL, &y, 1);
        assert_true(fabs((double)y - cases[i].y) < 1e-7);
    }
}

static void special_values_have_their_limits(void **state)
{
    static const struct {
        tdl_map f;
        float x, y;
    } cases[] = {
        {TDL_MAP_EXP, 0, 1},
        {TDL_MAP_EXP, -INFINITY, 0},
        {TDL_MAP_EXP, INFINITY, INFINITY},
        {TDL_MAP_EXP, 88.8f, INFINITY},
        {TDL_MAP_EXP, -104.0f, 0},
        {TDL_MAP_LOG, 1, 0},
        {TDL_MAP_LOG, 0, -INFINITY},
        {TDL_MAP_LOG, INFINITY, INFINITY},
        {TDL_MAP_TANH, INFINITY, 1},
        {TDL_MAP_TANH, -INFINITY, -1},
        {TDL_MAP_SIGMOID, INFINITY, 1},
        {TDL_MAP_SIGMOID, -INFINITY, 0},
        {TDL_MAP_RELU, INFINITY, INFINITY},
        {TDL_MAP_RELU, -INFINITY, 0},
        {TDL_MAP_GELU, INFINITY, INFINITY},
        {TDL_MAP_GELU, 0, 0},
        {TDL_MAP_GELU_ERF, INFINITY, INFINITY},
        {TDL_MAP_GELU_ERF, -INFINITY, 0},
        {TDL_MAP_GELU_ERF, 0, 0},
        {TDL_MAP_SILU, INFINITY, INFINITY},
        {TDL_MAP_LEAKY_RELU, -INFINITY, -INFINITY},
    };
    const tdl_kernel *kernel;
    float y, negative = -1, nan = NAN;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            kernel->map_rows(cases[i].f, 1, 1, &cases[i].x, 1, NULL, &y, 1);
            if (y != cases[i].y)
                fail_msg("%s: case %zu gives %g", kernel->name, i, (double)y);
        }
        kernel->map_rows(TDL_MAP_LOG, 1, 1, &negative, 1, NULL, &y, 1);
        assert_true(isnan(y));
        for (int f = TDL_MAP_COPY; f <= TDL_MAP_LOG; f++) {
            kernel->map_rows((tdl_map)f, 1, 1, &nan, 1, NULL, &y, 1);
            assert_true(isnan(y));
        }
    }
}

/* NaN is left out: which of its bits survive is the processor's affair. */
static void every_kernel_gives_the_same_bits(void **state)
{
    enum { N = 200003, WIDE = 19963 };
    float *x = malloc(sizeof *x * N), *y = malloc(sizeof *y * N), *first = malloc(sizeof *y * N);
    float *bias = tdl_case_floats(N, 1);
    const tdl_kernel *kernel;

    (void)state;
    assert_non_null(x);
    assert_non_null(y);
    assert_non_null(first);
    for (int f = TDL_MAP_COPY; f <= TDL_MAP_LOG; f++) {
        for (uint32_t i = 0; i < N; i++) {
            x[i] = float_of(i * WIDE);
            if (isnan(x[i]) || (f == TDL_MAP_LOG && x[i] + bias[i] < 0) ||
                ((f == TDL_MAP_GELU || f == TDL_MAP_SILU) && x[i] < -1e18f))
                x[i] = 2;
        }
        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
            kernel->map_rows((tdl_map)f, 1, N, x, N, bias, at ? y : first, N);
            if (at)
                tdl_case_same(y, first, N, kernel->name);
        }
    }
    free(x);
    free(y);
    free(first);
    free(bias);
}

/* A value must not depend on where in its row it stands, nor reach past the row's end. */
static void place_in_the_row_does_not_matter(void **state)
{
    enum { ROWS = 3, N_MAX = 40, LD = 45 };
    float x[ROWS * LD], y[ROWS * LD], one;
    uint64_t seed = 9;
    const tdl_kernel *kernel;

    (void)state;
    for (size_t i = 0; i < (size_t)ROWS * LD; i++)
        x[i] = 4 * tdl_case_float(&seed);
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
        for (size_t n = 0; n <= N_MAX; n++) {
            for (size_t i = 0; i < (size_t)ROWS * LD; i++)
                y[i] = 55;
            kernel->map_rows(TDL_MAP_TANH, ROWS, n, x, LD, NULL, y, LD);
            for (size_t i = 0; i < (size_t)ROWS * LD; i++) {
                kernel->map_rows(TDL_MAP_TANH, 1, 1, x + i, 1, NULL, &one, 1);
                assert_true(y[i] == (i % LD < n ? one : 55));
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_one_and_a_half_ulp),
        cmocka_unit_test(log_is_within_two_ulp),
        cmocka_unit_test(tanh_is_within_two_ulp),
        cmocka_unit_test(sigmoid_is_within_three_ulp),
        cmocka_unit_test(gelu_is_within_four_parts_in_2_to_the_24_of_x),
        cmocka_unit_test(gelu_in_its_erf_form_is_within_five_ulp),
        cmocka_unit_test(silu_is_within_four_ulp),
        cmocka_unit_test(leaky_relu_is_exact),
        cmocka_unit_test(slopes_equal_the_formulas_on_every_kernel),
        cmocka_unit_test(values_equal_the_published_ones),
        cmocka_unit_test(special_values_have_their_limits),
        cmocka_unit_test(every_kernel_gives_the_same_bits),
        cmocka_unit_test(place_in_the_row_does_not_matter),
    };

    return cmocka_run_group_tests_name("tensor/vmath", tests, NULL, NULL);
}
