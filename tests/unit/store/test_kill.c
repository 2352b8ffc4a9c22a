/* kill -9 in the middle of writing: what was acknowledged is there, once, and batches are whole. */
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"

enum { KILLS = 25, BATCH = 10, BATCHES_MAX = 100000, PATIENCE_MS = 60000 };

/* Append batches with numbers from `next` on, and say each number once it is acknowledged. */
static void append_until_killed(const char *path, int32_t next, int acknowledged)
{
    tdl_store *store;
    tdl_event e[BATCH];
    char id[BATCH][32];

    if (tdl_store_open(path, NULL, &store, NULL))
        _exit(1);
    for (;; next++) {
        tdl_decision d = {.app = TDL_STR("a"), .user = TDL_STR("u"), .why = TDL_STR("[]")};
        for (int i = 0; i < BATCH; i++) {
            snprintf(id[i], sizeof id[i], "%d-%d", next, i);
            e[i] = event_of(id[i]);
            e[i].user = e[i].item = e[i].message_id;
        }
        snprintf(d.id, sizeof d.id, "%d", next);
        if (tdl_store_log_decision(store, &d, NULL) ||
            tdl_store_append(store, e, BATCH, NULL, NULL) ||
            write(acknowledged, &next, sizeof next) != sizeof next)
            _exit(2);
    }
}

/* One child, killed after a few milliseconds, or that long after its first acknowledgement. Gives
 * the numbers it acknowledged. */
static void run_and_kill(fixture *f, tdl_rng *rng, int32_t next, bool at_work, bool *acknowledged)
{
    struct timespec life = {.tv_nsec = (long)(1000 * (2000 + tdl_rng_below(rng, 60000)))};
    int fd[2], status;
    int32_t number;

    assert_int_equal(pipe(fd), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        append_until_killed(f->path, next, fd[1]);
    close(fd[1]);
    if (at_work)
        assert_int_equal(poll(&(struct pollfd){.fd = fd[0], .events = POLLIN}, 1, PATIENCE_MS), 1);
    nanosleep(&life, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); // it did not give up by itself
    while (read(fd[0], &number, sizeof number) == sizeof number) {
        assert_in_range(number, 0, BATCHES_MAX - 1);
        acknowledged[number] = true;
    }
    close(fd[0]);
}

/* The batch numbers there are: each must have all of its events. */
static void mark_stored(fixture *f, bool *stored)
{
    tdl_scan *scan;
    tdl_event event;
    int *n = calloc(BATCHES_MAX, sizeof *n);
    bool more = true;

    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    for (;;) {
        succeed(f, tdl_scan_next(scan, &event, NULL, &more, &f->why));
        if (!more)
            break;
        long number = strtol(event.message_id.at, NULL, 10);
        assert_in_range(number, 0, BATCHES_MAX - 1);
        n[number]++;
        assert_true(tdl_str_eq(event.user, event.message_id));
        assert_true(tdl_str_eq(event.item, event.message_id));
    }
    tdl_scan_close(scan);
    for (int i = 0; i < BATCHES_MAX; i++) {
        if (n[i] != 0 && n[i] != BATCH)
            fail_msg("batch %d has %d events", i, n[i]);
        stored[i] = n[i] == BATCH;
    }
    free(n);
}

static void no_acknowledged_event_is_lost_by_kill_9(void **state)
{
    fixture *f = *state;
    tdl_rng rng = tdl_rng_make(5, 0);
    bool *acknowledged = calloc(BATCHES_MAX, 1), *stored = calloc(BATCHES_MAX, 1);
    int32_t next = 0;
    int acknowledged_n = 0;

    for (int kills = 0; kills < KILLS; kills++) {
        run_and_kill(f, &rng, next, kills % 2, acknowledged);
        fixture_open(f, NULL);
        mark_stored(f, stored);
        for (int32_t i = 0; i < BATCHES_MAX; i++) {
            if (acknowledged[i] && !stored[i])
                fail_msg("kill %d: batch %d was acknowledged and is gone", kills, i);
            if (stored[i] && i >= next)
                next = i + 1;
        }
        fixture_close(f);
    }
    assert_int_equal(outside_number(f, "SELECT count(*) FROM pragma_integrity_check"
                                       " WHERE integrity_check = 'ok'"),
                     1);
    for (int32_t i = 0; i < BATCHES_MAX; i++)
        acknowledged_n += acknowledged[i];
    assert_true(acknowledged_n >= KILLS / 2); // of those that were at work
    free(acknowledged);
    free(stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(no_acknowledged_event_is_lost_by_kill_9),
    };
    return cmocka_run_group_tests_name("store/kill", tests, NULL, NULL);
}
