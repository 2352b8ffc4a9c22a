/* The writer over a backend that does as it is told: it can fail, and it can be held. Expected
 * values are counted out by hand from the contract in store/writer.h. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/writer.h"

struct tdl_backend {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;               /* begin waits */
    bool waiting;            /* a begin is being held */
    tdl_status commit_fails; /* what commit answers */
    tdl_status event_fails;  /* what put_event answers for kind "bad" */
    int64_t seq;             /* events ever written */
    int commits, rollbacks, undos;
    tdl_chain audit;
    char log[512]; /* "b" begin, "e" event, "d" decision, "C" commit, "R" rollback, ... */
};

static void add_log(tdl_backend *b, char c)
{
    size_t n = strlen(b->log);
    if (n + 1 < sizeof b->log)
        b->log[n] = c;
}

static tdl_status fake_begin(tdl_backend *b, tdl_report *why)
{
    TDL_UNUSED(why);
    pthread_mutex_lock(&b->lock);
    b->waiting = true;
    pthread_cond_broadcast(&b->changed);
    while (b->held)
        pthread_cond_wait(&b->changed, &b->lock);
    b->waiting = false;
    add_log(b, 'b');
    pthread_mutex_unlock(&b->lock);
    return TDL_OK;
}

static tdl_status fake_commit(tdl_backend *b, tdl_report *why)
{
    pthread_mutex_lock(&b->lock);
    tdl_status st = b->commit_fails;
    b->commits += !st;
    add_log(b, st ? 'c' : 'C');
    pthread_mutex_unlock(&b->lock);
    return st ? TDL_FAIL(why, st, "commit failed") : TDL_OK;
}

static void fake_rollback(tdl_backend *b)
{
    b->rollbacks++;
    add_log(b, 'R');
}

static tdl_status fake_mark(tdl_backend *b, tdl_report *why)
{
    TDL_UNUSED(b);
    TDL_UNUSED(why);
    return TDL_OK;
}

static tdl_status fake_unmark(tdl_backend *b, bool undo, tdl_report *why)
{
    TDL_UNUSED(why);
    b->undos += undo;
    return TDL_OK;
}

static tdl_status fake_put_event(tdl_backend *b, const tdl_event *event, int64_t *ret_seq,
                                 tdl_report *why)
{
    add_log(b, 'e');
    if (b->event_fails && tdl_str_is(event->kind, "bad"))
        return TDL_FAIL(why, b->event_fails, "event failed");
    *ret_seq = tdl_str_is(event->kind, "duplicate") ? 0 : ++b->seq;
    return TDL_OK;
}

static tdl_status fake_put_decision(tdl_backend *b, const tdl_decision_text *decision,
                                    bool *ret_new, tdl_report *why)
{
    TDL_UNUSED(why);
    add_log(b, decision->id.at[0]);
    *ret_new = true;
    return TDL_OK;
}

static void fake_added(tdl_backend *b, int64_t *ret_users, int64_t *ret_items)
{
    *ret_users = b->seq;
    *ret_items = 2 * b->seq;
}

/* No rows: there are no rules of retention. */
static tdl_status fake_execute(tdl_backend *b, tdl_execute which, const tdl_value *in, size_t in_n,
                               tdl_value *ret, size_t ret_n, int64_t *ret_rows, tdl_report *why)
{
    (void)b, (void)which, (void)in, (void)in_n, (void)ret, (void)ret_n, (void)ret_rows, (void)why;
    return TDL_OK;
}

static tdl_chain *fake_audit(tdl_backend *b)
{
    return &b->audit;
}

static const tdl_store_ops fake_ops = {
    .scheme = "fake",
    .audit = fake_audit,
    .begin = fake_begin,
    .commit = fake_commit,
    .rollback = fake_rollback,
    .mark = fake_mark,
    .unmark = fake_unmark,
    .put_event = fake_put_event,
    .put_decision = fake_put_decision,
    .added = fake_added,
    .execute = fake_execute,
};

typedef struct bench {
    tdl_backend backend;
    tdl_writer *writer;
    tdl_report why;
} bench;

static int set_up(void **state)
{
    bench *b = calloc(1, sizeof *b);
    static const tdl_store_options options = {.queue_bytes = 10000, .group_max = 5};
    static const tdl_store_counts counts = {.events = 100, .users = 10, .items = 20};

    pthread_mutex_init(&b->backend.lock, NULL);
    pthread_cond_init(&b->backend.changed, NULL);
    assert_int_equal(
        tdl_writer_start(&fake_ops, &b->backend, &options, &counts, &b->writer, &b->why), TDL_OK);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;

    tdl_writer_stop(b->writer);
    pthread_cond_destroy(&b->backend.changed);
    pthread_mutex_destroy(&b->backend.lock);
    free(b);
    return 0;
}

/* Keep the writer inside its next begin, so that what follows queues up behind it. */
static void hold(bench *b, const tdl_event *bait)
{
    pthread_mutex_lock(&b->backend.lock);
    b->backend.held = true;
    pthread_mutex_unlock(&b->backend.lock);
    assert_int_equal(tdl_writer_append(b->writer, bait, 1, NULL, NULL, &b->why), TDL_OK);
    pthread_mutex_lock(&b->backend.lock);
    while (!b->backend.waiting)
        pthread_cond_wait(&b->backend.changed, &b->backend.lock);
    pthread_mutex_unlock(&b->backend.lock);
}

static void let_go(bench *b)
{
    pthread_mutex_lock(&b->backend.lock);
    b->backend.held = false;
    pthread_cond_broadcast(&b->backend.changed);
    pthread_mutex_unlock(&b->backend.lock);
}

static void fail_commits(bench *b, tdl_status status)
{
    pthread_mutex_lock(&b->backend.lock);
    b->backend.commit_fails = status;
    pthread_mutex_unlock(&b->backend.lock);
}

typedef struct answer {
    int n;
    tdl_status status;
    size_t new_n;
    tdl_report why;
} answer;

static void take_answer(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    answer *a = context;

    a->n++;
    a->status = status;
    a->new_n = new_n;
    if (why)
        a->why = *why;
}

static tdl_decision_text decision_of(const char *id)
{
    return (tdl_decision_text){.id = tdl_str_of(id), .user = TDL_STR("u")};
}

/* ---- groups ---- */

static void what_queues_up_during_a_commit_shares_the_next_one(void **state)
{
    bench *b = *state;
    tdl_event e = event_of("m");
    answer a[2] = {0};

    hold(b, &e);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &a[i], &b->why), TDL_OK);
    let_go(b);
    tdl_writer_flush(b->writer);
    assert_string_equal(b->backend.log, "beCbeeC");
    assert_int_equal(a[0].n + a[1].n, 2);
}

/* group_max is 5, and each request counts as its events and one. */
static void a_group_is_closed_before_it_passes_its_limit(void **state)
{
    bench *b = *state;
    tdl_event e[9];
    answer a[4] = {0};
    static const size_t sizes[4] = {1, 1, 1, 9};

    for (int i = 0; i < 9; i++)
        e[i] = event_of("m");
    hold(b, e);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tdl_writer_append(b->writer, e, sizes[i], take_answer, &a[i], &b->why),
                         TDL_OK);
    let_go(b);
    tdl_writer_flush(b->writer);
    assert_string_equal(b->backend.log, "beCbeeCbeCbeeeeeeeeeC"); // a large request goes alone
}

static void answers_count_what_was_new(void **state)
{
    bench *b = *state;
    tdl_event e[3] = {event_of("a"), event_of("b"), event_of("c")};
    answer a = {0};
    tdl_store_counts counts;

    e[1].kind = TDL_STR("duplicate");
    e[0].decision_id = e[1].decision_id = TDL_STR("d");
    assert_int_equal(tdl_writer_append(b->writer, e, 3, take_answer, &a, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(a.n, 1);
    assert_int_equal(a.status, TDL_OK);
    assert_int_equal(a.new_n, 2);
    tdl_writer_counts(b->writer, &counts);
    assert_int_equal(counts.events, 102);
    assert_int_equal(counts.duplicates, 1);
    assert_int_equal(counts.rewards, 1); // the duplicate's is not counted
    assert_int_equal(counts.users, 12);  // ten before, and what the backend says it added
    assert_int_equal(counts.items, 24);
    assert_int_equal(counts.commits, 1);
}

static void stopping_commits_what_is_queued(void **state)
{
    bench *b = *state;
    tdl_event e = event_of("m");
    tdl_decision_text d = decision_of("d");
    answer a = {0};

    hold(b, &e);
    assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &a, &b->why), TDL_OK);
    assert_int_equal(tdl_writer_log(b->writer, &d, &b->why), TDL_OK);
    let_go(b);
    tdl_writer_stop(b->writer);
    b->writer = NULL;
    assert_int_equal(a.n, 1);
    assert_string_equal(b->backend.log, "beCbedC");
}

/* ---- overload ---- */

/* The budget is 10,000 bytes; a request costs at least what its events and texts take. */
static void a_queue_past_its_budget_refuses_and_recovers(void **state)
{
    bench *b = *state;
    static char text[4000];
    tdl_event small = event_of("m"), large = event_of("m");
    tdl_decision_text decision = decision_of("d");

    memset(text, 'x', sizeof text);
    large.properties = (tdl_str){text, sizeof text};
    decision.why = large.properties;
    hold(b, &small);
    assert_int_equal(tdl_writer_append(b->writer, &large, 1, NULL, NULL, &b->why), TDL_OK);
    assert_int_equal(tdl_writer_log(b->writer, &decision, &b->why), TDL_OK);
    assert_int_equal(tdl_writer_append(b->writer, &large, 1, NULL, NULL, &b->why), TDL_E_FULL);
    assert_non_null(strstr(b->why.message, "the disk is behind"));
    assert_true(b->why.hint[0] != 0);
    assert_int_equal(tdl_writer_log(b->writer, &decision, &b->why), TDL_E_FULL);
    let_go(b);
    tdl_writer_flush(b->writer);
    assert_int_equal(tdl_writer_append(b->writer, &large, 1, NULL, NULL, &b->why), TDL_OK);
    tdl_writer_flush(b->writer); // the event is borrowed until then
}

static void a_request_larger_than_the_budget_is_taken_when_nothing_else_waits(void **state)
{
    bench *b = *state;
    static char text[20000];
    tdl_event e = event_of("m");
    answer a = {0};

    memset(text, 'x', sizeof text);
    e.properties = (tdl_str){text, sizeof text};
    assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &a, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(a.status, TDL_OK);
}

/* ---- failure ---- */

static void a_failed_commit_fails_all_of_its_group_and_none_of_the_next(void **state)
{
    bench *b = *state;
    tdl_event e = event_of("m");
    answer a[2] = {0}, later = {0};
    tdl_store_counts counts;

    fail_commits(b, TDL_E_FULL);
    hold(b, &e);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &a[i], &b->why), TDL_OK);
    let_go(b);
    tdl_writer_flush(b->writer);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(a[i].n, 1);
        assert_int_equal(a[i].status, TDL_E_FULL);
        assert_int_equal(a[i].new_n, 0);
        assert_string_equal(a[i].why.message, "commit failed");
    }
    tdl_writer_counts(b->writer, &counts);
    assert_int_equal(counts.events, 100);
    assert_int_equal(counts.commits, 0);
    fail_commits(b, TDL_OK);
    assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &later, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(later.status, TDL_OK);
}

static void a_failed_event_rolls_its_group_back(void **state)
{
    bench *b = *state;
    tdl_event e[3] = {event_of("a"), event_of("b"), event_of("c")};
    answer a = {0};

    e[1].kind = TDL_STR("bad");
    b->backend.event_fails = TDL_E_IO;
    assert_int_equal(tdl_writer_append(b->writer, e, 3, take_answer, &a, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(a.status, TDL_E_IO);
    assert_string_equal(a.why.message, "event failed");
    assert_string_equal(b->backend.log, "beeR");
}

static void note(void *context, const tdl_event *event, int64_t seq)
{
    TDL_UNUSED(event);
    TDL_UNUSED(seq);
    ++*(int *)context;
}

static void the_observer_is_not_told_what_failed(void **state)
{
    bench *b = *state;
    tdl_event e = event_of("m");
    int seen = 0;

    tdl_writer_observe(b->writer, note, &seen);
    fail_commits(b, TDL_E_IO);
    assert_int_equal(tdl_writer_append(b->writer, &e, 1, NULL, NULL, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(seen, 0);
}

/* ---- decisions on a failing disk ---- */

static int64_t decisions_stored(bench *b)
{
    tdl_store_counts counts;
    tdl_writer_counts(b->writer, &counts);
    return counts.decisions;
}

/* Up to ten seconds; it takes one. */
static void wait_for_decisions(bench *b, int64_t n)
{
    static const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    for (int i = 0; i < 1000 && decisions_stored(b) < n; i++)
        nanosleep(&pause, NULL);
    assert_int_equal(decisions_stored(b), n);
}

static void decisions_of_a_failed_group_are_stored_once_the_disk_works_again(void **state)
{
    bench *b = *state;

    fail_commits(b, TDL_E_FULL);
    for (int i = 0; i < 8; i++) { // more than a group of 5
        char id[2] = {(char)('1' + i), 0};
        tdl_decision_text d = decision_of(id);
        assert_int_equal(tdl_writer_log(b->writer, &d, &b->why), TDL_OK);
    }
    tdl_writer_flush(b->writer);
    assert_int_equal(decisions_stored(b), 0);
    b->backend.log[0] = 0;
    memset(b->backend.log, 0, sizeof b->backend.log);
    fail_commits(b, TDL_OK);
    wait_for_decisions(b, 8);
    tdl_writer_stop(b->writer);
    b->writer = NULL;
    assert_non_null(strstr(b->backend.log, "b12345Cb678C")); // in order, in groups
}

static void events_do_not_fail_because_decisions_are_kept(void **state)
{
    bench *b = *state;
    tdl_event e = event_of("m");
    tdl_decision_text d = decision_of("d");
    answer a = {0};

    fail_commits(b, TDL_E_FULL);
    assert_int_equal(tdl_writer_log(b->writer, &d, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    fail_commits(b, TDL_OK);
    assert_int_equal(tdl_writer_append(b->writer, &e, 1, take_answer, &a, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    assert_int_equal(a.status, TDL_OK);
    wait_for_decisions(b, 1);
}

static void stopping_tries_kept_decisions_a_last_time(void **state)
{
    bench *b = *state;
    tdl_decision_text d = decision_of("d");

    fail_commits(b, TDL_E_FULL);
    assert_int_equal(tdl_writer_log(b->writer, &d, &b->why), TDL_OK);
    tdl_writer_flush(b->writer);
    fail_commits(b, TDL_OK);
    tdl_writer_stop(b->writer);
    b->writer = NULL;
    assert_int_equal(b->backend.commits, 1);
}

static void stopping_gives_up_decisions_that_still_fail(void **state)
{
    bench *b = *state;
    tdl_decision_text d = decision_of("d");

    fail_commits(b, TDL_E_FULL);
    assert_int_equal(tdl_writer_log(b->writer, &d, &b->why), TDL_OK);
    tdl_writer_stop(b->writer); // returns, and frees what it kept (seen by LeakSanitizer)
    b->writer = NULL;
    assert_int_equal(b->backend.commits, 0);
}

/* ---- calls ---- */

static tdl_status call(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                       tdl_report *why)
{
    const tdl_status *answers = context;

    TDL_UNUSED(ops);
    add_log(backend, 'x');
    return *answers ? TDL_FAIL(why, *answers, "the call's own") : TDL_OK;
}

static void a_call_is_durable_when_it_returns(void **state)
{
    bench *b = *state;

    assert_int_equal(tdl_writer_run(b->writer, call, &(tdl_status){TDL_OK}, &b->why), TDL_OK);
    assert_string_equal(b->backend.log, "bxC");
}

static void a_refused_call_is_undone_alone(void **state)
{
    bench *b = *state;
    static const tdl_status refusals[] = {TDL_E_INVALID, TDL_E_NOT_FOUND, TDL_E_CONFLICT};

    for (int i = 0; i < 3; i++) {
        assert_int_equal(tdl_writer_run(b->writer, call, &refusals[i], &b->why), refusals[i]);
        assert_string_equal(b->why.message, "the call's own");
    }
    assert_int_equal(tdl_writer_run(b->writer, call, &refusals[1], NULL), TDL_E_NOT_FOUND);
    assert_int_equal(b->backend.undos, 4);
    assert_int_equal(b->backend.rollbacks, 0);
    assert_int_equal(b->backend.commits, 4); // others of the group would have been stored
}

static void a_call_that_meets_a_failing_disk_fails_its_group(void **state)
{
    bench *b = *state;

    assert_int_equal(tdl_writer_run(b->writer, call, &(tdl_status){TDL_E_FULL}, &b->why),
                     TDL_E_FULL);
    assert_string_equal(b->why.message, "the call's own");
    assert_string_equal(b->backend.log, "bxR");
}

static void a_refused_call_whose_group_fails_is_told_of_the_group(void **state)
{
    bench *b = *state;

    fail_commits(b, TDL_E_IO);
    assert_int_equal(tdl_writer_run(b->writer, call, &(tdl_status){TDL_E_CONFLICT}, &b->why),
                     TDL_E_IO);
    assert_string_equal(b->why.message, "commit failed");
}

int main(void)
{
#define WRITER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WRITER_TEST(what_queues_up_during_a_commit_shares_the_next_one),
        WRITER_TEST(a_group_is_closed_before_it_passes_its_limit),
        WRITER_TEST(answers_count_what_was_new),
        WRITER_TEST(stopping_commits_what_is_queued),
        WRITER_TEST(a_queue_past_its_budget_refuses_and_recovers),
        WRITER_TEST(a_request_larger_than_the_budget_is_taken_when_nothing_else_waits),
        WRITER_TEST(a_failed_commit_fails_all_of_its_group_and_none_of_the_next),
        WRITER_TEST(a_failed_event_rolls_its_group_back),
        WRITER_TEST(the_observer_is_not_told_what_failed),
        WRITER_TEST(decisions_of_a_failed_group_are_stored_once_the_disk_works_again),
        WRITER_TEST(events_do_not_fail_because_decisions_are_kept),
        WRITER_TEST(stopping_tries_kept_decisions_a_last_time),
        WRITER_TEST(stopping_gives_up_decisions_that_still_fail),
        WRITER_TEST(a_call_is_durable_when_it_returns),
        WRITER_TEST(a_refused_call_is_undone_alone),
        WRITER_TEST(a_call_that_meets_a_failing_disk_fails_its_group),
        WRITER_TEST(a_refused_call_whose_group_fails_is_told_of_the_group),
    };
    return cmocka_run_group_tests_name("store/writer", tests, NULL, NULL);
}
