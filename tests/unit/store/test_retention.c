/* How long rows are kept. */
#include <stdio.h>

#include "base/timestamp.h"
#include "fixture.h"

#define DAY_US INT64_C(86400000000)

static int64_t now_us;

static void rule(fixture *f, const char *kind, int64_t days)
{
    tdl_retention_rule one = {tdl_str_of(kind), days};

    succeed(f, tdl_store_put_retention(f->store, &one, 1, &f->why));
}

static size_t append(fixture *f, const char *message, const char *kind, int64_t days_old)
{
    tdl_event e = event_of(message);

    e.kind = tdl_str_of(kind);
    e.time_us = now_us - days_old * DAY_US;
    return append_one(f, &e);
}

static bool stop(void *context)
{
    TDL_UNUSED(context);
    return false;
}

/* "kind=rows" of each kind, in the order of the report. */
static const char *retain(fixture *f, bool dry_run)
{
    tdl_retain_options options = {.now_us = now_us, .dry_run = dry_run};
    tdl_retained *rows;
    tdl_buf text = {0};
    size_t n;

    succeed(f, tdl_store_retain(f->store, &options, f->arena, &rows, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(&text, "%s%.*s=%lld", i ? " " : "", TDL_FMT(rows[i].kind),
                       (long long)rows[i].rows);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return copy.len ? copy.at : "";
}

static tdl_store_counts counts_of(fixture *f)
{
    tdl_store_counts counts;

    tdl_store_count(f->store, &counts);
    return counts;
}

static void log_decision(fixture *f, int64_t days_old, int n)
{
    tdl_decision d = {
        .time_us = now_us - days_old * DAY_US, .app = TDL_STR("recommend"), .user = TDL_STR("u")};

    snprintf(d.id, sizeof d.id, "%036d", n);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
}

static void rules_are_kept_by_kind(void **state)
{
    fixture *f = *state;
    const tdl_retention_rule given[] = {{TDL_STR("view"), 30}, {TDL_STR(""), 365}};
    tdl_retention_rule *rules;
    size_t n;

    succeed(f, tdl_store_put_retention(f->store, given, 2, &f->why));
    assert_non_null(strstr(newest_entry(f), "{\"action\":\"retention.put\",\"actor\":\"server\","
                                            "\"n\":2,\"rules\":\"30 view, 365 *\","));
    fixture_reopen(f);
    succeed(f, tdl_store_retention(f->store, f->arena, &rules, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(rules[0].kind, "");
    assert_int_equal(rules[0].days, 365);
    assert_str(rules[1].kind, "view");
    succeed(f, tdl_store_put_retention(f->store, NULL, 0, &f->why));
    succeed(f, tdl_store_retention(f->store, f->arena, &rules, &n, &f->why));
    assert_int_equal(n, 0);
}

static void rules_that_make_no_sense_are_refused(void **state)
{
    fixture *f = *state;
    const tdl_retention_rule twice[] = {{TDL_STR("view"), 1}, {TDL_STR("view"), 2}};
    const tdl_retention_rule none = {TDL_STR("view"), 0}, bad = {TDL_STR("a\nb"), 1};

    refuse(f, tdl_store_put_retention(f->store, twice, 2, &f->why), TDL_E_INVALID, "two rules");
    refuse(f, tdl_store_put_retention(f->store, &none, 1, &f->why), TDL_E_INVALID, "days is 0");
    refuse(f, tdl_store_put_retention(f->store, &bad, 1, &f->why), TDL_E_INVALID, "rule 0");
}

static void only_what_is_older_than_its_rule_goes(void **state)
{
    fixture *f = *state;
    const tdl_retention_rule rules[] = {{TDL_STR("view"), 30}, {TDL_STR(""), 100}};

    append(f, "old-view", "view", 31);
    append(f, "new-view", "view", 29);
    append(f, "old-buy", "buy", 101);
    append(f, "new-buy", "buy", 99);
    succeed(f, tdl_store_put_retention(f->store, rules, 2, &f->why));
    assert_string_equal(retain(f, true), "buy=1 view=1");
    assert_int_equal(counts_of(f).events, 4);
    assert_string_equal(retain(f, false), "buy=1 view=1");
    assert_string_equal(scanned(f, 0), "new-buy new-view");
    assert_int_equal(counts_of(f).events, 2);
    assert_string_equal(retain(f, false), "");
    fixture_reopen(f);
    assert_int_equal(counts_of(f).events, 2);
}

static void a_kind_without_a_rule_is_kept_for_ever(void **state)
{
    fixture *f = *state;

    append(f, "old-buy", "buy", 9999);
    append(f, "new-view", "view", 1);
    rule(f, "view", 30);
    assert_string_equal(retain(f, false), "");
    assert_int_equal(counts_of(f).events, 2);
}

static void many_rows_go_in_chunks_and_rewards_are_counted(void **state)
{
    enum { MANY = 2 * TDL_RETAIN_CHUNK + 7 };
    fixture *f = *state;
    tdl_event *events = tdl_arena_zalloc(f->arena, MANY, sizeof *events);
    char expected[40];
    size_t new_n;

    for (int i = 0; i < MANY; i++) {
        tdl_str id = tdl_arena_printf(f->arena, "m%d", i);
        events[i] = event_of(id.at);
        events[i].time_us = now_us - 31 * DAY_US - (i % 3); // many of one time
        events[i].kind = i % 2 ? TDL_STR("view") : TDL_STR("buy");
        if (i % 2 && i < 20)
            events[i].decision_id = TDL_STR("d");
    }
    succeed(f, tdl_store_append(f->store, events, MANY, &new_n, &f->why));
    append(f, "last", "view", 1);
    rule(f, "view", 30);
    int64_t commits = counts_of(f).commits;
    snprintf(expected, sizeof expected, "view=%d", MANY / 2);
    assert_string_equal(retain(f, false), expected);
    assert_int_equal(counts_of(f).events, MANY - MANY / 2 + 1);
    assert_int_equal(counts_of(f).rewards, 0);
    assert_true(counts_of(f).commits >= commits + 2);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events"), MANY - MANY / 2 + 1);
}

/* Dropped, because its time is past the limit: a resend finds its message forgotten. */
static void a_message_that_was_removed_is_not_stored_again(void **state)
{
    fixture *f = *state;

    append(f, "old", "view", 31);
    append(f, "new", "view", 1);
    rule(f, "view", 30);
    retain(f, false);
    if (f->on_postgres)
        assert_int_equal(outside_number(f, "SELECT count(*) FROM messages"), 1);
    fixture_reopen(f); // the rules are read at the next event
    assert_int_equal(append(f, "old", "view", 31), 0);
    assert_int_equal(append(f, "other", "buy", 31), 1);
    assert_int_equal(counts_of(f).dropped, 1);
    assert_int_equal(counts_of(f).duplicates, 0);
}

/* The person rests on it. */
static void an_event_that_joined_two_ids_is_kept(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("join");
    tdl_str person;

    e.kind = TDL_STR("$identify");
    e.user = TDL_STR("ann");
    e.alias = TDL_STR("anon");
    append_one(f, &e);
    append(f, "old", "$identify", 31);
    append(f, "new", "view", 1);
    rule(f, "", 30);
    assert_string_equal(retain(f, false), "$identify=1");
    succeed(f, tdl_store_person(f->store, TDL_STR("anon"), f->arena, &person, &f->why));
    assert_str(person, "ann");
    assert_string_equal(scanned(f, 0), "join new");
}

/* In SQLite the newest row's number would be given again, to be taken for one already known. */
static void numbers_of_events_are_never_given_twice(void **state)
{
    fixture *f = *state;

    append(f, "1", "view", 31);
    append(f, "2", "view", 31);
    rule(f, "view", 30);
    retain(f, false);
    append(f, "3", "view", 1);
    assert_int_equal(outside_number(f, "SELECT seq FROM events WHERE message_id = '3'"), 3);
    assert_string_equal(retain(f, false), f->on_postgres ? "" : "view=1");
}

static void decisions_have_a_rule_of_their_own(void **state)
{
    fixture *f = *state;
    const tdl_retention_rule rules[] = {{TDL_STR(TDL_RETAIN_DECISIONS), 10}, {TDL_STR(""), 5}};

    for (int i = 0; i < 5; i++)
        log_decision(f, 11, i);
    log_decision(f, 9, 5);
    append(f, "new", "view", 1);
    succeed(f, tdl_store_put_retention(f->store, rules, 2, &f->why));
    tdl_store_flush(f->store);
    assert_string_equal(retain(f, true), "$decisions=5");
    assert_non_null(strstr(newest_entry(f), "retention.put")); // nothing was removed
    assert_string_equal(retain(f, false), "$decisions=5");
    assert_non_null(strstr(newest_entry(f), "{\"action\":\"retention.run\",\"actor\":\"server\","
                                            "\"decisions\":5,\"events\":0,"));
    assert_string_equal(retain(f, false), "");
    assert_non_null(strstr(newest_entry(f), "\"decisions\":5,\"events\":0,"));
    assert_int_equal(counts_of(f).decisions, 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM decisions"), 1);
}

static void a_run_may_be_stopped_between_two_chunks(void **state)
{
    fixture *f = *state;
    tdl_retain_options options = {.now_us = now_us, .go_on = stop};
    tdl_retained *rows;
    size_t n;

    append(f, "old", "view", 31);
    append(f, "new", "view", 1);
    rule(f, "view", 30);
    refuse(f, tdl_store_retain(f->store, &options, f->arena, &rows, &n, &f->why), TDL_E_STOPPED,
           "stopped");
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].rows, 1); // what was done is done
    assert_non_null(strstr(newest_entry(f), "\"decisions\":0,\"events\":1,"));
    assert_int_equal(counts_of(f).events, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(rules_are_kept_by_kind),
        STORE_TEST(rules_that_make_no_sense_are_refused),
        STORE_TEST(only_what_is_older_than_its_rule_goes),
        STORE_TEST(a_kind_without_a_rule_is_kept_for_ever),
        STORE_TEST(many_rows_go_in_chunks_and_rewards_are_counted),
        STORE_TEST(a_message_that_was_removed_is_not_stored_again),
        STORE_TEST(an_event_that_joined_two_ids_is_kept),
        STORE_TEST(numbers_of_events_are_never_given_twice),
        STORE_TEST(decisions_have_a_rule_of_their_own),
        STORE_TEST(a_run_may_be_stopped_between_two_chunks),
    };
    now_us = tdl_time_now();
    return run_on_each_backend("store/retention", tests);
}
