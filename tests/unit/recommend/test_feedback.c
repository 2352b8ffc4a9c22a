/* Logs as groups and numbers; what a split lets through. Expected values written down by hand. */
#include "cases.h"

#include "apps/recommend/feedback.h"
#include "apps/recommend/holdout.h"

static void add(tdl_feedback *f, const char *user, const char *item, const char *order, int64_t t)
{
    tdl_feedback_row row = {tdl_str_of(user), tdl_str_of(item), tdl_str_of(order), t};
    tdl_report why = {0};

    expect_ok(tdl_feedback_add(f, &row, &why), &why);
}

static tdl_feedback *finish(tdl_feedback *f)
{
    tdl_report why = {0};

    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

static void expect_events(const tdl_feedback *f, size_t user, const char *const *item,
                          const int64_t *time_us, size_t n)
{
    const tdl_interactions *all = tdl_feedback_all(f);

    assert_int_equal(all->offsets[user + 1] - all->offsets[user], n);
    for (size_t i = 0; i < n; i++) {
        size_t at = all->offsets[user] + i;
        assert_true(tdl_str_is(tdl_feedback_item(f, all->item[at]), item[i]));
        assert_int_equal(all->time_us[at], time_us[i]);
    }
}

static void an_order_is_one_group_at_the_time_of_its_first_row(void **state)
{
    static const char *const items[] = {"a", "b", "a", "c"};
    static const int64_t times[] = {10, 10, 11, 20}; // two orders of one time are two groups
    tdl_feedback *f = tdl_feedback_new();

    TDL_UNUSED(state);
    add(f, "ann", "a", "o1", 12);
    add(f, "ann", "b", "o1", 10);
    add(f, "ann", "a", "o1", 13); // again in the same group: once
    add(f, "ann", "c", "", 20);
    add(f, "ann", "a", "o2", 10);
    finish(f);
    expect_events(f, 0, items, times, COUNT(items));
    assert_true(tdl_str_is(tdl_feedback_order(f, 2), "o2"));
    assert_int_equal(tdl_feedback_order(f, 3).len, 0);
    assert_int_equal(tdl_feedback_rows(f), 5);
    tdl_feedback_free(f);
}

static void people_and_items_are_numbered_by_their_first_event(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    int64_t first_us, last_us;

    TDL_UNUSED(state);
    add(f, "late", "x", "", 50);
    add(f, "early", "y", "", 10);
    add(f, "", "z", "o9", 30);
    add(f, "late", "y", "", 60);
    finish(f);
    assert_true(tdl_str_is(tdl_feedback_user(f, 0), "early"));
    assert_true(tdl_str_is(tdl_feedback_user(f, 1), "o9"));
    assert_true(tdl_feedback_is_guest(f, 1) && !tdl_feedback_is_guest(f, 0));
    assert_true(tdl_str_is(tdl_feedback_item(f, 0), "y"));
    assert_true(tdl_str_is(tdl_feedback_item(f, 2), "x"));
    assert_int_equal(tdl_feedback_items_before(f, 30), 1);
    assert_int_equal(tdl_feedback_items_before(f, 31), 2);
    assert_int_equal(tdl_feedback_users_before(f, 1000), 3);
    tdl_feedback_span(f, &first_us, &last_us);
    assert_int_equal(first_us, 10);
    assert_int_equal(last_us, 60);
    tdl_feedback_free(f);
}

static void the_order_of_rows_changes_nothing_inside_a_group(void **state)
{
    const tdl_interactions *a, *b;
    tdl_feedback *one = tdl_feedback_new(), *other = tdl_feedback_new();

    TDL_UNUSED(state);
    add(one, "u", "a", "", 5);
    add(one, "u", "b", "", 5);
    add(one, "u", "a", "", 7);
    add(other, "u", "a", "", 7);
    add(other, "u", "b", "", 5);
    add(other, "u", "a", "", 5);
    a = tdl_feedback_all(finish(one));
    b = tdl_feedback_all(finish(other));
    assert_int_equal(a->offsets[1], 3);
    assert_int_equal(b->offsets[1], 3);
    assert_memory_equal(a->time_us, b->time_us, 3 * sizeof *a->time_us);
    tdl_feedback_free(one);
    tdl_feedback_free(other);
}

static void rows_without_a_person_or_an_item_are_refused(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_report why = {0};
    const tdl_feedback_row nobody = {.item = TDL_STR("a")}, nothing = {.user = TDL_STR("u")};
    const tdl_feedback_row guest = {.user = TDL_STR("\1o"), .item = TDL_STR("a")};

    TDL_UNUSED(state);
    assert_int_equal(tdl_feedback_add(f, &nobody, &why), TDL_E_INVALID);
    assert_int_equal(tdl_feedback_add(f, &nothing, &why), TDL_E_INVALID);
    assert_int_equal(tdl_feedback_add(f, &guest, &why), TDL_E_INVALID);
    assert_int_equal(tdl_feedback_finish(f, &why), TDL_E_INVALID);
    tdl_feedback_free(f);
}

/* Five items of which four are known; nothing of 100 or later may be learnt from. */
static void an_event_of_later_stops_the_run(void **state)
{
    static const int32_t item[] = {0, 4}, known[] = {0, 3, 0};
    static const int64_t late[] = {10, 100}, early[] = {10, 20, 30};
    tdl_holdout h;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_holdout_init(&h, 4, 100, &why), &why);
    assert_int_equal(tdl_holdout_train(&h, item, late, 2, &why), TDL_E_INTERNAL);
    assert_int_equal(tdl_holdout_train(&h, item, early, 2, &why), TDL_E_INTERNAL);
    expect_ok(tdl_holdout_train(&h, known, early, 3, &why), &why);
    expect_ok(tdl_holdout_seal(&h, &why), &why);
    tdl_question late_question = {.history = {item, late, 2}, .target = known, .relevant_n = 1};
    assert_int_equal(tdl_holdout_ask(&h, &late_question, &why), TDL_E_INTERNAL);
    tdl_holdout_release(&h);
}

static void rungs_see_repeats_only_if_they_want_them(void **state)
{
    static const int32_t item[] = {2, 1, 2, 0}, target[] = {4, 1, 9};
    static const int64_t time_us[] = {1, 2, 3, 4};
    tdl_rung_ops again = {.repeats = true}, once = {0};
    tdl_holdout h;
    tdl_report why = {0};
    tdl_question q = {.history = {item, time_us, 4}, .target = target, .relevant_n = 3, .user = 7};

    TDL_UNUSED(state);
    expect_ok(tdl_holdout_init(&h, 4, 100, &why), &why);
    expect_ok(tdl_holdout_train(&h, item, time_us, 4, &why), &why);
    expect_ok(tdl_holdout_seal(&h, &why), &why);
    expect_ok(tdl_holdout_ask(&h, &q, &why), &why);
    assert_int_equal(tdl_holdout_data(&h, &again).end[0], 4);
    assert_int_equal(tdl_holdout_data(&h, &once).end[0], 3);
    assert_int_equal(tdl_holdout_data(&h, &once).all->time_us[2], 4);
    assert_int_equal(h.question[0].history.n, 4);
    assert_int_equal(h.question[0].first.n, 3);
    assert_int_equal(h.question[0].first.item[2], 0);
    assert_int_equal(h.question[0].target_n, 1); // 4 and 9 came later: misses
    assert_int_equal(h.question[0].target[0], 1);
    assert_int_equal(h.question[0].relevant_n, 3);
    tdl_holdout_release(&h);
}

static void a_person_belongs_where_his_first_row_says(void **state)
{
    tdl_feedback *f = tdl_feedback_new();
    static const struct said {
        const char *user, *segment;
        int64_t time_us;
    } rows[] = {{"ann", "north", 20}, {"ann", "south", 10}, {"ann", "west", 30}, {"ben", "", 5},
                {"cy", "b", 7},       {"cy", "a", 7},       {"ben", "east", 9}};
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(rows); i++) {
        tdl_feedback_row row = {tdl_str_of(rows[i].user), TDL_STR("i"), {0}, rows[i].time_us};
        expect_ok(tdl_feedback_add_segment(f, &row, tdl_str_of(rows[i].segment), &why), &why);
    }
    add(f, "dora", "i", "", 40); // nothing is said of her
    expect_ok(tdl_feedback_finish(f, &why), &why);
    assert_int_equal(tdl_feedback_segments(f), 6);
    for (int32_t u = 0; u < 4; u++) {
        tdl_str name = tdl_feedback_user(f, u);
        int32_t segment = tdl_feedback_segment_of(f, u);
        const char *expected = tdl_str_is(name, "ann")   ? "south"
                               : tdl_str_is(name, "ben") ? "east"
                                                         : "a";
        if (tdl_str_is(name, "dora"))
            assert_int_equal(segment, -1);
        else
            assert_true(tdl_str_is(tdl_feedback_segment(f, segment), expected));
    }
    tdl_feedback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_one_group_at_the_time_of_its_first_row),
        cmocka_unit_test(people_and_items_are_numbered_by_their_first_event),
        cmocka_unit_test(the_order_of_rows_changes_nothing_inside_a_group),
        cmocka_unit_test(rows_without_a_person_or_an_item_are_refused),
        cmocka_unit_test(an_event_of_later_stops_the_run),
        cmocka_unit_test(rungs_see_repeats_only_if_they_want_them),
        cmocka_unit_test(a_person_belongs_where_his_first_row_says),
    };
    return cmocka_run_group_tests_name("recommend/feedback", tests, NULL, NULL);
}
