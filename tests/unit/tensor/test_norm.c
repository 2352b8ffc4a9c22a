/* Layer norm, RMS norm and the small row helpers. That all kernels agree to the bit is digest.c's.
 */
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

enum { ROWS = 9, N_MAX = 131 };
static const float EPS = 1e-5f;
static const size_t widths[] = {1, 2, 3, 15, 16, 17, 64, N_MAX};
enum { WIDTHS_N = sizeof widths / sizeof widths[0] };

static float *x, *gain, *bias, *dy;

static int set_up(void **state)
{
    (void)state;
    x = tdl_case_floats((size_t)ROWS * N_MAX, 1);
    gain = tdl_case_floats(N_MAX, 2);
    bias = tdl_case_floats(N_MAX, 3);
    dy = tdl_case_floats((size_t)ROWS * N_MAX, 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(x);
    free(gain);
    free(bias);
    free(dy);
    return 0;
}

/* y of one row in double. */
static void exact_norm(tdl_norm_form form, size_t n, const double *row, double *y)
{
    double mean = 0, square = 0;

    for (size_t i = 0; i < n && form == TDL_ROWS_LAYER_NORM; i++)
        mean += row[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (row[i] - mean) * (row[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        y[i] = (row[i] - mean) / sqrt(square + (double)EPS) * (double)gain[i] + (double)bias[i];
}

/* L = sum of dy y, so that dL/dx is what the way back gives. */
static double loss(tdl_norm_form form, size_t n, const double *row, const float *weights)
{
    double y[N_MAX], sum = 0;

    exact_norm(form, n, row, y);
    for (size_t i = 0; i < n; i++)
        sum += (double)weights[i] * y[i];
    return sum;
}

static void forward_equals_the_formula_in_double(void **state)
{
    float y[ROWS * N_MAX], mean[ROWS], rstd[ROWS];
    double row[N_MAX], exact[N_MAX];

    (void)state;
    for (int form = TDL_ROWS_LAYER_NORM; form <= TDL_ROWS_RMS_NORM; form++)
        for (size_t w = 0; w < WIDTHS_N; w++) {
            size_t n = widths[w];

            tdl_norm_rows((tdl_norm_form)form, ROWS, n, x, gain, bias, EPS, y, mean, rstd, NULL);
            for (size_t r = 0; r < ROWS; r++) {
                for (size_t i = 0; i < n; i++)
                    row[i] = (double)x[r * n + i];
                exact_norm((tdl_norm_form)form, n, row, exact);
                for (size_t i = 0; i < n; i++)
                    assert_true(fabs((double)y[r * n + i] - exact[i]) < 3e-6);
                assert_true(form == TDL_ROWS_LAYER_NORM || mean[r] == 0);
            }
        }
}

/* Central differences in double, step 1e-5: their own error is near 1e-9 of the third derivative,
 * which is large for rows of 1 to 3 that are nearly constant, so those are left out here. */
static void backward_equals_central_differences(void **state)
{
    float y[ROWS * N_MAX], mean[ROWS], rstd[ROWS], dx[ROWS * N_MAX];

    (void)state;
    for (int form = TDL_ROWS_LAYER_NORM; form <= TDL_ROWS_RMS_NORM; form++)
        for (size_t w = 3; w < WIDTHS_N; w++) {
            size_t n = widths[w];
            float dgain[N_MAX] = {0}, dbias[N_MAX] = {0};

            tdl_norm_rows((tdl_norm_form)form, ROWS, n, x, gain, bias, EPS, y, mean, rstd, NULL);
            tdl_norm_backward_rows((tdl_norm_form)form, ROWS, n, x, gain, mean, rstd, dy, dx, dgain,
                                   dbias, NULL);
            for (size_t r = 0; r < ROWS; r++) {
                double row[N_MAX];

                for (size_t i = 0; i < n; i++)
                    row[i] = (double)x[r * n + i];
                for (size_t i = 0; i < n; i++) {
                    double at = row[i], up, down;

                    row[i] = at + 1e-5;
                    up = loss((tdl_norm_form)form, n, row, dy + r * n);
                    row[i] = at - 1e-5;
                    down = loss((tdl_norm_form)form, n, row, dy + r * n);
                    row[i] = at;
                    assert_true(fabs((double)dx[r * n + i] - (up - down) / 2e-5) < 1e-5);
                }
            }
            for (size_t i = 0; i < n; i++) {
                double db = 0, dg = 0;

                for (size_t r = 0; r < ROWS; r++) {
                    db += (double)dy[r * n + i];
                    dg += (double)dy[r * n + i] * ((double)y[r * n + i] - (double)bias[i]) /
                          (double)gain[i];
                }
                assert_true(fabs((double)dbias[i] - db) < 1e-5);
                assert_true(fabs((double)dgain[i] - dg) < 1e-5 + 1e-6 / fabs((double)gain[i]));
            }
        }
}

/* Enough rows and columns that each thread gets some. */
static void threads_leave_the_bits_and_gradients_are_added_to(void **state)
{
    enum { MANY = 300, N = 200 };
    float *a = tdl_case_floats((size_t)MANY * N, 5), *d = tdl_case_floats((size_t)MANY * N, 6);
    float *first = malloc(sizeof *first * MANY * N), *own = malloc(sizeof *own * MANY * N);
    float g[N], dg[N], db[N], dg_first[N], db_first[N], mean[MANY], rstd[MANY];

    (void)state;
    for (size_t i = 0; i < N; i++)
        g[i] = a[i] + 1;
    for (unsigned threads = 1; threads <= 3; threads++) {
        tdl_pool *pool = tdl_pool_new(threads);

        for (size_t i = 0; i < N; i++)
            dg[i] = db[i] = 100;
        memcpy(own, d, sizeof *own * MANY * N);
        tdl_norm_rows(TDL_ROWS_LAYER_NORM, MANY, N, a, g, NULL, EPS, first, mean, rstd, pool);
        tdl_norm_backward_rows(TDL_ROWS_LAYER_NORM, MANY, N, a, g, mean, rstd, own, own, dg, db,
                               pool);
        if (threads == 1) {
            memcpy(first, own, sizeof *own * MANY * N);
            memcpy(dg_first, dg, sizeof dg);
            memcpy(db_first, db, sizeof db);
            assert_true(dg[0] != 100 && db[0] > 50);
        } else {
            tdl_case_same(dg, dg_first, N, "dgain");
            tdl_case_same(db, db_first, N, "dbias");
        }
        tdl_pool_free(pool);
    }
    free(a);
    free(d);
    free(first);
    free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_equals_the_formula_in_double),
        cmocka_unit_test(backward_equals_central_differences),
        cmocka_unit_test(threads_leave_the_bits_and_gradients_are_added_to),
    };

    return cmocka_run_group_tests_name("tensor/norm", tests, set_up, tear_down);
}
