#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "http/limit.h"

enum { SECOND = 1000000 };

/* How many of `n` requests at once pass. */
static int take(tdl_limit *limit, const char *name, int n, int64_t now_us)
{
    int passed = 0;

    for (int i = 0; i < n; i++)
        passed += tdl_limit_take(limit, name, strlen(name), now_us);
    return passed;
}

static void a_burst_passes_and_then_the_rate(void **state)
{
    tdl_limit *limit = tdl_limit_new(10, 5);

    (void)state;
    assert_int_equal(take(limit, "a", 20, 0), 5);
    assert_int_equal(take(limit, "a", 20, SECOND / 10), 1);
    assert_int_equal(take(limit, "a", 20, SECOND / 10 + 99999), 0);
    assert_int_equal(take(limit, "a", 20, 3 * SECOND), 5); // no more than a burst is saved up
    tdl_limit_free(limit);
}

static void over_time_exactly_the_rate_passes(void **state)
{
    tdl_limit *limit = tdl_limit_new(7, 1);
    int passed = 0;

    (void)state;
    for (int64_t now_us = 0; now_us < 100 * SECOND; now_us += 1000)
        passed += take(limit, "a", 1, now_us);
    assert_in_range(passed, 693, 700); // 7 a second; a millisecond's grid loses up to 1 %
    tdl_limit_free(limit);
}

static void names_do_not_disturb_each_other(void **state)
{
    tdl_limit *limit = tdl_limit_new(1, 2);

    (void)state;
    assert_int_equal(take(limit, "a", 9, 0), 2);
    assert_int_equal(take(limit, "b", 9, 0), 2);
    assert_int_equal(take(limit, "a", 9, 0), 0);
    tdl_limit_free(limit);
}

static void without_a_burst_it_is_two_seconds_worth(void **state)
{
    tdl_limit *limit = tdl_limit_new(50, 0);

    (void)state;
    assert_int_equal(take(limit, "a", 500, 0), 100);
    tdl_limit_free(limit);
}

static void no_limit_lets_all_pass(void **state)
{
    (void)state;
    assert_null(tdl_limit_new(0, 5));
    assert_int_equal(take(NULL, "a", 1000, 0), 1000);
    tdl_limit_free(NULL);
}

/* A million names, one request each: the table does not grow, and who asks on is still limited. */
static void many_names_do_not_free_the_one_that_goes_on(void **state)
{
    tdl_limit *limit = tdl_limit_new(1, 100);
    int passed = 0;

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        tdl_limit_take(limit, name, strlen(name), i * 10);
        if (i % 100 == 0)
            passed += take(limit, "greedy", 1, i * 10);
    }
    assert_in_range(passed, 100, 110); // 100 at once and 1 a second for 10 seconds
    tdl_limit_free(limit);
}

typedef struct taker {
    tdl_limit *limit;
    atomic_int passed;
} taker;

static void *take_many(void *context)
{
    taker *t = context;

    for (int i = 0; i < 20000; i++)
        atomic_fetch_add(&t->passed, take(t->limit, i & 1 ? "a" : "b", 1, 0));
    return NULL;
}

static void threads_share_one_bucket(void **state)
{
    taker t = {.limit = tdl_limit_new(1, 5000)};
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &t), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&t.passed), 10000);
    tdl_limit_free(t.limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate),
        cmocka_unit_test(over_time_exactly_the_rate_passes),
        cmocka_unit_test(names_do_not_disturb_each_other),
        cmocka_unit_test(without_a_burst_it_is_two_seconds_worth),
        cmocka_unit_test(no_limit_lets_all_pass),
        cmocka_unit_test(many_names_do_not_free_the_one_that_goes_on),
        cmocka_unit_test(threads_share_one_bucket),
    };
    return cmocka_run_group_tests_name("http/limit", tests, NULL, NULL);
}
