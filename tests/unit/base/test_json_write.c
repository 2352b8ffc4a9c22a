#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"

static tdl_buf out; /* of the test under way */

static tdl_jw start(void)
{
    tdl_buf_clear(&out);
    return (tdl_jw){.out = &out};
}

static int release(void **state)
{
    TDL_UNUSED(state);
    tdl_buf_release(&out);
    return 0;
}

static void commas_stand_between_members_only(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "a", "x");
    tdl_jw_key(&w, "b");
    tdl_jw_array(&w);
    tdl_jw_end_array(&w);
    tdl_jw_key(&w, "c");
    tdl_jw_array(&w);
    tdl_jw_int(&w, 1);
    tdl_jw_object(&w);
    tdl_jw_end_object(&w);
    tdl_jw_null(&w);
    tdl_jw_raw(&w, TDL_STR("{\"r\":1}"));
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "d", -5);
    tdl_jw_kbool(&w, "e", false);
    tdl_jw_knumber(&w, "f", 2.5);
    tdl_jw_kraw(&w, "g", (tdl_str){0});
    tdl_jw_ktext(&w, "h", NULL);
    tdl_jw_kstr(&w, "i", (tdl_str){0});
    tdl_jw_ktime(&w, "j", 1795485600500000);
    tdl_jw_end_object(&w);
    assert_string_equal(out.at, "{\"a\":\"x\",\"b\":[],\"c\":[1,{},null,{\"r\":1}],\"d\":-5,"
                                "\"e\":false,\"f\":2.5,\"g\":null,\"h\":null,\"i\":\"\","
                                "\"j\":\"2026-11-24T02:00:00.5Z\"}");
}

static void one_scalar_is_a_whole_text(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    tdl_jw_bool(&w, true);
    assert_string_equal(out.at, "true");
}

/* RFC 8259, section 7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. */
static void strings_are_escaped_as_the_standard_asks(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    tdl_jw_str(&w, TDL_STR("a\"b\\c/\b\t\n\f\r\x01\x1F\0é中😀"));
    assert_string_equal(out.at, "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0001\\u001f\\u0000é中😀\"");
}

static void every_byte_string_comes_out_as_json(void **state)
{
    TDL_UNUSED(state);
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char text[4] = {(char)first, (char)second, 'x', (char)first};
            tdl_jw w = start();
            json_t *back = NULL;

            if (first == 0 || second == 0) /* \u0000 is valid JSON but our reader refuses it */
                continue;
            tdl_jw_str(&w, (tdl_str){text, sizeof text});
            assert_int_equal(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_LAST_WINS, &back, NULL),
                             TDL_OK);
            if (tdl_str_utf8((tdl_str){text, sizeof text}, NULL))
                assert_memory_equal(json_string_value(back), text, sizeof text);
            else
                assert_non_null(strstr(json_string_value(back), "\xEF\xBF\xBD"));
            json_decref(back);
        }
    }
}

static void integers_of_every_size(void **state)
{
    const int64_t values[] = {0, 1, -1, 9, 10, -10, 1234567890123456789, INT64_MAX, INT64_MIN};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        tdl_jw w = start();
        char expected[32];

        tdl_jw_int(&w, values[i]);
        snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_string_equal(out.at, expected);
    }
}

/* The contract of tdl_jw_number: the shorter of %.15g and %.17g that reads back equal. */
static void check_number(double value)
{
    tdl_jw w = start();
    char expected[40];

    snprintf(expected, sizeof expected, "%.15g", value);
    if (strtod(expected, NULL) != value)
        snprintf(expected, sizeof expected, "%.17g", value);
    tdl_jw_number(&w, value);
    assert_string_equal(out.at, expected);
}

static void numbers_are_the_shortest_that_reads_back(void **state)
{
    const double values[] = {1,
                             -1,
                             0.1,
                             0.1 + 0.2,
                             4.5,
                             19.99,
                             1e15,
                             1e14 + 0.5,
                             1e-4,
                             0.00012,
                             1e-5,
                             0.0000015,
                             1.0 / 3,
                             1e22,
                             1e300,
                             5e-324,
                             -2e-10,
                             123456.789,
                             999999.9999995,
                             0.999999999,
                             100,
                             1e9,
                             DBL_MAX,
                             DBL_MIN,
                             9007199254740993.0,
                             999999999999999.0,
                             1000000.000001,
                             0.000101,
                             123456789.123456};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        check_number(values[i]);
        check_number(-values[i]);
    }
}

/* -0.0 keeps its sign and its type through our own reader; "-0" would come back as an integer. */
static void zero_keeps_its_sign(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    tdl_jw_array(&w);
    tdl_jw_number(&w, 0.0);
    tdl_jw_number(&w, -0.0);
    tdl_jw_end_array(&w);
    assert_string_equal(out.at, "[0,-0.0]");
}

static void random_numbers_too(void **state)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    TDL_UNUSED(state);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = tdl_rng_u64(&rng);
        double any, decimal = (double)(int64_t)tdl_rng_below(&rng, 1000000000000);

        memcpy(&any, &bits, sizeof any);
        if (isfinite(any))
            check_number(any);
        check_number(tdl_rng_uniform(&rng));
        check_number(decimal / pow(10, (double)tdl_rng_below(&rng, 12)));
    }
}

static void numbers_that_are_not_finite_are_null(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    tdl_jw_array(&w);
    tdl_jw_number(&w, NAN);
    tdl_jw_number(&w, INFINITY);
    tdl_jw_number(&w, -INFINITY);
    tdl_jw_end_array(&w);
    assert_string_equal(out.at, "[null,null,null]");
}

static void a_locale_with_decimal_commas_changes_nothing_here(void **state)
{
    tdl_jw w = start();

    TDL_UNUSED(state);
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        print_message("SKIPPED: the locale de_DE.UTF-8 is not installed here\n");
        skip();
    }
    tdl_jw_number(&w, 1.0 / 3);
    setlocale(LC_ALL, "C");
    assert_string_equal(out.at, "0.33333333333333331");
}

static void a_dump_has_sorted_keys_and_no_blanks(void **state)
{
    json_t *value = NULL;

    TDL_UNUSED(state);
    tdl_buf_clear(&out);
    assert_int_equal(
        tdl_json_parse(
            TDL_STR(" {\"b\" : [1, 2.50, \"x\\ny\"], \"a\" : {}, \"B\": null, \"ab\": 0.1} "),
            TDL_JSON_REFUSE_DUPLICATES, &value, NULL),
        TDL_OK);
    tdl_json_dump(&out, value);
    assert_string_equal(out.at, "{\"B\":null,\"a\":{},\"ab\":0.1,\"b\":[1,2.5,\"x\\ny\"]}");
    json_decref(value);
}

static void a_dump_of_nesting_too_deep_fails_and_does_not_crash(void **state)
{
    json_t *value = json_array();

    TDL_UNUSED(state);
    tdl_buf_clear(&out);
    for (int i = 0; i < 100; i++) {
        json_t *around = json_array();

        json_array_append_new(around, value);
        value = around;
    }
    tdl_json_dump(&out, value);
    assert_true(out.failed);
    json_decref(value);
}

static void a_full_buffer_is_remembered(void **state)
{
    tdl_buf small = {.limit = 10};
    tdl_jw w = {.out = &small};

    TDL_UNUSED(state);
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "key", "far too long for it");
    tdl_jw_end_object(&w);
    assert_true(small.failed);
    tdl_buf_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_only),
        cmocka_unit_test(one_scalar_is_a_whole_text),
        cmocka_unit_test(strings_are_escaped_as_the_standard_asks),
        cmocka_unit_test(every_byte_string_comes_out_as_json),
        cmocka_unit_test(integers_of_every_size),
        cmocka_unit_test(numbers_are_the_shortest_that_reads_back),
        cmocka_unit_test(zero_keeps_its_sign),
        cmocka_unit_test(random_numbers_too),
        cmocka_unit_test(numbers_that_are_not_finite_are_null),
        cmocka_unit_test(a_locale_with_decimal_commas_changes_nothing_here),
        cmocka_unit_test(a_dump_has_sorted_keys_and_no_blanks),
        cmocka_unit_test(a_dump_of_nesting_too_deep_fails_and_does_not_crash),
        cmocka_unit_test(a_full_buffer_is_remembered),
    };

    return cmocka_run_group_tests_name("base/json_write", tests, NULL, release);
}
