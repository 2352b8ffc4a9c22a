/* treadle fit */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/predict/card.h"
#include "apps/predict/contest.h"
#include "apps/predict/fit.h"
#include "apps/predict/registry.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/fit_remarks.h"
#include "cli/holidays.h"
#include "cli/open_store.h"
#include "cli/progress.h"
#include "cli/read_options.h"
#include "cli/whole_file.h"

enum { BARS = 6 };

typedef struct fit_values {
    tdl_common common;
    tdl_read_values read;
    const char *set, *target, *task, *loss, *positive, *classes, *quantiles;
    const char *name, *output, *model, *metric, *prefer;
    const char *drop, *allow_leak, *time, *group, *fold, *fairness, *weight, *cost, *bar[BARS];
    const char *equal, *equal_by, *reason, *prepare, *augment, *holidays;
    int64_t folds, seed, threads, budget;
    bool nested, balance, no_blend, drop_duplicates;
} fit_values;

#define TEXT(name, member, argument, en, zh)                                                       \
    TDL_TEXT_OPTION(fit_values, name, member, argument, en, zh)
#define FLAG(name, member, en, zh) TDL_FLAG_OPTION(fit_values, name, member, en, zh)
#define COUNT(name, member, fallback, low, high, en, zh)                                           \
    TDL_COUNT_OPTION(fit_values, name, member, fallback, low, high, en, zh)
#define BAR(name, number, en, zh) TEXT(name, bar[number], "VALUE", en, zh)

static const tdl_option fit_options[] = {
    TEXT("target", target, "COLUMN", "what to predict", "要预测的列"),
    TEXT("task", task, "TASK", "binary, classes, ordinal, regression, count, quantile or ranking",
         "任务：binary、classes、ordinal、regression、count、quantile 或 ranking"),
    TEXT("positive", positive, "VALUE", "the value that counts as yes", "视为“是”的取值"),
    TEXT("classes", classes, "LOW,...,HIGH", "order of an ordinal target", "有序目标的类别次序"),
    TEXT("loss", loss, "LOSS",
         "of a number: squared, absolute, huber, poisson, tweedie, tweedie:1.3",
         "数值的损失：squared、absolute、huber、poisson、tweedie、tweedie:1.3"),
    TEXT("quantiles", quantiles, "Q,...", "of task quantile; .1,.5,.9", "分位数任务的水平"),
    TEXT("name", name, "NAME", "of the model; the file's name without it", "模型名；默认取文件名"),
    TEXT("output", output, "FILE", "write the model here, and its card beside it; no data folder",
         "把模型写入该文件，模型卡写在旁边；不使用数据目录"),
    TEXT("model", model, "NAME,...", "auto, or names of models", "auto 或模型名称"),
    TEXT("set", set, "KEY=VALUE,...", "settings of the models named: periodic=16,dropout=.2",
         "所选模型的设置：periodic=16,dropout=.2"),
    TEXT("metric", metric, "METRIC", "what decides: auc, log_loss, rmse, mae, ...",
         "用来取舍的指标：auc、log_loss、rmse、mae 等"),
    TEXT("prefer", prefer, "simple", "simple: the least complex model within one standard error",
         "simple：一个标准误之内最简单的模型"),
    TEXT("drop", drop, "COLUMN,...", "no features", "不作特征的列"),
    TEXT("allow-leak", allow_leak, "COLUMN,...", "features although they look like leaks",
         "看似泄漏但仍作特征的列"),
    TEXT("time", time, "COLUMN", "train on the past, test on what followed", "按时间划分"),
    TEXT("group", group, "COLUMN", "rows of a group stay together", "同组的行不拆开"),
    TEXT("fold", fold, "COLUMN", "the folds, given", "给定的折"),
    TEXT("fairness", fairness, "COLUMN,...", "groups to audit", "要审计公平性的群体列"),
    TEXT("weight", weight, "COLUMN", "weight of each row", "每行的权重"),
    TEXT("cost", cost, "FP:FN", "what a wrong yes and a wrong no cost: 1:5",
         "误判为是与误判为否的代价：1:5"),
    TEXT("equal", equal, "selection|tpr",
         "thresholds by group, so that each is chosen, or of the positive ones found, at one rate",
         "按组设定阈值，使各组选中率（selection）或真正率（tpr）相同"),
    TEXT("equal-by", equal_by, "COLUMN", "whose values are the groups", "划分群体的列"),
    TEXT("reason", reason, "TEXT",
         "why deciding by group is right here; kept in the model and the audit log",
         "为何在此按组决策是正当的；记入模型与审计日志"),
    TEXT("prepare", prepare, "KEY=VALUE,...",
         "of every model: impute=median|mean|mode|ridge|group:COLUMN, select=N, l1 or "
         "permutation[:N], correlated=R, text=N, winsor=Q",
         "对所有模型：impute=median|mean|mode|ridge|group:列名、select=N、l1 或 "
         "permutation[:N]、correlated=R、text=N、winsor=Q"),
    TEXT("holidays", holidays, "us|cn|FILE",
         "for columns of dates: public holidays, or a CSV of date,name; kept in the model",
         "用于日期列：公共假日（us、cn），或列为 date,name 的 CSV；存入模型"),
    TEXT("augment", augment, "KEY=VALUE,...",
         "more training rows: smote=SHARE, copies=N, noise=D, swap=SHARE, mixup=SHARE",
         "增补训练行：smote=比例、copies=N、noise=标准差、swap=比例、mixup=比例"),
    BAR("min-auc", 0, "exit 3 below it", "低于它则退出码为 3"),
    BAR("min-accuracy", 1, "likewise", "同上"),
    BAR("min-f1", 2, "likewise", "同上"),
    BAR("max-log-loss", 3, "exit 3 above it", "高于它则退出码为 3"),
    BAR("max-rmse", 4, "likewise", "同上"),
    BAR("max-mae", 5, "likewise", "同上"),
    COUNT("folds", folds, "0", 0, 19, "0 = 5; 10 of few rows, 3 of very many",
          "0 = 5 折；行少时 10 折，很多时 3 折"),
    COUNT("seed", seed, "0", 0, INT64_MAX, "same seed, same data: same model",
          "相同种子得到相同模型"),
    COUNT("threads", threads, "0", 0, 1024, "0 = one per core; never changes the result",
          "0 = 每核一个；不影响结果"),
    COUNT("budget", budget, "300", 1, 1000000,
          "seconds for comparing models, estimated for two threads: a busy machine tries the same",
          "比较模型的秒数（按双线程估计，机器繁忙时所试模型不变）"),
    FLAG("nested", nested, "measure the whole procedure on outer folds, and write no model",
         "在外层折上评测整个过程，不写模型"),
    FLAG("balance", balance, "weigh classes alike", "各类别同等加权"),
    FLAG("drop-duplicates", drop_duplicates, "of equal rows only the first is used",
         "相同的行只使用第一行"),
    FLAG("no-blend", no_blend, "one model, no blend", "单一模型，不混合"),
    TDL_READ_OPTIONS(fit_values, read),
};

/* ---- options ---- */

static tdl_status read_cost(const char *text, tdl_predict_options *ret, tdl_report *why)
{
    const char *colon = text ? strchr(text, ':') : NULL;

    if (!text)
        return TDL_OK;
    if (!colon || !tdl_str_double((tdl_str){text, (size_t)(colon - text)}, &ret->cost_fp) ||
        !tdl_str_double(tdl_str_of(colon + 1), &ret->cost_fn) || !(ret->cost_fp > 0) ||
        !(ret->cost_fn > 0))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "two numbers above 0: --cost 1:5", "--cost %s",
                             text);
    return TDL_OK;
}

static tdl_status read_quantiles(const char *text, tdl_target_wish *ret, tdl_report *why)
{
    for (const char *at = text; at;) {
        size_t len = strcspn(at, ",");
        double *q = &ret->quantile[ret->quantiles_n];

        if (ret->quantiles_n == TDL_QUANTILES_MAX || !tdl_str_double((tdl_str){at, len}, q) ||
            !(*q > 0 && *q < 1) || (ret->quantiles_n && *q <= q[-1]))
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "rising numbers between 0 and 1: .1,.5,.9",
                                 "--quantiles %s", text);
        ret->quantiles_n++;
        at = at[len] ? at + len + 1 : NULL;
    }
    return TDL_OK;
}

/* The file's name without folder and endings, other characters made to '_'. */
static void name_after(const char *source, char ret[TDL_PREDICT_NAME_MAX + 1])
{
    const char *slash = strrchr(source, '/');
    size_t n = 0;

    for (const char *at = slash ? slash + 1 : source; *at && *at != '.' && n < TDL_PREDICT_NAME_MAX;
         at++) {
        bool right = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || *at == '-';
        ret[n++] = right ? *at : '_';
    }
    strcpy(ret + n, n ? "" : "model");
}

static tdl_status make_options(const fit_values *v, const char *source, const char *name,
                               tdl_predict_options *ret, tdl_report *why)
{
    if (!v->target)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle fit FILE --target COLUMN",
                             "--target is missing");
    if (v->prefer && strcmp(v->prefer, "simple") != 0)
        return TDL_FAIL(why, TDL_E_USAGE, "--prefer %s: there is only \"simple\"", v->prefer);
    if (!v->equal && (v->equal_by || v->reason))
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "--equal selection, or --equal tpr",
                             "--equal-by and --reason go with --equal");
    if (v->equal && v->nested)
        return TDL_FAIL(why, TDL_E_USAGE,
                        "--nested measures the model, not thresholds by group (--equal)");
    if (v->fairness && v->nested)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "fit without --nested: the audit is in the card",
                             "--nested writes no card, so there is no audit of fairness in it");
    *ret = (tdl_predict_options){.name = name,
                                 .source = source,
                                 .missing = *v->read.missing ? v->read.missing : NULL,
                                 .target = {.column = tdl_str_of(v->target),
                                            .positive = tdl_str_of(v->positive),
                                            .task = v->task,
                                            .loss = v->loss,
                                            .classes = v->classes},
                                 .models = v->model,
                                 .set = v->set,
                                 .prefer_simple = v->prefer != NULL,
                                 .no_blend = v->no_blend,
                                 .metric = v->metric,
                                 .drop = v->drop,
                                 .allow_leak = v->allow_leak,
                                 .time = v->time,
                                 .group = v->group,
                                 .fold = v->fold,
                                 .fairness = v->fairness,
                                 .weight = v->weight,
                                 .equal = v->equal,
                                 .equal_by = v->equal_by,
                                 .reason = v->reason,
                                 .prepare = v->prepare,
                                 .augment = v->augment,
                                 .drop_duplicates = v->drop_duplicates,
                                 .folds = (size_t)v->folds,
                                 .balance = v->balance,
                                 .budget = (double)v->budget,
                                 .seed = (uint64_t)v->seed};
    tdl_status st = read_cost(v->cost, ret, why);
    return st ? st : read_quantiles(v->quantiles, &ret->target, why);
}

/* ---- bars ---- */

static const char *const bar_metric[BARS] = {"auc", "accuracy", "f1", "log_loss", "rmse", "mae"};

static tdl_status check_bar(const char *metric_name, const char *text, tdl_task task,
                            const json_t *metrics, tdl_report *why)
{
    const tdl_metric *metric = tdl_metric_find(tdl_str_of(metric_name), tdl_metric_task_of(task));
    double wanted, value;

    if (!tdl_str_double(tdl_str_of(text), &wanted))
        return TDL_FAIL(why, TDL_E_USAGE, "the bar of %s: \"%s\" is not a number", metric_name,
                        text);
    if (!metric || !tdl_json_get_number(json_object_get(metrics, metric_name), "value", &value))
        return TDL_FAIL(why, TDL_E_USAGE, "there is no %s of this task", metric_name);
    if (metric->higher_is_better ? value >= wanted : value <= wanted)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_BAR, "%s is %.4f, the bar %.4f", metric_name, value, wanted);
}

/* Before anything is learnt: a bar that is no number. */
static tdl_status check_bar_numbers(const fit_values *v, tdl_report *why)
{
    double number;

    for (size_t i = 0; i < BARS; i++)
        if (v->bar[i] && !tdl_str_double(tdl_str_of(v->bar[i]), &number))
            return TDL_FAIL(why, TDL_E_USAGE, "the bar of %s: \"%s\" is not a number",
                            bar_metric[i], v->bar[i]);
    return TDL_OK;
}

/* The metrics; the accuracy is that of the thresholds that serve. */
static json_t *metrics_of(const json_t *card)
{
    json_t *metrics = json_copy(json_object_get(json_object_get(card, "quality"), "metrics"));
    const json_t *after = json_object_get(json_object_get(card, "mitigation"), "after");
    double accuracy;

    if (metrics && tdl_json_get_number(after, "accuracy", &accuracy))
        json_object_set_new(metrics, "accuracy", json_pack("{s:f}", "value", accuracy));
    return metrics;
}

static tdl_status check_bars(const fit_values *v, tdl_task task, const json_t *card,
                             tdl_report *why)
{
    json_t *metrics = metrics_of(card);
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < BARS && !st; i++)
        if (v->bar[i])
            st = check_bar(bar_metric[i], v->bar[i], task, metrics, why);
    json_decref(metrics);
    return st;
}

/* ---- what is written ---- */

static tdl_status write_card(const char *model, const tdl_predictor *p, const char *hash,
                             tdl_report *why)
{
    static const char *const language[] = {"en", "zh"};
    static const char *const ending[] = {".card.md", ".card.zh-CN.md"};
    char path[PATH_MAX];
    tdl_buf text = {0};
    tdl_status st;

    tdl_json_dump(&text, p->card);
    snprintf(path, sizeof path, "%s.card.json", model);
    st = tdl_file_write(path, tdl_buf_view(&text), why);
    for (size_t i = 0; i < 2 && !st; i++) {
        tdl_buf_clear(&text);
        tdl_card_markdown(p->card, language[i], hash, &text);
        snprintf(path, sizeof path, "%s%s", model, ending[i]);
        st = tdl_file_write(path, tdl_buf_view(&text), why);
    }
    tdl_buf_release(&text);
    return st;
}

static tdl_status write_file(const char *path, const tdl_predictor *p, tdl_report *why)
{
    char hash[65];
    int64_t bytes;
    tdl_status st = tdl_predictor_save(p, path, why);

    if (st || (st = tdl_file_hash(path, hash, &bytes, why)))
        return st;
    return write_card(path, p, hash, why);
}

/* activate: let it serve; a model that misses its bars is stored beside the one that does. */
static tdl_status publish(const fit_values *v, const tdl_predictor *p, bool activate,
                          char *ret_version, tdl_report *why)
{
    tdl_loop *loop = NULL;
    char path[PATH_MAX], hash[65];
    int64_t bytes;
    tdl_status st = tdl_make_loop(&v->common, 1, &loop, why);

    if (st)
        return st;
    st = tdl_predict_publish(tdl_loop_store(loop), v->common.data, p, activate, ret_version, why);
    tdl_loop_close(loop);
    snprintf(path, sizeof path, "%s/models/%s.safetensors", v->common.data, ret_version);
    if (!st && !(st = tdl_file_hash(path, hash, &bytes, why))) {
        path[strlen(path) - strlen(".safetensors")] = '\0';
        st = write_card(path, p, hash, why);
    }
    return st;
}

static void print_mitigation(const json_t *mitigation)
{
    const json_t *before = json_object_get(mitigation, "before"),
                 *after = json_object_get(mitigation, "after");
    double a[3], b[3];
    static const char *const figure[] = {"accuracy", "demographic_parity_difference",
                                         "equalised_odds_difference"};

    for (size_t i = 0; i < 3; i++)
        if (!tdl_json_get_number(before, figure[i], &a[i]) ||
            !tdl_json_get_number(after, figure[i], &b[i]))
            return;
    printf(tdl_tr("thresholds by %s: accuracy %.4f -> %.4f, difference of chosen %.4f -> %.4f, of "
                  "odds %.4f -> %.4f\n",
                  "按 %s 设阈值：准确率 %.4f -> %.4f，选中率差 %.4f -> %.4f，均等几率差 %.4f -> "
                  "%.4f\n"),
           json_string_value(json_object_get(mitigation, "column")), a[0], b[0], a[1], b[1], a[2],
           b[2]);
}

static void print_outcome(const fit_values *v, const tdl_predictor *p, const char *where)
{
    tdl_buf text = {0};

    if (v->common.json) {
        json_t *whole = json_copy(p->card);

        json_object_set_new(whole, "model_file", json_string(where));
        tdl_json_dump(&text, whole);
        printf("%.*s\n", (int)text.len, text.at);
        json_decref(whole);
    } else {
        tdl_card_leaderboard(p->card, tdl_tr("en", "zh"), &text);
        printf("%.*s%s %s\n", (int)text.len, text.at, tdl_tr("model", "模型"), where);
        print_mitigation(json_object_get(p->card, "mitigation"));
    }
    tdl_buf_release(&text);
}

/* ---- */

/* Where the results of the contest are kept while it runs: beside the model, or among the runs.
 * Measuring alone makes no data folder. ret: "" = nowhere */
static tdl_status name_search(const fit_values *v, const char *name, char ret[PATH_MAX],
                              tdl_report *why)
{
    int n;

    ret[0] = '\0';
    if (v->nested && !v->output && access(v->common.data, F_OK))
        return TDL_OK;
    if (v->output) {
        n = snprintf(ret, PATH_MAX, "%s.search", v->output);
    } else {
        snprintf(ret, PATH_MAX, "%s/runs", v->common.data);
        tdl_status st = tdl_file_make_dir(ret, why);
        if (st)
            return st;
        n = snprintf(ret, PATH_MAX, "%s/runs/fit-%s.search", v->common.data, name);
    }
    return n > 0 && n < PATH_MAX ? TDL_OK
                                 : TDL_FAIL(why, TDL_E_INVALID, "%s: the path is too long", name);
}

static tdl_status fit_one(const fit_values *v, const tdl_frame *frame,
                          const tdl_predict_options *options, tdl_report *why)
{
    tdl_predictor *p = NULL;
    char version[80];
    tdl_status st = tdl_predict_fit(frame, options, &p, why);

    if (!st && !v->common.quiet)
        tdl_fit_remarks(p->card, frame);
    if (st)
        return st;
    tdl_status missed = check_bars(v, p->target.task, p->card, why);
    st = v->output ? write_file(v->output, p, why) : publish(v, p, !missed, version, why);
    if (!st)
        print_outcome(v, p, v->output ? v->output : version);
    tdl_predictor_free(p);
    return st ? st : missed;
}

static void print_nested(const json_t *report)
{
    const json_t *fold;
    size_t i;

    json_array_foreach(json_object_get(report, "folds"), i, fold)
    {
        printf("%s %-4zu %s %.4f  %s\n", tdl_tr("fold", "折"), i + 1,
               json_string_value(json_object_get(report, "metric")),
               json_number_value(json_object_get(fold, "value")),
               json_string_value(json_object_get(json_object_get(fold, "chosen"), "model")));
    }
    printf("%s %.4f +-%.4f\n", tdl_tr("mean", "平均"),
           json_number_value(json_object_get(report, "value")),
           json_number_value(json_object_get(report, "standard_error")));
}

static tdl_status measure_nested(const fit_values *v, const tdl_frame *frame,
                                 const tdl_predict_options *options, tdl_report *why)
{
    tdl_buf text = {0};
    json_t *report = NULL;
    tdl_str task_name = {0};
    tdl_task task = TDL_TASK_BINARY;
    tdl_status st = tdl_predict_nested(frame, options, &text, why);

    if (!st && !(st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &report, why))) {
        if (v->common.json)
            printf("%.*s\n", (int)text.len, text.at);
        else
            print_nested(report);
        if (tdl_json_get_str(report, "task", &task_name))
            tdl_task_find(task_name, &task);
        st = check_bars(v, task, report, why);
    }
    json_decref(report);
    tdl_buf_release(&text);
    return st;
}

static tdl_status run(const void *values, char **arguments, tdl_report *why)
{
    const fit_values *v = values;
    char name[TDL_PREDICT_NAME_MAX + 1], search[PATH_MAX];
    tdl_predict_options options;
    tdl_holiday_table holidays = {0};
    tdl_frame frame = {0};
    tdl_progress progress = tdl_progress_start(v->common.quiet);
    tdl_status st;

    name_after(arguments[0], name);
    if ((st = make_options(v, arguments[0], v->name ? v->name : name, &options, why)) ||
        (st = check_bar_numbers(v, why)) ||
        (st = tdl_predict_check_name(tdl_str_of(options.name), why)) ||
        (st = tdl_read_frame(arguments[0], &v->read, v->common.quiet, &frame, why)))
        return st;
    if ((st = name_search(v, options.name, search, why)))
        goto out;
    options.search = search[0] ? search : NULL;
    if (v->holidays && (st = tdl_open_holidays(v->holidays, &holidays, why)))
        goto out;
    options.holidays = v->holidays ? &holidays : NULL;
    options.pool = tdl_pool_new((unsigned)v->threads);
    options.progress = tdl_progress_tell;
    options.progress_context = &progress;
    st = v->nested ? measure_nested(v, &frame, &options, why) : fit_one(v, &frame, &options, why);
    tdl_progress_finish(&progress);
out:
    tdl_pool_free(options.pool);
    tdl_holiday_table_release(&holidays);
    tdl_frame_release(&frame);
    return st;
}

const tdl_command tdl_command_fit = {
    .name = "fit",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(fit_values),
    .options = fit_options,
    .options_n = sizeof fit_options / sizeof fit_options[0],
    .summary = {"from a table to a model that predicts a column", "由表格得到预测某一列的模型"},
    .examples =
        "  treadle fit customers.csv --target churn\n"
        "  treadle fit loans.csv --target default --cost 1:5 --fairness sex --json\n"
        "  treadle fit loans.csv --target default --equal tpr --equal-by sex --reason '...'\n"
        "  treadle fit sales.csv --target units --time day --output sales.safetensors\n",
    .run = run,
};
