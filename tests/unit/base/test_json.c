#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "base/json.h"

static tdl_status parse(const char *text, tdl_report *why)
{
    json_t *value = NULL;
    tdl_status st = tdl_json_parse(tdl_str_of(text), TDL_JSON_REFUSE_DUPLICATES, &value, why);

    if (st)
        assert_null(value);
    json_decref(value);
    return st;
}

static void values_of_every_type_are_read(void **state)
{
    const char *const good[] = {"0",
                                "-1.5e3",
                                "\"x\"",
                                "true",
                                "null",
                                "[]",
                                "{}",
                                " [1, {\"a\": [null]}] \n",
                                "9223372036854775807",
                                "\"\\ud83d\\ude00\"",
                                "\"中\""};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(parse(good[i], NULL), TDL_OK);
}

/* What RFC 8259 does not allow, and what json.h says is refused beside it. */
static void what_is_not_json_is_refused(void **state)
{
    const char *const bad[] = {"",
                               " ",
                               "{",
                               "[1,]",
                               "{\"a\":1,}",
                               "{a:1}",
                               "{'a':1}",
                               "01",
                               "+1",
                               ".5",
                               "1.",
                               "0x1",
                               "NaN",
                               "[Infinity]",
                               "-Infinity",
                               "nul",
                               "\"abc",
                               "\"a\tb\"",
                               "[1] junk",
                               "1 2",
                               "\"\\u0000\"",
                               "\"\\ud800\"",
                               "\"\\udc00x\"",
                               "\"\\x\"",
                               "\"\xFF\"",
                               "\"\xED\xA0\x80\"",
                               "\"\xC0\x80\"",
                               "{\"a\":1,\"a\":2}",
                               "1e999",
                               "9223372036854775808",
                               "\xEF\xBB\xBF{}"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};

        if (parse(bad[i], &why) != TDL_E_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(strncmp(why.message, "line 1, column ", 15), 0);
    }
}

/* Positions counted by hand: the last byte read, from 1. */
static void an_error_says_where_it_is(void **state)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"a\": nope}", "line 1, column 10 (byte 10): "},
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7 (byte 19): "},
        {"[\"é\", x]", "line 1, column 7 (byte 8): "}, /* é is one column and two bytes */
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_report why = {0};

        assert_int_equal(parse(cases[i].text, &why), TDL_E_INVALID);
        if (strncmp(why.message, cases[i].where, strlen(cases[i].where)) != 0)
            fail_msg("%s gave: %s", cases[i].text, why.message);
    }
}

static void hints_say_what_to_do(void **state)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"{\"a\": NaN}", "null"},      {"[-Infinity]", "null"}, {"[1", "cut off"},
        {"{\"a\":1,\"a\":2}", "once"}, {"\"\xFF\"", "UTF-8"},   {"[1e999]", "strings"},
        {"\"\\u0000\"", "\\u0000"},    {"", "one JSON value"},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_report why = {0};

        assert_int_equal(parse(cases[i].text, &why), TDL_E_INVALID);
        if (!strstr(why.hint, cases[i].hint))
            fail_msg("%s gave: %s (%s)", cases[i].text, why.message, why.hint);
    }
}

static void nesting_of_64_is_read_and_of_65_refused(void **state)
{
    char text[200];
    tdl_report why = {0};

    TDL_UNUSED(state);
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    text[128] = '\0';
    assert_int_equal(parse(text, NULL), TDL_OK);
    text[64] = '[';
    memset(text + 65, ']', 65);
    text[130] = '\0';
    assert_int_equal(parse(text, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "line 1, column 65 (byte 65): nested deeper than 64");
}

static void a_megabyte_of_open_brackets_is_refused(void **state)
{
    static char text[(1 << 20) + 1];
    tdl_report why = {0};

    TDL_UNUSED(state);
    memset(text, '{', sizeof text - 1);
    assert_int_equal(parse(text, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "column 65"));
}

static void brackets_inside_strings_and_beside_each_other_are_not_depth(void **state)
{
    static char text[4000];

    TDL_UNUSED(state);
    strcpy(text, "[\"");
    memset(text + 2, '[', 100);
    strcpy(text + 102, "\\\"[[[\"");
    for (int i = 0; i < 100; i++)
        strcat(text, ",[{}]");
    strcat(text, "]");
    assert_int_equal(parse(text, NULL), TDL_OK);
}

static void the_last_of_two_equal_keys_wins_where_asked(void **state)
{
    json_t *value;
    int64_t a = 0;

    TDL_UNUSED(state);
    assert_int_equal(tdl_json_parse(TDL_STR("{\"a\":1,\"a\":2}"), TDL_JSON_LAST_WINS, &value, NULL),
                     TDL_OK);
    assert_true(tdl_json_get_int(value, "a", &a));
    assert_int_equal(a, 2);
    json_decref(value);
}

static void text_is_read_to_its_length_only(void **state)
{
    json_t *value = NULL;

    TDL_UNUSED(state);
    assert_int_equal(
        tdl_json_parse((tdl_str){"12345", 2}, TDL_JSON_REFUSE_DUPLICATES, &value, NULL), TDL_OK);
    assert_int_equal(json_integer_value(value), 12);
    json_decref(value);
    assert_int_equal(tdl_json_parse((tdl_str){0}, TDL_JSON_REFUSE_DUPLICATES, &value, NULL),
                     TDL_E_INVALID);
}

/* jansson alone would read the first as 1 and the second as [1,2]. */
static void nul_bytes_are_refused_where_they_stand(void **state)
{
    tdl_report why = {0};
    json_t *value = NULL;

    TDL_UNUSED(state);
    assert_int_equal(tdl_json_parse(TDL_STR("1\0"), TDL_JSON_REFUSE_DUPLICATES, &value, &why),
                     TDL_E_INVALID);
    assert_string_equal(why.message, "line 1, column 2 (byte 2): there is a NUL byte");
    assert_int_equal(tdl_json_parse(TDL_STR("[1\0,2]"), TDL_JSON_LAST_WINS, &value, NULL),
                     TDL_E_INVALID);
    assert_int_equal(tdl_json_parse(TDL_STR("\"a\0\""), TDL_JSON_LAST_WINS, &value, NULL),
                     TDL_E_INVALID);
}

static void members_are_given_only_in_their_type(void **state)
{
    json_t *o = NULL;
    tdl_str text = {0};
    double number = 0;
    int64_t whole = 0;
    bool truth = false;

    TDL_UNUSED(state);
    assert_int_equal(
        tdl_json_parse(TDL_STR("{\"s\":\"x\",\"i\":3,\"r\":2.5,\"t\":true,\"n\":null}"),
                       TDL_JSON_REFUSE_DUPLICATES, &o, NULL),
        TDL_OK);
    assert_true(tdl_json_get_str(o, "s", &text) && tdl_str_is(text, "x"));
    assert_true(tdl_json_get_number(o, "i", &number) && number == 3);
    assert_true(tdl_json_get_number(o, "r", &number) && number == 2.5);
    assert_true(tdl_json_get_int(o, "i", &whole) && whole == 3);
    assert_true(tdl_json_get_bool(o, "t", &truth) && truth);
    assert_false(tdl_json_get_str(o, "i", &text));
    assert_false(tdl_json_get_str(o, "n", &text));
    assert_false(tdl_json_get_str(o, "none", &text));
    assert_false(tdl_json_get_number(o, "s", &number));
    assert_false(tdl_json_get_int(o, "r", &whole));
    assert_false(tdl_json_get_bool(o, "i", &truth));
    assert_false(tdl_json_get_str(NULL, "s", &text));
    assert_false(tdl_json_get_str(json_object_get(o, "s"), "s", &text));
    assert_string_equal(tdl_json_type_name(json_object_get(o, "s")), "string");
    assert_string_equal(tdl_json_type_name(json_object_get(o, "i")), "number");
    assert_string_equal(tdl_json_type_name(json_object_get(o, "r")), "number");
    assert_string_equal(tdl_json_type_name(json_object_get(o, "t")), "boolean");
    assert_string_equal(tdl_json_type_name(json_object_get(o, "n")), "null");
    assert_string_equal(tdl_json_type_name(o), "object");
    assert_string_equal(tdl_json_type_name(NULL), "missing");
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_are_read),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(an_error_says_where_it_is),
        cmocka_unit_test(hints_say_what_to_do),
        cmocka_unit_test(nesting_of_64_is_read_and_of_65_refused),
        cmocka_unit_test(a_megabyte_of_open_brackets_is_refused),
        cmocka_unit_test(brackets_inside_strings_and_beside_each_other_are_not_depth),
        cmocka_unit_test(the_last_of_two_equal_keys_wins_where_asked),
        cmocka_unit_test(text_is_read_to_its_length_only),
        cmocka_unit_test(nul_bytes_are_refused_where_they_stand),
        cmocka_unit_test(members_are_given_only_in_their_type),
    };

    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
