/* Persons, traits and flags. */
#include <stdio.h>

#include "fixture.h"

static void join(fixture *f, const char *message, const char *kind, const char *user,
                 const char *alias)
{
    tdl_event e = event_of(message);

    e.kind = tdl_str_of(kind);
    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    assert_int_equal(append_one(f, &e), 1);
}

static void expect_person(fixture *f, const char *id, const char *person)
{
    tdl_str found;

    succeed(f, tdl_store_person(f->store, tdl_str_of(id), f->arena, &found, &f->why));
    assert_str(found, person);
}

static void happened(fixture *f, const char *message, const char *user, int64_t time_us)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.time_us = time_us;
    assert_int_equal(append_one(f, &e), 1);
}

static void events_of_all_ids_are_the_persons_earlier_and_later_ones(void **state)
{
    fixture *f = *state;
    tdl_event *got;
    tdl_user_row *users;
    size_t n;

    happened(f, "before", "anon", 10);
    join(f, "join", "$identify", "ann", "anon");
    happened(f, "after", "anon", 2000000);
    expect_person(f, "anon", "ann");
    expect_person(f, "ann", "ann");
    expect_person(f, "nobody", "nobody");
    succeed(f, tdl_store_user_events(f->store, TDL_STR("anon"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_str(got[i].user, "ann");
    assert_str(got[0].message_id, "after");
    succeed(f, tdl_store_users(f->store, (tdl_str){0}, 9, f->arena, &users, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(users[0].id, "ann");
    assert_int_equal(users[0].events_n, 3);
    assert_true(users[0].last_us == 2000000);
}

static void scans_name_the_person(void **state)
{
    fixture *f = *state;
    tdl_scan *scan = NULL;
    tdl_event e;
    bool more;

    happened(f, "a", "anon", 10);
    join(f, "join", "$identify", "ann", "anon");
    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    succeed(f, tdl_scan_next(scan, &e, NULL, &more, &f->why));
    assert_true(more);
    assert_str(e.user, "ann");
    tdl_scan_close(scan);
}

/* Chains, cycles and joins with oneself come out as one person, whatever their order. */
static void joins_in_a_circle_are_one_person(void **state)
{
    fixture *f = *state;

    join(f, "1", "$create_alias", "a", "b");
    join(f, "2", "$create_alias", "b", "c");
    join(f, "3", "$create_alias", "c", "a");
    join(f, "4", "$create_alias", "d", "d");
    join(f, "5", "$create_alias", "c", "d");
    for (const char *id = "a\0b\0c\0d\0"; *id; id += 2)
        expect_person(f, id, "a");
    assert_int_equal(outside_number(f, "SELECT count(*) FROM joins"), 3);
}

static void two_identified_persons_are_joined_by_an_alias_only(void **state)
{
    fixture *f = *state;

    join(f, "1", "$identify", "ann", "anon");
    join(f, "2", "$identify", "bob", "anon"); // a shared computer
    expect_person(f, "anon", "ann");
    expect_person(f, "bob", "bob");
    join(f, "3", "$create_alias", "ann", "bob");
    expect_person(f, "bob", "ann");
}

static void whoever_is_identified_stands_for_the_others(void **state)
{
    fixture *f = *state;

    join(f, "1", "$identify", "ann", "x1");
    join(f, "2", "page", "x2", "x1"); // x2 is anonymous, x1 is ann already
    expect_person(f, "x2", "ann");
}

static void a_person_has_at_most_a_thousand_ids(void **state)
{
    fixture *f = *state;
    char id[16], message[16];

    for (int i = 1; i <= 1001; i++) {
        snprintf(id, sizeof id, "x%d", i);
        snprintf(message, sizeof message, "m%d", i);
        join(f, message, "$create_alias", "ann", id);
    }
    expect_person(f, "x999", "ann");
    expect_person(f, "x1000", "x1000");
}

static void a_duplicate_joins_nobody(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("1");
    size_t new_n;

    assert_int_equal(append_one(f, &e), 1);
    e.alias = TDL_STR("other");
    succeed(f, tdl_store_append(f->store, &e, 1, &new_n, &f->why));
    assert_int_equal(new_n, 0);
    expect_person(f, "other", "other");
}

static void expect_traits(fixture *f, const char *id, const char *json)
{
    tdl_buf out = {0};

    succeed(f, tdl_store_traits(f->store, tdl_str_of(id), &out, &f->why));
    assert_str(tdl_buf_view(&out), json);
    tdl_buf_release(&out);
}

static void tell(fixture *f, const char *message, const char *user, int64_t time_us,
                 const char *traits, const char *once)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.time_us = time_us;
    e.traits = tdl_str_of(traits);
    e.traits_once = tdl_str_of(once);
    assert_int_equal(append_one(f, &e), 1);
}

static void the_newest_word_on_a_trait_holds(void **state)
{
    fixture *f = *state;

    expect_traits(f, "ann", "{}");
    tell(f, "1", "ann", 20, "{\"plan\":\"pro\",\"age\":7,\"on\":true,\"a\":{\"b\":[1,null]}}",
         NULL);
    tell(f, "2", "ann", 10, "{\"plan\":\"free\"}", "{\"age\":1,\"first\":\"x\"}"); // late
    expect_traits(
        f, "ann",
        "{\"a\":{\"b\":[1,null]},\"age\":7,\"first\":\"x\",\"on\":true,\"plan\":\"pro\"}");
    tell(f, "3", "anon", 30, "{\"plan\":\"team\"}", NULL);
    join(f, "4", "$identify", "ann", "anon");
    expect_traits(
        f, "anon",
        "{\"a\":{\"b\":[1,null]},\"age\":7,\"first\":\"x\",\"on\":true,\"plan\":\"team\"}");
}

static void flags_are_kept_with_their_version(void **state)
{
    fixture *f = *state;
    tdl_flag_row flag = {.key = TDL_STR("btn"),
                         .family = TDL_STR("posthog"),
                         .definition = TDL_STR("{\"active\":true}")};
    tdl_flag_row *got;
    size_t n;

    succeed(f, tdl_store_put_flag(f->store, &flag, &f->why));
    flag.definition = TDL_STR("{\"active\":false}");
    succeed(f, tdl_store_put_flag(f->store, &flag, &f->why));
    succeed(f, tdl_store_flags(f->store, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(got[0].key, "btn");
    assert_str(got[0].family, "posthog");
    assert_str(got[0].definition, "{\"active\":false}");
    assert_true(got[0].version == 2 && got[0].id > 0 && got[0].updated_us >= got[0].created_us);
    flag.definition = TDL_STR("[]");
    refuse(f, tdl_store_put_flag(f->store, &flag, &f->why), TDL_E_INVALID, "definition");
    succeed(f, tdl_store_drop_flag(f->store, TDL_STR("btn"), &f->why));
    refuse(f, tdl_store_drop_flag(f->store, TDL_STR("btn"), &f->why), TDL_E_NOT_FOUND, "btn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(events_of_all_ids_are_the_persons_earlier_and_later_ones),
        STORE_TEST(scans_name_the_person),
        STORE_TEST(joins_in_a_circle_are_one_person),
        STORE_TEST(two_identified_persons_are_joined_by_an_alias_only),
        STORE_TEST(whoever_is_identified_stands_for_the_others),
        STORE_TEST(a_person_has_at_most_a_thousand_ids),
        STORE_TEST(a_duplicate_joins_nobody),
        STORE_TEST(the_newest_word_on_a_trait_holds),
        STORE_TEST(flags_are_kept_with_their_version),
    };
    return run_on_each_backend("store/person", tests);
}
