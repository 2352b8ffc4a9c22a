/* What is PostgreSQL's own: processes that share a store, months, a server that goes away. Expected
 * values are counted out by hand. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../support/postgres.h"
#include "base/timestamp.h"

static tdl_event at_time(const char *message_id, int64_t time_us)
{
    tdl_event e = event_of(message_id);

    e.time_us = time_us;
    return e;
}

/* ---- months ---- */

static const int64_t DAY_US = INT64_C(86400000000);

static void events_lie_in_the_partition_of_their_month(void **state)
{
    fixture *f = *state;
    char sql[128], name[32];
    int64_t now_us = tdl_time_now();
    time_t then = (time_t)((now_us - 62 * DAY_US) / 1000000);
    struct tm tm;
    tdl_event e[3] = {at_time("now", now_us), at_time("then", now_us - 62 * DAY_US),
                      at_time("old", 1000000)};

    succeed(f, tdl_store_append(f->store, e, 3, NULL, &f->why));
    gmtime_r(&then, &tm);
    strftime(name, sizeof name, "events_%Y_%m", &tm);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", name);
    assert_int_equal(outside_number(f, sql), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events_rest"), 1);
    assert_string_equal(scanned(f, 0), "old then now");
}

static void a_message_is_stored_once_whatever_month_it_claims(void **state)
{
    fixture *f = *state;
    int64_t now_us = tdl_time_now();
    tdl_event e[3] = {at_time("m", now_us), at_time("m", now_us - 62 * DAY_US), at_time("m", 1)};

    assert_int_equal(append_one(f, &e[0]), 1);
    assert_int_equal(append_one(f, &e[1]), 0);
    fixture_reopen(f);
    assert_int_equal(append_one(f, &e[2]), 0);
}

/* Rows that lie in the rest already would be in the way of a partition. */
static void a_month_that_cannot_be_made_is_stored_in_the_rest(void **state)
{
    fixture *f = *state;
    tdl_event e = at_time("a", tdl_time_now());
    char sql[256];

    snprintf(sql, sizeof sql,
             "INSERT INTO events_rest(seq, time_us, user_id, kind, source, message_id)"
             " VALUES(1, %lld, 1, 1, 1, 'z'); UPDATE store SET events = 1",
             (long long)e.time_us);
    outside(f, sql);
    assert_int_equal(append_one(f, &e), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events_rest"), 2);
}

/* ---- several processes ---- */

typedef struct seen {
    pthread_mutex_t lock;
    tdl_buf text;
    size_t n;
} seen;

static void note(void *context, const tdl_event *event, int64_t seq)
{
    seen *s = context;

    pthread_mutex_lock(&s->lock);
    tdl_buf_printf(&s->text, "%lld:%.*s", (long long)seq, TDL_FMT(event->message_id));
    if (event->alias.len)
        tdl_buf_printf(&s->text, "(%.*s=%.*s)", TDL_FMT(event->user), TDL_FMT(event->alias));
    tdl_buf_char(&s->text, ' ');
    s->n++;
    pthread_mutex_unlock(&s->lock);
}

/* Until `n` were seen, or a second has passed. */
static const char *wait_for(seen *s, size_t n)
{
    for (int left = 100; left; left--) {
        pthread_mutex_lock(&s->lock);
        bool done = s->n >= n;
        pthread_mutex_unlock(&s->lock);
        if (done)
            break;
        usleep(10000);
    }
    return s->text.at ? s->text.at : "";
}

static void append_to(fixture *f, tdl_store *store, const char *message_id)
{
    tdl_event e = event_of(message_id);

    succeed(f, tdl_store_append(store, &e, 1, NULL, &f->why));
}

static void an_observer_is_told_of_other_processes_events_once(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};

    append_to(f, f->store, "before");
    tdl_store *second = fixture_open_second(f);
    tdl_store_observe(second, note, &s);
    append_to(f, f->store, "theirs");
    assert_string_equal(wait_for(&s, 1), "2:theirs ");
    append_to(f, second, "own");
    assert_string_equal(wait_for(&s, 2), "2:theirs 3:own ");
    append_to(f, f->store, "theirs too");
    assert_string_equal(wait_for(&s, 3), "2:theirs 3:own 4:theirs too ");
    usleep(50000);
    assert_int_equal(s.n, 3);
    tdl_store_close(second);
    tdl_buf_release(&s.text);
}

/* Theirs, own, theirs, own, theirs: told in between or all at once, each is told once. */
static void an_observer_is_told_of_what_lies_between_its_own_events(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tdl_store *second = fixture_open_second(f);

    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "m%d", i);
        append_to(f, i % 2 ? second : f->store, id); // second has no observer yet
    }
    tdl_store_observe(second, note, &s);
    assert_string_equal(wait_for(&s, 3), "1:m0 3:m2 5:m4 ");
    tdl_store_close(second);
    tdl_buf_release(&s.text);
}

static void an_observer_is_told_of_other_processes_joins(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tdl_event e = event_of("join");
    tdl_store *second = fixture_open_second(f);

    e.kind = TDL_STR("$identify");
    e.user = TDL_STR("ann");
    e.alias = TDL_STR("anon");
    tdl_store_observe(second, note, &s);
    append_one(f, &e);
    assert_string_equal(wait_for(&s, 1), "1:join(ann=anon) ");
    tdl_store_close(second);
    tdl_buf_release(&s.text);
}

enum { APPENDS = 200 };

typedef struct appender {
    pthread_t thread;
    tdl_store *store;
    size_t new_n;
    bool failed;
} appender;

static void *append_many(void *context)
{
    appender *a = context;

    for (int i = 0; i < APPENDS; i++) {
        char id[2][16], user[16];
        size_t new_n = 0;
        snprintf(id[0], sizeof id[0], "m%d", i);
        snprintf(id[1], sizeof id[1], "m%d", APPENDS - i);
        snprintf(user, sizeof user, "u%d", i % 7);
        tdl_event e[2] = {event_of(id[0]), event_of(id[1])};
        e[0].user = tdl_str_of(user);
        a->failed |= tdl_store_append(a->store, e, 2, &new_n, NULL) != TDL_OK;
        a->new_n += new_n;
    }
    return NULL;
}

/* m0 ... m200 are sent twice by each of two processes; users u and u0 ... u6. */
static void processes_store_each_message_once_and_number_without_gaps(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    appender a[2] = {{.store = f->store}, {.store = fixture_open_second(f)}};
    tdl_store_counts counts;

    tdl_store_observe(a[1].store, note, &s);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&a[i].thread, NULL, append_many, &a[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(a[i].thread, NULL);
        assert_false(a[i].failed);
    }
    assert_int_equal(a[0].new_n + a[1].new_n, APPENDS + 1);
    assert_int_equal(outside_number(f, "SELECT count(DISTINCT seq) FROM events"), APPENDS + 1);
    assert_int_equal(outside_number(f, "SELECT max(seq) FROM events"), APPENDS + 1);
    wait_for(&s, APPENDS + 1);
    assert_int_equal(s.n, APPENDS + 1); // its own and the other's
    for (int i = 0; i < 2; i++) {
        tdl_store_count(a[i].store, &counts);
        assert_int_equal(counts.events, APPENDS + 1);
        assert_int_equal(counts.users, 8);
    }
    tdl_store_close(a[1].store);
    tdl_buf_release(&s.text);
}

static void a_key_of_another_process_is_noticed_within_a_second(void **state)
{
    fixture *f = *state;
    char text[TDL_KEY_TEXT_MAX];
    tdl_store *second = fixture_open_second(f);
    int64_t before = tdl_store_data_version(f->store);
    int left = 100;

    succeed(f, tdl_store_create_key(second, TDL_RIGHT_WRITE, TDL_STR("k"), text, &f->why));
    for (; left && tdl_store_data_version(f->store) == before; left--)
        usleep(10000);
    assert_true(left > 0);
    tdl_store_close(second);
}

/* ---- what the database refuses ---- */

/* A title may hold anything; PostgreSQL's texts hold no NUL. */
static void a_refused_item_fails_nobody_else(void **state)
{
    fixture *f = *state;
    tdl_item bad = {.id = TDL_STR("bad"), .title = {"a\0b", 3}}, good = {.id = TDL_STR("good")};
    tdl_event e = event_of("m");
    tdl_store_counts counts;

    refuse(f, tdl_store_put_items(f->store, &bad, 1, &f->why), TDL_E_INVALID, "storing an item");
    succeed(f, tdl_store_put_items(f->store, &good, 1, &f->why));
    assert_int_equal(append_one(f, &e), 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.items, 1);
}

static void any_bytes_of_a_decision_come_back(void **state)
{
    fixture *f = *state;
    tdl_decision d = {
        .id = "d", .app = TDL_STR("recommend"), .user = {"\xff\0z", 3}, .why = {"\0\x01\xfe", 3}};
    tdl_decision_row *got;
    size_t n;

    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    succeed(f, tdl_store_decisions(f->store, d.user, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_true(tdl_str_eq(got->decision.user, d.user));
    assert_true(tdl_str_eq(got->decision.why, d.why));
}

static void another_programs_schema_is_left_alone(void **state)
{
    fixture *f = *state;

    outside(f, "CREATE SCHEMA treadle; CREATE TABLE treadle.theirs(x int)");
    refuse(f, tdl_store_open(f->url, NULL, &f->store, &f->why), TDL_E_CORRUPT, "another program's");
    assert_int_equal(outside_number(f, "SELECT count(*) FROM information_schema.tables"
                                       " WHERE table_schema = 'treadle'"),
                     1);
}

static void a_newer_schema_is_refused(void **state)
{
    fixture *f = *state;

    fixture_open(f, NULL);
    fixture_close(f);
    outside(f, "COMMENT ON SCHEMA treadle IS 'Treadle, schema 99'");
    refuse(f, tdl_store_open(f->url, NULL, &f->store, &f->why), TDL_E_INVALID, "newer Treadle");
    refuse(f, tdl_store_open(f->url, &(tdl_store_options){.read_only = true}, &f->store, &f->why),
           TDL_E_INVALID, "newer Treadle");
}

static void a_store_that_must_exist_is_not_made(void **state)
{
    fixture *f = *state;

    refuse(f, tdl_store_open(f->url, &(tdl_store_options){.must_exist = true}, &f->store, &f->why),
           TDL_E_IO, "holds no Treadle store");
    assert_int_equal(
        outside_number(f, "SELECT count(*) FROM pg_namespace WHERE nspname = 'treadle'"), 0);
}

static void reports_do_not_tell_the_password(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {
        "postgres://u:s3cret@127.0.0.1:1/x", "postgresql://u:s3cret@127.0.0.1:99999/x",
        "postgres:u:s3cret@127.0.0.1",       "postgres://u:s3cret%zz@127.0.0.1/x",
        "mysql://u:s3cret@127.0.0.1/x",
    };

    for (int i = 0; i < 5; i++) {
        assert_int_not_equal(tdl_store_open(urls[i], NULL, &f->store, &f->why), TDL_OK);
        assert_null(strstr(f->why.message, "s3cret"));
        assert_null(strstr(f->why.hint, "s3cret"));
    }
}

/* ---- a server that goes away ---- */

static tdl_status append_until_answered(fixture *f, const char *message_id, size_t *ret_new)
{
    tdl_event e = event_of(message_id);
    tdl_status st = TDL_E_FULL;

    for (int left = 100; left && st == TDL_E_FULL; left--) {
        if ((st = tdl_store_append(f->store, &e, 1, ret_new, &f->why)))
            usleep(100000);
    }
    return st;
}

static void nothing_acknowledged_is_lost_when_the_server_crashes(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("refused");
    tdl_decision d = {.id = "d", .app = TDL_STR("recommend"), .user = TDL_STR("u")};
    tdl_decision_row row;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    size_t new_n = 0;

    tdl_store_observe(f->store, note, &s);
    append_to(f, f->store, "kept");
    postgres_halt(fixture_server(), true);
    refuse(f, tdl_store_append(f->store, &e, 1, NULL, &f->why), TDL_E_FULL, ": ");
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why)); // answered, so it must not get lost
    tdl_store_flush(f->store);
    postgres_resume(fixture_server());
    succeed(f, append_until_answered(f, "refused", &new_n));
    assert_int_equal(new_n, 1);
    succeed(f, tdl_store_get_decision(f->store, TDL_STR("d"), f->arena, &row, &f->why));
    assert_string_equal(scanned(f, 0), "kept refused");
    assert_string_equal(wait_for(&s, 2), "1:kept 2:refused ");
    tdl_buf_release(&s.text);
}

enum { SENT = 400 };

/* Send each message until it is acknowledged, as an SDK does. */
static void *send_until_acknowledged(void *context)
{
    appender *a = context;

    for (int i = 0; i < SENT; i++) {
        char id[16];
        size_t new_n = 0;
        snprintf(id, sizeof id, "m%d", i);
        tdl_event e = event_of(id);
        for (int left = 400; tdl_store_append(a->store, &e, 1, &new_n, NULL); left--) {
            a->failed |= !left;
            if (a->failed)
                return NULL;
            usleep(50000);
        }
        a->new_n += new_n;
        usleep(1000);
    }
    return NULL;
}

/* Crashes fall into the middle of transactions and of commits whose answer gets lost. The observer
 * is told of what such a commit stored after all. */
static void crashes_under_load_lose_nothing_and_store_nothing_twice(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    appender a = {.store = f->store};

    tdl_store_observe(f->store, note, &s);
    assert_int_equal(pthread_create(&a.thread, NULL, send_until_acknowledged, &a), 0);
    for (int crash = 0; crash < 3; crash++) {
        usleep(200000);
        postgres_halt(fixture_server(), true);
        postgres_resume(fixture_server());
    }
    pthread_join(a.thread, NULL);
    assert_false(a.failed);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events"), SENT);
    assert_int_equal(outside_number(f, "SELECT count(DISTINCT message_id) FROM events"), SENT);
    assert_int_equal(outside_number(f, "SELECT max(seq) FROM events"), SENT);
    assert_true(a.new_n <= SENT); // less by the commits whose answer was lost
    wait_for(&s, SENT);
    assert_int_equal(s.n, SENT);
    tdl_buf_release(&s.text);
}

static void readers_come_back_with_the_server(void **state)
{
    fixture *f = *state;
    tdl_str person;

    append_to(f, f->store, "a");
    succeed(f, tdl_store_person(f->store, TDL_STR("u"), f->arena, &person, &f->why));
    postgres_halt(fixture_server(), false);
    refuse(f, tdl_store_person(f->store, TDL_STR("u"), f->arena, &person, &f->why), TDL_E_FULL, "");
    postgres_resume(fixture_server());
    succeed(f, tdl_store_person(f->store, TDL_STR("u"), f->arena, &person, &f->why));
    assert_str(person, "u");
}

/* The first append after an idle time must not pay for a restart in between. */
static void a_restart_between_two_appends_fails_neither(void **state)
{
    fixture *f = *state;
    seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};

    append_to(f, f->store, "a");
    postgres_halt(fixture_server(), false);
    postgres_resume(fixture_server());
    append_to(f, f->store, "b");
    // and the watcher listens again
    tdl_store *second = fixture_open_second(f);
    tdl_store_observe(f->store, note, &s);
    append_to(f, second, "c");
    assert_string_equal(wait_for(&s, 1), "3:c ");
    tdl_store_close(second);
    fixture_close(f);
    tdl_buf_release(&s.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(events_lie_in_the_partition_of_their_month),
        STORE_TEST(a_message_is_stored_once_whatever_month_it_claims),
        STORE_TEST(a_month_that_cannot_be_made_is_stored_in_the_rest),
        STORE_TEST(an_observer_is_told_of_other_processes_events_once),
        STORE_TEST(an_observer_is_told_of_what_lies_between_its_own_events),
        STORE_TEST(an_observer_is_told_of_other_processes_joins),
        STORE_TEST(processes_store_each_message_once_and_number_without_gaps),
        STORE_TEST(a_key_of_another_process_is_noticed_within_a_second),
        STORE_TEST(a_refused_item_fails_nobody_else),
        STORE_TEST(any_bytes_of_a_decision_come_back),
        CLOSED_TEST(another_programs_schema_is_left_alone),
        CLOSED_TEST(a_newer_schema_is_refused),
        CLOSED_TEST(a_store_that_must_exist_is_not_made),
        CLOSED_TEST(reports_do_not_tell_the_password),
        STORE_TEST(nothing_acknowledged_is_lost_when_the_server_crashes),
        STORE_TEST(crashes_under_load_lose_nothing_and_store_nothing_twice),
        STORE_TEST(readers_come_back_with_the_server),
        STORE_TEST(a_restart_between_two_appends_fails_neither),
    };
    return run_on_postgres("store/postgres", tests);
}
