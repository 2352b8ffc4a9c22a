/* Crossed effects as a learner: for tables whose columns are categories of many levels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/crossed_model.h"
#include "learn/design.h"
#include "learn/kinds.h"
#include "learn/stored.h"

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task != TDL_TASK_REGRESSION && problem->task != TDL_TASK_BINARY &&
        problem->task != TDL_TASK_COUNT && problem->task != TDL_TASK_RANKING) {
        tdl_report_set(why, TDL_E_INVALID, "", "crossed is of one score a row, not of %s",
                       tdl_task_name(problem->task));
        return false;
    }
    if (!problem->x ||
        (problem->x->categories_n && problem->x->categories_n <= TDL_CROSSED_TERMS_MOST / 2))
        return true;
    tdl_report_set(why, TDL_E_INVALID, "give columns of numbers that name things the type category",
                   "crossed is of 1 to %d categories, not of %zu", TDL_CROSSED_TERMS_MOST / 2,
                   problem->x->categories_n);
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:i,s:f},{s:i,s:f},{s:i,s:f},{s:i,s:f}]", "interactions", 1, "shrinkage",
                     1.0, "interactions", 0, "shrinkage", 1.0, "interactions", 1, "shrinkage", 1.5,
                     "interactions", 1, "shrinkage", 0.7);
}

static const char *name_of(const tdl_matrix *x, int32_t category)
{
    return x->category_feature ? x->category_feature[category].name : "?";
}

/* {"interactions": ["student x dept", ...]} */
static json_t *note_of(const tdl_crossed_model *m, const tdl_matrix *x)
{
    json_t *list = json_array();

    for (size_t t = 0; t < m->terms_n; t++) {
        const tdl_crossed_term *term = &m->term[t];
        tdl_buf text = {0};

        for (size_t k = 0; k < term->members_n; k++)
            tdl_buf_printf(&text, "%s%s", k ? " x " : "", name_of(x, term->member[k]));
        if (term->members_n > 1 && !text.failed)
            json_array_append_new(list, json_stringn(text.at, text.len));
        tdl_buf_release(&text);
    }
    return json_pack("{s:o}", "interactions", list);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    tdl_crossed_model *m = NULL;
    double interactions, shrinkage;
    tdl_status st = tdl_setting_check(setting, "interactions shrinkage", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "interactions", 1, 0, 1, &interactions, why) ||
        !tdl_setting_number(setting, "shrinkage", 1, 1e-3, 1e3, &shrinkage, why))
        return TDL_E_INVALID;
    for (size_t i = 0; problem->task == TDL_TASK_COUNT && i < problem->x->rows; i++)
        if (problem->y[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a count of %g", i, (double)problem->y[i]);
    if (!(m = tdl_crossed_new(problem->x)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    if ((st = tdl_crossed_fit(problem, interactions > 0, shrinkage, m, why))) {
        tdl_crossed_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    if (ret_note)
        *ret_note = note_of(m, problem->x);
    return TDL_OK;
}

static double effect_of(const tdl_crossed_model *m, size_t t, const int32_t *category)
{
    int32_t g = tdl_crossed_group(&m->term[t], tdl_crossed_key(m->levels_n, &m->term[t], category));

    return g < 0 ? 0 : m->term[t].effect[g];
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    const tdl_crossed_model *m = (const tdl_crossed_model *)learner;

    TDL_UNUSED(why);
    tdl_design_apply(x, m->w, 1, pool, ret);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t t = 0; t < m->terms_n; t++)
            ret[i] += effect_of(m, t, x->category + i * x->categories_n);
    return TDL_OK;
}

static double number_of(const tdl_matrix *x, size_t row, size_t j)
{
    float value = x ? x->x[row * x->cols + j] : 0;

    return isfinite(value) ? (double)value : 0;
}

/* A term is shared in equal parts by its categories. */
static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    const tdl_crossed_model *m = (const tdl_crossed_model *)learner;
    size_t n = x->categories_n;
    double start[TDL_CROSSED_TERMS_MOST], base = m->w[x->cols];

    TDL_UNUSED(which);
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t t = 0; t < m->terms_n; t++)
        base += start[t] = baseline ? effect_of(m, t, baseline->category) : 0;
    for (size_t j = 0; j < x->cols; j++)
        base += m->w[j] * number_of(baseline, 0, j);
    for (size_t i = 0; i < x->rows; i++) {
        ret->base[i] = base;
        for (size_t j = 0; j < x->cols; j++)
            ret->x[i * x->cols + j] = m->w[j] * (number_of(x, i, j) - number_of(baseline, 0, j));
        memset(ret->category + i * n, 0, n * sizeof *ret->category);
        for (size_t t = 0; t < m->terms_n; t++) {
            const tdl_crossed_term *term = &m->term[t];
            double change = effect_of(m, t, x->category + i * n) - start[t];

            for (size_t k = 0; k < term->members_n; k++)
                ret->category[i * n + (size_t)term->member[k]] += change / (double)term->members_n;
        }
    }
    ret->error = 0;
    return TDL_OK;
}

/* ---- file: terms one after the other, in tensors of their own ---- */

enum { NAME_SIZE = 32 };

static const char *term_name(char ret[NAME_SIZE], size_t t, const char *what)
{
    snprintf(ret, NAME_SIZE, "%zu.%s", t, what);
    return ret;
}

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const tdl_crossed_model *m = (const tdl_crossed_model *)learner;
    char name[NAME_SIZE];

    tdl_store_doubles(writer, prefix, "weight", learner->cols + 1, m->w);
    for (size_t t = 0; t < m->terms_n; t++) {
        const tdl_crossed_term *term = &m->term[t];

        tdl_store_ints(writer, prefix, term_name(name, t, "member"), TDL_CROSSED_MEMBERS,
                       term->member);
        tdl_store_longs(writer, prefix, term_name(name, t, "key"), term->groups_n, term->key);
        tdl_store_doubles(writer, prefix, term_name(name, t, "effect"), term->groups_n,
                          term->effect);
    }
    if (!(*ret_about = json_pack("{s:I}", "terms", (json_int_t)m->terms_n)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save crossed effects");
    return TDL_OK;
}

static tdl_status load_term(const tdl_st_file *file, const char *prefix, size_t t,
                            tdl_crossed_model *m, tdl_report *why)
{
    tdl_crossed_term *term = &m->term[m->terms_n++];
    char name[NAME_SIZE];
    int32_t *member = NULL;
    tdl_status st = tdl_stored_ints(file, prefix, term_name(name, t, "member"), TDL_CROSSED_MEMBERS,
                                    -1, (int32_t)m->learner.categories_n - 1, &member, why);

    if (st)
        return st;
    memcpy(term->member, member, sizeof term->member);
    free(member);
    while (term->members_n < TDL_CROSSED_MEMBERS && term->member[term->members_n] >= 0)
        term->members_n++;
    for (size_t k = 0; k < TDL_CROSSED_MEMBERS; k++)
        if (term->members_n == 0 || (k >= term->members_n && term->member[k] >= 0) ||
            (k && k < term->members_n && term->member[k] <= term->member[k - 1]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s%zu.member: not rising categories", prefix, t);
    if (!tdl_crossed_fits(m->levels_n, term))
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s%zu: too many combinations", prefix, t);
    term->groups_n = tdl_stored_n(file, prefix, term_name(name, t, "key"));
    if (term->groups_n > INT32_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s%zu: %zu groups", prefix, t, term->groups_n);
    if ((st = tdl_stored_longs(file, prefix, term_name(name, t, "key"), term->groups_n, &term->key,
                               why)) ||
        (st = tdl_stored_doubles(file, prefix, term_name(name, t, "effect"), term->groups_n,
                                 &term->effect, why)))
        return st;
    for (size_t g = 1; g < term->groups_n; g++)
        if (term->key[g] <= term->key[g - 1])
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s%zu.key: number %zu does not rise", prefix, t,
                            g);
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    tdl_crossed_model *m = NULL;
    int64_t terms_n = 0;
    size_t scores_n;
    tdl_task task;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    if (st)
        return st;
    if (!tdl_json_get_int(about, "terms", &terms_n) || terms_n < 0 ||
        terms_n > TDL_CROSSED_TERMS_MOST || scores_n != 1)
        return TDL_FAIL(why, TDL_E_CORRUPT, "crossed: %lld terms of %zu scores", (long long)terms_n,
                        scores_n);
    if (!(m = tdl_crossed_new(x)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load crossed effects");
    free(m->w);
    m->w = NULL;
    st = tdl_stored_doubles(file, prefix, "weight", x->cols + 1, &m->w, why);
    for (size_t t = 0; t < (size_t)terms_n && !st; t++)
        st = load_term(file, prefix, t, m, why);
    if (st)
        tdl_crossed_free(&m->learner);
    else
        *ret = &m->learner;
    return st;
}

const tdl_learner_ops tdl_learner_crossed = {
    .name = "crossed",
    .prepare = {.impute = TDL_IMPUTE_MEDIAN,
                .indicator = true,
                .normalise = TDL_NORMALISE_STANDARD,
                .normalise_encoded = true,
                .encode = TDL_ENCODE_EMBED,
                .dates = true},
    .levels_min = 50,
    .rank = 15,
    .work_ns = 1000,
    .work_power = 1,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = tdl_crossed_free,
    .score = score,
    .attribute = attribute,
    .attribute_name = "effects",
    .save = save,
    .load = load,
};
