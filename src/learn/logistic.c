/* Logistic regression with a ridge, binary and multinomial: the exact optimum, without a seed. */
#include <math.h>

#include "learn/glm.h"
#include "learn/kinds.h"
#include "learn/linear_model.h"

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task == TDL_TASK_BINARY || problem->task == TDL_TASK_CLASSES)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "use linear", "logistic is of classes, not of %s",
                   tdl_task_name(problem->task));
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f},{s:f},{s:f},{s:f},{s:f}]", "lambda", 1.0, "lambda", 10.0, "lambda",
                     100.0, "lambda", 0.1, "lambda", 1000.0);
}

/* Start at the shares of the classes. */
static void start(const tdl_problem *p, tdl_linear_model *m)
{
    size_t cols = p->x->cols;
    double sum = 0, own;

    for (size_t i = 0; i < p->x->rows; i++)
        sum += p->weight ? (double)p->weight[i] : 1;
    for (size_t c = 0; c < m->heads; c++) {
        size_t class_of_head = p->task == TDL_TASK_BINARY ? 1 : c;

        own = 0;
        for (size_t i = 0; i < p->x->rows; i++)
            if ((size_t)p->y[i] == class_of_head)
                own += p->weight ? (double)p->weight[i] : 1;
        own = (own + 0.5) / (sum + 1);
        m->w[c * (cols + 1) + cols] = p->task == TDL_TASK_BINARY ? log(own / (1 - own)) : log(own);
    }
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    bool binary = problem->task == TDL_TASK_BINARY;
    tdl_linear_model *m = NULL;
    double lambda;
    size_t steps;
    tdl_status st = tdl_setting_check(setting, "lambda", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "lambda", 1, 0, 1e12, &lambda, why))
        return TDL_E_INVALID;
    if (!(m = tdl_linear_model_new(problem)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    start(problem, m);
    if ((st = tdl_glm_fit(problem, binary ? TDL_GLM_BINOMIAL : TDL_GLM_SOFTMAX, 0, m->heads, lambda,
                          m->w, &steps, why))) {
        tdl_linear_model_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    if (ret_note)
        *ret_note = json_pack("{s:I}", "steps", (json_int_t)steps);
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_logistic = {
    .name = "logistic",
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
    .work_ns = 3,
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
