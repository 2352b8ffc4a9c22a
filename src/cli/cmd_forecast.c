/* treadle forecast FILE, treadle forecast backtest FILE */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/forecast_hierarchy.h"
#include "cli/forecast_print.h"
#include "cli/forecast_saved.h"
#include "cli/progress.h"
#include "table/read.h"

static const tdl_option options[] = {
    {"horizon",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, horizon),
     "H",
     "0",
     0,
     TDL_FORECAST_HORIZON_MAX,
     {"steps to forecast; 0 = one season, else 10", "预测步数；0 = 一个季节周期，否则 10"}},
    {"time",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, time),
     "COL",
     NULL,
     0,
     0,
     {"column of times; found when there is one", "时间列；可自动识别"}},
    {"value",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, value),
     "COL",
     NULL,
     0,
     0,
     {"column to forecast", "要预测的列"}},
    {"series",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, series),
     "COL",
     NULL,
     0,
     0,
     {"column that names the series of a row", "标识每行所属序列的列"}},
    {"layout",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, layout),
     "L",
     NULL,
     0,
     0,
     {"long, columns (a series each) or rows; found",
      "long、columns（每列一个序列）或 rows；自动识别"}},
    {"period",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, period),
     "P",
     "0",
     0,
     100000,
     {"steps of a season; 0 = found", "季节周期的步数；0 = 自动识别"}},
    {"aggregate",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, aggregate),
     "HOW",
     NULL,
     0,
     0,
     {"rows of one time: sum, mean or last", "同一时间的多行：sum、mean 或 last"}},
    {"levels",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, levels),
     "P,P",
     "80,95",
     0,
     0,
     {"intervals, in per cent", "区间水平（百分比）"}},
    {"model",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, model),
     "M,M|NAME",
     "auto",
     0,
     0,
     {"members that may be chosen; or a forecaster that was saved",
      "可供选择的模型；或已保存的预测模型"}},
    {"output",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, output),
     "FILE",
     NULL,
     0,
     0,
     {"where the forecasts go as CSV; standard output", "预测结果 CSV 的去处；默认标准输出"}},
    {"save",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, save),
     "NAME|FILE",
     NULL,
     0,
     0,
     {"keep the forecaster: under a name, where it serves, or in a file",
      "保存预测模型：按名称（即可提供服务）或存入文件"}},
    {"backtest",
     TDL_OPTION_FLAG,
     offsetof(tdl_forecast_values, backtest),
     NULL,
     NULL,
     0,
     0,
     {"measure it on the last steps as well", "同时在最后若干步上回测"}},
    {"origins",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, origins),
     "N",
     "1",
     1,
     100,
     {"origins of the back-test", "回测的起点数"}},
    {"covariates",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, covariates),
     "C,C",
     NULL,
     0,
     0,
     {"columns known in advance: forecast by regression; all",
      "预先已知的列：用回归预测；all 表示全部"}},
    {"holidays",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, holidays),
     "us|cn",
     NULL,
     0,
     0,
     {"with --covariates: a country's public holidays", "与 --covariates 同用：公共假日"}},
    {"hierarchy",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, hierarchy),
     "C,C",
     NULL,
     0,
     0,
     {"columns from coarse to fine: forecast sums and parts that agree",
      "由粗到细的列：使总和与各部分的预测一致"}},
    {"reconcile",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, reconcile),
     "HOW",
     "ols",
     0,
     0,
     {"with --hierarchy: ols or bottom-up", "与 --hierarchy 同用：ols 或 bottom-up"}},
    {"lead-time",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, lead_time),
     "N",
     "0",
     0,
     TDL_FORECAST_HORIZON_MAX,
     {"steps until an order arrives: also plan stock", "订货到货步数：同时给出库存计划"}},
    {"review",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, review),
     "N",
     "0",
     0,
     TDL_FORECAST_HORIZON_MAX,
     {"steps between looks at the stock", "两次盘点之间的步数"}},
    {"service",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, service),
     "S",
     "0.95",
     0,
     0,
     {"share of order cycles without a shortage", "不缺货周期的比例"}},
    {"order-cost",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, order_cost),
     "C",
     "0",
     0,
     0,
     {"of placing one order", "一次订货的成本"}},
    {"holding-cost",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, holding_cost),
     "C",
     "0",
     0,
     0,
     {"of one unit for one step", "单位每步的持有成本"}},
    {"position",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, position),
     "N",
     "0",
     0,
     0,
     {"stock on hand and on order", "现有与在途库存"}},
    {"max-owa",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, max_owa),
     "X",
     NULL,
     0,
     0,
     {"back-test: exit 3 above this", "回测：高于此值以 3 退出"}},
    {"max-mase",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, max_mase),
     "X",
     NULL,
     0,
     0,
     {"the same", "同上"}},
    {"max-rmse",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, max_rmse),
     "X",
     NULL,
     0,
     0,
     {"the same", "同上"}},
    {"max-mae",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, max_mae),
     "X",
     NULL,
     0,
     0,
     {"the same", "同上"}},
    {"min-coverage",
     TDL_OPTION_TEXT,
     offsetof(tdl_forecast_values, min_coverage),
     "X",
     NULL,
     0,
     0,
     {"the same of the first level: exit 3 below this", "首个水平的覆盖率：低于此值以 3 退出"}},
    {"transformer",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, transformer),
     "SECONDS",
     "0",
     0,
     86400,
     {"train a patch transformer for so long; must beat ridge",
      "训练 patch transformer 的秒数；须胜过 ridge"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(tdl_forecast_values, threads),
     "N",
     "0",
     0,
     1024,
     {"0 = one per core; never changes the result", "0 = 每核一个；不影响结果"}},
};

/* ---- what was asked ---- */

static tdl_status number(const char *name, const char *text, double *ret, tdl_report *why)
{
    if (tdl_str_double(tdl_str_trim(tdl_str_of(text)), ret))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_USAGE, "--%s: \"%s\" is not a number", name, text);
}

static tdl_status read_levels(const char *text, tdl_forecast_job *job, tdl_report *why)
{
    tdl_str rest = tdl_str_of(text);

    while (rest.len) {
        const char *comma = memchr(rest.at, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.at) : rest.len;
        tdl_str one = tdl_str_trim((tdl_str){rest.at, n});
        double level;

        if (!tdl_str_double(one, &level) || !(level > 0 && level < 100) ||
            job->levels_n == TDL_LEVELS_MAX)
            return TDL_FAIL(why, TDL_E_USAGE,
                            "--levels: \"%.*s\" is not one of at most %d per cents", TDL_FMT(one),
                            TDL_LEVELS_MAX);
        job->level[job->levels_n++] = level / 100;
        n += comma ? 1 : 0;
        rest = (tdl_str){rest.at + n, rest.len - n};
    }
    return TDL_OK;
}

static tdl_status series_options(const tdl_forecast_values *v, tdl_series_options *ret,
                                 tdl_report *why)
{
    *ret = (tdl_series_options){.time = tdl_str_of(v->time),
                                .value = tdl_str_of(v->value),
                                .series = tdl_str_of(v->series),
                                .period = (size_t)v->period};
    if (v->aggregate && !tdl_aggregate_find(tdl_str_of(v->aggregate), &ret->aggregate))
        return TDL_FAIL(why, TDL_E_USAGE, "--aggregate is sum, mean or last, not \"%s\"",
                        v->aggregate);
    if (v->layout && !tdl_layout_find(tdl_str_of(v->layout), &ret->layout))
        return TDL_FAIL(why, TDL_E_USAGE, "--layout is long, columns or rows, not \"%s\"",
                        v->layout);
    return TDL_OK;
}

static tdl_status read_set(const tdl_series_options *as, const char *path, tdl_series_set *ret,
                           tdl_report *why)
{
    tdl_frame frame = {0};
    tdl_status st = tdl_frame_read(path, NULL, &frame, NULL, why);

    if (st)
        return st;
    if ((st = tdl_series_of(&frame, as, ret, why)))
        tdl_report_prefix(why, "%s", path);
    tdl_frame_release(&frame);
    return st;
}

/* ---- bars ---- */

static tdl_status check_bar(const char *name, const char *bar, double value, bool most,
                            tdl_report *why)
{
    double bound;
    tdl_status st;

    if (!bar)
        return TDL_OK;
    if ((st = number(name, bar, &bound, why)))
        return st;
    if (most ? value <= bound : value >= bound)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_BAR, "--%s %g: it is %.4g", name, bound, value);
}

static tdl_status check_bars(const tdl_forecast_values *v, const tdl_backtest *b, tdl_report *why)
{
    const tdl_backtest_line *own = &b->line[0];
    tdl_status st;

    if ((st = check_bar("max-owa", v->max_owa, own->owa, true, why)) ||
        (st = check_bar("max-mase", v->max_mase, own->mase, true, why)) ||
        (st = check_bar("max-rmse", v->max_rmse, own->rmse, true, why)) ||
        (st = check_bar("max-mae", v->max_mae, own->mae, true, why)))
        return st;
    return b->levels_n ? check_bar("min-coverage", v->min_coverage, b->coverage[0], false, why)
                       : TDL_OK;
}

/* ---- running ---- */

static bool tell(void *context, double done, const char *detail)
{
    return tdl_progress_tell(context, tdl_tr("fitting", "拟合"), done, detail);
}

static tdl_status stock_options(const tdl_forecast_values *v, tdl_forecast_job *job,
                                tdl_report *why)
{
    tdl_status st;

    job->stock =
        (tdl_stock_options){.lead_time = (size_t)v->lead_time, .review = (size_t)v->review};
    if ((st = number("service", v->service, &job->stock.service, why)) ||
        (st = number("order-cost", v->order_cost, &job->stock.order_cost, why)) ||
        (st = number("holding-cost", v->holding_cost, &job->stock.holding_cost, why)))
        return st;
    return number("position", v->position, &job->stock.position, why);
}

static tdl_status fit_and_print(const tdl_forecast_values *v, tdl_forecast_job *job,
                                const tdl_series_options *reading, const tdl_forecast_options *fit,
                                tdl_report *why)
{
    tdl_status st = tdl_forecaster_fit(&job->set, fit, &job->forecaster, why);

    if (!st && v->save)
        st = tdl_forecast_keep(job, v, reading, why);
    if (!st && job->parent)
        st = tdl_forecast_agree(job, v, why);
    return st ? st : tdl_forecast_print(job, v, why);
}

/* From a forecaster that was kept. */
static tdl_status answer(const tdl_forecast_values *v, tdl_forecast_job *job,
                         const tdl_series_options *reading, bool only_backtest, tdl_report *why)
{
    tdl_status st;

    if (only_backtest || v->backtest || v->save || v->covariates || v->hierarchy)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "leave --model out to fit anew",
                             "--model %s is fitted already, and no member is called so: it cannot "
                             "be tested or saved again",
                             v->model);
    st = tdl_forecast_fetch(job, v, reading, why);
    return st ? st : tdl_forecast_print(job, v, why);
}

/* From a table: its series fitted, tested, or both. */
static tdl_status fit_table(const tdl_forecast_values *v, tdl_forecast_job *job,
                            const tdl_series_options *reading, bool only_backtest, tdl_report *why)
{
    tdl_progress progress = tdl_progress_start(v->common.quiet);
    tdl_forecast_options fit = {.tell = tell, .tell_context = &progress, .seed = 1};
    bool test = only_backtest || v->backtest;
    tdl_status st = v->hierarchy ? tdl_forecast_read_hierarchy(job, v, reading, why)
                                 : read_set(reading, job->path, &job->set, why);

    if (st)
        return st;
    fit.horizon = v->horizon ? (size_t)v->horizon : job->set.periods_n ? job->set.period[0] : 10;
    if (strcmp(v->model, "auto") != 0)
        fit.select.members = tdl_str_of(v->model);
    fit.transformer = (double)v->transformer;
    fit.pool = tdl_pool_new((unsigned)v->threads);
    job->horizon = fit.horizon;
    if (test)
        st = tdl_backtest_run(&job->set, &fit, (size_t)v->origins, job->level, job->levels_n,
                              &job->backtest, why);
    job->tested = !st && test;
    if (!st)
        st = only_backtest ? tdl_forecast_print(job, v, why)
                           : fit_and_print(v, job, reading, &fit, why);
    tdl_progress_finish(&progress);
    tdl_pool_free(fit.pool);
    return st;
}

/* Options that do not go together. */
static tdl_status check(const tdl_forecast_values *v, tdl_report *why)
{
    if (!v->covariates && v->holidays)
        return TDL_FAIL(why, TDL_E_USAGE, "--holidays needs --covariates (\"all\" or names)");
    if (v->covariates && v->save)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle fit --time, which keeps its model",
                             "--save keeps a forecaster of series, not a regression on covariates");
    return v->hierarchy ? tdl_forecast_check_hierarchy(v, why) : TDL_OK;
}

static tdl_status run(const tdl_forecast_values *v, const char *path, bool only_backtest,
                      tdl_report *why)
{
    tdl_forecast_job job = {.path = path};
    tdl_series_options reading;
    tdl_status st;

    if ((st = check(v, why)) || (st = read_levels(v->levels, &job, why)) ||
        (st = stock_options(v, &job, why)) || (st = series_options(v, &reading, why)))
        goto out;
    if (!tdl_forecast_model_is_members(v->model))
        st = answer(v, &job, &reading, only_backtest, why);
    else if (!path)
        st = TDL_FAIL_HINT(why, TDL_E_USAGE, "or --model NAME, of one that was saved",
                           "treadle forecast needs a FILE");
    else if (v->covariates)
        st = tdl_forecast_regress(&job, v, only_backtest, why);
    else
        st = fit_table(v, &job, &reading, only_backtest, why);
    if (!st && job.tested)
        st = check_bars(v, &job.backtest, why);
out:
    tdl_forecaster_free(job.forecaster);
    tdl_series_set_release(&job.set);
    free(job.parent);
    free(job.agreed);
    return st;
}

static tdl_status run_forecast(const void *values, char **arguments, tdl_report *why)
{
    return run(values, arguments[0], false, why);
}

static tdl_status run_backtest(const void *values, char **arguments, tdl_report *why)
{
    return run(values, arguments[0], true, why);
}

const tdl_command tdl_command_forecast = {
    .name = "forecast",
    .arguments = "[FILE]",
    .optional_n = 1,
    .values_size = sizeof(tdl_forecast_values),
    .options = options,
    .options_n = sizeof options / sizeof options[0],
    .summary = {"what comes next in every series, with intervals", "预测每个序列的后续值，附区间"},
    .examples = "  treadle forecast sales.csv --horizon 28 --value units --series shop\n"
                "  treadle forecast ETTh1.csv --horizon 96 --levels 80,90,95 --backtest\n"
                "  treadle forecast sales.csv --horizon 28 --lead-time 7 --service 0.98\n"
                "  treadle forecast rides.csv --value riders --covariates all --holidays us\n"
                "  treadle forecast sales.csv --value units --hierarchy region,shop\n"
                "  treadle forecast sales.csv --horizon 28 --save sales\n"
                "  treadle forecast newer.csv --model sales --horizon 7\n",
    .run = run_forecast,
};

const tdl_command tdl_command_forecast_backtest = {
    .name = "forecast backtest",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(tdl_forecast_values),
    .options = options,
    .options_n = sizeof options / sizeof options[0],
    .summary = {"how right forecasts would have been, member by member",
                "回测：逐个模型看预测有多准"},
    .examples = "  treadle forecast backtest m4-hourly-train.csv --horizon 48 --period 24\n"
                "  treadle forecast backtest sales.csv --horizon 14 --origins 4 --max-mase 0.9\n",
    .run = run_backtest,
};
