/* treadle forecast backtest and --hierarchy: the baseline beside the model, the origins that were
 * asked for, sums that agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

enum { DAYS = 140, WEEK = 7 };

/* What a day sells is the weather, which is known in advance, and the weekday. */
static double weather(size_t day)
{
    return (double)(day * 37 % 41);
}

static double units(size_t day)
{
    return 100 + 5 * (double)(day % WEEK) + 2 * weather(day);
}

static void write_days(const desk *d, const char *name, double (*value)(size_t))
{
    static const size_t months[] = {31, 29, 31, 30, 31};
    char text[16000];
    size_t n = (size_t)snprintf(text, sizeof text, "day,weather,units\n"), month = 0, first = 0;

    for (size_t day = 0; day < DAYS; day++) {
        if (day - first >= months[month])
            first += months[month++];
        n += (size_t)snprintf(text + n, sizeof text - n, "2024-%02zu-%02zu,%g,%g\n", month + 1,
                              day - first + 1, weather(day), value(day));
    }
    desk_write(d, name, text, n);
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void near(double a, double b, double error)
{
    if (!(fabs(a - b) <= error))
        fail_msg("%.17g is not %.17g", a, b);
}

/* The seasonal naive is the same day of the last week that is known at the origin: by hand. */
static void with_covariates_each_origin_is_held_and_the_seasonal_naive_stands_beside(void **state)
{
    desk *d = *state;
    double absolute = 0, square = 0;
    json_t *all, *test;

    write_days(d, "days.csv", units);
    desk_expect(d, 2, "a forecaster of series, not a regression",
                "forecast days.csv --value units --covariates weather --horizon 7 --save name");
    for (size_t origin = DAYS - 3 * WEEK; origin < DAYS; origin += WEEK)
        for (size_t h = 0; h < WEEK; h++) {
            double error = units(origin + h) - units(origin - WEEK + h);

            absolute += fabs(error);
            square += error * error;
        }
    desk_expect(d, 0, NULL,
                "forecast backtest days.csv --value units --covariates all --horizon 7 --period 7 "
                "--origins 3 --json");
    all = desk_json(d);
    test = json_object_get(all, "backtest");
    near(number(test, "origins"), 3, 0);
    near(number(test, "rows"), 3 * WEEK, 0);
    near(number(json_object_get(test, "baseline"), "mae"), absolute / (3 * WEEK), 1e-9);
    near(number(json_object_get(test, "baseline"), "rmse"), sqrt(square / (3 * WEEK)), 1e-9);
    assert_true(number(test, "mae") < number(json_object_get(test, "baseline"), "mae"));
    assert_true(json_is_false(json_object_get(test, "baseline_wins")));
    json_decref(all);
    desk_expect(
        d, 1, "fewer --origins",
        "forecast backtest days.csv --value units --covariates all --horizon 50 --origins 3");
}

/* A last week that stands still at the value before it: without a season the naive is that value.
 */
static double last_value(size_t day)
{
    return day < DAYS - WEEK ? 100 + weather(day) : 100 + weather(DAYS - WEEK - 1);
}

static void it_is_said_when_the_baseline_wins(void **state)
{
    desk *d = *state;
    json_t *all, *test;

    write_days(d, "still.csv", last_value);
    desk_expect(d, 0, NULL,
                "forecast backtest still.csv --value units --horizon 7 --model mean --json");
    all = desk_json(d);
    test = json_object_get(all, "backtest");
    near(number(json_object_get(test, "baseline"), "mae"), 0, 1e-12);
    assert_true(json_is_true(json_object_get(test, "baseline_wins")));
    json_decref(all);
    desk_expect(d, 0, NULL, "forecast backtest still.csv --value units --horizon 7 --model mean");
    assert_non_null(strstr(d->out, "seasonal naive is as good or better"));
}

static void write_tree(const desk *d)
{
    char text[16000];
    size_t n = (size_t)snprintf(text, sizeof text, "day,region,shop,units\n");

    for (size_t day = 0; day < 60; day++)
        for (size_t shop = 0; shop < 3; shop++)
            n += (size_t)snprintf(text + n, sizeof text - n, "2024-%02zu-%02zu,%s,%c,%g\n",
                                  1 + day / 31, 1 + day % 31, shop < 2 ? "north" : "south",
                                  (char)('a' + shop),
                                  100 * (double)(shop + 1) + weather(day + 13 * shop));
    desk_write(d, "tree.csv", text, n);
}

static double first_of(const json_t *all, size_t node)
{
    const json_t *series = json_array_get(json_object_get(all, "series"), node);

    return json_number_value(json_array_get(json_object_get(series, "forecast"), 0));
}

static void sums_and_parts_agree(void **state)
{
    static const char *const ways[] = {"ols", "bottom-up"};
    desk *d = *state;

    write_tree(d);
    for (size_t i = 0; i < 2; i++) {
        char command[200];
        json_t *all;

        snprintf(command, sizeof command,
                 "forecast tree.csv --value units --hierarchy region,shop "
                 "--horizon 2 --reconcile %s --json",
                 ways[i]);
        desk_expect(d, 0, NULL, command);
        all = desk_json(d);
        assert_int_equal(json_array_size(json_object_get(all, "series")), 6);
        near(first_of(all, 0), first_of(all, 1) + first_of(all, 2), 1e-9);
        near(first_of(all, 1), first_of(all, 3) + first_of(all, 4), 1e-9);
        json_decref(all);
    }
    desk_expect(d, 2, "--reconcile",
                "forecast tree.csv --value units --hierarchy region --reconcile top-down");
    desk_expect(d, 2, "--hierarchy",
                "forecast tree.csv --value units --hierarchy region --save name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            with_covariates_each_origin_is_held_and_the_seasonal_naive_stands_beside, desk_set_up,
            desk_tear_down),
        cmocka_unit_test_setup_teardown(it_is_said_when_the_baseline_wins, desk_set_up,
                                        desk_tear_down),
        cmocka_unit_test_setup_teardown(sums_and_parts_agree, desk_set_up, desk_tear_down),
    };

    return cmocka_run_group_tests_name("e2e/backtest", tests, NULL, NULL);
}
