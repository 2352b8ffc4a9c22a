/* Series out of tables, the calendar, and the forecaster with its file. */
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
#include <unistd.h>

#include "base/rng.h"
#include "forecast/calendar.h"
#include "forecast/forecaster.h"
#include "table/read.h"

/* A table of CSV text. */
static tdl_frame table_of(const char *text)
{
    char path[] = "series-XXXXXX.csv";
    int fd = mkstemps(path, 4);
    tdl_frame frame;
    tdl_report why = {0};

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    if (tdl_frame_read(path, NULL, &frame, NULL, &why))
        fail_msg("%s", why.message);
    unlink(path);
    return frame;
}

static tdl_status series_of(const char *text, const tdl_series_options *options,
                            tdl_series_set *ret, tdl_report *why)
{
    tdl_frame frame = table_of(text);
    tdl_status st = tdl_series_of(&frame, options, ret, why);

    tdl_frame_release(&frame);
    return st;
}

static void rows_in_any_order_become_series_by_id(void **state)
{
    tdl_series_set set;

    (void)state;
    assert_int_equal(series_of("day,shop,sold\n2026-01-02,b,5\n2026-01-01,a,1\n2026-01-02,a,2\n"
                               "2026-01-01,b,4\n2026-01-03,a,3\n2026-01-03,b,6\n",
                               NULL, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.series_n, 2);
    assert_string_equal(set.series[0].name, "a");
    assert_int_equal(set.series[1].n, 3);
    assert_true(set.series[1].y[0] == 4 && set.series[1].y[2] == 6);
    assert_true(set.step.unit == TDL_STEP_SECONDS && set.step.n == 86400);
    tdl_series_set_release(&set);
}

static void months_are_steps_though_they_differ_in_length(void **state)
{
    tdl_series_set set;
    char time[40];

    (void)state;
    assert_int_equal(series_of("month,v\n2026-01-31,1\n2026-02-28,2\n2026-03-31,3\n2026-04-30,4\n",
                               NULL, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.step.unit, TDL_STEP_MONTHS);
    assert_int_equal(set.series[0].n, 4);
    tdl_civil next = tdl_civil_of(tdl_step_time(set.step, set.series[0].start, 4));
    snprintf(time, sizeof time, "%lld-%02d-%02d", (long long)next.year, next.month, next.day);
    assert_string_equal(time, "2026-05-31");
    tdl_series_set_release(&set);
}

static void a_missing_step_is_filled_by_its_season_and_counted(void **state)
{
    const tdl_series_options o = {.period = 2};
    tdl_series_set set;

    (void)state;
    assert_int_equal(series_of("t,v\n2026-01-01,1\n2026-01-02,9\n2026-01-03,3\n2026-01-05,2\n"
                               "2026-01-06,7\n",
                               &o, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.filled, 1);
    assert_true(set.series[0].y[3] == 8); /* mean of 9 and 7 */
    tdl_series_set_release(&set);
}

static void a_row_a_series_is_read_without_its_empty_end(void **state)
{
    tdl_series_set set;

    (void)state;
    assert_int_equal(
        series_of("id,V1,V2,V3,V4\nH1,1,2,3,4\nH2,5,6,7,\nH3,8,9,,\n", NULL, &set, NULL), TDL_OK);
    assert_int_equal(set.series_n, 3);
    assert_string_equal(set.series[1].name, "H2");
    assert_int_equal(set.series[1].n, 3);
    assert_int_equal(set.series[2].n, 2);
    tdl_series_set_release(&set);
}

static void what_is_no_series_is_refused_with_where(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"t,v\n2026-01-01,1\n2026-01-01,2\n2026-01-02,3\n", "rows 1 and 2 have the same time"},
        {"t,v\n2026-01-01,1\n2026-01-02,2\n2026-01-03,2\n2026-01-20,3\n", "are missing"},
        {"t,v\n2026-01-01,1\n2026-01-02,2\n2026-01-03T07:11:00Z,2\n2026-01-04,3\n", "row 3"},
        {"t,v\n2026-01-01,x\n2026-01-02,y\n", "no column is a number"},
    };
    tdl_report why;
    tdl_series_set set;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why = (tdl_report){0};
        assert_int_equal(series_of(bad[i].text, NULL, &set, &why), TDL_E_INVALID);
        if (!strstr(why.message, bad[i].says))
            fail_msg("%zu: %s", i, why.message);
    }
}

static void values_of_one_time_are_joined_as_asked(void **state)
{
    const char text[] = "t,v\n2026-01-01,1\n2026-01-01,2\n2026-01-02,3\n2026-01-03,4\n";
    static const struct {
        tdl_aggregate how;
        double first;
    } cases[] = {{TDL_AGGREGATE_SUM, 3}, {TDL_AGGREGATE_MEAN, 1.5}, {TDL_AGGREGATE_LAST, 2}};
    tdl_series_set set;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const tdl_series_options o = {.aggregate = cases[i].how};

        assert_int_equal(series_of(text, &o, &set, NULL), TDL_OK);
        assert_true(set.series[0].y[0] == cases[i].first);
        assert_int_equal(set.aggregated, 1);
        tdl_series_set_release(&set);
    }
}

static void the_season_is_found(void **state)
{
    double y[400];
    tdl_rng rng = tdl_rng_make(1, 0);
    const tdl_series daily = {.name = (char[]){"x"}, .y = y, .n = 400};

    (void)state;
    for (size_t t = 0; t < 400; t++)
        y[t] = (double)(t % 7 * 5) + (double)(t * 31 % 17);
    assert_int_equal(tdl_period_find(&daily, 1), 7);
    for (size_t t = 0; t < 400; t++)
        y[t] = tdl_rng_normal(&rng);
    assert_int_equal(tdl_period_find(&daily, 1), 0);
}

/* ---- calendar: dates of the U.S. Office of Personnel Management and of the State Council ---- */

static void holidays_are_those_published(void **state)
{
    const tdl_holidays *us = tdl_holidays_find(TDL_STR("us"));
    const tdl_holidays *cn = tdl_holidays_find(TDL_STR("cn"));

    (void)state;
    assert_true(tdl_holiday_on(us, tdl_days_of(2025, 11, 27))); /* Thanksgiving */
    assert_true(tdl_holiday_on(us, tdl_days_of(2026, 7, 3)));   /* the 4th is a Saturday */
    assert_true(tdl_holiday_on(us, tdl_days_of(2021, 12, 31))); /* New Year 2022, a Saturday */
    assert_true(tdl_holiday_on(us, tdl_days_of(2026, 5, 25)));  /* Memorial Day */
    assert_false(tdl_holiday_on(us, tdl_days_of(2020, 6, 19))); /* before 2021 */
    assert_false(tdl_holiday_on(us, tdl_days_of(2026, 7, 6)));
    assert_true(tdl_holiday_on(cn, tdl_days_of(2026, 2, 17))); /* Spring Festival */
    assert_true(tdl_holiday_on(cn, tdl_days_of(2027, 2, 6)));
    assert_true(tdl_holiday_on(cn, tdl_days_of(2024, 4, 4))); /* Qingming */
    assert_true(tdl_holiday_on(cn, tdl_days_of(2023, 4, 5)));
    assert_true(tdl_holiday_on(cn, tdl_days_of(2025, 10, 6))); /* Mid-Autumn */
    assert_null(tdl_holidays_find(TDL_STR("xx")));
}

static void days_and_dates_agree(void **state)
{
    (void)state;
    for (int64_t day = -200000; day < 200000; day += 97) {
        tdl_civil c = tdl_civil_of((double)day * TDL_DAY_SECONDS);

        assert_int_equal(tdl_days_of(c.year, c.month, c.day), day);
    }
    assert_int_equal(tdl_civil_of(0).weekday, 4); /* 1970-01-01 was a Thursday */
}

/* ---- forecaster ---- */

enum { POINTS = 200, HORIZON = 14 };

static void two_shops(tdl_series_set *set)
{
    *set = (tdl_series_set){.series = calloc(2, sizeof(tdl_series)),
                            .series_n = 2,
                            .step = {TDL_STEP_SECONDS, 86400},
                            .period = {7},
                            .periods_n = 1};
    assert_non_null(set->series);
    for (size_t i = 0; i < 2; i++) {
        double *y = malloc(POINTS * sizeof *y);

        assert_non_null(y);
        for (size_t t = 0; t < POINTS; t++)
            y[t] = 20 + 5. * (double)(t % 7) + (double)(t * 37 % 11) * (double)(i + 1);
        set->series[i] = (tdl_series){.name = strdup(i ? "b" : "a"), .y = y, .n = POINTS};
    }
}

static tdl_forecaster *fitted(tdl_pool *pool)
{
    const tdl_forecast_options o = {.horizon = HORIZON, .pool = pool};
    tdl_series_set set;
    tdl_forecaster *f = NULL;
    tdl_report why = {0};

    two_shops(&set);
    if (tdl_forecaster_fit(&set, &o, &f, &why))
        fail_msg("%s", why.message);
    tdl_series_set_release(&set);
    return f;
}

typedef struct said {
    double mean[HORIZON], low[2 * HORIZON], high[2 * HORIZON];
} said;

static said ask(const tdl_forecaster *f, size_t series)
{
    const double level[] = {.8, .999};
    said s;
    tdl_forecast ret = {.mean = s.mean, .low = s.low, .high = s.high};

    assert_int_equal(tdl_forecaster_predict(f, series, NULL, 0, HORIZON, level, 2, &ret, NULL),
                     TDL_OK);
    return s;
}

static void the_same_bits_for_any_number_of_threads(void **state)
{
    tdl_pool *pool = tdl_pool_new(2);
    tdl_forecaster *one = fitted(NULL), *two = fitted(pool);
    said a = ask(one, 1), b = ask(two, 1);

    (void)state;
    assert_memory_equal(&a, &b, sizeof a);
    tdl_forecaster_free(one);
    tdl_forecaster_free(two);
    tdl_pool_free(pool);
}

static void an_interval_that_too_few_forecasts_stand_behind_is_infinite(void **state)
{
    tdl_forecaster *f = fitted(NULL);
    said s = ask(f, 0);

    (void)state;
    for (size_t h = 0; h < HORIZON; h++) {
        assert_true(isfinite(s.high[h]) && s.low[h] <= s.mean[h] && s.mean[h] <= s.high[h]);
        assert_true(isinf(s.high[HORIZON + h]));
        assert_true(s.low[HORIZON + h] == 0); /* the history never falls below 0 */
    }
    tdl_forecaster_free(f);
}

static void a_file_gives_back_the_same_bits(void **state)
{
    const char path[] = "forecaster.safetensors";
    tdl_forecaster *f = fitted(NULL), *again = NULL;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_forecaster_save(f, path, NULL), TDL_OK);
    if (tdl_forecaster_load(path, &again, &why))
        fail_msg("%s", why.message);
    for (size_t i = 0; i < 2; i++) {
        said a = ask(f, i), b = ask(again, i);
        assert_memory_equal(&a, &b, sizeof a);
    }
    unlink(path);
    tdl_forecaster_free(f);
    tdl_forecaster_free(again);
}

static void damaged_files_are_refused_wherever_they_are_cut(void **state)
{
    const char path[] = "damaged.safetensors";
    tdl_forecaster *f = fitted(NULL), *again = NULL;
    tdl_report why = {0};
    FILE *file;
    static char bytes[1 << 18];
    size_t n;

    (void)state;
    assert_int_equal(tdl_forecaster_save(f, path, NULL), TDL_OK);
    file = fopen(path, "rb");
    assert_non_null(file);
    n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unlink(path);
    for (size_t cut = 0; cut < n; cut += 1 + n / 97)
        assert_int_not_equal(tdl_forecaster_parse((tdl_str){bytes, cut}, &again, &why), TDL_OK);
    for (size_t i = 8; i < n && i < 3000; i++) { // any byte of the header
        char was = bytes[i];
        bytes[i] = (char)(was ^ 4);
        if (!tdl_forecaster_parse((tdl_str){bytes, n}, &again, &why)) {
            tdl_forecaster_free(again);
            again = NULL;
        }
        bytes[i] = was;
    }
    tdl_forecaster_free(f);
}

static void a_new_series_is_forecast_as_the_one_it_is_like(void **state)
{
    tdl_forecaster *f = fitted(NULL);
    double y[60], mean[HORIZON];
    tdl_forecast ret = {.mean = mean};

    (void)state;
    for (size_t t = 0; t < 60; t++)
        y[t] = 2000 + 500. * (double)(t % 7);
    assert_int_equal(tdl_forecaster_predict(f, SIZE_MAX, y, 60, HORIZON, NULL, 0, &ret, NULL),
                     TDL_OK);
    assert_true(ret.floor); /* 60 points are fewer than what was chosen needs */
    for (size_t h = 0; h < HORIZON; h++)
        assert_true(fabs(mean[h] - (2000 + 500. * (double)((60 + h) % 7))) < 1e-9);
    tdl_forecaster_free(f);
}

static void questions_that_cannot_be_are_refused(void **state)
{
    tdl_forecaster *f = fitted(NULL);
    const double nan_level[] = {(double)NAN}, hole[] = {1, (double)NAN};
    double mean[HORIZON], low[HORIZON], high[HORIZON];
    tdl_forecast ret = {.mean = mean, .low = low, .high = high};

    (void)state;
    assert_int_equal(tdl_forecaster_predict(f, 0, NULL, 0, 99, NULL, 0, &ret, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_forecaster_predict(f, 2, NULL, 0, 1, NULL, 0, &ret, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_forecaster_predict(f, 0, hole, 2, 1, NULL, 0, &ret, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_forecaster_predict(f, 0, NULL, 0, 1, nan_level, 1, &ret, NULL),
                     TDL_E_INVALID);
    tdl_forecaster_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_any_order_become_series_by_id),
        cmocka_unit_test(months_are_steps_though_they_differ_in_length),
        cmocka_unit_test(a_missing_step_is_filled_by_its_season_and_counted),
        cmocka_unit_test(a_row_a_series_is_read_without_its_empty_end),
        cmocka_unit_test(what_is_no_series_is_refused_with_where),
        cmocka_unit_test(values_of_one_time_are_joined_as_asked),
        cmocka_unit_test(the_season_is_found),
        cmocka_unit_test(holidays_are_those_published),
        cmocka_unit_test(days_and_dates_agree),
        cmocka_unit_test(the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(an_interval_that_too_few_forecasts_stand_behind_is_infinite),
        cmocka_unit_test(a_file_gives_back_the_same_bits),
        cmocka_unit_test(damaged_files_are_refused_wherever_they_are_cut),
        cmocka_unit_test(a_new_series_is_forecast_as_the_one_it_is_like),
        cmocka_unit_test(questions_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
