/* The ridge forecaster. Figures on ETTh1: spec/predict.md 4.5 and refs/predict/baselines.json,
 * computed in Python with numpy (windows laid out, one solve). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "data.h"
#include "forecast/ridge.h"

enum { WINDOW = 5, HORIZON = 3, POINTS = 40 };

static void walk(double *y, size_t n)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    for (size_t t = 0; t < n; t++)
        y[t] = 100 + sin((double)t) + .5 * tdl_rng_normal(&rng);
}

/* By definition: windows laid out. */
static void sums_laid_out(const double *y, size_t n, double *xx, double *xy, double *yy)
{
    for (size_t t = 0; t + WINDOW + HORIZON <= n; t++) {
        double last = y[t + WINDOW - 1];

        for (size_t i = 0; i < WINDOW; i++) {
            for (size_t j = 0; j < WINDOW; j++)
                xx[i * WINDOW + j] += (y[t + i] - last) * (y[t + j] - last);
            for (size_t h = 0; h < HORIZON; h++)
                xy[i * HORIZON + h] += (y[t + i] - last) * (y[t + WINDOW + h] - last);
        }
        for (size_t h = 0; h < HORIZON; h++)
            yy[h] += (y[t + WINDOW + h] - last) * (y[t + WINDOW + h] - last);
    }
}

static void running_sums_are_those_of_windows_laid_out(void **state)
{
    double y[POINTS], xx[WINDOW * WINDOW] = {0}, xy[WINDOW * HORIZON] = {0}, yy[HORIZON] = {0};
    tdl_ridge_sums sums;

    (void)state;
    walk(y, POINTS);
    sums_laid_out(y, POINTS, xx, xy, yy);
    sums_laid_out(y + 10, POINTS - 10, xx, xy, yy);
    assert_int_equal(tdl_ridge_sums_init(&sums, WINDOW, HORIZON, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_sums_add(&sums, y, POINTS, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_sums_add(&sums, y + 10, POINTS - 10, NULL), TDL_OK);
    assert_int_equal(sums.windows_n, 2 * (POINTS - WINDOW - HORIZON + 1) - 10);
    for (size_t i = 0; i < WINDOW * WINDOW; i++)
        assert_true(fabs(sums.xx[i] - xx[i]) < 1e-9);
    for (size_t i = 0; i < WINDOW * HORIZON; i++)
        assert_true(fabs(sums.xy[i] - xy[i]) < 1e-9);
    for (size_t h = 0; h < HORIZON; h++)
        assert_true(fabs(sums.yy[h] - yy[h]) < 1e-9);
    tdl_ridge_sums_release(&sums);
}

static void the_error_from_sums_is_that_of_the_forecasts(void **state)
{
    double y[POINTS], w[WINDOW * HORIZON], error = 0;
    size_t windows = POINTS - WINDOW - HORIZON + 1;
    tdl_ridge_sums sums;

    (void)state;
    walk(y, POINTS);
    assert_int_equal(tdl_ridge_sums_init(&sums, WINDOW, HORIZON, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_sums_add(&sums, y, POINTS, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_solve(&sums, .5, w, NULL), TDL_OK);
    for (size_t t = 0; t < windows; t++) {
        double f[HORIZON];

        tdl_ridge_apply(w, WINDOW, HORIZON, y + t, f);
        for (size_t h = 0; h < HORIZON; h++)
            error += (f[h] - y[t + WINDOW + h]) * (f[h] - y[t + WINDOW + h]);
    }
    assert_true(fabs(tdl_ridge_error(&sums, w) - error / (double)(windows * HORIZON)) < 1e-10);
    tdl_ridge_sums_release(&sums);
}

static void one_forecast_without_weights_is_that_with_them(void **state)
{
    const double lambda[] = {.5, 20};
    double y[POINTS], w[WINDOW * HORIZON], f[HORIZON], direct[2 * HORIZON];
    tdl_ridge_sums sums;

    (void)state;
    walk(y, POINTS);
    assert_int_equal(tdl_ridge_sums_init(&sums, WINDOW, HORIZON, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_sums_add(&sums, y, POINTS, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_forecast(&sums, lambda, 2, y + POINTS - WINDOW, direct, NULL),
                     TDL_OK);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(tdl_ridge_solve(&sums, lambda[k], w, NULL), TDL_OK);
        tdl_ridge_apply(w, WINDOW, HORIZON, y + POINTS - WINDOW, f);
        for (size_t h = 0; h < HORIZON; h++)
            assert_true(fabs(f[h] - direct[k * HORIZON + h]) < 1e-10);
    }
    tdl_ridge_sums_release(&sums);
}

static void a_singular_problem_without_a_ridge_is_refused(void **state)
{
    const double flat[POINTS] = {0};
    double w[WINDOW * HORIZON];
    tdl_ridge_sums sums;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_ridge_sums_init(&sums, WINDOW, HORIZON, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_sums_add(&sums, flat, POINTS, NULL), TDL_OK);
    assert_int_equal(tdl_ridge_solve(&sums, 0, w, &why), TDL_E_INVALID);
    assert_int_equal(tdl_ridge_solve(&sums, 1, w, &why), TDL_OK);
    tdl_ridge_sums_release(&sums);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    tdl_ridge_sums sums;

    (void)state;
    assert_int_equal(tdl_ridge_sums_init(&sums, 0, 1, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_ridge_sums_init(&sums, 1, SIZE_MAX, NULL), TDL_E_INVALID);
}

/* ---- ETTh1 ---- */

enum { TRAIN = 8640, VALID = 2880, TEST = 2880, LAGS = 336 };

static void check_etth1(const numbers *table, size_t horizon, double lambda_expected, double valid,
                        double test)
{
    const double lambda[] = {1, 100, 1000, 10000, 100000};
    tdl_ridge_sums sums[3];
    double *w = malloc(LAGS * horizon * sizeof *w), best, error;

    assert_non_null(w);
    for (size_t s = 0; s < 3; s++)
        assert_int_equal(tdl_ridge_sums_init(&sums[s], LAGS, horizon, NULL), TDL_OK);
    for (size_t c = 0; c < table->cols; c++) {
        double *y = scaled_column(table, c, TRAIN, TRAIN + VALID + TEST);

        assert_int_equal(tdl_ridge_sums_add(&sums[0], y, TRAIN, NULL), TDL_OK);
        assert_int_equal(tdl_ridge_sums_add(&sums[1], y + TRAIN - LAGS, VALID + LAGS, NULL),
                         TDL_OK);
        assert_int_equal(tdl_ridge_sums_add(&sums[2], y + TRAIN + VALID - LAGS, TEST + LAGS, NULL),
                         TDL_OK);
        free(y);
    }
    assert_int_equal(tdl_ridge_choose(&sums[0], &sums[1], lambda, 5, w, &best, &error, NULL),
                     TDL_OK);
    printf("ETTh1-%zu: lambda %g, validation %.4f, test %.4f\n", horizon, best, error,
           tdl_ridge_error(&sums[2], w));
    assert_true(best == lambda_expected);
    assert_true(fabs(error - valid) < 5e-4);
    assert_true(fabs(tdl_ridge_error(&sums[2], w) - test) < 5e-4);
    for (size_t s = 0; s < 3; s++)
        tdl_ridge_sums_release(&sums[s]);
    free(w);
}

static void etth1_errors_are_those_of_the_reference(void **state)
{
    numbers table;

    (void)state;
    if (!load_numbers("ETTh1.csv.zst", "ETTh1.csv", &table))
        skip();
    check_etth1(&table, 96, 1000, .6697, .3696);
    check_etth1(&table, 192, 1000, .9152, .4028);
    check_etth1(&table, 336, 10000, 1.1543, .4248);
    check_etth1(&table, 720, 10000, 1.4296, .4206);
    free(table.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_sums_are_those_of_windows_laid_out),
        cmocka_unit_test(the_error_from_sums_is_that_of_the_forecasts),
        cmocka_unit_test(one_forecast_without_weights_is_that_with_them),
        cmocka_unit_test(a_singular_problem_without_a_ridge_is_refused),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(etth1_errors_are_those_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
