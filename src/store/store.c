#include "store/store.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/erase.h"
#include "store/store_parts.h"

static const tdl_store_ops *const backends[] = {&tdl_sqlite_ops, &tdl_postgres_ops};

/* ---- open and close ---- */

/* Letters and a colon name a backend; what follows is its own. Anything else is a path. */
static tdl_status find_backend(const char *url, const tdl_store_ops **ret, const char **ret_path,
                               tdl_report *why)
{
    size_t n = strspn(url, "abcdefghijklmnopqrstuvwxyz");

    if (!n || url[n] != ':') {
        *ret = backends[0];
        *ret_path = url;
        return TDL_OK;
    }
    tdl_str scheme = {url, n};
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (tdl_str_is(scheme, backends[i]->scheme) ||
            (backends[i]->other_scheme && tdl_str_is(scheme, backends[i]->other_scheme))) {
            *ret = backends[i];
            *ret_path = url + n + 1;
            return TDL_OK;
        }
    // Not the whole: it may hold a password.
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "use sqlite:PATH or postgres://USER@HOST/DATABASE",
                         "%.*s: no such kind of store", (int)n, url);
}

static tdl_status start_writer(tdl_store *store, const tdl_store_options *options, tdl_report *why)
{
    tdl_store_counts counts = {0};
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->count(reader, &counts, why);
    tdl_store_give_back(store, reader);
    return st ? st
              : tdl_writer_start(store->ops, store->backend, options, &counts, &store->writer, why);
}

tdl_status tdl_store_open(const char *url, const tdl_store_options *options, tdl_store **ret,
                          tdl_report *why)
{
    static const tdl_store_options defaults = {0};
    const char *path = NULL;
    tdl_status st;
    tdl_store *store = calloc(1, sizeof *store);

    if (!store || sodium_init() < 0) {
        free(store);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a store");
    }
    options = options ? options : &defaults;
    snprintf(store->actor, sizeof store->actor, "%s", options->actor ? options->actor : "server");
    pthread_mutex_init(&store->lock, NULL);
    store->idle_max = options->readers_max && options->readers_max < TDL_READERS_MAX
                          ? options->readers_max
                          : TDL_READERS_MAX;
    if (options->files_dir && !(store->files_dir = strdup(options->files_dir))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a store");
        goto out;
    }
    if ((st = find_backend(url, &store->ops, &path, why)) ||
        (st = store->ops->open(path, options, &store->backend, why)) ||
        (st = tdl_store_open_vault(store, options, why)) ||
        (!options->read_only && (st = start_writer(store, options, why))))
        goto out;
    if (store->writer) // what a crash has left; else the loop tries again
        tdl_store_finish_erasures(store, NULL);
    *ret = store;
    store = NULL; /* the caller's now */
out:
    tdl_store_close(store);
    return st;
}

void tdl_store_close(tdl_store *store)
{
    if (!store)
        return;
    tdl_writer_stop(store->writer);
    for (size_t i = 0; i < store->idle_n; i++)
        store->ops->reader_close(store->idle[i]);
    if (store->backend)
        store->ops->close(store->backend);
    tdl_people_free(store->people);
    pthread_mutex_destroy(&store->lock);
    free(store->files_dir);
    free(store);
}

/* ---- readers and the writer ---- */

tdl_status tdl_store_take_reader(tdl_store *store, tdl_reader **ret, tdl_report *why)
{
    tdl_reader *reader = NULL;

    pthread_mutex_lock(&store->lock);
    if (store->idle_n)
        reader = store->idle[--store->idle_n];
    pthread_mutex_unlock(&store->lock);
    if (!reader)
        return store->ops->reader_open(store->backend, ret, why);
    *ret = reader;
    return TDL_OK;
}

void tdl_store_give_back(tdl_store *store, tdl_reader *reader)
{
    pthread_mutex_lock(&store->lock);
    if (reader && store->idle_n < store->idle_max) {
        store->idle[store->idle_n++] = reader;
        reader = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    store->ops->reader_close(reader);
}

static tdl_status need_writer(const tdl_store *store, tdl_report *why)
{
    return store->writer ? TDL_OK
                         : TDL_FAIL(why, TDL_E_FORBIDDEN, "the store was opened for reading only");
}

tdl_status tdl_store_write(tdl_store *store, tdl_writer_call *call, const void *context,
                           tdl_report *why)
{
    tdl_status st = need_writer(store, why);

    return st ? st : tdl_writer_run(store->writer, call, context, why);
}

tdl_status tdl_store_walk(tdl_store *store, const tdl_walk *walk,
                          bool (*fn)(void *context, const tdl_step *step), void *context,
                          tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->walk(reader, walk, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_kinds(tdl_store *store, tdl_arena *arena, tdl_kind_row **ret, size_t *ret_n,
                           tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->kinds(reader, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

void tdl_store_flush(tdl_store *store)
{
    if (store->writer)
        tdl_writer_flush(store->writer);
}

void tdl_store_observe(tdl_store *store, tdl_store_observer *observer, void *context)
{
    if (store->writer)
        tdl_writer_observe(store->writer, observer, context);
}

void tdl_store_count(tdl_store *store, tdl_store_counts *ret)
{
    tdl_reader *reader;

    *ret = (tdl_store_counts){0};
    if (store->writer)
        tdl_writer_counts(store->writer, ret);
    if (store->writer && !store->ops->follow) // nobody else writes
        return;
    if (!tdl_store_take_reader(store, &reader, NULL)) {
        store->ops->count(reader, ret, NULL);
        tdl_store_give_back(store, reader);
    }
}

int64_t tdl_store_data_version(tdl_store *store)
{
    return store->ops->data_version(store->backend);
}

/* ---- appending ---- */

tdl_status tdl_store_append_async(tdl_store *store, const tdl_event *events, size_t events_n,
                                  tdl_append_done *done, void *context, tdl_report *why)
{
    tdl_status st = need_writer(store, why);

    return st ? st : tdl_writer_append(store->writer, events, events_n, done, context, why);
}

/* One caller of tdl_store_append, asleep. */
typedef struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool done;
    tdl_status status;
    size_t new_n;
    tdl_report *why; /* the caller's; may be NULL */
} sleeper;

static void wake(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    sleeper *s = context;

    pthread_mutex_lock(&s->lock);
    s->status = status;
    s->new_n = new_n;
    if (why && s->why)
        *s->why = *why;
    s->done = true;
    pthread_cond_signal(&s->woken);
    pthread_mutex_unlock(&s->lock);
}

tdl_status tdl_store_append(tdl_store *store, const tdl_event *events, size_t events_n,
                            size_t *ret_new, tdl_report *why)
{
    sleeper s = {.lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER, .why = why};
    tdl_status st = tdl_store_append_async(store, events, events_n, wake, &s, why);

    if (st)
        return st;
    pthread_mutex_lock(&s.lock);
    while (!s.done)
        pthread_cond_wait(&s.woken, &s.lock);
    pthread_mutex_unlock(&s.lock);
    pthread_cond_destroy(&s.woken);
    pthread_mutex_destroy(&s.lock);
    if (!s.status && ret_new)
        *ret_new = s.new_n;
    return s.status;
}

/* ---- reading events ---- */

struct tdl_scan {
    tdl_store *store;
    tdl_reader *reader;
};

/* Its connection is its own, because it stays inside its snapshot until the scan is closed. */
tdl_status tdl_scan_open(tdl_store *store, int64_t from_us, unsigned purposes, tdl_scan **ret,
                         tdl_report *why)
{
    tdl_status st;
    tdl_scan *scan = calloc(1, sizeof *scan);

    if (!scan)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a scan");
    scan->store = store;
    if ((st = store->ops->reader_open(store->backend, &scan->reader, why)) ||
        (st = store->ops->scan_start(scan->reader, from_us, purposes, why)))
        goto out;
    *ret = scan;
    scan = NULL; /* the caller's now */
out:
    tdl_scan_close(scan);
    return st;
}

tdl_status tdl_scan_next(tdl_scan *scan, tdl_event *ret, int64_t *ret_seq, bool *ret_more,
                         tdl_report *why)
{
    return scan->store->ops->scan_next(scan->reader, ret, ret_seq, ret_more, why);
}

void tdl_scan_close(tdl_scan *scan)
{
    if (!scan)
        return;
    scan->store->ops->reader_close(scan->reader);
    free(scan);
}

tdl_status tdl_store_user_events(tdl_store *store, tdl_str user, size_t limit, tdl_arena *arena,
                                 tdl_event **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st;

    tdl_store_flush(store);
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = store->ops->user_events(reader, user, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

tdl_status tdl_store_users(tdl_store *store, tdl_str prefix, size_t limit, tdl_arena *arena,
                           tdl_user_row **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = store->ops->users(reader, prefix, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}
