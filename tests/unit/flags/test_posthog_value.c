/* JavaScript's values. Expected texts and times are what Node 20 prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "flags/posthog_value.h"

static void numbers_are_written_as_javascript_does(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {3, "3"},
        {-2.5, "-2.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e21, "1e+21"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e-7, "1e-7"},
        {0.000001, "0.000001"},
        {1.5e-10, "1.5e-10"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {100, "100"},
    };
    char text[TDL_POSTHOG_NUMBER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdl_posthog_number_text(cases[i].number, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void lower_case_is_that_of_unicode(void **state)
{
    static const char *const cases[][2] = {
        {"ABC", "abc"},
        {"\xc3\x89t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
        {"\xce\xa3\xce\x8a\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3",
         "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82"}, // the last sigma is final
        {"\xc4\xb0", "i\xcc\x87"},
        {"\xe7\x94\xa8", "\xe7\x94\xa8"},
    };
    tdl_arena *arena = tdl_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(tdl_str_is(tdl_posthog_lower(tdl_str_of(cases[i][0]), arena), cases[i][1]));
    tdl_arena_free(arena);
}

/* new Date(text).valueOf(), with TZ=UTC */
static void dates_are_read_as_v8_reads_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2024-02-29", 1709164800000},
        {"2024-02-30", 1709251200000}, // rolls over
        {"2023", 1672531200000},
        {"2022-05-01T10:00:00.123456+02:00", 1651392000123},
        {"2022-05-01T24:00:00", 1651449600000},
        {"2022-05-01 10:00:00Z", 1651399200000},
        {"2022-05-01t10:00z", 1651399200000},
        {"May 1, 2022", 1651363200000},
        {"5/1/2022 10:00 PM", 1651442400000},
        {"Tue, 15 Nov 1994 08:12:31 GMT", 784887151000},
        {"Tue Nov 15 1994 08:12:31 GMT+0200 (EET)", 784879951000},
        {"9", 999302400000},
        {"-3", 983404800000},
        {"1 Jan 70", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *text = json_string(cases[i].text);
        int64_t ms = -1;
        if (!tdl_posthog_date(text, &ms) || ms != cases[i].ms)
            fail_msg("%s is %lld", cases[i].text, (long long)ms);
        json_decref(text);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "yesterday",
                                        "2022-13-01",
                                        "2022-05-01T",
                                        "2022-05-01T25:00",
                                        "12abc",
                                        "2022-05-01T10:00:00X",
                                        "1 2 3 4",
                                        "10:00"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *text = json_string(cases[i]);
        int64_t ms;
        if (tdl_posthog_date(text, &ms))
            fail_msg("%s is taken for %lld", cases[i], (long long)ms);
        json_decref(text);
    }
}

/* relativeDateParseForFeatureFlagMatching of @posthog/core 1.67 at that time */
static void months_ago_end_with_their_month(void **state)
{
    const int64_t march_31 = INT64_C(1711843200000), leap_day = INT64_C(1709164800000);

    (void)state;
    assert_int_equal(tdl_posthog_ago_ms((tdl_posthog_ago){1, 'm'}, march_31), leap_day);
    assert_int_equal(tdl_posthog_ago_ms((tdl_posthog_ago){1, 'y'}, leap_day),
                     INT64_C(1677542400000)); // 2023-02-28
    assert_int_equal(tdl_posthog_ago_ms((tdl_posthog_ago){4, 'y'}, leap_day),
                     INT64_C(1582848000000)); // 2020-02-28, as the SDK has it
    assert_int_equal(tdl_posthog_ago_ms((tdl_posthog_ago){14, 'm'}, march_31),
                     INT64_C(1674864000000)); // 28 January: February on the way has 29
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_javascript_does),
        cmocka_unit_test(lower_case_is_that_of_unicode),
        cmocka_unit_test(dates_are_read_as_v8_reads_them),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(months_ago_end_with_their_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
