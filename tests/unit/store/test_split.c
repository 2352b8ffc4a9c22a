/* Persons taken apart again. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static void join_at(fixture *f, const char *message, const char *kind, const char *user,
                    const char *alias, int64_t time_us)
{
    tdl_event e = event_of(message);

    e.kind = tdl_str_of(kind);
    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    e.time_us = time_us;
    assert_int_equal(append_one(f, &e), 1);
}

static void join(fixture *f, const char *message, const char *user, const char *alias)
{
    join_at(f, message, "$create_alias", user, alias, 1000000);
}

static void split(fixture *f, const char *id, const char *person)
{
    tdl_str part;

    succeed(f, tdl_store_split(f->store, tdl_str_of(id), f->arena, &part, &f->why));
    assert_str(part, person);
}

static void expect_person(fixture *f, const char *id, const char *person)
{
    tdl_str found;

    succeed(f, tdl_store_person(f->store, tdl_str_of(id), f->arena, &found, &f->why));
    assert_str(found, person);
}

static size_t events_of(fixture *f, const char *id)
{
    tdl_event *got;
    size_t n;

    succeed(f, tdl_store_user_events(f->store, tdl_str_of(id), 99, f->arena, &got, &n, &f->why));
    return n;
}

static void expect_traits(fixture *f, const char *id, const char *json)
{
    tdl_buf out = {0};

    succeed(f, tdl_store_traits(f->store, tdl_str_of(id), &out, &f->why));
    assert_str(tdl_buf_view(&out), json);
    tdl_buf_release(&out);
}

static void a_split_gives_back_history_and_traits(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("anon's");

    e.user = TDL_STR("anon");
    e.traits = TDL_STR("{\"plan\":\"pro\"}");
    assert_int_equal(append_one(f, &e), 1);
    join_at(f, "login", "$identify", "ann", "anon", 2000000);
    assert_int_equal(events_of(f, "ann"), 2);
    expect_traits(f, "ann", "{\"plan\":\"pro\"}");
    split(f, "anon", "anon");
    expect_person(f, "ann", "ann");
    assert_int_equal(events_of(f, "ann"), 1);
    assert_int_equal(events_of(f, "anon"), 1);
    expect_traits(f, "ann", "{}");
    expect_traits(f, "anon", "{\"plan\":\"pro\"}");
}

/* "c" came by "b", so it goes with "b": not with who stood for all at that time. */
static void what_came_later_stays_with_the_id_it_came_by(void **state)
{
    fixture *f = *state;

    join(f, "1", "a", "b");
    join(f, "2", "b", "c");
    join(f, "3", "a", "d");
    split(f, "b", "b");
    expect_person(f, "c", "b");
    expect_person(f, "d", "a");
    split(f, "c", "c");
    expect_person(f, "b", "b");
}

static void the_newest_join_is_undone_first(void **state)
{
    fixture *f = *state;

    join(f, "1", "k", "x");
    join(f, "2", "r", "k");
    split(f, "x", "k"); // x and k came to r together
    expect_person(f, "x", "k");
    expect_person(f, "r", "r");
    split(f, "x", "x");
    expect_person(f, "k", "k");
}

static void whoever_stands_for_a_person_is_not_split_off(void **state)
{
    fixture *f = *state;
    tdl_str part;

    join(f, "1", "a", "b");
    refuse(f, tdl_store_split(f->store, TDL_STR("a"), f->arena, &part, &f->why), TDL_E_CONFLICT,
           "stands for");
    refuse(f, tdl_store_split(f->store, TDL_STR("nobody"), f->arena, &part, &f->why),
           TDL_E_NOT_FOUND, "nobody");
    expect_person(f, "b", "a");
}

static void only_a_newer_alias_joins_again_what_was_undone(void **state)
{
    fixture *f = *state;
    const int64_t later = INT64_C(2000000000000000); // 2033: after the parting, whenever this runs
    tdl_str found;

    join_at(f, "1", "$identify", "ann", "anon", 10);
    split(f, "anon", "anon");
    join_at(f, "2", "$identify", "ann", "anon", 20);     // an SDK says it once more
    join_at(f, "3", "$create_alias", "ann", "anon", 30); // told long ago, arrived late
    join_at(f, "4", "$identify", "ann", "other", 40);    // others are free
    join_at(f, "5", "$identify", "other", "anon", 50);   // nor by the way of another id
    join_at(f, "6", "page", "anon", "ann", 60);          // nor the other way round
    expect_person(f, "anon", "anon");
    expect_person(f, "other", "ann");
    tdl_event e = event_of("7");
    e.kind = TDL_STR("$create_alias");
    e.user = TDL_STR("ann");
    e.alias = TDL_STR("anon");
    e.time_us = later;
    succeed(f, tdl_store_append(f->store, &e, 1, NULL, &f->why));
    succeed(f, tdl_store_person(f->store, TDL_STR("anon"), f->arena, &found, &f->why));
    assert_str(found, "ann");
}

static void the_ids_of_a_person_say_how_they_came(void **state)
{
    fixture *f = *state;
    tdl_person_id *ids;
    size_t n;

    join_at(f, "m1", "$identify", "ann", "anon", 5);
    join_at(f, "m2", "$create_alias", "ann", "old", 7);
    succeed(f, tdl_store_person_ids(f->store, TDL_STR("old"), f->arena, &ids, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(ids[0].id, "ann");
    assert_false(ids[0].joined);
    assert_str(ids[1].id, "anon");
    assert_true(ids[1].joined && ids[1].time_us == 5);
    assert_str(ids[1].kind, "$identify");
    assert_str(ids[1].message_id, "m1");
    assert_str(ids[1].source, "test");
    assert_str(ids[2].message_id, "m2");
    split(f, "anon", "anon");
    succeed(f, tdl_store_person_ids(f->store, TDL_STR("ann"), f->arena, &ids, &n, &f->why));
    assert_int_equal(n, 2);
    succeed(f, tdl_store_person_ids(f->store, TDL_STR("anon"), f->arena, &ids, &n, &f->why));
    assert_int_equal(n, 1);
    assert_false(ids[0].joined);
    succeed(f, tdl_store_person_ids(f->store, TDL_STR("stranger"), f->arena, &ids, &n, &f->why));
    assert_int_equal(n, 0);
}

static void note(void *context, tdl_str person, tdl_str other)
{
    char *text = context;

    sprintf(text + strlen(text), "%.*s|%.*s ", TDL_FMT(person), TDL_FMT(other));
}

static void partings_are_told_once(void **state)
{
    fixture *f = *state;
    char text[200] = "";
    int64_t position = 0;

    join(f, "1", "a", "b");
    join(f, "2", "a", "c");
    split(f, "b", "b");
    split(f, "c", "c");
    succeed(f, tdl_store_splits(f->store, &position, note, text, &f->why));
    assert_string_equal(text, "a|b a|c ");
    succeed(f, tdl_store_splits(f->store, &position, note, text, &f->why));
    assert_string_equal(text, "a|b a|c ");
}

/* Whatever was joined and parted before: one id stands for itself, a split parts an id from who
 * stood for it, and after enough of them nobody is joined to anybody. */
static void any_order_of_joins_and_splits_comes_apart(void **state)
{
    enum { IDS = 12, STEPS = 150 };
    fixture *f = *state;
    unsigned seed = 7;
    char message[16], one[8], other[8];
    tdl_str person, again, part;

    for (int i = 0; i < STEPS; i++) {
        snprintf(message, sizeof message, "m%d", i);
        snprintf(one, sizeof one, "u%d", rand_r(&seed) % IDS);
        snprintf(other, sizeof other, "u%d", rand_r(&seed) % IDS);
        if (rand_r(&seed) % 3) {
            tdl_event e = event_of(message);
            e.kind = TDL_STR("$create_alias");
            e.user = tdl_str_of(one);
            e.alias = tdl_str_of(other);
            e.time_us = INT64_C(2000000000000000);
            succeed(f, tdl_store_append(f->store, &e, 1, NULL, &f->why));
            continue;
        }
        succeed(f, tdl_store_person(f->store, tdl_str_of(one), f->arena, &person, &f->why));
        if (tdl_store_split(f->store, tdl_str_of(one), f->arena, &part, NULL))
            continue;
        assert_false(tdl_str_eq(person, part));
        succeed(f, tdl_store_person(f->store, part, f->arena, &again, &f->why));
        assert_true(tdl_str_eq(part, again));
        succeed(f, tdl_store_person(f->store, person, f->arena, &again, &f->why));
        assert_true(tdl_str_eq(person, again));
    }
    for (int i = 0; i < IDS; i++) {
        snprintf(one, sizeof one, "u%d", i);
        while (!tdl_store_split(f->store, tdl_str_of(one), f->arena, &part, NULL))
            ;
    }
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users WHERE person IS NOT NULL"), 0);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM joins WHERE undone_us = 0"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_split_gives_back_history_and_traits),
        STORE_TEST(what_came_later_stays_with_the_id_it_came_by),
        STORE_TEST(the_newest_join_is_undone_first),
        STORE_TEST(whoever_stands_for_a_person_is_not_split_off),
        STORE_TEST(only_a_newer_alias_joins_again_what_was_undone),
        STORE_TEST(the_ids_of_a_person_say_how_they_came),
        STORE_TEST(partings_are_told_once),
        STORE_TEST(any_order_of_joins_and_splits_comes_apart),
    };
    return run_on_each_backend("store/split", tests);
}
