/* The largest product of each block of rows, against plain loops over the same integers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/kernel.h"
#include "tensor/most_kern.h"
#include "tensor_case.h"

enum { N = 211, D_MAX = 150, WIDTH_MAX = 164, QUERIES = 7, BLOCKS = (N + 31) / 32 };

/* Whatever this machine can run. */
static const tdl_most_ops *ops_at(size_t i)
{
#if defined(__x86_64__)
    const tdl_most_ops *all[] = {&tdl_most_plain, &tdl_most_avx2};
    size_t n = __builtin_cpu_supports("avx2") ? 2 : 1;
#else
    const tdl_most_ops *all[] = {&tdl_most_plain};
    size_t n = 1;
#endif
    return i < n ? all[i] : NULL;
}

typedef struct table {
    tdl_most *most;
    int8_t q[N][WIDTH_MAX];
    float scale[N];
} table;

static table *make_table(size_t d, float spread, uint64_t seed)
{
    table *t = calloc(1, sizeof *t);
    float *x = tdl_case_floats(N * d, seed);
    tdl_report why = {0};

    assert_non_null(t);
    assert_int_equal(tdl_most_new(N, d, &t->most, &why), TDL_OK);
    for (size_t r = 0; r < N; r++) {
        for (size_t k = 0; k < d; k++)
            x[r * d + k] *= k % 7 ? 1 : spread;
        t->scale[r] = tdl_most_quantise(x + r * d, d, t->q[r]);
        tdl_most_set(t->most, r, t->q[r], t->scale[r]);
    }
    free(x);
    return t;
}

static void free_table(table *t)
{
    tdl_most_free(t->most);
    free(t);
}

/* Queries [QUERIES] of the same kind of numbers. */
static void make_queries(int8_t ret[QUERIES][WIDTH_MAX], size_t d, uint64_t seed)
{
    float *x = tdl_case_floats(QUERIES * d, seed);

    for (size_t i = 0; i < QUERIES; i++) {
        x[i * d] *= (float)(1 + i);
        assert_true(tdl_most_query_of(x + i * d, d, ret[i]) > 0);
        for (size_t k = 0; k + 1 < d; k += 2)
            assert_true(abs(ret[i][k]) + abs(ret[i][k + 1]) <= 128);
    }
    free(x);
}

static float plain_product(const table *t, size_t row, const int8_t *q, size_t d)
{
    int32_t sum = 0;

    for (size_t k = 0; k < d; k++)
        sum += t->q[row][k] * q[k];
    return (float)sum * t->scale[row];
}

static void products_and_their_largest_are_those_of_plain_loops(void **state)
{
    static const size_t widths[] = {1, 3, 4, 7, 63, 64, 65, 128, 130, D_MAX};
    const tdl_most_ops *ops;

    (void)state;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        size_t d = widths[w];
        table *t = make_table(d, (float)(1 + w), w + 1);
        int8_t x[QUERIES][WIDTH_MAX];
        float most[QUERIES][BLOCKS], product[TDL_MOST_BLOCK];
        uint64_t blocked[(N + 63) / 64] = {0};
        tdl_most_query queries[QUERIES];

        make_queries(x, d, 100 + w);
        for (size_t r = 0; r < N; r++)
            if (r % 3 == 0 || (r >= 64 && r < 96))
                blocked[r / 64] |= UINT64_C(1) << r % 64;
        for (size_t i = 0; i < QUERIES; i++)
            queries[i] = (tdl_most_query){x[i], i % 2 ? blocked : NULL, most[i]};
        for (size_t at = 0; (ops = ops_at(at)); at++) {
            ops->ask(t->most, queries, QUERIES);
            for (size_t i = 0; i < QUERIES; i++)
                for (size_t b = 0; b < BLOCKS; b++) {
                    float expected = -INFINITY;
                    ops->products(t->most, b, x[i], product);
                    for (size_t r = 32 * b; r < 32 * b + 32 && r < N; r++) {
                        float one = plain_product(t, r, x[i], d);
                        assert_true(product[r % 32] == one);
                        if (!(i % 2 && blocked[r / 64] >> r % 64 & 1))
                            expected = one > expected ? one : expected;
                    }
                    assert_true(most[i][b] == expected);
                }
        }
        free_table(t);
    }
}

/* The worst there is for a sum of 16 bits: every number as large as it gets, all of one sign. */
static void no_sum_leaves_its_16_bits(void **state)
{
    float same[D_MAX], product[TDL_MOST_BLOCK];
    int8_t q[WIDTH_MAX], x[WIDTH_MAX];
    const tdl_most_ops *ops;

    (void)state;
    for (size_t k = 0; k < D_MAX; k++)
        same[k] = 1;
    for (size_t d = 1; d <= D_MAX; d++) {
        tdl_most *most = NULL;
        tdl_report why = {0};
        float scale = tdl_most_quantise(same, d, q);
        int32_t sum = 0;

        tdl_most_query_of(same, d, x);
        assert_int_equal(tdl_most_new(1, d, &most, &why), TDL_OK);
        tdl_most_set(most, 0, q, scale);
        for (size_t k = 0; k < d; k++)
            sum += q[k] * x[k];
        for (size_t at = 0; (ops = ops_at(at)); at++) {
            ops->products(most, 0, x, product);
            assert_true(product[0] == (float)sum * scale);
        }
        tdl_most_free(most);
    }
}

static void a_scale_is_no_larger_than_it_must_be(void **state)
{
    float x[64], few[] = {.31F, -.92F, .05F, .44F};
    int8_t q[64];

    (void)state;
    assert_true(tdl_most_quantise(few, 4, q) ==
                .92F / 127); // nothing but the largest number counts
    assert_true(q[1] == -127);
    for (size_t k = 0; k < 64; k++)
        x[k] = k % 2 ? -1 : 1;
    float scale = tdl_most_quantise(x, 64, q);
    assert_int_equal(abs(q[0]), 31); // 32 x 31^2 = 30,752 fit; 32 x 32^2 = 32,768 are one too many
    assert_true(fabsf(1 / scale - 31.5F) < .6F);
    assert_true(tdl_most_quantise((float[]){0, 0, 0}, 3, q) == 0 && !q[0] && !q[3]);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    tdl_most *most = NULL;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_most_new(10, 0, &most, &why), TDL_E_TOO_LARGE);
    assert_int_equal(tdl_most_new(SIZE_MAX - 5, 100, &most, &why), TDL_E_TOO_LARGE);
    assert_int_equal(tdl_most_new(1, TDL_INT8_IN_MAX + 1, &most, &why), TDL_E_TOO_LARGE);
    assert_int_equal(tdl_most_new(0, 8, &most, &why), TDL_OK);
    assert_int_equal(tdl_most_blocks(most), 0);
    tdl_most_free(most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_their_largest_are_those_of_plain_loops),
        cmocka_unit_test(no_sum_leaves_its_16_bits),
        cmocka_unit_test(a_scale_is_no_larger_than_it_must_be),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("tensor/most", tests, NULL, NULL);
}
