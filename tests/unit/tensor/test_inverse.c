/* Expected values: for the large cases, that the matrix times its inverse is I in double; for the
 * small one, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/inverse.h"

/* Symmetric, diagonally dominant, so positive definite: entries in [-1, 1] by a fixed recurrence.
 */
static float *make_matrix(size_t n)
{
    float *a = malloc(n * n * sizeof *a);
    uint32_t x = 12345;

    assert_non_null(a);
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c <= r; c++) {
            x = x * 1664525U + 1013904223U;
            a[r * n + c] = a[c * n + r] = (float)(x >> 8) / (float)(1 << 23) - 1;
        }
    for (size_t i = 0; i < n; i++)
        a[i * n + i] = (float)n;
    return a;
}

static float *inverse_of(const float *a, size_t n, tdl_pool *pool)
{
    float *p = malloc(n * n * sizeof *p);
    tdl_report why = {0};

    assert_non_null(p);
    memcpy(p, a, n * n * sizeof *p);
    for (size_t r = 0; r < n; r++) // what is above the diagonal is not read
        for (size_t c = r + 1; c < n; c++)
            p[r * n + c] = (float)NAN;
    if (tdl_invert_definite(p, n, pool, &why))
        fail_msg("%s", why.message);
    return p;
}

static void a_matrix_times_its_inverse_is_one(void **state)
{
    static const size_t sizes[] = {1, 2, 31, 256, 257, 600};

    TDL_UNUSED(state);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        float *a = make_matrix(n), *p = inverse_of(a, n, NULL);
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < n; c++) {
                double sum = r == c ? -1 : 0;
                for (size_t k = 0; k < n; k++)
                    sum += (double)a[r * n + k] * (double)p[c * n + k];
                if (!(fabs(sum) < 2e-6))
                    fail_msg("%zu rows: (%zu, %zu) is off by %g", n, r, c, sum);
                assert_true(p[r * n + c] == p[c * n + r]);
            }
        free(a);
        free(p);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    enum { N = 600 };
    tdl_pool *pool = tdl_pool_new(3);
    float *a = make_matrix(N), *alone = inverse_of(a, N, NULL), *shared = inverse_of(a, N, pool);

    TDL_UNUSED(state);
    assert_memory_equal(alone, shared, sizeof *alone * N * N);
    free(a);
    free(alone);
    free(shared);
    tdl_pool_free(pool);
}

/* [[1, 2], [2, 1]]: the second pivot is 1 - 4. */
static void what_is_not_positive_definite_is_refused_by_its_pivot(void **state)
{
    float a[] = {1, 2, 2, 1}, nan[] = {(float)NAN};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_invert_definite(a, 2, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "pivot 1 is -3"));
    assert_int_equal(tdl_invert_definite(nan, 1, NULL, &why), TDL_E_INVALID);
    assert_int_equal(tdl_invert_definite(NULL, 0, NULL, &why), TDL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_times_its_inverse_is_one),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(what_is_not_positive_definite_is_refused_by_its_pivot),
    };
    return cmocka_run_group_tests_name("tensor/inverse", tests, NULL, NULL);
}
