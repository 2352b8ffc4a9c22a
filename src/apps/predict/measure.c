#include "apps/predict/measure.h"

#include <math.h>
#include <stdlib.h>

#include "stats/classes.h"
#include "stats/classify.h"

enum { RESAMPLES = 400, BINS = 10, PARTS = 10, ROC_POINTS = 50, CONFUSION_CLASSES = 30 };

static tdl_scored scored_of(const tdl_outcome *o)
{
    return (tdl_scored){.task = tdl_metric_task_of(o->task),
                        .n = o->n,
                        .width = o->width,
                        .y = o->y,
                        .p = o->output,
                        .quantile = o->quantile,
                        .list = o->list,
                        .power = o->power,
                        .threshold = o->threshold};
}

/* ---- metrics ---- */

static tdl_status write_metrics(const tdl_outcome *o, tdl_jw *out, tdl_report *why)
{
    const tdl_bootstrap_options options = {.resamples = RESAMPLES};
    tdl_scored scored = scored_of(o);
    uint32_t *order = NULL;
    tdl_status st = tdl_scored_order(&scored, &order, why);

    if (st)
        return st;
    scored.order = order;
    tdl_jw_key(out, "metrics");
    tdl_jw_object(out);
    for (size_t i = 0; i < tdl_metrics_n && !st; i++) {
        const tdl_metric *metric = &tdl_metrics[i];
        tdl_rng rng = tdl_rng_make(o->seed, i);
        tdl_interval interval;

        if (!tdl_metric_applies(metric, &scored))
            continue;
        tdl_jw_key(out, metric->name);
        st = o->fold && !metric->of_all
                 ? tdl_metric_fold_interval(metric, &scored, NULL, o->fold, o->folds_n, &options,
                                            &rng, &interval, why)
                 : tdl_metric_interval(metric, &scored, NULL, &options, &rng, &interval, why);
        if (st == TDL_E_INVALID) { // undefined on these rows
            tdl_jw_null(out);
            st = TDL_OK;
        } else if (!st) {
            tdl_jw_object(out);
            tdl_jw_knumber(out, "value", interval.mean);
            tdl_jw_knumber(out, "low", interval.low);
            tdl_jw_knumber(out, "high", interval.high);
            tdl_jw_end_object(out);
        }
    }
    tdl_jw_end_object(out);
    free(order);
    return st;
}

/* ---- a binary classifier ---- */

static void write_calibration(const tdl_outcome *o, tdl_jw *out)
{
    tdl_calibration_bin bin[BINS];

    tdl_calibration_curve(o->y, o->output, NULL, o->n, BINS, bin);
    tdl_jw_key(out, "calibration");
    tdl_jw_array(out);
    for (size_t i = 0; i < BINS; i++) {
        if (!bin[i].rows)
            continue;
        tdl_jw_object(out);
        tdl_jw_kint(out, "rows", (int64_t)bin[i].rows);
        tdl_jw_knumber(out, "predicted", bin[i].score);
        tdl_jw_knumber(out, "happened", bin[i].rate);
        tdl_jw_knumber(out, "low", bin[i].rate_low);
        tdl_jw_knumber(out, "high", bin[i].rate_high);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

static void write_lift(const tdl_outcome *o, const uint32_t *order, tdl_jw *out)
{
    tdl_lift_part part[PARTS];

    tdl_lift(o->y, o->output, NULL, order, o->n, PARTS, part);
    tdl_jw_key(out, "lift");
    tdl_jw_array(out);
    for (size_t i = 0; i < PARTS; i++) {
        tdl_jw_object(out);
        tdl_jw_knumber(out, "share", part[i].share);
        tdl_jw_knumber(out, "from", part[i].score_low);
        tdl_jw_knumber(out, "rate", part[i].rate);
        tdl_jw_knumber(out, "lift", part[i].lift);
        tdl_jw_knumber(out, "gain", part[i].gain);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

static void write_roc(const tdl_outcome *o, const uint32_t *order, tdl_jw *out)
{
    tdl_roc_point point[ROC_POINTS];
    size_t n = tdl_roc(o->y, o->output, NULL, order, o->n, point, ROC_POINTS);

    tdl_jw_key(out, "roc");
    tdl_jw_array(out);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_array(out);
        tdl_jw_number(out, point[i].fpr);
        tdl_jw_number(out, point[i].tpr);
        tdl_jw_end_array(out);
    }
    tdl_jw_end_array(out);
}

static tdl_status write_binary(const tdl_outcome *o, tdl_jw *out, tdl_report *why)
{
    tdl_scored scored = scored_of(o);
    uint32_t *order = NULL;
    tdl_confusion c = tdl_confusion_at(o->y, o->output, NULL, o->n, o->threshold);
    tdl_status st = tdl_scored_order(&scored, &order, why);

    if (st)
        return st;
    write_calibration(o, out);
    write_lift(o, order, out);
    write_roc(o, order, out);
    free(order);
    tdl_jw_key(out, "confusion");
    tdl_jw_object(out);
    tdl_jw_knumber(out, "threshold", o->threshold);
    tdl_jw_knumber(out, "true_positive", c.tp);
    tdl_jw_knumber(out, "false_positive", c.fp);
    tdl_jw_knumber(out, "true_negative", c.tn);
    tdl_jw_knumber(out, "false_negative", c.fn);
    tdl_jw_end_object(out);
    return TDL_OK;
}

/* ---- several classes ---- */

static tdl_status write_classes(const tdl_outcome *o, tdl_jw *out, tdl_report *why)
{
    double *confusion;

    if (o->width > CONFUSION_CLASSES)
        return TDL_OK;
    if (!(confusion = malloc(o->width * o->width * sizeof *confusion)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", o->width);
    tdl_classes_confusion(o->y, o->output, NULL, o->n, o->width, confusion);
    tdl_jw_key(out, "confusion");
    tdl_jw_object(out);
    for (size_t i = 0; i < o->width; i++) {
        tdl_jw_key(out, o->class_name[i]);
        tdl_jw_array(out);
        for (size_t k = 0; k < o->width; k++)
            tdl_jw_number(out, confusion[i * o->width + k]);
        tdl_jw_end_array(out);
    }
    tdl_jw_end_object(out);
    free(confusion);
    return TDL_OK;
}

tdl_status tdl_outcome_write(const tdl_outcome *o, tdl_jw *out, tdl_report *why)
{
    tdl_status st;

    tdl_jw_object(out);
    tdl_jw_kint(out, "rows", (int64_t)o->n);
    if ((st = write_metrics(o, out, why)))
        return st;
    if (o->task == TDL_TASK_BINARY)
        st = write_binary(o, out, why);
    else if (o->class_name && (o->task == TDL_TASK_CLASSES || o->task == TDL_TASK_ORDINAL))
        st = write_classes(o, out, why);
    tdl_jw_end_object(out);
    return st;
}
