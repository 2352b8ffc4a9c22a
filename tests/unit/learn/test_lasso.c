#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/linear_model.h"
#include "made.h"

static made data;

static tdl_linear_model *fitted(tdl_task task, const char *setting, json_t **note)
{
    tdl_problem p = made_problem(&data, task);
    json_t *value = json_loads(setting, 0, NULL);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    if (tdl_learner_fit(tdl_learner_find(TDL_STR("lasso")), &p, value, &l, note, &why))
        fail_msg("%s", why.message);
    json_decref(value);
    return (tdl_linear_model *)l;
}

static void expect_weights(tdl_task task, const char *setting, const double expected[5])
{
    tdl_linear_model *m = fitted(task, setting, NULL);

    for (size_t i = 0; i < 5; i++) {
        if (!(fabs(m->w[i] - expected[i]) < 2e-7))
            fail_msg("%s: weight %zu is %.9g, not %.9g", setting, i, m->w[i], expected[i]);
        assert_int_equal(m->w[i] == 0, expected[i] == 0);
    }
    tdl_learner_free(&m->learner);
}

/* sklearn 1.2: Lasso(alpha=.3, tol=1e-14), ElasticNet(alpha=.3, l1_ratio=.5, tol=1e-14) */
static void squares_give_the_weights_of_sklearn(void **state)
{
    const double lasso[] = {1.7413850684, -0.7585459538, 0, 0, 1.6507020115587987};
    const double net[] = {1.6663658793, -0.776567193, 0, 0.0022373383, 1.6507009642385209};

    TDL_UNUSED(state);
    expect_weights(TDL_TASK_REGRESSION, "{\"lambda\": 0.3}", lasso);
    expect_weights(TDL_TASK_REGRESSION, "{\"lambda\": 0.3, \"mix\": 0.5}", net);
}

/* LogisticRegression(penalty="elasticnet", l1_ratio=1 and .5, C=1/5, solver="saga", tol=1e-14),
 * whose loss is a sum over 200 rows: lambda = 5 / 200 */
static void log_odds_give_the_weights_of_sklearn(void **state)
{
    const double lasso[] = {1.2091209641, -0.492030645, 0, 0, -0.211928022};
    const double net[] = {1.2015503273, -0.5135401152, 0.005739908, 0.0385150677, -0.2109112657};

    TDL_UNUSED(state);
    expect_weights(TDL_TASK_BINARY, "{\"lambda\": 0.025}", lasso);
    expect_weights(TDL_TASK_BINARY, "{\"lambda\": 0.025, \"mix\": 0.5}", net);
}

static void five_folds_keep_what_matters_and_drop_what_does_not(void **state)
{
    json_t *note = NULL;
    tdl_linear_model *m = fitted(TDL_TASK_REGRESSION, "{\"error\": 1}", &note);

    TDL_UNUSED(state);
    assert_true(m->w[0] > 1.5 && m->w[1] < -0.5);
    assert_true(m->w[2] == 0 && m->w[3] == 0);
    assert_int_equal(json_integer_value(json_object_get(note, "features")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(note, "selected"), 1)),
                        "x1");
    json_decref(note);
    tdl_learner_free(&m->learner);
}

static void a_constant_target_leaves_every_weight_at_zero(void **state)
{
    static made flat;
    tdl_problem p;
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    make(&flat);
    for (size_t i = 0; i < MADE_ROWS; i++)
        flat.value[i] = 2;
    p = made_problem(&flat, TDL_TASK_REGRESSION);
    assert_int_equal(made_fit(&p, "lasso", "", &l, NULL), TDL_OK);
    for (size_t j = 0; j < 4; j++)
        assert_true(((tdl_linear_model *)l)->w[j] == 0);
    assert_true(((tdl_linear_model *)l)->w[4] == 2);
    tdl_learner_free(l);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);
    tdl_pool *pool = tdl_pool_new(3);
    tdl_learner *one = NULL, *three = NULL, *again;

    TDL_UNUSED(state);
    assert_int_equal(made_fit(&p, "lasso", "", &one, NULL), TDL_OK);
    p.pool = pool;
    assert_int_equal(made_fit(&p, "lasso", "", &three, NULL), TDL_OK);
    assert_true(made_same_scores(one, three, &data.x));
    again = made_again(three, &data.x, NULL, NULL);
    assert_true(made_same_scores(one, again, &data.x));
    tdl_learner_free(one);
    tdl_learner_free(three);
    tdl_learner_free(again);
    tdl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_give_the_weights_of_sklearn),
        cmocka_unit_test(log_odds_give_the_weights_of_sklearn),
        cmocka_unit_test(five_folds_keep_what_matters_and_drop_what_does_not),
        cmocka_unit_test(a_constant_target_leaves_every_weight_at_zero),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
    };

    make(&data);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
