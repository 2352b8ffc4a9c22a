#include "cases.h"

#include "apps/recommend/names.h"

static void numbers_are_given_in_order_of_first_appearance(void **state)
{
    tdl_names *names = tdl_names_new();

    TDL_UNUSED(state);
    assert_int_equal(tdl_names_add(names, TDL_STR("b")), 0);
    assert_int_equal(tdl_names_add(names, TDL_STR("a")), 1);
    assert_int_equal(tdl_names_add(names, TDL_STR("b")), 0);
    assert_int_equal(tdl_names_count(names), 2);
    assert_true(tdl_str_is(tdl_names_at(names, 0), "b"));
    assert_true(tdl_str_is(tdl_names_at(names, 1), "a"));
    tdl_names_free(names);
}

static void an_unknown_name_is_minus_one_and_is_not_added(void **state)
{
    tdl_names *names = tdl_names_new();

    TDL_UNUSED(state);
    assert_int_equal(tdl_names_find(names, TDL_STR("a")), -1);
    assert_int_equal(tdl_names_count(names), 0);
    tdl_names_free(names);
}

static void bytes_with_nul_and_the_empty_name_are_names_like_any_other(void **state)
{
    tdl_names *names = tdl_names_new();

    TDL_UNUSED(state);
    assert_int_equal(tdl_names_add(names, TDL_STR("a\0b")), 0);
    assert_int_equal(tdl_names_add(names, TDL_STR("a\0c")), 1);
    assert_int_equal(tdl_names_add(names, (tdl_str){0}), 2);
    assert_int_equal(tdl_names_find(names, TDL_STR("a\0c")), 1);
    assert_int_equal(tdl_names_find(names, TDL_STR("")), 2);
    tdl_names_free(names);
}

static void many_names_are_all_found_and_their_bytes_never_move(void **state)
{
    enum { N = 20000 };
    tdl_names *names = tdl_names_new();
    char text[16];

    TDL_UNUSED(state);
    assert_int_equal(tdl_names_add(names, TDL_STR("first")), 0);
    const char *at = tdl_names_at(names, 0).at;
    for (int i = 1; i < N; i++) {
        snprintf(text, sizeof text, "item %d", i);
        assert_int_equal(tdl_names_add(names, tdl_str_of(text)), i);
    }
    for (int i = 1; i < N; i++) {
        snprintf(text, sizeof text, "item %d", i);
        assert_int_equal(tdl_names_find(names, tdl_str_of(text)), i);
    }
    assert_ptr_equal(tdl_names_at(names, 0).at, at);
    tdl_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_given_in_order_of_first_appearance),
        cmocka_unit_test(an_unknown_name_is_minus_one_and_is_not_added),
        cmocka_unit_test(bytes_with_nul_and_the_empty_name_are_names_like_any_other),
        cmocka_unit_test(many_names_are_all_found_and_their_bytes_never_move),
    };
    return cmocka_run_group_tests_name("recommend/names", tests, NULL, NULL);
}
