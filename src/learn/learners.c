/* The learners there are, and what every call of one goes through. */
#include <math.h>

#include "learn/kinds.h"
#include "learn/network.h"

/* clang-format off */
const tdl_learner_ops *const tdl_learners[] = {
    &tdl_learner_constant,
    &tdl_learner_naive_bayes,
    &tdl_learner_nearest,
    &tdl_learner_linear,
    &tdl_learner_logistic,
    &tdl_learner_spline,
    &tdl_learner_tree,
    &tdl_learner_lasso,
    &tdl_learner_crossed,
    &tdl_learner_additive,
    &tdl_learner_trees,
    &tdl_learner_mlp,
    &tdl_learner_cnn,
    &tdl_learner_vit,
    &tdl_learner_ft_transformer,
};
/* clang-format on */
const size_t tdl_learners_n = sizeof tdl_learners / sizeof tdl_learners[0];

static const char *const task_names[] = {
    [TDL_TASK_BINARY] = "binary",   [TDL_TASK_CLASSES] = "classes",
    [TDL_TASK_ORDINAL] = "ordinal", [TDL_TASK_REGRESSION] = "regression",
    [TDL_TASK_COUNT] = "count",     [TDL_TASK_QUANTILE] = "quantile",
    [TDL_TASK_RANKING] = "ranking",
};

const char *tdl_aim_name(tdl_aim aim)
{
    static const char *const names[] = {
        [TDL_AIM_USUAL] = "usual",
        [TDL_AIM_ABSOLUTE] = "absolute",
        [TDL_AIM_HUBER] = "huber",
        [TDL_AIM_TWEEDIE] = "tweedie",
    };

    return names[aim];
}

const char *tdl_task_name(tdl_task task)
{
    return task_names[task];
}

bool tdl_task_find(tdl_str name, tdl_task *ret)
{
    for (size_t i = 0; i < sizeof task_names / sizeof task_names[0]; i++)
        if (tdl_str_is(name, task_names[i])) {
            *ret = (tdl_task)i;
            return true;
        }
    return false;
}

size_t tdl_problem_scores(const tdl_problem *problem)
{
    switch (problem->task) {
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        return problem->classes_n;
    case TDL_TASK_QUANTILE:
        return problem->quantiles_n;
    default:
        return 1;
    }
}

const tdl_learner_ops *tdl_learner_find(tdl_str name)
{
    for (size_t i = 0; i < tdl_learners_n; i++)
        if (tdl_str_is(name, tdl_learners[i]->name))
            return tdl_learners[i];
    return NULL;
}

/* ---- calls ---- */

static tdl_status check_aim(const tdl_problem *p, tdl_report *why)
{
    tdl_task task = p->aim == TDL_AIM_TWEEDIE ? TDL_TASK_COUNT : TDL_TASK_REGRESSION;

    if (p->aim != TDL_AIM_USUAL && p->task != task)
        return TDL_FAIL(why, TDL_E_INVALID, "task %s has no loss \"%s\"", tdl_task_name(p->task),
                        tdl_aim_name(p->aim));
    if (p->aim == TDL_AIM_TWEEDIE && !(p->power > 1 && p->power < 2))
        return TDL_FAIL(why, TDL_E_INVALID, "a Tweedie power of %g is not between 1 and 2",
                        p->power);
    return TDL_OK;
}

static tdl_status check_targets(const tdl_problem *p, tdl_report *why)
{
    for (size_t i = 0; i < p->x->rows; i++) {
        bool is_class = p->y[i] >= 0 && p->y[i] < (float)p->classes_n && p->y[i] == rintf(p->y[i]);

        if (p->classes_n ? !is_class : !isfinite(p->y[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a target of %g", i, (double)p->y[i]);
        if (p->weight && !(p->weight[i] >= 0 && isfinite(p->weight[i])))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a weight of %g", i, (double)p->weight[i]);
    }
    return check_aim(p, why);
}

tdl_status tdl_learner_fit(const tdl_learner_ops *ops, const tdl_problem *problem,
                           const json_t *setting, tdl_learner **ret, json_t **ret_note,
                           tdl_report *why)
{
    tdl_status st;

    if (problem->x->rows == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: no rows to learn from", ops->name);
    if ((st = check_targets(problem, why)))
        return st;
    if (!ops->suits(problem, problem->x->rows, problem->x->cols, why))
        return TDL_E_INVALID;
    if ((st = ops->fit(problem, setting, ret, ret_note, why)))
        return st;
    (*ret)->ops = ops;
    (*ret)->task = problem->task;
    (*ret)->scores_n = tdl_problem_scores(problem);
    (*ret)->cols = problem->x->cols;
    (*ret)->categories_n = problem->x->categories_n;
    return TDL_OK;
}

void tdl_learner_free(tdl_learner *learner)
{
    if (learner)
        learner->ops->free(learner);
}

static tdl_status check_shape(const tdl_learner *learner, const tdl_matrix *x, tdl_report *why)
{
    if (x->cols == learner->cols && x->categories_n == learner->categories_n)
        return TDL_OK;
    return TDL_FAIL(
        why, TDL_E_INVALID, "%s: rows of %zu numbers and %zu categories, not %zu and %zu",
        learner->ops->name, x->cols, x->categories_n, learner->cols, learner->categories_n);
}

tdl_status tdl_learner_score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                             double *ret, tdl_report *why)
{
    tdl_status st = check_shape(learner, x, why);

    return st || x->rows == 0 ? st : learner->ops->score(learner, x, pool, ret, why);
}

tdl_status tdl_learner_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why)
{
    tdl_status st = check_shape(learner, x, why);

    if (st || (baseline && (st = check_shape(learner, baseline, why))))
        return st;
    if (!learner->ops->attribute)
        return TDL_FAIL(why, TDL_E_INVALID, "%s has no attributions of its own",
                        learner->ops->name);
    if (which >= learner->scores_n)
        return TDL_FAIL(why, TDL_E_INVALID, "score %zu of %zu", which, learner->scores_n);
    return learner->ops->attribute(learner, x, baseline, which, pool, ret, why);
}

tdl_status tdl_learner_save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                            json_t **ret_about, tdl_report *why)
{
    json_t *about = NULL;
    tdl_status st = learner->ops->save(learner, prefix, writer, &about, why);

    if (st)
        return st;
    if (json_object_set_new(about, "learner", json_string(learner->ops->name)) ||
        json_object_set_new(about, "task", json_string(tdl_task_name(learner->task))) ||
        json_object_set_new(about, "scores", json_integer((json_int_t)learner->scores_n))) {
        json_decref(about);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save a learner");
    }
    *ret_about = about;
    return TDL_OK;
}

tdl_status tdl_learner_load(const json_t *about, const tdl_st_file *file, const char *prefix,
                            const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    tdl_str name = {0}, task_name = {0};
    int64_t scores_n = 0;
    const tdl_learner_ops *ops;
    tdl_task task;
    tdl_status st;

    if (!tdl_json_get_str(about, "learner", &name) || !(ops = tdl_learner_find(name)))
        return TDL_FAIL(why, TDL_E_CORRUPT, "a learner \"%.*s\" is not known", TDL_FMT(name));
    if (!tdl_json_get_str(about, "task", &task_name) || !tdl_task_find(task_name, &task))
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: a task \"%.*s\" is not known", ops->name,
                        TDL_FMT(task_name));
    if (!tdl_json_get_int(about, "scores", &scores_n) || scores_n < 1 || scores_n > 1 << 20)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: %lld scores a row", ops->name,
                        (long long)scores_n);
    if ((st = ops->load(about, file, prefix, x, ret, why)))
        return st;
    (*ret)->ops = ops;
    (*ret)->task = task;
    (*ret)->scores_n = (size_t)scores_n;
    (*ret)->cols = x->cols;
    (*ret)->categories_n = x->categories_n;
    return TDL_OK;
}

/* ---- settings ---- */

bool tdl_setting_number(const json_t *setting, const char *key, double fallback, double low,
                        double high, double *ret, tdl_report *why)
{
    const json_t *value = json_object_get(setting, key);

    *ret = value ? json_number_value(value) : fallback;
    if ((!value || json_is_number(value)) && *ret >= low && *ret <= high)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "", "setting %s: not a number in [%g, %g]", key, low, high);
    return false;
}

static bool lists(const char *known, const char *key)
{
    size_t n = strlen(key);

    for (const char *at = known; (at = strstr(at, key)); at += n)
        if ((at == known || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

tdl_status tdl_setting_check(const json_t *setting, const char *known, tdl_report *why)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)setting, key, value)
    {
        if (!lists(known, key))
            return TDL_FAIL(why, TDL_E_INVALID, "there is no setting \"%s\"; there are: %s", key,
                            known);
    }
    return TDL_OK;
}
