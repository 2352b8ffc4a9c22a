/* Members and their selection. M4 Hourly: spec/predict.md 4.6 and refs baselines.json (Python);
 * official figures of Naive 2 and of the seasonal naive from Mcompetitions/M4-methods. */
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

#include "base/pool.h"
#include "data.h"
#include "forecast/season.h"
#include "forecast/select.h"
#include "stats/regress.h"

static const tdl_forecast_task week = {.horizon = 7, .period = {7}, .periods_n = 1};

static void waves(double *y, size_t n)
{
    for (size_t t = 0; t < n; t++)
        y[t] = 50 + 10 * sin(2 * 3.141592653589793 * (double)t / 7);
}

static void a_pure_season_is_forecast_exactly(void **state)
{
    double y[77], f[7];
    tdl_selection s;

    (void)state;
    waves(y, 77);
    assert_int_equal(tdl_forecast_select(&week, y, 70, NULL, &s, NULL), TDL_OK);
    assert_int_equal(tdl_forecast_by(&s, NULL, y, 70, f, NULL), TDL_OK);
    for (size_t h = 0; h < 7; h++)
        assert_true(fabs(f[h] - y[70 + h]) < 1e-6);
}

static void weights_sum_to_one_and_go_to_the_best(void **state)
{
    double y[140], total = 0, least = HUGE_VAL;
    tdl_select_options best = {.blend = TDL_BLEND_BEST};
    tdl_selection s;

    (void)state;
    for (size_t t = 0; t < 140; t++)
        y[t] = (double)(t * t % 23);
    assert_int_equal(tdl_forecast_select(&week, y, 140, NULL, &s, NULL), TDL_OK);
    for (size_t e = 0; e < s.entrants_n; e++)
        total += s.entrant[e].weight;
    assert_true(fabs(total - 1) < 1e-12);
    assert_int_equal(tdl_forecast_select(&week, y, 140, &best, &s, NULL), TDL_OK);
    for (size_t e = 0; e < s.entrants_n; e++)
        least = fmin(least, s.entrant[e].score);
    for (size_t e = 0; e < s.entrants_n; e++)
        if (s.entrant[e].weight > 0)
            assert_true(s.entrant[e].score == least);
}

static void a_short_history_is_forecast_by_the_floor(void **state)
{
    const double y[] = {3, 1, 4};
    double f[7];
    tdl_selection s;

    (void)state;
    assert_int_equal(tdl_forecast_select(&week, y, 3, NULL, &s, NULL), TDL_OK);
    assert_int_equal(s.origins_n, 0);
    assert_int_equal(tdl_forecast_by(&s, NULL, y, 3, f, NULL), TDL_OK);
    for (size_t h = 0; h < 7; h++)
        assert_true(f[h] == 4);
}

static void a_constant_series_stays_constant(void **state)
{
    double y[70], f[7];
    tdl_selection s;

    (void)state;
    for (size_t t = 0; t < 70; t++)
        y[t] = 5;
    assert_int_equal(tdl_forecast_select(&week, y, 70, NULL, &s, NULL), TDL_OK);
    assert_int_equal(tdl_forecast_by(&s, NULL, y, 70, f, NULL), TDL_OK);
    for (size_t h = 0; h < 7; h++)
        assert_true(fabs(f[h] - 5) < 1e-9);
}

static void forecasts_are_kept_near_the_range_and_above_zero(void **state)
{
    const double y[] = {0, 10, 5};
    double f[] = {-3, 99, 7, (double)NAN};

    (void)state;
    tdl_forecast_clip(y, 3, .25, f, 4);
    assert_true(f[0] == 0 && f[1] == 12.5 && f[2] == 7 && f[3] == 0);
}

static void unknown_members_and_empty_tasks_are_refused(void **state)
{
    const double y[] = {1, 2, 3};
    const tdl_select_options o = {.members = TDL_STR("ridge, arima")};
    const tdl_forecast_task none = {0};
    tdl_report why = {0};
    tdl_selection s;

    (void)state;
    assert_int_equal(tdl_forecast_select(&week, y, 3, &o, &s, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "arima"));
    assert_int_equal(tdl_forecast_select(&none, y, 3, NULL, &s, &why), TDL_E_INVALID);
    assert_int_equal(tdl_forecast_select(&week, y, 0, NULL, &s, &why), TDL_E_INVALID);
}

/* Hyndman and Billah 2003: on a line without noise alpha is 1 at the bound and the drift is half of
 * the slope, so that steps of half the slope follow the last value. */
static void theta_follows_half_the_slope_of_a_line(void **state)
{
    const tdl_forecast_task task = {.horizon = 3, .shortest = 20};
    double y[20], f[3];

    (void)state;
    for (size_t t = 0; t < 20; t++)
        y[t] = 10 + 2 * (double)t;
    assert_int_equal(tdl_member_theta.forecast(&task, y, 20, 0, f, NULL), TDL_OK);
    for (size_t h = 1; h < 3; h++)
        assert_true(fabs(f[h] - f[h - 1] - 1) < 1e-9);
    assert_true(fabs(f[0] - (y[19] + 1)) < .1);
}

static void ets_follows_a_trend_with_a_season(void **state)
{
    const tdl_forecast_task task = {.horizon = 8, .period = {4}, .periods_n = 1, .shortest = 60};
    const double season[] = {5, -3, -4, 2};
    double y[68], f[8];

    (void)state;
    for (size_t t = 0; t < 68; t++)
        y[t] = 100 + .5 * (double)t + season[t % 4];
    assert_int_equal(tdl_member_ets.forecast(&task, y, 60, 0, f, NULL), TDL_OK);
    for (size_t h = 0; h < 8; h++)
        assert_true(fabs(f[h] - y[60 + h]) < .5);
}

static void seasonal_indices_are_those_of_r_decompose(void **state)
{
    /* R: decompose(ts(c(1,5,3, 2,6,4, 3,7,5, 4,8,6), frequency = 3))$figure */
    const double y[] = {1, 5, 3, 2, 6, 4, 3, 7, 5, 4, 8, 6};
    double index[3];

    (void)state;
    assert_int_equal(tdl_season_index(y, 12, 3, false, index, NULL), TDL_OK);
    assert_true(fabs(index[0] + 5. / 3) < 1e-9);
    assert_true(fabs(index[1] - 2) < 1e-9);
    assert_true(fabs(index[2] + 1. / 3) < 1e-9);
}

/* ---- M4 Hourly ---- */

enum { SERIES = 414, HORIZON = 48, SEASON = 24 };

typedef struct m4 {
    double *y[SERIES];
    size_t n[SERIES];
    const double *truth[SERIES];
    double forecast[SERIES][HORIZON];
    const tdl_select_options *options;
} m4;

static const tdl_forecast_task hourly = {
    .horizon = HORIZON, .period = {SEASON, 168}, .periods_n = 2};

static void measure(const m4 *m, double *ret_smape, double *ret_mase)
{
    *ret_smape = *ret_mase = 0;
    for (size_t i = 0; i < SERIES; i++) {
        double scale = tdl_seasonal_error(m->y[i], m->n[i], SEASON);

        *ret_smape += tdl_smape(m->truth[i], m->forecast[i], HORIZON) / SERIES;
        *ret_mase += tdl_mase(m->truth[i], m->forecast[i], HORIZON, scale) / SERIES;
    }
}

static void forecast_share(void *context, size_t begin, size_t end, unsigned part)
{
    m4 *m = context;
    tdl_selection s;

    (void)part;
    for (size_t i = begin; i < end; i++)
        if (tdl_forecast_select(&hourly, m->y[i], m->n[i], m->options, &s, NULL) ||
            tdl_forecast_by(&s, NULL, m->y[i], m->n[i], m->forecast[i], NULL))
            m->forecast[i][0] = (double)NAN;
}

static double selected(m4 *m, const tdl_select_options *options, const char *name)
{
    double smape, mase, owa;
    tdl_pool *pool = tdl_pool_new(0);

    m->options = options;
    tdl_pool_run(pool, SERIES, 1, forecast_share, m);
    tdl_pool_free(pool);
    measure(m, &smape, &mase);
    owa = tdl_owa(smape, mase, 18.383, 2.395);
    printf("M4 Hourly, %s: %.3f / %.3f / %.4f\n", name, smape, mase, owa);
    return owa;
}

static void m4_hourly_figures_are_those_of_the_reference(void **state)
{
    const tdl_select_options three = {
        .origins = 3, .blend = TDL_BLEND_BEST, .members = TDL_STR("seasonal_naive,ridge")};
    const tdl_select_options seven = {.members = TDL_STR("seasonal_naive,ridge")};
    numbers train, test;
    m4 *m = calloc(1, sizeof *m);
    double smape, mase;

    (void)state;
    assert_non_null(m);
    if (!load_numbers("m4-hourly-train.csv.zst", "m4-train.csv", &train) ||
        !load_numbers("m4-hourly-test.csv.zst", "m4-test.csv", &test)) {
        free(m);
        skip();
    }
    for (size_t i = 0; i < SERIES; i++) {
        m->y[i] = train.at + i * train.cols;
        while (m->n[i] < train.cols && isfinite(m->y[i][m->n[i]]))
            m->n[i]++;
        m->truth[i] = test.at + i * test.cols;
        for (size_t h = 0; h < HORIZON; h++)
            m->forecast[i][h] = m->y[i][m->n[i] - SEASON + h % SEASON];
    }
    measure(m, &smape, &mase);
    assert_true(fabs(smape - 13.912) < 5e-4 && fabs(mase - 1.193) < 5e-4);
    for (size_t i = 0; i < SERIES; i++)
        assert_int_equal(tdl_naive2(m->y[i], m->n[i], SEASON, HORIZON, m->forecast[i], NULL),
                         TDL_OK);
    measure(m, &smape, &mase);
    printf("M4 Hourly, Naive 2: %.3f / %.3f\n", smape, mase);
    assert_true(fabs(smape - 18.383) < 5e-3 && fabs(mase - 2.395) < 5e-3);
    assert_true(selected(m, &three, "best of three origins") < .43); /* reference: .423 */
    assert_true(selected(m, &seven, "two best of seven origins") < .41);
    free(train.at);
    free(test.at);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pure_season_is_forecast_exactly),
        cmocka_unit_test(weights_sum_to_one_and_go_to_the_best),
        cmocka_unit_test(a_short_history_is_forecast_by_the_floor),
        cmocka_unit_test(a_constant_series_stays_constant),
        cmocka_unit_test(forecasts_are_kept_near_the_range_and_above_zero),
        cmocka_unit_test(unknown_members_and_empty_tasks_are_refused),
        cmocka_unit_test(theta_follows_half_the_slope_of_a_line),
        cmocka_unit_test(ets_follows_a_trend_with_a_season),
        cmocka_unit_test(seasonal_indices_are_those_of_r_decompose),
        cmocka_unit_test(m4_hourly_figures_are_those_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
