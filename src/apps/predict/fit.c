#include "apps/predict/fit.h"

#include <math.h>
#include <stdlib.h>

#include "apps/predict/column_drift.h"
#include "apps/predict/counterfactual.h"
#include "apps/predict/decision_cost.h"
#include "apps/predict/search_key.h"
#include "apps/predict/session.h"
#include "base/timestamp.h"
#include "table/read.h"
#include "table/sample.h"
#include "table/split.h"

enum {
    CONTEST_ROWS_MAX = 50000,
    BUDGET_S = 300,
    PATIENT_S = 600,
    CLOCK_FACTOR = 4, /* budgets until the clock ends the contest */
    GUARDED_ROWS = 20
};

static void release(tdl_fit_session *s)
{
    tdl_search_log_close(s->log);
    tdl_choice_release(&s->choice);
    tdl_contest_release(&s->contest);
    tdl_folds_release(&s->folds);
    free(s->leak);
    tdl_predict_target_release(&s->target);
    tdl_predictor_free(s->predictor);
    free(s->left_out);
    free(s->reason);
    free(s->row);
    free(s->list);
    free(s->weight);
    free(s->contest_row);
    free(s->group);
    json_decref(s->mitigation);
    json_decref(s->set);
}

bool tdl_fit_tell(const tdl_predict_options *o, const char *stage, double done)
{
    return !o->progress || o->progress(o->progress_context, stage, done, "");
}

static void note(tdl_fit_session *s, const char *text)
{
    if (s->notes_n < sizeof s->note / sizeof s->note[0])
        s->note[s->notes_n++] = text;
}

/* ---- rows ---- */

/* Takes the target of rows that are equal to an earlier one. */
static tdl_status drop_duplicates(tdl_fit_session *s, tdl_report *why)
{
    uint32_t *row = NULL;
    size_t n = 0;
    tdl_status st = tdl_frame_duplicates(s->frame, &row, NULL, &n, why);

    for (size_t i = 0; i < n && !st; i++)
        s->target.y[row[i]] = NAN;
    free(row);
    if (n)
        note(s, "duplicates_dropped");
    return st;
}

static tdl_status take_rows(tdl_fit_session *s, tdl_report *why)
{
    size_t n = s->options->row ? s->options->rows_n : s->frame->rows;
    tdl_status st = s->options->drop_duplicates ? drop_duplicates(s, why) : TDL_OK;

    if (st)
        return st;
    if (!(s->row = calloc(n + 1, sizeof *s->row)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        uint32_t row = s->options->row ? s->options->row[i] : (uint32_t)i;
        if (!isnan(s->target.y[row]))
            s->row[s->rows_n++] = row;
    }
    if (s->rows_n < 4)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "a model needs more rows than that",
                             "%zu rows have a target", s->rows_n);
    if (s->rows_n < 50)
        note(s, "few_rows");
    return TDL_OK;
}

/* ---- columns ---- */

static void leave_out(tdl_fit_session *s, size_t column, const char *reason)
{
    s->left_out[column] = true;
    s->reason[column] = reason;
}

static tdl_status leave_out_named(tdl_fit_session *s, const char *names, const char *reason,
                                  tdl_report *why)
{
    size_t column[TDL_FIT_COLUMNS_MAX], n;
    tdl_status st = tdl_find_columns(s->frame, names, column, TDL_FIT_COLUMNS_MAX, &n, why);

    for (size_t i = 0; i < n && !st; i++)
        leave_out(s, column[i], reason);
    return st;
}

static bool is_named(const tdl_frame *frame, const char *names, size_t column)
{
    size_t found[TDL_FIT_COLUMNS_MAX], n = 0;

    if (tdl_find_columns(frame, names, found, TDL_FIT_COLUMNS_MAX, &n, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        if (found[i] == column)
            return true;
    return false;
}

static tdl_status choose_columns(tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    size_t audited[TDL_FIT_COLUMNS_MAX], n;
    tdl_status st;

    s->left_out = calloc(s->frame->columns_n + 1, sizeof *s->left_out);
    s->reason = calloc(s->frame->columns_n + 1, sizeof *s->reason);
    if (!s->left_out || !s->reason)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", s->frame->columns_n);
    leave_out(s, s->target.column_index, "target");
    for (size_t i = 0; i < s->frame->columns_n; i++)
        if (s->frame->column[i].type == TDL_COLUMN_ID && !is_named(s->frame, o->allow_leak, i))
            leave_out(s, i, "id");
    if ((st = tdl_find_columns(s->frame, o->fairness, audited, TDL_FIT_COLUMNS_MAX, &n, why)))
        return st;
    if (n && s->target.classes_n > 2) // before the contest, not after it
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "leave --fairness out",
                             "fairness is audited of yes-or-no targets and numbers");
    if ((st = leave_out_named(s, o->drop, "dropped", why)) ||
        (st = leave_out_named(s, o->fold, "fold", why)) ||
        (st = leave_out_named(s, o->group, "group", why)))
        return st;
    return leave_out_named(s, o->weight, "weight", why);
}

/* ---- leaks ---- */

static tdl_status refuse_leak(const tdl_fit_session *s, const tdl_leak *leak, tdl_report *why)
{
    const char *name = s->frame->column[leak->column].name;

    if (leak->kind == TDL_LEAK_FUTURE)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "leave it out with --drop, or say --allow-leak to go on",
                             "column %s is known only after the target: its times lie behind those "
                             "of %s",
                             name, s->options->time);
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "leave it out with --drop, or say --allow-leak to go on",
                         "column %s alone tells the target (%.4f of 1): is it known when the "
                         "question is asked?",
                         name, leak->score);
}

static tdl_status act_on_leak(tdl_fit_session *s, const tdl_leak *leak, tdl_report *why)
{
    if (is_named(s->frame, s->options->allow_leak, leak->column))
        return TDL_OK;
    switch (leak->kind) {
    case TDL_LEAK_TARGET:
    case TDL_LEAK_FUTURE:
        return refuse_leak(s, leak, why);
    case TDL_LEAK_ID:
        leave_out(s, leak->column, "id");
        break;
    case TDL_LEAK_CONSTANT:
        leave_out(s, leak->column, "constant");
        break;
    case TDL_LEAK_DUPLICATE:
        leave_out(s, leak->column, "duplicate");
        break;
    }
    return TDL_OK;
}

static tdl_status count_duplicates(tdl_fit_session *s, tdl_report *why)
{
    uint32_t *row = NULL;
    tdl_status st = tdl_frame_duplicates(s->frame, &row, NULL, &s->duplicates, why);

    free(row);
    return st;
}

static bool is_constant(const tdl_fit_session *s)
{
    for (size_t i = 1; i < s->rows_n; i++)
        if (s->target.y[s->row[i]] != s->target.y[s->row[0]])
            return false;
    return true;
}

/* Of few rows, or where there is nothing to tell, anything may tell the target. */
static tdl_status guard(tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    const tdl_target target = {.y = s->target.y, .classes_n = s->target.classes_n};
    tdl_leak_options options = {.left_out = s->left_out, .target_time = SIZE_MAX, .seed = o->seed};
    size_t n;
    tdl_status st;

    if (is_constant(s)) {
        note(s, "constant_target");
        return TDL_OK;
    }
    if (s->rows_n < GUARDED_ROWS)
        return TDL_OK;
    if (o->time && (st = tdl_find_columns(s->frame, o->time, &options.target_time, 1, &n, why)))
        return st;
    if (o->time && s->frame->column[options.target_time].type != TDL_COLUMN_DATE)
        options.target_time = SIZE_MAX; // of numbers, or of text: nothing to compare dates with
    if ((st = tdl_leak_find(s->frame, &target, &options, &s->leak, &s->leaks_n, why)))
        return st;
    for (size_t i = 0; i < s->leaks_n && !st; i++)
        st = act_on_leak(s, &s->leak[i], why);
    return st || o->bare ? st : count_duplicates(s, why);
}

/* ---- weights ---- */

static tdl_status read_weights(tdl_fit_session *s, const tdl_column *column, tdl_report *why)
{
    double sum = 0;

    if (column->level || column->pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: weights must be numbers", column->name);
    for (size_t i = 0; i < s->rows_n; i++) {
        double w = column->number[s->row[i]];

        if (!(w >= 0))
            return TDL_FAIL(why, TDL_E_INVALID, "column %s: row %u has no weight of 0 or more",
                            column->name, s->row[i] + 1);
        s->weight[s->row[i]] = (float)w;
        sum += w;
    }
    if (!(sum > 0) || isinf(sum))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s: the weights add up to %g", column->name,
                        sum);
    return TDL_OK;
}

/* Each class weighs as much as any other. */
static tdl_status balance(tdl_fit_session *s, tdl_report *why)
{
    float *y = malloc((s->rows_n + 1) * sizeof *y), *weight = malloc((s->rows_n + 1) * sizeof *y);
    tdl_status st = y && weight ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; i < s->rows_n && !st; i++)
        y[i] = s->target.y[s->row[i]];
    if (!st)
        st = tdl_class_weights(y, s->rows_n, s->target.classes_n, weight, why);
    for (size_t i = 0; i < s->rows_n && !st; i++)
        s->weight[s->row[i]] *= weight[i];
    free(y);
    free(weight);
    return st;
}

static tdl_status make_weights(tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    size_t column, n;
    tdl_status st = TDL_OK;

    if (!o->weight && !o->balance)
        return TDL_OK;
    if (!(s->weight = malloc((s->frame->rows + 1) * sizeof *s->weight)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", s->frame->rows);
    for (size_t i = 0; i < s->frame->rows; i++)
        s->weight[i] = 1;
    if (o->weight && !(st = tdl_find_columns(s->frame, o->weight, &column, 1, &n, why)))
        st = read_weights(s, &s->frame->column[column], why);
    if (!st && o->balance && s->target.classes_n)
        st = balance(s, why);
    return st;
}

/* ---- the contest ---- */

typedef struct keyed {
    uint64_t key;
    uint32_t row;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

static int by_row(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Of very many rows a part, in their order; what is chosen is then fitted on all. Lists stay whole.
 */
static tdl_status take_contest_rows(tdl_fit_session *s, tdl_report *why)
{
    keyed *sorted;

    s->contest_n = s->rows_n < CONTEST_ROWS_MAX ? s->rows_n : CONTEST_ROWS_MAX;
    if (!(s->contest_row = malloc((s->rows_n + 1) * sizeof *s->contest_row)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", s->rows_n);
    memcpy(s->contest_row, s->row, s->contest_n * sizeof *s->row);
    if (s->contest_n == s->rows_n)
        return TDL_OK;
    if (!(sorted = malloc(s->rows_n * sizeof *sorted)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", s->rows_n);
    for (size_t i = 0; i < s->rows_n; i++)
        sorted[i] =
            (keyed){tdl_split_key(s->options->seed, s->list ? (uint64_t)s->list[i] : s->row[i]),
                    (uint32_t)i};
    qsort(sorted, s->rows_n, sizeof *sorted, by_key);
    while (s->list && s->contest_n > 1 && sorted[s->contest_n - 1].key == sorted[s->contest_n].key)
        s->contest_n--; // a list that is not there as a whole
    for (size_t i = 0; i < s->contest_n; i++)
        s->contest_row[i] = sorted[i].row;
    qsort(s->contest_row, s->contest_n, sizeof *s->contest_row, by_row);
    for (size_t i = 0; i < s->contest_n; i++)
        s->contest_row[i] = s->row[s->contest_row[i]];
    free(sorted);
    note(s, "contest_on_part");
    return TDL_OK;
}

/* Who asks for a loss is told by what it measures. NULL: nobody asked. */
static const char *metric_of_loss(const tdl_fit_session *s)
{
    if (!s->options->target.loss)
        return NULL;
    if (s->target.task == TDL_TASK_COUNT)
        return s->target.aim == TDL_AIM_TWEEDIE ? "tweedie_deviance" : "poisson_deviance";
    return s->target.aim == TDL_AIM_USUAL ? NULL : "mae";
}

static tdl_status find_metric(const tdl_fit_session *s, const tdl_metric **ret, tdl_report *why)
{
    tdl_metric_task task = tdl_metric_task_of(s->target.task);
    const char *name = s->options->metric ? s->options->metric : metric_of_loss(s);

    *ret = name ? tdl_metric_find(tdl_str_of(name), task) : tdl_metric_default(task);
    return *ret ? TDL_OK
                : TDL_FAIL(why, TDL_E_INVALID, "there is no metric \"%s\" for task %s", name,
                           tdl_task_name(s->target.task));
}

static tdl_status hold_contest(tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    double budget = o->budget > 0 ? o->budget : BUDGET_S;
    unsigned char key[TDL_SEARCH_KEY_BYTES];
    int64_t began = tdl_time_monotonic();
    tdl_status st;

    if ((st = take_contest_rows(s, why)) || (st = tdl_fit_number_lists(s, why)) ||
        (st =
             tdl_folds_make(s->frame, &s->target, s->contest_row, s->contest_n, o, &s->folds, why)))
        return st;
    s->data = (tdl_contest_data){.frame = s->frame,
                                 .left_out = s->left_out,
                                 .target = &s->target,
                                 .row = s->contest_row,
                                 .rows_n = s->contest_n,
                                 .all_n = s->rows_n,
                                 .fold = s->folds.fold,
                                 .folds_n = s->folds.folds_n,
                                 .by_time = s->folds.by_time,
                                 .group = s->group,
                                 .weight = s->weight,
                                 .wish = s->wish,
                                 .set = s->set,
                                 .seed = o->seed,
                                 .pool = o->pool,
                                 .patient = budget >= PATIENT_S,
                                 .budget = budget,
                                 .deadline_us = began + (int64_t)(CLOCK_FACTOR * budget * 1e6),
                                 .progress = o->progress,
                                 .progress_context = o->progress_context};
    if ((st = find_metric(s, &s->data.metric, why)))
        return st;
    if (o->search) {
        tdl_search_key(&s->data, o, key);
        if ((st = tdl_search_log_open(o->search, key, &s->log, why)))
            return st;
        s->data.log = s->log;
    }
    if ((st = tdl_contest_hold(&s->data, o->models ? o->models : "auto", &s->contest, why)) ||
        (st = tdl_choose(&s->data, &s->contest, o->prefer_simple, !o->no_blend, &s->choice, why)))
        return st;
    s->contest_seconds = (double)(tdl_time_monotonic() - began) / 1e6;
    return TDL_OK;
}

/* ---- the predictor ---- */

/* The schema of features, and of groups that have thresholds: what else has been left out is not
 * asked for. */
static json_t *asked_schema(const tdl_fit_session *s)
{
    const char *by = s->options->equal ? s->options->equal_by : NULL;
    json_t *whole = tdl_schema_save(s->frame), *columns = json_array();
    const json_t *all = json_object_get(whole, "columns");

    for (size_t i = 0; i < json_array_size(all); i++)
        if (!s->left_out[i] || (by && is_named(s->frame, by, i)))
            json_array_append(columns, json_array_get(all, i));
    json_object_set_new(whole, "columns", columns);
    return whole;
}

static tdl_status start_predictor(tdl_fit_session *s, tdl_report *why)
{
    tdl_predictor *p = s->predictor = calloc(1, sizeof *p);

    if (!p || !(p->name = strdup(s->options->name)) || !(p->schema = asked_schema(s)) ||
        !(p->card = json_object()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    json_t *saved = tdl_predict_target_save(&s->target);
    tdl_status st = tdl_predict_target_load(saved, &p->target, why);
    json_decref(saved);
    p->scores_n = s->contest.scores_n;
    if (!st)
        st = tdl_schema_set_missing(p->schema, s->options->missing, why);
    if (!st && !s->options->bare &&
        !(st = tdl_schema_add_values(p->schema, s->frame, s->row, s->rows_n, why)))
        st = tdl_schema_add_drift(p->schema, s->frame, s->row, s->rows_n, why);
    return st;
}

static tdl_status fit(tdl_fit_session *s, tdl_report *why)
{
    const tdl_predict_options *o = s->options;
    tdl_status st;

    if (o->set && (!o->models || !strcmp(o->models, "auto")))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "--model NAME --set KEY=VALUE",
                             "settings are of a model that is named");
    if ((st = tdl_wish_read(o->prepare, o->augment, &s->wish, why)) ||
        (st = tdl_wish_read_set(o->set, &s->set, why)))
        return st;
    s->wish.holidays = o->holidays;
    if (s->frame->rows > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows: 4 billion are the limit", s->frame->rows);
    if ((st = tdl_predict_target_make(s->frame, &o->target, &s->target, why)) ||
        (st = tdl_decision_cost_check(o, s->target.task, why)) ||
        (st = tdl_fit_check_mitigation(s, why)) || (st = take_rows(s, why)) ||
        (st = tdl_fit_order_lists(s, why)) || (st = choose_columns(s, why)) ||
        (st = guard(s, why)) || (st = make_weights(s, why)) ||
        (st = tdl_wish_check(&s->wish, s->target.task, s->frame, s->left_out, why)) ||
        (st = hold_contest(s, why)) || (st = start_predictor(s, why)))
        return st;
    int64_t began = tdl_time_monotonic();
    if (!tdl_fit_tell(o, "fitting on all rows", 0.9))
        return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
    if ((st = tdl_fit_members(s, why)) || (st = tdl_predictor_seal(s->predictor, why)) ||
        (st = tdl_fit_calibrate(s, why)) || (st = tdl_fit_mitigate(s, why)))
        return st;
    s->refit_seconds = (double)(tdl_time_monotonic() - began) / 1e6;
    if (!tdl_fit_tell(o, "writing the card", 0.95))
        return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
    return tdl_fit_card(s, why);
}

tdl_status tdl_predict_fit(const tdl_frame *frame, const tdl_predict_options *options,
                           tdl_predictor **ret, tdl_report *why)
{
    tdl_fit_session s = {.frame = frame, .options = options};
    tdl_status st = fit(&s, why);

    if (!st) {
        *ret = s.predictor;
        s.predictor = NULL; /* the caller's now */
    }
    if (!options->bare && (!st || st == TDL_E_INVALID)) { // else it may be asked for again
        tdl_search_log_remove(s.log);
        s.log = NULL;
    }
    release(&s);
    return st;
}
