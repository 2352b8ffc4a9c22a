#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "base/str.h"
#include "treadle/treadle.h"

static void every_status_has_its_own_name_and_sane_codes(void **state)
{
    TDL_UNUSED(state);
    for (tdl_status a = TDL_OK; a <= TDL_E_RATE; a++) {
        assert_true(tdl_status_http(a) >= 200 && tdl_status_http(a) < 600);
        assert_in_range(tdl_status_exit(a), 0, 3);
        assert_true(tdl_status_text(a)[0] != '\0');
        for (tdl_status b = TDL_OK; b < a; b++)
            assert_string_not_equal(tdl_status_name(a), tdl_status_name(b));
    }
}

/* The figures are those DESIGN.md section 6 and the status map promise. */
static void codes_are_those_of_the_contract(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_status_exit(TDL_OK), 0);
    assert_int_equal(tdl_status_http(TDL_OK), 200);
    assert_int_equal(tdl_status_exit(TDL_E_USAGE), 2);
    assert_int_equal(tdl_status_exit(TDL_E_BAR), 3);
    assert_int_equal(tdl_status_http(TDL_E_RATE), 429);
    assert_int_equal(tdl_status_http(TDL_E_NOT_FOUND), 404);
    assert_int_equal(tdl_status_http(TDL_E_FULL), 503);
    assert_string_equal(tdl_status_name(TDL_E_INVALID), "E_INVALID");
}

static void an_unknown_status_answers_as_internal_error(void **state)
{
    TDL_UNUSED(state);
    assert_string_equal(tdl_status_name((tdl_status)999), "E_INTERNAL");
    assert_int_equal(tdl_status_http((tdl_status)-1), 500);
    assert_int_equal(tdl_status_exit((tdl_status)999), 1);
}

static void fail_gives_status_message_and_hint(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(TDL_FAIL_HINT(&why, TDL_E_INVALID, "use %d", "row %d", 17), TDL_E_INVALID);
    assert_int_equal(why.status, TDL_E_INVALID);
    assert_string_equal(why.message, "row 17");
    assert_string_equal(why.hint, "use %d"); /* a plain text, not a format */
}

static void a_later_failure_replaces_the_hint_too(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    (void)TDL_FAIL_HINT(&why, TDL_E_INVALID, "old hint", "old");
    (void)TDL_FAIL(&why, TDL_E_IO, "new");
    assert_int_equal(why.status, TDL_E_IO);
    assert_string_equal(why.message, "new");
    assert_string_equal(why.hint, "");
}

static void a_null_report_still_gives_the_status(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(TDL_FAIL(NULL, TDL_E_FULL, "%d", 1), TDL_E_FULL);
    tdl_report_prefix(NULL, "x");
}

static void a_report_may_quote_itself(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    (void)TDL_FAIL_HINT(&why, TDL_E_IO, "h", "inner");
    (void)TDL_FAIL_HINT(&why, TDL_E_IO, why.hint, "outer of %s", why.message);
    assert_string_equal(why.message, "outer of inner");
    assert_string_equal(why.hint, "h");
}

static void prefix_puts_context_before_the_message(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    (void)TDL_FAIL_HINT(&why, TDL_E_INVALID, "h", "no number");
    tdl_report_prefix(&why, "row %d", 3);
    assert_string_equal(why.message, "row 3: no number");
    assert_string_equal(why.hint, "h");
    assert_int_equal(why.status, TDL_E_INVALID);
}

/* 200 three-byte characters after one byte: 511 bytes of room hold 170 of them, 511 = 1 + 510. */
static void a_long_message_is_cut_between_code_points(void **state)
{
    char text[1 + 3 * 200 + 1] = "x";
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 1 + 3 * i, "中", 3);
    (void)TDL_FAIL_HINT(&why, TDL_E_INVALID, text, "%s", text);
    assert_int_equal(strlen(why.message), 511);
    assert_true(tdl_str_utf8(tdl_str_of(why.message), NULL));
    assert_int_equal(strlen(why.hint), 253); /* 255 bytes of room hold 84 of them */
    assert_true(tdl_str_utf8(tdl_str_of(why.hint), NULL));
    (void)TDL_FAIL(&why, TDL_E_INVALID, "yy%s", text); /* 3 bytes, then 169 of 3 = 510 */
    assert_int_equal(strlen(why.message), 510);
}

static void a_prefix_may_push_the_end_of_a_message_out(void **state)
{
    char text[600];
    tdl_report why = {0};

    TDL_UNUSED(state);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)TDL_FAIL(&why, TDL_E_INVALID, "%s", text);
    tdl_report_prefix(&why, "%s", text);
    assert_int_equal(strlen(why.message), 511);
}

static void bytes_that_are_not_utf8_become_question_marks(void **state)
{
    tdl_report why = {0};

    TDL_UNUSED(state);
    (void)TDL_FAIL(&why, TDL_E_INVALID, "'%s'", "a\xFF\xC3)é");
    assert_string_equal(why.message, "'a\?\?)é'");
}

static void version_is_three_numbers(void **state)
{
    int parts[3];
    char end;

    TDL_UNUSED(state);
    assert_int_equal(sscanf(tdl_version(), "%d.%d.%d%c", &parts[0], &parts[1], &parts[2], &end), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_name_and_sane_codes),
        cmocka_unit_test(codes_are_those_of_the_contract),
        cmocka_unit_test(an_unknown_status_answers_as_internal_error),
        cmocka_unit_test(fail_gives_status_message_and_hint),
        cmocka_unit_test(a_later_failure_replaces_the_hint_too),
        cmocka_unit_test(a_null_report_still_gives_the_status),
        cmocka_unit_test(a_report_may_quote_itself),
        cmocka_unit_test(prefix_puts_context_before_the_message),
        cmocka_unit_test(a_long_message_is_cut_between_code_points),
        cmocka_unit_test(a_prefix_may_push_the_end_of_a_message_out),
        cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(version_is_three_numbers),
    };

    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
