/* Forecasting on real series: errors, intervals and selection beside the figures of spec/predict.md
 * section 5.2, and what they cost beside numpy and R on the same arrays, one thread each.
 *
 * ETTh1 (Zhou et al. 2021), M4 Hourly (Makridakis et al. 2020) and Chicago (r-cran-modeldata), from
 * $TREADLE_TEST_DATA or the shared data beside the working folder; what is absent is left out.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bars.h"
#include "cli/command.h"
#include "forecast/patch.h"
#include "forecast/regression.h"
#include "forecast/ridge.h"
#include "forecast/select.h"
#include "peak.h"
#include "peer_script.h"
#include "series_data.h"
#include "stats/adaptive.h"
#include "stats/regress.h"
#include "table/read.h"

enum { TRAIN = 8640, VALID = 2880, TEST = 2880, ALL = TRAIN + VALID + TEST, LAGS = 336 };
enum { SERIES = 414, HORIZON = 48, SEASON = 24, SAMPLE = 6, TEST_DAYS = 730 };

static void at_most(tdl_bars *bars, const char *name, double value, const char *unit, double bound)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = value,
                           .unit = unit,
                           .kind = TDL_BAR_AT_MOST,
                           .bound = bound,
                           .peer = "bar",
                           .peer_value = bound},
                 "%s", name);
}

/* ---- ETTh1 ---- */

typedef struct etth1 {
    double *y[16]; /* [columns][ALL] scaled by training */
    size_t columns;
} etth1;

/* Sums of one part: the windows whose truth lies in [first, end). */
static tdl_status sums_of(const etth1 *e, size_t horizon, size_t first, size_t end,
                          tdl_ridge_sums *ret, tdl_report *why)
{
    size_t from = first ? first - LAGS : 0;
    tdl_status st = tdl_ridge_sums_init(ret, LAGS, horizon, why);

    for (size_t c = 0; c < e->columns && !st; c++)
        st = tdl_ridge_sums_add(ret, e->y[c] + from, end - from, why);
    return st;
}

static tdl_status ridge_bars(const etth1 *e, tdl_bars *bars, tdl_report *why)
{
    static const struct {
        size_t horizon;
        double bar;
    } cases[] = {{96, .3701}, {192, .4035}, {336, .4255}, {720, .4215}};
    static const double lambda[] = {1, 100, 1000, 10000, 100000};
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < sizeof cases / sizeof *cases && !st; i++) {
        tdl_ridge_sums part[3] = {{0}};
        double *w = malloc(LAGS * cases[i].horizon * sizeof *w), best;
        char name[64];

        if (!w)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for weights");
        if (!(st = sums_of(e, cases[i].horizon, 0, TRAIN, &part[0], why)) &&
            !(st = sums_of(e, cases[i].horizon, TRAIN, TRAIN + VALID, &part[1], why)) &&
            !(st = sums_of(e, cases[i].horizon, TRAIN + VALID, ALL, &part[2], why)) &&
            !(st = tdl_ridge_choose(&part[0], &part[1], lambda, sizeof lambda / sizeof *lambda, w,
                                    &best, NULL, why))) {
            snprintf(name, sizeof name, "series: ETTh1-%zu, ridge, test error", cases[i].horizon);
            at_most(bars, name, tdl_ridge_error(&part[2], w), "MSE", cases[i].bar);
        }
        for (size_t k = 0; k < 3; k++)
            tdl_ridge_sums_release(&part[k]);
        free(w);
    }
    return st;
}

static tdl_status speed_bar(const etth1 *e, bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_ridge_sums train = {0};
    double *w = malloc(LAGS * 96 * sizeof *w), took[3], error = 0;
    const double *columns[16];
    char path[64];
    json_t *peer = NULL;
    tdl_status st = TDL_OK;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for weights");
    for (size_t k = 0; k < 3 && !st; k++) {
        tdl_ridge_sums_release(&train);
        took[k] = tdl_cpu_seconds();
        if (!(st = sums_of(e, 96, 0, TRAIN, &train, why)))
            st = tdl_ridge_solve(&train, 1000, w, why);
        took[k] = tdl_cpu_seconds() - took[k];
        error = st ? 0 : tdl_ridge_error(&train, w);
    }
    for (size_t c = 0; c < e->columns; c++)
        columns[c] = e->y[c];
    if (!st && tdl_series_data_share(columns, e->columns, TRAIN, path, sizeof path)) {
        char n[16];

        snprintf(n, sizeof n, "%zu", e->columns);
        peer = tdl_peer_ask("ridge.py", path, n, quiet);
        unlink(path);
    }
    if (peer) {
        double seconds = tdl_peer_number(peer, "seconds");

        tdl_bars_add(bars,
                     (tdl_bar){.value = tdl_median3(took) / seconds,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = .5,
                               .peer = "numpy, s",
                               .peer_value = seconds},
                     "series: ETTh1-96, ridge fit, one thread (%.4f s)", tdl_median3(took));
        at_most(bars, "series: ETTh1-96, training error, difference to numpy",
                fabs(error - tdl_peer_number(peer, "error")), "MSE", 1e-9);
    }
    json_decref(peer);
    tdl_ridge_sums_release(&train);
    free(w);
    return st;
}

/* |truth - forecast| at each step of the windows whose truth begins at `first`. */
static double *errors_of(const double *w, const double *y, size_t first, size_t windows)
{
    double *e = malloc(windows * 96 * sizeof *e);

    for (size_t i = 0; e && i < windows; i++) {
        tdl_ridge_apply(w, LAGS, 96, y + first + i - LAGS, e + i * 96);
        for (size_t h = 0; h < 96; h++)
            e[i * 96 + h] = fabs(e[i * 96 + h] - y[first + i + h]);
    }
    return e;
}

/* Share of the errors inside delayed adaptive intervals. */
static tdl_status cover(const double *seen, size_t seen_n, const double *test, size_t test_n,
                        double miss, double *ret, tdl_report *why)
{
    const tdl_adaptive_options options = {.horizons = 96, .miss = miss};
    double *score = malloc(seen_n * sizeof *score), width;
    tdl_adaptive *a = NULL;
    size_t inside = 0;
    tdl_status st = tdl_adaptive_new(&options, &a, why);

    if (!score && !st)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", seen_n);
    for (size_t h = 0; h < 96 && !st; h++) {
        for (size_t i = 0; i < seen_n; i++)
            score[i] = seen[i * 96 + h];
        st = tdl_adaptive_seed(a, h, score, seen_n, why);
        for (size_t i = 0; i < test_n && !st; i++) {
            if (i > h)
                st = tdl_adaptive_arrive(a, h, test[(i - h - 1) * 96 + h], why);
            if (!st && !(st = tdl_adaptive_issue(a, h, &width, why)))
                inside += test[i * 96 + h] <= width;
        }
    }
    tdl_adaptive_free(a);
    free(score);
    *ret = (double)inside / ((double)test_n * 96);
    return st;
}

static tdl_status interval_bars(const etth1 *e, tdl_bars *bars, tdl_report *why)
{
    static const double level[] = {.80, .90, .95};
    size_t seen_n = VALID - 95, test_n = TEST - 95;
    double *w = malloc(LAGS * 96 * sizeof *w), mean[3] = {0}, worst[3] = {0};
    tdl_ridge_sums train = {0};
    tdl_status st = TDL_OK;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for weights");
    if (!(st = sums_of(e, 96, 0, TRAIN, &train, why)))
        st = tdl_ridge_solve(&train, 1000, w, why);
    for (size_t c = 0; c < e->columns && !st; c++) {
        double *seen = errors_of(w, e->y[c], TRAIN, seen_n);
        double *test = errors_of(w, e->y[c], TRAIN + VALID, test_n), share;

        if (!seen || !test)
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for errors");
        for (size_t k = 0; k < 3 && !st; k++) {
            st = cover(seen, seen_n, test, test_n, 1 - level[k], &share, why);
            mean[k] += share / (double)e->columns;
            worst[k] = fmax(worst[k], fabs(share - level[k]));
        }
        free(seen);
        free(test);
    }
    for (size_t k = 0; k < 3 && !st; k++) {
        char name[96];

        snprintf(name, sizeof name, "series: ETTh1-96, delayed adaptive %.2f, coverage off by",
                 level[k]);
        at_most(bars, name, fabs(mean[k] - level[k]), "share", .01);
        snprintf(name, sizeof name, "series: ETTh1-96, %.2f, the worst column off by", level[k]);
        at_most(bars, name, worst[k], "share", .02);
    }
    tdl_ridge_sums_release(&train);
    free(w);
    return st;
}

/* Two minutes at most: the transformer on what the ridge leaves. */
static tdl_status transformer_bar(const etth1 *e, tdl_bars *bars, tdl_report *why)
{
    const tdl_patch_options options = {.window = LAGS,
                                       .horizon = 96,
                                       .d_model = 16,
                                       .heads = 4,
                                       .d_ff = 128,
                                       .dropout = .3,
                                       .rate = 5e-4,
                                       .epochs = 4,
                                       .examples = 8000,
                                       .seconds = 120,
                                       .seed = 1};
    const double *y[16];
    size_t known[16], n[16];
    double own, before, test = 0;
    tdl_patch *m = NULL;
    tdl_status st;

    for (size_t c = 0; c < e->columns; c++) {
        y[c] = e->y[c];
        known[c] = TRAIN;
        n[c] = TRAIN + VALID;
    }
    st = tdl_patch_fit(y, known, n, e->columns, &options, &m, &own, &before, why);
    for (size_t c = 0; c < e->columns && !st; c++) {
        double error;

        st = tdl_patch_error(m, e->y[c], TRAIN + VALID, ALL, 1, &error, why);
        test += error / (double)e->columns;
    }
    tdl_patch_free(m);
    if (st)
        return st;
    tdl_bars_add(bars,
                 (tdl_bar){.value = test,
                           .unit = "MSE",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = .375,
                           .peer = "the ridge's in validation",
                           .peer_value = before},
                 "series: ETTh1-96, transformer on ridge, test (validation %.4f)", own);
    return TDL_OK;
}

static tdl_status bench_etth1(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_series_data data;
    etth1 e = {0};
    bool there;
    tdl_status st = tdl_series_data_read("ETTh1", quiet, &data, &there, why);

    if (st || !there)
        return st;
    for (e.columns = 0; e.columns < data.cols && e.columns < 16 && !st; e.columns++)
        if (!(e.y[e.columns] = tdl_series_data_column(&data, e.columns, TRAIN, ALL)))
            st = TDL_FAIL(why, TDL_E_INVALID, "ETTh1: fewer than %d rows, or no memory", ALL);
    if (!st && !(st = ridge_bars(&e, bars, why)) && !(st = speed_bar(&e, quiet, bars, why)))
        st = interval_bars(&e, bars, why);
    if (!st)
        st = transformer_bar(&e, bars, why);
    for (size_t c = 0; c < e.columns; c++)
        free(e.y[c]);
    free(data.at);
    return st;
}

/* ---- M4 Hourly ---- */

typedef struct m4 {
    const double *y[SERIES], *truth[SERIES];
    size_t n[SERIES];
    double forecast[SERIES][HORIZON];
} m4;

static void measure(const m4 *m, double *ret_smape, double *ret_mase)
{
    *ret_smape = *ret_mase = 0;
    for (size_t i = 0; i < SERIES; i++) {
        double scale = tdl_seasonal_error(m->y[i], m->n[i], SEASON);

        *ret_smape += tdl_smape(m->truth[i], m->forecast[i], HORIZON) / SERIES;
        *ret_mase += tdl_mase(m->truth[i], m->forecast[i], HORIZON, scale) / SERIES;
    }
}

static tdl_status m4_bars(m4 *m, bool quiet, tdl_bars *bars, tdl_report *why)
{
    static const tdl_forecast_task hourly = {
        .horizon = HORIZON, .period = {SEASON, 168}, .periods_n = 2};
    double smape, mase, took;
    tdl_selection s;
    char path[64], n[16];
    json_t *peer = NULL;
    tdl_status st;

    for (size_t i = 0; i < SERIES; i++)
        for (size_t h = 0; h < HORIZON; h++)
            m->forecast[i][h] = m->y[i][m->n[i] - SEASON + h % SEASON];
    measure(m, &smape, &mase);
    at_most(bars, "series: M4 Hourly, seasonal naive, sMAPE off 13.912 by", fabs(smape - 13.912),
            "%", 5e-4);
    at_most(bars, "series: M4 Hourly, seasonal naive, MASE off 1.193 by", fabs(mase - 1.193), "",
            5e-4);
    took = tdl_cpu_seconds();
    for (size_t i = 0; i < SERIES; i++)
        if ((st = tdl_forecast_select(&hourly, m->y[i], m->n[i], NULL, &s, why)) ||
            (st = tdl_forecast_by(&s, NULL, m->y[i], m->n[i], m->forecast[i], why)))
            return st;
    took = tdl_cpu_seconds() - took;
    measure(m, &smape, &mase);
    tdl_bars_add(bars,
                 (tdl_bar){.value = tdl_owa(smape, mase, 18.383, 2.395),
                           .unit = "OWA",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = .43,
                           .peer = "best of the M4 on this group",
                           .peer_value = .410},
                 "series: M4 Hourly, default forecaster (%.3f / %.3f)", smape, mase);
    if (tdl_series_data_share(m->y, SAMPLE, 700, path, sizeof path)) {
        snprintf(n, sizeof n, "%d", SAMPLE);
        peer = tdl_peer_ask("ets.py", path, n, quiet);
        unlink(path);
    }
    if (peer) {
        double whole = tdl_peer_number(peer, "seconds") * SERIES / SAMPLE;

        tdl_bars_add(bars,
                     (tdl_bar){.value = took / whole,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = .25,
                               .peer = "R ets, s (6 series, scaled)",
                               .peer_value = whole},
                     "series: M4 Hourly, selection of 414, one thread (%.1f s)", took);
    }
    json_decref(peer);
    return TDL_OK;
}

static tdl_status bench_m4(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_series_data train = {0}, test = {0};
    m4 *m = calloc(1, sizeof *m);
    bool there = false;
    tdl_status st;

    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for M4");
    if ((st = tdl_series_data_read("m4-hourly-train", quiet, &train, &there, why)) || !there ||
        (st = tdl_series_data_read("m4-hourly-test", quiet, &test, &there, why)) || !there)
        goto out;
    if (train.rows != SERIES || test.rows != SERIES || test.cols != HORIZON) {
        st = TDL_FAIL(why, TDL_E_INVALID, "M4 Hourly: not %d series of %d", SERIES, HORIZON);
        goto out;
    }
    for (size_t i = 0; i < SERIES; i++) {
        m->y[i] = train.at + i * train.cols;
        m->truth[i] = test.at + i * test.cols;
        while (m->n[i] < train.cols && isfinite(m->y[i][m->n[i]]))
            m->n[i]++;
        if (m->n[i] < 700) {
            st = TDL_FAIL(why, TDL_E_INVALID, "M4 Hourly: series %zu has %zu points", i, m->n[i]);
            goto out;
        }
    }
    st = m4_bars(m, quiet, bars, why);
out:
    free(train.at);
    free(test.at);
    free(m);
    return st;
}

/* ---- Chicago ---- */

static tdl_status bench_chicago(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static const char *const holidays[] = {"", "us"};
    const char *folder = getenv("TREADLE_TEST_DATA");
    char path[512];
    tdl_frame frame = {0};
    uint32_t *row = NULL;
    double f[TEST_DAYS];
    size_t n, at;
    tdl_status st;

    snprintf(path, sizeof path, "%s/Chicago.csv", folder ? folder : ".");
    if (access(path, R_OK)) {
        if (!quiet)
            fputs(tdl_tr("series: Chicago.csv is not there, left out\n",
                         "series：没有 Chicago.csv，已略过\n"),
                  stderr);
        return TDL_OK;
    }
    if ((st = tdl_frame_read(path, NULL, &frame, NULL, why)))
        return st;
    n = frame.rows > TEST_DAYS ? frame.rows - TEST_DAYS : 0;
    if (!tdl_frame_find(&frame, TDL_STR("ridership"), &at) || !n ||
        !(row = malloc(frame.rows * sizeof *row))) {
        st = TDL_FAIL(why, TDL_E_INVALID, "%s: not the table of ridership", path);
        goto out;
    }
    for (size_t i = 0; i < frame.rows; i++)
        row[i] = (uint32_t)i;
    for (size_t k = 0; k < 2; k++) {
        const tdl_regression_options o = {.time = TDL_STR("date"),
                                          .value = TDL_STR("ridership"),
                                          .holidays = tdl_str_of(holidays[k])};
        const double *y = frame.column[at].number + n;
        tdl_regression *m = NULL;

        if ((st = tdl_regression_fit(&frame, row, n, &o, &m, why)))
            goto out;
        st = tdl_regression_predict(m, &frame, row + n, TEST_DAYS, f, why);
        tdl_regression_free(m);
        if (st)
            goto out;
        at_most(bars, k ? "series: Chicago with holidays, RMSE" : "series: Chicago, RMSE",
                tdl_rmse(y, f, NULL, TEST_DAYS), "thousand", 2.20);
        at_most(bars, k ? "series: Chicago with holidays, MAE" : "series: Chicago, MAE",
                tdl_mae(y, f, NULL, TEST_DAYS), "thousand", k ? 1.61 : 1.70);
    }
out:
    tdl_frame_release(&frame);
    free(row);
    return st;
}

tdl_status tdl_bench_series(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_status st;

    if ((st = bench_etth1(quiet, bars, why)) || (st = bench_m4(quiet, bars, why)))
        return st;
    return bench_chicago(quiet, bars, why);
}
