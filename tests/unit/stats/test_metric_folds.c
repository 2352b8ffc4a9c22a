/* A metric over folds: the mean of the folds' own values, and its interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/metric.h"

/* The 20 rows of the project's reference vectors. */
enum { N = 20 };

static const double Y[N] = {0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0};
static const double P[N] = {0.812, 0.069, 0.218, 0.802, 0.823, 0.2, 0.056, 0.654, 0.794, 0.05,
                            0.523, 0.142, 0.601, 0.112, 0.5,   0.5, 0.5,   0.9,   0.9,   0.1};

static const tdl_scored reference = {.task = TDL_METRIC_BINARY, .n = N, .width = 1, .y = Y, .p = P};

static tdl_status interval_of(const tdl_scored *a, const tdl_scored *b, const uint32_t *fold,
                              size_t folds_n, tdl_interval *ret, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(3, 0);

    return tdl_metric_fold_interval(tdl_metric_default(a->task), a, b, fold, folds_n, NULL, &rng,
                                    ret, why);
}

/* roc_auc_score of scikit-learn 1.2.1 on even and on odd rows: .40625 and .72; on all rows at once
 * it is .5110, which is another figure. */
static void the_value_is_the_mean_of_the_folds_own_values(void **state)
{
    uint32_t fold[N];
    tdl_interval got;

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < N; i++)
        fold[i] = i % 2;
    assert_int_equal(interval_of(&reference, NULL, fold, 2, &got, NULL), TDL_OK);
    assert_true(fabs(got.mean - 0.563125) < 1e-12);
    assert_true(got.low < got.mean && got.mean < got.high);
}

/* Of turned probabilities the AUC is 1 - itself: 2 x .563125 - 1. */
static void a_difference_is_that_of_the_two_means(void **state)
{
    uint32_t fold[N];
    double turned[N];
    tdl_scored b = reference;
    tdl_interval got;

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < N; i++) {
        fold[i] = i % 2;
        turned[i] = 1 - P[i];
    }
    b.p = turned;
    assert_int_equal(interval_of(&reference, &b, fold, 2, &got, NULL), TDL_OK);
    assert_true(fabs(got.mean - 0.12625) < 1e-12);
    assert_int_equal(interval_of(&reference, &reference, fold, 2, &got, NULL), TDL_OK);
    assert_true(got.mean == 0 && got.low == 0 && got.high == 0);
}

static void a_fold_of_one_class_is_left_out_and_an_empty_one_too(void **state)
{
    uint32_t fold[N];
    tdl_interval got;

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < N; i++)
        fold[i] = i < 5 ? 3 : i % 2; // the first five are all of class 0, fold 2 has no row
    assert_int_equal(interval_of(&reference, NULL, fold, 4, &got, NULL), TDL_OK);
    /* even rows 6 8 10 12 14 16 18: positives 12 (.601), 14 (.5) against .056 .794 .523 .5 .9:
     * 3 wins and (1 win, 1 tie): 4.5 / 10. Odd rows 5 7 9 11 13 15 17 19: positives .2 .654 .142
     * .112 .9 against .05 .5 .1: 2 3 2 2 3 = 12 / 15. */
    assert_true(fabs(got.mean - (0.45 + 0.8) / 2) < 1e-12);
}

/* Of k folds with known AUC the standard error of the mean is that of Hanley and McNeil (1982) in
 * each, by k^1/2. */
static void the_interval_is_as_wide_as_theory_says(void **state)
{
    enum { ROWS = 2000, FOLDS = 5 };
    static double y[ROWS], p[ROWS];
    static uint32_t fold[ROWS];
    tdl_rng rng = tdl_rng_make(1, 0);
    tdl_scored s = {.task = TDL_METRIC_BINARY, .n = ROWS, .width = 1, .y = y, .p = p};
    tdl_interval got, again;

    TDL_UNUSED(state);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = (double)(i / FOLDS % 4 == 0);
        p[i] = tdl_rng_normal(&rng) + y[i];
        fold[i] = (uint32_t)(i % FOLDS);
    }
    assert_int_equal(interval_of(&s, NULL, fold, FOLDS, &got, NULL), TDL_OK);
    assert_int_equal(interval_of(&s, NULL, fold, FOLDS, &again, NULL), TDL_OK);
    assert_memory_equal(&got, &again, sizeof got);
    double auc = got.mean, q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc);
    double error =
        sqrt((auc * (1 - auc) + 99 * (q1 - auc * auc) + 299 * (q2 - auc * auc)) / 30000 / FOLDS);
    assert_true(fabs((got.high - got.low) / (2 * 1.96 * error) - 1) < 0.12);
}

static void a_fold_that_is_not_there_and_one_class_everywhere_are_refused(void **state)
{
    uint32_t fold[N] = {0};
    double none[N] = {0};
    tdl_scored s = reference;
    tdl_interval got;
    tdl_report why = {0};

    TDL_UNUSED(state);
    fold[7] = 2;
    assert_int_equal(interval_of(&s, NULL, fold, 2, &got, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "row 7: fold 2 of 2");
    fold[7] = 0;
    assert_int_equal(interval_of(&s, NULL, fold, 0, &got, &why), TDL_E_INVALID);
    s.y = none;
    assert_int_equal(interval_of(&s, NULL, fold, 1, &got, &why), TDL_E_INVALID);
    assert_int_equal(interval_of(&reference, &s, fold, 1, &got, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "two different truths"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_value_is_the_mean_of_the_folds_own_values),
        cmocka_unit_test(a_difference_is_that_of_the_two_means),
        cmocka_unit_test(a_fold_of_one_class_is_left_out_and_an_empty_one_too),
        cmocka_unit_test(the_interval_is_as_wide_as_theory_says),
        cmocka_unit_test(a_fold_that_is_not_there_and_one_class_everywhere_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
