/* Problems made by a known law, for learners that are networks: what can be reached is known. */
#ifndef NETWORK_CASE_H
#define NETWORK_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/learner.h"

/* Rows of `cols` standard normal numbers and `categories_n` columns of `levels` levels. */
typedef struct made {
    tdl_matrix x;
    float *y;
    size_t levels[4];
} made;

static inline made make_rows(size_t rows, size_t cols, size_t categories_n, size_t levels,
                             uint64_t seed)
{
    tdl_rng rng = tdl_rng_make(seed, 0);
    made m = {.x = {.rows = rows, .cols = cols, .categories_n = categories_n}};

    m.x.x = calloc(rows * cols + 1, sizeof *m.x.x);
    m.x.category = calloc(rows * categories_n + 1, sizeof *m.x.category);
    m.y = calloc(rows, sizeof *m.y);
    for (size_t i = 0; i < rows * cols; i++)
        m.x.x[i] = (float)tdl_rng_normal(&rng);
    for (size_t i = 0; i < rows * categories_n; i++)
        m.x.category[i] = 1 + (int32_t)tdl_rng_below(&rng, levels - 1);
    for (size_t i = 0; i < categories_n; i++)
        m.levels[i] = levels;
    return m;
}

/* levels_n points into the struct, which was copied on its way. */
static inline tdl_matrix *matrix_of(made *m)
{
    m->x.levels_n = m->levels;
    return &m->x;
}

static inline void made_release(made *m)
{
    m->x.levels_n = NULL;
    tdl_matrix_release(&m->x);
    free(m->y);
}

static inline const tdl_learner_ops *ops_of(const char *name)
{
    const tdl_learner_ops *ops = tdl_learner_find((tdl_str){name, strlen(name)});

    assert_non_null(ops);
    return ops;
}

static inline tdl_learner *fit_as(const char *name, const tdl_problem *problem, const char *setting)
{
    json_t *parsed = setting ? json_loads(setting, 0, NULL) : NULL;
    tdl_learner *learner = NULL;
    tdl_report why = {0};

    if (tdl_learner_fit(ops_of(name), problem, parsed, &learner, NULL, &why))
        fail_msg("%s", why.message);
    json_decref(parsed);
    return learner;
}

static inline double *score_all(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool)
{
    double *ret = calloc(x->rows * learner->scores_n, sizeof *ret);
    tdl_report why = {0};

    if (tdl_learner_score(learner, x, pool, ret, &why))
        fail_msg("%s", why.message);
    return ret;
}

/* Share of pairs of a row of class 1 and one of class 0 that are in order. */
static inline double auc_of(const double *score, const float *y, size_t n)
{
    double right = 0, pairs = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; y[i] > 0 && j < n; j++)
            if (y[j] <= 0) {
                pairs++;
                right += score[i] > score[j] ? 1 : score[i] < score[j] ? 0 : 0.5;
            }
    return right / pairs;
}

/* Written and read again through the bytes of a file. */
static inline tdl_learner *save_and_load(const tdl_learner *learner, const tdl_matrix *x,
                                         tdl_buf *bytes, tdl_st_file **file, json_t **about)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_learner *loaded = NULL;
    tdl_report why = {0};

    if (tdl_learner_save(learner, "model.", writer, about, &why) ||
        tdl_st_encode(writer, bytes, &why) ||
        tdl_st_parse((tdl_str){bytes->at, bytes->len}, file, &why) ||
        tdl_learner_load(*about, *file, "model.", x, &loaded, &why))
        fail_msg("%s", why.message);
    tdl_st_writer_free(writer);
    return loaded;
}

#endif
