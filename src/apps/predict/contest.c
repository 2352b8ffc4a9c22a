#include "apps/predict/contest.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/timestamp.h"

enum {
    FEW_ROWS = 3000, /* a fold of fewer says little: all settings on all folds */
    KEPT_SECOND = 3, /* one in so many goes on to the second fold */
    FINALISTS = 2
};

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

static bool trains(const tdl_contest_data *data, size_t fold, size_t i)
{
    return data->by_time ? data->fold[i] < fold : data->fold[i] != fold;
}

bool tdl_contest_tests(const tdl_contest_data *data, size_t fold)
{
    return !data->by_time || fold > 0;
}

/* Places of rows in data->row. */
typedef struct part {
    uint32_t *train_row, *test_row; /* of the frame */
    uint32_t *test_at;              /* [test_n] places in data->row */
    float *y, *weight;              /* [train_n]; weight NULL = none */
    int32_t *group;                 /* [train_n] or NULL */
    size_t train_n, test_n;
} part;

static void release_part(part *p)
{
    free(p->train_row);
    free(p->test_row);
    free(p->test_at);
    free(p->y);
    free(p->weight);
    free(p->group);
    *p = (part){0};
}

static tdl_status make_part(const tdl_contest_data *data, size_t fold, part *ret, tdl_report *why)
{
    size_t n = data->rows_n + 1;
    part p = {.train_row = malloc(n * sizeof *p.train_row),
              .test_row = malloc(n * sizeof *p.test_row),
              .test_at = malloc(n * sizeof *p.test_at),
              .y = malloc(n * sizeof *p.y),
              .weight = data->weight ? malloc(n * sizeof *p.weight) : NULL,
              .group = data->group ? malloc(n * sizeof *p.group) : NULL};

    if (!p.train_row || !p.test_row || !p.test_at || !p.y || (data->weight && !p.weight) ||
        (data->group && !p.group)) {
        release_part(&p);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a fold of %zu rows", data->rows_n);
    }
    for (size_t i = 0; i < data->rows_n; i++) {
        uint32_t row = data->row[i];

        if (trains(data, fold, i)) {
            p.train_row[p.train_n] = row;
            p.y[p.train_n] = data->target->y[row];
            if (p.weight)
                p.weight[p.train_n] = data->weight[row];
            if (p.group)
                p.group[p.train_n] = data->group[i];
            p.train_n++;
        } else if (data->fold[i] == fold) {
            p.test_row[p.test_n] = row;
            p.test_at[p.test_n++] = (uint32_t)i;
        }
    }
    *ret = p;
    return TDL_OK;
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

/* ---- one learner ---- */

typedef struct trial { /* of one setting */
    const json_t *setting;
    double metric[TDL_CONTEST_FOLDS_MAX]; /* NaN = not yet */
    double *score[TDL_CONTEST_FOLDS_MAX]; /* [test_n][scores_n] */
    tdl_learner *learner[TDL_CONTEST_FOLDS_MAX];
    json_t *note;
    double seconds;
    bool alive;
} trial;

typedef struct ground { /* of one fold */
    part part;
    tdl_prepare *prepare;
    tdl_matrix train, test;
} ground;

typedef struct bout {
    const tdl_contest_data *data;
    tdl_entry *entry;
    json_t *settings;
    trial trial[TDL_CONTEST_SETTINGS_MAX];
    size_t trials_n, scores_n;
    ground fold[TDL_CONTEST_FOLDS_MAX];
    struct {
        size_t trial, fold;
    } task[TDL_CONTEST_SETTINGS_MAX * TDL_CONTEST_FOLDS_MAX];
    size_t tasks_n;
    size_t share;         /* threads for one fit */
    bool forced;          /* asked for by name: takes the time it takes */
    pthread_mutex_t lock; /* of the next two */
    tdl_status status;
    tdl_report why;
} bout;

static bool has_images(const tdl_contest_data *data)
{
    for (size_t i = 0; i < data->frame->columns_n; i++)
        if (!data->left_out[i] && data->frame->column[i].type == TDL_COLUMN_IMAGE)
            return true;
    return false;
}

static void note_failure(bout *b, tdl_status st, const tdl_report *why)
{
    pthread_mutex_lock(&b->lock);
    if (!b->status) {
        b->status = st;
        b->why = *why;
    }
    pthread_mutex_unlock(&b->lock);
}

static bool has_failed(bout *b)
{
    pthread_mutex_lock(&b->lock);
    bool failed = b->status != TDL_OK;
    pthread_mutex_unlock(&b->lock);
    return failed;
}

static void release_fold(ground *f)
{
    release_part(&f->part);
    tdl_prepare_free(f->prepare);
    tdl_matrix_release(&f->train);
    tdl_matrix_release(&f->test);
    *f = (ground){0};
}

static void drop_trial(bout *b, trial *t)
{
    for (size_t f = 0; f < b->data->folds_n; f++) {
        free(t->score[f]);
        tdl_learner_free(t->learner[f]);
        t->score[f] = NULL;
        t->learner[f] = NULL;
    }
    json_decref(t->note);
    t->note = NULL;
    t->alive = false;
}

static void release_bout(bout *b)
{
    for (size_t i = 0; i < b->trials_n; i++)
        drop_trial(b, &b->trial[i]);
    for (size_t f = 0; f < b->data->folds_n; f++)
        release_fold(&b->fold[f]);
    json_decref(b->settings);
    pthread_mutex_destroy(&b->lock);
}

static uint64_t seed_of(const tdl_contest_data *data, size_t fold)
{
    return data->seed * 1000003 + fold;
}

static tdl_problem make_problem(const tdl_contest_data *data, const ground *f, size_t number)
{
    tdl_problem p = {.task = data->target->task,
                     .classes_n = data->target->classes_n,
                     .quantiles_n = data->target->quantiles_n,
                     .aim = data->target->aim,
                     .power = data->target->power,
                     .images = has_images(data),
                     .x = &f->train,
                     .y = f->part.y,
                     .weight = f->part.weight,
                     .group = f->part.group,
                     .seed = seed_of(data, number)};

    memcpy(p.quantile, data->target->quantile, sizeof p.quantile);
    if (data->deadline_us) {
        double left = (double)(data->deadline_us - tdl_time_monotonic()) / 1e6;
        p.seconds = fmax(left, 1);
    }
    return p;
}

/* ---- preparing ---- */

static void prepare_fold(void *context, size_t number)
{
    bout *b = context;
    const tdl_contest_data *data = b->data;
    ground *f = &b->fold[number];
    tdl_report why;
    tdl_status st;

    if (f->prepare || !tdl_contest_tests(data, number))
        return;
    const tdl_target target = {
        .y = data->target->y, .classes_n = data->target->classes_n, .weight = data->weight};
    const tdl_prepare_options options = tdl_wish_prepare(&data->wish, b->entry->ops);
    if ((st = make_part(data, number, &f->part, &why)) ||
        (st = tdl_prepare_fit(data->frame, data->left_out, f->part.train_row, f->part.train_n,
                              &target, &options, seed_of(data, number), &f->prepare, &f->train,
                              &why)) ||
        (st = tdl_prepare_apply(f->prepare, data->frame, f->part.test_row, f->part.test_n, &f->test,
                                NULL, &why)))
        note_failure(b, st, &why);
}

/* ---- fitting ---- */

static tdl_status fit_and_score(bout *b, trial *t, size_t number, json_t **ret_note,
                                tdl_report *why)
{
    ground *f = &b->fold[number];
    tdl_problem problem = make_problem(b->data, f, number);
    tdl_status st;

    if (b->forced || b->entry->ops->simple)
        problem.seconds = 0;
    st = tdl_wish_fit(&b->data->wish, b->entry->ops, &problem, t->setting, &t->learner[number],
                      ret_note, why);
    if (st)
        return st;
    // What the clock has cut short is not what the learner can do: it is left out, not measured.
    if (problem.seconds > 0 && tdl_time_monotonic() >= b->data->deadline_us)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "give a larger --budget, or ask for it by name",
                             "the time was over before it had learnt");
    t->score[number] = malloc((f->part.test_n * b->scores_n + 1) * sizeof(double));
    if (!t->score[number])
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", f->part.test_n);
    if ((st = tdl_learner_score(t->learner[number], &f->test, NULL, t->score[number], why)))
        return st;
    for (size_t i = 0; i < f->part.test_n * b->scores_n; i++)
        if (!isfinite(t->score[number][i]))
            return TDL_FAIL(why, TDL_E_INVALID, "the score of row %u is no number",
                            f->part.test_row[i / b->scores_n] + 1);
    return TDL_OK;
}

/* The metric of one fold, of scores that lie by themselves. */
static tdl_status measure_fold(bout *b, const double *score, size_t number, double *ret,
                               tdl_report *why)
{
    const part *p = &b->fold[number].part;
    double *all = malloc((b->data->rows_n * b->scores_n + 1) * sizeof *all);
    tdl_status st;

    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", b->data->rows_n);
    for (size_t i = 0; i < p->test_n; i++)
        memcpy(all + p->test_at[i] * b->scores_n, score + i * b->scores_n,
               b->scores_n * sizeof *all);
    st = tdl_contest_measure(b->data, all, b->scores_n, number, ret, why);
    free(all);
    return st;
}

static void run_task(void *context, size_t number)
{
    bout *b = context;
    trial *t = &b->trial[b->task[number].trial];
    size_t fold = b->task[number].fold;
    json_t *note = NULL;
    tdl_report why;
    int64_t began = tdl_time_monotonic();

    if (has_failed(b))
        return;
    tdl_status st = fit_and_score(b, t, fold, &note, &why);
    if (!st)
        st = measure_fold(b, t->score[fold], fold, &t->metric[fold], &why);
    if (st) {
        tdl_report_prefix(&why, "%s, fold %zu", b->entry->ops->name, fold + 1);
        note_failure(b, st, &why);
    }
    pthread_mutex_lock(&b->lock);
    t->seconds += (double)(tdl_time_monotonic() - began) / 1e6;
    if (note) {
        json_decref(t->note);
        t->note = note;
    }
    pthread_mutex_unlock(&b->lock);
}

/* Every setting that is alive on folds [begin, end). */
static tdl_status run_folds(bout *b, size_t begin, size_t end, tdl_report *why)
{
    b->tasks_n = 0;
    for (size_t f = begin; f < end; f++)
        prepare_fold(b, f);
    for (size_t f = begin; f < end; f++)
        for (size_t i = 0; i < b->trials_n; i++)
            if (b->trial[i].alive && tdl_contest_tests(b->data, f)) {
                b->task[b->tasks_n].trial = i;
                b->task[b->tasks_n++].fold = f;
            }
    if (!b->status)
        tdl_tasks_run(b->data->pool, b->tasks_n, run_task, b);
    if (b->status && why)
        *why = b->why;
    return b->status;
}

/* ---- halving ---- */

static double mean_of(const bout *b, const trial *t)
{
    double mean, error;

    tdl_contest_mean(t->metric, b->data->folds_n, &mean, &error);
    return b->data->metric->higher_is_better ? mean : -mean;
}

static size_t alive_n(const bout *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->trials_n; i++)
        n += b->trial[i].alive;
    return n;
}

/* Of equals the earlier stays: settings stand in order of preference. */
static void keep_best(bout *b, size_t n)
{
    while (alive_n(b) > n) {
        trial *worst = NULL;

        for (size_t i = 0; i < b->trials_n; i++) {
            trial *t = &b->trial[i];
            if (t->alive && (!worst || !(mean_of(b, t) > mean_of(b, worst))))
                worst = t;
        }
        drop_trial(b, worst);
    }
}

static tdl_status halve(bout *b, tdl_report *why)
{
    size_t first = b->data->by_time ? 1 : 0, last = b->data->folds_n, n = b->trials_n;
    tdl_status st = TDL_OK;

    if (n > FINALISTS && last - first > 2 && b->data->rows_n > FEW_ROWS) {
        if ((st = run_folds(b, first, first + 1, why)))
            return st;
        keep_best(b, n / KEPT_SECOND > FINALISTS ? n / KEPT_SECOND : FINALISTS);
        if ((st = run_folds(b, first + 1, first + 2, why)))
            return st;
        keep_best(b, FINALISTS);
        first += 2;
    }
    return run_folds(b, first, last, why);
}

/* ---- the outcome ---- */

static tdl_status make_entry(bout *b, const trial *best, tdl_report *why)
{
    const tdl_contest_data *data = b->data;
    tdl_entry *e = b->entry;
    size_t n = data->rows_n * b->scores_n;

    e->score = malloc((n + 1) * sizeof *e->score);
    e->fold_metric = malloc(data->folds_n * sizeof *e->fold_metric);
    e->model = calloc(data->folds_n, sizeof *e->model);
    if (!e->score || !e->fold_metric || !e->model)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", n);
    for (size_t i = 0; i < n; i++)
        e->score[i] = NAN;
    memcpy(e->fold_metric, best->metric, data->folds_n * sizeof *e->fold_metric);
    for (size_t f = 0; f < data->folds_n; f++)
        for (size_t i = 0; best->score[f] && i < b->fold[f].part.test_n; i++)
            memcpy(e->score + b->fold[f].part.test_at[i] * b->scores_n,
                   best->score[f] + i * b->scores_n, b->scores_n * sizeof *e->score);
    e->setting = json_deep_copy(best->setting);
    e->note = json_incref(best->note);
    tdl_contest_mean(e->fold_metric, data->folds_n, &e->metric, &e->standard_error);
    return e->setting ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
}

static void take_models(bout *b, trial *best)
{
    for (size_t f = 0; f < b->data->folds_n; f++) {
        b->entry->model[f] = (tdl_contest_model){b->fold[f].prepare, best->learner[f]};
        b->fold[f].prepare = NULL;
        best->learner[f] = NULL;
    }
}

/* Settings that are the same then are tried once. */
static tdl_status set_all(json_t *settings, const json_t *set, tdl_report *why)
{
    for (size_t i = 0; i < json_array_size(settings); i++)
        if (json_object_update(json_array_get(settings, i), (json_t *)set))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = json_array_size(settings); i-- > 1;)
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(settings, i), json_array_get(settings, k))) {
                json_array_remove(settings, i);
                break;
            }
    return TDL_OK;
}

static tdl_status make_trials(bout *b, tdl_report *why)
{
    tdl_status st;

    const tdl_contest_data *data = b->data;
    const ground none = {0};
    tdl_problem problem = make_problem(data, &none, 0);

    problem.x = NULL;
    b->settings = b->entry->ops->settings(&problem);
    b->trials_n = json_array_size(b->settings);
    if (!b->trials_n || b->trials_n > TDL_CONTEST_SETTINGS_MAX)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%s: %zu settings", b->entry->ops->name, b->trials_n);
    if (b->forced && data->set && (st = set_all(b->settings, data->set, why)))
        return st;
    b->trials_n = json_array_size(b->settings);
    for (size_t i = 0; i < b->trials_n; i++) {
        b->trial[i].setting = json_array_get(b->settings, i);
        b->trial[i].alive = true;
        for (size_t f = 0; f < TDL_CONTEST_FOLDS_MAX; f++)
            b->trial[i].metric[f] = NAN;
    }
    return TDL_OK;
}

static tdl_status hold_bout(const tdl_contest_data *data, tdl_entry *entry, bool forced,
                            tdl_report *why)
{
    bout *b = calloc(1, sizeof *b);
    trial *best = NULL;
    tdl_status st;

    if (!b)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    b->data = data;
    b->entry = entry;
    b->forced = forced;
    b->scores_n = tdl_problem_scores(&(tdl_problem){.task = data->target->task,
                                                    .classes_n = data->target->classes_n,
                                                    .quantiles_n = data->target->quantiles_n});
    pthread_mutex_init(&b->lock, NULL);
    if ((st = make_trials(b, why)) || (st = halve(b, why)))
        goto out;
    for (size_t i = 0; i < b->trials_n; i++)
        entry->seconds += b->trial[i].seconds;
    entry->settings_n = entry->settings_tried = b->trials_n;
    keep_best(b, 1);
    best = b->trial;
    while (!best->alive)
        best++;
    if (!(st = make_entry(b, best, why)))
        take_models(b, best);
out:
    release_bout(b);
    free(b);
    return st;
}

/* ---- the contest ---- */

static bool is_wanted(const char *wanted, const char *name)
{
    size_t n = strlen(name);

    if (!strcmp(wanted, "auto"))
        return true;
    for (const char *at = wanted; (at = strstr(at, name)); at += n)
        if ((at == wanted || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

static tdl_status check_names(const char *wanted, tdl_report *why)
{
    for (const char *at = wanted; strcmp(wanted, "auto") != 0 && at;) {
        size_t len = strcspn(at, ",");

        if (!tdl_learner_find((tdl_str){at, len}))
            return TDL_FAIL(why, TDL_E_INVALID, "there is no model \"%.*s\"", (int)len, at);
        at = at[len] ? at + len + 1 : NULL;
    }
    return TDL_OK;
}

/* Rows that the smallest fold trains on. */
static size_t least_train(const tdl_contest_data *data)
{
    size_t n[TDL_CONTEST_FOLDS_MAX] = {0}, least = data->rows_n;

    for (size_t f = 0; f < data->folds_n; f++)
        for (size_t i = 0; i < data->rows_n; i++)
            n[f] += trains(data, f, i);
    for (size_t f = 0; f < data->folds_n; f++)
        if (tdl_contest_tests(data, f) && n[f] < least)
            least = n[f];
    return least;
}

/* Does a column have as many levels? */
static bool has_levels(const tdl_contest_data *data, size_t n)
{
    for (size_t i = 0; i < data->frame->columns_n; i++)
        if (!data->left_out[i] && data->frame->column[i].type == TDL_COLUMN_CATEGORY &&
            data->frame->column[i].levels_n >= n)
            return true;
    return n == 0;
}

static bool is_called_for(const tdl_contest_data *data, tdl_entry *e)
{
    bool slow = e->ops->slow && !data->patient;

    if (slow)
        tdl_report_set(&e->left_out, TDL_E_STOPPED, "",
                       "takes minutes: ask for it by name, or give --budget 600");
    else if (!has_levels(data, e->ops->levels_min))
        tdl_report_set(&e->left_out, TDL_E_INVALID, "",
                       "made for categories of %zu levels and more", e->ops->levels_min);
    else
        return true;
    return false;
}

/* Columns that become numbers or categories: an image is asked for by its own. */
static size_t count_features(const tdl_contest_data *data)
{
    size_t n = 0;

    for (size_t i = 0; i < data->frame->columns_n; i++)
        n += !data->left_out[i] && data->frame->column[i].type != TDL_COLUMN_IMAGE;
    return n;
}

static bool may_begin(const tdl_contest_data *data, tdl_entry *e, bool forced)
{
    const ground none = {0};
    tdl_problem problem = make_problem(data, &none, 0);

    problem.x = NULL;
    if (!forced && !is_called_for(data, e))
        return false;
    if (!forced && !e->ops->simple && data->deadline_us &&
        tdl_time_monotonic() > data->deadline_us) {
        tdl_report_set(&e->left_out, TDL_E_STOPPED, "give a larger --budget",
                       "the time was over before it began");
        return false;
    }
    // What is chosen is fitted on all rows in the end: it must suit those too.
    size_t columns_n = count_features(data);
    size_t all_n = data->all_n > data->rows_n ? data->all_n : data->rows_n;
    return e->ops->suits(&problem, least_train(data), columns_n, &e->left_out) &&
           e->ops->suits(&problem, all_n, columns_n, &e->left_out);
}

static tdl_status tell(const tdl_contest_data *data, const char *name, double done, tdl_report *why)
{
    if (!data->progress || data->progress(data->progress_context, name, done, ""))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
}

/* A learner that fails is left out with its reason, unless it was asked for by name. */
static tdl_status let_take_part(const tdl_contest_data *data, tdl_entry *e, bool forced,
                                tdl_report *why)
{
    tdl_status st;

    if (!may_begin(data, e, forced))
        st = TDL_E_INVALID;
    else if (!(st = hold_bout(data, e, forced, &e->left_out)))
        return TDL_OK;
    if (forced || st == TDL_E_STOPPED || st == TDL_E_NO_MEMORY) {
        if (why)
            *why = e->left_out;
        return st;
    }
    return TDL_OK;
}

tdl_status tdl_contest_hold(const tdl_contest_data *data, const char *wanted, tdl_contest *ret,
                            tdl_report *why)
{
    tdl_contest contest = {.folds_n = data->folds_n};
    bool forced = strcmp(wanted, "auto") != 0, any = false;
    tdl_status st = check_names(wanted, why);

    if (st)
        return st;
    if (!(contest.entry = calloc(tdl_learners_n + 1, sizeof *contest.entry)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < tdl_learners_n && !st; i++) {
        tdl_entry *e = &contest.entry[contest.entries_n];

        // The floor is always there, whatever else was asked for.
        if (!is_wanted(wanted, tdl_learners[i]->name) && !tdl_learners[i]->simple)
            continue;
        e->ops = tdl_learners[i];
        contest.entries_n++;
        if ((st = tell(data, e->ops->name, (double)i / (double)tdl_learners_n, why)))
            break;
        st = let_take_part(data, e, forced && is_wanted(wanted, e->ops->name), why);
        any |= e->score != NULL;
    }
    if (!st && !any)
        st = TDL_FAIL(why, TDL_E_INVALID, "no model could take part: %s",
                      contest.entries_n ? contest.entry[0].left_out.message : "there is none");
    if (st) {
        tdl_contest_release(&contest);
        return st;
    }
    contest.scores_n = tdl_problem_scores(&(tdl_problem){.task = data->target->task,
                                                         .classes_n = data->target->classes_n,
                                                         .quantiles_n = data->target->quantiles_n});
    *ret = contest;
    return TDL_OK;
}

void tdl_contest_release(tdl_contest *contest)
{
    for (size_t i = 0; i < contest->entries_n; i++) {
        tdl_entry *e = &contest->entry[i];

        for (size_t f = 0; e->model && f < contest->folds_n; f++) {
            tdl_prepare_free(e->model[f].prepare);
            tdl_learner_free(e->model[f].learner);
        }
        free(e->model);
        free(e->score);
        free(e->fold_metric);
        json_decref(e->setting);
        json_decref(e->note);
    }
    free(contest->entry);
    *contest = (tdl_contest){0};
}
