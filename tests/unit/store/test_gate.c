/* Whose events are stored: nobody's who was erased or denied analytics. */
#include <stdio.h>

#include "fixture.h"
#include "store/store_parts.h"
#include "store/vault.h"

static tdl_status forget(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                         tdl_report *why)
{
    TDL_UNUSED(context);
    return ops->forget_names(backend, why);
}

/* Somebody's standing, changed as by a statement of this process, or of another one. */
static void set(fixture *f, tdl_store *store, const char *user, const char *what)
{
    char sql[160], name[TDL_PSEUDONYM_LEN + 1];
    tdl_str known = tdl_people_name(store->people, tdl_str_of(user), name);

    snprintf(sql, sizeof sql, "UPDATE users SET %s WHERE name = '%.*s'", what, TDL_FMT(known));
    outside(f, sql);
    succeed(f, tdl_store_write(store, forget, NULL, &f->why));
}

static size_t append(fixture *f, const char *message, const char *user, const char *alias)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    e.traits = TDL_STR("{\"plan\":\"gold\"}");
    e.kind = alias[0] ? TDL_STR("$create_alias") : e.kind;
    return append_one(f, &e);
}

static void expect_counts(fixture *f, int64_t events, int64_t duplicates, int64_t dropped)
{
    tdl_store_counts counts;

    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, events);
    assert_int_equal(counts.duplicates, duplicates);
    assert_int_equal(counts.dropped, dropped);
}

static void events_of_who_denied_analytics_are_dropped_until_he_allows_it(void **state)
{
    fixture *f = *state;

    assert_int_equal(append(f, "1", "ann", ""), 1);
    assert_int_equal(append(f, "2", "bob", ""), 1);
    set(f, f->store, "ann", "denied = 1");
    assert_int_equal(append(f, "3", "ann", ""), 0);
    assert_int_equal(append(f, "4", "bob", ""), 1);
    assert_int_equal(append(f, "4", "bob", ""), 0);
    expect_counts(f, 3, 1, 1);
    set(f, f->store, "ann", "denied = 8"); // training: nothing to do with storing
    assert_int_equal(append(f, "3", "ann", ""), 1);
    expect_counts(f, 4, 1, 1);
}

static void late_events_of_an_erased_user_are_dropped(void **state)
{
    fixture *f = *state;

    append(f, "1", "ann", "");
    set(f, f->store, "ann", "erased_us = 5");
    assert_int_equal(append(f, "2", "ann", ""), 0);
    fixture_reopen(f);
    assert_int_equal(append(f, "3", "ann", ""), 0);
    expect_counts(f, 1, 0, 1);
}

static void who_stands_for_an_id_bars_it(void **state)
{
    fixture *f = *state;

    append(f, "1", "ann", "anon");
    set(f, f->store, "ann", "erased_us = 5");
    assert_int_equal(append(f, "2", "anon", ""), 0);
    expect_counts(f, 1, 0, 1);
}

/* The event of a living person is kept. */
static void nobody_is_joined_with_who_is_barred(void **state)
{
    fixture *f = *state;
    tdl_str person;

    append(f, "1", "anon", "");
    set(f, f->store, "anon", "erased_us = 5");
    assert_int_equal(append(f, "2", "eve", "anon"), 1);
    succeed(f, tdl_store_person(f->store, TDL_STR("anon"), f->arena, &person, &f->why));
    assert_str(person, "anon");
    assert_int_equal(append(f, "3", "eve", ""), 1);
}

static void what_another_process_changes_is_noticed(void **state)
{
    fixture *f = *state;
    tdl_store *other = fixture_open_second(f);

    append(f, "1", "ann", "");
    set(f, other, "ann", "denied = 1");
    tdl_store_close(other);
    assert_int_equal(append(f, "2", "ann", ""), 0);
}

static void a_group_of_barred_users_alone_stores_nothing(void **state)
{
    fixture *f = *state;
    tdl_event events[3];
    size_t new_n = 9;

    append(f, "1", "ann", "");
    set(f, f->store, "ann", "denied = 3");
    for (size_t i = 0; i < 3; i++) {
        events[i] = event_of(i ? "x" : "y");
        events[i].user = TDL_STR("ann");
    }
    succeed(f, tdl_store_append(f->store, events, 3, &new_n, &f->why));
    assert_int_equal(new_n, 0);
    expect_counts(f, 1, 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(events_of_who_denied_analytics_are_dropped_until_he_allows_it),
        STORE_TEST(late_events_of_an_erased_user_are_dropped),
        STORE_TEST(who_stands_for_an_id_bars_it),
        STORE_TEST(nobody_is_joined_with_who_is_barred),
        STORE_TEST(what_another_process_changes_is_noticed),
        STORE_TEST(a_group_of_barred_users_alone_stores_nothing),
    };
    return run_on_each_backend("store/gate", tests);
}
