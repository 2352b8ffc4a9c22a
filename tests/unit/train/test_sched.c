/* Learning-rate schedules. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "train/sched.h"

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g, expected %.17g", got, expected);
}

static tdl_sched open_sched(tdl_sched_config config)
{
    tdl_sched sched = {0};

    assert_int_equal(tdl_sched_init(&sched, &config, NULL), TDL_OK);
    return sched;
}

/* ---- shapes: the project's reference values for schedules, from their formulas in Python's
 * double; warm-up 10, total 100, floor 0.1 ---- */

enum { POINTS = 11 };
static const uint64_t AT[POINTS] = {0, 4, 9, 10, 32, 55, 79, 80, 81, 90, 99};
static const struct {
    tdl_sched_config config;
    double expected[POINTS];
} REFERENCE[] = {
    {{.name = "constant", .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}},
    {{.name = "cosine", .floor = 0.1, .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 0.873702910152393, 0.55, 0.2155848285351727, 0.20528000059645996,
      0.19539516087697517, 0.12713832064634126, 0.10027412784140691}},
    {{.name = "linear", .floor = 0.1, .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 0.78, 0.55, 0.30999999999999994, 0.29999999999999993, 0.29000000000000004,
      0.20000000000000007, 0.10999999999999999}},
    {{.name = "wsd", .floor = 0.1, .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.798753882025019, 0.36360389693210715,
      0.1227885089671933}},
    {{.name = "step", .gamma = 0.5, .every = 30, .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125}},
    {{.name = "exponential", .gamma = 0.98, .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 1.0, 0.6411706960735924, 0.4028778642734252, 0.2480842668343485,
      0.24312258149766153, 0.2382601298677083, 0.19864885008204064, 0.16562303420562902}},
    {{.name = "inverse_root", .warmup = 10, .total = 100},
     {0.1, 0.5, 1.0, 0.9534625892455924, 0.5504818825631803, 0.4225771273642583, 0.3535533905932738,
      0.35136418446315326, 0.3492151478847891, 0.33149677206589795, 0.31622776601683794}},
};

static void every_shape_is_its_formula(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof REFERENCE / sizeof *REFERENCE; i++) {
        tdl_sched sched = open_sched(REFERENCE[i].config);

        for (size_t k = 0; k < POINTS; k++)
            near(tdl_sched_factor(&sched, AT[k]), REFERENCE[i].expected[k], 1e-14);
        tdl_sched_release(&sched);
    }
}

static void a_zeroed_configuration_is_constant(void **state)
{
    tdl_sched sched = open_sched((tdl_sched_config){0});

    TDL_UNUSED(state);
    near(tdl_sched_factor(&sched, 0), 1, 0);
    near(tdl_sched_factor(&sched, 1000000), 1, 0);
    assert_false(tdl_sched_observe(&sched, 1));
    tdl_sched_release(&sched);
}

static void past_the_total_the_rate_stays_at_its_floor(void **state)
{
    const char *const names[] = {"cosine", "linear", "wsd"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        tdl_sched sched =
            open_sched((tdl_sched_config){.name = names[i], .total = 10, .floor = 0.2});

        near(tdl_sched_factor(&sched, 10), 0.2, 1e-15);
        near(tdl_sched_factor(&sched, 11), 0.2, 1e-15);
        near(tdl_sched_factor(&sched, UINT64_MAX), 0.2, 1e-15);
        tdl_sched_release(&sched);
    }
}

static void a_warm_up_as_long_as_the_total_is_allowed(void **state)
{
    tdl_sched sched = open_sched((tdl_sched_config){.name = "cosine", .warmup = 10, .total = 10});

    TDL_UNUSED(state);
    near(tdl_sched_factor(&sched, 9), 1, 0);
    near(tdl_sched_factor(&sched, 10), 0, 1e-15);
    tdl_sched_release(&sched);
}

/* ---- settings ---- */

static void settings_out_of_range_are_refused_by_name(void **state)
{
    const struct {
        const char *says;
        tdl_sched_config config;
    } bad[] = {{"total", {.name = "cosine"}},
               {"warmup", {.name = "linear", .warmup = 11, .total = 10}},
               {"warmup", {.name = "inverse_root"}},
               {"every", {.name = "step", .gamma = 0.5}},
               {"gamma", {.name = "step", .every = 1}},
               {"gamma", {.name = "exponential", .gamma = 1.1}},
               {"gamma", {.name = "exponential", .gamma = NAN}},
               {"floor", {.name = "cosine", .total = 10, .floor = -0.1}},
               {"floor", {.name = "cosine", .total = 10, .floor = NAN}},
               {"factor", {.name = "plateau", .factor = 1}},
               {"window", {.name = "plateau", .window = 2}},
               {"no schedule is called \"cosin\"", {.name = "cosin"}}};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdl_sched sched;
        tdl_report why = {0};

        assert_int_equal(tdl_sched_init(&sched, &bad[i].config, &why), TDL_E_INVALID);
        assert_int_equal(strncmp(why.message, bad[i].says, strlen(bad[i].says)), 0);
    }
}

/* ---- plateau ---- */

/* y = 2.1, 1.8, 2.2, 1.7: slope -0.08, residual variance 0.069, so z = -0.681005 and
 * P(slope < 0) is the normal distribution at 0.681005 (Python, from the residuals themselves) */
static void the_chance_of_descent_is_that_of_the_least_squares_slope(void **state)
{
    const double y[] = {2.1, 1.8, 2.2, 1.7}, level[] = {1, 1, 1}, down[] = {3, 2, 1},
                 up[] = {1, 2, 3};

    TDL_UNUSED(state);
    near(tdl_chance_of_descent(4, y), 0.7520659077295745, 1e-12);
    near(tdl_chance_of_descent(3, level), 0.5, 0);
    near(tdl_chance_of_descent(3, down), 1, 0);
    near(tdl_chance_of_descent(3, up), 0, 0);
}

static void plateau_keeps_the_rate_while_the_loss_falls_and_shrinks_it_when_it_stays(void **state)
{
    tdl_sched sched = open_sched((tdl_sched_config){.name = "plateau", .window = 50});
    tdl_rng rng = tdl_rng_make(1, 1);
    size_t shrunk = 0;

    TDL_UNUSED(state);
    for (size_t t = 0; t < 300; t++)
        assert_false(tdl_sched_observe(&sched, 10 - 0.03 * (double)t + 0.1 * tdl_rng_normal(&rng)));
    near(tdl_sched_factor(&sched, 300), 1, 0);
    for (size_t t = 0; t < 60; t++)
        shrunk += tdl_sched_observe(&sched, 1 + 0.01 * (double)t); // rises
    assert_int_equal(shrunk, 1);
    near(tdl_sched_factor(&sched, 360), 0.1, 1e-16);
    assert_true(sched.seen < 50); // the window starts anew
    tdl_sched_release(&sched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_is_its_formula),
        cmocka_unit_test(a_zeroed_configuration_is_constant),
        cmocka_unit_test(past_the_total_the_rate_stays_at_its_floor),
        cmocka_unit_test(a_warm_up_as_long_as_the_total_is_allowed),
        cmocka_unit_test(settings_out_of_range_are_refused_by_name),
        cmocka_unit_test(the_chance_of_descent_is_that_of_the_least_squares_slope),
        cmocka_unit_test(plateau_keeps_the_rate_while_the_loss_falls_and_shrinks_it_when_it_stays),
    };

    return cmocka_run_group_tests_name("train/sched", tests, NULL, NULL);
}
