/* Small products against the arithmetic contract, bit for bit, on every instruction set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/small.h"
#include "tensor_case.h"

enum { M_MAX = 130, N_MAX = 70, K_MAX = 256, LD = 260, NUMBERS = LD * LD };

static float *a, *b, *before; /* [LD][LD] */
static float expected[NUMBERS], got[NUMBERS];

static int set_up(void **state)
{
    (void)state;
    a = tdl_case_floats(NUMBERS, 1);
    b = tdl_case_floats(NUMBERS, 2);
    before = tdl_case_floats(NUMBERS, 3);
    return !a || !b || !before;
}

static int tear_down(void **state)
{
    (void)state;
    free(a);
    free(b);
    free(before);
    return 0;
}

static void check(const tdl_kernel *kernel, size_t m, size_t n, size_t k)
{
    for (int bits = 0; bits < 8; bits++) {
        bool ta = bits & 1, tb = bits & 2, add = bits & 4;

        memcpy(expected, before, sizeof expected);
        memcpy(got, before, sizeof got);
        tdl_case_contract(ta, tb, m, n, k, a, LD, b, LD, expected, LD, add);
        tdl_gemm_small_on(kernel, ta, tb, m, n, k, a, LD, b, LD, got, LD, add, NULL, NULL);
        tdl_case_same(got, expected, NUMBERS, kernel->name); // nothing beside C is written either
    }
}

static void products_have_the_bits_of_the_contract(void **state)
{
    const size_t ms[] = {1, 2, 15, 64, 65, M_MAX}, ns[] = {1, 16, 33, 64, N_MAX};
    const size_t ks[] = {1, 16, 63, K_MAX};

    (void)state;
    for (size_t i = 0; tdl_kernel_at(i); i++)
        for (size_t m = 0; m < 6; m++)
            for (size_t n = 0; n < 5; n++)
                for (size_t k = 0; k < 4; k++)
                    check(tdl_kernel_at(i), ms[m], ns[n], ks[k]);
}

/* A query that sees the first 1, 2, 3, ... keys: scores up to the diagonal, values from there. */
static void triangles_have_the_bits_of_the_whole(void **state)
{
    enum { SIZE = 64, D = 24 };
    size_t seen[SIZE];
    float *triangle = malloc(NUMBERS * sizeof *triangle);

    (void)state;
    assert_non_null(triangle);
    memcpy(triangle, a, NUMBERS * sizeof *triangle);
    for (size_t i = 0; i < SIZE; i++) {
        seen[i] = i + 1;
        for (size_t j = seen[i]; j < SIZE; j++)
            triangle[i * LD + j] = 0;
    }
    for (size_t i = 0; tdl_kernel_at(i); i++) {
        tdl_case_contract(false, true, SIZE, SIZE, D, a, LD, b, LD, expected, LD, false);
        tdl_gemm_small_on(tdl_kernel_at(i), false, true, SIZE, SIZE, D, a, LD, b, LD, got, LD,
                          false, seen, NULL);
        for (size_t row = 0; row < SIZE; row++)
            tdl_case_same(got + row * LD, expected + row * LD, seen[row], "scores");
        tdl_case_contract(false, false, SIZE, D, SIZE, triangle, LD, b, LD, expected, LD, false);
        tdl_gemm_small_on(tdl_kernel_at(i), false, false, SIZE, D, SIZE, triangle, LD, b, LD, got,
                          LD, false, NULL, seen);
        for (size_t row = 0; row < SIZE; row++)
            tdl_case_same(got + row * LD, expected + row * LD, D, "values");
    }
    free(triangle);
}

/* Both to 1 ulp, as the maps they are (test_vmath.c). */
static void exp_and_log_leave_what_lies_between_rows_alone(void **state)
{
    float x[2][5] = {{0, 1, -2, 7, 7}, {3, -1, 0.5F, 7, 7}};

    (void)state;
    tdl_vec_exp(2, 3, x[0], 5);
    assert_true(x[0][0] == 1 && x[0][3] == 7 && x[0][4] == 7 && x[1][3] == 7);
    assert_true(fabs((double)x[1][0] - exp(3)) < 2e-6 && fabs((double)x[0][1] - exp(1)) < 3e-7);
    tdl_vec_log(3, x[1]);
    assert_true(fabs((double)x[1][0] - 3) < 3e-7 && fabs((double)x[1][1] + 1) < 2e-7);
    assert_true(x[1][3] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_have_the_bits_of_the_contract),
        cmocka_unit_test(triangles_have_the_bits_of_the_whole),
        cmocka_unit_test(exp_and_log_leave_what_lies_between_rows_alone),
    };

    return cmocka_run_group_tests_name("tensor/small", tests, set_up, tear_down);
}
