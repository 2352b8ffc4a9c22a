#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/report.h"
#include "base/slot.h"

typedef struct value {
    tdl_held held;
    int number, copy; /* equal as long as it lives */
} value;

static atomic_int freed;

static void free_value(tdl_held *held)
{
    value *v = (value *)held;

    v->number = v->copy = -1;
    atomic_fetch_add(&freed, 1);
    free(v);
}

static void put(tdl_slot *slot, int number)
{
    value *v = malloc(sizeof *v);

    assert_non_null(v);
    v->number = v->copy = number;
    tdl_slot_put(slot, &v->held, free_value);
}

static void an_empty_slot_gives_nothing(void **state)
{
    tdl_slot slot = {0};

    TDL_UNUSED(state);
    assert_null(tdl_slot_take(&slot));
    tdl_slot_drop(NULL);
    tdl_slot_clear(&slot);
}

static void a_value_lives_until_its_last_reader_drops_it(void **state)
{
    tdl_slot slot = {0};

    TDL_UNUSED(state);
    atomic_store(&freed, 0);
    put(&slot, 1);
    tdl_held *first = tdl_slot_take(&slot), *again = tdl_slot_take(&slot);
    assert_ptr_equal(first, again);
    tdl_slot_drop(again);
    put(&slot, 2);
    assert_int_equal(atomic_load(&freed), 0);
    assert_int_equal(((value *)first)->number, 1);
    tdl_slot_drop(first);
    assert_int_equal(atomic_load(&freed), 1);
    put(&slot, 3); // nobody holds 2
    assert_int_equal(atomic_load(&freed), 2);
    tdl_slot_clear(&slot);
    assert_int_equal(atomic_load(&freed), 3);
    assert_null(tdl_slot_take(&slot));
}

/* Far more than the 16 bits that count in the slot. */
static void a_value_may_be_taken_any_number_of_times(void **state)
{
    enum { TIMES = 1000000, HELD = 100000 };
    tdl_slot slot = {0};
    tdl_held *held = NULL;

    TDL_UNUSED(state);
    atomic_store(&freed, 0);
    put(&slot, 1);
    for (int i = 0; i < TIMES; i++)
        tdl_slot_drop(tdl_slot_take(&slot));
    for (int i = 0; i < HELD; i++)
        held = tdl_slot_take(&slot);
    tdl_slot_clear(&slot);
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(atomic_load(&freed), 0);
        tdl_slot_drop(held);
    }
    assert_int_equal(atomic_load(&freed), 1);
}

typedef struct readers {
    tdl_slot slot;
    atomic_bool stop;
    atomic_int torn;
} readers;

static void *read_on(void *context)
{
    readers *r = context;

    while (!atomic_load(&r->stop)) {
        value *v = (value *)tdl_slot_take(&r->slot);
        if (v->number != v->copy || v->number < 0)
            atomic_fetch_add(&r->torn, 1);
        tdl_slot_drop(&v->held);
    }
    return NULL;
}

static void readers_never_see_a_value_that_is_gone(void **state)
{
    enum { READERS = 4, PUTS = 20000 };
    readers r = {.slot = {0}};
    pthread_t thread[READERS];

    TDL_UNUSED(state);
    atomic_store(&freed, 0);
    put(&r.slot, 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &r), 0);
    for (int i = 1; i <= PUTS; i++)
        put(&r.slot, i);
    atomic_store(&r.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(thread[i], NULL);
    tdl_slot_clear(&r.slot);
    assert_int_equal(atomic_load(&r.torn), 0);
    assert_int_equal(atomic_load(&freed), PUTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_slot_gives_nothing),
        cmocka_unit_test(a_value_lives_until_its_last_reader_drops_it),
        cmocka_unit_test(a_value_may_be_taken_any_number_of_times),
        cmocka_unit_test(readers_never_see_a_value_that_is_gone),
    };

    return cmocka_run_group_tests_name("base/slot", tests, NULL, NULL);
}
