#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "wire/clock.h"

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_int_equal(tdl_time_parse(tdl_str_of(text), &us, NULL), TDL_OK);
    return us;
}

/* The worked case of the clock rule: ts 10:00:00, sent 10:00:05. */
static void a_wrong_clock_is_corrected_and_a_slow_network_is_not(void **state)
{
    int64_t raw = at("2026-11-24T10:00:00Z"), sent = at("2026-11-24T10:00:05Z");

    (void)state;
    assert_int_equal(tdl_clock_correct(raw, sent, at("2026-11-24T12:00:05Z")),
                     at("2026-11-24T12:00:00Z"));
    assert_int_equal(tdl_clock_correct(raw, sent, at("2026-11-24T10:00:09Z")), raw);
    assert_int_equal(tdl_clock_correct(raw, sent, at("2026-11-24T10:00:15Z")), raw); // 10 s
    assert_int_equal(tdl_clock_correct(raw, sent, at("2026-11-24T10:00:15.000001Z")),
                     raw + 10000001);
    assert_int_equal(tdl_clock_correct(raw, sent, at("2026-11-24T08:00:05Z")),
                     at("2026-11-24T08:00:00Z")); // a clock that is ahead
    assert_int_equal(tdl_clock_correct(raw, -1, at("2026-11-24T12:00:05Z")), raw);
}

static void the_future_is_clamped_and_the_past_is_not(void **state)
{
    int64_t now = at("2026-11-24T10:00:00Z");

    (void)state;
    assert_int_equal(tdl_clock_correct(now + 60000000, -1, now), now + 60000000);
    assert_int_equal(tdl_clock_correct(now + 60000001, -1, now), now);
    assert_int_equal(tdl_clock_correct(at("2020-01-02T03:04:05Z"), now, now),
                     at("2020-01-02T03:04:05Z"));
}

static bool read_time(json_t *value, int64_t *ret_us)
{
    bool read = tdl_clock_read(value, ret_us);
    json_decref(value);
    return read;
}

static void times_are_rfc_3339_seconds_or_milliseconds(void **state)
{
    int64_t us, want = at("2020-01-02T03:04:05Z"); // 1577934245 by `date +%s`

    (void)state;
    assert_true(read_time(json_string("2020-01-02T04:04:05+01:00"), &us) && us == want);
    assert_true(read_time(json_integer(1577934245), &us) && us == want);
    assert_true(read_time(json_integer(1577934245000), &us) && us == want);
    assert_true(read_time(json_real(1577934245.5), &us) && us == want + 500000);
    assert_true(read_time(json_string("1577934245000"), &us) && us == want);
    assert_true(read_time(json_integer(99999999999), &us) && us == INT64_C(99999999999000000));
    assert_true(read_time(json_integer(100000000000), &us) && us == INT64_C(100000000000000));
}

static void what_is_no_time_is_not_read(void **state)
{
    int64_t us = 7;

    (void)state;
    assert_false(read_time(json_string("soon"), &us));
    assert_false(read_time(json_string(""), &us));
    assert_false(read_time(json_real(1e300), &us));
    assert_false(read_time(json_real(-1e300), &us));
    assert_false(read_time(json_true(), &us));
    assert_false(read_time(json_object(), &us));
    assert_false(read_time(NULL, &us));
    assert_int_equal(us, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_clock_is_corrected_and_a_slow_network_is_not),
        cmocka_unit_test(the_future_is_clamped_and_the_past_is_not),
        cmocka_unit_test(times_are_rfc_3339_seconds_or_milliseconds),
        cmocka_unit_test(what_is_no_time_is_not_read),
    };
    return cmocka_run_group_tests_name("wire/clock", tests, NULL, NULL);
}
