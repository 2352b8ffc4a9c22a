#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "base/rng.h"
#include "stats/cholesky.h"

/* A = X'X + n I of normal X: well conditioned. The caller's. */
static double *positive(size_t n)
{
    tdl_rng rng = tdl_rng_make(3, n);
    double *x = malloc(n * n * sizeof *x), *a = malloc(n * n * sizeof *a);

    assert_non_null(x);
    assert_non_null(a);
    for (size_t i = 0; i < n * n; i++)
        x[i] = tdl_rng_normal(&rng);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = i == j ? (double)n : 0;

            for (size_t k = 0; k < n; k++)
                sum += x[i * n + k] * x[j * n + k];
            a[i * n + j] = sum;
        }
    free(x);
    return a;
}

/* Higham, Accuracy and Stability of Numerical Algorithms, theorem 10.3: the error of L L' is at
 * most (n + 1) u times |L| |L'|; rows of L have norm sqrt(a_ii). */
static void the_factor_times_itself_is_the_matrix(void **state)
{
    static const size_t sizes[] = {1, 2, 7, 8, 9, 63, 64, 65, 71, 72, 128, 131, 200};

    TDL_UNUSED(state);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t n = sizes[s];
        double *a = positive(n), *l = malloc(n * n * sizeof *l);

        assert_non_null(l);
        memcpy(l, a, n * n * sizeof *l);
        assert_int_equal(tdl_cholesky(l, n, NULL), TDL_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++) {
                double sum = 0, bound = sqrt(a[i * n + i] * a[j * n + j]);

                for (size_t k = 0; k <= j; k++)
                    sum += l[i * n + k] * l[j * n + k];
                assert_true(fabs(sum - a[i * n + j]) <= 1.2e-16 * (double)(n + 1) * 2 * bound);
                if (j < i)
                    assert_true(l[j * n + i] == a[j * n + i]); /* above the diagonal: untouched */
            }
        free(l);
        free(a);
    }
}

static void solving_gives_back_what_was_multiplied(void **state)
{
    static const size_t sizes[] = {1, 3, 4, 5, 64, 70}, sides[] = {0, 1, 7, 8, 9, 17};

    TDL_UNUSED(state);
    for (size_t s = 0; s < 36; s++) {
        size_t n = sizes[s / 6], m = sides[s % 6];
        double *a = positive(n), *b = calloc(n * m + 1, sizeof *b);

        assert_non_null(b);
        for (size_t i = 0; i < n; i++) /* x[i][c] = sin(i + 3 c) */
            for (size_t c = 0; c < m; c++)
                for (size_t k = 0; k < n; k++)
                    b[i * m + c] += a[i * n + k] * sin((double)(k + 3 * c));
        assert_int_equal(tdl_cholesky(a, n, NULL), TDL_OK);
        tdl_cholesky_solve(a, n, b, m);
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < m; c++)
                assert_true(fabs(b[i * m + c] - sin((double)(i + 3 * c))) < 1e-12);
        free(b);
        free(a);
    }
}

/* The textbook example: 4 12 -16, 12 37 -43, -16 -43 98 = L L', L = 2 0 0, 6 1 0, -8 5 3. */
static void small_integers_come_out_exactly(void **state)
{
    double a[] = {4, NAN, NAN, 12, 37, NAN, -16, -43, 98};

    TDL_UNUSED(state);
    assert_int_equal(tdl_cholesky(a, 3, NULL), TDL_OK);
    assert_true(a[0] == 2 && a[3] == 6 && a[4] == 1 && a[6] == -8 && a[7] == 5 && a[8] == 3);
}

static void a_matrix_that_is_not_positive_definite_names_its_pivot(void **state)
{
    double indefinite[] = {1, 0, 2, 1}, nan[] = {1, 0, NAN, 1}, zero[] = {0};
    double *large = positive(100);
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_cholesky(indefinite, 2, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "pivot 1 is -3"));
    assert_int_equal(tdl_cholesky(nan, 2, &why), TDL_E_INVALID);
    assert_int_equal(tdl_cholesky(zero, 1, &why), TDL_E_INVALID);
    large[90 * 100 + 90] = -1;
    assert_int_equal(tdl_cholesky(large, 100, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "pivot 90 is"));
    assert_int_equal(tdl_cholesky(NULL, 0, &why), TDL_OK);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factor_times_itself_is_the_matrix),
        cmocka_unit_test(solving_gives_back_what_was_multiplied),
        cmocka_unit_test(small_integers_come_out_exactly),
        cmocka_unit_test(a_matrix_that_is_not_positive_definite_names_its_pivot),
    };

    return cmocka_run_group_tests_name("stats/cholesky", tests, NULL, NULL);
}
