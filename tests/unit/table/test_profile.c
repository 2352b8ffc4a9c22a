/* Profiles of tables. Moments, quartiles and bins: numpy's mean, std, quantile (linear) and
 * histogram of the same numbers. */
#include "frame_case.h"

#include <math.h>

#include "table/profile.h"

static const char numbers[] =
    "x,c,k,Id\n3,b,1,1\n1,a,1,2\n4,b,1,3\n1,,1,4\n5,c,1,5\n9,b,1,6\n2,a,1,7\n"
    "6,b,1,8\n5,a,1,9\n3.5,7,1,10\n,a,1,11\ninf,a,1,12\n";

static void numbers_are_described_as_numpy_does(void **state)
{
    static const size_t bins[] = {2, 0, 1, 0, 0, 1, 1, 1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 1};
    tdl_frame f = read_text(numbers, NULL);
    tdl_profile p = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    const tdl_profile_column *x = &p.column[0];
    assert_int_equal(x->values, 10);
    assert_int_equal(x->distinct, 8);
    assert_true(x->min == 1 && x->max == 9);
    assert_true(x->quartile[0] == 2.25 && x->quartile[1] == 3.75 && x->quartile[2] == 5);
    assert_true(fabs(x->mean - 3.95) < 1e-15);
    assert_true(fabs(x->deviation - 2.328626204439004) < 1e-14);
    assert_memory_equal(x->bin, bins, sizeof bins);
    assert_int_equal(x->column->infinite, 1);
    tdl_profile_release(&p);
    tdl_frame_release(&f);
}

static void levels_are_counted_most_frequent_first(void **state)
{
    tdl_frame f = read_text(numbers, NULL);
    tdl_profile p = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    const tdl_profile_column *c = &p.column[1];
    assert_int_equal(c->distinct, 4);
    assert_int_equal(c->top_n, 4);
    assert_true(tdl_str_is(c->top[0].text, "a"));
    assert_int_equal(c->top[0].n, 5);
    assert_true(tdl_str_is(c->top[1].text, "b"));
    assert_true(tdl_str_is(c->top[2].text, "7")); /* of as many, by bytes */
    assert_int_equal(c->numbers, 1);
    assert_false(c->constant);
    assert_true(p.column[2].constant);
    tdl_profile_release(&p);
    tdl_frame_release(&f);
}

static void only_the_ten_most_frequent_levels_are_kept(void **state)
{
    tdl_buf csv = {0};
    tdl_profile p = {0};
    tdl_frame f;

    TDL_UNUSED(state);
    tdl_buf_text(&csv, "c\n");
    for (int i = 0; i < 30; i++)
        for (int k = 0; k <= i; k++)
            tdl_buf_printf(&csv, "k%d\n", i);
    f = read_text(csv.at, NULL);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    assert_int_equal(p.column[0].top_n, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(p.column[0].top[i].n, 30 - i);
    tdl_profile_release(&p);
    tdl_frame_release(&f);
    tdl_buf_release(&csv);
}

static void rows_like_one_before_them_are_counted(void **state)
{
    tdl_frame f = read_text("a,b\n1,x\n1,x\n1,\n1,\n0,x\n-0,x\n1,y\n1,x\n", NULL);
    tdl_profile p = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    assert_int_equal(p.duplicates, 4); /* rows 2, 4, 6, 8 */
    tdl_profile_release(&p);
    tdl_frame_release(&f);
}

static void no_rows_and_no_values_are_described_too(void **state)
{
    tdl_frame f = read_text("a,b\n,\n,\n", NULL), none = read_text("a\n", NULL);
    tdl_profile p = {0};
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    TDL_UNUSED(state);
    assert_int_equal(tdl_profile_of(&none, &p, NULL), TDL_OK);
    tdl_profile_release(&p);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    tdl_profile_write(&p, &w);
    assert_non_null(strstr(out.at, "\"constant\":[\"a\",\"b\"]"));
    assert_non_null(strstr(out.at, "\"min\":null"));
    tdl_buf_release(&out);
    tdl_profile_release(&p);
    tdl_frame_release(&f);
    tdl_frame_release(&none);
}

static void a_profile_is_one_json_object(void **state)
{
    tdl_frame f = read_text("d,b,id\n2020-01-01,yes,1\n2020-01-03,no,2\n", NULL);
    tdl_profile p = {0};
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    json_t *parsed = NULL;

    TDL_UNUSED(state);
    assert_int_equal(tdl_profile_of(&f, &p, NULL), TDL_OK);
    tdl_profile_write(&p, &w);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &parsed, NULL),
                     TDL_OK);
    assert_non_null(strstr(out.at, "\"median\":\"2020-01-02T00:00:00Z\""));
    assert_non_null(strstr(out.at, "\"ids\":[\"id\"]"));
    json_decref(parsed);
    tdl_buf_release(&out);
    tdl_profile_release(&p);
    tdl_frame_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_described_as_numpy_does),
        cmocka_unit_test(levels_are_counted_most_frequent_first),
        cmocka_unit_test(only_the_ten_most_frequent_levels_are_kept),
        cmocka_unit_test(rows_like_one_before_them_are_counted),
        cmocka_unit_test(no_rows_and_no_values_are_described_too),
        cmocka_unit_test(a_profile_is_one_json_object),
    };

    return cmocka_run_group_tests_name("table/profile", tests, NULL, NULL);
}
