/* The learner "spline": a linear model over piecewise-linear bins of every number, so that each
 * column has a curve of its own. The optimum is that of logistic and linear (a ridge, exact). */
#include "learn/kinds.h"
#include "learn/linear_model.h"

static bool has_classes(const tdl_problem *problem)
{
    return problem->task == TDL_TASK_BINARY || problem->task == TDL_TASK_CLASSES;
}

static const tdl_learner_ops *straight(const tdl_problem *problem)
{
    return has_classes(problem) ? &tdl_learner_logistic : &tdl_learner_linear;
}

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    return straight(problem)->suits(problem, rows, columns, why);
}

/* Curves are held back more than lines: there are many more of their numbers. */
static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f},{s:f},{s:f},{s:f},{s:f}]", "lambda", 100.0, "lambda", 30.0, "lambda",
                     300.0, "lambda", 10.0, "lambda", 1.0);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    return straight(problem)->fit(problem, setting, ret, ret_note, why);
}

const tdl_learner_ops tdl_learner_spline = {
    .name = "spline",
    .prepare = {.impute = TDL_IMPUTE_MEDIAN,
                .indicator = true,
                .normalise = TDL_NORMALISE_STANDARD,
                .normalise_encoded = true,
                .bins = 8,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 32,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true,
                .pairs = true,
                .text_buckets = 256},
    .rank = 12,
    .work_ns = 40,
    .work_power = 2,
    .work_by_class = true,
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
