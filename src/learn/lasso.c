/* The lasso as a learner: few features, chosen. How few is decided inside, by five folds of the
 * training rows: the most shrinkage that is not worse than the best by `error` of its standard
 * error. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/design.h"
#include "learn/kinds.h"
#include "learn/lasso_path.h"
#include "learn/linear_model.h"

enum { FOLDS = 5, COLUMNS_MOST = 4000 };

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    if (columns > COLUMNS_MOST) {
        tdl_report_set(why, TDL_E_INVALID, "select fewer features first",
                       "lasso multiplies columns with each other: %zu are more than %d", columns,
                       COLUMNS_MOST);
        return false;
    }
    if (problem->task == TDL_TASK_BINARY || problem->task == TDL_TASK_REGRESSION ||
        problem->task == TDL_TASK_RANKING)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "use linear or logistic",
                   "lasso is of two classes or of a number, not of %s",
                   tdl_task_name(problem->task));
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f,s:f},{s:f,s:f}]", "mix", 1.0, "error", 0.0, "mix", 0.5, "error", 0.0);
}

typedef struct search {
    const tdl_problem *p;
    tdl_lasso_options path;
    double unit; /* of the scores: what tolerances are in */
    double lambda[TDL_LASSO_STEPS];
    double *w;  /* [FOLDS][steps][cols + 1] */
    bool *held; /* [FOLDS][rows] */
    tdl_status st[FOLDS];
    tdl_report why[FOLDS];
} search;

static void fit_folds(void *context, size_t begin, size_t end, unsigned part)
{
    search *s = context;

    TDL_UNUSED(part);
    for (size_t fold = begin; fold < end; fold++) {
        tdl_lasso_options o = s->path;

        o.tolerance = 1e-3 * s->unit;
        o.held = s->held + fold * s->p->x->rows;
        s->st[fold] = tdl_lasso_path(s->p, &o, s->w + fold * o.lambdas_n * (s->p->x->cols + 1),
                                     &s->why[fold]);
    }
}

static double row_loss(const search *s, double score, double y)
{
    return s->path.binomial ? fmax(score, 0) + log1p(exp(-fabs(score))) - y * score
                            : (score - y) * (score - y) / 2;
}

/* Mean loss of each fold at each lambda, over the rows it left out; loss [FOLDS][steps]. */
static tdl_status measure(const search *s, double *loss, tdl_report *why)
{
    const tdl_matrix *x = s->p->x;
    size_t steps = s->path.lambdas_n, n = x->cols + 1;
    double *score = malloc(steps * sizeof *score);

    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", steps);
    memset(loss, 0, FOLDS * steps * sizeof *loss);
    for (size_t fold = 0; fold < FOLDS; fold++) {
        double weights = 0;

        for (size_t i = 0; i < x->rows; i++) {
            tdl_matrix one = {.rows = 1, .cols = x->cols, .x = x->x + i * x->cols};
            double weight = s->p->weight ? (double)s->p->weight[i] : 1;

            if (!s->held[fold * x->rows + i])
                continue;
            tdl_design_apply(&one, s->w + fold * steps * n, steps, NULL, score);
            weights += weight;
            for (size_t k = 0; k < steps; k++)
                loss[fold * steps + k] += weight * row_loss(s, score[k], (double)s->p->y[i]);
        }
        for (size_t k = 0; k < steps; k++)
            loss[fold * steps + k] /= fmax(weights, 1e-300);
    }
    free(score);
    return TDL_OK;
}

/* The least loss, then the first lambda within `errors` standard errors of it. */
static size_t choose(const double *loss, size_t steps, double errors)
{
    size_t best = 0;
    double mean[TDL_LASSO_STEPS] = {0}, error = 0;

    for (size_t k = 0; k < steps; k++) {
        for (size_t fold = 0; fold < FOLDS; fold++)
            mean[k] += loss[fold * steps + k] / FOLDS;
        if (mean[k] < mean[best])
            best = k;
    }
    for (size_t fold = 0; fold < FOLDS; fold++) {
        double d = loss[fold * steps + best] - mean[best];

        error += d * d / (FOLDS - 1);
    }
    error = errors * sqrt(error / FOLDS);
    for (size_t k = 0; k < best; k++)
        if (mean[k] <= mean[best] + error)
            return k;
    return best;
}

/* lambda by five folds, into s->path.lambda[0 .. *ret]. */
static tdl_status search_lambda(search *s, double errors, size_t *ret, tdl_report *why)
{
    size_t rows = s->p->x->rows, steps = s->path.lambdas_n;
    tdl_rng rng = tdl_rng_make(s->p->seed, 0);
    double loss[FOLDS * TDL_LASSO_STEPS];
    uint32_t *order = malloc(rows * sizeof *order);
    tdl_status st = TDL_OK;

    s->held = calloc(FOLDS * rows, sizeof *s->held);
    s->w = malloc(FOLDS * steps * (s->p->x->cols + 1) * sizeof *s->w);
    if (!order || !s->held || !s->w) {
        free(order);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for five folds of %zu rows", rows);
    }
    for (size_t i = 0; i < rows; i++)
        order[i] = (uint32_t)i;
    tdl_rng_shuffle(&rng, order, rows);
    for (size_t i = 0; i < rows; i++)
        s->held[i % FOLDS * rows + order[i]] = true;
    free(order);
    tdl_pool_run(s->p->pool, FOLDS, 1, fit_folds, s);
    for (size_t fold = 0; fold < FOLDS; fold++)
        if (s->st[fold]) {
            if (why)
                *why = s->why[fold];
            return s->st[fold];
        }
    st = measure(s, loss, why);
    if (!st)
        *ret = choose(loss, steps, errors);
    return st;
}

static tdl_status fit_chosen(search *s, double lambda, double errors, double *w, size_t *ret_step,
                             tdl_report *why)
{
    double most = tdl_lasso_most(s->p, &s->path), *path;
    size_t n = s->p->x->cols + 1, last = 0;
    tdl_status st = TDL_OK;

    s->path.lambda = s->lambda;
    s->unit = s->path.binomial ? 1 : fmax(most * s->path.mix, 1e-12);
    s->path.tolerance = 1e-8 * s->unit;
    if (lambda > 0 || !(most > 0) || s->p->x->rows < 2 * FOLDS) {
        s->lambda[0] = lambda > 0 ? lambda : most > 0 ? most / 10 : 1;
        s->path.lambdas_n = 1;
    } else {
        s->path.lambdas_n = TDL_LASSO_STEPS;
        for (size_t k = 0; k < TDL_LASSO_STEPS; k++)
            s->lambda[k] = most * pow(1e-3, (double)k / (TDL_LASSO_STEPS - 1));
        if ((st = search_lambda(s, errors, &last, why)))
            return st;
    }
    s->path.lambdas_n = last + 1;
    if (!(path = malloc((last + 1) * n * sizeof *path)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a path of %zu features", n - 1);
    if (!(st = tdl_lasso_path(s->p, &s->path, path, why)))
        memcpy(w, path + last * n, n * sizeof *w);
    free(path);
    *ret_step = last;
    return st;
}

/* {"lambda", "features", "selected": [names]}: at most a hundred names. */
static json_t *note_of(const tdl_problem *p, const double *w, double lambda)
{
    json_t *names = json_array();
    size_t n = 0;

    for (size_t j = 0; j < p->x->cols; j++) {
        n += w[j] != 0;
        if (w[j] != 0 && n <= 100 && p->x->feature)
            json_array_append_new(names, json_string(p->x->feature[j].name));
    }
    return json_pack("{s:f,s:I,s:o}", "lambda", lambda, "features", (json_int_t)n, "selected",
                     names);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    search s = {.p = problem, .path = {.binomial = problem->task == TDL_TASK_BINARY}};
    tdl_linear_model *m = NULL;
    double lambda, errors;
    size_t step;
    tdl_status st = tdl_setting_check(setting, "mix error lambda", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "mix", 1, 0.01, 1, &s.path.mix, why) ||
        !tdl_setting_number(setting, "error", 0, 0, 10, &errors, why) ||
        !tdl_setting_number(setting, "lambda", 0, 0, 1e12, &lambda, why))
        return TDL_E_INVALID;
    if ((st = tdl_design_check(problem->x, why)))
        return st;
    if (!(m = tdl_linear_model_new(problem)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    st = fit_chosen(&s, lambda, errors, m->w, &step, why);
    free(s.held);
    free(s.w);
    if (st) {
        tdl_linear_model_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    if (ret_note)
        *ret_note = note_of(problem, m->w, s.lambda[step]);
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_lasso = {
    .name = "lasso",
    .prepare = {.impute = TDL_IMPUTE_MEDIAN,
                .indicator = true,
                .normalise = TDL_NORMALISE_STANDARD,
                .normalise_encoded = true,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true,
                .text_buckets = 256},
    .rank = 10,
    .work_ns = 90,
    .work_power = 2,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = tdl_linear_model_free,
    .score = tdl_linear_model_score,
    .attribute = tdl_linear_model_attribute,
    .attribute_name = "linear",
    .save = tdl_linear_model_save,
    .load = tdl_linear_model_load,
};
