/* What each column adds to an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/explain.h"
#include "made_table.h"

enum { ROWS = 300 };

static size_t place_of(const tdl_predictor *p, const char *column)
{
    size_t i = 0;

    while (i < p->columns_n && strcmp(p->column[i], column) != 0)
        i++;
    assert_true(i < p->columns_n);
    return i;
}

/* Base and shares add up to the score, for each output; gives the name of the method. */
static void add_up(const char *columns, const char *target, const char *models, const char *method,
                   double bound)
{
    tdl_frame frame = made_frame(ROWS, columns);
    tdl_predictor *p = made_predictor(&frame, target, models, &(tdl_predict_options){.folds = 3});
    double *score = calloc(ROWS * p->scores_n, sizeof *score);
    tdl_report why;

    assert_int_equal(tdl_predictor_score(p, &frame, NULL, score, NULL, NULL), TDL_OK);
    for (size_t which = 0; which < p->scores_n; which++) {
        tdl_explanation e;

        if (tdl_predictor_explain(p, &frame, which, NULL, &e, &why))
            fail_msg("%s", why.message);
        if (method && strcmp(e.method, method) != 0)
            fail_msg("%s is explained by %s", models, e.method);
        assert_true(e.error <= bound);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = e.base[r];

            for (size_t i = 0; i < e.columns_n; i++)
                sum += e.share[r * e.columns_n + i];
            assert_true(fabs(sum - score[r * p->scores_n + which]) <=
                        bound * fmax(1, fabs(score[r * p->scores_n + which])));
        }
        tdl_explanation_release(&e);
    }
    free(score);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void shares_add_up_to_the_score(void **state)
{
    (void)state;
    add_up("xzcy", "y", "logistic", NULL, 1e-6);
    add_up("xzcv", "v", "linear", "linear", 1e-6);
    add_up("xzcv", "v", "lasso", NULL, 1e-6);
    add_up("xzgcv", "v", "trees", NULL, 1e-6);
    add_up("xzck", "k", "logistic,tree", NULL, 1e-6);
    add_up("xzcy", "y", "additive,spline,tree", NULL, 1e-6);
}

/* naive Bayes and neighbours have no attributions of their own: exact, for few columns. */
static void models_without_attributions_get_shapley_values(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p = made_predictor(&frame, "y", "nearest,tree,logistic,naive_bayes",
                                      &(tdl_predict_options){.folds = 3});

    (void)state;
    for (size_t j = 0; j < p->members_n; j++)
        if (!p->member[j].learner->ops->attribute) {
            tdl_explanation e;
            assert_int_equal(tdl_predictor_explain(p, &frame, 0, NULL, &e, NULL), TDL_OK);
            assert_non_null(strstr(e.method, "shapley"));
            tdl_explanation_release(&e);
        }
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    add_up("xzcv", "v", "nearest", NULL, 1e-6);
    add_up("xzcy", "y", "naive_bayes", NULL, 1e-6);
}

/* v is x + z / 2 + (c is a) + noise: a linear model's shares have those slopes. */
static void shares_of_a_linear_model_are_its_slopes(void **state)
{
    tdl_frame frame = made_frame(2000, "xzcv");
    tdl_predictor *p = made_predictor(&frame, "v", "linear", NULL);
    size_t x = place_of(p, "x"), z = place_of(p, "z"), n = p->columns_n;
    tdl_explanation e;

    (void)state;
    assert_int_equal(tdl_predictor_explain(p, &frame, 0, NULL, &e, NULL), TDL_OK);
    for (size_t r = 1; r < 50; r++) {
        double dx = frame.column[0].number[r] - frame.column[0].number[0];
        double dz = frame.column[1].number[r] - frame.column[1].number[0];

        // standard error of a slope: 2/sqrt(3) / sqrt(2000) / (2/sqrt(3)) = .022
        assert_true(fabs((e.share[r * n + x] - e.share[x]) - dx) < 0.1 * fabs(dx) + 1e-5);
        assert_true(fabs((e.share[r * n + z] - e.share[z]) - dz / 2) < 0.1 * fabs(dz) + 1e-5);
    }
    tdl_explanation_release(&e);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void importance_puts_columns_in_their_order(void **state)
{
    tdl_frame frame = made_frame(1000, "tzxv");
    tdl_predictor *p = made_predictor(&frame, "v", "linear,tree", NULL);
    double importance[8];

    (void)state;
    assert_int_equal(
        tdl_predictor_importance(p, &frame, NULL, frame.rows, 200, NULL, importance, NULL), TDL_OK);
    assert_true(importance[place_of(p, "x")] > importance[place_of(p, "z")]);
    assert_true(importance[place_of(p, "z")] > importance[place_of(p, "coin")]);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void the_order_is_by_size_and_keeps_equals(void **state)
{
    double share[] = {0.5, -2, 0, 2, 1};
    const tdl_explanation e = {.rows = 1, .columns_n = 5, .share = share};
    static const size_t wanted[] = {1, 3, 4, 0, 2};
    size_t order[5];

    (void)state;
    tdl_explanation_order(&e, 0, order);
    assert_memory_equal(order, wanted, sizeof wanted);
}

static void dependence_rises_where_the_target_does(void **state)
{
    tdl_frame frame = made_frame(600, "xzcy");
    tdl_predictor *p =
        made_predictor(&frame, "y", "logistic", &(tdl_predict_options){.no_blend = true});
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    const json_t *point;
    size_t i;
    double last = -1, last_value = -INFINITY;

    (void)state;
    assert_int_equal(tdl_predictor_dependence(p, &frame, 0, 0, NULL, &w, NULL), TDL_OK);
    json_t *points = json_loadb(text.at, text.len, 0, NULL);
    assert_true(json_array_size(points) > 10);
    json_array_foreach(points, i, point)
    {
        double output = json_number_value(json_object_get(point, "output"));
        double value = json_number_value(json_object_get(point, "value"));
        double low = json_number_value(json_object_get(point, "low"));
        double high = json_number_value(json_object_get(point, "high"));

        assert_true(output > last && value > last_value);
        assert_true(low <= output + 0.2 && high >= output - 0.2 && low <= high);
        last = output;
        last_value = value;
    }
    json_decref(points);
    tdl_buf_clear(&text);
    w = (tdl_jw){.out = &text};
    assert_int_equal(tdl_predictor_dependence(p, &frame, 2, 0, NULL, &w, NULL), TDL_OK);
    points = json_loadb(text.at, text.len, 0, NULL);
    assert_int_equal(json_array_size(points), 3); // a, b, c
    json_decref(points);
    tdl_buf_release(&text);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void threads_change_no_share(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p = made_predictor(&frame, "y", "tree,nearest,logistic", NULL);
    tdl_pool *pool = tdl_pool_new(2);
    tdl_explanation a, b;

    (void)state;
    assert_int_equal(tdl_predictor_explain(p, &frame, 0, NULL, &a, NULL), TDL_OK);
    assert_int_equal(tdl_predictor_explain(p, &frame, 0, pool, &b, NULL), TDL_OK);
    assert_memory_equal(a.share, b.share, ROWS * a.columns_n * sizeof *a.share);
    assert_memory_equal(a.base, b.base, ROWS * sizeof *a.base);
    assert_int_equal(tdl_predictor_explain(p, &frame, 1, NULL, &(tdl_explanation){0}, NULL),
                     TDL_E_INVALID);
    tdl_explanation_release(&a);
    tdl_explanation_release(&b);
    tdl_pool_free(pool);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_to_the_score),
        cmocka_unit_test(models_without_attributions_get_shapley_values),
        cmocka_unit_test(shares_of_a_linear_model_are_its_slopes),
        cmocka_unit_test(importance_puts_columns_in_their_order),
        cmocka_unit_test(the_order_is_by_size_and_keeps_equals),
        cmocka_unit_test(dependence_rises_where_the_target_does),
        cmocka_unit_test(threads_change_no_share),
    };
    return cmocka_run_group_tests_name("predict/explain", tests, NULL, NULL);
}
