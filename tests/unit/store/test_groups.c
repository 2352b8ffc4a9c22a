/* Groups: what events tell of companies and teams, and that they are no persons. */
#include "fixture.h"

static tdl_event group_event(const char *message, const char *user, const char *traits,
                             int64_t time_us)
{
    tdl_event e = event_of(message);

    e.kind = TDL_STR("$groupidentify");
    e.user = tdl_str_of(user);
    e.group_type = TDL_STR("company");
    e.group = TDL_STR("acme");
    e.group_traits = tdl_str_of(traits);
    e.time_us = time_us;
    return e;
}

static void expect_traits(fixture *f, const char *json, int64_t updated_us)
{
    tdl_buf out = {0};
    int64_t us;

    succeed(f, tdl_store_group_traits(f->store, TDL_STR("company"), TDL_STR("acme"), &out, &us,
                                      &f->why));
    assert_str(tdl_buf_view(&out), json);
    assert_true(us == updated_us);
    tdl_buf_release(&out);
}

static void the_newest_word_on_a_group_holds(void **state)
{
    fixture *f = *state;
    tdl_event e = group_event("1", "u1", "{\"seats\":5,\"plan\":{\"a\":[1,null]}}", 20);

    assert_int_equal(append_one(f, &e), 1);
    e = group_event("2", "u2", "{\"seats\":1,\"name\":\"Acme\"}", 10); // late
    assert_int_equal(append_one(f, &e), 1);
    expect_traits(f, "{\"name\":\"Acme\",\"plan\":{\"a\":[1,null]},\"seats\":5}", 20);
    e = group_event("3", "u2", "{\"seats\":9}", 30);
    assert_int_equal(append_one(f, &e), 1);
    expect_traits(f, "{\"name\":\"Acme\",\"plan\":{\"a\":[1,null]},\"seats\":9}", 30);
    fixture_reopen(f);
    expect_traits(f, "{\"name\":\"Acme\",\"plan\":{\"a\":[1,null]},\"seats\":9}", 30);
}

/* The first copy of a message stays, in all it says. */
static void a_duplicate_tells_nothing(void **state)
{
    fixture *f = *state;
    tdl_event e = group_event("1", "u1", "{\"seats\":5}", 20);
    size_t n;

    assert_int_equal(append_one(f, &e), 1);
    e.group_traits = TDL_STR("{\"seats\":6}");
    succeed(f, tdl_store_append(f->store, &e, 1, &n, &f->why));
    assert_int_equal(n, 0);
    expect_traits(f, "{\"seats\":5}", 20);
}

static void groups_are_listed_by_type_and_name(void **state)
{
    fixture *f = *state;
    tdl_group_row *got;
    tdl_buf out = {0};
    size_t n;
    tdl_event e = group_event("1", "u1", "{\"seats\":5}", 20);

    assert_int_equal(append_one(f, &e), 1);
    e = group_event("2", "u1", "", 30);
    e.group_type = TDL_STR("team");
    e.group = TDL_STR("a");
    assert_int_equal(append_one(f, &e), 1);
    e.message_id = TDL_STR("3");
    e.group = TDL_STR("b");
    assert_int_equal(append_one(f, &e), 1);
    succeed(f, tdl_store_groups(f->store, (tdl_str){0}, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(got[0].type, "company");
    assert_str(got[0].name, "acme");
    assert_true(got[0].updated_us == 20 && got[1].updated_us == 0);
    succeed(f, tdl_store_groups(f->store, TDL_STR("team"), 1, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(got[0].name, "a");
    refuse(f, tdl_store_group_traits(f->store, TDL_STR("team"), TDL_STR("z"), &out, NULL, &f->why),
           TDL_E_NOT_FOUND, "\"z\"");
    tdl_buf_release(&out);
}

static bool count_step(void *context, const tdl_step *step)
{
    assert_true(step->person > 0);
    ++*(int *)context;
    return true;
}

/* posthog-node tells of a group under the group's own name. */
static void a_group_is_no_person(void **state)
{
    fixture *f = *state;
    const tdl_walk walk = {.until_us = INT64_MAX};
    tdl_event e = group_event("1", "$company_acme", "{\"seats\":5}", 20), *events;
    tdl_user_row *users;
    int steps = 0;
    size_t n;

    e.no_person = true;
    assert_int_equal(append_one(f, &e), 1);
    e = event_of("2");
    assert_int_equal(append_one(f, &e), 1);
    succeed(f, tdl_store_users(f->store, (tdl_str){0}, 9, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(users[0].id, "u");
    succeed(f, tdl_store_walk(f->store, &walk, count_step, &steps, &f->why));
    assert_int_equal(steps, 1);
    // the event itself is kept
    succeed(f, tdl_store_user_events(f->store, TDL_STR("$company_acme"), 9, f->arena, &events, &n,
                                     &f->why));
    assert_int_equal(n, 1);
}

static void a_group_needs_its_type_and_its_name(void **state)
{
    fixture *f = *state;
    tdl_event e = group_event("1", "u1", "", 20);

    e.group = (tdl_str){0};
    refuse(f, tdl_event_check(&e, 100, &f->why), TDL_E_INVALID, "group is missing");
    e = group_event("1", "u1", "[]", 20);
    refuse(f, tdl_event_check(&e, 100, &f->why), TDL_E_INVALID, "group_traits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_newest_word_on_a_group_holds),    STORE_TEST(a_duplicate_tells_nothing),
        STORE_TEST(groups_are_listed_by_type_and_name),  STORE_TEST(a_group_is_no_person),
        STORE_TEST(a_group_needs_its_type_and_its_name),
    };
    return run_on_each_backend("store/groups", tests);
}
