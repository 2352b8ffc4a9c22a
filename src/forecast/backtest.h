/* A back-test: what the forecaster would have said, and how right it would have been.
 *
 * From each of a few origins the whole forecaster is fitted anew on what was known then, selection
 * and intervals included, and asked for the next `horizon` steps. Beside it stand the seasonal
 * naive, each member by itself and Naive 2, on the same steps. Measures are means over series and
 * origins.
 */
#ifndef TDL_FORECAST_BACKTEST_H
#define TDL_FORECAST_BACKTEST_H

#include "base/json.h"
#include "forecast/forecaster.h"

enum { TDL_BACKTEST_LINES_MAX = TDL_ENTRANTS_MAX + 2 };

typedef struct tdl_backtest_line {
    char name[TDL_VARIANT_NAME_MAX]; /* "forecaster", "ridge 48/3", "naive2" */
    double smape, mase, owa, rmse, mae;
    size_t forecasts; /* that it made */
    size_t chosen;    /* in how many it had a weight */
} tdl_backtest_line;

typedef struct tdl_backtest {
    tdl_backtest_line line[TDL_BACKTEST_LINES_MAX]; /* the forecaster first, then by MASE */
    size_t lines_n;
    tdl_backtest_line baseline; /* the seasonal naive, whether it took part or not */
    double level[TDL_LEVELS_MAX];
    size_t levels_n;
    double coverage[TDL_LEVELS_MAX];   /* measured; infinite intervals count as covering */
    double worst[TDL_LEVELS_MAX];      /* of the series that it was lowest for */
    double width[TDL_LEVELS_MAX];      /* mean over those that are finite, over the series' scale */
    size_t infinite;                   /* intervals that were */
    size_t origins, series, too_short; /* series that no origin had room for */
} tdl_backtest;

/* origins: 0 = 1. TDL_E_INVALID: no series has room for one; or what fitting says. */
tdl_status tdl_backtest_run(const tdl_series_set *set, const tdl_forecast_options *options,
                            size_t origins, const double *level, size_t levels_n, tdl_backtest *ret,
                            tdl_report *why);

/* Is the seasonal naive at least as good, by MASE, or where that is unknown by MAE? */
bool tdl_backtest_baseline_wins(const tdl_backtest *b);

/* One JSON object: "origins", "series", "too_short", "leaderboard", "baseline", "baseline_wins",
 * "intervals". */
void tdl_backtest_write(const tdl_backtest *b, tdl_jw *out);

#endif
