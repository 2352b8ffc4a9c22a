/* `treadle fit` with default settings on real tables, nested: everything, the choice of a model
 * included, is done without the rows it is measured on. Bars are those of the issue and of the
 * specification, section 5.2; peers are the best of scikit-learn 1.2's logistic regression and
 * histogram boosting and of XGBoost 1.7 on the same folds.
 *
 * Tables come from $TREADLE_TEST_DATA, .cache/data or the shared data beside the working folder;
 * what is absent is left out, and said. All of it takes the better part of an hour on two cores.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/predict/fit.h"
#include "bars.h"
#include "base/timestamp.h"
#include "cli/command.h"
#include "table/read.h"

typedef struct table {
    const char *file, *target, *drop, *fold;
    double bar, peer; /* of AUC, or of RMSE where `rmse`; peer NAN: there is none */
    bool rmse;
} table;

static const table tables[] = {
    {"breast_cancer", "target", NULL, "fold", .9955, .9955, false},
    {"german", "target", NULL, "fold", .797, .7961, false},
    {"credit_data", "target", NULL, "fold", .838, .8340, false},
    {"telco", "target", NULL, "fold", .847, .8454, false},
    {"mlc_churn", "target", NULL, "fold", .926, .9247, false},
    {"attrition", "target", NULL, "fold", .838, .8375, false},
    {"lending_club", "target", NULL, "fold", .737, .7366, false},
    {"online_shoppers", "target", NULL, "fold", .933, .9327, false},
    {"bank_marketing", "target", NULL, "fold", .804, .8039, false},
    {"wa_churn.csv", "churn", NULL, NULL, .849, .8495, false},
    {"mlc_churn.csv", "churn", NULL, NULL, .923, .9243, false},
    {"credit_data.csv", "Status", NULL, NULL, .849, .8504, false},
    {"GermanCredit.csv", "Class", NULL, NULL, .796, .7993, false},
    {"HMDA.csv", "deny", NULL, NULL, .829, .8332, false},
    {"BreastCancer.csv", "Class", "Id", NULL, .994, .9949, false},
    {"california_housing", "median_house_value", NULL, NULL, 40500, 40460, true},
};

/* The exports of Debian's packages end in .csv here, the tables with fixed folds do not. */
static bool find(const table *t, char *ret, size_t size)
{
    const char *folder = getenv("TREADLE_TEST_DATA");
    const char *const folders[] = {folder ? folder : ".cache/data", ".cache/data", "../data"};

    snprintf(ret, size, "../shared/data/tables/%s.csv.zst", t->file);
    if (!strstr(t->file, ".csv"))
        return access(ret, R_OK) == 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(ret, size, "%s/%s", folders[i], t->file);
        if (access(ret, R_OK) == 0)
            return true;
    }
    return false;
}

static void add_bars(const table *t, const json_t *report, double seconds, tdl_bars *bars)
{
    const json_t *metrics = json_object_get(json_object_get(report, "quality"), "metrics");
    double value = json_number_value(json_object_get(report, "value"));

    tdl_bars_add(bars,
                 (tdl_bar){.value = value,
                           .unit = t->rmse ? "error" : "auc",
                           .kind = t->rmse ? TDL_BAR_AT_MOST : TDL_BAR_AT_LEAST,
                           .bound = t->bar,
                           .peer = "best of logistic, boosting, XGBoost",
                           .peer_value = t->peer},
                 "tables: %s, auto, nested", t->file);
    tdl_bars_add(
        bars,
        (tdl_bar){.value = seconds, .unit = "s", .kind = TDL_BAR_NONE, .peer = "", .peer_value = 0},
        "tables: %s, time of all folds", t->file);
    if (!strcmp(t->file, "wa_churn.csv") || !strcmp(t->file, "credit_data.csv"))
        tdl_bars_add(bars,
                     (tdl_bar){.value = json_number_value(
                                   json_object_get(json_object_get(metrics, "ece"), "value")),
                               .unit = "probability",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = .02,
                               .peer = "bar",
                               .peer_value = .02},
                     "tables: %s, calibration error", t->file);
}

static tdl_status measure(const table *t, const char *path, bool quiet, tdl_bars *bars,
                          tdl_report *why)
{
    tdl_frame frame = {0};
    tdl_buf text = {0};
    json_t *report = NULL;
    tdl_predict_options options = {.name = "bench",
                                   .source = path,
                                   .target = {.column = tdl_str_of(t->target)},
                                   .drop = t->drop,
                                   .fold = t->fold,
                                   .folds = t->fold ? 0 : 5,
                                   .pool = tdl_pool_new(0)};
    int64_t began = tdl_time_monotonic();
    tdl_status st = tdl_frame_read(path, NULL, &frame, NULL, why);

    if (!st && !(st = tdl_predict_nested(&frame, &options, &text, why)) &&
        !(st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &report, why))) {
        add_bars(t, report, (double)(tdl_time_monotonic() - began) / 1e6, bars);
        if (!quiet)
            fprintf(stderr, "%s %.4f\n", t->file,
                    json_number_value(json_object_get(report, "value")));
    }
    json_decref(report);
    tdl_buf_release(&text);
    tdl_frame_release(&frame);
    tdl_pool_free(options.pool);
    return st;
}

tdl_status tdl_bench_tables(bool quiet, tdl_bars *bars, tdl_report *why)
{
    const char *only = getenv("TREADLE_BENCH_TABLE"); // one of them
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !st; i++) {
        char path[4096];

        if (only && strcmp(only, tables[i].file) != 0)
            continue;
        if (find(&tables[i], path, sizeof path))
            st = measure(&tables[i], path, quiet, bars, why);
        else if (!quiet)
            fprintf(stderr, tdl_tr("%s is not there, left out\n", "没有 %s，已略过\n"),
                    tables[i].file);
    }
    return st;
}
