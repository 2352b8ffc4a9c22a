/* The guard against numbers that are not finite, and against outliers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/guard.h"

static tdl_guard open_guard(tdl_guard_config config)
{
    tdl_guard guard;

    assert_int_equal(tdl_guard_init(&guard, &config, NULL), TDL_OK);
    return guard;
}

/* 127 values 1, 2, 1, 2, ..., 1, then 10. With all 128: mean 200 / 128 = 1.5625, sum of squares
 * 64 + 4 * 63 + 100 = 416, variance 416 / 128 - 1.5625^2 = 0.80859375. */
static void z_counts_deviations_from_the_mean_of_the_window(void **state)
{
    tdl_guard_window window = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 127; i++)
        assert_true(tdl_guard_z(&window, i % 2 ? 2 : 1) == 0); // not full yet
    assert_true(fabs(tdl_guard_z(&window, 10) - (10 - 1.5625) / sqrt(0.80859375)) < 1e-12);
}

static void a_window_without_spread_has_no_outlier(void **state)
{
    tdl_guard_window window = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 300; i++)
        assert_true(tdl_guard_z(&window, 0.25) == 0);
}

static void numbers_that_are_not_finite_are_skipped_and_the_third_in_a_row_rolls_back(void **state)
{
    tdl_guard guard = open_guard((tdl_guard_config){0});

    TDL_UNUSED(state);
    assert_int_equal(tdl_guard_judge(&guard, 1, 1), TDL_VERDICT_TAKE);
    assert_int_equal(tdl_guard_judge(&guard, NAN, 1), TDL_VERDICT_SKIP);
    assert_int_equal(tdl_guard_judge(&guard, 1, INFINITY), TDL_VERDICT_SKIP);
    assert_int_equal(tdl_guard_judge(&guard, 1, 1), TDL_VERDICT_TAKE); // the row is broken
    assert_int_equal(tdl_guard_judge(&guard, NAN, NAN), TDL_VERDICT_SKIP);
    assert_int_equal(tdl_guard_judge(&guard, -INFINITY, 1), TDL_VERDICT_SKIP);
    assert_int_equal(tdl_guard_judge(&guard, NAN, 1), TDL_VERDICT_ROLL_BACK);
    assert_int_equal(guard.skipped, 5);
    assert_true(guard.rate_scale == 0.5);
}

static void the_third_roll_back_is_divergence(void **state)
{
    const tdl_verdict expected[] = {TDL_VERDICT_SKIP, TDL_VERDICT_SKIP, TDL_VERDICT_ROLL_BACK,
                                    TDL_VERDICT_SKIP, TDL_VERDICT_SKIP, TDL_VERDICT_ROLL_BACK,
                                    TDL_VERDICT_SKIP, TDL_VERDICT_SKIP, TDL_VERDICT_DIVERGED};
    tdl_guard guard = open_guard((tdl_guard_config){0});

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(tdl_guard_judge(&guard, NAN, 1), expected[i]);
}

static tdl_verdict judge_outlier(tdl_guard_action action, double loss, double norm)
{
    tdl_guard guard = open_guard((tdl_guard_config){.outlier = action});

    for (int i = 0; i < 200; i++)
        assert_int_equal(tdl_guard_judge(&guard, 1 + 0.01 * (i % 7), 2 + 0.01 * (i % 5)),
                         TDL_VERDICT_TAKE);
    return tdl_guard_judge(&guard, loss, norm);
}

static void an_outlier_does_what_was_asked_for(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(judge_outlier(TDL_GUARD_NONE, 50, 2), TDL_VERDICT_TAKE);
    assert_int_equal(judge_outlier(TDL_GUARD_SKIP, 50, 2), TDL_VERDICT_SKIP);
    assert_int_equal(judge_outlier(TDL_GUARD_SKIP, 1, 50), TDL_VERDICT_SKIP);
    assert_int_equal(judge_outlier(TDL_GUARD_ROLL_BACK, 50, 2), TDL_VERDICT_ROLL_BACK);
    assert_int_equal(judge_outlier(TDL_GUARD_SKIP, 1, 2), TDL_VERDICT_TAKE);
    assert_int_equal(judge_outlier(TDL_GUARD_SKIP, -50, 2), TDL_VERDICT_TAKE); // better is fine
}

static void a_threshold_that_is_not_a_number_is_refused(void **state)
{
    tdl_guard guard;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_guard_init(&guard, &(tdl_guard_config){.z = NAN}, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "guard.z"));
    assert_int_equal(tdl_guard_init(&guard, &(tdl_guard_config){.z = -1}, NULL), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(z_counts_deviations_from_the_mean_of_the_window),
        cmocka_unit_test(a_window_without_spread_has_no_outlier),
        cmocka_unit_test(numbers_that_are_not_finite_are_skipped_and_the_third_in_a_row_rolls_back),
        cmocka_unit_test(the_third_roll_back_is_divergence),
        cmocka_unit_test(an_outlier_does_what_was_asked_for),
        cmocka_unit_test(a_threshold_that_is_not_a_number_is_refused),
    };

    return cmocka_run_group_tests_name("train/guard", tests, NULL, NULL);
}
