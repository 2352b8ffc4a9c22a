/* Naive Bayes: features that are independent within a class. Numbers are normal; a 0 / 1 feature is
 * a coin; the 0 / 1 features of one column are its levels, of which each row has one or none.
 * A missing number tells nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/kinds.h"
#include "learn/stored.h"
#include "learn/summary.h"

typedef enum kind { NORMAL, COIN, LEVEL, KINDS_N } kind;

typedef struct naive_bayes {
    tdl_learner learner;
    size_t classes_n;
    int32_t *kind; /* [cols] */
    double *first; /* [classes][cols] mean, or log P(1) */
    double *other; /* [classes][cols] variance, or log P(0); 0 for a level */
    double *prior; /* [classes] log */
} naive_bayes;

static bool suits(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why)
{
    TDL_UNUSED(rows);
    TDL_UNUSED(columns);
    if (problem->task == TDL_TASK_BINARY || problem->task == TDL_TASK_CLASSES ||
        problem->task == TDL_TASK_ORDINAL)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "", "naive_bayes is of classes, not of %s",
                   tdl_task_name(problem->task));
    return false;
}

static json_t *settings(const tdl_problem *problem)
{
    TDL_UNUSED(problem);
    return json_pack("[{s:f}]", "smoothing", 1.0);
}

static void free_naive_bayes(tdl_learner *learner)
{
    naive_bayes *m = (naive_bayes *)learner;

    if (!m)
        return;
    free(m->kind);
    free(m->first);
    free(m->other);
    free(m->prior);
    free(m);
}

static bool is_coin(const tdl_matrix *x, size_t j)
{
    for (size_t i = 0; i < x->rows; i++) {
        float value = x->x[i * x->cols + j];

        if (isfinite(value) && value != 0 && value != 1)
            return false;
    }
    return true;
}

/* How many 0 / 1 features has the column of feature j? */
static size_t levels_of(const naive_bayes *m, const tdl_matrix *x, size_t j)
{
    size_t n = 0;

    for (size_t k = 0; k < x->cols && x->feature; k++)
        n += m->kind[k] != NORMAL && x->feature[k].column == x->feature[j].column;
    return n;
}

/* Weighted squares of feature j about the mean, over the rows of class c. */
static double squares_about(const tdl_problem *p, size_t j, size_t c, double mean)
{
    const tdl_matrix *x = p->x;
    double squares = 0;

    for (size_t i = 0; i < x->rows; i++) {
        double value = (double)x->x[i * x->cols + j], w = p->weight ? (double)p->weight[i] : 1;

        if ((size_t)p->y[i] == c && isfinite(value))
            squares += w * (value - mean) * (value - mean);
    }
    return squares;
}

static void fit_feature(naive_bayes *m, const tdl_problem *p, size_t j, double smoothing,
                        double levels, double least)
{
    const tdl_matrix *x = p->x;

    for (size_t c = 0; c < m->classes_n; c++) {
        double weights = 0, sum = 0, squares, mean;

        for (size_t i = 0; i < x->rows; i++) {
            double value = (double)x->x[i * x->cols + j], w = p->weight ? (double)p->weight[i] : 1;

            if ((size_t)p->y[i] != c || !isfinite(value))
                continue;
            weights += w;
            sum += w * value;
        }
        if (m->kind[j] != NORMAL) {
            double one = (sum + smoothing) / (weights + levels * smoothing);

            m->first[c * x->cols + j] = log(fmax(one, 1e-12));
            m->other[c * x->cols + j] = m->kind[j] == COIN ? log(fmax(1 - one, 1e-12)) : 0;
            continue;
        }
        mean = weights > 0 ? sum / weights : 0;
        squares = squares_about(p, j, c, mean);
        m->first[c * x->cols + j] = mean;
        m->other[c * x->cols + j] = fmax(weights > 0 ? squares / weights : 0, least);
    }
}

/* Variance of feature j over all rows. */
static double variance_of(const tdl_matrix *x, size_t j)
{
    double n = 0, sum = 0, squares = 0, mean;

    for (size_t i = 0; i < x->rows; i++) {
        double value = (double)x->x[i * x->cols + j];

        n += isfinite(value);
        sum += isfinite(value) ? value : 0;
    }
    mean = n > 0 ? sum / n : 0;
    for (size_t i = 0; i < x->rows; i++) {
        double d = (double)x->x[i * x->cols + j] - mean;

        squares += isfinite(d) ? d * d : 0;
    }
    return n > 0 ? squares / n : 0;
}

static tdl_status fit(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why)
{
    const tdl_matrix *x = problem->x;
    size_t classes = problem->classes_n, n;
    naive_bayes *m = NULL;
    double smoothing;
    tdl_status st = tdl_setting_check(setting, "smoothing", why);

    TDL_UNUSED(ret_note);
    if (st)
        return st;
    if (!tdl_setting_number(setting, "smoothing", 1, 0, 1e6, &smoothing, why))
        return TDL_E_INVALID;
    if (__builtin_mul_overflow(classes, x->cols + 1, &n) || !(m = calloc(1, sizeof *m)) ||
        !(m->kind = calloc(x->cols + 1, sizeof *m->kind)) ||
        !(m->first = calloc(n, sizeof *m->first)) || !(m->other = calloc(n, sizeof *m->other)) ||
        !(m->prior = calloc(classes, sizeof *m->prior))) {
        if (m)
            free_naive_bayes(&m->learner);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", classes);
    }
    m->classes_n = classes;
    for (size_t j = 0; j < x->cols; j++)
        m->kind[j] = is_coin(x, j) ? COIN : NORMAL;
    for (size_t j = 0; j < x->cols; j++) {
        size_t levels = m->kind[j] == COIN ? levels_of(m, x, j) : 0;

        if (levels > 1)
            m->kind[j] = LEVEL;
        // a class that has one value only would be sure of everything else
        fit_feature(m, problem, j, smoothing, levels > 1 ? (double)levels : 2,
                    0.01 * variance_of(x, j) + 1e-12);
    }
    for (size_t i = 0; i < x->rows; i++)
        m->prior[(size_t)problem->y[i]] += problem->weight ? (double)problem->weight[i] : 1;
    for (size_t c = 0; c < classes; c++)
        m->prior[c] = log(fmax(m->prior[c], 0.5));
    *ret = &m->learner;
    return TDL_OK;
}

static double evidence(const naive_bayes *m, size_t cols, size_t c, size_t j, double value)
{
    double first = m->first[c * cols + j], other = m->other[c * cols + j];

    if (!isfinite(value))
        return 0;
    if (m->kind[j] != NORMAL)
        return value > 0.5 ? first : other;
    return -0.5 * log(2 * 3.14159265358979323846 * other) -
           (value - first) * (value - first) / (2 * other);
}

/* Evidence for score `which`: of a class, or in the binary task of 1 against 0. */
static double evidence_for(const naive_bayes *m, size_t cols, size_t which, size_t j, double value)
{
    if (m->learner.task != TDL_TASK_BINARY)
        return evidence(m, cols, which, j, value);
    return evidence(m, cols, 1, j, value) - evidence(m, cols, 0, j, value);
}

static double prior_for(const naive_bayes *m, size_t which)
{
    return m->learner.task == TDL_TASK_BINARY ? m->prior[1] - m->prior[0] : m->prior[which];
}

static tdl_status score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why)
{
    const naive_bayes *m = (const naive_bayes *)learner;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t s = 0; s < learner->scores_n; s++) {
            double sum = prior_for(m, s);

            for (size_t j = 0; j < x->cols; j++)
                sum += evidence_for(m, x->cols, s, j, (double)x->x[i * x->cols + j]);
            ret[i * learner->scores_n + s] = sum;
        }
    return TDL_OK;
}

static tdl_status attribute(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why)
{
    const naive_bayes *m = (const naive_bayes *)learner;
    double base = prior_for(m, which);

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    for (size_t j = 0; j < x->cols && baseline; j++)
        base += evidence_for(m, x->cols, which, j, (double)baseline->x[j]);
    for (size_t i = 0; i < x->rows; i++) {
        ret->base[i] = base;
        for (size_t j = 0; j < x->cols; j++) {
            double own = evidence_for(m, x->cols, which, j, (double)x->x[i * x->cols + j]);

            if (baseline)
                own -= evidence_for(m, x->cols, which, j, (double)baseline->x[j]);
            ret->x[i * x->cols + j] = own;
        }
    }
    ret->error = 0;
    return TDL_OK;
}

static tdl_status save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why)
{
    const naive_bayes *m = (const naive_bayes *)learner;

    tdl_store_ints(writer, prefix, "kind", learner->cols, m->kind);
    tdl_store_doubles(writer, prefix, "first", m->classes_n * learner->cols, m->first);
    tdl_store_doubles(writer, prefix, "other", m->classes_n * learner->cols, m->other);
    tdl_store_doubles(writer, prefix, "prior", m->classes_n, m->prior);
    if (!(*ret_about = json_object()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save naive Bayes");
    return TDL_OK;
}

static tdl_status load(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why)
{
    size_t scores_n, cols = x->cols, n;
    tdl_task task;
    naive_bayes *m = NULL;
    tdl_status st = tdl_stored_shape(about, &task, &scores_n, why);

    if (st)
        return st;
    if (!(m = calloc(1, sizeof *m)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to load naive Bayes");
    m->classes_n = task == TDL_TASK_BINARY ? 2 : scores_n;
    if (__builtin_mul_overflow(m->classes_n, cols, &n)) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "%zu classes of %zu features", m->classes_n, cols);
        goto out;
    }
    if ((st = tdl_stored_ints(file, prefix, "kind", cols, 0, KINDS_N - 1, &m->kind, why)) ||
        (st = tdl_stored_doubles(file, prefix, "first", n, &m->first, why)) ||
        (st = tdl_stored_doubles(file, prefix, "other", n, &m->other, why)) ||
        (st = tdl_stored_doubles(file, prefix, "prior", m->classes_n, &m->prior, why)))
        goto out;
    for (size_t i = 0; i < n; i++)
        if (m->kind[i % cols] == NORMAL && !(m->other[i] > 0)) {
            st = TDL_FAIL(why, TDL_E_CORRUPT, "%sother: a variance of %g", prefix, m->other[i]);
            goto out;
        }
    *ret = &m->learner;
    m = NULL;
out:
    if (m)
        free_naive_bayes(&m->learner);
    return st;
}

const tdl_learner_ops tdl_learner_naive_bayes = {
    .name = "naive_bayes",
    .prepare = {.impute = TDL_IMPUTE_NONE,
                .encode = TDL_ENCODE_ONE_HOT,
                .one_hot_max = 256,
                .beyond = TDL_ENCODE_TARGET,
                .dates = true},
    .simple = true,
    .rank = 1,
    .suits = suits,
    .settings = settings,
    .fit = fit,
    .free = free_naive_bayes,
    .score = score,
    .attribute = attribute,
    .attribute_name = "log_likelihood",
    .save = save,
    .load = load,
};
