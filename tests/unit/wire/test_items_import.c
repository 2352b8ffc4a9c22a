/* Many items at once: what is taken, and how each refusal is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/native/items_import.h"

static tdl_arena *arena;
static tdl_items_import got;

static int set_up(void **state)
{
    (void)state;
    arena = tdl_arena_new((size_t)32 << 20);
    memset(&got, 0, sizeof got);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(got.json);
    tdl_arena_free(arena);
    return 0;
}

static void import(const char *text, bool replace)
{
    tdl_report why = {0};

    json_decref(got.json);
    if (tdl_native_import(tdl_str_of(text), replace, arena, &got, &why))
        fail_msg("%s", why.message);
}

static void expect_refused(size_t at, size_t line, const char *reason)
{
    const char *told = got.refused[at].reason.at ? got.refused[at].reason.at : "nothing";

    assert_int_equal(got.refused[at].line, line);
    if (!strstr(told, reason))
        fail_msg("%s", told);
}

static void csv_columns_are_fields_or_attributes(void **state)
{
    (void)state;
    import("id;title;price;tags;available;color;size\r\n"
           "a;\"Shoe; red\";39.5;new| red ;no;blue;42\r\n"
           "b;;;;;;\r\n",
           false);
    assert_int_equal(got.items_n, 2);
    assert_true(tdl_str_is(got.items[0].title, "Shoe; red"));
    assert_true(tdl_str_is(got.items[0].attributes,
                           "{\"$available\":false,\"$price\":39.5,\"$tags\":[\"new\",\"red\"],"
                           "\"color\":\"blue\",\"size\":42}"));
    assert_int_equal(got.items[1].attributes.len, 0); // an empty cell says nothing
}

static void each_bad_row_is_told_by_its_line_and_the_others_are_taken(void **state)
{
    (void)state;
    import("id,price,stock\na,1,2\nb,NaN,1\nc,1,-4\n,1,1\nd,1\n", false);
    assert_int_equal(got.received_n, 5);
    assert_int_equal(got.items_n, 1);
    assert_int_equal(got.refused_n, 4);
    expect_refused(0, 3, "price must be a number");
    expect_refused(1, 4, "stock must be a number of 0 or more");
    expect_refused(2, 5, "id is missing");
    expect_refused(3, 6, "cannot be read");
}

static void json_lines_and_arrays_are_taken_alike(void **state)
{
    (void)state;
    import("{\"id\":\"a\"}\n\n{\"id\":7}\n{\"id\":\"b\"\n{\"id\":\"c\"}", false);
    assert_int_equal(got.items_n, 2);
    expect_refused(0, 3, "id must be a string");
    expect_refused(1, 4, ""); // the parser's own words
    import(" [{\"id\":\"a\"},3,{\"id\":\"c\"}]", false);
    assert_int_equal(got.items_n, 2);
    expect_refused(0, 2, "must be an object");
}

static void of_an_id_that_comes_twice_one_counts(void **state)
{
    const char *text = "{\"id\":\"a\",\"title\":\"1\"}\n{\"id\":\"a\",\"title\":\"2\"}";

    (void)state;
    import(text, false);
    assert_int_equal(got.items_n, 1);
    assert_true(tdl_str_is(got.items[0].title, "1"));
    expect_refused(0, 2, "stands above already");
    import(text, true);
    assert_int_equal(got.items_n, 1);
    assert_true(tdl_str_is(got.items[0].title, "2"));
    assert_int_equal(got.refused_n, 0);
}

static void thousands_of_items_keep_their_order(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "id,n\n");
    for (int i = 0; i < 5000; i++)
        tdl_buf_printf(&text, "i%d,%d\n", i % 4000, i);
    import(text.at, true);
    assert_int_equal(got.items_n, 4000);
    assert_true(tdl_str_is(got.items[17].id, "i17"));
    assert_true(tdl_str_is(got.items[17].attributes, "{\"n\":4017}"));
    assert_true(tdl_str_is(got.items[1017].attributes, "{\"n\":1017}"));
    tdl_buf_release(&text);
}

static void what_is_nothing_at_all_is_refused_whole(void **state)
{
    static const char *const cases[] = {"", " \n", "[1", "id,id\n1,2\n"};
    tdl_report why;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_decref(got.json);
        assert_int_equal(tdl_native_import(tdl_str_of(cases[i]), false, arena, &got, &why),
                         TDL_E_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv_columns_are_fields_or_attributes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_bad_row_is_told_by_its_line_and_the_others_are_taken,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_lines_and_arrays_are_taken_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_an_id_that_comes_twice_one_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thousands_of_items_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_nothing_at_all_is_refused_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
