/* The linear layer over packed weights: bias and activation, strides, sizes, bad sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor_case.h"

enum { ACTS_N = TDL_ACT_GELU + 1 };

/* The activations themselves are tested in test_vmath.c; here, that the fused layer applies them to
 * the same sums as tdl_gemm, bit for bit, for one, two and three chunks of k. */
static void fused_bias_and_activation_equal_the_separate_steps(void **state)
{
    enum { M = 33, N = 75, IN_MAX = 2100 };
    static const size_t ins[] = {1, 5, 256, 300, 1024, 1025, IN_MAX};
    float *x = tdl_case_floats((size_t)M * IN_MAX, 1), *w = tdl_case_floats((size_t)IN_MAX * N, 2);
    float *bias = tdl_case_floats(N, 3), *y = tdl_case_floats((size_t)M * N, 4);
    float *expected = tdl_case_floats((size_t)M * N, 5);
    const tdl_kernel *kernel;
    tdl_packed *packed;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
        for (size_t i = 0; i < sizeof ins / sizeof *ins; i++) {
            assert_int_equal(tdl_pack_on(kernel, kernel->f32, TDL_PRECISION_F32, w, false, ins[i],
                                         N, &packed, NULL),
                             TDL_OK);
            for (int act = 0; act < ACTS_N; act++)
                for (int with_bias = 0; with_bias < 2; with_bias++) {
                    const float *b = with_bias ? bias : NULL;

                    assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, M, N, ins[i], x,
                                                 IN_MAX, w, N, expected, N, false, NULL, NULL),
                                     TDL_OK);
                    kernel->map_rows(tdl_map_of_act((tdl_act)act), M, N, expected, N, b, expected,
                                     N);
                    tdl_linear(packed, M, x, IN_MAX, b, (tdl_act)act, y, N, NULL);
                    tdl_case_same(y, expected, (size_t)M * N, kernel->name);
                    memset(y, 0xff, sizeof *y * M * N);
                    for (size_t m = 0; m < M; m++)
                        tdl_linear(packed, 1, x + m * IN_MAX, IN_MAX, b, (tdl_act)act, y + m * N, N,
                                   NULL);
                    tdl_case_same(y, expected, (size_t)M * N, "one row at a time");
                }
            tdl_packed_free(packed);
        }
    free(x);
    free(w);
    free(bias);
    free(y);
    free(expected);
}

static void gaps_between_rows_are_neither_read_nor_written(void **state)
{
    enum { M = 9, IN = 20, OUT = 37, LDX = 23, LDY = 41 };
    float w[IN * OUT], x[M * LDX], y[M * LDY], expected[M * OUT];
    uint64_t seed = 3;
    const tdl_kernel *kernel;
    tdl_packed *packed;

    (void)state;
    for (size_t i = 0; i < (size_t)IN * OUT; i++)
        w[i] = tdl_case_float(&seed);
    for (size_t i = 0; i < (size_t)M * LDX; i++)
        x[i] = i % LDX < IN ? tdl_case_float(&seed) : NAN; /* read, it would spread */
    tdl_case_contract(false, false, M, OUT, IN, x, LDX, w, OUT, expected, OUT, false);
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        assert_int_equal(
            tdl_pack_on(kernel, kernel->f32, TDL_PRECISION_F32, w, false, IN, OUT, &packed, NULL),
            TDL_OK);
        for (size_t i = 0; i < (size_t)M * LDY; i++)
            y[i] = 77;
        tdl_linear(packed, M, x, LDX, NULL, TDL_ACT_NONE, y, LDY, NULL);
        for (size_t i = 0; i < M; i++) {
            tdl_case_same(y + i * LDY, expected + i * OUT, OUT, kernel->name);
            for (size_t j = OUT; j < LDY; j++)
                assert_true(y[i * LDY + j] == 77);
        }
        tdl_packed_free(packed);
    }
}

/* sigmoid(0.6) = 0.645656306225795: x = unit rows, W = 0.5, b = 0.1 (engine reference value). */
static void sigmoid_layer_gives_the_reference_value(void **state)
{
    static const float x[4] = {1, 0, 0, 1}, w[4] = {0.5f, 0.5f, 0.5f, 0.5f}, b[2] = {0.1f, 0.1f};
    float y[4];
    tdl_packed *packed;

    (void)state;
    assert_int_equal(tdl_pack(w, false, 2, 2, &packed, NULL), TDL_OK);
    tdl_linear(packed, 2, x, 2, b, TDL_ACT_SIGMOID, y, 2, NULL);
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs((double)y[i] - 0.645656306225795) < 1e-7);
    tdl_packed_free(packed);
}

static void empty_sizes_are_legal(void **state)
{
    static const float bias[3] = {-1, 0, 2}, x[2] = {1, 1};
    float y[3] = {9, 9, 9};
    const float relu_of_bias[3] = {0, 0, 2};
    tdl_packed *packed;

    (void)state;
    assert_int_equal(tdl_pack(NULL, false, 0, 3, &packed, NULL),
                     TDL_OK); /* a sum of nothing is 0 */
    tdl_linear(packed, 0, x, 0, bias, TDL_ACT_RELU, y, 3, NULL);
    assert_true(y[0] == 9 && y[2] == 9);
    tdl_linear(packed, 1, x, 0, bias, TDL_ACT_RELU, y, 3, NULL);
    assert_memory_equal(y, relu_of_bias, sizeof y);
    tdl_packed_free(packed);
    assert_int_equal(tdl_pack(x, false, 2, 0, &packed, NULL), TDL_OK);
    tdl_linear(packed, 1, x, 2, NULL, TDL_ACT_NONE, y, 0, NULL);
    assert_memory_equal(y, relu_of_bias, sizeof y);
    tdl_packed_free(packed);
    tdl_packed_free(NULL);
}

static void packed_bytes_cover_the_weights(void **state)
{
    static const float w[6] = {0};
    tdl_packed *packed;

    (void)state;
    assert_int_equal(tdl_pack(w, true, 2, 3, &packed, NULL), TDL_OK);
    assert_true(tdl_packed_bytes(packed) >= sizeof w);
    assert_true(tdl_packed_bytes(packed) < 4096);
    tdl_packed_free(packed);
}

/* Sizes whose bytes do not fit a size_t: nothing is read, nothing allocated. */
static void impossible_sizes_are_refused_with_a_report(void **state)
{
    static const size_t sizes[][2] = {{SIZE_MAX / 2, 64}, {1, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}};
    tdl_packed *packed = NULL;
    const float w = 0;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tdl_report why = {0};

        assert_int_equal(tdl_pack(&w, false, sizes[i][0], sizes[i][1], &packed, &why),
                         TDL_E_NO_MEMORY);
        assert_null(packed);
        assert_non_null(strstr(why.message, "pack"));
    }
}

static void nan_in_one_row_stays_there(void **state)
{
    enum { M = 15, IN = 7, OUT = 9 };
    float x[M * IN], w[IN * OUT], y[M * OUT];
    tdl_packed *packed;

    (void)state;
    for (size_t i = 0; i < (size_t)M * IN; i++)
        x[i] = 1;
    for (size_t i = 0; i < (size_t)IN * OUT; i++)
        w[i] = 1;
    x[4 * IN + 2] = NAN;
    assert_int_equal(tdl_pack(w, false, IN, OUT, &packed, NULL), TDL_OK);
    for (int act = 0; act < ACTS_N; act++) {
        tdl_linear(packed, M, x, IN, NULL, (tdl_act)act, y, OUT, NULL);
        for (size_t i = 0; i < (size_t)M * OUT; i++)
            assert_true(!isnan(y[i]) == (i / OUT != 4));
    }
    tdl_packed_free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_bias_and_activation_equal_the_separate_steps),
        cmocka_unit_test(gaps_between_rows_are_neither_read_nor_written),
        cmocka_unit_test(sigmoid_layer_gives_the_reference_value),
        cmocka_unit_test(empty_sizes_are_legal),
        cmocka_unit_test(packed_bytes_cover_the_weights),
        cmocka_unit_test(impossible_sizes_are_refused_with_a_report),
        cmocka_unit_test(nan_in_one_row_stays_there),
    };

    return cmocka_run_group_tests_name("tensor/packed", tests, NULL, NULL);
}
