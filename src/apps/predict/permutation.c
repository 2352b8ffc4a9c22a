#include "apps/predict/column_selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/predict/contest.h"
#include "base/rng.h"
#include "table/split.h"

enum { FOLDS = TDL_PERMUTATION_FOLDS, REPEATS = TDL_PERMUTATION_REPEATS };

/* One fold: a model of the others, and what it says of this one. */
typedef struct trial {
    const tdl_column_selection *of;
    size_t number;
    uint32_t *train, *test; /* [train_n], [test_n] rows of the frame */
    size_t train_n, test_n;
    float *y, *weight; /* [train_n]; weight NULL = 1 */
    double *truth;     /* [test_n] */
    tdl_prepare *prepare;
    tdl_learner *learner;
    double metric;      /* of the rows as they are */
    double *worse;      /* [columns_n] */
    tdl_status *status; /* [columns_n] of each column's task */
    tdl_report *why;    /* [columns_n] */
} trial;

static void release(trial *t)
{
    free(t->train);
    free(t->test);
    free(t->y);
    free(t->weight);
    free(t->truth);
    tdl_prepare_free(t->prepare);
    tdl_learner_free(t->learner);
    free(t->worse);
    free(t->status);
    free(t->why);
}

/* ---- folds ---- */

/* Stratified; plain where a class is too small for it. */
static tdl_status make_folds(const tdl_column_selection *p, uint32_t *fold, tdl_report *why)
{
    int32_t *class_of = calloc(p->rows_n + 1, sizeof *class_of);
    uint64_t *key = calloc(p->rows_n + 1, sizeof *key);
    tdl_status st = TDL_E_INVALID;

    if (!class_of || !key) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for folds of %zu rows", p->rows_n);
        goto out;
    }
    for (size_t i = 0; i < p->rows_n; i++) {
        key[i] = p->row[i];
        class_of[i] = p->target->classes_n ? (int32_t)p->target->y[p->row[i]] : 0;
    }
    if (p->target->classes_n)
        st = tdl_split_folds(p->rows_n, class_of, key, p->seed, FOLDS, fold, NULL);
    if (st == TDL_E_INVALID)
        st = tdl_split_folds(p->rows_n, NULL, key, p->seed, FOLDS, fold, why);
out:
    free(class_of);
    free(key);
    return st;
}

static tdl_status part(trial *t, const uint32_t *fold, tdl_report *why)
{
    const tdl_column_selection *p = t->of;
    size_t n = p->rows_n + 1, columns = p->frame->columns_n + 1;

    t->train = calloc(n, sizeof *t->train);
    t->test = calloc(n, sizeof *t->test);
    t->y = calloc(n, sizeof *t->y);
    t->weight = p->target->weight ? calloc(n, sizeof *t->weight) : NULL;
    t->truth = calloc(n, sizeof *t->truth);
    t->worse = calloc(columns, sizeof *t->worse);
    t->status = calloc(columns, sizeof *t->status);
    t->why = calloc(columns, sizeof *t->why);
    if (!t->train || !t->test || !t->y || (p->target->weight && !t->weight) || !t->truth ||
        !t->worse || !t->status || !t->why)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a fold of %zu rows", p->rows_n);
    for (size_t i = 0; i < p->rows_n; i++) {
        uint32_t row = p->row[i];

        if (fold[i] == t->number) {
            t->truth[t->test_n] = (double)p->target->y[row];
            t->test[t->test_n++] = row;
            continue;
        }
        if (t->weight)
            t->weight[t->train_n] = p->target->weight[row];
        t->y[t->train_n] = p->target->y[row];
        t->train[t->train_n++] = row;
    }
    return TDL_OK;
}

static tdl_status learn(trial *t, tdl_report *why)
{
    const tdl_column_selection *p = t->of;
    tdl_matrix x = {0};
    tdl_problem problem = *p->problem;
    json_t *settings;
    tdl_status st;

    if ((st = tdl_prepare_fit(p->frame, p->left_out, t->train, t->train_n, p->target, p->options,
                              p->seed, &t->prepare, &x, why)))
        goto out;
    problem.x = &x; // NOLINT(clang-analyzer-unix.Malloc): release() has it all
    problem.y = t->y;
    problem.weight = t->weight;
    problem.group = NULL;
    problem.seed = p->seed;
    settings = p->ops->settings(&problem);
    st = tdl_learner_fit(p->ops, &problem, json_array_get(settings, 0), &t->learner, NULL, why);
    json_decref(settings);
out:
    tdl_matrix_release(&x);
    return st;
}

/* ---- measuring ---- */

static tdl_status measure(const trial *t, const tdl_frame *frame, double *ret, tdl_report *why)
{
    const tdl_problem *problem = t->of->problem;
    tdl_metric_task task = tdl_metric_task_of(problem->task);
    size_t width = t->learner->scores_n;
    double *score = calloc(t->test_n * width + 1, sizeof *score);
    tdl_matrix x = {0};
    tdl_status st;

    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", t->test_n);
    if ((st = tdl_prepare_apply(t->prepare, frame, t->test, t->test_n, &x, NULL, why)) ||
        (st = tdl_learner_score(t->learner, &x, NULL, score, why)))
        goto out;
    tdl_scores_to_outputs(problem->task, score, t->test_n, width);
    const tdl_scored scored = {.task = task,
                               .n = t->test_n,
                               .width = width,
                               .y = t->truth,
                               .p = score,
                               .quantile = problem->quantile};
    st = tdl_metric_value(tdl_metric_default(task), &scored, ret, why);
out:
    tdl_matrix_release(&x);
    free(score);
    return st;
}

/* The column with the cells of the tested rows in another order; all else is borrowed. */
static bool shuffle(const trial *t, const tdl_column *column, const uint32_t *order, double *number,
                    int32_t *level, tdl_column *ret)
{
    *ret = *column;
    if (column->number) {
        for (size_t i = 0; i < t->test_n; i++)
            number[t->test[i]] = column->number[t->test[order[i]]];
        ret->number = number;
    }
    if (column->level) {
        for (size_t i = 0; i < t->test_n; i++)
            level[t->test[i]] = column->level[t->test[order[i]]];
        ret->level = level;
    }
    return column->number || column->level;
}

static tdl_status shuffle_and_measure(trial *t, size_t number, tdl_report *why)
{
    const tdl_column_selection *p = t->of;
    tdl_rng rng = tdl_rng_make(p->seed, t->number << 32 | number);
    tdl_frame frame = *p->frame;
    double *cell = calloc(frame.rows + 1, sizeof *cell), sum = 0, metric;
    int32_t *level = calloc(frame.rows + 1, sizeof *level);
    uint32_t *order = calloc(t->test_n + 1, sizeof *order);
    tdl_status st = TDL_OK;

    frame.column = calloc(frame.columns_n, sizeof *frame.column);
    if (!cell || !level || !order || !frame.column) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a column of %zu rows", frame.rows);
        goto out;
    }
    memcpy(frame.column, p->frame->column, frame.columns_n * sizeof *frame.column);
    for (size_t i = 0; i < t->test_n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = 0; i < REPEATS && !st; i++) {
        tdl_rng_shuffle(&rng, order, t->test_n);
        if (!shuffle(t, &p->frame->column[number], order, cell, level, &frame.column[number]))
            break;
        if (!(st = measure(t, &frame, &metric, why)))
            sum += t->metric - metric;
    }
    t->worse[number] = sum / REPEATS;
    if (!tdl_metric_default(tdl_metric_task_of(p->problem->task))->higher_is_better)
        t->worse[number] = -t->worse[number];
out:
    free(frame.column);
    free(cell);
    free(level);
    free(order);
    return st;
}

static void run_column(void *context, size_t number)
{
    trial *t = context;

    if (tdl_prepare_range_of(t->prepare, number).used)
        t->status[number] = shuffle_and_measure(t, number, &t->why[number]);
}

static tdl_status run_fold(trial *t, const uint32_t *fold, tdl_report *why)
{
    const tdl_column_selection *p = t->of;
    size_t n = p->frame->columns_n;
    tdl_status st = part(t, fold, why);

    if (!st)
        st = learn(t, why);
    if (!st)
        st = measure(t, p->frame, &t->metric, why);
    if (st)
        return st;
    tdl_tasks_run(p->problem->pool, n, run_column, t);
    for (size_t c = 0; c < n && !st; c++)
        if ((st = t->status[c]) && why)
            *why = t->why[c];
    return st;
}

/* ---- all folds ---- */

tdl_status tdl_permutation_importance(const tdl_column_selection *p, double *ret_worse,
                                      double *ret_error, tdl_report *why)
{
    size_t columns = p->frame->columns_n;
    uint32_t *fold = calloc(p->rows_n + 1, sizeof *fold);
    double *worse = calloc(columns + 1, FOLDS * sizeof *worse); /* [columns][FOLDS] */
    tdl_status st;

    if (!fold || !worse) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for folds of %zu rows", p->rows_n);
        goto out;
    }
    st = make_folds(p, fold, why);
    for (size_t f = 0; f < FOLDS && !st; f++) {
        trial t = {.of = p, .number = f};

        st = run_fold(&t, fold, why);
        for (size_t c = 0; c < columns && !st; c++)
            worse[c * FOLDS + f] = t.worse[c];
        release(&t);
    }
    for (size_t c = 0; c < columns && !st; c++)
        tdl_contest_mean(worse + c * FOLDS, FOLDS, &ret_worse[c], &ret_error[c]);
out:
    free(fold);
    free(worse);
    return st;
}

/* The column that makes it most worse among those that are not taken; SIZE_MAX: there is none. */
static size_t find_best(const tdl_column_selection *p, const double *worse, const bool *left_out)
{
    size_t best = SIZE_MAX;

    for (size_t c = 0; c < p->frame->columns_n; c++)
        if (!p->left_out[c] && left_out[c] && (best == SIZE_MAX || worse[c] > worse[best]))
            best = c;
    return best;
}

tdl_status tdl_permutation_select(const tdl_column_selection *p, size_t columns_max, tdl_str always,
                                  bool *ret_left_out, tdl_report *why)
{
    size_t columns = p->frame->columns_n, kept = 0, best;
    double *worse = calloc(columns + 1, sizeof *worse), *error = calloc(columns + 1, sizeof *error);
    tdl_status st;

    if (!worse || !error)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu columns", columns);
    else
        st = tdl_permutation_importance(p, worse, error, why);
    if (st)
        goto out;
    for (size_t c = 0; c < columns; c++) // a picture is not shuffled: it stays
        ret_left_out[c] = p->left_out[c] || !(p->frame->column[c].pixel ||
                                              tdl_str_is(always, p->frame->column[c].name));
    while ((!columns_max || kept < columns_max) &&
           (best = find_best(p, worse, ret_left_out)) != SIZE_MAX &&
           (!kept || worse[best] > error[best])) {
        ret_left_out[best] = false;
        kept++;
    }
out:
    free(worse);
    free(error);
    return st;
}
