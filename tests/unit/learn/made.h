/* A made problem that any language can make too, for values of other implementations:
 *
 *     u(seed, i) = (splitmix64 output i + 1 from state seed) >> 11, times 2^-53
 *     x[i][j] = float(4 u(1, 4 i + j) - 2),  e_i = 2 u(2, i) - 1,  200 rows of 4
 *     eta = x0 - x1 / 2 + x2^2 / 4
 *     binary      eta + 2 e > 1/2          regression  float(1 + 2 eta + e)
 *     classes     0, 1, 2 by eta + e > -.3, > 1.2      count  floor(exp(eta / 2 + .2) (1 + e))
 */
#ifndef TDL_TEST_MADE_H
#define TDL_TEST_MADE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"

enum { MADE_ROWS = 200, MADE_COLS = 4 };

typedef struct made {
    tdl_matrix x;
    tdl_feature feature[MADE_COLS];
    float x_of[MADE_ROWS * MADE_COLS];
    float binary[MADE_ROWS], value[MADE_ROWS], class_of[MADE_ROWS], count[MADE_ROWS];
} made;

static inline uint64_t made_key(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline double made_uniform(uint64_t seed, uint64_t i)
{
    return ldexp((double)(made_key(seed, i) >> 11), -53);
}

static inline void make(made *m)
{
    static const char *const names[MADE_COLS] = {"x0", "x1", "x2", "x3"};

    for (size_t j = 0; j < MADE_COLS; j++)
        m->feature[j] = (tdl_feature){.name = names[j], .column = j};
    for (size_t i = 0; i < MADE_ROWS; i++) {
        float *x = m->x_of + i * MADE_COLS;
        double e = 2 * made_uniform(2, i) - 1, eta;

        for (size_t j = 0; j < MADE_COLS; j++)
            x[j] = (float)(4 * made_uniform(1, i * MADE_COLS + j) - 2);
        eta = (double)x[0] - 0.5 * (double)x[1] + 0.25 * (double)x[2] * (double)x[2];
        m->binary[i] = eta + 2 * e > 0.5;
        m->value[i] = (float)(1 + 2 * eta + e);
        m->class_of[i] = eta + e > 1.2 ? 2 : eta + e > -0.3 ? 1 : 0;
        m->count[i] = (float)floor(exp(0.5 * eta + 0.2) * (1 + e));
    }
    m->x = (tdl_matrix){.rows = MADE_ROWS, .cols = MADE_COLS, .x = m->x_of, .feature = m->feature};
}

static inline tdl_problem made_problem(const made *m, tdl_task task)
{
    tdl_problem p = {.task = task, .x = &m->x, .seed = 7};

    p.y = task == TDL_TASK_BINARY                                ? m->binary
          : task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL ? m->class_of
          : task == TDL_TASK_COUNT                               ? m->count
                                                                 : m->value;
    p.classes_n = task == TDL_TASK_BINARY                                ? 2
                  : task == TDL_TASK_CLASSES || task == TDL_TASK_ORDINAL ? 3
                                                                         : 0;
    if (task == TDL_TASK_QUANTILE) {
        p.quantiles_n = 3;
        p.quantile[0] = 0.1;
        p.quantile[1] = 0.5;
        p.quantile[2] = 0.9;
    }
    return p;
}

/* Fit by name and setting ("" = none). */
static inline tdl_status made_fit(const tdl_problem *p, const char *name, const char *setting,
                                  tdl_learner **ret, tdl_report *why)
{
    json_t *value = setting[0] ? json_loads(setting, 0, NULL) : NULL;
    tdl_status st = tdl_learner_fit(tdl_learner_find(tdl_str_of(name)), p, value, ret, NULL, why);

    json_decref(value);
    return st;
}

/* Save to bytes and load again: the same learner, or NULL and the report. `spoil` may change what
 * was saved. */
typedef void made_spoil(json_t *about, tdl_buf *bytes);

static inline tdl_learner *made_again(const tdl_learner *learner, const tdl_matrix *x,
                                      made_spoil *spoil, tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    tdl_learner *ret = NULL;
    json_t *about = NULL;

    if (!tdl_learner_save(learner, "m.", writer, &about, why) &&
        !tdl_st_encode(writer, &bytes, why)) {
        if (spoil)
            spoil(about, &bytes);
        if (!tdl_st_parse(tdl_buf_view(&bytes), &file, why) &&
            tdl_learner_load(about, file, "m.", x, &ret, why))
            ret = NULL;
    }
    tdl_st_free(file);
    tdl_st_writer_free(writer);
    tdl_buf_release(&bytes);
    json_decref(about);
    return ret;
}

/* Do both give the same bits? */
static inline bool made_same_scores(const tdl_learner *a, const tdl_learner *b, const tdl_matrix *x)
{
    size_t n = x->rows * a->scores_n;
    double *of_a = calloc(n, sizeof *of_a), *of_b = calloc(n, sizeof *of_b);
    bool same = a->scores_n == b->scores_n && !tdl_learner_score(a, x, NULL, of_a, NULL) &&
                !tdl_learner_score(b, x, NULL, of_b, NULL) && !memcmp(of_a, of_b, n * sizeof *of_a);

    free(of_a);
    free(of_b);
    return same;
}

/* Largest difference between base + sum of attributions and score `which`. */
static inline double made_attribution_error(const tdl_learner *l, const tdl_matrix *x,
                                            const tdl_matrix *baseline, size_t which)
{
    double *score = calloc(x->rows * l->scores_n, sizeof *score), worst = 0;
    tdl_attribution a = {.x = calloc(x->rows * x->cols + 1, sizeof(double)),
                         .category = calloc(x->rows * x->categories_n + 1, sizeof(double)),
                         .base = calloc(x->rows, sizeof(double))};

    if (tdl_learner_score(l, x, NULL, score, NULL) ||
        tdl_learner_attribute(l, x, baseline, which, NULL, &a, NULL))
        worst = INFINITY;
    for (size_t i = 0; i < x->rows; i++) {
        double sum = a.base[i];

        for (size_t j = 0; j < x->cols; j++)
            sum += a.x[i * x->cols + j];
        for (size_t j = 0; j < x->categories_n; j++)
            sum += a.category[i * x->categories_n + j];
        worst = fmax(worst, fabs(sum - score[i * l->scores_n + which]));
    }
    free(score);
    free(a.x);
    free(a.category);
    free(a.base);
    return worst;
}

#endif
