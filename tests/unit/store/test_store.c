/* Events through the whole store. Expected values are set out by hand from the contract in
 * store/store.h. */
#include "fixture.h"
#include "store/vault.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- appending ---- */

static void an_event_comes_back_as_it_went_in(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1"), *got;
    size_t n;

    e.time_us = 1700000000123456;
    e.user = TDL_STR("Zoë 张伟");
    e.kind = TDL_STR("rating");
    e.item = TDL_STR("Amélie (2001)");
    e.value = 0.1;
    e.has_value = true;
    e.properties = TDL_STR("{\"a\":[1,2,{\"b\":null}]}");
    e.decision_id = TDL_STR("d-1");
    assert_int_equal(append_one(f, &e), 1);
    succeed(f, tdl_store_user_events(f->store, e.user, 10, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_true(got->time_us == 1700000000123456);
    assert_str(got->user, "Zoë 张伟");
    assert_str(got->kind, "rating");
    assert_str(got->item, "Amélie (2001)");
    assert_true(got->has_value && got->value == 0.1);
    assert_str(got->properties, "{\"a\":[1,2,{\"b\":null}]}");
    assert_str(got->source, "test");
    assert_str(got->message_id, "m1");
    assert_str(got->decision_id, "d-1");
}

static void what_an_event_does_not_have_comes_back_empty(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1"), *got;
    size_t n;

    e.value = 5; // not meaningful without has_value
    append_one(f, &e);
    succeed(f, tdl_store_user_events(f->store, e.user, 10, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_int_equal(got->item.len + got->properties.len + got->decision_id.len, 0);
    assert_false(got->has_value);
}

static void a_value_of_zero_is_a_value(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1"), *got;
    size_t n;

    e.has_value = true;
    append_one(f, &e);
    succeed(f, tdl_store_user_events(f->store, e.user, 10, f->arena, &got, &n, &f->why));
    assert_true(got->has_value && got->value == 0);
}

static void append_skips_a_message_id_seen_before_in_the_same_call(void **state)
{
    fixture *f = *state;
    tdl_event e[3] = {event_of("m1"), event_of("m1"), event_of("m2")}, *got;
    size_t n;

    e[0].kind = TDL_STR("first");
    e[1].kind = TDL_STR("second");
    succeed(f, tdl_store_append(f->store, e, 3, &n, &f->why));
    assert_int_equal(n, 2);
    succeed(f, tdl_store_user_events(f->store, TDL_STR("u"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[1].kind, "first"); // the first copy stays
}

static void append_skips_a_message_id_seen_before_in_another_call(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1");
    tdl_store_counts counts;

    assert_int_equal(append_one(f, &e), 1);
    assert_int_equal(append_one(f, &e), 0);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, 1);
    assert_int_equal(counts.duplicates, 1);
}

static void append_skips_a_message_id_seen_before_the_store_was_reopened(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1");

    append_one(f, &e);
    fixture_reopen(f);
    assert_int_equal(append_one(f, &e), 0);
    e.message_id = TDL_STR("m2");
    assert_int_equal(append_one(f, &e), 1);
}

static void a_message_id_of_another_source_is_another_message(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1");

    append_one(f, &e);
    e.source = TDL_STR("segment");
    assert_int_equal(append_one(f, &e), 1);
}

static void names_are_told_apart_by_case_and_by_every_byte(void **state)
{
    fixture *f = *state;
    static const char *const users[] = {"a", "A", "a ", "á", "a\xcc\x81"};
    tdl_store_counts counts;

    for (size_t i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "m%zu", i);
        tdl_event e = event_of(id);
        e.user = tdl_str_of(users[i]);
        assert_int_equal(append_one(f, &e), 1);
    }
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.users, 5);
}

static void appending_nothing_stores_nothing(void **state)
{
    fixture *f = *state;
    size_t n = 7;

    succeed(f, tdl_store_append(f->store, NULL, 0, &n, &f->why));
    assert_int_equal(n, 0);
    succeed(f, tdl_store_append(f->store, NULL, 0, NULL, NULL));
}

/* ---- scanning ---- */

static void a_scan_is_in_time_order_and_ties_are_in_arrival_order(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *id;
        int64_t time_us;
    } rows[] = {{"c", 300}, {"x", 200}, {"late", 100}, {"b", 200}, {"a", 200}, {"z", 0}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tdl_event e = event_of(rows[i].id);
        e.time_us = rows[i].time_us;
        append_one(f, &e);
    }
    assert_string_equal(scanned(f, 0), "z late x b a c");
    assert_string_equal(scanned(f, 200), "x b a c"); // inclusive
    assert_string_equal(scanned(f, 301), "");
}

static void a_scan_gives_arrival_positions_from_one(void **state)
{
    fixture *f = *state;
    tdl_event e[2] = {event_of("newer"), event_of("older")}, got;
    tdl_scan *scan;
    int64_t seq;
    bool more;

    e[0].time_us = 2;
    e[1].time_us = 1;
    succeed(f, tdl_store_append(f->store, e, 2, NULL, &f->why));
    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    succeed(f, tdl_scan_next(scan, &got, &seq, &more, &f->why));
    assert_true(more);
    assert_int_equal(seq, 2);
    succeed(f, tdl_scan_next(scan, &got, &seq, &more, &f->why));
    assert_int_equal(seq, 1);
    succeed(f, tdl_scan_next(scan, &got, &seq, &more, &f->why));
    assert_false(more);
    succeed(f, tdl_scan_next(scan, &got, &seq, &more, &f->why)); // and stays at its end
    assert_false(more);
    tdl_scan_close(scan);
}

static void a_scan_sees_the_moment_it_was_opened(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("before"), got;
    tdl_scan *scan;
    bool more;

    append_one(f, &e);
    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    e.message_id = TDL_STR("after");
    append_one(f, &e); // and before the first row was asked for
    succeed(f, tdl_scan_next(scan, &got, NULL, &more, &f->why));
    assert_str(got.message_id, "before");
    succeed(f, tdl_scan_next(scan, &got, NULL, &more, &f->why));
    assert_false(more);
    tdl_scan_close(scan);
    assert_string_equal(scanned(f, 0), "before after");
}

static int64_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

/* 40 MB of rows are scanned while the memory in use (SQLite's own figure; the program's) grows by
 * less than a few caches' worth. */

static void a_scan_needs_no_more_memory_for_more_rows(void **state)
{
    enum { ROWS = 20000, BYTES = 2000 };
    fixture *f = *state;
    tdl_event *e = calloc(ROWS, sizeof *e), got;
    char *properties = malloc(BYTES + 1), (*ids)[16] = malloc(ROWS * sizeof *ids);
    sqlite3_int64 before, now, highest;
    int64_t allocated_before, allocated_most = 0;
    tdl_scan *scan;
    size_t n = 0;
    bool more = true;

    snprintf(properties, BYTES + 1, "{\"a\":\"%0*d\"}", BYTES - 8, 0);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof ids[i], "m%zu", i);
        e[i] = event_of(ids[i]);
        e[i].time_us = (int64_t)((i * 7919) % ROWS); // 7919 is prime: a permutation
        e[i].properties = tdl_str_of(properties);
    }
    succeed(f, tdl_store_append(f->store, e, ROWS, NULL, &f->why));
    sqlite3_status64(SQLITE_STATUS_MEMORY_USED, &before, &highest, 1);
    allocated_before = allocated();
    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    for (; more; n += more) {
        if (n % 1000 == 999 && allocated() > allocated_most)
            allocated_most = allocated();
        succeed(f, tdl_scan_next(scan, &got, NULL, &more, &f->why));
        if (more)
            assert_true(got.time_us == (int64_t)n);
    }
    sqlite3_status64(SQLITE_STATUS_MEMORY_USED, &now, &highest, 0);
    tdl_scan_close(scan);
    assert_int_equal(n, ROWS);
    assert_true(highest - before < 8 << 20);
    assert_true(allocated_most - allocated_before < 8 << 20);
    free(e);
    free(properties);
    free(ids);
}

static void closing_no_scan_and_no_store_is_fine(void **state)
{
    TDL_UNUSED(state);
    tdl_scan_close(NULL);
    tdl_store_close(NULL);
}

/* ---- users ---- */

static void a_users_events_come_newest_first(void **state)
{
    fixture *f = *state;
    static const int64_t times[] = {5, 9, 5, 1};
    tdl_event *got;
    size_t n;

    for (size_t i = 0; i < 4; i++) {
        char id[4] = {'m', (char)('0' + i)};
        tdl_event e = event_of(id);
        e.time_us = times[i];
        append_one(f, &e);
    }
    tdl_event other = event_of("other");
    other.user = TDL_STR("v");
    append_one(f, &other);
    succeed(f, tdl_store_user_events(f->store, TDL_STR("u"), 3, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(got[0].message_id, "m1");
    assert_str(got[1].message_id, "m2"); // arrived after m0 at the same time
    assert_str(got[2].message_id, "m0");
}

static void ignore_answer(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    TDL_UNUSED(context);
    TDL_UNUSED(status);
    TDL_UNUSED(new_n);
    TDL_UNUSED(why);
}

static void a_users_events_include_those_still_queued(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m1"), *got;
    size_t n;

    succeed(f, tdl_store_append_async(f->store, &e, 1, ignore_answer, NULL, &f->why));
    succeed(f, tdl_store_user_events(f->store, TDL_STR("u"), 3, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
}

static void an_unknown_user_has_no_events(void **state)
{
    fixture *f = *state;
    tdl_event *got;
    size_t n = 5;

    succeed(f, tdl_store_user_events(f->store, TDL_STR("?"), 3, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 0);
}

static void an_answer_past_the_arena_is_refused(void **state)
{
    fixture *f = *state;
    tdl_arena *tiny = tdl_arena_new(600);
    tdl_event *got, e = event_of("m1");
    size_t n;

    append_one(f, &e);
    refuse(f, tdl_store_user_events(f->store, TDL_STR("u"), 3, tiny, &got, &n, &f->why),
           TDL_E_NO_MEMORY, "does not fit");
    tdl_arena_free(tiny);
    succeed(f, tdl_store_user_events(f->store, TDL_STR("u"), 3, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1); // the connection is usable again
}

static void users_are_listed_by_prefix_most_recently_active_first(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *user;
        int64_t time_us;
    } rows[] = {{"anna", 10}, {"anton", 30}, {"bob", 40}, {"anna", 20}, {"张三", 50}, {"An", 60}};
    tdl_user_row *got;
    size_t n;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char id[4] = {'m', (char)('0' + i)};
        tdl_event e = event_of(id);
        e.user = tdl_str_of(rows[i].user);
        e.time_us = rows[i].time_us;
        append_one(f, &e);
    }
    succeed(f, tdl_store_users(f->store, TDL_STR("an"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[0].id, "anton");
    assert_str(got[1].id, "anna");
    assert_int_equal(got[1].events_n, 2);
    assert_true(got[1].last_us == 20);
    succeed(f, tdl_store_users(f->store, TDL_STR("张"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    succeed(f, tdl_store_users(f->store, (tdl_str){0}, 2, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 2);
    assert_str(got[0].id, "An");
    succeed(f, tdl_store_users(f->store, TDL_STR("%"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 0);
}

/* ---- observing ---- */

typedef struct seen {
    fixture *f;
    tdl_buf text;
    bool answered;
} seen;

static void note(void *context, const tdl_event *event, int64_t seq)
{
    seen *s = context;

    tdl_buf_printf(&s->text, "%lld:%.*s%s ", (long long)seq, TDL_FMT(event->message_id),
                   s->answered ? "!" : "");
}

static void note_answer(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    seen *s = context;

    TDL_UNUSED(why);
    s->answered = status == TDL_OK && new_n == 2;
}

static void the_observer_sees_new_events_in_order_before_the_answer(void **state)
{
    fixture *f = *state;
    tdl_event e[4] = {event_of("a"), event_of("b"), event_of("a"), event_of("c")};
    seen s = {.f = f};

    append_one(f, &e[1]);
    tdl_store_observe(f->store, note, &s);
    succeed(f, tdl_store_append_async(f->store, e, 4, note_answer, &s, &f->why));
    tdl_store_flush(f->store);
    assert_string_equal(s.text.at, "2:a 3:c ");
    assert_true(s.answered);
    tdl_store_observe(f->store, NULL, NULL);
    e[0].message_id = TDL_STR("d");
    append_one(f, e);
    assert_string_equal(s.text.at, "2:a 3:c ");
    tdl_buf_release(&s.text);
}

typedef struct looker {
    fixture *f;
    int64_t rows;
} looker;

static void look(void *context, const tdl_event *event, int64_t seq)
{
    looker *l = context;

    TDL_UNUSED(event);
    TDL_UNUSED(seq);
    l->rows = outside_number(l->f, "SELECT count(*) FROM events");
}

static void the_observer_is_told_once_the_event_is_stored(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("a");
    looker l = {.f = f};

    tdl_store_observe(f->store, look, &l);
    append_one(f, &e);
    assert_int_equal(l.rows, 1); // seen by another connection, so committed
}

/* ---- counting ---- */

static void counts_follow_what_is_stored(void **state)
{
    fixture *f = *state;
    tdl_event e[3] = {event_of("a"), event_of("b"), event_of("c")};
    tdl_store_counts c;

    e[0].item = TDL_STR("i");
    e[1].user = TDL_STR("v");
    e[1].decision_id = TDL_STR("d");
    succeed(f, tdl_store_append(f->store, e, 3, NULL, &f->why));
    for (int opened = 0; opened < 2; opened++) {
        tdl_store_count(f->store, &c);
        assert_int_equal(c.events, 3);
        assert_int_equal(c.users, 2);
        assert_int_equal(c.items, 1);
        assert_int_equal(c.rewards, 1);
        assert_int_equal(c.decisions, 0);
        assert_int_equal(c.commits, opened ? 0 : 1);
        fixture_reopen(f); // counted from the tables this time
    }
}

static void a_store_opened_for_reading_counts_too(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("a");
    tdl_store_counts c;

    append_one(f, &e);
    fixture_close(f);
    fixture_open(f, &(tdl_store_options){.read_only = true});
    tdl_store_count(f->store, &c);
    assert_int_equal(c.events, 1);
    assert_int_equal(c.users, 1);
}

static void data_version_changes_when_another_process_writes(void **state)
{
    fixture *f = *state;
    int64_t before = tdl_store_data_version(f->store);

    assert_true(tdl_store_data_version(f->store) == before);
    outside(f, "INSERT INTO items(name) VALUES('x')");
    for (int left = 200; f->on_postgres && left && tdl_store_data_version(f->store) == before;
         left--)
        usleep(10000); // a notice on its way
    assert_true(tdl_store_data_version(f->store) != before);
}

/* Another process may add a name between our commits: its number is used, not a second one. */
static void names_added_by_another_process_are_found(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("a");

    char sql[120], name[TDL_PSEUDONYM_LEN + 1] = "u";
    if (f->sealed)
        tdl_vault_pseudonym(tdl_store_vault(f->store), "user", TDL_STR("u"), name);
    snprintf(sql, sizeof sql, "INSERT INTO users(id, name) VALUES(77, '%s')", name);
    outside(f, sql);
    append_one(f, &e);
    assert_int_equal(outside_number(f, f->on_postgres ? "SELECT user_id FROM events"
                                                      : "SELECT user FROM events"),
                     77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(an_event_comes_back_as_it_went_in),
        STORE_TEST(what_an_event_does_not_have_comes_back_empty),
        STORE_TEST(a_value_of_zero_is_a_value),
        STORE_TEST(append_skips_a_message_id_seen_before_in_the_same_call),
        STORE_TEST(append_skips_a_message_id_seen_before_in_another_call),
        STORE_TEST(append_skips_a_message_id_seen_before_the_store_was_reopened),
        STORE_TEST(a_message_id_of_another_source_is_another_message),
        STORE_TEST(names_are_told_apart_by_case_and_by_every_byte),
        STORE_TEST(appending_nothing_stores_nothing),
        STORE_TEST(a_scan_is_in_time_order_and_ties_are_in_arrival_order),
        STORE_TEST(a_scan_gives_arrival_positions_from_one),
        STORE_TEST(a_scan_sees_the_moment_it_was_opened),
        STORE_TEST(a_scan_needs_no_more_memory_for_more_rows),
        cmocka_unit_test(closing_no_scan_and_no_store_is_fine),
        STORE_TEST(a_users_events_come_newest_first),
        STORE_TEST(a_users_events_include_those_still_queued),
        STORE_TEST(an_unknown_user_has_no_events),
        STORE_TEST(an_answer_past_the_arena_is_refused),
        STORE_TEST(users_are_listed_by_prefix_most_recently_active_first),
        STORE_TEST(the_observer_sees_new_events_in_order_before_the_answer),
        STORE_TEST(the_observer_is_told_once_the_event_is_stored),
        STORE_TEST(counts_follow_what_is_stored),
        STORE_TEST(a_store_opened_for_reading_counts_too),
        STORE_TEST(data_version_changes_when_another_process_writes),
        STORE_TEST(names_added_by_another_process_are_found),
    };
    return run_on_each_backend("store/store", tests);
}
