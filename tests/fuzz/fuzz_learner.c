/* Readable learners from a file: any bytes are refused with a report, or give a learner that scores
 * rows, missing numbers and levels out of range included.
 *
 * The bytes: one that says which learner, one which task, one how many scores and other counts,
 * then a safetensors file. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "learn/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { COLS = 2, CATEGORIES = 2, ROWS = 3, LEARNERS = 9 };

/* In an order of its own, so that the corpus stays what it is. */
static const tdl_learner_ops *const learners[LEARNERS] = {
    &tdl_learner_constant, &tdl_learner_naive_bayes, &tdl_learner_nearest,
    &tdl_learner_tree,     &tdl_learner_linear,      &tdl_learner_logistic,
    &tdl_learner_lasso,    &tdl_learner_crossed,     &tdl_learner_additive};

static void score(const tdl_learner *learner, tdl_matrix *x)
{
    double *ret = calloc(ROWS * learner->scores_n, sizeof *ret);
    double part[ROWS * COLS], category[ROWS * CATEGORIES], base[ROWS];
    tdl_attribution a = {.x = part, .category = category, .base = base};

    if (!ret || tdl_learner_score(learner, x, NULL, ret, NULL))
        abort();
    if (learner->ops->attribute && tdl_learner_attribute(learner, x, NULL, 0, NULL, &a, NULL))
        abort();
    free(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    float number[ROWS * COLS] = {0, 1, NAN, -1e30F, INFINITY, 0.5F};
    int32_t level[ROWS * CATEGORIES] = {0, 1, 2, 3, -4, 1 << 30};
    const size_t levels_n[CATEGORIES] = {3, 4};
    tdl_matrix x = {.rows = ROWS,
                    .cols = COLS,
                    .x = number,
                    .categories_n = CATEGORIES,
                    .category = level,
                    .levels_n = levels_n};
    tdl_st_file *file = NULL;
    tdl_learner *learner = NULL;
    tdl_report why = {0};
    json_t *about = NULL;
    tdl_status st;

    if (n < 3 || tdl_st_parse((tdl_str){(const char *)bytes + 3, n - 3}, &file, NULL))
        return 0;
    about = json_pack("{s:s,s:s,s:i,s:i,s:i,s:i}", "learner", learners[bytes[0] % LEARNERS]->name,
                      "task", tdl_task_name((tdl_task)(bytes[1] % (TDL_TASK_RANKING + 1))),
                      "scores", bytes[2] & 15, "k", bytes[2] >> 4, "terms", bytes[2] >> 4, "pairs",
                      bytes[2] >> 4);
    st = tdl_learner_load(about, file, "", &x, &learner, &why);
    if (st ? (st != why.status || !why.message[0]) : !learner)
        abort();
    if (!st)
        score(learner, &x);
    tdl_learner_free(learner);
    tdl_st_free(file);
    json_decref(about);
    return 0;
}
