#include "cases.h"

#include "apps/recommend/history.h"

enum { ITEMS = 1100 };
static const tdl_str ANN = {"ann", 3}, BOB = {"bob", 3};
static tdl_catalogue *catalogue; /* of ITEMS items */

static int make_catalogue(void **state)
{
    char id[16];

    TDL_UNUSED(state);
    catalogue = tdl_catalogue_new();
    for (int32_t i = 0; i < ITEMS; i++) {
        snprintf(id, sizeof id, "item %d", i);
        if (tdl_catalogue_add(catalogue, tdl_str_of(id)) != i)
            return -1;
    }
    return 0;
}

static int free_catalogue(void **state)
{
    TDL_UNUSED(state);
    tdl_catalogue_free(catalogue);
    return 0;
}

static void expect_history(const tdl_histories *h, tdl_str user, const int32_t *item,
                           const int64_t *time_us, size_t n)
{
    tdl_history found = tdl_histories_of(h, user, NULL);

    assert_int_equal(found.n, n);
    assert_memory_equal(found.item, item, n * sizeof *item);
    assert_memory_equal(found.time_us, time_us, n * sizeof *time_us);
}

static void a_stranger_has_an_empty_history(void **state)
{
    tdl_histories *h = tdl_histories_new(catalogue);

    TDL_UNUSED(state);
    assert_int_equal(tdl_histories_of(h, ANN, NULL).n, 0);
    assert_true(tdl_histories_add(h, ANN, 1, 5));
    assert_int_equal(tdl_histories_of(h, BOB, NULL).n, 0);
    tdl_histories_free(h);
}

static void a_late_event_is_put_in_at_its_time(void **state)
{
    const int32_t item[] = {3, 1, 2};
    const int64_t time_us[] = {5, 10, 20};
    tdl_histories *h = tdl_histories_new(catalogue);

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
    tdl_histories *h = tdl_histories_new(catalogue);

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
    tdl_histories *h = tdl_histories_new(catalogue);

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
    tdl_histories *h = tdl_histories_new(catalogue);

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
    tdl_histories *h = tdl_histories_new(catalogue);
    char name[16];

    TDL_UNUSED(state);
    for (int i = 0; i < EACH; i++)
        for (int u = 0; u < USERS; u++) {
            snprintf(name, sizeof name, "user %d", u);
            assert_true(tdl_histories_add(h, tdl_str_of(name), u + i, i));
        }
    for (int u = 0; u < USERS; u++) {
        snprintf(name, sizeof name, "user %d", u);
        tdl_history history = tdl_histories_of(h, tdl_str_of(name), NULL);
        assert_int_equal(history.n, EACH);
        for (int i = 0; i < EACH; i++)
            assert_int_equal(history.item[i], u + i);
    }
    tdl_histories_free(h);
}

static tdl_digest digest_of(const tdl_histories *h)
{
    tdl_digest digest;

    tdl_histories_of(h, ANN, &digest);
    return digest;
}

/* However the events came: in order, all late, or with an item that moved. */
static void the_digest_is_of_the_history_and_not_of_its_arrival(void **state)
{
    tdl_histories *h[4];
    tdl_digest digest[4], none = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 4; i++)
        h[i] = tdl_histories_new(catalogue);
    assert_memory_equal(digest_of(h[0]).byte, none.byte, sizeof none.byte);
    for (int32_t i = 0; i < 5; i++) {
        tdl_histories_add(h[0], ANN, i, 10 * i);
        tdl_histories_add(h[1], ANN, 4 - i, 10 * (4 - i));
        tdl_histories_add(h[3], ANN, i, 10 * i + (i == 2));
    }
    tdl_histories_add(h[2], ANN, 0, 0);
    tdl_histories_add(h[2], ANN, 4, 60);
    for (int32_t i = 1; i < 5; i++)
        tdl_histories_add(h[2], ANN, i, 10 * i);
    for (size_t i = 0; i < 4; i++)
        digest[i] = digest_of(h[i]);
    assert_memory_not_equal(digest[0].byte, none.byte, sizeof none.byte);
    assert_memory_equal(digest[0].byte, digest[1].byte, sizeof none.byte);
    assert_memory_equal(digest[0].byte, digest[2].byte, sizeof none.byte);
    assert_memory_not_equal(digest[0].byte, digest[3].byte, sizeof none.byte); // another time
    for (size_t i = 0; i < 3; i++) {
        tdl_histories_add(h[i], ANN, 7, 100);
        digest[i] = digest_of(h[i]);
    }
    assert_memory_equal(digest[0].byte, digest[1].byte, sizeof none.byte);
    assert_memory_equal(digest[0].byte, digest[2].byte, sizeof none.byte);
    for (size_t i = 0; i < 4; i++)
        tdl_histories_free(h[i]);
}

static void count(void *context, int32_t item)
{
    TDL_UNUSED(item);
    ++*(size_t *)context;
}

static void a_joined_id_brings_its_history_and_answers_for_the_person(void **state)
{
    const int32_t item[] = {3, 1, 2, 4};
    const int64_t time_us[] = {5, 10, 20, 40};
    tdl_histories *h = tdl_histories_new(catalogue);
    size_t again = 0;

    TDL_UNUSED(state);
    tdl_histories_add(h, ANN, 1, 10);
    tdl_histories_add(h, ANN, 2, 20);
    tdl_histories_add(h, BOB, 3, 5);
    tdl_histories_add(h, BOB, 2, 30);
    assert_true(tdl_histories_join(h, ANN, BOB, count, &again));
    assert_int_equal(again, 1);
    assert_true(tdl_histories_join(h, ANN, BOB, count, &again)); // once is enough
    assert_true(tdl_histories_join(h, BOB, ANN, count, &again));
    tdl_histories_add(h, BOB, 4, 40);
    expect_history(h, ANN, item, time_us, 4);
    expect_history(h, BOB, item, time_us, 4);
    assert_int_equal(again, 1);
    tdl_histories_free(h);
}

static void ignore_again(void *context, int32_t item)
{
    TDL_UNUSED(context);
    TDL_UNUSED(item);
}

/* Rules on what was seen lately ask the newest event; the history keeps the first one's place. */
static void the_newest_event_on_an_item_is_kept_beside_its_first(void **state)
{
    tdl_catalogue *shop = tdl_catalogue_new();
    tdl_histories *kept = tdl_histories_new(shop);
    int32_t a = tdl_catalogue_add(shop, TDL_STR("a")), b = tdl_catalogue_add(shop, TDL_STR("b"));

    TDL_UNUSED(state);
    tdl_histories_add(kept, TDL_STR("u"), a, 10);
    tdl_histories_add(kept, TDL_STR("u"), b, 20);
    tdl_histories_add(kept, TDL_STR("u"), a, 30);
    tdl_histories_add(kept, TDL_STR("u"), a, 5); // late: its place changes, the newest stays
    tdl_histories_add(kept, TDL_STR("v"), b, 40);
    tdl_histories_join(kept, TDL_STR("u"), TDL_STR("v"), ignore_again, NULL);
    tdl_history h = tdl_histories_of(kept, TDL_STR("u"), NULL);
    const int64_t *newest = tdl_histories_newest(kept, TDL_STR("v"));
    assert_int_equal(h.n, 2);
    assert_true(h.item[0] == a && h.time_us[0] == 5 && newest[0] == 30);
    assert_true(h.item[1] == b && h.time_us[1] == 20 && newest[1] == 40);
    tdl_histories_free(kept);
    tdl_catalogue_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_event_on_an_item_is_kept_beside_its_first),
        cmocka_unit_test(a_stranger_has_an_empty_history),
        cmocka_unit_test(a_late_event_is_put_in_at_its_time),
        cmocka_unit_test(events_of_one_time_keep_their_order_of_arrival),
        cmocka_unit_test(a_repeated_item_stays_where_it_was_first),
        cmocka_unit_test(a_late_event_that_is_earlier_moves_its_item),
        cmocka_unit_test(the_digest_is_of_the_history_and_not_of_its_arrival),
        cmocka_unit_test(a_joined_id_brings_its_history_and_answers_for_the_person),
        cmocka_unit_test(many_users_with_many_items_are_kept_apart),
    };
    return cmocka_run_group_tests_name("recommend/history", tests, make_catalogue, free_catalogue);
}
