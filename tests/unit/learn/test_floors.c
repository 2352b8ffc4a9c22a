#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "made.h"

static made data;
static float moved[3 * MADE_COLS]; /* the first rows, + .1: on no training row */
static tdl_matrix queries = {.rows = 3, .cols = MADE_COLS, .x = moved};

static tdl_learner *fitted(tdl_task task, const char *name)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    if (made_fit(&p, name, "", &l, &why))
        fail_msg("%s", why.message);
    return l;
}

static void expect_scores(tdl_task task, const char *name, const tdl_matrix *x,
                          const double *expected, size_t n)
{
    tdl_learner *l = fitted(task, name);
    double *got = calloc(x->rows * l->scores_n, sizeof *got);

    assert_int_equal(tdl_learner_score(l, x, NULL, got, NULL), TDL_OK);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - expected[i]) < 1e-6))
            fail_msg("%s: score %zu is %.9g, not %.9g", name, i, got[i], expected[i]);
    tdl_learner_free(l);
    free(got);
}

/* numpy: y.mean(), log of it, quantile(method="hazen"); shares 97 of 200 and 63, 77, 60 with half
 * a row, or one row in equal parts, more */
static void the_constant_is_what_targets_are_as_a_whole(void **state)
{
    const double binary[] = {log(97.5 / 103.5)}, mean[] = {1.784243612382561};
    const double count[] = {log(1.345)};
    const double quantile[] = {-1.6297706961631775, 1.71195650100708, 5.280252933502197};
    const double classes[] = {log((63 + 1 / 3.) / 201), log((77 + 1 / 3.) / 201),
                              log((60 + 1 / 3.) / 201)};

    TDL_UNUSED(state);
    expect_scores(TDL_TASK_BINARY, "constant", &data.x, binary, 1);
    expect_scores(TDL_TASK_REGRESSION, "constant", &data.x, mean, 1);
    expect_scores(TDL_TASK_COUNT, "constant", &data.x, count, 1);
    expect_scores(TDL_TASK_QUANTILE, "constant", &data.x, quantile, 3);
    expect_scores(TDL_TASK_CLASSES, "constant", &data.x, classes, 3);
}

/* sklearn 1.2: GaussianNB().fit(x, y)._joint_log_likelihood(x[:2]) + log(200) */
static void naive_bayes_is_that_of_sklearn(void **state)
{
    const double expected[] = {-3.7299409714374354, -1.5258954291501983, -2.687160565013433,
                               -1.898547471711498,  -1.1253288759807774, -3.4788326454723153};

    TDL_UNUSED(state);
    expect_scores(TDL_TASK_CLASSES, "naive_bayes", &data.x, expected, 6);
}

/* By hand: 4 rows of class 1 with levels a a a b, 2 of class 0 with levels b c. Smoothing 1 over 3
 * levels: P(a|1) = 4/7, P(a|0) = 1/5. A row of none of them knows only the shares. */
static void levels_of_one_column_count_once(void **state)
{
    float x[] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    float y[] = {1, 1, 1, 1, 0, 0};
    const tdl_feature feature[] = {{"c=a", 0}, {"c=b", 0}, {"c=c", 0}};
    tdl_matrix m = {.rows = 6, .cols = 3, .x = x, .feature = feature};
    tdl_problem p = {.task = TDL_TASK_BINARY, .classes_n = 2, .x = &m, .y = y};
    tdl_learner *l = NULL;
    double score[7];

    TDL_UNUSED(state);
    assert_int_equal(made_fit(&p, "naive_bayes", "", &l, NULL), TDL_OK);
    m.rows = 7;
    assert_int_equal(tdl_learner_score(l, &m, NULL, score, NULL), TDL_OK);
    assert_true(fabs(score[0] - log(2 * (4. / 7) / (1. / 5))) < 1e-12);
    assert_true(fabs(score[6] - log(2)) < 1e-12);
    tdl_learner_free(l);
}

/* KNeighborsRegressor(15), KNeighborsClassifier(15).predict_proba, one row of the overall shares
 * added; numpy quantile(method="hazen") of the same neighbours */
static void neighbours_are_those_of_sklearn(void **state)
{
    const double mean[] = {2.596739633878072, 1.819458583990733, -0.804987799624602};
    const double share[] = {1, 8, 6, 2, 9, 4, 11, 4, 0}, all[] = {63, 77, 60};
    const double quantile[] = {1.0227822065353394,  2.5064938068389893, 4.384165287017822,
                               -0.9609421491622925, 1.620819330215454,  4.384165287017822};
    double classes[9];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 9; i++)
        classes[i] = log((share[i] + all[i % 3] / 200) / 16);
    expect_scores(TDL_TASK_REGRESSION, "nearest", &queries, mean, 3);
    expect_scores(TDL_TASK_CLASSES, "nearest", &queries, classes, 9);
    expect_scores(TDL_TASK_QUANTILE, "nearest", &queries, quantile, 6);
}

static void what_was_saved_scores_the_same_bits(void **state)
{
    const char *const name[] = {"constant", "naive_bayes", "nearest"};
    const tdl_task task[] = {TDL_TASK_BINARY,   TDL_TASK_CLASSES, TDL_TASK_ORDINAL,
                             TDL_TASK_QUANTILE, TDL_TASK_COUNT,   TDL_TASK_REGRESSION,
                             TDL_TASK_RANKING};

    TDL_UNUSED(state);
    for (size_t k = 0; k < 3; k++)
        for (size_t t = 0; t < 7; t++) {
            tdl_learner *l, *again;
            tdl_report why = {0};

            if (k == 1 && t > 2)
                continue;
            l = fitted(task[t], name[k]);
            again = made_again(l, &data.x, NULL, &why);
            if (!again)
                fail_msg("%s", why.message);
            assert_true(made_same_scores(l, again, &data.x));
            tdl_learner_free(l);
            tdl_learner_free(again);
        }
}

static void spoil_the_middle(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    memset(bytes->at + bytes->len - 160, 0xff, 160);
}

static void claim_many_neighbours(json_t *about, tdl_buf *bytes)
{
    json_object_set_new(about, "k", json_integer(1000));
    json_object_set_new(about, "scores", json_integer(77));
    TDL_UNUSED(bytes);
}

static void hostile_files_are_refused(void **state)
{
    const char *const name[] = {"constant", "naive_bayes", "nearest"};

    TDL_UNUSED(state);
    for (size_t k = 0; k < 3; k++) {
        tdl_learner *l = fitted(k ? TDL_TASK_CLASSES : TDL_TASK_QUANTILE, name[k]);
        tdl_report why = {0};

        assert_null(made_again(l, &data.x, claim_many_neighbours, &why));
        assert_true(why.message[0]);
        if (k)
            assert_null(made_again(l, &data.x, spoil_the_middle, &why));
        tdl_learner_free(l);
    }
}

static void attributions_add_up_to_the_score(void **state)
{
    tdl_learner *bayes = fitted(TDL_TASK_BINARY, "naive_bayes");
    tdl_learner *flat = fitted(TDL_TASK_BINARY, "constant");

    TDL_UNUSED(state);
    assert_true(made_attribution_error(bayes, &data.x, &queries, 0) < 1e-12);
    assert_true(made_attribution_error(bayes, &data.x, NULL, 0) < 1e-12);
    assert_true(made_attribution_error(flat, &data.x, NULL, 0) == 0);
    tdl_learner_free(bayes);
    tdl_learner_free(flat);
}

static void a_missing_number_is_no_evidence(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_BINARY, "naive_bayes");
    float gaps[MADE_COLS] = {NAN, NAN, NAN, NAN};
    tdl_matrix m = {.rows = 1, .cols = MADE_COLS, .x = gaps};
    double score;

    TDL_UNUSED(state);
    assert_int_equal(tdl_learner_score(l, &m, NULL, &score, NULL), TDL_OK);
    assert_true(fabs(score - log(97. / 103)) < 1e-12);
    tdl_learner_free(l);
}

static void nearest_refuses_more_rows_than_it_can_search(void **state)
{
    const tdl_problem p = made_problem(&data, TDL_TASK_REGRESSION);
    const tdl_learner_ops *nearest = tdl_learner_find(TDL_STR("nearest"));
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_true(nearest->suits(&p, 20000, 4, &why));
    assert_false(nearest->suits(&p, 20001, 4, &why));
    assert_non_null(strstr(why.message, "20001"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_constant_is_what_targets_are_as_a_whole),
        cmocka_unit_test(naive_bayes_is_that_of_sklearn),
        cmocka_unit_test(levels_of_one_column_count_once),
        cmocka_unit_test(neighbours_are_those_of_sklearn),
        cmocka_unit_test(what_was_saved_scores_the_same_bits),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(attributions_add_up_to_the_score),
        cmocka_unit_test(a_missing_number_is_no_evidence),
        cmocka_unit_test(nearest_refuses_more_rows_than_it_can_search),
    };

    make(&data);
    for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++)
        moved[i] = data.x_of[i] + 0.1F;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
