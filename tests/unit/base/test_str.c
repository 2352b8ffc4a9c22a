#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/str.h"

static void equal_means_same_bytes_and_length(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_str_eq(TDL_STR("ab"), tdl_str_of("ab")));
    assert_false(tdl_str_eq(TDL_STR("ab"), TDL_STR("abc")));
    assert_false(tdl_str_eq(TDL_STR("ab"), TDL_STR("aB")));
    assert_true(tdl_str_eq((tdl_str){0}, TDL_STR("")));
    assert_true(tdl_str_is(tdl_str_of(NULL), ""));
    assert_true(tdl_str_eq(TDL_STR("a\0b"), TDL_STR("a\0b")));
    assert_false(tdl_str_eq(TDL_STR("a\0b"), TDL_STR("a\0c")));
}

static void order_is_by_bytes_then_shorter_first(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_str_cmp(TDL_STR("a"), TDL_STR("b")) < 0);
    assert_true(tdl_str_cmp(TDL_STR("a"), TDL_STR("ab")) < 0);
    assert_true(tdl_str_cmp(TDL_STR("b"), TDL_STR("ab")) > 0);
    assert_true(tdl_str_cmp(TDL_STR("z"), TDL_STR("\xC3\xA9")) < 0); /* unsigned bytes */
    assert_int_equal(tdl_str_cmp(TDL_STR("ab"), TDL_STR("ab")), 0);
    assert_int_equal(tdl_str_cmp((tdl_str){0}, TDL_STR("")), 0);
    assert_true(tdl_str_cmp((tdl_str){0}, TDL_STR("a")) < 0);
}

static void prefix_and_trim(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_str_starts(TDL_STR("Bearer x"), TDL_STR("Bearer ")));
    assert_false(tdl_str_starts(TDL_STR("Bear"), TDL_STR("Bearer ")));
    assert_true(tdl_str_starts(TDL_STR("x"), (tdl_str){0}));
    assert_true(tdl_str_is(tdl_str_trim(TDL_STR(" \t\r\n a b \v\f")), "a b"));
    assert_int_equal(tdl_str_trim(TDL_STR(" \n ")).len, 0);
    assert_int_equal(tdl_str_trim((tdl_str){0}).len, 0);
}

/* Well-formed sequences at the ends of each row of table 3-7 of the Unicode Standard. */
static void well_formed_utf8_is_accepted(void **state)
{
    const char *const good[] = {
        "",
        "plain ascii, longer than eight bytes",
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xEC\xBF\xBF",
        "\xED\x80\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF3\xBF\xBF\xBF",
        "\xF4\x8F\xBF\xBF",
        "seven77\xE4\xB8\xAD",
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(tdl_str_utf8(tdl_str_of(good[i]), NULL));
}

/* Ill-formed ones just outside the same table, after "abcdefgh" so that the offset counts. */
static void ill_formed_utf8_is_refused_at_its_offset(void **state)
{
    const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xC0\x80",         /* overlong NUL */
        "\xC1\xBF",         /* overlong */
        "\xC2",             /* cut */
        "\xC2\x41",         /* */
        "\xE0\x9F\xBF",     /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xED\xBF\xBF",     /* */
        "\xE4\xB8",         /* cut */
        "\xE4\xB8\x41",     /* */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xF4\x90\x80\x80", /* past U+10FFFF */
        "\xF5\x80\x80\x80", /* */
        "\xF1\x80\x80",     /* cut */
        "\xFF",             /* */
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[32];
        size_t at = 99;

        strcpy(text, "abcdefgh");
        strcat(text, bad[i]);
        assert_false(tdl_str_utf8(tdl_str_of(text), &at));
        assert_int_equal(at, 8);
        strcat(text, "tail of text");
        assert_false(tdl_str_utf8(tdl_str_of(text), &at));
        assert_int_equal(at, 8);
    }
}

static void integers_are_whole_decimal_texts_of_64_bits(void **state)
{
    const char *const bad[] = {"",
                               "-",
                               "+",
                               " 1",
                               "1 ",
                               "1.0",
                               "0x10",
                               "1e3",
                               "--1",
                               "abc",
                               "9223372036854775808",
                               "-9223372036854775809",
                               "99999999999999999999999"};
    int64_t got = 7;

    TDL_UNUSED(state);
    assert_true(tdl_str_int(TDL_STR("0"), &got) && got == 0);
    assert_true(tdl_str_int(TDL_STR("-42"), &got) && got == -42);
    assert_true(tdl_str_int(TDL_STR("+007"), &got) && got == 7);
    assert_true(tdl_str_int(TDL_STR("9223372036854775807"), &got) && got == INT64_MAX);
    assert_true(tdl_str_int(TDL_STR("-9223372036854775808"), &got) && got == INT64_MIN);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(tdl_str_int(tdl_str_of(bad[i]), &got));
    assert_false(tdl_str_int((tdl_str){0}, &got));
    assert_true(got == INT64_MIN); /* untouched by failure */
}

static void doubles_are_whole_finite_decimal_texts(void **state)
{
    const char *const bad[] = {"",      "-",      ".",     "e5",       "1e",   "1e+", "nan",
                               "NaN",   "inf",    "-inf",  "1,5",      "1.5 ", " 1",  "0x1p3",
                               "1e400", "-1e999", "1.2.3", "infinity", "1_000"};
    double got = 7;

    TDL_UNUSED(state);
    assert_true(tdl_str_double(TDL_STR("1.5"), &got) && got == 1.5);
    assert_true(tdl_str_double(TDL_STR("-.25"), &got) && got == -0.25);
    assert_true(tdl_str_double(TDL_STR("5."), &got) && got == 5.0);
    assert_true(tdl_str_double(TDL_STR("+1E-3"), &got) && got == 0.001);
    assert_true(tdl_str_double(TDL_STR("1e-400"), &got) && got == 0.0);
    /* A decimal half-way case of IEEE 754: 2^53 + 1 rounds to even. */
    assert_true(tdl_str_double(TDL_STR("9007199254740993"), &got) && got == 9007199254740992.0);
    got = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(tdl_str_double(tdl_str_of(bad[i]), &got));
    assert_true(got == 7);
}

static void a_double_may_have_thousands_of_digits(void **state)
{
    char text[5000];
    double got;

    TDL_UNUSED(state);
    memset(text, '0', sizeof text);
    memcpy(text, "1.25", 4);
    assert_true(tdl_str_double((tdl_str){text, sizeof text}, &got));
    assert_true(got == 1.25);
}

static void a_slice_ends_where_it_says(void **state)
{
    double got;
    int64_t whole;

    TDL_UNUSED(state);
    assert_true(tdl_str_double((tdl_str){"12345", 2}, &got) && got == 12);
    assert_true(tdl_str_int((tdl_str){"12345", 3}, &whole) && whole == 123);
}

static void a_locale_with_decimal_commas_changes_nothing(void **state)
{
    double got;

    TDL_UNUSED(state);
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        skip();
    assert_true(tdl_str_double(TDL_STR("1.5"), &got) && got == 1.5);
    assert_false(tdl_str_double(TDL_STR("1,5"), &got));
    setlocale(LC_ALL, "C");
}

static void hash_depends_on_every_byte(void **state)
{
    char text[64] = {0};
    uint64_t seen[65];

    TDL_UNUSED(state);
    assert_true(tdl_str_hash(TDL_STR("abc")) == tdl_str_hash((tdl_str){"abcd", 3}));
    assert_true(tdl_str_hash((tdl_str){0}) == tdl_str_hash(TDL_STR("")));
    seen[64] = tdl_str_hash((tdl_str){text, sizeof text});
    for (size_t i = 0; i < 64; i++) {
        text[i] = 1;
        seen[i] = tdl_str_hash((tdl_str){text, sizeof text});
        text[i] = 0;
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
        assert_true(seen[i] != seen[64]);
    }
}

/* Textbook values: Wagner and Fischer's kitten/sitting, saturday/sunday. */
static void distance_is_levenshtein(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_str_distance(TDL_STR("kitten"), TDL_STR("sitting"), 100), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("sitting"), TDL_STR("kitten"), 100), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("saturday"), TDL_STR("sunday"), 100), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("flaw"), TDL_STR("lawn"), 100), 2);
    assert_int_equal(tdl_str_distance(TDL_STR("same"), TDL_STR("same"), 100), 0);
    assert_int_equal(tdl_str_distance((tdl_str){0}, TDL_STR("abc"), 100), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("abc"), (tdl_str){0}, 100), 3);
}

static void distance_stops_at_its_cap(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(tdl_str_distance(TDL_STR("kitten"), TDL_STR("sitting"), 3), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("kitten"), TDL_STR("sitting"), 2), 2);
    assert_int_equal(tdl_str_distance(TDL_STR("abcdef"), TDL_STR("uvwxyz"), 4), 4);
    assert_int_equal(tdl_str_distance(TDL_STR("a"), TDL_STR("aaaaaaaaaa"), 3), 3);
    assert_int_equal(tdl_str_distance(TDL_STR("a"), TDL_STR("a"), 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_same_bytes_and_length),
        cmocka_unit_test(order_is_by_bytes_then_shorter_first),
        cmocka_unit_test(prefix_and_trim),
        cmocka_unit_test(well_formed_utf8_is_accepted),
        cmocka_unit_test(ill_formed_utf8_is_refused_at_its_offset),
        cmocka_unit_test(integers_are_whole_decimal_texts_of_64_bits),
        cmocka_unit_test(doubles_are_whole_finite_decimal_texts),
        cmocka_unit_test(a_double_may_have_thousands_of_digits),
        cmocka_unit_test(a_slice_ends_where_it_says),
        cmocka_unit_test(a_locale_with_decimal_commas_changes_nothing),
        cmocka_unit_test(hash_depends_on_every_byte),
        cmocka_unit_test(distance_is_levenshtein),
        cmocka_unit_test(distance_stops_at_its_cap),
    };

    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
