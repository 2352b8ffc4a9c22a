/* What a contest measures with: which rows are tested, the metric of a fold, the mean over folds.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "apps/predict/contest.h"

/* ---- tasks ---- */

typedef struct tasks {
    tdl_task_fn *fn;
    void *context;
    size_t n;
    atomic_size_t next;
} tasks;

static void take_tasks(void *context, size_t begin, size_t end, unsigned part)
{
    tasks *t = context;
    size_t task;

    TDL_UNUSED(begin);
    TDL_UNUSED(end);
    TDL_UNUSED(part);
    while ((task = atomic_fetch_add(&t->next, 1)) < t->n)
        t->fn(t->context, task);
}

void tdl_tasks_run(tdl_pool *pool, size_t n, tdl_task_fn *fn, void *context)
{
    tasks t = {.fn = fn, .context = context, .n = n};

    tdl_pool_run(pool, tdl_pool_threads(pool), 1, take_tasks, &t);
}

/* ---- folds ---- */

bool tdl_contest_trains(const tdl_contest_data *data, size_t fold, size_t i)
{
    return data->by_time ? data->fold[i] < fold : data->fold[i] != fold;
}

bool tdl_contest_tests(const tdl_contest_data *data, size_t fold)
{
    return !data->by_time || fold > 0;
}

size_t tdl_contest_tested(const tdl_contest_data *data, uint32_t *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < data->rows_n; i++)
        if (tdl_contest_tests(data, data->fold[i])) {
            if (ret)
                ret[n] = (uint32_t)i;
            n++;
        }
    return n;
}

/* ---- measuring ---- */

static void softmax(double *row, size_t n)
{
    double most = row[0], sum = 0;

    for (size_t k = 1; k < n; k++)
        most = fmax(most, row[k]);
    for (size_t k = 0; k < n; k++)
        sum += row[k] = exp(row[k] - most);
    for (size_t k = 0; k < n; k++)
        row[k] /= sum;
}

void tdl_scores_to_outputs(tdl_task task, double *score, size_t n, size_t scores_n)
{
    for (size_t i = 0; i < n; i++)
        switch (task) {
        case TDL_TASK_BINARY:
            score[i] = 1 / (1 + exp(-score[i]));
            break;
        case TDL_TASK_COUNT:
            score[i] = exp(fmin(score[i], 80));
            break;
        case TDL_TASK_CLASSES:
        case TDL_TASK_ORDINAL:
            softmax(score + i * scores_n, scores_n);
            break;
        case TDL_TASK_REGRESSION:
        case TDL_TASK_QUANTILE:
        case TDL_TASK_RANKING:
            break;
        }
}

tdl_metric_task tdl_metric_task_of(tdl_task task)
{
    static const tdl_metric_task of[] = {
        [TDL_TASK_BINARY] = TDL_METRIC_BINARY,   [TDL_TASK_CLASSES] = TDL_METRIC_CLASSES,
        [TDL_TASK_ORDINAL] = TDL_METRIC_ORDINAL, [TDL_TASK_REGRESSION] = TDL_METRIC_VALUE,
        [TDL_TASK_COUNT] = TDL_METRIC_VALUE,     [TDL_TASK_QUANTILE] = TDL_METRIC_QUANTILE,
        [TDL_TASK_RANKING] = TDL_METRIC_RANKING,
    };

    return of[task];
}

tdl_status tdl_contest_measure(const tdl_contest_data *data, const double *score, size_t scores_n,
                               size_t fold, double *ret, tdl_report *why)
{
    double *output = malloc((data->rows_n * scores_n + 1) * sizeof *output);
    double *y = malloc((data->rows_n + 1) * sizeof *y);
    int32_t *group = data->group ? malloc((data->rows_n + 1) * sizeof *group) : NULL;
    size_t n = 0;
    tdl_status st;

    if (!output || !y || (data->group && !group)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to measure %zu rows", data->rows_n);
        goto out;
    }
    for (size_t i = 0; i < data->rows_n; i++)
        if (data->fold[i] == fold) {
            memcpy(output + n * scores_n, score + i * scores_n, scores_n * sizeof *output);
            if (group)
                group[n] = data->group[i];
            y[n++] = (double)data->target->y[data->row[i]];
        }
    tdl_scores_to_outputs(data->target->task, output, n, scores_n);
    const tdl_scored scored = {.task = tdl_metric_task_of(data->target->task),
                               .n = n,
                               .width = scores_n,
                               .y = y,
                               .p = output,
                               .quantile = data->target->quantile,
                               .power = data->target->power,
                               .list = group};
    st = tdl_metric_value(data->metric, &scored, ret, why);
    if (st == TDL_E_INVALID) { // of one class only: not defined here, perhaps elsewhere
        *ret = NAN;
        st = TDL_OK;
    }
out:
    free(output);
    free(y);
    free(group);
    return st;
}

void tdl_contest_mean(const double *fold_metric, size_t folds_n, double *ret_mean,
                      double *ret_standard_error)
{
    double tested[TDL_CONTEST_FOLDS_MAX] = {0};
    size_t n = 0;

    for (size_t f = 0; f < folds_n; f++)
        if (!isnan(fold_metric[f]))
            tested[n++] = fold_metric[f];
    *ret_mean = *ret_standard_error = NAN;
    if (n)
        tdl_fold_mean(tested, n, ret_mean, ret_standard_error);
}
