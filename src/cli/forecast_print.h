/* What `treadle forecast` was asked and prints. */
#ifndef TDL_CLI_FORECAST_PRINT_H
#define TDL_CLI_FORECAST_PRINT_H

#include <stdio.h>

#include "cli/command.h"
#include "forecast/backtest.h"
#include "forecast/inventory.h"

typedef struct tdl_forecast_values {
    tdl_common common;
    int64_t horizon, period, origins, threads, lead_time, review, transformer;
    const char *time, *value, *series, *layout, *aggregate, *levels, *model, *output, *save;
    const char *covariates, *holidays, *hierarchy, *reconcile;
    const char *service, *order_cost, *holding_cost, *position;
    const char *max_owa, *max_mase, *max_rmse, *max_mae, *min_coverage;
    bool backtest;
} tdl_forecast_values;

typedef struct tdl_forecast_job {
    const char *path; /* NULL: a forecaster that was kept, from its own history */
    tdl_series_set set;
    bool newer; /* `set` is what a forecaster that was kept answers from */
    size_t horizon;
    double level[TDL_LEVELS_MAX];
    size_t levels_n;
    tdl_stock_options stock;
    bool tested;
    tdl_backtest backtest;
    tdl_forecaster *forecaster; /* NULL: a back-test only */
    int32_t *parent;            /* [set.series_n] of a hierarchy; NULL = none */
    double *agreed;             /* [set.series_n][horizon] forecasts that agree; NULL = none */
} tdl_forecast_job;

/* Forecasts as CSV to --output or standard output, the leaderboard to standard error (a back-test
 * alone: to standard output); with --json all of it as one object. */
tdl_status tdl_forecast_print(const tdl_forecast_job *job, const tdl_forecast_values *v,
                              tdl_report *why);

/* A line when the baseline of a back-test wins. */
void tdl_forecast_print_verdict(const tdl_backtest *b, FILE *out);

/* With --covariates: rows after the last one that has a value are forecast by regression
 * (forecast/regression.h); a back-test holds out --horizon rows that have one from each of
 * --origins places. Reads job->path, fills in the back-test's first line and its baseline, prints.
 */
tdl_status tdl_forecast_regress(tdl_forecast_job *job, const tdl_forecast_values *v,
                                bool only_backtest, tdl_report *why);

#endif
