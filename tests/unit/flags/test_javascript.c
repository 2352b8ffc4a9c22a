/* What JavaScript does with JSON values. Expected values are those of node 20. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "flags/javascript.h"

static json_t *parse(const char *text)
{
    json_t *value = NULL;

    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &value, NULL), TDL_OK);
    return value;
}

static void assert_written(tdl_buf *out, const char *want)
{
    assert_false(out->failed);
    assert_string_equal(out->len ? out->at : "", want);
    tdl_buf_clear(out);
}

static void numbers_are_written_as_short_as_they_read_back(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {1e-7, "1e-7"},
        {1e-6, "0.000001"},
        {123456789012345680000.0, "123456789012345680000"},
        {-1.5, "-1.5"},
        {-0.0, "0"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {1e15, "1000000000000000"},
        {1234567890123456.0, "1234567890123456"},
        {100, "100"},
        {1e20, "100000000000000000000"},
    };
    tdl_buf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_js_add_number(&out, cases[i].number);
        assert_written(&out, cases[i].text);
    }
    tdl_buf_release(&out);
}

static void text_reads_as_a_number_or_as_none(void **state)
{
    (void)state;
    assert_true(tdl_js_text_number(TDL_STR("")) == 0);
    assert_true(tdl_js_text_number(TDL_STR(" \n\xC2\xA0")) == 0);
    assert_true(tdl_js_text_number(TDL_STR(" 12.5e1 ")) == 125);
    assert_true(tdl_js_text_number(TDL_STR(".5")) == 0.5);
    assert_true(tdl_js_text_number(TDL_STR("5.")) == 5);
    assert_true(tdl_js_text_number(TDL_STR("0x1F")) == 31);
    assert_true(tdl_js_text_number(TDL_STR("0b101")) == 5);
    assert_true(isinf(tdl_js_text_number(TDL_STR("-Infinity"))));
    assert_true(isnan(tdl_js_text_number(TDL_STR("0x"))));
    assert_true(isnan(tdl_js_text_number(TDL_STR("1 2"))));
    assert_true(isnan(tdl_js_text_number(TDL_STR("nan"))));
}

static void values_become_text(void **state)
{
    static const char *const cases[][2] = {
        {"[1,[2,null],\"x\",{}]", "1,2,,x,[object Object]"},
        {"null", "null"},
        {"true", "true"},
        {"\"é\"", "é"},
        {"3.0", "3"},
        {"[]", ""},
    };
    tdl_buf scratch = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = parse(cases[i][0]);
        tdl_str text = tdl_js_text(value, &scratch);
        assert_true(tdl_str_is(text, cases[i][1]));
        json_decref(value);
    }
    tdl_buf_release(&scratch);
}

static void stringify_puts_indices_first(void **state)
{
    json_t *value = parse("{\"b\":1,\"10\":2,\"a\":3.0,\"9\":[-0.0],\"01\":9007199254740993}");
    tdl_buf out = {0};

    (void)state;
    tdl_js_stringify(&out, value, false);
    assert_written(&out, "{\"9\":[0],\"10\":2,\"b\":1,\"a\":3,\"01\":9007199254740992}");
    tdl_js_stringify(&out, value, true);
    assert_non_null(strstr(out.at, "\"a\":3.0,\"01\":9007199254740993"));
    tdl_buf_release(&out);
    json_decref(value);
}

static void lower_case_knows_its_two_exceptions(void **state)
{
    tdl_buf out = {0};

    (void)state;
    tdl_js_lower(&out, TDL_STR("ÉTÉ Az"));
    assert_written(&out, "été az");
    tdl_js_lower(&out, TDL_STR("ΑΣ ΣΑ Σ"));
    assert_written(&out, "ας σα σ");
    tdl_js_lower(&out, TDL_STR("İ"));
    assert_written(&out, "i\xCC\x87");
    tdl_buf_release(&out);
}

static void text_sorts_by_utf_16_units(void **state)
{
    (void)state;
    assert_true(tdl_js_text_compare(TDL_STR("a"), TDL_STR("b")) < 0);
    assert_true(tdl_js_text_compare(TDL_STR("a"), TDL_STR("ab")) < 0);
    assert_true(tdl_js_text_compare(TDL_STR(""), TDL_STR("")) == 0);
    assert_true(tdl_js_text_compare(TDL_STR("😀"), TDL_STR("\xEF\xBC\xA1")) < 0); // U+FF21
    assert_true(tdl_js_text_compare(TDL_STR("😀"), TDL_STR("😁")) < 0);
    assert_true(tdl_js_text_compare(TDL_STR("é"), TDL_STR("z")) > 0);
}

static void same_is_strict(void **state)
{
    json_t *list = parse("[1,1.0,\"1\",true,null,[1],[1]]");
    const json_t *at[7];

    (void)state;
    for (size_t i = 0; i < 7; i++)
        at[i] = json_array_get(list, i);
    assert_true(tdl_js_same(at[0], at[1]));
    assert_false(tdl_js_same(at[0], at[2]));
    assert_false(tdl_js_same(at[0], at[3]));
    assert_true(tdl_js_same(at[4], NULL));
    assert_false(tdl_js_same(at[5], at[6]));
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_short_as_they_read_back),
        cmocka_unit_test(text_reads_as_a_number_or_as_none),
        cmocka_unit_test(values_become_text),
        cmocka_unit_test(stringify_puts_indices_first),
        cmocka_unit_test(lower_case_knows_its_two_exceptions),
        cmocka_unit_test(text_sorts_by_utf_16_units),
        cmocka_unit_test(same_is_strict),
    };

    return cmocka_run_group_tests_name("javascript", tests, NULL, NULL);
}
