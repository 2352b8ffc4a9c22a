#include "apps/predict/bout.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "apps/predict/ground.h"
#include "base/timestamp.h"

enum {
    FEW_ROWS = 3000, /* a fold of fewer says little: all settings on all folds */
    KEPT_SECOND = 3, /* one in so many goes on to the second fold */
    FINALISTS = 2,
    WIDE_LEVELS = 32, /* more become one feature in most matrices */
    WIDE_TEXT = 256
};

typedef struct trial { /* of one setting */
    const json_t *setting;
    double metric[TDL_CONTEST_FOLDS_MAX]; /* NaN = not yet */
    double *score[TDL_CONTEST_FOLDS_MAX]; /* [test_n][scores_n] */
    json_t *note[TDL_CONTEST_FOLDS_MAX];
    double seconds;
    size_t features; /* of its matrices */
    bool alive;
} trial;

typedef struct bout {
    const tdl_contest_data *data;
    tdl_entry *entry;
    json_t *settings;
    trial trial[TDL_CONTEST_SETTINGS_MAX];
    size_t trials_n, scores_n;
    tdl_ground fold[TDL_CONTEST_FOLDS_MAX];
    struct {
        size_t trial, fold;
    } task[TDL_CONTEST_SETTINGS_MAX * TDL_CONTEST_FOLDS_MAX];
    size_t tasks_n;
    bool forced;          /* asked for by name: takes the time it takes */
    pthread_mutex_t lock; /* of the next two */
    tdl_status status;
    tdl_report why;
} bout;

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

static void drop_trial(bout *b, trial *t)
{
    for (size_t f = 0; f < b->data->folds_n; f++) {
        free(t->score[f]);
        json_decref(t->note[f]);
        t->score[f] = NULL;
        t->note[f] = NULL;
    }
    t->alive = false;
}

static void release_bout(bout *b)
{
    for (size_t i = 0; i < b->trials_n; i++)
        drop_trial(b, &b->trial[i]);
    for (size_t f = 0; f < b->data->folds_n; f++)
        tdl_ground_release(&b->fold[f]);
    json_decref(b->settings);
    pthread_mutex_destroy(&b->lock);
}

static uint64_t seed_of(const tdl_contest_data *data, size_t fold)
{
    return data->seed * 1000003 + fold;
}

static bool has_images(const tdl_contest_data *data)
{
    for (size_t i = 0; i < data->frame->columns_n; i++)
        if (!data->left_out[i] && data->frame->column[i].type == TDL_COLUMN_IMAGE)
            return true;
    return false;
}

tdl_problem tdl_bout_problem(const tdl_contest_data *data)
{
    tdl_problem p = {.task = data->target->task,
                     .classes_n = data->target->classes_n,
                     .quantiles_n = data->target->quantiles_n,
                     .aim = data->target->aim,
                     .power = data->target->power,
                     .images = has_images(data)};

    memcpy(p.quantile, data->target->quantile, sizeof p.quantile);
    return p;
}

static tdl_problem make_problem(const bout *b, size_t number)
{
    const tdl_ground *g = &b->fold[number];
    tdl_problem p = tdl_bout_problem(b->data);

    p.x = &g->train;
    p.y = g->y;
    p.weight = g->weight;
    p.group = g->group;
    p.seed = seed_of(b->data, number);
    if (b->data->deadline_us && !b->forced && !b->entry->ops->simple) {
        double left = (double)(b->data->deadline_us - tdl_time_monotonic()) / 1e6;
        p.seconds = fmax(left, 1);
    }
    return p;
}

/* ---- fitting ---- */

static tdl_status fit_and_score(bout *b, trial *t, size_t number, tdl_report *why)
{
    tdl_ground *g = &b->fold[number];
    const tdl_problem problem = make_problem(b, number);
    tdl_learner *learner = NULL;
    tdl_status st = tdl_wish_fit(&b->data->wish, b->entry->ops, &problem, t->setting, &learner,
                                 &t->note[number], why);

    if (st)
        return st;
    // What the clock has cut short is not what the learner can do: it is left out, not measured.
    if (problem.seconds > 0 && tdl_time_monotonic() >= b->data->deadline_us) {
        pthread_mutex_lock(&b->lock);
        b->entry->cut_off = true;
        pthread_mutex_unlock(&b->lock);
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "give a larger --budget, or ask for it by name",
                           "the time was over before it had learnt");
        goto out;
    }
    if ((st = tdl_learner_score(learner, &g->test, NULL, t->score[number], why)))
        goto out;
    for (size_t i = 0; i < g->test_n * b->scores_n && !st; i++)
        if (!isfinite(t->score[number][i]))
            st = TDL_FAIL(why, TDL_E_INVALID, "the score of row %u is no number",
                          g->test_row[i / b->scores_n] + 1);
out:
    tdl_learner_free(learner);
    return st;
}

/* The metric of one fold, of scores that lie by themselves. */
static tdl_status measure_fold(bout *b, const double *score, size_t number, double *ret,
                               tdl_report *why)
{
    const tdl_ground *p = &b->fold[number];
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

/* What a result goes by in the search log. */
static void name_result(const bout *b, const trial *t, size_t fold, tdl_buf *ret)
{
    tdl_buf_printf(ret, "%s %zu ", b->entry->ops->name, fold);
    tdl_json_dump(ret, t->setting);
    tdl_buf_char(ret, '\0');
}

/* Has an earlier run of the same search got that far? */
static bool take_kept(bout *b, trial *t, size_t fold)
{
    size_t scores_n = b->fold[fold].test_n * b->scores_n;
    tdl_search_result result;
    tdl_buf id = {0};

    name_result(b, t, fold, &id);
    bool found =
        !id.failed && tdl_search_log_find(b->data->log, id.at, scores_n, &result, t->score[fold]);
    tdl_buf_release(&id);
    if (!found)
        return false;
    t->metric[fold] = result.metric;
    t->seconds += result.seconds;
    t->features = (size_t)result.features;
    t->note[fold] = result.note;
    return true;
}

static void keep(const bout *b, const trial *t, size_t fold, double seconds)
{
    tdl_buf id = {0};

    name_result(b, t, fold, &id);
    if (!id.failed)
        tdl_search_log_add(b->data->log, id.at,
                           &(tdl_search_result){.metric = t->metric[fold],
                                                .seconds = seconds,
                                                .features = t->features,
                                                .note = t->note[fold],
                                                .score = t->score[fold],
                                                .scores_n = b->fold[fold].test_n * b->scores_n});
    tdl_buf_release(&id);
}

static void run_task(void *context, size_t number)
{
    bout *b = context;
    trial *t = &b->trial[b->task[number].trial];
    size_t fold = b->task[number].fold;
    const tdl_matrix *x = &b->fold[fold].train;
    tdl_report why;
    int64_t began = tdl_time_monotonic();

    if (has_failed(b))
        return;
    tdl_status st = fit_and_score(b, t, fold, &why);
    if (!st)
        st = measure_fold(b, t->score[fold], fold, &t->metric[fold], &why);
    double seconds = (double)(tdl_time_monotonic() - began) / 1e6;
    pthread_mutex_lock(&b->lock);
    t->seconds += seconds;
    t->features = x->cols + x->categories_n;
    pthread_mutex_unlock(&b->lock);
    if (st) {
        tdl_report_prefix(&why, "%s, fold %zu", b->entry->ops->name, fold + 1);
        note_failure(b, st, &why);
    } else {
        keep(b, t, fold, seconds);
    }
}

/* A task for each setting that is alive, unless its result is there. */
static tdl_status plan_fold(bout *b, size_t fold, tdl_report *why)
{
    tdl_ground *g = &b->fold[fold];
    tdl_status st = g->y ? TDL_OK : tdl_ground_take(b->data, fold, g, why);
    size_t before = b->tasks_n;

    for (size_t i = 0; i < b->trials_n && !st; i++) {
        trial *t = &b->trial[i];

        if (!t->alive)
            continue;
        if (!(t->score[fold] = malloc((g->test_n * b->scores_n + 1) * sizeof(double))))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", g->test_n);
        if (take_kept(b, t, fold))
            continue;
        b->task[b->tasks_n].trial = i;
        b->task[b->tasks_n++].fold = fold;
    }
    if (!st && b->tasks_n > before) {
        tdl_problem problem = make_problem(b, fold);

        problem.pool = b->data->pool;
        st = tdl_ground_prepare(b->data, b->entry->ops, &problem, g, why);
    }
    return st;
}

/* Every setting that is alive on folds [begin, end). */
static tdl_status run_folds(bout *b, size_t begin, size_t end, tdl_report *why)
{
    tdl_status st = TDL_OK;

    b->tasks_n = 0;
    for (size_t f = begin; f < end && !st; f++)
        if (tdl_contest_tests(b->data, f))
            st = plan_fold(b, f, why);
    if (st)
        return st;
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
        if (!worst)
            return;
        drop_trial(b, worst);
    }
}

/* How many settings go on after the first fold, and after the second; false: all go all the way. */
static bool halves(const tdl_contest_data *data, size_t settings, size_t *ret_second)
{
    size_t folds = data->folds_n - (data->by_time ? 1 : 0);

    *ret_second = settings / KEPT_SECOND > FINALISTS ? settings / KEPT_SECOND : FINALISTS;
    return settings > FINALISTS && folds > 2 && data->rows_n > FEW_ROWS;
}

static tdl_status halve(bout *b, tdl_report *why)
{
    size_t first = b->data->by_time ? 1 : 0, second;
    tdl_status st = TDL_OK;

    if (halves(b->data, b->trials_n, &second)) {
        if ((st = run_folds(b, first, first + 1, why)))
            return st;
        keep_best(b, second);
        if ((st = run_folds(b, first + 1, first + 2, why)))
            return st;
        keep_best(b, FINALISTS);
        first += 2;
    }
    return run_folds(b, first, b->data->folds_n, why);
}

/* ---- what it will take ---- */

/* Features that the columns become, about. */
static size_t count_width(const tdl_contest_data *data)
{
    size_t n = 0;

    for (size_t i = 0; i < data->frame->columns_n; i++) {
        const tdl_column *c = &data->frame->column[i];

        if (data->left_out[i])
            continue;
        if (c->type == TDL_COLUMN_CATEGORY)
            n += c->levels_n <= WIDE_LEVELS ? c->levels_n : 1;
        else if (c->type == TDL_COLUMN_IMAGE)
            n += c->channels * c->height * c->width;
        else
            n += c->type == TDL_COLUMN_TEXT ? WIDE_TEXT : 1;
    }
    return n;
}

double tdl_bout_estimate(const tdl_contest_data *data, const tdl_learner_ops *ops)
{
    const tdl_problem problem = tdl_bout_problem(data);
    json_t *all = ops->settings(&problem);
    size_t settings = json_array_size(all), folds = data->folds_n - (data->by_time ? 1 : 0), second;
    double fits = (double)settings * (double)folds;
    double width = (double)count_width(data);

    json_decref(all);
    if (halves(data, settings, &second))
        fits = (double)(settings + second) + FINALISTS * ((double)folds - 2);
    double rows = (double)data->rows_n * (1 - 1 / fmax((double)folds, 2));
    double outputs = ops->work_by_class && problem.classes_n > 2 ? (double)problem.classes_n : 1;
    return fits * outputs * ops->work_ns * 1e-9 * rows * pow(fmax(width, 1), ops->work_power) / 2;
}

/* ---- the outcome ---- */

/* What there is to read: leaves of a tree, coefficients that are not 0, else all features. */
static size_t count_terms(const json_t *note, size_t features)
{
    int64_t n;

    return tdl_json_get_int(note, "leaves", &n) || tdl_json_get_int(note, "features", &n)
               ? (size_t)n
               : features;
}

static tdl_status make_entry(bout *b, const trial *best, tdl_report *why)
{
    const tdl_contest_data *data = b->data;
    tdl_entry *e = b->entry;
    size_t n = data->rows_n * b->scores_n;

    e->score = malloc((n + 1) * sizeof *e->score);
    e->fold_metric = malloc(data->folds_n * sizeof *e->fold_metric);
    if (!e->score || !e->fold_metric)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", n);
    for (size_t i = 0; i < n; i++)
        e->score[i] = NAN;
    memcpy(e->fold_metric, best->metric, data->folds_n * sizeof *e->fold_metric);
    for (size_t f = 0; f < data->folds_n; f++)
        for (size_t i = 0; best->score[f] && i < b->fold[f].test_n; i++)
            memcpy(e->score + b->fold[f].test_at[i] * b->scores_n, best->score[f] + i * b->scores_n,
                   b->scores_n * sizeof *e->score);
    e->setting = json_deep_copy(best->setting);
    for (size_t f = 0; f < data->folds_n; f++) // of the last fold that has one
        if (best->note[f]) {
            json_decref(e->note);
            e->note = json_incref(best->note[f]);
        }
    e->terms = count_terms(e->note, best->features);
    tdl_contest_mean(e->fold_metric, data->folds_n, &e->metric, &e->standard_error);
    return e->setting ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
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
    const tdl_contest_data *data = b->data;
    const tdl_problem problem = tdl_bout_problem(data);
    tdl_status st;

    b->settings = b->entry->ops->settings(&problem);
    if (b->forced && data->set && (st = set_all(b->settings, data->set, why)))
        return st;
    b->trials_n = json_array_size(b->settings);
    if (!b->trials_n || b->trials_n > TDL_CONTEST_SETTINGS_MAX)
        return TDL_FAIL(why, TDL_E_INTERNAL, "%s: %zu settings", b->entry->ops->name, b->trials_n);
    for (size_t i = 0; i < b->trials_n; i++) {
        b->trial[i].setting = json_array_get(b->settings, i);
        b->trial[i].alive = true;
        for (size_t f = 0; f < TDL_CONTEST_FOLDS_MAX; f++)
            b->trial[i].metric[f] = NAN;
    }
    return TDL_OK;
}

tdl_status tdl_bout_hold(const tdl_contest_data *data, tdl_entry *entry, bool forced,
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
    st = make_entry(b, best, why);
out:
    release_bout(b);
    free(b);
    return st;
}
