#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "base/str.h"

static void appends_stand_one_after_the_other_and_end_in_nul(void **state)
{
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "a");
    tdl_buf_str(&buf, TDL_STR("bc"));
    tdl_buf_char(&buf, 'd');
    tdl_buf_printf(&buf, "%d-%s", 5, "e");
    tdl_buf_add(&buf, "\0f", 2);
    tdl_buf_text(&buf, NULL);
    assert_int_equal(buf.len, 9);
    assert_memory_equal(buf.at, "abcd5-e\0f", 10);
    assert_false(buf.failed);
    assert_true(tdl_str_eq(tdl_buf_view(&buf), TDL_STR("abcd5-e\0f")));
    tdl_buf_release(&buf);
    assert_null(buf.at);
}

static void it_grows_byte_by_byte_without_losing_any(void **state)
{
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 100000; i++)
        tdl_buf_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.at[i], 'a' + i % 26);
    assert_int_equal(buf.at[100000], '\0');
    tdl_buf_release(&buf);
}

static void printf_longer_than_the_room_left_is_whole(void **state)
{
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "x");
    tdl_buf_printf(&buf, "%01000d", 7);
    assert_int_equal(buf.len, 1001);
    assert_int_equal(buf.at[0], 'x');
    assert_int_equal(buf.at[1000], '7');
    assert_int_equal(strlen(buf.at), 1001);
    tdl_buf_release(&buf);
}

static void exactly_the_limit_fits_and_one_more_does_not(void **state)
{
    tdl_buf buf = {.limit = 10};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "0123456789");
    assert_false(buf.failed);
    tdl_buf_char(&buf, 'x');
    assert_true(buf.failed);
    assert_string_equal(buf.at, "0123456789");
    tdl_buf_release(&buf);
    assert_int_equal(buf.limit, 10);
}

static void after_a_failure_contents_end_before_it(void **state)
{
    tdl_buf buf = {.limit = 10};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "12345");
    tdl_buf_text(&buf, "678901");
    tdl_buf_text(&buf, "x"); /* would fit, but comes after what did not */
    tdl_buf_printf(&buf, "y");
    assert_true(buf.failed);
    assert_string_equal(buf.at, "12345");
    tdl_buf_clear(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.at, "");
    tdl_buf_printf(&buf, "%s", "12345678901");
    assert_true(buf.failed);
    assert_string_equal(buf.at, "");
    tdl_buf_release(&buf);
}

static void a_failed_printf_leaves_what_was_there_terminated(void **state)
{
    tdl_buf buf = {.limit = 300};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "kept");
    tdl_buf_printf(&buf, "%0400d", 1);
    assert_true(buf.failed);
    assert_string_equal(buf.at, "kept");
    tdl_buf_release(&buf);
}

static void huge_sizes_do_not_wrap(void **state)
{
    tdl_buf buf = {0};

    TDL_UNUSED(state);
    tdl_buf_text(&buf, "a");
    tdl_buf_add(&buf, "b", SIZE_MAX);
    assert_true(buf.failed);
    assert_string_equal(buf.at, "a");
    tdl_buf_release(&buf);
    tdl_buf_release(&buf); /* a zeroed one */
    assert_int_equal(tdl_buf_view(&buf).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_stand_one_after_the_other_and_end_in_nul),
        cmocka_unit_test(it_grows_byte_by_byte_without_losing_any),
        cmocka_unit_test(printf_longer_than_the_room_left_is_whole),
        cmocka_unit_test(exactly_the_limit_fits_and_one_more_does_not),
        cmocka_unit_test(after_a_failure_contents_end_before_it),
        cmocka_unit_test(a_failed_printf_leaves_what_was_there_terminated),
        cmocka_unit_test(huge_sizes_do_not_wrap),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
