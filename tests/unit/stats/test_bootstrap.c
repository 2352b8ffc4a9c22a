#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/report.h"
#include "stats/bootstrap.h"

/* Expected: R, quantile(c(1,2,4,8,16), c(0,.1,.25,.5,.9,1)), its default type 7. */
static void quantiles_are_those_of_r(void **state)
{
    const double sorted[] = {1, 2, 4, 8, 16};

    TDL_UNUSED(state);
    assert_true(tdl_quantile(sorted, 5, 0) == 1);
    assert_true(fabs(tdl_quantile(sorted, 5, 0.1) - 1.4) < 1e-14);
    assert_true(tdl_quantile(sorted, 5, 0.25) == 2);
    assert_true(tdl_quantile(sorted, 5, 0.5) == 4);
    assert_true(fabs(tdl_quantile(sorted, 5, 0.9) - 12.8) < 1e-13);
    assert_true(tdl_quantile(sorted, 5, 1) == 16);
    assert_true(tdl_quantile(sorted, 1, 0.3) == 1);
}

/* Means of resamples of {0, 1, 5} take 27 equally likely values: 0 and 5 with probability 1/27 =
 * .037 each, the next are 1/3 and 11/3 with 3/27. So 2.5 % lies on 0 and 5 % on 1/3 exactly. */
static void three_values_give_the_exact_bootstrap_distribution(void **state)
{
    const double values[] = {0, 1, 5};
    const tdl_bootstrap_options at95 = {.resamples = 20000}, at90 = {20000, 0.90};
    tdl_rng rng = tdl_rng_make(1, 0);
    tdl_interval got;

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_mean(values, 3, &at95, &rng, &got, NULL), TDL_OK);
    assert_true(got.mean == 2 && got.low == 0 && got.high == 5);
    assert_int_equal(tdl_bootstrap_mean(values, 3, &at90, &rng, &got, NULL), TDL_OK);
    assert_true(got.low == 1.0 / 3 && got.high == 11.0 / 3);
}

/* 66 hits among 671 users: resampled means are Binomial(671, 66/671) / 671. Expected: R,
 * qbinom(c(.025, .975, .05, .95), 671, 66/671) / 671. With 20,000 resamples a quantile is off by at
 * most two hits: its standard error is 0.2 hits, and the distribution is a lattice. */
static void hits_give_the_binomial_interval(void **state)
{
    const tdl_bootstrap_options at95 = {.resamples = 20000}, at90 = {20000, 0.90};
    tdl_rng rng = tdl_rng_make(2, 0);
    double values[671] = {0};
    tdl_interval got;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 66; i++)
        values[i * 10] = 1;
    assert_int_equal(tdl_bootstrap_mean(values, 671, &at95, &rng, &got, NULL), TDL_OK);
    assert_true(fabs(got.mean - 66.0 / 671) < 1e-15);
    assert_true(fabs(got.low - 0.076005961251862889) < 2.0 / 671);
    assert_true(fabs(got.high - 0.120715350223546944) < 2.0 / 671);
    assert_int_equal(tdl_bootstrap_mean(values, 671, &at90, &rng, &got, NULL), TDL_OK);
    assert_true(fabs(got.low - 0.080476900149031291) < 2.0 / 671);
    assert_true(fabs(got.high - 0.117734724292101342) < 2.0 / 671);
}

/* Expected: R, set.seed(1); d <- a - b; quantile(replicate(1e6, mean(sample(d, 10, TRUE))),
 * c(.025, .975)) = -0.093, 0.215. The 40,000 resamples here have a standard error of .001. */
static void paired_differences_give_the_interval_of_r(void **state)
{
    const double a[] = {.5, 0, 1, .63, 0, .43, 0, 0, 1, .39};
    const double b[] = {.43, 0, .63, .63, .3, 0, 0, .35, 1, 0};
    const tdl_bootstrap_options options = {.resamples = 40000};
    tdl_rng rng = tdl_rng_make(3, 0);
    tdl_interval got;

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_difference(a, b, 10, &options, &rng, &got, NULL), TDL_OK);
    assert_true(fabs(got.mean - 0.061) < 1e-15);
    assert_true(fabs(got.low + 0.093) < 0.004);
    assert_true(fabs(got.high - 0.215) < 0.004);
}

static void a_model_compared_with_itself_differs_by_exactly_nothing(void **state)
{
    const double a[] = {0.1, 0.7, 0.3};
    tdl_rng rng = tdl_rng_make(4, 0);
    tdl_interval got;

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_difference(a, a, 3, NULL, &rng, &got, NULL), TDL_OK);
    assert_true(got.mean == 0 && got.low == 0 && got.high == 0);
}

static void the_same_generator_gives_the_same_interval(void **state)
{
    const double values[] = {1, 2, 3, 4, 5, 6, 7, 9};
    tdl_rng one = tdl_rng_make(5, 0), same = tdl_rng_make(5, 0), other = tdl_rng_make(6, 0);
    tdl_interval a, b, c;

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_mean(values, 8, NULL, &one, &a, NULL), TDL_OK);
    assert_int_equal(tdl_bootstrap_mean(values, 8, NULL, &same, &b, NULL), TDL_OK);
    assert_int_equal(tdl_bootstrap_mean(values, 8, NULL, &other, &c, NULL), TDL_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.low != c.low || a.high != c.high);
}

static void one_user_gives_a_point(void **state)
{
    const double value = 0.25;
    tdl_rng rng = tdl_rng_make(7, 0);
    tdl_interval got;

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_mean(&value, 1, NULL, &rng, &got, NULL), TDL_OK);
    assert_true(got.low == 0.25 && got.mean == 0.25 && got.high == 0.25);
}

static void what_cannot_be_averaged_is_refused(void **state)
{
    const double bad[] = {1, NAN}, infinite[] = {1, 2, INFINITY}, good[] = {1, 2};
    const tdl_bootstrap_options level_one = {.level = 1}, negative = {.level = -0.5},
                                nan_level = {.level = NAN};
    tdl_rng rng = tdl_rng_make(8, 0);
    tdl_interval got = {7, 7, 7};
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_bootstrap_mean(good, 0, NULL, &rng, &got, &why), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_mean(bad, 2, NULL, &rng, &got, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "value 1"));
    assert_int_equal(tdl_bootstrap_mean(infinite, 3, NULL, &rng, &got, &why), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_mean(good, 2, &level_one, &rng, &got, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_mean(good, 2, &negative, &rng, &got, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_mean(good, 2, &nan_level, &rng, &got, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_difference(good, bad, 2, NULL, &rng, &got, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_bootstrap_difference(good, good, 0, NULL, &rng, &got, NULL),
                     TDL_E_INVALID);
    assert_true(got.mean == 7 && got.low == 7 && got.high == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_r),
        cmocka_unit_test(three_values_give_the_exact_bootstrap_distribution),
        cmocka_unit_test(hits_give_the_binomial_interval),
        cmocka_unit_test(paired_differences_give_the_interval_of_r),
        cmocka_unit_test(a_model_compared_with_itself_differs_by_exactly_nothing),
        cmocka_unit_test(the_same_generator_gives_the_same_interval),
        cmocka_unit_test(one_user_gives_a_point),
        cmocka_unit_test(what_cannot_be_averaged_is_refused),
    };

    return cmocka_run_group_tests_name("stats/bootstrap", tests, NULL, NULL);
}
