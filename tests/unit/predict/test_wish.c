/* What is wished of every learner's rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/wish.h"
#include "learn/kinds.h"

static tdl_wish read_wish(const char *prepare, const char *augment)
{
    tdl_wish wish;
    tdl_report why;

    if (tdl_wish_read(prepare, augment, &wish, &why))
        fail_msg("%s", why.message);
    return wish;
}

static void words_take_the_place_of_what_the_learner_asks_for(void **state)
{
    tdl_wish wish = read_wish("impute=mean,select=50,text=1024,winsor=.01", NULL);
    tdl_prepare_options linear = tdl_wish_prepare(&wish, &tdl_learner_logistic);
    tdl_prepare_options trees = tdl_wish_prepare(&wish, &tdl_learner_trees);

    (void)state;
    assert_int_equal(linear.impute, TDL_IMPUTE_MEAN);
    assert_int_equal(linear.select_max, 50);
    assert_int_equal(linear.text_buckets, 1024);
    assert_float_equal(linear.winsor, 0.01, 0);
    assert_int_equal(trees.impute, TDL_IMPUTE_NONE); // they know what missing is
}

static void groups_to_impute_by_are_columns_of_categories(void **state)
{
    tdl_wish wish = read_wish("winsor=.01,impute=group:region", NULL);
    tdl_column column[] = {{.name = "region", .type = TDL_COLUMN_CATEGORY, .level = (int32_t[]){0}},
                           {.name = "age", .type = TDL_COLUMN_NUMERIC, .number = (double[]){1}}};
    const tdl_frame frame = {.rows = 1, .column = column, .columns_n = 2};
    tdl_prepare_options options = tdl_wish_prepare(&wish, &tdl_learner_logistic);
    tdl_report why;

    (void)state;
    assert_int_equal(options.impute, TDL_IMPUTE_GROUP);
    assert_true(tdl_str_is(options.impute_group, "region"));
    assert_int_equal(tdl_wish_prepare(&wish, &tdl_learner_trees).impute, TDL_IMPUTE_NONE);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_BINARY, &frame, (bool[]){false, false}, &why),
                     TDL_OK);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_BINARY, &frame, (bool[]){true, false}, &why),
                     TDL_E_INVALID);
    wish.group = TDL_STR("age");
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_BINARY, &frame, (bool[]){false, false}, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.hint, "--types COLUMN=category"));
    wish.group = TDL_STR("planet");
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_BINARY, &frame, (bool[]){false, false}, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "there is no such column"));
}

static void the_lasso_selects_for_two_classes_and_for_numbers(void **state)
{
    tdl_wish wish = read_wish("select=l1", NULL);
    const tdl_frame none = {0};
    tdl_report why;

    (void)state;
    assert_true(wish.lasso);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_BINARY, &none, NULL, &why), TDL_OK);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_REGRESSION, &none, NULL, &why), TDL_OK);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_CLASSES, &none, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.hint, "select=permutation"));
}

static void nothing_wished_changes_nothing(void **state)
{
    tdl_wish wish = read_wish(NULL, "");
    tdl_prepare_options options = tdl_wish_prepare(&wish, &tdl_learner_logistic);
    const tdl_prepare_options *own = &tdl_learner_logistic.prepare;

    (void)state;
    assert_int_equal(options.impute, own->impute);
    assert_int_equal(options.select_max, own->select_max);
    assert_int_equal(options.text_buckets, own->text_buckets);
    assert_float_equal(options.winsor, own->winsor, 0);
    assert_int_equal(wish.augment.copies, 0);
}

static void words_that_cannot_be_are_named(void **state)
{
    static const struct {
        const char *prepare, *augment, *told;
    } cases[] = {{"impute=magic", NULL, "impute=magic"}, {"impute=group:", NULL, "impute=group:"},
                 {"select=0", NULL, "select=0"},         {"winsor=.6", NULL, "winsor=.6"},
                 {"colour=red", NULL, "colour=red"},     {"select", NULL, "select="},
                 {NULL, "smote=2", "smote=2"},           {NULL, "copies=1000", "copies=1000"},
                 {NULL, "noise=nan", "noise=nan"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_wish wish;
        tdl_report why = {0};

        assert_int_equal(tdl_wish_read(cases[i].prepare, cases[i].augment, &wish, &why),
                         TDL_E_INVALID);
        assert_non_null(strstr(why.message, cases[i].told));
        assert_true(why.hint[0]);
    }
}

/* The base rate is what a constant learns: with as many made rows of the rare class as there are of
 * the other it is one half. */
static void made_rows_are_learnt_from(void **state)
{
    enum { N = 40 };
    float number[N], y[N];
    const tdl_feature feature[] = {{"x", 0}};
    tdl_matrix x = {.rows = N, .cols = 1, .x = number, .feature = feature};
    const tdl_problem problem = {.task = TDL_TASK_BINARY, .classes_n = 2, .x = &x, .y = y};
    tdl_wish wish = read_wish(NULL, "smote=1");
    tdl_learner *learner = NULL;
    tdl_report why;
    double score[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        number[i] = (float)i;
        y[i] = i % 4 == 0;
    }
    assert_int_equal(
        tdl_wish_fit(&wish, &tdl_learner_constant, &problem, NULL, &learner, NULL, &why), TDL_OK);
    assert_int_equal(tdl_learner_score(learner, &x, NULL, score, &why), TDL_OK);
    assert_float_equal(score[0], 0, 0.05); // log odds
    tdl_learner_free(learner);
}

static void settings_are_numbers_and_texts(void **state)
{
    json_t *set = NULL,
           *expected = json_pack("{s:i,s:f,s:s}", "periodic", 16, "dropout", .25, "loss", "huber");
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_wish_read_set("periodic=16,dropout=.25,loss=huber", &set, &why), TDL_OK);
    assert_true(json_equal(set, expected));
    json_decref(set);
    json_decref(expected);
    assert_int_equal(tdl_wish_read_set(NULL, &set, &why), TDL_OK);
    assert_null(set);
    assert_int_equal(tdl_wish_read_set("periodic", &set, &why), TDL_E_INVALID);
    assert_int_equal(tdl_wish_read_set("=3", &set, &why), TDL_E_INVALID);
    assert_int_equal(tdl_wish_read_set("a=\xff", &set, &why), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_take_the_place_of_what_the_learner_asks_for),
        cmocka_unit_test(groups_to_impute_by_are_columns_of_categories),
        cmocka_unit_test(the_lasso_selects_for_two_classes_and_for_numbers),
        cmocka_unit_test(nothing_wished_changes_nothing),
        cmocka_unit_test(words_that_cannot_be_are_named),
        cmocka_unit_test(settings_are_numbers_and_texts),
        cmocka_unit_test(made_rows_are_learnt_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
