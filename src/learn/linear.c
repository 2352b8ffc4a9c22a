/* Linear regression with a ridge: means by least squares, middles by Huber's loss or the absolute
 * one, counts by Poisson or Tweedie, quantiles by the pinball loss, ordered classes by proportional
 * odds. The exact optimum, without a seed. */
#include <math.h>

#include "learn/glm.h"
#include "learn/kinds.h"
#include "learn/linear_model.h"
#include "learn/ordinal.h"
#include "learn/pinball.h"

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task != TDL_TASK_BINARY && problem->task != TDL_TASK_CLASSES)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "use logistic", "linear is of numbers, not of %s",
                   tdl_task_name(problem->task));
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f},{s:f},{s:f},{s:f},{s:f}]", "lambda", 1.0, "lambda", 10.0, "lambda",
                     100.0, "lambda", 0.1, "lambda", 1000.0);
}

static double weighted_mean(const tdl_problem *p)
{
    double sum = 0, weights = 0;

    for (size_t i = 0; i < p->x->rows; i++) {
        double weight = p->weight ? (double)p->weight[i] : 1;

        sum += weight * (double)p->y[i];
        weights += weight;
    }
    return weights > 0 ? sum / weights : 0;
}

static tdl_status fit_task(const tdl_problem *p, double lambda, tdl_linear_model *m,
                           size_t *ret_steps, tdl_report *why)
{
    size_t cols = p->x->cols;
    tdl_status st = TDL_OK;

    switch (p->task) {
    case TDL_TASK_ORDINAL:
        return tdl_ordinal_fit(p, lambda, m->w, m->threshold, ret_steps, why);
    case TDL_TASK_QUANTILE:
        for (size_t h = 0; h < m->heads && !st; h++)
            st = tdl_pinball_fit(p, p->quantile[h], lambda, m->w + h * (cols + 1), why);
        return st;
    case TDL_TASK_COUNT:
        m->w[cols] = log(fmax(weighted_mean(p), 1e-6));
        return tdl_glm_fit(p, p->aim == TDL_AIM_TWEEDIE ? TDL_GLM_TWEEDIE : TDL_GLM_POISSON,
                           p->power, 1, lambda, m->w, ret_steps, why);
    default:
        if (p->aim == TDL_AIM_ABSOLUTE)
            return tdl_pinball_fit(p, 0.5, lambda, m->w, why);
        m->w[cols] = weighted_mean(p);
        if (p->aim == TDL_AIM_HUBER)
            return tdl_glm_fit_huber(p, lambda, m->w, NULL, ret_steps, why);
        return tdl_glm_fit(p, TDL_GLM_GAUSSIAN, 0, 1, lambda, m->w, ret_steps, why);
    }
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    tdl_linear_model *m = NULL;
    double lambda;
    size_t steps = 0;
    tdl_status st = tdl_setting_check(setting, "lambda", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "lambda", 1, 0, 1e12, &lambda, why))
        return TDL_E_INVALID;
    if (!(m = tdl_linear_model_new(problem)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    if ((st = fit_task(problem, lambda, m, &steps, why))) {
        tdl_linear_model_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    if (ret_note && steps)
        *ret_note = json_pack("{s:I}", "steps", (json_int_t)steps);
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_linear = {
    .name = "linear",
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
    .work_ns = 8,
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
