/* Nested measuring: the choice of a model is made anew for each outer fold, without its rows. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/predict/decision_cost.h"
#include "apps/predict/measure.h"
#include "apps/predict/session.h"

typedef struct outer {
    const tdl_frame *frame;
    const tdl_predict_options *options;
    tdl_predict_target target;
    uint32_t *row; /* [rows_n] with a target */
    size_t rows_n, width;
    tdl_folds folds;
    const tdl_metric *metric;
    tdl_buf drop;           /* names of the columns that are no features */
    uint32_t *train, *test; /* [rows_n] */
    double *y, *output;     /* [rows_n], [rows_n][width]: what was predicted, in order of folds */
    uint32_t *tested_in;    /* [rows_n] the fold of each */
    size_t n;
} outer;

static void release(outer *o)
{
    tdl_predict_target_release(&o->target);
    tdl_folds_release(&o->folds);
    tdl_buf_release(&o->drop);
    free(o->row);
    free(o->train);
    free(o->test);
    free(o->y);
    free(o->output);
    free(o->tested_in);
}

static tdl_status start(outer *o, tdl_report *why)
{
    size_t n = o->frame->rows + 1;
    tdl_status st = tdl_predict_target_make(o->frame, &o->options->target, &o->target, why);

    if (st || (st = tdl_decision_cost_check(o->options, o->target.task, why)))
        return st;
    o->width = tdl_problem_scores(&(tdl_problem){.task = o->target.task,
                                                 .classes_n = o->target.classes_n,
                                                 .quantiles_n = o->target.quantiles_n});
    o->row = malloc(n * sizeof *o->row);
    o->train = malloc(n * sizeof *o->train);
    o->test = malloc(n * sizeof *o->test);
    o->y = malloc(n * sizeof *o->y);
    o->output = malloc(n * o->width * sizeof *o->output);
    o->tested_in = malloc(n * sizeof *o->tested_in);
    if (!o->tested_in || !o->row || !o->train || !o->test || !o->y || !o->output)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", n);
    for (size_t i = 0; i < o->frame->rows; i++)
        if (!isnan(o->target.y[i]))
            o->row[o->rows_n++] = (uint32_t)i;
    o->metric = o->options->metric ? tdl_metric_find(tdl_str_of(o->options->metric),
                                                     tdl_metric_task_of(o->target.task))
                                   : tdl_metric_default(tdl_metric_task_of(o->target.task));
    if (!o->metric)
        return TDL_FAIL(why, TDL_E_INVALID, "there is no metric \"%s\" for task %s",
                        o->options->metric, tdl_task_name(o->target.task));
    if (o->options->drop)
        tdl_buf_text(&o->drop, o->options->drop);
    if (o->options->fold)
        tdl_buf_printf(&o->drop, "%s%s", o->drop.len ? "," : "", o->options->fold);
    if (o->drop.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    return tdl_folds_make(o->frame, &o->target, o->row, o->rows_n, o->options, &o->folds, why);
}

/* Where the search of an outer fold is kept; false: nowhere. */
static bool name_search(const outer *o, uint32_t fold, char ret[PATH_MAX])
{
    int n = o->options->search ? snprintf(ret, PATH_MAX, "%s-outer%u", o->options->search, fold + 1)
                               : 0;

    return n > 0 && n < PATH_MAX;
}

/* The inner folds are new ones: those that were given are the outer ones. */
static tdl_predict_options inner_options(const outer *o, size_t train_n, const char *search)
{
    tdl_predict_options inner = *o->options;

    inner.row = o->train;
    inner.rows_n = train_n;
    inner.bare = true;
    inner.search = search;
    inner.equal = NULL; // the model is measured, not what is decided with it
    inner.drop = o->drop.len ? o->drop.at : NULL;
    inner.fold = NULL;
    inner.folds = 0;
    return inner;
}

static tdl_status predict_fold(outer *o, const tdl_predictor *p, uint32_t fold, size_t test_n,
                               double *ret_metric, tdl_report *why)
{
    tdl_frame test = {0};
    double *y = o->y + o->n, *output = o->output + o->n * o->width;
    tdl_status st = tdl_frame_take(o->frame, o->test, test_n, &test, why);

    if (!st)
        st = tdl_predictor_predict(p, &test, o->options->pool, output, NULL, why);
    tdl_frame_release(&test);
    if (st)
        return st;
    for (size_t i = 0; i < test_n; i++) {
        o->tested_in[o->n + i] = fold;
        y[i] = (double)o->target.y[o->test[i]];
    }
    const tdl_scored scored = {.task = tdl_metric_task_of(o->target.task),
                               .n = test_n,
                               .width = o->width,
                               .y = y,
                               .p = output,
                               .quantile = o->target.quantile,
                               .power = o->target.power,
                               .threshold = p->threshold};
    o->n += test_n;
    st = tdl_metric_value(o->metric, &scored, ret_metric, why);
    if (st != TDL_E_INVALID)
        return st;
    *ret_metric = NAN; // of one class only: not defined here, perhaps elsewhere
    return TDL_OK;
}

static tdl_status measure_fold(outer *o, uint32_t fold, tdl_jw *w, double *ret_metric,
                               tdl_report *why)
{
    size_t train_n = 0, test_n = 0;
    char search[PATH_MAX];
    bool keeps = name_search(o, fold, search);
    tdl_predictor *p = NULL;

    for (size_t i = 0; i < o->rows_n; i++)
        if (o->folds.fold[i] == fold)
            o->test[test_n++] = o->row[i];
        else if (!o->folds.by_time || o->folds.fold[i] < fold)
            o->train[train_n++] = o->row[i];
    const tdl_predict_options inner = inner_options(o, train_n, keeps ? search : NULL);
    tdl_status st = tdl_predict_fit(o->frame, &inner, &p, why);
    if (!st)
        st = predict_fold(o, p, fold, test_n, ret_metric, why);
    if (!st) {
        tdl_buf chosen = {0}, board = {0};

        tdl_json_dump(&chosen, json_object_get(p->card, "chosen"));
        tdl_json_dump(&board, json_object_get(p->card, "leaderboard"));
        tdl_jw_object(w);
        tdl_jw_kint(w, "fold", fold);
        tdl_jw_kint(w, "train_rows", (int64_t)train_n);
        tdl_jw_kint(w, "test_rows", (int64_t)test_n);
        tdl_jw_knumber(w, "value", *ret_metric);
        tdl_jw_kraw(w, "chosen", tdl_buf_view(&chosen));
        tdl_jw_kraw(w, "leaderboard", tdl_buf_view(&board));
        tdl_jw_end_object(w);
        tdl_buf_release(&chosen);
        tdl_buf_release(&board);
    }
    tdl_predictor_free(p);
    return st;
}

static tdl_status measure(outer *o, tdl_jw *w, tdl_report *why)
{
    double metric[TDL_CONTEST_FOLDS_MAX], mean, error, threshold;
    tdl_status st = tdl_decision_threshold(o->options, o->target.task, &threshold, why);

    tdl_jw_object(w);
    tdl_jw_ktext(w, "name", o->options->name);
    tdl_jw_ktext(w, "task", tdl_task_name(o->target.task));
    tdl_jw_ktext(w, "metric", o->metric->name);
    tdl_jw_key(w, "folds");
    tdl_jw_array(w);
    for (uint32_t f = 0; f < o->folds.folds_n && !st; f++) {
        metric[f] = NAN;
        if (!o->folds.by_time || f > 0)
            st = measure_fold(o, f, w, &metric[f], why);
    }
    tdl_jw_end_array(w);
    if (st)
        return st;
    tdl_contest_mean(metric, o->folds.folds_n, &mean, &error);
    tdl_jw_knumber(w, "value", mean);
    tdl_jw_knumber(w, "standard_error", error);
    const tdl_outcome outcome = {.task = o->target.task,
                                 .n = o->n,
                                 .width = o->width,
                                 .y = o->y,
                                 .output = o->output,
                                 .quantile = o->target.quantile,
                                 .threshold = threshold,
                                 .class_name = o->target.class_name,
                                 .fold = o->tested_in,
                                 .folds_n = o->folds.folds_n,
                                 .seed = o->options->seed};
    tdl_jw_key(w, "quality");
    st = tdl_outcome_write(&outcome, w, why);
    if (!st)
        st = tdl_decision_cost_write(o->options, &outcome, w, why);
    tdl_jw_end_object(w);
    return st;
}

tdl_status tdl_predict_nested(const tdl_frame *frame, const tdl_predict_options *options,
                              tdl_buf *ret, tdl_report *why)
{
    outer o = {.frame = frame, .options = options};
    tdl_jw w = {.out = ret};
    tdl_status st = start(&o, why);

    if (!st)
        st = measure(&o, &w, why);
    for (uint32_t f = 0; f < o.folds.folds_n && !st; f++) {
        char search[PATH_MAX];

        if (name_search(&o, f, search))
            unlink(search);
    }
    release(&o);
    return st;
}
