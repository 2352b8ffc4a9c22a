/* A soak: rounds of load with a fault in each, until the time is over. After each round every
 * acknowledged event must be there once. The last line sums up.
 *
 *   soak SECONDS [SEED]      make soak SECONDS=600
 *
 * Faults: kill -9, an orderly stop, a disk without room, a clock that jumps (where the test library
 * for it was built), and on PostgreSQL an outage of the database. The two stores take turns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../e2e/senders.h"
#include "../support/postgres.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "traffic.h"

enum { SENDERS = 3, ROUND_MS = 6000, SECOND_US = 1000000, FILE_MAX = 1 << 20 };

typedef enum fault { KILL, STOP, FULL, CLOCK, OUTAGE, FAULTS } fault;
static const char *const fault_names[] = {"kills", "stops", "full disks", "clock jumps", "outages"};

typedef struct soak {
    int64_t seconds;
    uint64_t seed;
    tdl_rng rng;
    postgres *database; /* NULL: none here */
    server *server[2];  /* on SQLite, on PostgreSQL */
    int64_t *moved_us;  /* the servers' clock, NULL: not to be moved */
    int rounds, done[FAULTS], events, answers;
    long most_kib; /* largest resident memory seen */
} soak;

static soak run;

static int below(int n)
{
    return (int)tdl_rng_below(&run.rng, (uint64_t)n);
}

/* ---- the servers ---- */

static void share_clock(const char *folder)
{
    const char *library = getenv("TREADLE_CLOCK_LIBRARY");
    char path[200];

    if (!library || access(library, R_OK))
        return;
    snprintf(path, sizeof path, "%s/clock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *run.moved_us), 0);
    run.moved_us = mmap(NULL, sizeof *run.moved_us, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(run.moved_us != MAP_FAILED);
    close(fd);
    setenv("TREADLE_TEST_CLOCK", path, 1);
}

static void start(server *s)
{
    if (run.moved_us)
        setenv("LD_PRELOAD", getenv("TREADLE_CLOCK_LIBRARY"), 1);
    server_start(s, 0);
    unsetenv("LD_PRELOAD");
}

static void look_at_memory(const server *s)
{
    char path[64], line[200];
    long kib;

    snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1 && kib > run.most_kib)
            run.most_kib = kib;
    if (file)
        fclose(file);
}

/* ---- a round ---- */

static void do_fault(fault what, server *s)
{
    switch (what) {
    case KILL:
        look_at_memory(s);
        server_kill(s);
        break;
    case STOP:
        look_at_memory(s);
        assert_int_equal(server_stop(s), 0);
        break;
    case FULL:
        server_limit_files(s, FILE_MAX);
        usleep(SECOND_US);
        server_limit_files(s, 0);
        break;
    case CLOCK:
        __atomic_store_n(run.moved_us, (below(96) - 48) * INT64_C(3600000000), __ATOMIC_SEQ_CST);
        break;
    case OUTAGE:
        postgres_halt(run.database, below(2));
        usleep(SECOND_US);
        postgres_resume(run.database);
        break;
    case FAULTS:
        break;
    }
    run.done[what]++;
}

static fault choose(bool shared)
{
    fault what;

    do
        what = (fault)below(FAULTS);
    while ((what == CLOCK && !run.moved_us) || (what == OUTAGE && !shared) ||
           (what == FULL && shared));
    return what;
}

static void wait_until_stored(client *c)
{
    for (int left = 600; left; left--) {
        if (client_call(c, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}") == 200)
            return;
        usleep(SECOND_US / 20);
    }
    fail_msg("seed %llu, round %d: nothing is stored any more", (unsigned long long)run.seed,
             run.rounds);
}

/* Ends with a running server. */
static void one_round(server *s, bool shared)
{
    static senders sent;
    static traffic all;
    fault what = choose(shared);

    sent = (senders){
        .n = SENDERS, .round = run.rounds, .max = 1000000, .patient = what != KILL && what != STOP};
    all = (traffic){.next = run.rounds * 1000000};
    traffic_start(&all, s);
    senders_start(&sent, s);
    usleep((useconds_t)(1000 * (ROUND_MS / 4 + below(ROUND_MS / 2))));
    do_fault(what, s);
    if (s->pid)
        usleep((useconds_t)(1000 * below(ROUND_MS / 2)));
    senders_stop(&sent);
    traffic_stop(&all);
    if (!s->pid)
        start(s);
    client *c = client_new(s, s->admin_key);
    wait_until_stored(c);
    run.events += senders_check(&sent, c);
    run.answers += atomic_load(&all.answered);
    client_free(c);
    look_at_memory(s);
}

static void tell(const char *how)
{
    tdl_buf faults = {0};

    for (int i = 0; i < FAULTS; i++)
        tdl_buf_printf(&faults, ", %d %s", run.done[i], fault_names[i]);
    print_message("soak: %s, seed %llu: %d rounds%s; %d acknowledged events, each there once; %d "
                  "other answers; at most %ld MiB resident\n",
                  how, (unsigned long long)run.seed, run.rounds, faults.at, run.events, run.answers,
                  run.most_kib / 1024);
    tdl_buf_release(&faults);
}

static void nothing_is_lost_whatever_happens(void **state)
{
    int64_t end_us = tdl_time_monotonic() + run.seconds * SECOND_US;

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        run.server[i] = server_new();
        if (!i)
            share_clock(run.server[i]->folder);
        if (i && run.database)
            snprintf(run.server[i]->store, sizeof run.server[i]->store, "%s", run.database->url);
        start(run.server[i]);
    }
    for (; tdl_time_monotonic() < end_us; run.rounds++) {
        bool shared = run.database && run.rounds % 2;
        one_round(run.server[shared], shared);
        if (run.rounds % 10 == 9)
            tell("goes on");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(server_stop(run.server[i]), 0);
        server_free(run.server[i]);
    }
    tell("done");
}

int main(int arguments_n, char **arguments)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_whatever_happens)};

    run.seconds = arguments_n > 1 ? strtol(arguments[1], NULL, 10) : 0;
    if (run.seconds <= 0) {
        fprintf(stderr, "usage: soak SECONDS [SEED]\n");
        return 2;
    }
    run.seed = arguments_n > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)tdl_time_now();
    run.rng = tdl_rng_make(run.seed, 0);
    print_message("soak: %lld s, seed %llu\n", (long long)run.seconds,
                  (unsigned long long)run.seed);
    run.database = postgres_start(true);
    int failed = cmocka_run_group_tests_name("soak", tests, NULL, NULL);
    postgres_stop(run.database);
    return failed;
}
