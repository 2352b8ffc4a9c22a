/* The additive model as a learner. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/additive_fit.h"
#include "learn/kinds.h"
#include "learn/stored.h"

enum { BINS = TDL_ADDITIVE_BINS, EDGES = BINS - 2, COARSE = TDL_ADDITIVE_COARSE };

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task != TDL_TASK_QUANTILE)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "use linear", "additive has no loss of quantiles");
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f,s:f,s:i},{s:f,s:f,s:i},{s:f,s:f,s:i}]", "rate", 0.03, "ridge", 5.0,
                     "pairs", 10, "rate", 0.03, "ridge", 5.0, "pairs", 0, "rate", 0.03, "ridge",
                     1.0, "pairs", 10);
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    tdl_additive_options o;
    double bags, rounds, patience, pairs, used = 0;
    tdl_additive_model *m = NULL;
    tdl_status st = tdl_setting_check(setting, "bags rounds patience rate ridge pairs", why);

    if (st)
        return st;
    if (!tdl_setting_number(setting, "bags", 8, 1, 100, &bags, why) ||
        !tdl_setting_number(setting, "rounds", 2000, 1, 1e5, &rounds, why) ||
        !tdl_setting_number(setting, "patience", 30, 1, 1e5, &patience, why) ||
        !tdl_setting_number(setting, "rate", 0.03, 1e-4, 1, &o.rate, why) ||
        !tdl_setting_number(setting, "ridge", 5, 0, 1e6, &o.ridge, why) ||
        !tdl_setting_number(setting, "pairs", TDL_ADDITIVE_PAIRS, 0, TDL_ADDITIVE_PAIRS, &pairs,
                            why))
        return TDL_E_INVALID;
    o.bags = (size_t)bags;
    o.rounds = (size_t)rounds;
    o.patience = (size_t)patience;
    o.pairs = (size_t)pairs;
    for (size_t i = 0; problem->task == TDL_TASK_COUNT && i < problem->x->rows; i++)
        if (problem->y[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a count of %g", i, (double)problem->y[i]);
    if (!(m = tdl_additive_new(problem->x->cols, tdl_problem_scores(problem))))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the curves of %zu features",
                        problem->x->cols);
    if ((st = tdl_additive_cut(m, problem->x, why)) ||
        (st = tdl_additive_fit(problem, &o, m, &used, why))) {
        tdl_additive_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    if (ret_note)
        *ret_note = json_pack("{s:f,s:I}", "rounds", used, "pairs", (json_int_t)m->pairs_n);
    return TDL_OK;
}

typedef struct scoring {
    const tdl_additive_model *m;
    const tdl_matrix *x;
    double *ret;
} scoring;

static void score_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const scoring *s = context;
    const tdl_additive_model *m = s->m;
    size_t cols = s->x->cols;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++) {
        const float *x = s->x->x + i * cols;
        double *ret = s->ret + i * m->heads;

        memcpy(ret, m->intercept, m->heads * sizeof *ret);
        for (size_t j = 0; j < cols; j++) {
            size_t bin = tdl_additive_bin(m, j, x[j]);

            for (size_t c = 0; c < m->heads; c++)
                ret[c] += m->curve[(j * m->heads + c) * BINS + bin];
        }
        for (size_t k = 0; k < m->pairs_n; k++)
            for (size_t c = 0; c < m->heads; c++)
                ret[c] += tdl_additive_pair_effect(m, k, c, x);
    }
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    scoring s = {.m = (const tdl_additive_model *)learner, .x = x, .ret = ret};

    TDL_UNUSED(why);
    tdl_pool_run(x->rows * x->cols < 1 << 14 ? NULL : pool, x->rows, 1, score_rows, &s);
    return TDL_OK;
}

/* A pair's effect is shared in equal parts by its features. */
static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    const tdl_additive_model *m = (const tdl_additive_model *)learner;
    double base = m->intercept[which];

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t j = 0; baseline && j < x->cols; j++)
        base += tdl_additive_effect(m, j, which, baseline->x[j]);
    for (size_t k = 0; baseline && k < m->pairs_n; k++)
        base += tdl_additive_pair_effect(m, k, which, baseline->x);
    for (size_t i = 0; i < x->rows; i++) {
        const float *row = x->x + i * x->cols;
        double *part = ret->x + i * x->cols;

        ret->base[i] = base;
        for (size_t j = 0; j < x->cols; j++)
            part[j] = tdl_additive_effect(m, j, which, row[j]) -
                      (baseline ? tdl_additive_effect(m, j, which, baseline->x[j]) : 0);
        for (size_t k = 0; k < m->pairs_n; k++) {
            double change = tdl_additive_pair_effect(m, k, which, row) -
                            (baseline ? tdl_additive_pair_effect(m, k, which, baseline->x) : 0);

            part[m->member[2 * k]] += change / 2;
            part[m->member[2 * k + 1]] += change / 2;
        }
    }
    ret->error = 0;
    return TDL_OK;
}

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const tdl_additive_model *m = (const tdl_additive_model *)learner;
    size_t cols = learner->cols;

    tdl_store_ints(writer, prefix, "edges_n", cols, m->edges_n);
    tdl_store_doubles(writer, prefix, "edge", cols * EDGES, m->edge);
    tdl_store_ints(writer, prefix, "coarse", cols * BINS, m->coarse);
    tdl_store_doubles(writer, prefix, "intercept", m->heads, m->intercept);
    tdl_store_doubles(writer, prefix, "curve", cols * m->heads * BINS, m->curve);
    tdl_store_ints(writer, prefix, "member", 2 * m->pairs_n, m->member);
    tdl_store_doubles(writer, prefix, "pair", m->pairs_n * m->heads * COARSE * COARSE, m->pair);
    if (!(*ret_about = json_pack("{s:I}", "pairs", (json_int_t)m->pairs_n)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save an additive model");
    return TDL_OK;
}

static tdl_status check_edges(const tdl_additive_model *m, const char *prefix, tdl_report *why)
{
    for (size_t j = 0; j < m->learner.cols; j++)
        for (int32_t e = 1; e < m->edges_n[j]; e++)
            if (!(m->edge[j * EDGES + (size_t)e] > m->edge[j * EDGES + (size_t)e - 1]))
                return TDL_FAIL(why, TDL_E_CORRUPT,
                                "%sedge: of feature %zu, number %d does not rise", prefix, j, e);
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    size_t scores_n, cols = x->cols, curve_n, p;
    int64_t pairs_n = 0;
    tdl_task task;
    tdl_additive_model *m = NULL;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    if (st)
        return st;
    if (!tdl_json_get_int(about, "pairs", &pairs_n) || pairs_n < 0 ||
        pairs_n > TDL_ADDITIVE_PAIRS || __builtin_mul_overflow(cols, scores_n * BINS, &curve_n) ||
        cols > SIZE_MAX / BINS)
        return TDL_FAIL(why, TDL_E_CORRUPT, "additive: %lld pairs of %zu scores",
                        (long long)pairs_n, scores_n);
    if (!(m = calloc(1, sizeof *m)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load an additive model");
    p = (size_t)pairs_n;
    m->learner.cols = cols;
    m->heads = scores_n;
    m->pairs_n = p;
    if ((st = tdl_stored_ints(file, prefix, "edges_n", cols, 0, EDGES, &m->edges_n, why)) ||
        (st = tdl_stored_doubles(file, prefix, "edge", cols * EDGES, &m->edge, why)) ||
        (st = tdl_stored_ints(file, prefix, "coarse", cols * BINS, 0, COARSE - 1, &m->coarse,
                              why)) ||
        (st = tdl_stored_doubles(file, prefix, "intercept", scores_n, &m->intercept, why)) ||
        (st = tdl_stored_doubles(file, prefix, "curve", curve_n, &m->curve, why)) ||
        (st = tdl_stored_ints(file, prefix, "member", 2 * p, 0,
                              (int32_t)(cols < INT32_MAX ? cols : INT32_MAX) - 1, &m->member,
                              why)) ||
        (st = tdl_stored_doubles(file, prefix, "pair", p * scores_n * COARSE * COARSE, &m->pair,
                                 why)) ||
        (st = check_edges(m, prefix, why))) {
        tdl_additive_free(&m->learner);
        return st;
    }
    *ret = &m->learner;
    return TDL_OK;
}

const tdl_learner_ops tdl_learner_additive = {
    .name = "additive",
    .prepare = {.impute = TDL_IMPUTE_NONE,
                .encode = TDL_ENCODE_ORDINAL,
                .one_hot_max = TDL_ADDITIVE_BINS - 1,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .rank = 20,
    .work_ns = 15000,
    .work_power = 1,
    .work_by_class = true,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = tdl_additive_free,
    .score = score,
    .attribute = attribute,
    .attribute_name = "curves",
    .save = save,
    .load = load,
};
