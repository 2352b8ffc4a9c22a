/* Matrix products against a triple loop in double, at the edges, inside guarded memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tensor_case.h"

static const float GUARD = 12345.0f; /* what lies between rows of C and must stay */

typedef struct shape {
    bool ta, tb, add;
    size_t m, n, k;
    size_t pad; /* floats between rows, of all three */
} shape;

/* Largest error of one product in units of the bound that the engine's specification states:
 * 2 sqrt(k) 2^-24 sum |a||b|, here with the value added in as well. Above 1 it is wrong. */
static double error_of(const shape *s, const float *a, size_t lda, const float *b, size_t ldb,
                       const float *before, const float *c, size_t ldc)
{
    double worst = 0;

    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = s->add ? (double)before[i * ldc + j] : 0, size = fabs(sum);

            for (size_t k = 0; k < s->k; k++) {
                double term = (double)(s->ta ? a[k * lda + i] : a[i * lda + k]) *
                              (double)(s->tb ? b[j * ldb + k] : b[k * ldb + j]);
                sum += term;
                size += fabs(term);
            }
            double bound = 2 * sqrt((double)s->k + 1) * 0x1p-24 * size;
            double error = fabs((double)c[i * ldc + j] - sum);
            if (error > 0 || isnan(error))
                worst = error / bound > worst || isnan(error) ? error / bound : worst;
        }
    return worst;
}

static void check_shape(const tdl_kernel *kernel, const shape *s, uint64_t seed)
{
    size_t a_rows = s->ta ? s->k : s->m, b_rows = s->tb ? s->n : s->k;
    size_t lda = (s->ta ? s->m : s->k) + s->pad, ldb = (s->tb ? s->k : s->n) + s->pad;
    size_t ldc = s->n + s->pad, c_floats = s->m * ldc;
    float *a = tdl_case_floats(a_rows * lda, seed), *b = tdl_case_floats(b_rows * ldb, seed + 1);
    float *c = tdl_case_floats(c_floats, seed + 2), *before = malloc(c_floats * sizeof *c + 1);

    assert_non_null(before);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = s->n; j < ldc; j++)
            c[i * ldc + j] = GUARD;
    memcpy(before, c, c_floats * sizeof *c);
    assert_int_equal(tdl_gemm_on(kernel, kernel->f32, s->ta, s->tb, s->m, s->n, s->k, a, lda, b,
                                 ldb, c, ldc, s->add, NULL, NULL),
                     TDL_OK);
    double error = error_of(s, a, lda, b, ldb, before, c, ldc);
    if (!(error <= 1))
        fail_msg("%s: ta %d tb %d add %d m %zu n %zu k %zu: %g times the bound", kernel->name,
                 s->ta, s->tb, s->add, s->m, s->n, s->k, error);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = s->n; j < ldc; j++)
            assert_true(c[i * ldc + j] == GUARD);
    free(a);
    free(b);
    free(c);
    free(before);
}

/* Without padding the matrices end where their heap blocks end: the address sanitizer is the guard
 * there. */
static void random_shapes_stay_within_the_rounding_bound(void **state)
{
    enum { SHAPES = 150 };
    tdl_rng rng = tdl_rng_make(7, 0);
    const tdl_kernel *kernel;

    (void)state;
    for (uint64_t i = 0; i < SHAPES; i++) {
        shape s = {.ta = tdl_rng_below(&rng, 2),
                   .tb = tdl_rng_below(&rng, 2),
                   .add = tdl_rng_below(&rng, 2),
                   .m = tdl_rng_below(&rng, 70),
                   .n = tdl_rng_below(&rng, 100),
                   .k = tdl_rng_below(&rng, i % 10 ? 300 : 2500),
                   .pad = tdl_rng_below(&rng, 5)};

        for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
            check_shape(kernel, &s, i);
    }
}

static void shapes_one_off_the_tile_stay_within_the_bound(void **state)
{
    const tdl_kernel *kernel;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++)
        for (size_t dm = 0; dm < 3; dm++)
            for (size_t dn = 0; dn < 3; dn++)
                for (size_t dk = 0; dk < 3; dk++)
                    for (int o = 0; o < 8; o++)
                        check_shape(kernel,
                                    &(shape){.ta = o & 1,
                                             .tb = o & 2,
                                             .add = o & 4,
                                             .m = kernel->f32->mr - 1 + dm,
                                             .n = kernel->f32->nr - 1 + dn,
                                             .k = TDL_K_BLOCK - 1 + dk,
                                             .pad = 1},
                                    at);
}

/* The right side is packed a part at a time: 1,100 columns of 1,030 make two parts each way. */
static void products_of_several_parts_stay_within_the_bound(void **state)
{
    (void)state;
    for (int o = 0; o < 4; o++)
        check_shape(tdl_kernel_at(0),
                    &(shape){.ta = o & 1, .tb = o & 2, .m = 3, .n = 1100, .k = 1030, .pad = 3}, 11);
    check_shape(tdl_kernel_at(0), &(shape){.m = 120, .n = 7, .k = 2100, .add = true}, 12);
}

static void sizes_of_zero_write_nothing_or_zeros(void **state)
{
    static const float a[4] = {1, 2, 3, 4};
    const tdl_kernel *kernel;

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        float c[6] = {9, 9, 9, 9, 9, 9};

        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 0, 2, 2, a, 2, a, 2, c, 3,
                                     false, NULL, NULL),
                         TDL_OK);
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 2, 0, 2, a, 2, a, 2, c, 3,
                                     false, NULL, NULL),
                         TDL_OK);
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 2, 2, 0, a, 2, a, 2, c, 3,
                                     true, NULL, NULL),
                         TDL_OK);
        for (size_t i = 0; i < 6; i++)
            assert_true(c[i] == 9);
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 2, 2, 0, a, 2, a, 2, c, 3,
                                     false, NULL, NULL),
                         TDL_OK);
        const float expected[6] = {0, 0, 9, 0, 0, 9}; /* an empty sum is 0; the gap is not C's */
        assert_memory_equal(c, expected, sizeof c);
    }
}

/* 1 x 1 x 1, and 2 x 3 by 3 x 2 by hand: [1 2 3; 4 5 6] [7 8; 9 10; 11 12] = [58 64; 139 154]. */
static void small_products_equal_arithmetic_by_hand(void **state)
{
    static const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {7, 8, 9, 10, 11, 12};
    static const float expected[4] = {58, 64, 139, 154};
    const tdl_kernel *kernel;
    float c[4];

    (void)state;
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 1, 1, 1, a + 2, 1, b, 1, c,
                                     1, false, NULL, NULL),
                         TDL_OK);
        assert_true(c[0] == 21);
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, 2, 2, 3, a, 3, b, 2, c, 2,
                                     false, NULL, NULL),
                         TDL_OK);
        assert_memory_equal(c, expected, sizeof c);
    }
}

/* Row i of A touches row i of C only, column j of B column j only; inf * 0 and inf - inf are NaN.
 */
static void nan_and_infinity_reach_their_row_and_column_only(void **state)
{
    enum { M = 20, N = 40, K = 300 };
    static float a[M * K], b[K * N], c[M * N];
    const tdl_kernel *kernel;

    (void)state;
    for (size_t i = 0; i < (size_t)M * K; i++)
        a[i] = 1;
    for (size_t i = 0; i < (size_t)K * N; i++)
        b[i] = 1;
    a[3 * K + 280] = NAN;
    a[5 * K + 7] = INFINITY;
    b[9 * N + 33] = NAN;
    b[7 * N + 12] = 0; /* meets the infinity */
    for (size_t at = 0; (kernel = tdl_kernel_at(at)); at++) {
        assert_int_equal(tdl_gemm_on(kernel, kernel->f32, false, false, M, N, K, a, K, b, N, c, N,
                                     false, NULL, NULL),
                         TDL_OK);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                float got = c[i * N + j];

                if (i == 3 || j == 33 || (i == 5 && j == 12))
                    assert_true(isnan(got));
                else if (i == 5)
                    assert_true(got == INFINITY);
                else
                    assert_true(got == (j == 12 ? K - 1 : K));
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_stay_within_the_rounding_bound),
        cmocka_unit_test(shapes_one_off_the_tile_stay_within_the_bound),
        cmocka_unit_test(products_of_several_parts_stay_within_the_bound),
        cmocka_unit_test(sizes_of_zero_write_nothing_or_zeros),
        cmocka_unit_test(small_products_equal_arithmetic_by_hand),
        cmocka_unit_test(nan_and_infinity_reach_their_row_and_column_only),
    };

    return cmocka_run_group_tests_name("tensor/gemm", tests, NULL, NULL);
}
