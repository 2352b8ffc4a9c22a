#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/rate.h"

enum { S = 1000000 };

static void events_show_in_the_second_they_came_oldest_first(void **state)
{
    tdl_rate rate;
    uint32_t got[TDL_RATE_SECONDS];

    (void)state;
    tdl_rate_init(&rate);
    tdl_rate_add(&rate, 1000 * (int64_t)S, 3);
    tdl_rate_add(&rate, 1001 * (int64_t)S + 999999, 4);
    tdl_rate_add(&rate, 1002 * (int64_t)S, 9); // the second under way is not shown yet
    tdl_rate_read(&rate, 1002 * (int64_t)S + 5, got);
    assert_int_equal(got[TDL_RATE_SECONDS - 1], 4);
    assert_int_equal(got[TDL_RATE_SECONDS - 2], 3);
    assert_int_equal(got[TDL_RATE_SECONDS - 3], 0);
    tdl_rate_read(&rate, 1003 * (int64_t)S, got);
    assert_int_equal(got[TDL_RATE_SECONDS - 1], 9);
    tdl_rate_release(&rate);
}

static void a_minute_of_silence_clears_everything(void **state)
{
    tdl_rate rate;
    uint32_t got[TDL_RATE_SECONDS];

    (void)state;
    tdl_rate_init(&rate);
    tdl_rate_add(&rate, 1000 * (int64_t)S, 3);
    tdl_rate_read(&rate, 1060 * (int64_t)S, got);
    assert_int_equal(got[0], 3); // exactly sixty seconds ago: still the oldest one shown
    tdl_rate_read(&rate, 1061 * (int64_t)S, got);
    for (size_t i = 0; i < TDL_RATE_SECONDS; i++)
        assert_int_equal(got[i], 0);
    tdl_rate_release(&rate);
}

static void a_clock_that_goes_back_loses_no_count(void **state)
{
    tdl_rate rate;
    uint32_t got[TDL_RATE_SECONDS];

    (void)state;
    tdl_rate_init(&rate);
    tdl_rate_add(&rate, 1000 * (int64_t)S, 1);
    tdl_rate_add(&rate, 990 * (int64_t)S, 1);
    tdl_rate_read(&rate, 1001 * (int64_t)S, got);
    assert_int_equal(got[TDL_RATE_SECONDS - 1], 2);
    tdl_rate_release(&rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_show_in_the_second_they_came_oldest_first),
        cmocka_unit_test(a_minute_of_silence_clears_everything),
        cmocka_unit_test(a_clock_that_goes_back_loses_no_count),
    };
    return cmocka_run_group_tests_name("loop/rate", tests, NULL, NULL);
}
