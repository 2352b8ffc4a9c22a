/* Patterns that JavaScript and PCRE2 read differently. Expected: new RegExp(...).test of node 20.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "flags/javascript_regex.h"

static bool matches(const char *pattern, bool ignore_case, const char *text)
{
    tdl_js_regex *regex = tdl_js_regex_new(tdl_str_of(pattern), ignore_case);

    if (!regex)
        fail_msg("%s is refused", pattern);
    bool is = tdl_js_regex_test(regex, tdl_str_of(text));
    tdl_js_regex_free(regex);
    return is;
}

static void letters_and_spaces_are_javascripts(void **state)
{
    (void)state;
    assert_false(matches("\\w", false, "é"));
    assert_false(matches("\\w", true, "é"));
    assert_false(matches("\\d", true, "٣"));
    assert_true(matches("^\\s$", false, "\xC2\xA0"));
    assert_true(matches("^[\\S]$", false, "x"));
    assert_false(matches("\\S", false, "\xE2\x80\xA8"));
    assert_true(matches("\\bx", false, "éx"));
    assert_true(matches("^\\v$", false, "\v"));
    assert_false(matches("^\\v$", false, "\n"));
    assert_true(matches("[\\w-.]", false, "-"));
}

static void a_dot_is_one_unit_and_no_line_end(void **state)
{
    (void)state;
    assert_true(matches("^..$", false, "😀"));
    assert_false(matches("^.$", false, "😀"));
    assert_false(matches(".", false, "\xE2\x80\xA9"));
    assert_false(matches("a$", false, "a\n"));
}

static void case_is_folded_beyond_ascii(void **state)
{
    (void)state;
    assert_true(matches("É", true, "é"));
    assert_false(matches("É", false, "é"));
    assert_true(matches("[à-ý]", true, "É"));
}

static void classes_and_escapes_are_plain(void **state)
{
    (void)state;
    assert_true(matches("^[[:alpha:]]$", false, ":]"));
    assert_true(matches("^\\A\\Q\\h$", false, "AQh"));
    assert_true(matches("^[^]$", false, "\n"));
    assert_false(matches("[]", false, "x"));
    assert_true(matches("^a{,2}$", false, "a{,2}"));
    assert_true(matches("^\\u00e9\\x41$", false, "éA"));
    assert_true(matches("^x\\/y/z$", false, "x/y/z"));
    assert_true(matches("(?<n>a)\\k<n>", false, "aa"));
}

static void what_only_pcre2_knows_is_refused(void **state)
{
    static const char *const bad[] = {"a++",     "(?>a)", "(?i)a",    "(*ACCEPT)", "(?R)",
                                      "a{1}{2}", "(",     "[",        "\\",        "*",
                                      "(?#x)",   "a**",   "(?P<n>a)", "(?|a)"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (tdl_js_regex_new(tdl_str_of(bad[i]), false))
            fail_msg("%s is taken", bad[i]);
}

/* 2^30 ways to divide the text; tried one by one it would take minutes. */
static void a_catastrophic_pattern_ends(void **state)
{
    (void)state;
    assert_false(matches("^(a+)+$", false, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_and_spaces_are_javascripts),
        cmocka_unit_test(a_dot_is_one_unit_and_no_line_end),
        cmocka_unit_test(case_is_folded_beyond_ascii),
        cmocka_unit_test(classes_and_escapes_are_plain),
        cmocka_unit_test(what_only_pcre2_knows_is_refused),
        cmocka_unit_test(a_catastrophic_pattern_ends),
    };

    return cmocka_run_group_tests_name("javascript_regex", tests, NULL, NULL);
}
