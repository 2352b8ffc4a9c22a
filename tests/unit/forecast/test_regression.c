/* Regression on time. Chicago ridership (r-cran-modeldata): spec/predict.md 4.4 gives ridge with a
 * calendar 2.629 / 1.704, trees with one 2.203 / 1.705, their mean 2.242 / 1.611 (Python, sklearn
 * and xgboost); bars 2.20 and 1.70. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "forecast/calendar.h"
#include "forecast/regression.h"
#include "learn/learner.h"
#include "stats/regress.h"
#include "table/read.h"

enum { DAYS = 120, HELD = 20, TEST_DAYS = 730 };

static uint32_t *rows_of(size_t first, size_t n)
{
    uint32_t *row = malloc(n * sizeof *row);

    assert_non_null(row);
    for (size_t i = 0; i < n; i++)
        row[i] = (uint32_t)(first + i);
    return row;
}

/* day, price, value = 3 weekday + 2 price, the last HELD values missing */
static void shop(tdl_frame *frame, double *day, double *price, double *value)
{
    static tdl_column column[3];

    for (size_t t = 0; t < DAYS; t++) {
        day[t] = (double)t * TDL_DAY_SECONDS;
        price[t] = (double)(t * 7 % 11);
        value[t] = t < DAYS - HELD ? 3 * tdl_civil_of(day[t]).weekday + 2 * price[t] : (double)NAN;
    }
    column[0] = (tdl_column){.name = "day", .type = TDL_COLUMN_DATE, .number = day};
    column[1] = (tdl_column){.name = "price", .type = TDL_COLUMN_NUMERIC, .number = price};
    column[2] = (tdl_column){.name = "value", .type = TDL_COLUMN_NUMERIC, .number = value};
    *frame = (tdl_frame){.rows = DAYS, .column = column, .columns_n = 3};
}

static const tdl_regression_options shop_options = {
    .time = {"day", 3}, .value = {"value", 5}, .holidays = {"us", 2}};

static void a_value_made_of_weekday_and_price_is_found(void **state)
{
    double day[DAYS], price[DAYS], value[DAYS], f[HELD];
    uint32_t *all = rows_of(0, DAYS), *late = rows_of(DAYS - HELD, HELD);
    tdl_frame frame;
    tdl_regression *m = NULL;

    (void)state;
    shop(&frame, day, price, value);
    assert_int_equal(tdl_regression_fit(&frame, all, DAYS, &shop_options, &m, NULL), TDL_OK);
    assert_int_equal(tdl_regression_predict(m, &frame, late, HELD, f, NULL), TDL_OK);
    for (size_t i = 0; i < HELD; i++) {
        size_t t = DAYS - HELD + i;
        assert_true(fabs(f[i] - (3 * tdl_civil_of(day[t]).weekday + 2 * price[t])) < 1);
    }
    tdl_regression_free(m);
    free(all);
    free(late);
}

static void what_cannot_be_learnt_from_is_refused_by_name(void **state)
{
    double day[DAYS], price[DAYS], value[DAYS];
    uint32_t *all = rows_of(0, DAYS);
    tdl_regression_options o = shop_options;
    tdl_report why = {0};
    tdl_frame frame;
    tdl_regression *m = NULL;

    (void)state;
    shop(&frame, day, price, value);
    assert_int_equal(tdl_regression_fit(&frame, all, 20, &o, &m, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "20 rows"));
    o.holidays = TDL_STR("xx");
    assert_int_equal(tdl_regression_fit(&frame, all, DAYS, &o, &m, &why), TDL_E_INVALID);
    o.holidays = (tdl_str){0};
    o.value = TDL_STR("sold");
    assert_int_equal(tdl_regression_fit(&frame, all, DAYS, &o, &m, &why), TDL_E_NOT_FOUND);
    o.value = TDL_STR("value");
    day[5] = (double)NAN;
    assert_int_equal(tdl_regression_fit(&frame, all, DAYS, &o, &m, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 6"));
    free(all);
}

/* ---- Chicago ---- */

static void measure(const tdl_frame *frame, const char *holidays, double rmse, double mae)
{
    size_t n = frame->rows - TEST_DAYS, at;
    uint32_t *early = rows_of(0, n), *late = rows_of(n, TEST_DAYS);
    const tdl_regression_options o = {
        .time = TDL_STR("date"), .value = TDL_STR("ridership"), .holidays = tdl_str_of(holidays)};
    tdl_regression *m = NULL;
    tdl_report why = {0};
    double f[TEST_DAYS], r, a;

    if (tdl_regression_fit(frame, early, n, &o, &m, &why))
        fail_msg("%s", why.message);
    assert_int_equal(tdl_regression_predict(m, frame, late, TEST_DAYS, f, NULL), TDL_OK);
    assert_true(tdl_frame_find(frame, TDL_STR("ridership"), &at));
    r = tdl_rmse(frame->column[at].number + n, f, NULL, TEST_DAYS);
    a = tdl_mae(frame->column[at].number + n, f, NULL, TEST_DAYS);
    printf("Chicago, holidays %s: RMSE %.3f, MAE %.3f; weights", holidays ? holidays : "none", r,
           a);
    for (size_t k = 0; k < TDL_REGRESSION_PARTS; k++)
        printf(" %.1f", tdl_regression_weight(m, k, NULL));
    printf("\n");
    assert_true(r <= rmse && a <= mae);
    tdl_regression_free(m);
    free(early);
    free(late);
}

static void chicago_is_forecast_better_than_the_bars(void **state)
{
    const char *folder = getenv("TREADLE_TEST_DATA");
    bool trees = tdl_learner_find(TDL_STR("trees")) != NULL;
    char path[512];
    tdl_frame frame;

    (void)state;
    snprintf(path, sizeof path, "%s/Chicago.csv", folder ? folder : ".");
    if (access(path, R_OK)) {
        printf("skipped: Chicago.csv is not there (TREADLE_TEST_DATA names its folder)\n");
        skip();
    }
    assert_int_equal(tdl_frame_read(path, NULL, &frame, NULL, NULL), TDL_OK);
    if (trees)
        measure(&frame, NULL, 2.20, 1.61);
    measure(&frame, "us", trees ? 1.4 : 1.7, 1.2);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_made_of_weekday_and_price_is_found),
        cmocka_unit_test(what_cannot_be_learnt_from_is_refused_by_name),
        cmocka_unit_test(chicago_is_forecast_better_than_the_bars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
