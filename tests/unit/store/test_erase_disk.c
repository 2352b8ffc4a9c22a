/* Erasing on the disk: no byte is left in the files, nothing else is touched, and a kill -9 at any
 * point leads to the same end. */
#include "fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "store/erase.h"
#include "store/sqlite_wipe.h"

enum { KILLS = 50, PEOPLE = 400, EVENTS = 4800, BATCH = 40, SECOND = 1000000 };

/* Occurs in every id, trait, property and message of the one who is erased, and nowhere else. */
static const char mark[] = "mallory";

/* ---- a store of many, one of whom will go ---- */

/* The i-th event, of somebody by chance. One person in ten has one of his ids, in an order that
 * spreads them over the index of names. */
static tdl_event make_event(tdl_arena *arena, tdl_rng *rng, int i)
{
    unsigned at = (unsigned)tdl_rng_below(rng, PEOPLE);
    unsigned noise = (unsigned)tdl_rng_below(rng, 1U << 31);
    bool his = at % 10 == 0;
    const char *who = his ? mark : "somebody";
    tdl_event e = {.time_us = (int64_t)(i + 1) * SECOND,
                   .kind = his ? TDL_STR("$create_alias") : TDL_STR("view"),
                   .source = TDL_STR("test")};

    e.user = tdl_arena_printf(arena, "%08x-%s-%u", at * 2654435761U, who, at);
    e.message_id = tdl_arena_printf(arena, "%08x-%s-%d", noise, who, i);
    e.properties = tdl_arena_printf(arena, "{\"email\":\"%s@example.com\",\"n\":%d}", who, i);
    e.traits = e.properties;
    if (his)
        e.alias = tdl_arena_printf(arena, "00000000-%s-0", mark);
    return e;
}

static void append_some(tdl_store *store, tdl_rng *rng, int from)
{
    tdl_event events[BATCH];
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_report why = {0};

    for (int i = 0; i < EVENTS; i += BATCH) {
        tdl_arena_reset(arena);
        for (int k = 0; k < BATCH; k++)
            events[k] = make_event(arena, rng, from + i + k);
        if (tdl_store_append(store, events, BATCH, NULL, &why))
            fail_msg("%s", why.message);
    }
    tdl_arena_free(arena);
}

static void fill(tdl_store *store)
{
    tdl_rng rng = tdl_rng_make(11, 0);
    tdl_decision d = {.app = TDL_STR("a"), .why = TDL_STR("[]"), .time_us = SECOND};
    char user[80];

    append_some(store, &rng, 0);
    for (int i = 0; i < 300; i++) {
        snprintf(d.id, sizeof d.id, "d%d", i);
        snprintf(user, sizeof user, "%08x-%s-0", 0U, i % 3 ? "somebody" : mark);
        d.user = tdl_str_of(user);
        assert_int_equal(tdl_store_log_decision(store, &d, NULL), TDL_OK);
    }
    tdl_store_flush(store);
}

static tdl_erase_request whole(void)
{
    return (tdl_erase_request){.user = TDL_STR("00000000-mallory-0")};
}

/* ---- looking at the files ---- */

static int count_bytes(const char *path, const char *text)
{
    tdl_buf bytes = {.limit = (size_t)1 << 30};
    size_t n = strlen(text);
    int found = 0;

    assert_int_equal(tdl_file_read(path, bytes.limit, &bytes, NULL), TDL_OK);
    for (size_t i = 0; i + n <= bytes.len; i++)
        found += !memcmp(bytes.at + i, text, n);
    tdl_buf_release(&bytes);
    return found;
}

static int count_in_folder(const char *dir, const char *text)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;
    char path[600];
    int found = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
            found += count_bytes(path, text);
        }
    closedir(folder);
    return found;
}

/* Every row of every table that erasing may touch, as text; those of him left out. */
static void dump(const char *path, const char *where_events, tdl_buf *ret)
{
    static const char *const all[] = {
        "SELECT * FROM users",  "SELECT * FROM joins",    "SELECT * FROM joined_ids",
        "SELECT * FROM traits", "SELECT * FROM consents", "SELECT * FROM items",
        "SELECT * FROM kinds",  "SELECT * FROM sources",  "SELECT * FROM decisions"};
    char events[300];
    sqlite3 *db;
    sqlite3_stmt *s;

    snprintf(events, sizeof events, "SELECT * FROM events WHERE %s", where_events);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i <= sizeof all / sizeof all[0]; i++) {
        const char *sql = i < sizeof all / sizeof all[0] ? all[i] : events;
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        tdl_buf_printf(ret, "%s\n", sql);
        while (sqlite3_step(s) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(s); c++)
                if (strcmp(sqlite3_column_name(s, c), "erased_us")) // says when
                    tdl_buf_printf(ret, "%s|", (const char *)sqlite3_column_text(s, c));
            tdl_buf_char(ret, '\n');
        }
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

/* ---- tests ---- */

static void no_byte_of_him_is_left_while_the_store_is_open(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(12, 0);
    tdl_erase_request request = whole();
    tdl_erasure e;

    fill(f->store);
    assert_true(count_in_folder(f->dir, mark) > PEOPLE);
    succeed(f, tdl_store_erase(f->store, &request, f->arena, &e, &f->why));
    assert_true(e.done);
    assert_int_equal(count_in_folder(f->dir, mark), 0);
    // What is written next brings nothing back from memory, and of what comes late nothing stays.
    append_some(f->store, &rng, EVENTS);
    assert_int_equal(count_in_folder(f->dir, mark), 0);
    fixture_close(f);
    assert_int_equal(count_in_folder(f->dir, mark), 0);
    assert_int_equal(outside_number(f, "SELECT count(*) FROM pragma_integrity_check"
                                       " WHERE integrity_check = 'ok'"),
                     1);
}

static void part_of_him_leaves_all_other_rows_as_they_were(void **state)
{
    fixture *f = *state;
    tdl_erase_request request = whole();
    tdl_buf before = {0}, after = {0};
    tdl_erasure e;
    static const char others[] = "NOT (user IN (SELECT id FROM users WHERE name LIKE '%mallory%')"
                                 " AND kind = (SELECT id FROM kinds WHERE name = '$create_alias')"
                                 " AND time_us >= 100000000 AND time_us < 200000000)";
    const tdl_str kind = TDL_STR("$create_alias");

    fill(f->store);
    outside(f, "UPDATE joins SET event = 0"); // which the events they name would take along
    dump(f->path, others, &before);
    request.from_us = 100 * (int64_t)SECOND;
    request.until_us = 200 * (int64_t)SECOND;
    request.kinds = &kind;
    request.kinds_n = 1;
    succeed(f, tdl_store_erase(f->store, &request, f->arena, &e, &f->why));
    dump(f->path, "true", &after);
    tdl_str one = tdl_buf_view(&before), other = tdl_buf_view(&after);
    // The last table is the events, under another heading.
    const char *events_before = strstr(one.at, "SELECT * FROM events");
    const char *events_after = strstr(other.at, "SELECT * FROM events");
    assert_int_equal(events_before - one.at, events_after - other.at);
    assert_memory_equal(one.at, other.at, (size_t)(events_before - one.at));
    assert_string_equal(strchr(events_before, '\n'), strchr(events_after, '\n'));
    tdl_buf_release(&before);
    tdl_buf_release(&after);
}

static void copy_file(const char *from, const char *to)
{
    tdl_buf bytes = {.limit = (size_t)1 << 30};

    assert_int_equal(tdl_file_read(from, bytes.limit, &bytes, NULL), TDL_OK);
    assert_int_equal(tdl_file_write(to, tdl_buf_view(&bytes), NULL), TDL_OK);
    tdl_buf_release(&bytes);
}

/* In a process of its own; says when it starts to erase. */
static void erase_in_child(const char *path, int started)
{
    const tdl_erase_request request = whole();
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_store *store;
    tdl_erasure e;

    if (tdl_store_open(path, NULL, &store, NULL) || write(started, "", 1) != 1)
        _exit(1);
    if (tdl_store_erase(store, &request, arena, &e, NULL))
        _exit(2);
    _exit(0);
}

/* Kill it after so long; gives how long it took when it was left alone. */
static int64_t run(const char *path, int64_t life_us)
{
    int fd[2], status;
    char byte;

    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        erase_in_child(path, fd[1]);
    close(fd[1]);
    assert_int_equal(read(fd[0], &byte, 1), 1);
    close(fd[0]);
    int64_t start_us = tdl_time_monotonic();
    if (life_us >= 0) {
        nanosleep(&(struct timespec){.tv_nsec = (long)life_us * 1000}, NULL);
        kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return tdl_time_monotonic() - start_us;
}

static void a_kill_at_any_point_leads_to_the_same_end(void **state)
{
    fixture *f = *state;
    char path[300], log[310];
    tdl_buf expected = {0}, found = {0};
    tdl_rng rng = tdl_rng_make(7, 0);
    int not_begun = 0, removed = 0, done = 0;
    tdl_erasure *all;
    size_t n = 0;

    fill(f->store);
    fixture_close(f);
    snprintf(path, sizeof path, "%.250s/copy.db", f->dir);
    snprintf(log, sizeof log, "%.250s/copy.db-wal", f->dir);
    copy_file(f->path, path);
    int64_t takes_us = run(path, -1);
    dump(path, "true", &expected);
    for (int i = 0; i < KILLS; i++) {
        unlink(path), unlink(log);
        copy_file(f->path, path);
        run(path, (int64_t)tdl_rng_below(&rng, (uint64_t)(takes_us < 900000 ? takes_us : 900000)));
        // As it was left, seen without opening it for writing.
        snprintf(f->url, sizeof f->url, "%s", path);
        fixture_open(f, &(tdl_store_options){.read_only = true});
        succeed(f, tdl_store_erasures(f->store, 2, f->arena, &all, &n, &f->why));
        not_begun += !n;
        removed += n && !all[0].done;
        done += n && all[0].done;
        fixture_close(f);
        fixture_open(f, NULL);
        bool begun = n > 0;
        succeed(f, tdl_store_erasures(f->store, 2, f->arena, &all, &n, &f->why));
        if (begun && (n != 1 || !all[0].done))
            fail_msg("kill %d: what was begun is not finished", i);
        if (!begun) { // nothing has happened: whoever asked asks again
            tdl_erase_request request = whole();
            tdl_erasure e;
            succeed(f, tdl_store_erase(f->store, &request, f->arena, &e, &f->why));
            assert_true(e.done);
        }
        fixture_close(f);
        tdl_buf_clear(&found);
        dump(path, "true", &found);
        assert_string_equal(expected.at, found.at);
        assert_int_equal(count_bytes(path, "00000000-mallory-0"), 0);
        tdl_arena_reset(f->arena);
    }
    print_message("%d kills: %d before, %d between, %d after\n", KILLS, not_begun, removed, done);
    assert_int_equal(not_begun + removed + done, KILLS);
    tdl_buf_release(&expected);
    tdl_buf_release(&found);
}

/* ---- pages ---- */

static void only_the_unused_middle_of_a_tree_s_page_is_wiped(void **state)
{
    unsigned char page[512], before[512];

    (void)state;
    for (int kind = 0; kind < 256; kind++) {
        memset(page, 0xaa, sizeof page);
        page[0] = (unsigned char)kind;
        page[3] = 0, page[4] = 3;    // three cells
        page[5] = 1, page[6] = 0x20; // whose content begins at 288
        memcpy(before, page, sizeof page);
        bool leaf = kind == 10 || kind == 13, inner = kind == 2 || kind == 5;
        assert_int_equal(tdl_sqlite_wipe_page(page, sizeof page, false), leaf || inner);
        size_t from = leaf ? 14 : inner ? 18 : 288;
        for (size_t i = 0; i < sizeof page; i++)
            assert_int_equal(page[i], i >= from && i < 288 ? 0 : before[i]);
    }
}

static void a_damaged_page_is_left_alone(void **state)
{
    unsigned char page[512], before[512];

    (void)state;
    memset(page, 0xff, sizeof page);
    page[0] = 13;
    memcpy(before, page, sizeof page);
    assert_false(tdl_sqlite_wipe_page(page, sizeof page, false));
    assert_memory_equal(page, before, sizeof page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_byte_of_him_is_left_while_the_store_is_open),
        TEST(part_of_him_leaves_all_other_rows_as_they_were),
        TEST(a_kill_at_any_point_leads_to_the_same_end),
        cmocka_unit_test(only_the_unused_middle_of_a_tree_s_page_is_wiped),
        cmocka_unit_test(a_damaged_page_is_left_alone),
    };
    return cmocka_run_group_tests_name("store/erase_disk", tests, NULL, NULL);
}
