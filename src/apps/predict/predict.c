/* Prediction as an app: its life cycle, explanations of stored decisions, its table of functions.
 *
 * Models and decisions are of the app "predict/NAME".
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/predict/serving.h"

static const double EXACT = 1e-6; /* an error that is rounding */

/* ---- life cycle ---- */

static void predict_close(tdl_app *app)
{
    if (!app)
        return;
    tdl_slot_clear(&app->slot);
    pthread_mutex_destroy(&app->refreshing);
    free(app);
}

static tdl_status predict_open(const tdl_app_context *context, tdl_app **ret,
                               tdl_report *ret_warning, tdl_report *why)
{
    tdl_app *app = calloc(1, sizeof *app);

    if (!app)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for predictions");
    app->context = *context;
    pthread_mutex_init(&app->refreshing, NULL);
    tdl_served_refresh(app, ret_warning); // what can be loaded serves
    *ret = app;
    return TDL_OK;
}

/* ---- explaining a stored decision ---- */

static double size_of_shares(const json_t *because)
{
    const json_t *entry;
    double sum = 0, attribution;
    size_t i;

    json_array_foreach(because, i, entry)
    {
        if (tdl_json_get_number(entry, "attribution", &attribution))
            sum += fabs(attribution);
    }
    return sum;
}

static void write_reason(const json_t *entry, double sum, bool exact, tdl_jw *out)
{
    double attribution = 0;
    tdl_str name = {0};
    tdl_buf value = {0};

    tdl_json_get_str(entry, "name", &name);
    tdl_json_get_number(entry, "attribution", &attribution);
    tdl_json_dump(&value, json_object_get(entry, "value"));
    tdl_jw_object(out);
    tdl_jw_ktext(out, "kind", "column");
    tdl_jw_kstr(out, "name", name);
    tdl_jw_kraw(out, "value", tdl_buf_view(&value));
    tdl_jw_knumber(out, "attribution", attribution);
    tdl_jw_knumber(out, "share", sum > 0 ? fabs(attribution) / sum : 0);
    tdl_jw_kbool(out, "exact", exact);
    tdl_jw_end_object(out);
    tdl_buf_release(&value);
}

/* Of a decision by the threshold of its group. */
static void write_adjustment(const json_t *adjustment, tdl_jw *out)
{
    tdl_buf text = {0};

    if (!json_is_object(adjustment))
        return;
    tdl_json_dump(&text, adjustment);
    tdl_jw_kraw(out, "adjustment", tdl_buf_view(&text));
    tdl_buf_release(&text);
}

static void write_reasons(const tdl_decision *decision, const json_t *record, tdl_jw *out)
{
    const json_t *because = json_object_get(record, "because"), *entry;
    double sum = size_of_shares(because), error = 1;
    size_t i;

    tdl_json_get_number(record, "error", &error);
    tdl_jw_array(out);
    tdl_jw_object(out);
    tdl_jw_kstr(out, "item", decision->candidates[0].item);
    tdl_jw_key(out, "reasons");
    tdl_jw_array(out);
    json_array_foreach(because, i, entry)
    {
        write_reason(entry, sum, error <= EXACT, out);
    }
    tdl_jw_end_array(out);
    write_adjustment(json_object_get(record, "adjustment"), out);
    tdl_jw_end_object(out);
    tdl_jw_end_array(out);
}

static tdl_status predict_explain(tdl_app *app, const tdl_decision *decision, tdl_jw *out,
                                  tdl_report *why)
{
    json_t *record = NULL;

    TDL_UNUSED(app);
    if (!decision->candidates_n ||
        tdl_json_parse(decision->why, TDL_JSON_LAST_WINS, &record, NULL) ||
        !json_is_object(record)) {
        json_decref(record);
        return TDL_FAIL(why, TDL_E_CORRUPT, "the reasons of decision %s are damaged", decision->id);
    }
    write_reasons(decision, record, out);
    json_decref(record);
    return TDL_OK;
}

/* ---- what this app has no use for ---- */

static tdl_status predict_evaluate(tdl_app *app, const tdl_train_options *options,
                                   tdl_buf *ret_report, tdl_report *why)
{
    TDL_UNUSED(app);
    TDL_UNUSED(options);
    TDL_UNUSED(ret_report);
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle fit FILE --target COLUMN --nested",
                         "a prediction is measured on a table");
}

static tdl_status predict_decide(tdl_app *app, const tdl_ask *ask, tdl_arena *arena,
                                 tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    TDL_UNUSED(app);
    TDL_UNUSED(ask);
    TDL_UNUSED(arena);
    TDL_UNUSED(ret);
    TDL_UNUSED(extra);
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "POST /v1/predict/{model}",
                         "predictions are about rows, not about a user");
}

/* Predictors learn from tables, not from events; what is told of series continues their history.
 * Nothing of a person is kept here. */
static void predict_learn_one(tdl_app *app, const tdl_event *event, int64_t seq)
{
    TDL_UNUSED(seq);
    tdl_predict_learn_truth(app, event);
}

static void predict_joined(tdl_app *app, tdl_str person, tdl_str id)
{
    TDL_UNUSED(app);
    TDL_UNUSED(person);
    TDL_UNUSED(id);
}

static tdl_status predict_parted(tdl_app *app, tdl_str person, tdl_report *why)
{
    TDL_UNUSED(app);
    TDL_UNUSED(person);
    TDL_UNUSED(why);
    return TDL_OK;
}

static void predict_forgot(tdl_app *app, tdl_is_gone *is_gone, void *context)
{
    TDL_UNUSED(app);
    TDL_UNUSED(is_gone);
    TDL_UNUSED(context);
}

static void predict_item_changed(tdl_app *app, const tdl_item *item)
{
    TDL_UNUSED(app);
    TDL_UNUSED(item);
}

const tdl_app_ops tdl_predict_app = {
    .name = "predict",
    .open = predict_open,
    .close = predict_close,
    .train = tdl_predict_train,
    .evaluate = predict_evaluate,
    .learn_one = predict_learn_one,
    .joined = predict_joined,
    .parted = predict_parted,
    .forgot = predict_forgot,
    .decide = predict_decide,
    .explain = predict_explain,
    .refresh = tdl_served_refresh,
    .item_changed = predict_item_changed,
    .admit = tdl_predict_admit,
    .answer_rows = tdl_predict_answer_rows,
    .explain_rows = tdl_predict_explain_rows,
    .tell = tdl_predict_tell,
    .forecast = tdl_predict_forecast,
    .series_truth = tdl_predict_series_truth,
    .tell_series = tdl_predict_tell_series,
};
