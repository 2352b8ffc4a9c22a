/* Many threads at once. Run it under ThreadSanitizer too. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, APPENDS = 100, BATCH = 3 };

typedef struct worker {
    fixture *f;
    int number;
    tdl_status status; /* of what failed first */
    atomic_int answers;
    size_t new_n;
    pthread_t thread;
} worker;

static void run_all(worker *workers, fixture *f, void *(*fn)(void *))
{
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.f = f, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, fn, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].status, TDL_OK);
}

static void *append_many(void *context)
{
    worker *w = context;
    char id[BATCH][32];
    tdl_event e[BATCH];
    size_t n;

    for (int i = 0; !w->status && i < APPENDS; i++) {
        for (int k = 0; k < BATCH; k++) {
            snprintf(id[k], sizeof id[k], "%d-%d-%d", w->number, i, k);
            e[k] = event_of(id[k]);
        }
        e[BATCH - 1].message_id = TDL_STR("same for all");
        w->status = tdl_store_append(w->f->store, e, BATCH, &n, NULL);
        w->new_n += n;
    }
    return NULL;
}

static void threads_share_commits_and_each_message_is_stored_once(void **state)
{
    fixture *f = *state;
    worker workers[THREADS];
    tdl_store_counts counts;
    size_t new_n = 0;

    run_all(workers, f, append_many);
    for (int i = 0; i < THREADS; i++)
        new_n += workers[i].new_n;
    assert_int_equal(new_n, THREADS * APPENDS * (BATCH - 1) + 1);
    tdl_store_count(f->store, &counts);
    assert_int_equal(counts.events, new_n);
    assert_int_equal(counts.duplicates, THREADS * APPENDS - 1);
    // While one commit is under way up to seven others queue up and share the next.
    assert_true(counts.commits < THREADS * APPENDS);
    assert_int_equal(outside_number(f, "SELECT count(DISTINCT message_id) FROM events"), new_n);
}

static void count_answer(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    worker *w = context;

    TDL_UNUSED(why);
    if (status)
        w->status = status;
    w->new_n += new_n;
    atomic_fetch_add(&w->answers, 1);
}

typedef struct posted {
    char id[32];
    tdl_event event;
} posted;

static void *append_async(void *context)
{
    worker *w = context;
    posted *all = calloc(APPENDS, sizeof *all);

    for (int i = 0; i < APPENDS; i++) {
        snprintf(all[i].id, sizeof all[i].id, "%d-%d", w->number, i);
        all[i].event = event_of(all[i].id);
        if (tdl_store_append_async(w->f->store, &all[i].event, 1, count_answer, w, NULL))
            abort();
    }
    tdl_store_flush(w->f->store);
    if (atomic_load(&w->answers) != APPENDS) // flush waits for what was queued before it
        abort();
    free(all);
    return NULL;
}

static void each_asynchronous_append_is_answered_exactly_once(void **state)
{
    fixture *f = *state;
    worker workers[THREADS];

    run_all(workers, f, append_async);
    fixture_close(f);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(atomic_load(&workers[i].answers), APPENDS);
        assert_int_equal(workers[i].new_n, APPENDS);
    }
}

/* Every kind of call, from all threads at once. What a thread wrote it can read at once. */
static tdl_status use_everything(worker *w, int i, tdl_arena *arena)
{
    tdl_store *s = w->f->store;
    char id[sizeof((tdl_decision *)0)->id];
    snprintf(id, sizeof id, "%d-%d", w->number, i);
    tdl_event e = event_of(id), *events;
    tdl_item item = {.id = e.message_id, .title = e.message_id};
    tdl_decision d = {.app = TDL_STR("a"), .user = e.message_id, .why = TDL_STR("[]")};
    tdl_decision_row row;
    tdl_store_counts counts;
    tdl_user_row *users;
    tdl_key_row *keys;
    size_t n = 0;
    tdl_status st;

    e.user = e.item = e.message_id;
    memcpy(d.id, id, sizeof d.id);
    if ((st = tdl_store_append(s, &e, 1, NULL, NULL)) ||
        (st = tdl_store_user_events(s, e.user, 2, arena, &events, &n, NULL)))
        return st;
    if (n != 1)
        return TDL_E_INTERNAL;
    if ((st = tdl_store_log_decision(s, &d, NULL)) ||
        (st = tdl_store_get_decision(s, e.user, arena, &row, NULL)) ||
        (st = tdl_store_put_items(s, &item, 1, NULL)) ||
        (st = tdl_store_get_item(s, item.id, arena, &item, NULL)) ||
        (st = tdl_store_users(s, e.user, 2, arena, &users, &n, NULL)) ||
        (st = tdl_store_keys(s, arena, &keys, &n, NULL)))
        return st;
    tdl_store_count(s, &counts);
    tdl_store_data_version(s);
    return item.title.len ? TDL_OK : TDL_E_INTERNAL;
}

static void *use(void *context)
{
    worker *w = context;
    tdl_arena *arena = tdl_arena_new((size_t)1 << 20);

    for (int i = 0; !w->status && i < 20; i++) {
        w->status = use_everything(w, i, arena);
        tdl_arena_reset(arena);
    }
    tdl_arena_free(arena);
    return NULL;
}

static void every_call_may_come_from_any_thread(void **state)
{
    fixture *f = *state;
    worker workers[THREADS];
    tdl_scan *scan;
    tdl_event e = event_of("first");
    bool more;
    int n = 0;

    append_one(f, &e);
    succeed(f, tdl_scan_open(f->store, 0, 0, &scan, &f->why));
    run_all(workers, f, use);
    for (;; n++) { // it has not moved
        succeed(f, tdl_scan_next(scan, &e, NULL, &more, &f->why));
        if (!more)
            break;
    }
    assert_int_equal(n, 1);
    tdl_scan_close(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(threads_share_commits_and_each_message_is_stored_once),
        STORE_TEST(each_asynchronous_append_is_answered_exactly_once),
        STORE_TEST(every_call_may_come_from_any_thread),
    };
    return run_on_each_backend("store/threads", tests);
}
