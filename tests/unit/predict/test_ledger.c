/* The ledger of a forecaster that serves: histories that go on, and levels that move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/predict/ledger.h"
#include "base/rng.h"

enum { FITTED = 400, HORIZON = 30 };

static tdl_forecaster *forecaster;
static tdl_ledger *ledger;
static tdl_rng rng;

/* Normal noise about 0: the mean of all is what forecasts it. */
static double noise(double size)
{
    return size * tdl_rng_normal(&rng);
}

static void near(double a, double b, double error)
{
    if (a != b && !(fabs(a - b) <= error))
        fail_msg("%.17g is not %.17g", a, b);
}

static int set_up(void **state)
{
    double y[FITTED];
    tdl_series one = {.name = (char[]){"noise"}, .y = y, .n = FITTED, .start = 0};
    const tdl_series_set set = {.series = &one, .series_n = 1, .step = {TDL_STEP_INDEX, 1}};
    const tdl_forecast_options options = {
        .horizon = HORIZON, .select = {.members = TDL_STR("mean")}, .calibration = 60};

    (void)state;
    rng = tdl_rng_make(7, 0);
    for (size_t t = 0; t < FITTED; t++)
        y[t] = noise(1);
    assert_int_equal(tdl_forecaster_fit(&set, &options, &forecaster, NULL), TDL_OK);
    assert_int_equal(tdl_ledger_new(forecaster, &ledger, NULL), TDL_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tdl_ledger_free(ledger);
    tdl_forecaster_free(forecaster);
    return 0;
}

/* Mean difference of two such numbers, 2 / sqrt(pi): what the series' errors are divided by. */
static const double SCALE = 1.1284;

/* A forecast of 0 from `origin`, as good as any of noise. */
static void forecast(size_t origin, bool keep, double level, double ret[HORIZON])
{
    static const double zero[HORIZON];
    const tdl_ledger_forecast f = {.origin = origin, .scale = SCALE, .mean = zero};

    assert_int_equal(tdl_ledger_widths(ledger, 0, &f, keep, &level, 1, ret, NULL), TDL_OK);
}

static void tell(size_t place, double value)
{
    assert_int_equal(tdl_ledger_truth(ledger, 0, place, value, NULL), TDL_OK);
}

static json_t *quality(void)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *ret = NULL;

    tdl_jw_object(&w);
    tdl_ledger_write_quality(ledger, &w);
    tdl_jw_end_object(&w);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &ret, NULL),
                     TDL_OK);
    tdl_buf_release(&text);
    return ret;
}

static double working_level(void)
{
    json_t *q = quality();
    double level = json_number_value(
        json_object_get(json_array_get(json_object_get(q, "intervals"), 0), "working_level"));

    json_decref(q);
    return level;
}

/* ---- */

/* Noise that is a third larger than that of the fit: the intervals of the fit hold .8 / 1.3 = .62
 * of it. Gibbs and Candes (2021, proposition 4.1): the share that is missed is within (max(a, 1 -
 * a) + rate) / (rate T) of what was asked, here .81 / 20 = .04. */
static void a_level_finds_back_when_errors_grow(void **state)
{
    double half[HORIZON];
    size_t held = 0, fixed = 0;

    (void)state;
    forecast(FITTED, false, .8, half);
    double first = half[0];
    for (size_t t = 0; t < 2000; t++) {
        double y = noise(1.5);

        forecast(FITTED + t, true, .8, half);
        held += fabs(y) <= half[0];
        fixed += fabs(y) <= first;
        tell(FITTED + t, y);
    }
    assert_true(fabs((double)held / 2000 - .8) < .041);
    assert_true((double)fixed / 2000 < .7);
}

/* a + rate (miss asked - missed), of the horizon whose truth came alone; the others wait. */
static void only_the_horizon_whose_truth_came_moves(void **state)
{
    double half[HORIZON];

    (void)state;
    forecast(FITTED, true, .8, half);
    near(working_level(), .8, 1e-12);
    tell(FITTED, 100);
    near(working_level(), 1 - (.2 * (HORIZON - 1) + .192) / HORIZON, 1e-12);
    tell(FITTED + 1, 0);
    near(working_level(), 1 - (.2 * (HORIZON - 2) + .192 + .202) / HORIZON, 1e-12);
}

static void a_truth_that_was_skipped_moves_nothing_even_when_it_comes_late(void **state)
{
    double half[HORIZON], *y;
    size_t n, told, filled;

    (void)state;
    forecast(FITTED, true, .8, half);
    tell(FITTED + 1, 0);
    double before = working_level();
    near(before, 1 - (.2 * (HORIZON - 1) + .202) / HORIZON, 1e-12);
    assert_int_equal(tdl_ledger_history(ledger, 0, &y, &n, &told, &filled, NULL), TDL_OK);
    assert_int_equal(n, FITTED + 2);
    assert_int_equal(told, 1);
    assert_int_equal(filled, 1);
    free(y);
    tell(FITTED, 100);
    near(working_level(), before, 0);
    assert_int_equal(tdl_ledger_history(ledger, 0, &y, &n, &told, &filled, NULL), TDL_OK);
    assert_true(y[FITTED] == 100);
    assert_int_equal(filled, 0);
    free(y);
}

static void asked_again_before_the_next_truth_it_is_the_same_forecast(void **state)
{
    double first[HORIZON], again[HORIZON];
    json_t *q;

    (void)state;
    forecast(FITTED, true, .8, first);
    forecast(FITTED, true, .8, again);
    assert_memory_equal(first, again, sizeof first);
    q = quality();
    assert_int_equal(json_integer_value(json_object_get(q, "forecasts")), 1);
    json_decref(q);
}

static void what_is_not_kept_leaves_no_trace(void **state)
{
    double half[HORIZON];
    json_t *q;

    (void)state;
    forecast(FITTED, false, .8, half);
    tell(FITTED, 100);
    q = quality();
    assert_int_equal(json_integer_value(json_object_get(q, "forecasts")), 0);
    assert_int_equal(json_array_size(json_object_get(q, "intervals")), 0);
    json_decref(q);
}

static void widths_begin_as_those_of_the_fit(void **state)
{
    static const double levels[] = {.5, .6, .7, .8, .9};
    double half[HORIZON], fitted[HORIZON];

    (void)state;
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        forecast(FITTED, true, levels[k], half);
        assert_int_equal(tdl_forecaster_widths(forecaster, 0, levels[k], SCALE, fitted, NULL),
                         TDL_OK);
        for (size_t h = 0; h < HORIZON; h++)
            near(half[h], fitted[h], 1e-12);
    }
}

/* Nobody told a thing for a thousand forecasts: the oldest are let go, and the rest goes on. */
static void forecasts_whose_truths_never_come_are_let_go(void **state)
{
    double half[HORIZON];
    json_t *q;

    (void)state;
    for (size_t t = 0; t < 1000; t++)
        forecast(FITTED + t, true, .8, half);
    tell(FITTED + 1000, 0);
    forecast(FITTED + 1001, true, .8, half);
    q = quality();
    assert_int_equal(json_integer_value(json_object_get(q, "forecasts")), 400);
    assert_int_equal(json_integer_value(json_object_get(q, "scored")), HORIZON - 1);
    json_decref(q);
}

static void times_that_are_no_steps_of_the_series_are_refused(void **state)
{
    size_t place;

    (void)state;
    assert_int_equal(tdl_ledger_place(ledger, 0, FITTED + 5, &place, NULL), TDL_OK);
    assert_int_equal(place, FITTED + 5);
    assert_int_equal(tdl_ledger_place(ledger, 0, FITTED + .5, &place, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_ledger_place(ledger, 0, -1, &place, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_ledger_place(ledger, 0, 1e18, &place, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_ledger_place(ledger, 0, (double)NAN, &place, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_ledger_place(ledger, 0, FITTED + 1e6, &place, NULL), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_level_finds_back_when_errors_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_horizon_whose_truth_came_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_truth_that_was_skipped_moves_nothing_even_when_it_comes_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asked_again_before_the_next_truth_it_is_the_same_forecast,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_kept_leaves_no_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(widths_begin_as_those_of_the_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forecasts_whose_truths_never_come_are_let_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(times_that_are_no_steps_of_the_series_are_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("predict/ledger", tests, NULL, NULL);
}
