/* What a target column means to a learner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "made_table.h"

static void classes_are(const tdl_predict_target *t, const char *const *names)
{
    size_t n = 0;

    for (; names[n]; n++) {
        assert_true(n < t->classes_n);
        assert_string_equal(t->class_name[n], names[n]);
    }
    assert_int_equal(t->classes_n, n);
}

static void expect(const char *cells, const tdl_target_wish *wish, tdl_task task,
                   const char *const *names)
{
    tdl_frame frame = test_frame(cells);
    tdl_predict_target t;
    tdl_target_wish all = *wish;
    tdl_report why;

    all.column = TDL_STR("y");
    if (tdl_predict_target_make(&frame, &all, &t, &why))
        fail_msg("%s", why.message);
    assert_int_equal(t.task, task);
    classes_are(&t, names);
    tdl_predict_target_release(&t);
    tdl_frame_release(&frame);
}

static void refuse(const char *cells, const tdl_target_wish *wish, const char *told)
{
    tdl_frame frame = test_frame(cells);
    tdl_predict_target t;
    tdl_target_wish all = *wish;
    tdl_report why = {0};

    if (!all.column.len)
        all.column = TDL_STR("y");
    assert_int_equal(tdl_predict_target_make(&frame, &all, &t, &why), TDL_E_INVALID);
    if (!strstr(why.message, told))
        fail_msg("\"%s\" does not tell of \"%s\"", why.message, told);
    tdl_frame_release(&frame);
}

static void the_cells_choose_the_task(void **state)
{
    const tdl_target_wish none = {0};

    (void)state;
    expect("y\nno\nyes\nno\n", &none, TDL_TASK_BINARY, (const char *[]){"no", "yes", NULL});
    expect("y\nb\na\nc\n", &none, TDL_TASK_CLASSES, (const char *[]){"a", "b", "c", NULL});
    expect("y\n1\n0\n1\n", &none, TDL_TASK_BINARY, (const char *[]){"0", "1", NULL});
    expect("y\n1\n2\n3\n", &none, TDL_TASK_REGRESSION, (const char *[]){NULL});
    expect("y\n5\n5\n5\n", &none, TDL_TASK_REGRESSION, (const char *[]){NULL});
}

static void the_positive_class_stands_second(void **state)
{
    const tdl_target_wish none = {0}, no = {.positive = TDL_STR("no")};

    (void)state;
    expect("y\nYes\nNo\nYes\n", &none, TDL_TASK_BINARY, (const char *[]){"No", "Yes", NULL});
    expect("y\nbad\ngood\nbad\n", &none, TDL_TASK_BINARY, (const char *[]){"good", "bad", NULL});
    // neither is known: the rarer one
    expect("y\np\nq\nq\n", &none, TDL_TASK_BINARY, (const char *[]){"q", "p", NULL});
    expect("y\nyes\nno\nyes\n", &no, TDL_TASK_BINARY, (const char *[]){"yes", "no", NULL});
    refuse("y\nyes\nno\n", &(tdl_target_wish){.positive = TDL_STR("ja")},
           "the target is \"no\" or \"yes\", never \"ja\"");
}

static void numbers_as_classes_stand_in_order_of_value(void **state)
{
    const tdl_target_wish wish = {.task = "classes"}, ordinal = {.task = "ordinal"};

    (void)state;
    expect("y\n10\n9\n2\n", &wish, TDL_TASK_CLASSES, (const char *[]){"2", "9", "10", NULL});
    expect("y\n10\n9\n2\n", &ordinal, TDL_TASK_ORDINAL, (const char *[]){"2", "9", "10", NULL});
}

static void an_ordinal_target_is_ordered_as_asked(void **state)
{
    tdl_target_wish wish = {.task = "ordinal", .classes = "low,mid,high"};

    (void)state;
    expect("y\nhigh\nlow\nmid\n", &wish, TDL_TASK_ORDINAL,
           (const char *[]){"low", "mid", "high", NULL});
    wish.classes = "low,high";
    refuse("y\nhigh\nlow\nmid\n", &wish, "--classes: \"mid\" is missing");
    wish.classes = "low,mid,top";
    refuse("y\nhigh\nlow\nmid\n", &wish, "--classes: \"top\" is no value of the target");
    wish.classes = "low,low,mid";
    refuse("y\nhigh\nlow\nmid\n", &wish, "--classes: \"low\" is no value of the target");
}

static void a_loss_names_its_task_and_what_it_needs(void **state)
{
    static const char *const none[] = {NULL};
    tdl_frame frame = test_frame("y\n0\n2.5\n3\n");
    tdl_predict_target t, again = {0};
    tdl_target_wish wish = {.column = TDL_STR("y"), .loss = "tweedie:1.3"};

    (void)state;
    expect("y\n1\n2\n3\n", &(tdl_target_wish){.loss = "huber"}, TDL_TASK_REGRESSION, none);
    expect("y\n1\n0\n1\n", &(tdl_target_wish){.loss = "poisson"}, TDL_TASK_COUNT, none);
    refuse("y\n1\n2\n3\n", &(tdl_target_wish){.loss = "hubert"}, "no loss \"hubert\"");
    refuse("y\n1\n2\n3\n", &(tdl_target_wish){.loss = "huber:2"}, "no loss \"huber:2\"");
    refuse("y\n1\n2\n3\n", &(tdl_target_wish){.loss = "tweedie:2"}, "loss tweedie:2");
    refuse("y\na\nb\nc\n", &(tdl_target_wish){.loss = "squared"}, "not a column of numbers");
    refuse("y\n1\n2\n3\n", &(tdl_target_wish){.loss = "huber", .task = "count"},
           "loss huber is of task regression");
    refuse("y\n-1\n2\n3\n", &(tdl_target_wish){.loss = "tweedie"}, "task count: row 1 has -1");
    assert_int_equal(tdl_predict_target_make(&frame, &wish, &t, NULL), TDL_OK);
    json_t *saved = tdl_predict_target_save(&t);
    assert_int_equal(tdl_predict_target_load(saved, &again, NULL), TDL_OK);
    assert_true(again.aim == TDL_AIM_TWEEDIE && again.power == 1.3);
    tdl_predict_target_release(&again);
    json_object_set_new(saved, "power", json_real(3));
    assert_int_equal(tdl_predict_target_load(saved, &again, NULL), TDL_E_CORRUPT);
    json_object_set_new(saved, "loss", json_string("huber")); // of a count
    assert_int_equal(tdl_predict_target_load(saved, &again, NULL), TDL_E_CORRUPT);
    json_decref(saved);
    tdl_predict_target_release(&t);
    tdl_frame_release(&frame);
}

static void what_cannot_be_learnt_is_named(void **state)
{
    static char many[20000];

    (void)state;
    refuse("y\na\na\n", &(tdl_target_wish){0}, "column y is \"a\" in every row");
    refuse("x,y\n1,\n2,\n", &(tdl_target_wish){0}, "column y: every cell is missing");
    refuse("y\n1\n2\n", &(tdl_target_wish){.column = TDL_STR("q")}, "there is no column \"q\"");
    refuse("y\na\nb\nc\n", &(tdl_target_wish){.task = "binary"}, "y has 3 different values");
    refuse("y\na\nb\nc\n", &(tdl_target_wish){.task = "regression"}, "not a column of numbers");
    refuse("y\n1\n2\n-3\n", &(tdl_target_wish){.task = "count"}, "row 3 has -3");
    refuse("y\n1\n2\n1e39\n", &(tdl_target_wish){0}, "row 3 has 1e+39");
    refuse("y\n1\n2\n", &(tdl_target_wish){.task = "guess"}, "there is no task \"guess\"");
    refuse("y\n5\n5\n", &(tdl_target_wish){.task = "classes"}, "has one value only");
    refuse("x,y\n", &(tdl_target_wish){0}, "there are no rows to learn from");
    strcpy(many, "y\n");
    for (int i = 0; i <= TDL_PREDICT_CLASSES_MAX; i++)
        snprintf(many + strlen(many), 20, "a%d\n", i);
    refuse(many, &(tdl_target_wish){0}, "more than 1000 classes");
}

static void missing_cells_are_unknown(void **state)
{
    tdl_frame frame = test_frame("x,y\n1,a\n2,\n3,b\n4,NA\n");
    tdl_predict_target t = made_target(&frame, "y", NULL);

    (void)state;
    assert_int_equal(t.unknown, 2);
    assert_true(isnan(t.y[1]) && isnan(t.y[3]));
    assert_true(t.y[0] + t.y[2] == 1);
    tdl_predict_target_release(&t);
    tdl_frame_release(&frame);
}

static void classes_are_read_from_other_tables_by_name(void **state)
{
    tdl_frame frame = test_frame("y\na\nb\nc\n"), other = test_frame("w,y\n1,c\n2,new\n3,a\n4,\n");
    tdl_frame without = test_frame("w\n1\n");
    tdl_predict_target t = made_target(&frame, "y", NULL);
    float y[4];

    (void)state;
    assert_true(tdl_predict_target_read(&t, &other, y));
    assert_true(y[0] == 2 && isnan(y[1]) && y[2] == 0 && isnan(y[3]));
    assert_false(tdl_predict_target_read(&t, &without, y));
    tdl_predict_target_release(&t);
    tdl_frame_release(&frame);
    tdl_frame_release(&other);
    tdl_frame_release(&without);
}

static void what_was_saved_loads_as_the_same(void **state)
{
    tdl_frame frame = test_frame("y,n\na,1\nb,2\nc,3\n");
    tdl_predict_target t = made_target(&frame, "y", NULL), again;
    tdl_report why;

    (void)state;
    json_t *saved = tdl_predict_target_save(&t);
    assert_int_equal(tdl_predict_target_load(saved, &again, &why), TDL_OK);
    assert_int_equal(again.task, t.task);
    assert_string_equal(again.column, "y");
    classes_are(&again, (const char *[]){"a", "b", "c", NULL});
    json_decref(saved);
    tdl_predict_target_release(&again);
    tdl_predict_target_release(&t);
    t = made_target(&frame, "n", "quantile");
    saved = tdl_predict_target_save(&t);
    assert_int_equal(tdl_predict_target_load(saved, &again, &why), TDL_OK);
    assert_int_equal(again.quantiles_n, 3);
    assert_true(again.quantile[0] == 0.1 && again.quantile[2] == 0.9);
    json_decref(saved);
    tdl_predict_target_release(&again);
    tdl_predict_target_release(&t);
    tdl_frame_release(&frame);
}

static void hostile_targets_are_refused(void **state)
{
    static const char *const cases[] = {
        "null",
        "[]",
        "{}",
        "{\"column\":\"\",\"task\":\"binary\",\"classes\":[\"a\",\"b\"],\"quantiles\":[]}",
        "{\"column\":7,\"task\":\"binary\",\"classes\":[\"a\",\"b\"],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"what\",\"classes\":[],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"binary\",\"classes\":[\"a\"],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"binary\",\"classes\":[],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"classes\",\"classes\":[\"a\",7],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"binary\",\"classes\":[\"a\",\"b\",\"c\"],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"regression\",\"classes\":[\"a\",\"b\"],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"regression\",\"classes\":[],\"quantiles\":[0.5]}",
        "{\"column\":\"y\",\"task\":\"quantile\",\"classes\":[],\"quantiles\":[]}",
        "{\"column\":\"y\",\"task\":\"quantile\",\"classes\":[],\"quantiles\":[0.9,0.1]}",
        "{\"column\":\"y\",\"task\":\"quantile\",\"classes\":[],\"quantiles\":[\"0.5\"]}",
        "{\"column\":\"y\",\"task\":\"quantile\",\"classes\":[],\"quantiles\":[0,0.5,1]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *saved = json_loads(cases[i], JSON_DECODE_ANY, NULL);
        tdl_predict_target t = {0};
        tdl_report why = {0};

        if (tdl_predict_target_load(saved, &t, &why) != TDL_E_CORRUPT)
            fail_msg("%s was taken", cases[i]);
        assert_true(why.message[0]);
        json_decref(saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cells_choose_the_task),
        cmocka_unit_test(the_positive_class_stands_second),
        cmocka_unit_test(numbers_as_classes_stand_in_order_of_value),
        cmocka_unit_test(an_ordinal_target_is_ordered_as_asked),
        cmocka_unit_test(a_loss_names_its_task_and_what_it_needs),
        cmocka_unit_test(what_cannot_be_learnt_is_named),
        cmocka_unit_test(missing_cells_are_unknown),
        cmocka_unit_test(classes_are_read_from_other_tables_by_name),
        cmocka_unit_test(what_was_saved_loads_as_the_same),
        cmocka_unit_test(hostile_targets_are_refused),
    };
    return cmocka_run_group_tests_name("predict/target", tests, NULL, NULL);
}
