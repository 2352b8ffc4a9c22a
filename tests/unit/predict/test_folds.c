/* Which rows are tested in which fold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "made_table.h"

enum { ROWS = 203 };

typedef struct split {
    tdl_frame frame;
    tdl_predict_target target;
    uint32_t *row;
    tdl_folds folds;
} split;

static void start(split *s, const char *columns, const char *target)
{
    s->frame = made_frame(ROWS, columns);
    s->target = made_target(&s->frame, target, NULL);
    s->row = made_rows(ROWS);
}

static void make(split *s, const tdl_predict_options *options)
{
    tdl_report why;

    tdl_folds_release(&s->folds);
    if (tdl_folds_make(&s->frame, &s->target, s->row, s->frame.rows, options, &s->folds, &why))
        fail_msg("%s", why.message);
}

static void refuse(split *s, const tdl_predict_options *options, const char *told)
{
    tdl_report why = {0};
    tdl_folds folds = {0};

    assert_int_equal(
        tdl_folds_make(&s->frame, &s->target, s->row, s->frame.rows, options, &folds, &why),
        TDL_E_INVALID);
    if (!strstr(why.message, told))
        fail_msg("\"%s\" does not tell of \"%s\"", why.message, told);
}

static void end(split *s)
{
    tdl_folds_release(&s->folds);
    tdl_predict_target_release(&s->target);
    tdl_frame_release(&s->frame);
    free(s->row);
}

static void every_fold_has_its_share_of_each_class(void **state)
{
    split s = {0};
    size_t n[5][2] = {{0}};

    (void)state;
    start(&s, "xy", "y");
    make(&s, &(tdl_predict_options){.folds = 5});
    assert_string_equal(s.folds.kind, "stratified");
    assert_int_equal(s.folds.folds_n, 5);
    for (size_t i = 0; i < ROWS; i++)
        n[s.folds.fold[i]][(size_t)s.target.y[i]]++;
    for (size_t c = 0; c < 2; c++)
        for (size_t f = 1; f < 5; f++)
            assert_in_range(n[f][c] + 1, n[0][c], n[0][c] + 2);
    end(&s);
}

/* Sheet predict.md 3.1: key = splitmix64 of seed 0; within a class fold = rank of the key mod k. */
static void folds_are_those_of_the_sheet(void **state)
{
    split s = {0};

    (void)state;
    start(&s, "xy", "y");
    make(&s, &(tdl_predict_options){.folds = 5});
    for (size_t i = 0; i < ROWS; i++) {
        size_t rank = 0;

        for (size_t j = 0; j < ROWS; j++)
            rank += s.target.y[j] == s.target.y[i] && made_u(0, j) < made_u(0, i);
        assert_int_equal(s.folds.fold[i], rank % 5);
    }
    end(&s);
}

static void a_group_stays_in_one_fold(void **state)
{
    split s = {0};

    (void)state;
    start(&s, "xgy", "y");
    make(&s, &(tdl_predict_options){.folds = 4, .group = "g"});
    assert_string_equal(s.folds.kind, "group");
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < i; j++)
            if (s.frame.column[1].level[i] == s.frame.column[1].level[j])
                assert_int_equal(s.folds.fold[i], s.folds.fold[j]);
    end(&s);
}

static void few_groups_make_few_folds_unless_more_are_asked_for(void **state)
{
    split s = {0};

    (void)state;
    start(&s, "xcy", "y");
    make(&s, &(tdl_predict_options){.group = "c"});
    assert_int_equal(s.folds.folds_n, 3);
    refuse(&s, &(tdl_predict_options){.group = "c", .folds = 4}, "3 groups for 4 folds");
    end(&s);
}

static void by_time_each_fold_lies_behind_the_one_before(void **state)
{
    split s = {0};
    double last[8], first[8];

    (void)state;
    start(&s, "xy", "y");
    make(&s, &(tdl_predict_options){.folds = 4, .time = "x"});
    assert_true(s.folds.by_time);
    assert_int_equal(s.folds.folds_n, 5);
    for (size_t f = 0; f < 5; f++) {
        first[f] = INFINITY;
        last[f] = -INFINITY;
    }
    for (size_t i = 0; i < ROWS; i++) {
        first[s.folds.fold[i]] = fmin(first[s.folds.fold[i]], s.frame.column[0].number[i]);
        last[s.folds.fold[i]] = fmax(last[s.folds.fold[i]], s.frame.column[0].number[i]);
    }
    for (size_t f = 1; f < 5; f++)
        assert_true(last[f - 1] < first[f]);
    end(&s);
}

static void given_folds_are_taken_as_they_are(void **state)
{
    split s = {0};

    (void)state;
    start(&s, "xcy", "y");
    make(&s, &(tdl_predict_options){.fold = "c"});
    assert_string_equal(s.folds.kind, "given");
    assert_int_equal(s.folds.folds_n, 3);
    assert_int_equal(s.folds.fold[0], 0); // by first appearance
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(s.folds.fold[i] == s.folds.fold[j],
                             s.frame.column[1].level[i] == s.frame.column[1].level[j]);
    refuse(&s, &(tdl_predict_options){.fold = "x"}, "column x has 203 different values");
    end(&s);
}

static void what_makes_no_folds_is_named(void **state)
{
    split s = {0};

    (void)state;
    start(&s, "xcy", "y");
    refuse(&s, &(tdl_predict_options){.folds = 1}, "1 folds: 2 to 19");
    refuse(&s, &(tdl_predict_options){.folds = 20}, "20 folds: 2 to 19");
    refuse(&s, &(tdl_predict_options){.group = "q"}, "there is no column \"q\"");
    refuse(&s, &(tdl_predict_options){.time = "c"}, "column c is no time: row 1 has \"");
    refuse(&s, &(tdl_predict_options){.fold = "y"}, "in every row it would be trained on");
    end(&s);
    s = (split){.frame = test_frame("x,y\n1,a\n2,b\n3,a\n4,b\n5,a\n6,c\n7,a\n"),
                .row = made_rows(7)};
    s.target = made_target(&s.frame, "y", NULL);
    refuse(&s, &(tdl_predict_options){.folds = 2}, "column y is \"c\" in 1 rows");
    end(&s);
    s = (split){.frame = test_frame("x,y\n1,a\n,b\n3,a\n4,b\n"), .row = made_rows(4)};
    s.target = made_target(&s.frame, "y", NULL);
    refuse(&s, &(tdl_predict_options){.folds = 2, .time = "x"}, "column x: row 2 has no time");
    end(&s);
}

static void values_are_numbered_by_first_appearance(void **state)
{
    tdl_frame frame = test_frame("x,c\n5,b\n,a\n5,b\n2,\n,c\n2,a\n");
    static const int32_t of_numbers[] = {0, 1, 0, 2, 1, 2}, of_levels[] = {0, 1, 0, 2, 3, 1};
    uint32_t *row = made_rows(6);
    int32_t number[6];
    size_t n;

    (void)state;
    assert_int_equal(tdl_number_values(&frame.column[0], row, 6, number, &n, NULL), TDL_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(number, of_numbers, sizeof number);
    assert_int_equal(tdl_number_values(&frame.column[1], row, 6, number, &n, NULL), TDL_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(number, of_levels, sizeof number);
    free(row);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fold_has_its_share_of_each_class),
        cmocka_unit_test(folds_are_those_of_the_sheet),
        cmocka_unit_test(a_group_stays_in_one_fold),
        cmocka_unit_test(few_groups_make_few_folds_unless_more_are_asked_for),
        cmocka_unit_test(by_time_each_fold_lies_behind_the_one_before),
        cmocka_unit_test(given_folds_are_taken_as_they_are),
        cmocka_unit_test(what_makes_no_folds_is_named),
        cmocka_unit_test(values_are_numbered_by_first_appearance),
    };
    return cmocka_run_group_tests_name("predict/folds", tests, NULL, NULL);
}
