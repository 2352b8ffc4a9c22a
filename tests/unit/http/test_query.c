#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "http/query.h"

static tdl_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = tdl_arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tdl_arena_free(arena);
    return 0;
}

static void check_text(const char *query, const char *want)
{
    tdl_str text;
    assert_int_equal(tdl_query_text(tdl_str_of(query), "user", 400, arena, &text, NULL), TDL_OK);
    if (!tdl_str_is(text, want))
        fail_msg("%s gave %.*s", query, TDL_FMT(text));
}

static void a_parameter_is_found_and_decoded(void **state)
{
    (void)state;
    check_text("user=u1", "u1");
    check_text("n=5&user=u1&x=2", "u1");
    check_text("user=a%2Fb%20c+d", "a/b c d");
    check_text("user=%E4%B8%AD%e6%96%87", "\xe4\xb8\xad\xe6\x96\x87");
    check_text("user=a=b", "a=b");
    check_text("user=first&user=second", "first");
    check_text("users=1&xuser=2&user=3", "3");
}

static void what_is_absent_or_empty_is_the_empty_string(void **state)
{
    (void)state;
    check_text("", "");
    check_text("n=1", "");
    check_text("user", "");
    check_text("user=", "");
    check_text("users=u", "");
    check_text("&&", "");
}

static void what_cannot_be_decoded_is_refused_by_name(void **state)
{
    static const char *const queries[] = {"user=%",         "user=%4",    "user=%zz",
                                          "user=%00",       "user=a%0Ab", "user=%ff",
                                          "user=%ED%A0%80", "user=\x80",  "user=%7f"};
    tdl_str text;

    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        tdl_report why = {0};
        assert_int_equal(tdl_query_text(tdl_str_of(queries[i]), "user", 400, arena, &text, &why),
                         TDL_E_INVALID);
        assert_memory_equal(why.message, "query parameter user: ", 22);
    }
}

static void a_text_has_a_limit(void **state)
{
    tdl_str text;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_query_text(TDL_STR("user=abcd"), "user", 4, arena, &text, &why), TDL_OK);
    assert_int_equal(tdl_query_text(TDL_STR("user=abcde"), "user", 4, arena, &text, &why),
                     TDL_E_INVALID);
    // the limit is one of decoded bytes
    assert_int_equal(tdl_query_text(TDL_STR("user=%41%42"), "user", 2, arena, &text, &why), TDL_OK);
}

static void an_integer_keeps_its_bounds(void **state)
{
    static const char *const bad[] = {"n=0",   "n=101", "n=-1", "n=",   "n=1.5",
                                      "n=1e1", "n=abc", "n= 5", "n=5x", "n=99999999999999999999"};
    int64_t n = 7;

    (void)state;
    assert_int_equal(tdl_query_int(TDL_STR("x=1"), "n", 1, 100, 10, arena, &n, NULL), TDL_OK);
    assert_int_equal(n, 10);
    assert_int_equal(tdl_query_int(TDL_STR("n=100"), "n", 1, 100, 10, arena, &n, NULL), TDL_OK);
    assert_int_equal(n, 100);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};
        assert_int_equal(tdl_query_int(tdl_str_of(bad[i]), "n", 1, 100, 10, arena, &n, &why),
                         TDL_E_INVALID);
        assert_non_null(strstr(why.message, "query parameter n"));
    }
}

static void plus_is_a_blank_in_queries_only(void **state)
{
    tdl_str text;

    (void)state;
    assert_int_equal(tdl_percent_decode(TDL_STR("a+b"), false, arena, &text, NULL), TDL_OK);
    assert_true(tdl_str_is(text, "a+b"));
    assert_int_equal(tdl_percent_decode(TDL_STR("a+b"), true, arena, &text, NULL), TDL_OK);
    assert_true(tdl_str_is(text, "a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_found_and_decoded),
        cmocka_unit_test(what_is_absent_or_empty_is_the_empty_string),
        cmocka_unit_test(what_cannot_be_decoded_is_refused_by_name),
        cmocka_unit_test(a_text_has_a_limit),
        cmocka_unit_test(an_integer_keeps_its_bounds),
        cmocka_unit_test(plus_is_a_blank_in_queries_only),
    };
    return cmocka_run_group_tests_name("http/query", tests, set_up, tear_down);
}
