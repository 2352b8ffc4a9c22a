/* Delayed adaptive intervals of the ridge forecaster on ETTh1-96: spec/predict.md 4.5, refs
 * baselines.json etth1_conformal_96 (Python): coverage .806, .905, .955 for .80, .90, .95, worst
 * column .795, .897, .948; split conformal .890, .942, .968. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "forecast/ridge.h"
#include "stats/adaptive.h"
#include "stats/conformal.h"

enum { TRAIN = 8640, VALID = 2880, TEST = 2880, LAGS = 336, HORIZON = 96, COLUMNS = 7 };
enum { CALIBRATION = VALID - HORIZON + 1, WINDOWS = TEST - HORIZON + 1 };

/* |truth - forecast| [windows][HORIZON] of the windows whose truth begins at `first`. */
static double *errors(const double *w, const double *y, size_t first, size_t windows)
{
    double *e = malloc(windows * HORIZON * sizeof *e);

    assert_non_null(e);
    for (size_t i = 0; i < windows; i++) {
        tdl_ridge_apply(w, LAGS, HORIZON, y + first + i - LAGS, e + i * HORIZON);
        for (size_t h = 0; h < HORIZON; h++)
            e[i * HORIZON + h] = fabs(e[i * HORIZON + h] - y[first + i + h]);
    }
    return e;
}

/* Shares of a column's errors that are inside, by split and by delayed adaptive intervals. */
static void cover(const double *seen, const double *test, double miss, double *ret_split,
                  double *ret_adaptive)
{
    const tdl_adaptive_options options = {.horizons = HORIZON, .miss = miss};
    double score[CALIBRATION], width;
    tdl_adaptive *a = NULL;
    size_t split = 0, adaptive = 0;

    assert_int_equal(tdl_adaptive_new(&options, &a, NULL), TDL_OK);
    for (size_t h = 0; h < HORIZON; h++) {
        tdl_conformal c;

        for (size_t i = 0; i < CALIBRATION; i++)
            score[i] = seen[i * HORIZON + h];
        assert_int_equal(tdl_conformal_init(&c, score, CALIBRATION, NULL), TDL_OK);
        assert_int_equal(tdl_adaptive_seed(a, h, score, CALIBRATION, NULL), TDL_OK);
        for (size_t i = 0; i < WINDOWS; i++) {
            if (i > h) // the truth of window i - h - 1 has come to step h
                assert_int_equal(tdl_adaptive_arrive(a, h, test[(i - h - 1) * HORIZON + h], NULL),
                                 TDL_OK);
            assert_int_equal(tdl_adaptive_issue(a, h, &width, NULL), TDL_OK);
            adaptive += test[i * HORIZON + h] <= width;
            split += test[i * HORIZON + h] <= tdl_conformal_quantile(&c, miss);
        }
        tdl_conformal_release(&c);
    }
    tdl_adaptive_free(a);
    *ret_split = (double)split / (WINDOWS * HORIZON);
    *ret_adaptive = (double)adaptive / (WINDOWS * HORIZON);
}

static void delayed_adaptive_intervals_cover_as_asked_on_etth1(void **state)
{
    static const double level[] = {.80, .90, .95}, split_is[] = {.8899, .9417, .9682};
    double split[3] = {0}, adaptive[3] = {0}, worst[3] = {1, 1, 1};
    double *w = malloc(LAGS * HORIZON * sizeof *w), *y[COLUMNS];
    tdl_ridge_sums sums;
    numbers table;

    (void)state;
    if (!load_numbers("ETTh1.csv.zst", "ETTh1.csv", &table)) {
        free(w);
        skip();
    }
    assert_non_null(w);
    assert_int_equal(tdl_ridge_sums_init(&sums, LAGS, HORIZON, NULL), TDL_OK);
    for (size_t c = 0; c < COLUMNS; c++) {
        y[c] = scaled_column(&table, c, TRAIN, TRAIN + VALID + TEST);
        assert_int_equal(tdl_ridge_sums_add(&sums, y[c], TRAIN, NULL), TDL_OK);
    }
    assert_int_equal(tdl_ridge_solve(&sums, 1000, w, NULL), TDL_OK);
    for (size_t c = 0; c < COLUMNS; c++) {
        double *seen = errors(w, y[c], TRAIN, CALIBRATION);
        double *test = errors(w, y[c], TRAIN + VALID, WINDOWS);

        for (size_t k = 0; k < 3; k++) {
            double s, a;

            cover(seen, test, 1 - level[k], &s, &a);
            split[k] += s / COLUMNS;
            adaptive[k] += a / COLUMNS;
            worst[k] = fmin(worst[k], a);
            assert_true(fabs(a - level[k]) < .02);
        }
        free(seen);
        free(test);
        free(y[c]);
    }
    for (size_t k = 0; k < 3; k++) {
        printf("ETTh1-96, %.2f: split %.4f, delayed adaptive %.4f, worst column %.4f\n", level[k],
               split[k], adaptive[k], worst[k]);
        assert_true(fabs(adaptive[k] - level[k]) < .01);
        assert_true(fabs(split[k] - split_is[k]) < .002);
    }
    tdl_ridge_sums_release(&sums);
    free(table.at);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delayed_adaptive_intervals_cover_as_asked_on_etth1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
