/* A fit that the server was asked for: a table that was sent, and settings by name. */
#include <stdlib.h>
#include <string.h>

#include "apps/predict/fit.h"
#include "apps/predict/registry.h"
#include "apps/predict/serving.h"
#include "apps/predict/wish.h"
#include "forecast/calendar.h"
#include "table/read.h"

enum { BUDGET_MAX = 3600, BUDGET_S = 120 };

/* ---- settings ---- */

typedef struct text_setting {
    const char *name;
    size_t offset; /* of a const char * in tdl_predict_options */
} text_setting;

#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(tdl_predict_options, member)                                                \
    }

static const text_setting text_settings[] = {
    TEXT("name", name),
    TEXT("source", source),
    TEXT("task", target.task),
    TEXT("loss", target.loss),
    TEXT("classes", target.classes),
    TEXT("model", models),
    TEXT("metric", metric),
    TEXT("drop", drop),
    TEXT("allow_leak", allow_leak),
    TEXT("time", time),
    TEXT("group", group),
    TEXT("fold", fold),
    TEXT("fairness", fairness),
    TEXT("weight", weight),
    TEXT("missing", missing),
    TEXT("prepare", prepare),
    TEXT("augment", augment),
};

static bool take_text(const char *name, const char *value, tdl_predict_options *ret)
{
    for (size_t i = 0; i < sizeof text_settings / sizeof text_settings[0]; i++)
        if (!strcmp(text_settings[i].name, name)) {
            memcpy((char *)ret + text_settings[i].offset, &value, sizeof(const char *));
            return true;
        }
    return false;
}

static tdl_status take_number(const char *name, const char *value, tdl_predict_options *ret,
                              tdl_report *why)
{
    int64_t number;

    if (strcmp(name, "seed") != 0 && strcmp(name, "folds") != 0 && strcmp(name, "budget") != 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "GET /openapi.json lists them",
                             "there is no setting \"%.100s\"", name);
    if (!tdl_str_int(tdl_str_of(value), &number) || number < 0)
        return TDL_FAIL(why, TDL_E_INVALID, "%s must be an integer, 0 or more", name);
    if (!strcmp(name, "seed"))
        ret->seed = (uint64_t)number;
    else if (!strcmp(name, "folds") && number <= 19 && number != 1)
        ret->folds = (size_t)number;
    else if (!strcmp(name, "budget") && number >= 1 && number <= BUDGET_MAX)
        ret->budget = (double)number;
    else
        return TDL_FAIL(why, TDL_E_INVALID, "%s %lld is out of range", name, (long long)number);
    return TDL_OK;
}

/* Of a country only: no file of the server's is read for who asks over the network. */
static tdl_status take_holidays(const char *country, tdl_holiday_table *ret, tdl_report *why)
{
    const tdl_holidays *holidays = tdl_holidays_find(tdl_str_of(country));

    if (!holidays)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "us, or cn",
                             "holidays of \"%.100s\" are not known", country);
    tdl_holiday_table_release(ret);
    return tdl_holidays_list(holidays, TDL_HOLIDAYS_FIRST_YEAR, TDL_HOLIDAYS_LAST_YEAR, ret, why);
}

/* The options borrow from the settings and from ret_holidays, which is to be released even after
 * a failure. */
static tdl_status read_settings(const json_t *settings, tdl_predict_options *ret,
                                tdl_holiday_table *ret_holidays, tdl_report *why)
{
    json_t *members = (json_t *)settings, *value; // jansson's iterators are not const-correct
    const char *name;
    tdl_status st = TDL_OK;

    *ret = (tdl_predict_options){.source = "upload", .budget = BUDGET_S};
    json_object_foreach(members, name, value)
    {
        const char *text = json_string_value(value);

        if (!text)
            return TDL_FAIL(why, TDL_E_INVALID, "%s must be a text", name);
        if (!strcmp(name, "target"))
            ret->target.column = tdl_str_of(text);
        else if (!strcmp(name, "positive"))
            ret->target.positive = tdl_str_of(text);
        else if (!strcmp(name, "holidays")) {
            if ((st = take_holidays(text, ret_holidays, why)))
                return st;
            ret->holidays = ret_holidays;
        } else if (!take_text(name, text, ret) && (st = take_number(name, text, ret, why)))
            return st;
    }
    if (!ret->name || !ret->target.column.len)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "POST /v1/predict/fit?name=churn&target=churn",
                             "%s is missing", ret->name ? "target" : "name");
    tdl_wish wish;
    if ((st = tdl_wish_read(ret->prepare, ret->augment, &wish, why)))
        return st;
    return tdl_predict_check_name(tdl_str_of(ret->name), why);
}

tdl_status tdl_predict_admit(tdl_app *app, const tdl_train_table *table, tdl_report *why)
{
    const tdl_read_options first = {.rows_max = 1};
    tdl_predict_options options;
    tdl_holiday_table holidays = {0};
    tdl_frame frame = {0};
    size_t column;
    tdl_status st = read_settings(table->settings, &options, &holidays, why);

    TDL_UNUSED(app);
    tdl_holiday_table_release(&holidays);
    if (st)
        return st;
    if ((st = tdl_frame_read(table->path, &first, &frame, NULL, why)))
        return st;
    if (!tdl_frame_find(&frame, options.target.column, &column))
        st = TDL_FAIL(why, TDL_E_INVALID, "the table has no column \"%.*s\"",
                      TDL_FMT(options.target.column));
    tdl_frame_release(&frame);
    return st;
}

/* ---- training ---- */

tdl_status tdl_predict_train(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                             tdl_report *why)
{
    tdl_predict_options o;
    tdl_holiday_table holidays = {0};
    tdl_predictor *predictor = NULL;
    tdl_frame frame = {0};
    char version[80];
    tdl_status st;

    if (!options->table)
        return TDL_FAIL_HINT(why, TDL_E_USAGE,
                             "treadle fit FILE --target COLUMN, or POST /v1/predict/fit",
                             "a prediction is learnt from a table");
    if ((st = read_settings(options->table->settings, &o, &holidays, why)))
        goto out;
    if (options->progress && !options->progress(options->progress_context, "reading", 0, o.name)) {
        st = TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
        goto out;
    }
    const tdl_read_options reading = {.missing = o.missing};
    if ((st = tdl_frame_read(options->table->path, &reading, &frame, NULL, why)))
        goto out;
    o.pool = app->context.pool;
    o.progress = options->progress;
    o.progress_context = options->progress_context;
    if ((st = tdl_predict_fit(&frame, &o, &predictor, why)) ||
        (st = tdl_predict_publish(app->context.store, app->context.data_dir, predictor,
                                  options->activate, version, why)))
        goto out;
    tdl_json_dump(ret_report, predictor->card);
    st = options->activate ? tdl_served_refresh(app, why) : TDL_OK;
out:
    tdl_predictor_free(predictor);
    tdl_frame_release(&frame);
    tdl_holiday_table_release(&holidays);
    return st;
}
