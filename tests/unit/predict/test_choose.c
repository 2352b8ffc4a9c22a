/* --prefer simple: which of models that are about as good has least to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "apps/predict/choose.h"

enum { ROWS = 40, FOLDS = 2, ENTRIES_MAX = 8 };

typedef struct model {
    const char *name;
    double auc;
    size_t terms;
} model;

/* What serves when all of these took part with a standard error of .02. */
static const char *simplest_of(const model *models, size_t n)
{
    static double score[ROWS];
    double fold_metric[FOLDS] = {0};
    float y[ROWS];
    uint32_t row[ROWS], fold[ROWS];
    tdl_predict_target target = {.task = TDL_TASK_BINARY, .classes_n = 2, .y = y};
    tdl_entry entry[ENTRIES_MAX] = {0};
    tdl_contest contest = {.entry = entry, .entries_n = n, .folds_n = FOLDS, .scores_n = 1};
    tdl_contest_data data = {.target = &target,
                             .row = row,
                             .rows_n = ROWS,
                             .fold = fold,
                             .folds_n = FOLDS,
                             .metric = tdl_metric_default(TDL_METRIC_BINARY)};
    tdl_choice choice;
    tdl_report why;

    for (uint32_t i = 0; i < ROWS; i++) {
        y[i] = (float)(i / 2 % 2);
        row[i] = i;
        fold[i] = i % FOLDS;
    }
    for (size_t i = 0; i < n; i++)
        entry[i] = (tdl_entry){.ops = tdl_learner_find(tdl_str_of(models[i].name)),
                               .score = score,
                               .fold_metric = fold_metric,
                               .metric = models[i].auc,
                               .standard_error = 0.02,
                               .terms = models[i].terms};
    if (tdl_choose(&data, &contest, true, true, &choice, &why))
        fail_msg("%s", why.message);
    assert_false(choice.blend);
    assert_int_equal(choice.entries_n, 1);
    const char *name = entry[choice.entry[0]].ops->name;
    tdl_choice_release(&choice);
    return name;
}

#define SIMPLEST(...)                                                                              \
    simplest_of((const model[]){__VA_ARGS__}, sizeof((const model[]){__VA_ARGS__}) / sizeof(model))

static void logistic_comes_before_a_lasso_that_reads_as_many_columns(void **state)
{
    (void)state;
    assert_string_equal(SIMPLEST({"logistic", .800, 20}, {"lasso", .801, 20}, {"trees", .81, 20}),
                        "logistic");
}

static void a_lasso_that_reads_fewer_columns_comes_before_logistic(void **state)
{
    (void)state;
    assert_string_equal(SIMPLEST({"logistic", .800, 20}, {"lasso", .801, 6}, {"trees", .81, 20}),
                        "lasso");
}

static void a_tree_is_read_leaf_by_leaf(void **state)
{
    (void)state;
    assert_string_equal(SIMPLEST({"logistic", .80, 20}, {"tree", .80, 9}), "tree");
    assert_string_equal(SIMPLEST({"logistic", .80, 20}, {"tree", .80, 40}), "logistic");
}

static void floors_come_first_and_networks_last(void **state)
{
    (void)state;
    assert_string_equal(SIMPLEST({"constant", .80, 99}, {"naive_bayes", .80, 9},
                                 {"nearest", .80, 9}, {"logistic", .80, 9}),
                        "constant");
    assert_string_equal(
        SIMPLEST({"naive_bayes", .80, 99}, {"nearest", .80, 9}, {"logistic", .80, 9}),
        "naive_bayes");
    assert_string_equal(SIMPLEST({"nearest", .80, 99}, {"lasso", .80, 1}), "nearest");
    assert_string_equal(
        SIMPLEST({"mlp", .80, 1}, {"trees", .80, 1}, {"additive", .80, 99}, {"spline", .80, 99}),
        "spline");
    assert_string_equal(SIMPLEST({"mlp", .80, 1}, {"trees", .80, 99}), "trees");
}

static void what_is_worse_by_more_than_a_standard_error_is_not_taken(void **state)
{
    (void)state;
    assert_string_equal(SIMPLEST({"constant", .50, 1}, {"logistic", .779, 9}, {"trees", .80, 9}),
                        "trees");
    assert_string_equal(SIMPLEST({"constant", .50, 1}, {"logistic", .781, 9}, {"trees", .80, 9}),
                        "logistic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logistic_comes_before_a_lasso_that_reads_as_many_columns),
        cmocka_unit_test(a_lasso_that_reads_fewer_columns_comes_before_logistic),
        cmocka_unit_test(a_tree_is_read_leaf_by_leaf),
        cmocka_unit_test(floors_come_first_and_networks_last),
        cmocka_unit_test(what_is_worse_by_more_than_a_standard_error_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
