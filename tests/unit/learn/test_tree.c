#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/tree.h"
#include "made.h"

static made data;

static tdl_learner *fitted(tdl_task task, const char *setting)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    if (made_fit(&p, "tree", setting, &l, &why))
        fail_msg("%s", why.message);
    return l;
}

/* sklearn 1.2: DecisionTreeRegressor(max_depth=3, min_samples_leaf=20).fit(x, y): 13 nodes, sums of
 * predictions and of their squares over the training rows, thresholds */
static void squares_grow_the_tree_of_sklearn(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_REGRESSION, "{\"depth\": 3, \"prune\": 0}");
    const tdl_tree *t = (const tdl_tree *)l;
    double score[MADE_ROWS], sum = 0, squares = 0;

    TDL_UNUSED(state);
    assert_int_equal(t->nodes_n, 13);
    assert_true(t->feature[0] == 0 && fabs(t->threshold[0] + 0.0922918) < 1e-6);
    assert_true(t->feature[1] == 0 && fabs(t->threshold[1] + 0.8551599) < 1e-6);
    assert_true(t->feature[2] == 1 && fabs(t->threshold[2] + 0.0882586) < 1e-6);
    assert_int_equal(tdl_learner_score(l, &data.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++) {
        sum += score[i];
        squares += score[i] * score[i];
    }
    assert_true(fabs(sum - 356.8487224765122) < 1e-9);
    assert_true(fabs(squares - 1755.553152325843) < 1e-9);
    tdl_learner_free(l);
}

/* DecisionTreeClassifier(max_depth=3, min_samples_leaf=20): 11 nodes. The sum of squared shares is
 * 119.249; ours have one row of the overall shares more. */
static void gini_grows_the_tree_of_sklearn(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_CLASSES, "{\"depth\": 3, \"prune\": 0}");
    const tdl_tree *t = (const tdl_tree *)l;
    const double all[] = {63. / 200, 77. / 200, 60. / 200};
    double score[MADE_ROWS * 3], squares = 0;

    TDL_UNUSED(state);
    assert_int_equal(t->nodes_n, 11);
    assert_true(t->feature[0] == 0 && fabs(t->threshold[0] + 0.3961338) < 1e-6);
    assert_int_equal(tdl_learner_score(l, &data.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++) {
        size_t at = 0;

        while (t->feature[at] >= 0)
            at = (size_t)(data.x_of[i * MADE_COLS + (size_t)t->feature[at]] < t->threshold[at]
                              ? t->left[at]
                              : t->right[at]);
        for (size_t c = 0; c < 3; c++) {
            double n = t->rows[at];
            double share = (exp(score[i * 3 + c]) * (n + 1) - all[c]) / n;

            squares += share * share;
        }
    }
    assert_true(fabs(squares - 119.24904057579381) < 1e-6);
    tdl_learner_free(l);
}

/* cost_complexity_pruning_path of the regressor, by its variance: 0 .0238 .0294 .0361 .0774 .0810
 * .5565, a leaf less at each */
static void pruning_takes_the_weakest_links_first(void **state)
{
    const struct {
        const char *setting;
        size_t leaves;
    } at[] = {{"{\"depth\": 3, \"prune\": 0.02}", 7}, {"{\"depth\": 3, \"prune\": 0.025}", 6},
              {"{\"depth\": 3, \"prune\": 0.05}", 4}, {"{\"depth\": 3, \"prune\": 0.08}", 3},
              {"{\"depth\": 3, \"prune\": 0.1}", 2},  {"{\"depth\": 3, \"prune\": 0.6}", 1}};

    TDL_UNUSED(state);
    for (size_t k = 0; k < 6; k++) {
        tdl_learner *l = fitted(TDL_TASK_REGRESSION, at[k].setting);

        if ((((const tdl_tree *)l)->nodes_n + 1) / 2 != at[k].leaves)
            fail_msg("%s: %zu nodes", at[k].setting, ((const tdl_tree *)l)->nodes_n);
        tdl_learner_free(l);
    }
}

static void noise_is_pruned_to_the_root(void **state)
{
    static made noise;
    tdl_problem p;
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    make(&noise);
    for (size_t i = 0; i < MADE_ROWS; i++)
        noise.value[i] = (float)made_uniform(77, i);
    p = made_problem(&noise, TDL_TASK_REGRESSION);
    assert_int_equal(made_fit(&p, "tree", "", &l, NULL), TDL_OK);
    assert_true(((const tdl_tree *)l)->nodes_n <= 3);
    tdl_learner_free(l);
}

static void a_missing_number_goes_where_it_fits(void **state)
{
    static made gaps;
    tdl_problem p;
    tdl_learner *l = NULL;
    double score[MADE_ROWS];
    float gap[] = {NAN, NAN, NAN, NAN};
    tdl_matrix one = {.rows = 1, .cols = MADE_COLS, .x = gap};

    TDL_UNUSED(state);
    make(&gaps);
    for (size_t i = 0; i < MADE_ROWS; i++) {
        gaps.value[i] = gaps.x_of[i * MADE_COLS] > 1;
        if (i % 4 == 0) {
            gaps.x_of[i * MADE_COLS] = NAN;
            gaps.value[i] = 1;
        }
    }
    p = made_problem(&gaps, TDL_TASK_REGRESSION);
    assert_int_equal(made_fit(&p, "tree", "", &l, NULL), TDL_OK);
    assert_int_equal(tdl_learner_score(l, &gaps.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++)
        assert_true(score[i] == (double)gaps.value[i]);
    assert_int_equal(tdl_learner_score(l, &one, NULL, score, NULL), TDL_OK);
    assert_true(score[0] == 1);
    tdl_learner_free(l);
}

static void it_prints_its_questions(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_REGRESSION, "{\"depth\": 1, \"prune\": 0}");
    tdl_buf out = {0};

    TDL_UNUSED(state);
    assert_true(tdl_tree_print(l, data.feature, &out));
    assert_non_null(strstr(out.at, "x0 < -0.0922918 or missing\n  91 rows: ") ||
                            strstr(out.at, "x0 < -0.0922918\n  91 rows: ")
                        ? out.at
                        : NULL);
    assert_non_null(strstr(out.at, "x0 >= -0.0922918"));
    tdl_buf_release(&out);
    tdl_learner_free(l);
}

static void what_was_saved_scores_the_same_bits(void **state)
{
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_CLASSES, TDL_TASK_COUNT,
                             TDL_TASK_REGRESSION};

    TDL_UNUSED(state);
    for (size_t t = 0; t < 4; t++) {
        tdl_learner *l = fitted(task[t], ""), *again;
        tdl_report why = {0};

        again = made_again(l, &data.x, NULL, &why);
        if (!again)
            fail_msg("%s", why.message);
        assert_true(made_same_scores(l, again, &data.x));
        for (size_t which = 0; which < l->scores_n; which++)
            assert_true(made_attribution_error(l, &data.x, NULL, which) < 1e-12);
        tdl_learner_free(l);
        tdl_learner_free(again);
    }
}

/* Children are set to the node itself: a walk would never end. */
static void tie_a_loop(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    for (size_t i = bytes->len - 4 * 13 * 4; i < bytes->len; i++)
        bytes->at[i] = 0;
}

static void ask_for_features_there_are_not(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    for (size_t i = bytes->len - 4 * 13 * 4; i < bytes->len; i++)
        bytes->at[i] = 0x11;
}

static void hostile_files_are_refused(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_REGRESSION, "{\"depth\": 3, \"prune\": 0}");
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_null(made_again(l, &data.x, tie_a_loop, &why));
    assert_non_null(strstr(why.message, "child before itself"));
    assert_null(made_again(l, &data.x, ask_for_features_there_are_not, &why));
    tdl_learner_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_grow_the_tree_of_sklearn),
        cmocka_unit_test(gini_grows_the_tree_of_sklearn),
        cmocka_unit_test(pruning_takes_the_weakest_links_first),
        cmocka_unit_test(noise_is_pruned_to_the_root),
        cmocka_unit_test(a_missing_number_goes_where_it_fits),
        cmocka_unit_test(it_prints_its_questions),
        cmocka_unit_test(what_was_saved_scores_the_same_bits),
        cmocka_unit_test(hostile_files_are_refused),
    };

    make(&data);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
