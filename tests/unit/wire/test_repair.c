#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/repair.h"

static void check(const char *text, const char *want)
{
    tdl_buf storage = {0};
    tdl_str mended = tdl_repair(tdl_str_of(text), &storage);

    if (!tdl_str_is(mended, want))
        fail_msg("%s became %.*s, not %s", text, TDL_FMT(mended), want);
    tdl_buf_release(&storage);
}

static void sound_text_is_not_copied(void **state)
{
    tdl_str text = TDL_STR("{\"a\":[1,-2.5e3,\"\\u00e9\\n\",9007199254740992]}");
    tdl_buf storage = {0};

    (void)state;
    assert_ptr_equal(tdl_repair(text, &storage).at, text.at);
    assert_null(storage.at);
}

/* Unicode 15, section 3.9: an unpaired surrogate becomes U+FFFD. */
static void lone_surrogates_become_replacement_characters(void **state)
{
    (void)state;
    check("[\"\\ud83d\"]", "[\"\\uFFFD\"]");
    check("[\"\\udc00x\"]", "[\"\\uFFFDx\"]");
    check("[\"\\ud83d\\ud83d\\ude00\"]", "[\"\\uFFFD\\ud83d\\ude00\"]");
    check("[\"\\uD83D\\uDE00\"]", "[\"\\uD83D\\uDE00\"]");
    check("[\"\\\\ud83d\"]", "[\"\\\\ud83d\"]"); // an escaped backslash, then plain letters
}

static void nul_is_taken_out(void **state)
{
    (void)state;
    check("{\"a\\u0000b\":\"\\u0000\"}", "{\"ab\":\"\"}");
}

/* 2^53 = 9007199254740992: above it a double skips integers. */
static void integers_beyond_two_to_the_53_become_text(void **state)
{
    (void)state;
    check("[9007199254740992]", "[9007199254740992]");
    check("[9007199254740993]", "[\"9007199254740993\"]");
    check("[-9007199254740993,1]", "[\"-9007199254740993\",1]");
    check("{\"id\":123456789012345678901234567890}", "{\"id\":\"123456789012345678901234567890\"}");
    check("[12345678901234567890.5]", "[12345678901234567890.5]");
    check("[\"12345678901234567890\"]", "[\"12345678901234567890\"]");
    check("9007199254740993", "\"9007199254740993\"");
}

static void text_that_is_no_json_does_not_harm(void **state)
{
    (void)state;
    check("", "");
    check("\"", "\"");
    check("\"\\", "\"\\");
    check("\"\\u12", "\"\\u12");
    check("\"\\ud83d", "\"\\uFFFD");
    check("-", "-");
    check("{\"a\":99999999999999999", "{\"a\":\"99999999999999999\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_text_is_not_copied),
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
        cmocka_unit_test(nul_is_taken_out),
        cmocka_unit_test(integers_beyond_two_to_the_53_become_text),
        cmocka_unit_test(text_that_is_no_json_does_not_harm),
    };
    return cmocka_run_group_tests_name("wire/repair", tests, NULL, NULL);
}
