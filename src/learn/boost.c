/* The learner "trees": boosted by libxgboost (xgboost_worker.h), answered by our own forest.h. Its
 * settings are those of boost_parameters.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/sorted.h"
#include "learn/boost_parameters.h"
#include "learn/boost_quantile.h"
#include "learn/boost_rows.h"
#include "learn/forest_file.h"
#include "learn/kinds.h"
#include "learn/tree_shap.h"
#include "learn/xgboost_model.h"
#include "learn/xgboost_worker.h"

enum { PLAN_BYTES = 64 << 20, TINY_ROUNDS = 50, PATIENCE = 50 };

typedef struct trees {
    tdl_learner learner;
    tdl_forest forest;
    _Atomic(tdl_shap_plan *) plan; /* made by the first who asks why; NULL: not yet, or too large */
    atomic_bool without_plan;
} trees;

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    if (!columns || (problem->x && problem->x->categories_n)) {
        tdl_report_set(why, TDL_E_INVALID, "", "trees split numbers, not images or embeddings");
        return false;
    }
    return tdl_xgboost_available(why) == TDL_OK;
}

/* ---- settings ---- */

static void try(json_t *list, double eta, int depth, int child, double subsample, double colsample,
                int rounds, int seeds)
{
    json_array_append_new(list,
                          json_pack("{s:f,s:i,s:i,s:f,s:f,s:i,s:i}", "eta", eta, "depth", depth,
                                    "min_child", child, "subsample", subsample, "colsample",
                                    colsample, "rounds", rounds, "seeds", seeds));
}

/* Leaves are refitted for each level, which takes longer than growing them: few settings. */
static json_t *settings_of_quantiles(json_t *list)
{
    try(list, .05, 6, 5, .8, .8, 0, 1);
    try(list, .05, 4, 20, .8, .8, 0, 1);
    try(list, .05, 8, 20, .7, .6, 0, 1);
    for (size_t i = 0; i < json_array_size(list); i++)
        json_object_set_new(json_array_get(list, i), "rounds_max", json_integer(400));
    return list;
}

static json_t *settings_of_lists(json_t *list)
{
    for (int i = 0; i < 2; i++) {
        try(list, .05, 4, 1, .8, .8, 0, 1);
        try(list, .05, 6, 5, .8, .8, 0, 1);
    }
    for (size_t i = 2; i < json_array_size(list); i++)
        json_object_set_new(json_array_get(list, i), "loss", json_string("pairwise"));
    return list;
}

/* The first is that of the reference table. Where the next ones win was measured on fifteen tables
 * (docs/design/learn.md); values have no wide range, so deeper ones stand where rows are enough to
 * grow them. */
static json_t *settings(const tdl_problem *problem)
{
    json_t *list = json_array();
    bool value = problem->task == TDL_TASK_REGRESSION;

    if (problem->task == TDL_TASK_QUANTILE)
        return settings_of_quantiles(list);
    if (problem->task == TDL_TASK_RANKING)
        return settings_of_lists(list);
    try(list, .05, 4, 1, .8, .8, 200, 1);
    try(list, .03, 5, 1, .6, .4, 0, 3);
    try(list, .03, 6, 10, .8, .6, 0, 2);
    try(list, .05, 2, 1, .6, .5, 0, 2);
    try(list, .1, 1, 1, .6, .5, 0, 1);
    if (value) {
        try(list, .05, 7, 1, .8, .8, 500, 1);
        try(list, .03, 8, 8, .7, .6, 1200, 1);
        try(list, .03, 9, 8, .7, .4, 1600, 1);
    }
    return list;
}

/* ---- fit ---- */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct fitting {
    const tdl_problem *problem;
    tdl_boost_setting setting;
    tdl_xgboost_plan plan;
    tdl_buf parameters;
    double started, loss;
    uint32_t taken; /* rounds of the booster that had time for most */
    tdl_xgboost_worker *worker;
} fitting;

/* Seconds that are left, of which `share` may be used. 0: no limit. */
static double left(const fitting *f, double share)
{
    double seconds = f->problem->seconds - (now() - f->started);

    if (!(f->problem->seconds > 0))
        return 0;
    return seconds * share > .01 ? seconds * share : .01;
}

static tdl_status set_seed(fitting *f, uint64_t seed, tdl_report *why)
{
    tdl_buf_clear(&f->parameters);
    tdl_boost_parameters(&f->setting, f->problem, f->plan.parameter, seed, &f->parameters);
    f->plan.parameters = tdl_buf_view(&f->parameters);
    return f->parameters.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for parameters")
                                : TDL_OK;
}

static tdl_status find_rounds(fitting *f, size_t folds_n, tdl_report *why)
{
    tdl_status st;
    uint32_t rounds;

    f->plan.rounds = (uint32_t)f->setting.rounds_max;
    f->plan.patience = PATIENCE;
    f->plan.seconds = left(f, .6);
    if ((st = set_seed(f, f->problem->seed, why)) ||
        (st = tdl_xgboost_worker_rounds(f->worker, &f->plan, &rounds, &f->loss, why)))
        return st;
    f->plan.rounds = (uint32_t)lround(rounds * tdl_boost_rounds_scale(folds_n));
    return TDL_OK;
}

static tdl_status train(fitting *f, uint64_t seed, double share, tdl_forest *ret, tdl_report *why)
{
    tdl_buf model = {.limit = (size_t)1 << 30};
    uint32_t rounds = 0;
    tdl_status st;

    f->plan.seconds = left(f, share);
    if (!(st = set_seed(f, seed, why)) &&
        !(st = tdl_xgboost_worker_train(f->worker, &f->plan, &model, &rounds, why)))
        st = tdl_xgboost_model_read(tdl_buf_view(&model), ret, why);
    f->taken = rounds > f->taken ? rounds : f->taken;
    if (!st && (ret->features_n != f->problem->x->cols ||
                ret->groups_n != tdl_problem_scores(f->problem))) {
        st = TDL_FAIL(why, TDL_E_INTERNAL, "libxgboost made a model of %zu features, %zu scores",
                      ret->features_n, ret->groups_n);
        tdl_forest_release(ret);
    }
    tdl_buf_release(&model);
    return st;
}

static tdl_status train_all(fitting *f, tdl_forest *ret, tdl_report *why)
{
    size_t n = (size_t)f->setting.seeds, made = 0;
    tdl_forest *forest = calloc(n, sizeof *forest);
    tdl_status st = TDL_OK;

    if (!forest)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu boosters", n);
    for (; !st && made < n; made += !st)
        st = train(f, f->problem->seed + made, 1. / (double)(n - made), &forest[made], why);
    if (!st)
        st = tdl_forest_mean(forest, n, ret, why);
    for (size_t i = 0; i < made; i++)
        tdl_forest_release(&forest[i]);
    free(forest);
    return st;
}

/* One booster for all scores, or for each seed. */
static tdl_status boost(fitting *f, tdl_forest *ret, tdl_report *why)
{
    const tdl_problem *p = f->problem;
    tdl_xgboost_data data = {.rows = p->x->rows,
                             .cols = p->x->cols,
                             .x = p->x->x,
                             .y = p->y,
                             .weight = p->weight,
                             .group = p->task == TDL_TASK_RANKING ? p->group : NULL,
                             .stop = p->stop};
    uint8_t *fold = NULL;
    tdl_status st;

    if ((st = tdl_boost_loss_parameter(&f->setting, p, &f->plan.parameter, why)))
        return st;
    if (f->setting.rounds == 0 && (st = tdl_boost_hold_out(p, &fold, &data.folds_n, why)))
        return st;
    data.fold = fold;
    f->plan.loss = tdl_boost_loss(&f->setting, p);
    f->plan.rounds = (uint32_t)f->setting.rounds;
    if (!(st = tdl_xgboost_worker_start(&data, &f->worker, why)) &&
        !(f->setting.rounds == 0 && (st = find_rounds(f, data.folds_n, why))))
        st = train_all(f, ret, why);
    free(fold);
    return st;
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    fitting f = {.problem = problem,
                 .started = now(),
                 .parameters = {.limit = 16 << 20},
                 .loss = NAN,
                 .plan.groups_n = tdl_problem_scores(problem)};
    trees *made = calloc(1, sizeof *made);
    tdl_status st;

    if (!made) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for trees");
        goto out;
    }
    if ((st = tdl_boost_setting_read(setting, problem, &f.setting, why)))
        goto out;
    if (f.setting.rounds == 0 && !tdl_boost_can_hold_out(problem))
        f.setting.rounds = TINY_ROUNDS;
    st = problem->task == TDL_TASK_QUANTILE
             ? tdl_boost_quantiles(problem, &f.setting, &made->forest, &f.taken, &f.loss, why)
             : boost(&f, &made->forest, why);
    if (st)
        goto out;
    if (ret_note) {
        *ret_note = json_pack("{s:i}", "rounds", (int)f.taken);
        if (isfinite(f.loss))
            json_object_set_new(*ret_note, "held_out_loss", json_real(f.loss));
    }
    *ret = &made->learner;
    made = NULL;
out:
    if (st)
        tdl_report_prefix(why, "trees");
    tdl_xgboost_worker_end(f.worker);
    tdl_boost_setting_release(&f.setting);
    tdl_buf_release(&f.parameters);
    free(made);
    return st;
}

static void trees_free(tdl_learner *learner)
{
    trees *t = (trees *)learner;

    if (!t)
        return;
    tdl_forest_release(&t->forest);
    tdl_shap_plan_free(atomic_load(&t->plan));
    free(t);
}

/* ---- answer ---- */

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    size_t n = learner->scores_n;
    tdl_status st =
        tdl_forest_score(&((const trees *)learner)->forest, x->x, x->rows, pool, ret, why);

    for (size_t i = 0; !st && learner->task == TDL_TASK_QUANTILE && i < x->rows; i++)
        tdl_sort_numbers(ret + i * n, n); // each level has leaves of its own, which may cross
    return st;
}

/* Two threads may both make it; one keeps it. Without memory for it explaining is slower, no more.
 */
static const tdl_shap_plan *plan_of(trees *t)
{
    tdl_shap_plan *plan = atomic_load(&t->plan), *made = NULL;

    if (plan || atomic_load(&t->without_plan))
        return plan;
    if (tdl_shap_plan_new(&t->forest, PLAN_BYTES, &made, NULL) || !made) {
        atomic_store(&t->without_plan, true);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&t->plan, &plan, made))
        return made;
    tdl_shap_plan_free(made);
    return plan;
}

static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    trees *t = (trees *)learner; /* only the plan changes, which is the same whoever makes it */
    const tdl_forest *forest = &t->forest;
    double *scores = NULL, error = 0;
    tdl_status st;

    TDL_UNUSED(baseline); /* path dependent: the trees' own covers are what it is measured from */
    if (__builtin_mul_overflow(x->rows * sizeof *scores, forest->groups_n, &(size_t){0}) ||
        !(scores = malloc(x->rows * forest->groups_n * sizeof *scores + 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", x->rows);
    if ((st = tdl_tree_shap(forest, plan_of(t), x->x, x->rows, which, pool, ret->x, ret->base,
                            why)) ||
        (st = score(learner, x, pool, scores, why)))
        goto out;
    for (size_t i = 0; i < x->rows; i++) {
        double sum = ret->base[i], s = scores[i * forest->groups_n + which];
        for (size_t j = 0; j < x->cols; j++)
            sum += ret->x[i * x->cols + j];
        error = fmax(error, fabs(sum - s) / fmax(1, fabs(s - ret->base[i])));
    }
    ret->error = error;
out:
    free(scores);
    return st;
}

/* ---- file ---- */

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const tdl_forest *forest = &((const trees *)learner)->forest;
    json_t *about = json_pack("{s:I}", "trees", (json_int_t)forest->trees_n);

    if (!about)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save trees");
    tdl_forest_save(forest, prefix, writer);
    *ret_about = about;
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    int64_t scores_n = 0;
    trees *t = calloc(1, sizeof *t);
    tdl_status st;

    if (!t)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for trees");
    if ((st = tdl_forest_load(file, prefix, x->cols, &t->forest, why))) {
        free(t);
        return st;
    }
    if (x->categories_n || !tdl_json_get_int(about, "scores", &scores_n) ||
        (size_t)scores_n != t->forest.groups_n) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "trees of %zu scores, not %lld", t->forest.groups_n,
                      (long long)scores_n);
        trees_free(&t->learner);
        return st;
    }
    *ret = &t->learner;
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_trees = {
    .name = "trees",
    .prepare = {.impute = TDL_IMPUTE_NONE,
                .normalise = TDL_NORMALISE_NONE,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .sums = true,
                .dates = true,
                .pairs = true},
    .rank = 40,
    .work_ns = 8000,
    .work_power = 1,
    .work_by_class = true,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = trees_free,
    .score = score,
    .attribute = attribute,
    .attribute_name = "tree_shap",
    .save = save,
    .load = load,
};
