#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"

/* Expected: Python, (datetime.fromisoformat(t) - datetime(1970,1,1,tzinfo=utc)) / microsecond.
 * The first five are the examples of RFC 3339, section 5.8. */
static const struct {
    const char *text;
    int64_t us;
} good[] = {
    {"1985-04-12T23:20:50.52Z", 482196050520000},
    {"1996-12-19T16:39:57-08:00", 851042397000000},
    {"1990-12-31T23:59:60Z", 662688000000000},      /* leap second: the next one */
    {"1990-12-31T15:59:60-08:00", 662688000000000}, /* the same elsewhere */
    {"1937-01-01T12:00:27.87+00:20", -1041337172130000},
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"2026-11-24T10:00:00.5+08:00", 1795485600500000},
    {"2026-11-24t02:00:00.500z", 1795485600500000},
    {"2026-11-24 02:00:00.5Z", 1795485600500000},
    {"2026-11-24", 1795478400000000},
    {"2000-02-29T00:00:00Z", 951782400000000},
    {"1600-02-29T12:34:56Z", -11670953104000000},
    {"2100-03-01T00:00:00Z", 4107542400000000},
    {"0001-01-01T00:00:00Z", -62135596800000000},
    {"9999-12-31T23:59:59.999999Z", 253402300799999999},
    {"1970-01-01T00:00:00.123456789Z", 123456}, /* cut, not rounded */
    {"1970-01-01T00:00:00.0000019Z", 1},
    {"1969-12-31T23:59:59.9999999Z", -1},
};

static void rfc_3339_times_are_read(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t us = 7;

        assert_int_equal(tdl_time_parse(tdl_str_of(good[i].text), &us, NULL), TDL_OK);
        if (us != good[i].us)
            fail_msg("%s: %lld", good[i].text, (long long)us);
    }
}

static void what_is_not_a_time_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "year"},
        {"soon", "year"},
        {"26-11-24", "year"},
        {"12026-01-01", "'-' must follow the year"},
        {"2026-1-01", "month"},
        {"2026-00-01", "month"},
        {"2026-13-01", "month"},
        {"2026-11-31", "day"},
        {"2026-02-29", "day"},
        {"1900-02-29", "day"}, /* divisible by 100, not by 400 */
        {"2026-11-00", "day"},
        {"2026-11-2", "day"},
        {"2026-11-24T", "hour"},
        {"2026-11-24X10:00:00Z", "'T'"},
        {"2026-11-24T10:00:00", "zone"},
        {"2026-11-24T10:00Z", "seconds"},
        {"2026-11-24T24:00:00Z", "hour"},
        {"2026-11-24T10:60:00Z", "minute"},
        {"2026-11-24T10:00:61Z", "second"},
        {"2026-11-24T10:00:60Z", "leap second"},
        {"2026-11-24T10:00:00.Z", "fraction"},
        {"2026-11-24T10:00:00.1234567890Z", "fraction"},
        {"2026-11-24T10:00:00,5Z", "zone"},
        {"2026-11-24T10:00:00+24:00", "zone's hours"},
        {"2026-11-24T10:00:00+01:60", "zone's minutes"},
        {"2026-11-24T10:00:00+0100", "':'"},
        {"2026-11-24T10:00:00 Z", "zone"},
        {"2026-11-24T10:00:00Zjunk", "follows"},
        {" 2026-11-24", "year"},
        {"-001-01-01", "year"},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};
        int64_t us = 7;

        assert_int_equal(tdl_time_parse(tdl_str_of(bad[i].text), &us, &why), TDL_E_INVALID);
        assert_int_equal(us, 7);
        if (!strstr(why.message, bad[i].reason))
            fail_msg("'%s' gave: %s", bad[i].text, why.message);
        assert_true(why.hint[0] != '\0');
    }
}

static void nul_bytes_and_cut_slices_are_refused(void **state)
{
    int64_t us;

    TDL_UNUSED(state);
    assert_int_equal(tdl_time_parse(TDL_STR("2026-11-24\0"), &us, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_time_parse(TDL_STR("2026-11-24T10:00:00\0"), &us, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_time_parse((tdl_str){"2026-11-24T10:00:00Z", 19}, &us, NULL),
                     TDL_E_INVALID);
    assert_int_equal(tdl_time_parse((tdl_str){0}, &us, NULL), TDL_E_INVALID);
}

static void format_is_the_shortest_exact_form(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1795485600500000, "2026-11-24T02:00:00.5Z"},
        {1795485600000010, "2026-11-24T02:00:00.00001Z"},
        {951782400000000, "2000-02-29T00:00:00Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
    };
    char text[TDL_TIME_TEXT_MAX];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdl_time_format(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* Over four centuries (the calendar's period), each time at another time of day. */
static void what_was_formatted_reads_back_the_same(void **state)
{
    const int64_t day_us = 86400000000, step_us = day_us + 7919000013;
    char text[TDL_TIME_TEXT_MAX];

    TDL_UNUSED(state);
    for (int64_t us = -10000 * day_us; us < 136097 * day_us; us += step_us) {
        int64_t back = 0;

        tdl_time_format(us, text);
        assert_int_equal(tdl_time_parse(tdl_str_of(text), &back, NULL), TDL_OK);
        assert_true(back == us);
    }
}

/* Walks the calendar by hand, day by day, from 1600 to 2400. */
static void every_day_follows_the_one_before(void **state)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    char text[TDL_TIME_TEXT_MAX];
    int64_t us = 0, before;

    TDL_UNUSED(state);
    assert_int_equal(tdl_time_parse(TDL_STR("1599-12-31"), &before, NULL), TDL_OK);
    for (int year = 1600; year <= 2400; year++) {
        for (int month = 1; month <= 12; month++) {
            int leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);

            for (int day = 1; day <= days[month - 1] + (month == 2 && leap); day++) {
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                assert_int_equal(tdl_time_parse(tdl_str_of(text), &us, NULL), TDL_OK);
                assert_true(us - before == 86400000000);
                before = us;
            }
        }
    }
}

static void clocks_go_forward(void **state)
{
    int64_t before = tdl_time_monotonic();
    double cpu = tdl_time_cpu_thread();

    TDL_UNUSED(state);
    assert_true(tdl_time_monotonic() >= before);
    assert_true(tdl_time_cpu_thread() >= cpu && cpu >= 0);
    assert_true(tdl_time_now() > 1767225600000000); /* 2026-01-01 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3339_times_are_read),
        cmocka_unit_test(what_is_not_a_time_is_refused_with_a_reason),
        cmocka_unit_test(nul_bytes_and_cut_slices_are_refused),
        cmocka_unit_test(format_is_the_shortest_exact_form),
        cmocka_unit_test(what_was_formatted_reads_back_the_same),
        cmocka_unit_test(every_day_follows_the_one_before),
        cmocka_unit_test(clocks_go_forward),
    };

    return cmocka_run_group_tests_name("base/timestamp", tests, NULL, NULL);
}
