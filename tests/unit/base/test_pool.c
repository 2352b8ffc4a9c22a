#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/report.h"

enum { N = 1000 };

typedef struct trace {
    atomic_int visits[N];
    size_t begin[64], end[64]; /* by part */
    atomic_int calls;
} trace;

static void record(void *context, size_t begin, size_t end, unsigned part)
{
    trace *t = context;

    for (size_t i = begin; i < end; i++)
        atomic_fetch_add(&t->visits[i], 1);
    t->begin[part] = begin;
    t->end[part] = end;
    atomic_fetch_add(&t->calls, 1);
}

static void every_index_is_visited_once_for_any_split(void **state)
{
    TDL_UNUSED(state);
    for (unsigned threads = 1; threads <= 5; threads++) {
        tdl_pool *pool = tdl_pool_new(threads);

        assert_non_null(pool);
        assert_int_equal(tdl_pool_threads(pool), threads);
        for (size_t n = 0; n <= N; n += n < 20 ? 1 : 97) {
            for (size_t grain = 1; grain <= 64; grain *= 4) {
                trace t = {0};

                tdl_pool_run(pool, n, grain, record, &t);
                for (size_t i = 0; i < N; i++)
                    assert_int_equal(t.visits[i], i < n);
                assert_true(t.calls <= (int)threads);
            }
        }
        tdl_pool_free(pool);
    }
}

static void shares_are_contiguous_even_and_multiples_of_the_grain(void **state)
{
    tdl_pool *pool = tdl_pool_new(3);
    trace t = {0};

    TDL_UNUSED(state);
    tdl_pool_run(pool, 85, 8, record, &t); /* 11 units of 8: shares of 4, 4 and 3 units */
    assert_int_equal(t.begin[0], 0);
    assert_int_equal(t.end[0], 32);
    assert_int_equal(t.begin[1], 32);
    assert_int_equal(t.end[1], 64);
    assert_int_equal(t.begin[2], 64);
    assert_int_equal(t.end[2], 85);
    tdl_pool_free(pool);
}

static void the_split_is_the_same_every_time(void **state)
{
    tdl_pool *pool = tdl_pool_new(4);
    trace first = {0};

    TDL_UNUSED(state);
    tdl_pool_run(pool, N, 1, record, &first);
    for (int i = 0; i < 200; i++) {
        trace again = {0};

        tdl_pool_run(pool, N, 1, record, &again);
        assert_memory_equal(again.begin, first.begin, sizeof first.begin);
        assert_memory_equal(again.end, first.end, sizeof first.end);
    }
    tdl_pool_free(pool);
}

static void add_one(void *context, size_t begin, size_t end, unsigned part)
{
    long *values = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        values[i]++;
}

/* Many short runs in a row cross every path of waiting and waking; what one run wrote is seen by
 * the next and by the caller without atomics. */
static void thousands_of_runs_lose_nothing(void **state)
{
    tdl_pool *pool = tdl_pool_new(3);
    long values[64] = {0};

    TDL_UNUSED(state);
    for (int i = 0; i < 5000; i++)
        tdl_pool_run(pool, 64, 1, add_one, values);
    for (int i = 0; i < 64; i++)
        assert_int_equal(values[i], 5000);
    tdl_pool_free(pool);
}

static void no_pool_runs_on_the_caller(void **state)
{
    trace t = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_pool_threads(NULL), 1);
    tdl_pool_run(NULL, 10, 3, record, &t);
    assert_int_equal(t.calls, 1);
    assert_int_equal(t.end[0], 10);
    tdl_pool_free(NULL);
}

static void a_grain_of_zero_counts_as_one(void **state)
{
    tdl_pool *pool = tdl_pool_new(2);
    trace t = {0};

    TDL_UNUSED(state);
    tdl_pool_run(pool, 10, 0, record, &t);
    assert_int_equal(t.end[0], 5);
    assert_int_equal(t.end[1], 10);
    tdl_pool_free(pool);
}

static void the_environment_sets_the_default(void **state)
{
    tdl_pool *pool;

    TDL_UNUSED(state);
    setenv("TREADLE_THREADS", "3", 1);
    pool = tdl_pool_new(0);
    assert_int_equal(tdl_pool_threads(pool), 3);
    tdl_pool_free(pool);
    setenv("TREADLE_THREADS", "many", 1); /* nonsense: the machine's own number */
    pool = tdl_pool_new(0);
    assert_true(tdl_pool_threads(pool) >= 1);
    tdl_pool_free(pool);
    unsetenv("TREADLE_THREADS");
}

static void see_mask(void *context, size_t begin, size_t end, unsigned part)
{
    sigset_t mask;

    TDL_UNUSED(begin);
    TDL_UNUSED(end);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ((int *)context)[part] = sigismember(&mask, SIGTERM);
}

static void workers_leave_signals_to_the_caller(void **state)
{
    tdl_pool *pool = tdl_pool_new(2);
    int blocked[2] = {-1, -1};

    TDL_UNUSED(state);
    tdl_pool_run(pool, 2, 1, see_mask, blocked);
    assert_int_equal(blocked[0], 0);
    assert_int_equal(blocked[1], 1);
    tdl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_once_for_any_split),
        cmocka_unit_test(shares_are_contiguous_even_and_multiples_of_the_grain),
        cmocka_unit_test(the_split_is_the_same_every_time),
        cmocka_unit_test(thousands_of_runs_lose_nothing),
        cmocka_unit_test(no_pool_runs_on_the_caller),
        cmocka_unit_test(a_grain_of_zero_counts_as_one),
        cmocka_unit_test(the_environment_sets_the_default),
        cmocka_unit_test(workers_leave_signals_to_the_caller),
    };

    return cmocka_run_group_tests_name("base/pool", tests, NULL, NULL);
}
