/* The floor under all others: the same answer for every row, whatever its features. */
#include <stdlib.h>
#include <string.h>

#include "learn/kinds.h"
#include "learn/stored.h"
#include "learn/summary.h"

typedef struct constant {
    tdl_learner learner;
    double *score; /* [scores_n] */
} constant;

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(problem);
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    TDL_UNUSED(why);
    return true;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{}]");
}

static void free_constant(tdl_learner *learner)
{
    constant *c = (constant *)learner;

    if (c)
        free(c->score);
    free(c);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    size_t rows = problem->x->rows;
    bool sorts = tdl_summary_sorts(problem);
    double *scratch = sorts ? malloc(2 * rows * sizeof *scratch) : NULL;
    constant *c = calloc(1, sizeof *c);
    tdl_status st = tdl_setting_check(setting, "", why);

    TDL_UNUSED(ret_note);
    if (!st && (!c || (sorts && !scratch) ||
                !(c->score = calloc(tdl_problem_scores(problem), sizeof *c->score))))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a constant");
    if (!st) {
        tdl_summary(problem, NULL, rows, NULL, scratch, c->score);
        *ret = &c->learner;
        c = NULL;
    }
    free(scratch);
    if (c)
        free_constant(&c->learner);
    return st;
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    const constant *c = (const constant *)learner;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t i = 0; i < x->rows; i++)
        memcpy(ret + i * learner->scores_n, c->score, learner->scores_n * sizeof *ret);
    return TDL_OK;
}

static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    const constant *c = (const constant *)learner;

    TDL_UNUSED(baseline);
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    memset(ret->x, 0, x->rows * x->cols * sizeof *ret->x);
    if (ret->category)
        memset(ret->category, 0, x->rows * x->categories_n * sizeof *ret->category);
    for (size_t i = 0; i < x->rows; i++)
        ret->base[i] = c->score[which];
    ret->error = 0;
    return TDL_OK;
}

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const constant *c = (const constant *)learner;

    tdl_store_doubles(writer, prefix, "score", learner->scores_n, c->score);
    if (!(*ret_about = json_object()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save a constant");
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    tdl_task task;
    size_t scores_n;
    double *score_of = NULL;
    constant *c;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    TDL_UNUSED(x);
    if (st || (st = tdl_stored_doubles(file, prefix, "score", scores_n, &score_of, why)))
        return st;
    if (!(c = calloc(1, sizeof *c))) {
        free(score_of);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load a constant");
    }
    c->score = score_of;
    *ret = &c->learner;
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_constant = {
    .name = "constant",
    .prepare = {.impute = TDL_IMPUTE_NONE, .encode = TDL_ENCODE_ORDINAL},
    .simple = true,
    .rank = 0,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = free_constant,
    .score = score,
    .attribute = attribute,
    .attribute_name = "constant",
    .save = save,
    .load = load,
};
