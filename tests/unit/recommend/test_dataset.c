#include "stored.h"

#include "apps/recommend/dataset.h"
#include "apps/recommend/robots.h"

static void load(stored *s, tdl_dataset *ret)
{
    tdl_report why = {0};

    *ret = (tdl_dataset){0};
    expect_ok(tdl_dataset_load(s->store, ret, &why), &why);
}

static void an_empty_store_gives_an_empty_set(void **state)
{
    stored s = {0};
    tdl_dataset d;

    TDL_UNUSED(state);
    set_up_store(&s);
    load(&s, &d);
    assert_int_equal(d.interactions.users_n, 0);
    assert_int_equal(d.interactions.items_n, 0);
    assert_int_equal(d.interactions.offsets[0], 0);
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void a_user_has_items_in_time_order_whatever_the_order_of_arrival(void **state)
{
    stored s = {0};
    tdl_dataset d;

    TDL_UNUSED(state);
    set_up_store(&s);
    store_event(&s, "ann", "c", 30);
    store_event(&s, "bob", "b", 5);
    store_event(&s, "ann", "a", 10);
    store_event(&s, "ann", "b", 20);
    load(&s, &d);
    assert_int_equal(d.interactions.users_n, 2);
    assert_int_equal(d.interactions.items_n, 3);
    /* bob's event is the earliest, so bob is user 0 */
    assert_int_equal(d.interactions.offsets[1], 1);
    assert_int_equal(d.interactions.offsets[2], 4);
    const char *const expected[] = {"b", "a", "b", "c"};
    const int64_t times[] = {5, 10, 20, 30};
    for (size_t i = 0; i < 4; i++) {
        assert_true(tdl_str_is(tdl_names_at(d.items, d.interactions.item[i]), expected[i]));
        assert_int_equal(d.interactions.time_us[i], times[i]);
    }
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void equal_times_keep_the_order_of_arrival(void **state)
{
    const char *const expected[] = {"b", "c", "a"};
    stored s = {0};
    tdl_dataset d;

    TDL_UNUSED(state);
    set_up_store(&s);
    for (size_t i = 0; i < 3; i++)
        store_event(&s, "ann", expected[i], 10);
    load(&s, &d);
    for (size_t i = 0; i < 3; i++)
        assert_true(tdl_str_is(tdl_names_at(d.items, d.interactions.item[i]), expected[i]));
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void an_item_that_comes_back_keeps_its_first_place(void **state)
{
    stored s = {0};
    tdl_dataset d;

    TDL_UNUSED(state);
    set_up_store(&s);
    store_event(&s, "ann", "a", 10);
    store_event(&s, "ann", "b", 20);
    store_event(&s, "ann", "a", 30);
    store_event(&s, "bob", "a", 40); /* another user: counts */
    store_event(&s, "ann", "b", 5);  /* arrives last, happened first */
    load(&s, &d);
    assert_int_equal(d.interactions.offsets[1], 2);
    assert_int_equal(d.interactions.offsets[2], 3);
    assert_int_equal(d.interactions.time_us[0], 5);
    assert_int_equal(d.interactions.time_us[1], 10);
    assert_int_equal(d.interactions.time_us[2], 40);
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void catalogue_items_count_without_events_and_events_without_items_do_not(void **state)
{
    stored s = {0};
    tdl_dataset d;

    TDL_UNUSED(state);
    set_up_store(&s);
    store_item(&s, "never", "Nobody has seen it");
    store_event(&s, "ann", NULL, 1);
    store_event(&s, "ann", "a", 2);
    load(&s, &d);
    assert_int_equal(d.interactions.items_n, 2);
    assert_true(tdl_names_find(d.items, TDL_STR("never")) >= 0);
    assert_int_equal(d.interactions.users_n, 1);
    assert_int_equal(d.interactions.offsets[1], 1);
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void who_denies_training_gives_no_row_to_the_set(void **state)
{
    stored s = {0};
    tdl_dataset d;
    tdl_report why = {0};
    const tdl_consent word = {
        .purpose = TDL_PURPOSE_TRAINING, .time_us = 9, .source = TDL_STR("test")};

    TDL_UNUSED(state);
    set_up_store(&s);
    store_event(&s, "ann", "a", 1);
    store_event(&s, "ann", "b", 2);
    store_event(&s, "bob", "b", 3);
    expect_ok(tdl_store_put_consent(s.store, TDL_STR("ann"), &word, &why), &why);
    load(&s, &d);
    assert_int_equal(d.interactions.users_n, 1);
    assert_int_equal(d.interactions.offsets[1], 1);
    assert_true(tdl_str_is(tdl_names_at(d.items, d.interactions.item[0]), "b"));
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

/* n views a second apart, from the start of an hour, in one commit. */
static void store_run(stored *s, const char *user, size_t n)
{
    static tdl_event events[TDL_ROBOT_GROUPS + 1];
    static char ids[TDL_ROBOT_GROUPS + 1][32];
    tdl_report why = {0};

    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%s-%zu", user, i);
        events[i] = (tdl_event){.time_us = (int64_t)i * 1000000,
                                .user = tdl_str_of(user),
                                .kind = TDL_STR("view"),
                                .item = i % 2 ? TDL_STR("odd") : TDL_STR("even"),
                                .source = TDL_STR("test"),
                                .message_id = tdl_str_of(ids[i])};
    }
    expect_ok(tdl_store_append(s->store, events, n, NULL, &why), &why);
}

static void robots_are_left_out_and_counted(void **state)
{
    stored s = {0};
    tdl_dataset d;
    tdl_report why = {0};
    tdl_event declared = {.time_us = 1,
                          .user = TDL_STR("declared"),
                          .kind = TDL_STR("view"),
                          .item = TDL_STR("even"),
                          .properties = TDL_STR("{\"bot\":true}"),
                          .source = TDL_STR("test"),
                          .message_id = TDL_STR("d")};

    TDL_UNUSED(state);
    set_up_store(&s);
    store_run(&s, "busy", TDL_ROBOT_GROUPS);
    store_run(&s, "robot", TDL_ROBOT_GROUPS + 1);
    expect_ok(tdl_store_append(s.store, &declared, 1, NULL, &why), &why);
    load(&s, &d);
    assert_int_equal(d.robots_n, 2);
    assert_int_equal(d.robot_events_n, TDL_ROBOT_GROUPS + 2);
    assert_int_equal(d.interactions.users_n, 3);
    assert_int_equal(d.interactions.offsets[3], 2); // busy's two items
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

static void an_order_is_all_its_items(void **state)
{
    stored s = {0};
    tdl_dataset d;
    tdl_report why = {0};
    tdl_event order = {.time_us = 1,
                       .user = TDL_STR("ann"),
                       .kind = TDL_STR("purchase"),
                       .properties = TDL_STR("{\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\"}]}"),
                       .source = TDL_STR("test"),
                       .message_id = TDL_STR("o")};

    TDL_UNUSED(state);
    set_up_store(&s);
    expect_ok(tdl_store_append(s.store, &order, 1, NULL, &why), &why);
    load(&s, &d);
    assert_int_equal(d.interactions.items_n, 2);
    assert_int_equal(d.interactions.offsets[1], 2);
    tdl_dataset_release(&d);
    tear_down_store(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_gives_an_empty_set),
        cmocka_unit_test(a_user_has_items_in_time_order_whatever_the_order_of_arrival),
        cmocka_unit_test(equal_times_keep_the_order_of_arrival),
        cmocka_unit_test(an_item_that_comes_back_keeps_its_first_place),
        cmocka_unit_test(catalogue_items_count_without_events_and_events_without_items_do_not),
        cmocka_unit_test(who_denies_training_gives_no_row_to_the_set),
        cmocka_unit_test(robots_are_left_out_and_counted),
        cmocka_unit_test(an_order_is_all_its_items),
    };
    return cmocka_run_group_tests_name("recommend/dataset", tests, NULL, NULL);
}
