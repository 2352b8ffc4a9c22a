/* Files that are not what they should be, and where a store may live. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"

static tdl_status open_it(fixture *f, const char *url, tdl_store_options options)
{
    return tdl_store_open(url, &options, &f->store, &f->why);
}

static void write_file(fixture *f, tdl_str bytes)
{
    FILE *file = fopen(f->path, "wb");

    assert_non_null(file);
    if (bytes.len)
        assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    fclose(file);
}

static tdl_buf read_file(fixture *f)
{
    tdl_buf bytes = {0};

    succeed(f, tdl_file_read(f->path, (size_t)64 << 20, &bytes, &f->why));
    return bytes;
}

/* A closed store with 500 events, 100 decisions and a key, in one file of many pages. */
static void make_store(fixture *f)
{
    static char id[500][16];
    static tdl_event e[500];
    char text[TDL_KEY_TEXT_MAX];

    fixture_open(f, NULL);
    for (int i = 0; i < 500; i++) {
        snprintf(id[i], sizeof id[i], "m%d", i);
        e[i] = event_of(id[i]);
        e[i].user = e[i].item = e[i].message_id;
    }
    succeed(f, tdl_store_append(f->store, e, 500, NULL, &f->why));
    for (int i = 0; i < 100; i++) {
        tdl_decision d = {.app = TDL_STR("a"), .user = TDL_STR("u"), .why = TDL_STR("[]")};
        snprintf(d.id, sizeof d.id, "d%d", i);
        succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
    }
    succeed(f, tdl_store_create_key(f->store, TDL_RIGHT_ADMIN, TDL_STR("k"), text, &f->why));
    fixture_close(f);
}

/* ---- names of stores ---- */

static void a_url_and_a_plain_path_name_the_same_store(void **state)
{
    fixture *f = *state;
    char url[400];
    tdl_event e = event_of("m");

    snprintf(url, sizeof url, "sqlite:%s", f->path);
    succeed(f, open_it(f, url, (tdl_store_options){0}));
    append_one(f, &e);
    fixture_reopen(f); // by its path
    assert_string_equal(scanned(f, 0), "m");
}

static void an_unknown_kind_of_store_is_refused(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {"mysql://localhost/x", "sqlit:x", "sqlitee:x", "x:"};

    for (int i = 0; i < 4; i++)
        refuse(f, open_it(f, urls[i], (tdl_store_options){0}), TDL_E_INVALID,
               "no such kind of store");
}

static void a_store_must_be_a_file(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {"", "sqlite:", "sqlite::memory:", ":memory:"};

    for (int i = 0; i < 4; i++)
        refuse(f, open_it(f, urls[i], (tdl_store_options){0}), TDL_E_INVALID,
               "is not the path of a file");
}

static void a_store_that_must_exist_is_not_made(void **state)
{
    fixture *f = *state;
    struct stat status;

    refuse(f, open_it(f, f->path, (tdl_store_options){.must_exist = true}), TDL_E_IO,
           "No such file");
    refuse(f, open_it(f, f->path, (tdl_store_options){.read_only = true}), TDL_E_IO,
           "No such file");
    assert_int_not_equal(stat(f->path, &status), 0);
}

static void a_missing_folder_is_reported(void **state)
{
    fixture *f = *state;
    char path[400];

    snprintf(path, sizeof path, "%s/no/treadle.db", f->dir);
    refuse(f, open_it(f, path, (tdl_store_options){0}), TDL_E_IO, path);
}

static void a_folder_is_not_a_store(void **state)
{
    fixture *f = *state;

    refuse(f, open_it(f, f->dir, (tdl_store_options){0}), TDL_E_IO, f->dir);
    refuse(f, open_it(f, f->dir, (tdl_store_options){.read_only = true}), TDL_E_IO, f->dir);
}

/* ---- damage ---- */

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;
    char text[8192];

    memset(text, 'x', sizeof text);
    write_file(f, (tdl_str){text, sizeof text});
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "not a database");
    tdl_buf after = read_file(f);
    assert_true(tdl_str_eq(tdl_buf_view(&after), (tdl_str){text, sizeof text}));
    tdl_buf_release(&after);
}

static void a_truncated_database_is_refused(void **state)
{
    fixture *f = *state;
    static const int eighths[] = {1, 4, 7};

    make_store(f);
    tdl_buf whole = read_file(f);
    for (int i = 0; i < 3; i++) {
        write_file(f, (tdl_str){whole.at, whole.len / 8 * (size_t)eighths[i]});
        refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "malformed");
    }
    tdl_buf_release(&whole);
}

/* Whatever is found in a damaged file, each call answers; the sanitizers watch over the rest. */
static void read_everything(fixture *f)
{
    tdl_scan *scan = NULL;
    tdl_event event, *events;
    tdl_decision_row *decisions;
    tdl_key_row *keys;
    tdl_user_row *users;
    size_t n;
    bool more = true;

    if (!tdl_scan_open(f->store, 0, 0, &scan, &f->why))
        while (more && !tdl_scan_next(scan, &event, NULL, &more, &f->why))
            ;
    tdl_scan_close(scan);
    tdl_store_user_events(f->store, TDL_STR("m7"), 9, f->arena, &events, &n, &f->why);
    tdl_store_users(f->store, (tdl_str){0}, 99, f->arena, &users, &n, &f->why);
    tdl_store_decisions(f->store, (tdl_str){0}, 99, f->arena, &decisions, &n, &f->why);
    tdl_store_keys(f->store, f->arena, &keys, &n, &f->why);
    event = event_of("new");
    tdl_store_append(f->store, &event, 1, NULL, &f->why);
}

static void a_database_with_damaged_pages_never_ends_the_program(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(11, 0);

    make_store(f);
    tdl_buf whole = read_file(f);
    char *damaged = malloc(whole.len);
    for (int i = 0; i < 60; i++) {
        memcpy(damaged, whole.at, whole.len);
        for (int hits = 0; hits < 20; hits++) // past the first 100 bytes, which say what it is
            damaged[100 + tdl_rng_below(&rng, whole.len - 100)] = (char)tdl_rng_u32(&rng);
        write_file(f, (tdl_str){damaged, whole.len});
        if (!open_it(f, f->path, (tdl_store_options){0}))
            read_everything(f);
        fixture_close(f);
        tdl_arena_reset(f->arena);
    }
    free(damaged);
    tdl_buf_release(&whole);
}

static void the_database_of_another_program_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;

    outside(f, "CREATE TABLE theirs(x)");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "of another program");
    assert_int_equal(outside_number(f, "SELECT count(*) FROM sqlite_schema"), 1);
    outside(f, "DROP TABLE theirs; PRAGMA application_id = 5");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "of another program");
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m");

    make_store(f);
    outside(f, "PRAGMA user_version = 99");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_INVALID,
           "written by a newer Treadle (schema 99");
    refuse(f, open_it(f, f->path, (tdl_store_options){.read_only = true}), TDL_E_INVALID, "newer");
    outside(f, "PRAGMA user_version = 4");
    fixture_open(f, NULL);
    assert_int_equal(append_one(f, &e), 1);
}

static void a_schema_version_that_makes_no_sense_is_refused(void **state)
{
    fixture *f = *state;

    make_store(f);
    outside(f, "PRAGMA user_version = -1");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "makes no sense");
    outside(f, "PRAGMA user_version = 0");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "makes no sense");
}

static void a_missing_table_is_damage(void **state)
{
    fixture *f = *state;

    make_store(f);
    outside(f, "DROP TABLE events");
    refuse(f, open_it(f, f->path, (tdl_store_options){0}), TDL_E_CORRUPT, "no such table");
}

static void an_empty_file_becomes_a_store_unless_it_is_opened_for_reading(void **state)
{
    fixture *f = *state;
    tdl_event e = event_of("m");

    write_file(f, (tdl_str){0});
    refuse(f, open_it(f, f->path, (tdl_store_options){.read_only = true}), TDL_E_INVALID,
           "older schema");
    fixture_open(f, NULL);
    assert_int_equal(append_one(f, &e), 1);
}

/* ---- how it lies on the disk ---- */

static void a_closed_store_is_one_file_with_a_write_ahead_log(void **state)
{
    fixture *f = *state;
    char wal[400];
    struct stat status;

    snprintf(wal, sizeof wal, "%s-wal", f->path);
    fixture_open(f, NULL);
    assert_int_equal(stat(wal, &status), 0);
    fixture_close(f);
    assert_int_not_equal(stat(wal, &status), 0);
    // 2 in bytes 18 and 19 of the header: "WAL" (SQLite file format, 1.3.3)
    tdl_buf bytes = read_file(f);
    assert_int_equal(bytes.at[18], 2);
    assert_int_equal(bytes.at[19], 2);
    tdl_buf_release(&bytes);
}

static void *open_thread(void *context)
{
    fixture *f = context;
    tdl_store *store = NULL;
    tdl_report why = {0};

    tdl_store_open(f->path, NULL, &store, &why);
    tdl_store_close(store);
    return why.status ? strdup(why.message) : NULL;
}

static void many_may_make_the_same_store_at_once(void **state)
{
    fixture *f = *state;

    for (int round = 0; round < 10; round++) {
        pthread_t threads[4];
        void *failure;
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_thread, f), 0);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], &failure);
            if (failure)
                fail_msg("%s", (char *)failure);
        }
        remove(f->path);
    }
}

/* In a child with a mount namespace of its own; 77 when that is not permitted. */
static int try_read_only_folder(fixture *f)
{
    tdl_store_options options = {0};

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", f->dir, "tmpfs", 0, NULL))
        return 77;
    if (tdl_store_open(f->path, &options, &f->store, &f->why))
        return 1;
    fixture_close(f);
    if (mount("none", f->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL))
        return 77;
    if (tdl_store_open(f->path, &options, &f->store, &f->why) != TDL_E_IO)
        return 2;
    if (!strstr(f->why.message, "cannot be written") || !strstr(f->why.hint, "let this user write"))
        return 3;
    unlink(f->path);
    snprintf(f->path, sizeof f->path, "%s/new.db", f->dir);
    return tdl_store_open(f->path, &options, &f->store, &f->why) == TDL_E_IO ? 0 : 4;
}

static void a_read_only_folder_is_reported(void **state)
{
    fixture *f = *state;
    int status;
    pid_t child = fork();

    if (!child)
        _exit(try_read_only_folder(f));
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIPPED: mounting a read-only folder is not permitted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(a_url_and_a_plain_path_name_the_same_store),
        CLOSED_TEST(an_unknown_kind_of_store_is_refused),
        CLOSED_TEST(a_store_must_be_a_file),
        CLOSED_TEST(a_store_that_must_exist_is_not_made),
        CLOSED_TEST(a_missing_folder_is_reported),
        CLOSED_TEST(a_folder_is_not_a_store),
        CLOSED_TEST(a_file_that_is_no_database_is_refused_and_left_alone),
        CLOSED_TEST(a_truncated_database_is_refused),
        CLOSED_TEST(a_database_with_damaged_pages_never_ends_the_program),
        CLOSED_TEST(the_database_of_another_program_is_refused_and_left_alone),
        CLOSED_TEST(a_newer_schema_is_refused_and_left_alone),
        CLOSED_TEST(a_schema_version_that_makes_no_sense_is_refused),
        CLOSED_TEST(a_missing_table_is_damage),
        CLOSED_TEST(an_empty_file_becomes_a_store_unless_it_is_opened_for_reading),
        CLOSED_TEST(a_closed_store_is_one_file_with_a_write_ahead_log),
        CLOSED_TEST(many_may_make_the_same_store_at_once),
        CLOSED_TEST(a_read_only_folder_is_reported),
    };
    return cmocka_run_group_tests_name("store/sqlite", tests, NULL, NULL);
}
