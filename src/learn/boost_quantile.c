#include "learn/boost_quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "learn/boost_rows.h"
#include "learn/forest_refit.h"
#include "learn/xgboost_model.h"

typedef struct fitting {
    const tdl_problem *problem;
    const tdl_boost_setting *setting;
    double until; /* monotonic; 0 = no limit */
} fitting;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- a booster by squares ---- */

static tdl_status grow(const fitting *f, const tdl_refit_rows *rows, uint32_t rounds, uint64_t seed,
                       double share, tdl_forest *ret, tdl_report *why)
{
    const tdl_problem *p = f->problem;
    const tdl_xgboost_data data = {.rows = rows->rows,
                                   .cols = p->x->cols,
                                   .x = rows->x,
                                   .y = rows->y,
                                   .weight = rows->weight,
                                   .stop = p->stop};
    tdl_xgboost_plan plan = {.loss = TDL_XGBOOST_SQUARED, .groups_n = 1, .rounds = rounds};
    tdl_buf parameters = {.limit = 16 << 20}, model = {.limit = (size_t)1 << 30};
    tdl_xgboost_worker *worker = NULL;
    tdl_status st = tdl_xgboost_worker_start(&data, &worker, why);

    tdl_boost_parameters(f->setting, p, 0, seed, &parameters);
    plan.parameters = tdl_buf_view(&parameters);
    if (f->until > 0)
        plan.seconds = fmax((f->until - now()) * share, .01);
    if (!st && parameters.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for parameters");
    if (!st && !(st = tdl_xgboost_worker_train(worker, &plan, &model, NULL, why)))
        st = tdl_xgboost_model_read(tdl_buf_view(&model), ret, why);
    if (!st && (ret->features_n != p->x->cols || ret->groups_n != 1)) {
        st = TDL_FAIL(why, TDL_E_INTERNAL, "libxgboost made a model of %zu features, %zu scores",
                      ret->features_n, ret->groups_n);
        tdl_forest_release(ret);
    }
    tdl_xgboost_worker_end(worker);
    tdl_buf_release(&parameters);
    tdl_buf_release(&model);
    return st;
}

/* ---- refitted at each level, side by side ---- */

typedef struct levels {
    const fitting *f;
    const tdl_forest *grown;
    const tdl_refit_rows *rows, *held; /* held NULL: make forests */
    const size_t *trees_n;             /* [levels] of a level; NULL: all */
    tdl_forest *forest;                /* [levels] */
    double *loss;                      /* [levels][trees of grown + 1] */
    tdl_status status[TDL_QUANTILES_MAX];
    tdl_report report[TDL_QUANTILES_MAX];
} levels;

static void refit_some(void *context, size_t begin, size_t end, unsigned part)
{
    levels *l = context;
    const tdl_problem *p = l->f->problem;

    TDL_UNUSED(part);
    for (size_t k = begin; k < end; k++) {
        size_t n = l->trees_n ? l->trees_n[k] : l->grown->trees_n;

        n = n < l->grown->trees_n ? n : l->grown->trees_n;
        l->status[k] =
            tdl_forest_refit(l->grown, n, l->rows, l->held, p->quantile[k], l->f->setting->eta,
                             l->forest ? &l->forest[k] : NULL,
                             l->loss ? l->loss + k * (l->grown->trees_n + 1) : NULL, &l->report[k]);
    }
}

static tdl_status refit_levels(levels *l, tdl_report *why)
{
    const tdl_problem *p = l->f->problem;

    tdl_pool_run(p->pool, p->quantiles_n, 1, refit_some, l);
    for (size_t k = 0; k < p->quantiles_n; k++)
        if (l->status[k]) {
            if (why)
                *why = l->report[k];
            return l->status[k];
        }
    return TDL_OK;
}

/* ---- how many trees ---- */

typedef struct part { /* of the rows, copied */
    float *x, *y, *weight;
    tdl_refit_rows rows;
} part;

static void release_part(part *p)
{
    free(p->x);
    free(p->y);
    free(p->weight);
    *p = (part){0};
}

static tdl_status take_part(const tdl_problem *p, const uint8_t *fold, size_t which, bool held,
                            part *ret, tdl_report *why)
{
    size_t rows = p->x->rows, cols = p->x->cols, n = 0;
    part made = {.x = malloc((rows * cols + 1) * sizeof *made.x),
                 .y = malloc((rows + 1) * sizeof *made.y),
                 .weight = malloc((rows + 1) * sizeof *made.weight)};

    if (!made.x || !made.y || !made.weight) {
        release_part(&made);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a part of %zu rows", rows);
    }
    for (size_t i = 0; i < rows; i++) {
        if ((fold[i] == which) != held)
            continue;
        memcpy(made.x + n * cols, p->x->x + i * cols, cols * sizeof *made.x);
        made.y[n] = p->y[i];
        made.weight[n++] = p->weight ? p->weight[i] : 1;
    }
    made.rows = (tdl_refit_rows){n, made.x, made.y, made.weight};
    *ret = made;
    return TDL_OK;
}

/* Losses of one fold: added, as far as it has trees, to loss [levels][most + 1]; *least is lowered
 * to the number of trees it has. */
static tdl_status measure_fold(const fitting *f, const uint8_t *fold, size_t which, double share,
                               double *loss, size_t *least, tdl_report *why)
{
    size_t n = f->problem->quantiles_n, most = (size_t)f->setting->rounds_max;
    part train = {0}, held = {0};
    tdl_forest grown = {0};
    levels *l = calloc(1, sizeof *l);
    tdl_status st = l ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for levels");

    if (st || (st = take_part(f->problem, fold, which, false, &train, why)) ||
        (st = take_part(f->problem, fold, which, true, &held, why)) ||
        (st = grow(f, &train.rows, (uint32_t)most, f->problem->seed, share, &grown, why)))
        goto out;
    *l = (levels){.f = f, .grown = &grown, .rows = &train.rows, .held = &held.rows};
    if (!(l->loss = calloc(n * (grown.trees_n + 1) + 1, sizeof *l->loss)))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for losses");
    if (st || (st = refit_levels(l, why)))
        goto out;
    *least = grown.trees_n < *least ? grown.trees_n : *least;
    for (size_t k = 0; k < n; k++)
        for (size_t t = 0; t <= *least; t++)
            loss[k * (most + 1) + t] += l->loss[k * (grown.trees_n + 1) + t];
out:
    if (l)
        free(l->loss);
    free(l);
    tdl_forest_release(&grown);
    release_part(&train);
    release_part(&held);
    return st;
}

static double held_weight(const tdl_problem *p, const uint8_t *fold, size_t folds_n)
{
    double sum = 0;

    for (size_t i = 0; i < p->x->rows; i++)
        if (fold[i] < folds_n)
            sum += p->weight ? (double)p->weight[i] : 1;
    return sum;
}

static tdl_status find_trees(const fitting *f, size_t *ret_trees, double *ret_loss, tdl_report *why)
{
    const tdl_problem *p = f->problem;
    size_t most = (size_t)f->setting->rounds_max, least = most, folds_n = 0;
    double *loss = calloc(p->quantiles_n * (most + 1) + 1, sizeof *loss), sum = 0;
    uint8_t *fold = NULL;
    tdl_status st = loss ? tdl_boost_hold_out(p, &fold, &folds_n, why)
                         : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for losses");

    for (size_t i = 0; !st && i < folds_n; i++)
        st = measure_fold(f, fold, i, .6 / (double)(folds_n - i), loss, &least, why);
    for (size_t k = 0; !st && k < p->quantiles_n; k++) {
        const double *of = loss + k * (most + 1);
        size_t best = 1;

        for (size_t t = 2; t <= least; t++)
            best = of[t] < of[best] ? t : best;
        ret_trees[k] = (size_t)lround((double)best * tdl_boost_rounds_scale(folds_n));
        sum += of[best];
    }
    if (!st)
        *ret_loss = sum / held_weight(p, fold, folds_n) / (double)p->quantiles_n;
    free(loss);
    free(fold);
    return st;
}

/* ---- all ---- */

static size_t most_of(const size_t *trees_n, size_t n)
{
    size_t most = 0;

    for (size_t k = 0; k < n; k++)
        most = trees_n[k] > most ? trees_n[k] : most;
    return most;
}

/* One seed: a forest of all levels. */
static tdl_status fit_seed(const fitting *f, const size_t *trees_n, uint64_t seed, double share,
                           tdl_forest *ret, tdl_report *why)
{
    const tdl_problem *p = f->problem;
    const tdl_refit_rows rows = {p->x->rows, p->x->x, p->y, p->weight};
    tdl_forest grown = {0}, forest[TDL_QUANTILES_MAX] = {0};
    levels *l = calloc(1, sizeof *l);
    tdl_status st = l ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for levels");

    if (st ||
        (st = grow(f, &rows, (uint32_t)most_of(trees_n, p->quantiles_n), seed, share, &grown, why)))
        goto out;
    *l = (levels){.f = f, .grown = &grown, .rows = &rows, .trees_n = trees_n, .forest = forest};
    if (!(st = refit_levels(l, why)))
        st = tdl_forest_beside(forest, p->quantiles_n, ret, why);
out:
    free(l);
    tdl_forest_release(&grown);
    for (size_t k = 0; k < p->quantiles_n; k++)
        tdl_forest_release(&forest[k]);
    return st;
}

tdl_status tdl_boost_quantiles(const tdl_problem *problem, const tdl_boost_setting *setting,
                               tdl_forest *ret, uint32_t *ret_rounds, double *ret_loss,
                               tdl_report *why)
{
    fitting f = {.problem = problem,
                 .setting = setting,
                 .until = problem->seconds > 0 ? now() + problem->seconds : 0};
    size_t trees_n[TDL_QUANTILES_MAX] = {0}, seeds = (size_t)setting->seeds, made = 0;
    tdl_forest *forest = calloc(seeds, sizeof *forest);
    tdl_status st = TDL_OK;

    if (!forest)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu boosters", seeds);
    for (size_t k = 0; k < problem->quantiles_n; k++)
        trees_n[k] = (size_t)setting->rounds;
    if (setting->rounds == 0)
        st = find_trees(&f, trees_n, ret_loss, why);
    for (; !st && made < seeds; made += !st)
        st = fit_seed(&f, trees_n, problem->seed + made, 1. / (double)(seeds - made), &forest[made],
                      why);
    if (!st)
        st = tdl_forest_mean(forest, seeds, ret, why);
    for (size_t i = 0; i < made; i++)
        tdl_forest_release(&forest[i]);
    free(forest);
    *ret_rounds = (uint32_t)most_of(trees_n, problem->quantiles_n);
    return st;
}
