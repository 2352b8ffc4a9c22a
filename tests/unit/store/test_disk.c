/* A disk that fills up and gets room again, played by a limit on the size of files: SQLite's
 * write-ahead log cannot grow past it. */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 50, TEXT = 1000 };

static char properties[TEXT];

static int forget_signal(void **state)
{
    TDL_UNUSED(state);
    signal(SIGXFSZ, SIG_IGN); // so that write answers EFBIG
    snprintf(properties, sizeof properties, "{\"a\":\"%0*d\"}", TEXT - 10, 0);
    return 0;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_disk(fixture *f, rlim_t left)
{
    char wal[400];
    struct stat status;

    snprintf(wal, sizeof wal, "%s-wal", f->path);
    assert_int_equal(stat(wal, &status), 0);
    limit_files((rlim_t)status.st_size + left);
}

static void make_room(void)
{
    limit_files(RLIM_INFINITY);
}

/* 50 events of 1 KB of users that are new, ids "BATCH-0" to "BATCH-49". */
static tdl_status append_batch(fixture *f, int batch)
{
    tdl_event e[BATCH];
    char id[BATCH][24];

    for (int i = 0; i < BATCH; i++) {
        snprintf(id[i], sizeof id[i], "%d-%d", batch, i);
        e[i] = event_of(id[i]);
        e[i].user = e[i].message_id;
        e[i].properties = tdl_str_of(properties);
    }
    return tdl_store_append(f->store, e, BATCH, NULL, &f->why);
}

static int restore(void **state)
{
    make_room();
    return fixture_tear_down(state);
}

static void a_full_disk_is_told_and_nothing_stored_is_lost(void **state)
{
    fixture *f = *state;
    int stored = 0;
    tdl_status st;
    tdl_store_counts counts;

    succeed(f, append_batch(f, stored++));
    fill_disk(f, 300000);
    while (!(st = append_batch(f, stored)))
        stored++;
    refuse(f, st, TDL_E_FULL, "the disk is full");
    assert_true(stored > 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, stored * BATCH);
    assert_int_equal(counts.users, stored * BATCH);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events"), stored * BATCH);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM users"), stored * BATCH);
}

static void writing_goes_on_when_there_is_room_again(void **state)
{
    fixture *f = *state;
    tdl_store_counts counts;

    succeed(f, append_batch(f, 0));
    fill_disk(f, 4096);
    for (int i = 0; i < 3; i++)
        refuse(f, append_batch(f, 1), TDL_E_FULL, "the disk is full");
    make_room();
    succeed(f, append_batch(f, 1)); // the same batch, sent again, with users made anew
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, 2 * BATCH);
    assert_int_equal(counts.users, 2 * BATCH);
    assert_int_equal(counts.duplicates, 0);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM events JOIN users ON users.id = user"
                                       " WHERE users.name = message_id"),
                     2 * BATCH);
    fixture_reopen(f);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, 2 * BATCH);
}

static void reading_goes_on_while_the_disk_is_full(void **state)
{
    fixture *f = *state;
    tdl_event *got;
    size_t n;

    succeed(f, append_batch(f, 0));
    fill_disk(f, 4096);
    refuse(f, append_batch(f, 1), TDL_E_FULL, "the disk is full");
    succeed(f, tdl_store_user_events(f->store, TDL_STR("0-7"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    succeed(f, tdl_store_user_events(f->store, TDL_STR("1-7"), 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 0);
}

static void other_writes_are_told_of_a_full_disk_too(void **state)
{
    fixture *f = *state;
    static tdl_item item;
    char text[TDL_KEY_TEXT_MAX];

    item = (tdl_item){TDL_STR("i"), TDL_STR("t"), tdl_str_of(properties)};
    succeed(f, append_batch(f, 0));
    fill_disk(f, 100);
    refuse(f, tdl_store_put_items(f->store, &item, 1, &f->why), TDL_E_FULL, "the disk is full");
    refuse(f, tdl_store_create_key(f->store, TDL_RIGHT_WRITE, TDL_STR("k"), text, &f->why),
           TDL_E_FULL, "the disk is full");
    make_room();
    succeed(f, tdl_store_put_items(f->store, &item, 1, &f->why));
    assert_int_equal(outside_number(f, "SELECT count(*) FROM items"), 1);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM keys"), 0);
}

/* Answers were given, so their rows must not be lost: they are tried again each second. */
static void a_decision_logged_on_a_full_disk_is_stored_later(void **state)
{
    fixture *f = *state;
    static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    tdl_decision d = {.id = "d1", .app = TDL_STR("a"), .user = TDL_STR("u")};
    tdl_decision_row got;
    tdl_status st = TDL_E_NOT_FOUND;

    succeed(f, append_batch(f, 0));
    fill_disk(f, 100);
    d.why = tdl_str_of(properties);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    assert_int_equal(tdl_store_get_decision(f->store, TDL_STR("d1"), f->arena, &got, NULL),
                     TDL_E_NOT_FOUND);
    make_room();
    for (int i = 0; st && i < 500; i++) { // ten seconds; it takes one
        nanosleep(&pause, NULL);
        st = tdl_store_get_decision(f->store, TDL_STR("d1"), f->arena, &got, &f->why);
    }
    succeed(f, st);
    assert_str(got.decision.why, properties);
}

int main(void)
{
#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, restore)
    const struct CMUnitTest tests[] = {
        DISK_TEST(a_full_disk_is_told_and_nothing_stored_is_lost),
        DISK_TEST(writing_goes_on_when_there_is_room_again),
        DISK_TEST(reading_goes_on_while_the_disk_is_full),
        DISK_TEST(other_writes_are_told_of_a_full_disk_too),
        DISK_TEST(a_decision_logged_on_a_full_disk_is_stored_later),
    };
    return cmocka_run_group_tests_name("store/disk", tests, forget_signal, NULL);
}
