/* What persons allow: words, what they come to, and what is left out because of them. */
#include <stdio.h>

#include "fixture.h"

static void say(fixture *f, const char *user, tdl_purpose purpose, bool granted, int64_t time_us)
{
    tdl_consent word = {
        .purpose = purpose, .granted = granted, .time_us = time_us, .source = TDL_STR("test")};

    succeed(f, tdl_store_put_consent(f->store, tdl_str_of(user), &word, &f->why));
}

static size_t words_of(fixture *f, const char *user, unsigned *ret_denied)
{
    tdl_consent *words;
    size_t n;

    succeed(f, tdl_store_consents(f->store, tdl_str_of(user), f->arena, &words, &n, ret_denied,
                                  &f->why));
    return n;
}

static void expect_denied(fixture *f, const char *user, unsigned denied)
{
    unsigned found = 99;

    words_of(f, user, &found);
    assert_int_equal(found, denied);
}

static size_t append(fixture *f, const char *message, const char *user)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    return append_one(f, &e);
}

static void join(fixture *f, const char *message, const char *user, const char *alias)
{
    tdl_event e = event_of(message);

    e.kind = TDL_STR("$identify");
    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    assert_int_equal(append_one(f, &e), 1);
}

/* Users of a scan for these purposes, in order. */
static const char *users_for(fixture *f, unsigned purposes)
{
    tdl_buf users = {0};
    tdl_scan *scan = NULL;
    tdl_event e;
    bool more;

    succeed(f, tdl_scan_open(f->store, 0, purposes, &scan, &f->why));
    for (;;) {
        succeed(f, tdl_scan_next(scan, &e, NULL, &more, &f->why));
        if (!more)
            break;
        tdl_buf_printf(&users, "%s%.*s", users.len ? " " : "", TDL_FMT(e.user));
    }
    tdl_scan_close(scan);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&users));
    tdl_buf_release(&users);
    return copy.len ? copy.at : "";
}

static void the_newest_word_holds_whenever_it_arrives(void **state)
{
    fixture *f = *state;
    unsigned denied;

    expect_denied(f, "ann", 0);
    say(f, "ann", TDL_PURPOSE_TRAINING, false, 20);
    expect_denied(f, "ann", TDL_PURPOSE_TRAINING);
    say(f, "ann", TDL_PURPOSE_TRAINING, true, 10); // late
    expect_denied(f, "ann", TDL_PURPOSE_TRAINING);
    say(f, "ann", TDL_PURPOSE_PRICING, false, 5);
    say(f, "ann", TDL_PURPOSE_TRAINING, true, 30);
    expect_denied(f, "ann", TDL_PURPOSE_PRICING);
    assert_int_equal(words_of(f, "ann", &denied), 4);
    say(f, "ann", TDL_PURPOSE_TRAINING, true, 30); // the same word again
    assert_int_equal(words_of(f, "ann", &denied), 4);
}

static void words_are_kept_in_order_with_their_source(void **state)
{
    fixture *f = *state;
    tdl_consent *words;
    unsigned denied;
    size_t n;

    say(f, "ann", TDL_PURPOSE_SHARING, true, 9);
    say(f, "ann", TDL_PURPOSE_ANALYTICS, true, 7);
    fixture_reopen(f);
    succeed(f,
            tdl_store_consents(f->store, TDL_STR("ann"), f->arena, &words, &n, &denied, &f->why));
    assert_int_equal(n, 2);
    assert_int_equal(words[0].purpose, TDL_PURPOSE_ANALYTICS);
    assert_int_equal(words[1].purpose, TDL_PURPOSE_SHARING);
    assert_true(words[0].granted && words[0].time_us == 7);
    assert_str(words[0].source, "test");
}

static void a_word_of_one_id_is_the_persons(void **state)
{
    fixture *f = *state;

    join(f, "1", "ann", "phone");
    say(f, "phone", TDL_PURPOSE_TRAINING, false, 10);
    expect_denied(f, "ann", TDL_PURPOSE_TRAINING);
    expect_denied(f, "phone", TDL_PURPOSE_TRAINING);
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "");
    assert_string_equal(users_for(f, TDL_PURPOSE_SHARING), "ann");
}

static void the_newest_word_of_ids_that_are_joined_holds(void **state)
{
    fixture *f = *state;

    say(f, "anon", TDL_PURPOSE_TRAINING, false, 10);
    say(f, "anon", TDL_PURPOSE_SHARING, false, 10);
    say(f, "ann", TDL_PURPOSE_TRAINING, true, 20);
    append(f, "1", "anon");
    assert_string_equal(users_for(f, TDL_PURPOSE_SHARING), "");
    join(f, "2", "ann", "anon");
    expect_denied(f, "ann", TDL_PURPOSE_SHARING);
    expect_denied(f, "anon", TDL_PURPOSE_SHARING);
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "ann ann");
    assert_string_equal(users_for(f, TDL_PURPOSE_SHARING), "");
}

static void who_denies_a_purpose_is_left_out_of_its_scans_alone(void **state)
{
    fixture *f = *state;

    append(f, "1", "ann");
    append(f, "2", "bob");
    say(f, "ann", TDL_PURPOSE_TRAINING, false, 1);
    say(f, "bob", TDL_PURPOSE_SHARING, false, 1);
    assert_string_equal(users_for(f, 0), "ann bob");
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "bob");
    assert_string_equal(users_for(f, TDL_PURPOSE_SHARING), "ann");
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING | TDL_PURPOSE_SHARING), "");
}

static void where_a_word_is_needed_nobody_is_used_unasked(void **state)
{
    fixture *f = *state;
    unsigned withheld = 99;

    append(f, "1", "ann");
    append(f, "2", "bob");
    succeed(f, tdl_store_consent_default(f->store, &withheld, &f->why));
    assert_int_equal(withheld, 0);
    succeed(f, tdl_store_put_consent_default(f->store, TDL_PURPOSE_TRAINING, &f->why));
    succeed(f, tdl_store_consent_default(f->store, &withheld, &f->why));
    assert_int_equal(withheld, TDL_PURPOSE_TRAINING);
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "");
    expect_denied(f, "nobody", TDL_PURPOSE_TRAINING);
    say(f, "bob", TDL_PURPOSE_TRAINING, true, 1);
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "bob");
    expect_denied(f, "bob", 0);
    succeed(f, tdl_store_put_consent_default(f->store, 0, &f->why));
    assert_string_equal(users_for(f, TDL_PURPOSE_TRAINING), "ann bob");
}

static void events_are_dropped_while_analytics_are_denied(void **state)
{
    fixture *f = *state;
    tdl_store_counts counts;

    assert_int_equal(append(f, "1", "ann"), 1);
    say(f, "ann", TDL_PURPOSE_ANALYTICS, false, 1);
    assert_int_equal(append(f, "2", "ann"), 0);
    say(f, "ann", TDL_PURPOSE_ANALYTICS, true, 2);
    assert_int_equal(append(f, "3", "ann"), 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(counts.users, 1);
}

static void where_analytics_need_a_word_not_even_a_name_is_stored(void **state)
{
    fixture *f = *state;
    tdl_store_counts counts;

    assert_int_equal(append(f, "1", "old"), 1);
    succeed(f, tdl_store_put_consent_default(f->store, TDL_PURPOSE_ANALYTICS, &f->why));
    assert_int_equal(append(f, "2", "old"), 0);
    assert_int_equal(append(f, "3", "ann"), 0);
    assert_int_equal(append(f, "4", "bob"), 0);
    say(f, "ann", TDL_PURPOSE_TRAINING, true, 1); // not the word that is needed
    assert_int_equal(append(f, "5", "ann"), 0);
    say(f, "ann", TDL_PURPOSE_ANALYTICS, true, 1);
    assert_int_equal(append(f, "6", "ann"), 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.users, 2);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users"), 2);
    fixture_reopen(f);
    assert_int_equal(append(f, "7", "ann"), 1);
    assert_int_equal(append(f, "8", "bob"), 0);
}

static tdl_event words_event(const char *message, const char *user, uint8_t grants, uint8_t denies)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.kind = TDL_STR("$identify");
    e.grants = grants;
    e.denies = denies;
    return e;
}

static void words_that_come_with_an_event_hold_from_it_on(void **state)
{
    fixture *f = *state;
    tdl_event e = words_event("1", "ann", TDL_PURPOSE_ANALYTICS, TDL_PURPOSE_SHARING);

    assert_int_equal(append_one(f, &e), 1);
    expect_denied(f, "ann", TDL_PURPOSE_SHARING);
    e = words_event("2", "ann", 0, TDL_PURPOSE_ANALYTICS);
    e.time_us++;
    assert_int_equal(append_one(f, &e), 0); // its word is stored, itself it is not
    expect_denied(f, "ann", TDL_PURPOSE_ANALYTICS | TDL_PURPOSE_SHARING);
    assert_int_equal(append(f, "3", "ann"), 0);
}

/* The sender says so, without speaking for the person from now on. */
static void an_unwanted_event_is_dropped_alone(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("1");
    tdl_store_counts counts;

    e.unwanted = true;
    assert_int_equal(append_one(f, &e), 0);
    assert_int_equal(append(f, "2", "u"), 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(counts.events, 1);
    expect_denied(f, "u", 0);
}

static void add(void *context, const tdl_consent_said *said)
{
    tdl_buf_printf(context, "%.*s %u %u;", TDL_FMT(said->id), said->granted, said->denied);
}

static void what_was_said_is_found_by_who_asks_later(void **state)
{
    fixture *f = *state;
    tdl_buf ids = {0};
    int64_t position = -1;

    succeed(f, tdl_store_new_consents(f->store, &position, NULL, NULL, &f->why));
    assert_int_equal(position, 0);
    say(f, "ann", TDL_PURPOSE_SHARING, false, 1);
    say(f, "bob", TDL_PURPOSE_SHARING, true, 1);
    for (int i = 0; i < 2; i++)
        succeed(f, tdl_store_new_consents(f->store, &position, add, &ids, &f->why));
    assert_str(tdl_buf_view(&ids), "ann 0 0;bob 0 0;");
    tdl_buf_release(&ids);
}

static void a_word_needs_a_user_a_source_and_one_purpose(void **state)
{
    fixture *f = *state;
    tdl_consent word = {.purpose = TDL_PURPOSE_SHARING, .source = TDL_STR("test")};

    refuse(f, tdl_store_put_consent(f->store, TDL_STR(""), &word, &f->why), TDL_E_INVALID, "user");
    word.source = (tdl_str){0};
    refuse(f, tdl_store_put_consent(f->store, TDL_STR("u"), &word, &f->why), TDL_E_INVALID,
           "source");
    word = (tdl_consent){.purpose = (tdl_purpose)3, .source = TDL_STR("test")};
    refuse(f, tdl_store_put_consent(f->store, TDL_STR("u"), &word, &f->why), TDL_E_INVALID,
           "purpose");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_newest_word_holds_whenever_it_arrives),
        STORE_TEST(words_are_kept_in_order_with_their_source),
        STORE_TEST(a_word_of_one_id_is_the_persons),
        STORE_TEST(the_newest_word_of_ids_that_are_joined_holds),
        STORE_TEST(who_denies_a_purpose_is_left_out_of_its_scans_alone),
        STORE_TEST(where_a_word_is_needed_nobody_is_used_unasked),
        STORE_TEST(events_are_dropped_while_analytics_are_denied),
        STORE_TEST(where_analytics_need_a_word_not_even_a_name_is_stored),
        STORE_TEST(words_that_come_with_an_event_hold_from_it_on),
        STORE_TEST(an_unwanted_event_is_dropped_alone),
        STORE_TEST(what_was_said_is_found_by_who_asks_later),
        STORE_TEST(a_word_needs_a_user_a_source_and_one_purpose),
    };
    return run_on_each_backend("store/consent", tests);
}
