#include "cases.h"

#include "apps/recommend/history.h"

static const tdl_str ANN = {"ann", 3}, BOB = {"bob", 3};

static void expect_history(const tdl_histories *h, tdl_str user, const int32_t *item,
                           const int64_t *time_us, size_t n)
{
    tdl_history found = tdl_histories_of(h, user);

    assert_int_equal(found.n, n);
    assert_memory_equal(found.item, item, n * sizeof *item);
    assert_memory_equal(found.time_us, time_us, n * sizeof *time_us);
}

static void a_stranger_has_an_empty_history(void **state)
{
    tdl_histories *h = tdl_histories_new();

    TDL_UNUSED(state);
    assert_int_equal(tdl_histories_of(h, ANN).n, 0);
    assert_true(tdl_histories_add(h, ANN, 1, 5));
    assert_int_equal(tdl_histories_of(h, BOB).n, 0);
    tdl_histories_free(h);
}

static void a_late_event_is_put_in_at_its_time(void **state)
{
    const int32_t item[] = {3, 1, 2};
    const int64_t time_us[] = {5, 10, 20};
    tdl_histories *h = tdl_histories_new();

    TDL_UNUSED(state);
    tdl_histories_add(h, ANN, 1, 10);
    tdl_histories_add(h, ANN, 2, 20);
    assert_true(tdl_histories_add(h, ANN, 3, 5));
    expect_history(h, ANN, item, time_us, 3);
    tdl_histories_free(h);
}

static void events_of_one_time_keep_their_order_of_arrival(void **state)
{
    const int32_t item[] = {7, 2, 9};
    const int64_t time_us[] = {10, 10, 10};
    tdl_histories *h = tdl_histories_new();

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++)
        assert_true(tdl_histories_add(h, ANN, item[i], 10));
    expect_history(h, ANN, item, time_us, 3);
    tdl_histories_free(h);
}

static void a_repeated_item_stays_where_it_was_first(void **state)
{
    const int32_t item[] = {1, 2};
    const int64_t time_us[] = {10, 20};
    tdl_histories *h = tdl_histories_new();

    TDL_UNUSED(state);
    assert_true(tdl_histories_add(h, ANN, 1, 10));
    assert_true(tdl_histories_add(h, ANN, 2, 20));
    assert_false(tdl_histories_add(h, ANN, 1, 30));
    expect_history(h, ANN, item, time_us, 2);
    tdl_histories_free(h);
}

/* What training would see: dataset.c reads events by time, so the earlier one is the first. */
static void a_late_event_that_is_earlier_moves_its_item(void **state)
{
    const int32_t item[] = {2, 1};
    const int64_t time_us[] = {5, 10};
    tdl_histories *h = tdl_histories_new();

    TDL_UNUSED(state);
    tdl_histories_add(h, ANN, 1, 10);
    tdl_histories_add(h, ANN, 2, 20);
    assert_false(tdl_histories_add(h, ANN, 2, 5));
    expect_history(h, ANN, item, time_us, 2);
    tdl_histories_free(h);
}

static void many_users_with_many_items_are_kept_apart(void **state)
{
    enum { USERS = 1000, EACH = 50 };
    tdl_histories *h = tdl_histories_new();
    char name[16];

    TDL_UNUSED(state);
    for (int i = 0; i < EACH; i++)
        for (int u = 0; u < USERS; u++) {
            snprintf(name, sizeof name, "user %d", u);
            assert_true(tdl_histories_add(h, tdl_str_of(name), u + i, i));
        }
    for (int u = 0; u < USERS; u++) {
        snprintf(name, sizeof name, "user %d", u);
        tdl_history history = tdl_histories_of(h, tdl_str_of(name));
        assert_int_equal(history.n, EACH);
        for (int i = 0; i < EACH; i++)
            assert_int_equal(history.item[i], u + i);
    }
    tdl_histories_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_has_an_empty_history),
        cmocka_unit_test(a_late_event_is_put_in_at_its_time),
        cmocka_unit_test(events_of_one_time_keep_their_order_of_arrival),
        cmocka_unit_test(a_repeated_item_stays_where_it_was_first),
        cmocka_unit_test(a_late_event_that_is_earlier_moves_its_item),
        cmocka_unit_test(many_users_with_many_items_are_kept_apart),
    };
    return cmocka_run_group_tests_name("recommend/history", tests, NULL, NULL);
}
