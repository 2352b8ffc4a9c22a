#include "store/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/consent.h"
#include "store/retention.h"

enum {
    QUEUE_BYTES = 64 << 20,
    GROUP_MAX = 10000,
    RETRY_SECONDS = 1,
    FOLLOW_MAX = 200,    /* events of other processes at a time: a group may be waiting */
    LINGER_NS = 20000000 /* decisions alone wait so long for company: nobody waits for them */
};

typedef enum work_kind { WORK_EVENTS, WORK_DECISION, WORK_CALL, WORK_CLEAN } work_kind;

/* One request in the queue. What it points to lies behind it, or is the waiting caller's. */
typedef struct work {
    struct work *next;
    work_kind kind;
    size_t bytes; /* charged to the queue's budget */
    /* WORK_EVENTS */
    const tdl_event *events; /* [events_n] */
    size_t events_n, new_n, dropped_n;
    int64_t *seq; /* [events_n], 0 = duplicate, or TDL_SEQ_DROPPED */
    tdl_append_done *done;
    void *done_context;
    /* WORK_DECISION */
    tdl_decision_text decision;
    bool is_new;
    /* WORK_CALL */
    tdl_writer_call *call;
    const void *call_context;
    /* of both that are waited for */
    tdl_status status;
    tdl_report *why; /* may be NULL */
    bool settled;    /* guarded by the writer's lock */
    bool posted;     /* nobody waits for it */
} work;

/* Works in order; `last` is where the next one goes. */
typedef struct work_list {
    work *first, **last;
} work_list;

struct tdl_writer {
    const tdl_store_ops *ops;
    tdl_backend *backend;
    size_t queue_bytes, group_max;
    pthread_t thread;
    work_list kept;              /* decisions a failing disk refused; the thread's own */
    bool owed;                   /* other processes' events could not be read; the thread's own */
    tdl_retention_limits limits; /* the thread's own */
    bool all_in;                 /* see tdl_writer_let_in; the thread's own */
    struct timespec retry_at;    /* when both are tried again, if there are any */
    pthread_mutex_t lock;        /* of all below */
    pthread_cond_t wanted;       /* the queue is not empty, or stopping */
    pthread_cond_t settled;      /* a group has been settled */
    work_list queue;
    size_t queued_bytes;          /* queued, under way and kept */
    uint64_t queued_n, settled_n; /* works ever queued and settled */
    bool urgent;                  /* somebody waits for what is queued: events, a call, a flush */
    bool stopping;
    bool poked; /* another process may have stored events */
    tdl_store_observer *observer;
    void *observer_context;
    int64_t users_before, items_before; /* at open */
    tdl_store_counts counts;
};

static void list_init(work_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void list_add(work_list *list, work *w)
{
    w->next = NULL;
    *list->last = w;
    list->last = &w->next;
}

/* Take works off the front, up to `max` events and decisions; at least one if there is one. */
static work_list list_take(work_list *list, size_t max)
{
    work_list taken;
    work *w = list->first;
    size_t n = 0;

    list_init(&taken);
    while (w && (!n || n + w->events_n + 1 <= max)) {
        work *next = w->next;
        n += w->events_n + 1;
        list_add(&taken, w);
        w = next;
    }
    if (w)
        list->first = w;
    else
        list_init(list);
    return taken;
}

/* ---- queueing ---- */

static tdl_status enqueue(tdl_writer *writer, work *w, tdl_report *why)
{
    tdl_status st = TDL_OK;

    pthread_mutex_lock(&writer->lock);
    if (writer->queued_bytes + w->bytes > writer->queue_bytes && writer->queued_bytes) {
        st = TDL_FAIL_HINT(why, TDL_E_FULL, "retry in a few seconds",
                           "the disk is behind: %zu bytes are waiting to be written",
                           writer->queued_bytes);
    } else {
        bool was_empty = !writer->queue.first;
        list_add(&writer->queue, w);
        writer->queued_bytes += w->bytes;
        writer->queued_n++;
        writer->urgent |= w->kind != WORK_DECISION && !w->posted;
        if (was_empty || writer->urgent)
            pthread_cond_signal(&writer->wanted);
    }
    pthread_mutex_unlock(&writer->lock);
    return st;
}

static size_t event_bytes(const tdl_event *e)
{
    return sizeof *e + e->user.len + e->kind.len + e->item.len + e->properties.len + e->source.len +
           e->message_id.len + e->decision_id.len + e->alias.len + e->traits.len +
           e->traits_once.len + e->group_type.len + e->group.len + e->group_traits.len;
}

tdl_status tdl_writer_append(tdl_writer *writer, const tdl_event *events, size_t events_n,
                             tdl_append_done *done, void *context, tdl_report *why)
{
    size_t bytes;
    work *w = NULL;

    if (!__builtin_mul_overflow(events_n, sizeof w->seq[0], &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *w, &bytes))
        w = malloc(bytes);
    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", events_n);
    *w = (work){.kind = WORK_EVENTS,
                .bytes = bytes,
                .events = events,
                .events_n = events_n,
                .seq = (int64_t *)(w + 1),
                .done = done,
                .done_context = context};
    for (size_t i = 0; i < events_n; i++)
        w->bytes += event_bytes(&events[i]);
    tdl_status st = enqueue(writer, w, why);
    if (st)
        free(w);
    return st;
}

static void move_text(char **at, tdl_str *text)
{
    if (text->len)
        memcpy(*at, text->at, text->len);
    text->at = *at;
    *at += text->len;
}

tdl_status tdl_writer_log(tdl_writer *writer, const tdl_decision_text *d, tdl_report *why)
{
    size_t bytes = d->id.len + d->app.len + d->user.len + d->model_version.len + d->why.len +
                   d->candidates.len + d->asker.len + sizeof(work);
    work *w = malloc(bytes);

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to log a decision");
    *w = (work){.kind = WORK_DECISION, .bytes = bytes, .decision = *d};
    char *at = (char *)(w + 1);
    move_text(&at, &w->decision.id);
    move_text(&at, &w->decision.app);
    move_text(&at, &w->decision.user);
    move_text(&at, &w->decision.model_version);
    move_text(&at, &w->decision.why);
    move_text(&at, &w->decision.candidates);
    move_text(&at, &w->decision.asker);
    tdl_status st = enqueue(writer, w, why);
    if (st)
        free(w);
    return st;
}

static tdl_status enqueue_and_wait(tdl_writer *writer, work *w)
{
    tdl_status st = enqueue(writer, w, w->why);

    if (st)
        return st;
    pthread_mutex_lock(&writer->lock);
    while (!w->settled)
        pthread_cond_wait(&writer->settled, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    return w->status;
}

tdl_status tdl_writer_run(tdl_writer *writer, tdl_writer_call *call, const void *context,
                          tdl_report *why)
{
    work w = {
        .kind = WORK_CALL, .bytes = sizeof w, .call = call, .call_context = context, .why = why};

    return enqueue_and_wait(writer, &w);
}

tdl_status tdl_writer_clean(tdl_writer *writer, tdl_report *why)
{
    work w = {.kind = WORK_CLEAN, .bytes = sizeof w, .why = why};

    return enqueue_and_wait(writer, &w);
}

typedef struct letting_in {
    tdl_writer *writer;
    bool all;
} letting_in;

static tdl_status let_in(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                         tdl_report *why)
{
    const letting_in *l = context;

    TDL_UNUSED(why);
    l->writer->all_in = l->all;
    ops->let_in(backend, l->all);
    return TDL_OK;
}

tdl_status tdl_writer_let_in(tdl_writer *writer, bool all, tdl_report *why)
{
    return tdl_writer_run(writer, let_in, &(letting_in){writer, all}, why);
}

void tdl_writer_count_removed(tdl_writer *writer, const tdl_removed *rows)
{
    pthread_mutex_lock(&writer->lock);
    writer->counts.events -= rows->events;
    writer->counts.rewards -= rows->rewards;
    writer->counts.decisions -= rows->decisions;
    pthread_mutex_unlock(&writer->lock);
}

tdl_status tdl_writer_post(tdl_writer *writer, tdl_writer_call *call, const void *context,
                           size_t context_bytes, tdl_report *why)
{
    work *w = malloc(sizeof *w + context_bytes);

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a row");
    *w = (work){.kind = WORK_CALL,
                .bytes = sizeof *w + context_bytes,
                .call = call,
                .call_context = w + 1,
                .posted = true};
    memcpy(w + 1, context, context_bytes);
    tdl_status st = enqueue(writer, w, why);
    if (st)
        free(w);
    return st;
}

void tdl_writer_flush(tdl_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    uint64_t until = writer->queued_n;
    writer->urgent |= writer->settled_n < until;
    pthread_cond_signal(&writer->wanted);
    while (writer->settled_n < until)
        pthread_cond_wait(&writer->settled, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
}

void tdl_writer_counts(tdl_writer *writer, tdl_store_counts *ret)
{
    pthread_mutex_lock(&writer->lock);
    *ret = writer->counts;
    pthread_mutex_unlock(&writer->lock);
}

void tdl_writer_observe(tdl_writer *writer, tdl_store_observer *observer, void *context)
{
    pthread_mutex_lock(&writer->lock);
    writer->observer = observer;
    writer->observer_context = context;
    writer->poked = writer->ops->follow != NULL;
    pthread_cond_signal(&writer->wanted);
    pthread_mutex_unlock(&writer->lock);
}

/* ---- writing one group ---- */

static tdl_status write_events(tdl_writer *writer, work *w, tdl_report *why)
{
    int64_t now_us = tdl_time_now();
    tdl_status st = tdl_retention_read_limits(writer->ops, writer->backend, &writer->limits, why);

    for (size_t i = 0; !st && i < w->events_n; i++) {
        const tdl_event *e = &w->events[i];
        if (tdl_consent_is_said(e) &&
            (st = tdl_consent_put_event(writer->ops, writer->backend, e, why)))
            return st;
        w->seq[i] = TDL_SEQ_DROPPED;
        if (writer->all_in || (!e->unwanted && tdl_retention_keeps(&writer->limits, e, now_us)))
            st = writer->ops->put_event(writer->backend, e, &w->seq[i], why);
    }
    return st;
}

/* A refusal (no such key, a version that is there already) is the call's own and is undone alone.
 * Anything else is the disk's, and fails the group. */
static tdl_status write_call(tdl_writer *writer, work *w, tdl_report *why)
{
    tdl_report own = {0};
    tdl_chain before = *writer->ops->audit(writer->backend);
    tdl_status st = writer->ops->mark(writer->backend, why);

    if (st)
        return st;
    w->status = w->call(writer->ops, writer->backend, w->call_context, &own);
    if (w->status)
        *writer->ops->audit(writer->backend) = before;
    if (w->status && w->why)
        *w->why = own;
    if (w->status && w->status != TDL_E_INVALID && w->status != TDL_E_NOT_FOUND &&
        w->status != TDL_E_CONFLICT) {
        *why = own;
        return w->status;
    }
    return writer->ops->unmark(writer->backend, w->status != TDL_OK, why);
}

static tdl_status write_one(tdl_writer *writer, work *w, tdl_report *why)
{
    switch (w->kind) {
    case WORK_EVENTS:
        return write_events(writer, w, why);
    case WORK_DECISION:
        return writer->ops->put_decision(writer->backend, &w->decision, &w->is_new, why);
    case WORK_CALL:
        return write_call(writer, w, why);
    case WORK_CLEAN: // after the commit
        return TDL_OK;
    }
    return TDL_E_INTERNAL;
}

/* Which events were new is certain after the commit. */
static void count_new(work_list group)
{
    for (work *w = group.first; w; w = w->next) {
        w->new_n = w->dropped_n = 0;
        for (size_t i = 0; i < w->events_n; i++) {
            w->new_n += w->seq[i] > 0;
            w->dropped_n += w->seq[i] == TDL_SEQ_DROPPED;
        }
    }
}

static tdl_status write_group(tdl_writer *writer, work_list group, tdl_report *why)
{
    tdl_chain before = *writer->ops->audit(writer->backend);
    tdl_status st = writer->ops->begin(writer->backend, why);

    if (st)
        return st;
    for (work *w = group.first; !st && w; w = w->next)
        st = write_one(writer, w, why);
    if (!st)
        st = writer->ops->commit(writer->backend, why);
    if (st) {
        writer->ops->rollback(writer->backend);
        *writer->ops->audit(writer->backend) = before;
    } else {
        count_new(group);
    }
    return st;
}

/* ---- settling it: observer, counts, answers, memory ---- */

static void tell_observer(tdl_store_observer *observer, void *context, work_list group)
{
    if (!observer)
        return;
    for (work *w = group.first; w; w = w->next)
        for (size_t i = 0; w->kind == WORK_EVENTS && i < w->events_n; i++)
            if (w->seq[i] > 0 || (w->seq[i] < 0 && tdl_consent_is_said(&w->events[i])))
                observer(context, &w->events[i], w->seq[i]);
}

/* users, items: added since open. Called with the lock held. */
static void count_group(tdl_writer *writer, work_list group, int64_t users, int64_t items)
{
    tdl_store_counts *counts = &writer->counts;

    counts->commits++;
    counts->users = writer->users_before + users;
    counts->items = writer->items_before + items;
    for (work *w = group.first; w; w = w->next) {
        counts->decisions += w->kind == WORK_DECISION && w->is_new;
        counts->events += (int64_t)w->new_n;
        counts->dropped += (int64_t)w->dropped_n;
        counts->duplicates += (int64_t)(w->events_n - w->new_n - w->dropped_n);
        for (size_t i = 0; i < w->events_n; i++)
            counts->rewards += w->seq[i] > 0 && w->events[i].decision_id.len;
    }
}

/* Counts before answers: whoever is answered may look at them. */
static void tell_success(tdl_writer *writer, work_list group)
{
    int64_t users = 0, items = 0;

    writer->ops->added(writer->backend, &users, &items);
    pthread_mutex_lock(&writer->lock);
    tdl_store_observer *observer = writer->observer;
    void *context = writer->observer_context;
    pthread_mutex_unlock(&writer->lock);
    tell_observer(observer, context, group);
    pthread_mutex_lock(&writer->lock);
    count_group(writer, group, users, items);
    pthread_mutex_unlock(&writer->lock);
    for (work *w = group.first; w; w = w->next) {
        if (w->kind == WORK_EVENTS && w->done)
            w->done(w->done_context, TDL_OK, w->new_n, NULL);
        if (w->kind == WORK_CLEAN)
            w->status = writer->ops->clean(writer->backend, w->why);
    }
}

static void tell_failure(work_list group, tdl_status st, const tdl_report *why)
{
    for (work *w = group.first; w; w = w->next) {
        if (w->kind == WORK_EVENTS && w->done)
            w->done(w->done_context, st, 0, why);
        if (w->kind == WORK_CALL || w->kind == WORK_CLEAN) {
            w->status = st;
            if (w->why)
                *w->why = *why;
        }
    }
}

static void set_retry(tdl_writer *writer)
{
    clock_gettime(CLOCK_MONOTONIC, &writer->retry_at);
    writer->retry_at.tv_sec += RETRY_SECONDS;
}

/* Free what was stored or answered; keep the decisions of a failed group. */
static void release_group(tdl_writer *writer, work_list group, bool failed)
{
    size_t bytes = 0, n = 0;
    work *w, *next;

    pthread_mutex_lock(&writer->lock);
    for (w = group.first; w; w = next, n++) {
        next = w->next;
        if (failed && w->kind == WORK_DECISION) {
            list_add(&writer->kept, w);
            continue;
        }
        bytes += w->bytes;
        if ((w->kind == WORK_CALL && !w->posted) || w->kind == WORK_CLEAN)
            w->settled = true; // the caller's from here on
        else
            free(w);
    }
    writer->queued_bytes -= bytes;
    writer->settled_n += n;
    pthread_cond_broadcast(&writer->settled);
    pthread_mutex_unlock(&writer->lock);
}

/* ---- decisions kept for later ---- */

static bool retry_is_due(const tdl_writer *writer)
{
    struct timespec now;

    if (!writer->kept.first && !writer->owed)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > writer->retry_at.tv_sec ||
           (now.tv_sec == writer->retry_at.tv_sec && now.tv_nsec >= writer->retry_at.tv_nsec);
}

/* In groups of their own, so that nobody else fails with them. */
static void retry_kept(tdl_writer *writer)
{
    while (writer->kept.first) {
        tdl_report why = {0};
        work_list rest, group = list_take(&writer->kept, writer->group_max);
        size_t bytes = 0;
        work *next;

        if (write_group(writer, group, &why)) {
            rest = writer->kept;
            writer->kept = group;
            *writer->kept.last = rest.first;
            if (rest.first)
                writer->kept.last = rest.last;
            set_retry(writer);
            return;
        }
        tell_success(writer, group);
        for (work *w = group.first; w; w = next) {
            next = w->next;
            bytes += w->bytes;
            free(w);
        }
        pthread_mutex_lock(&writer->lock);
        writer->queued_bytes -= bytes;
        pthread_mutex_unlock(&writer->lock);
    }
}

/* ---- what other processes stored ---- */

static void poke(void *context)
{
    tdl_writer *writer = context;

    pthread_mutex_lock(&writer->lock);
    writer->poked = true;
    pthread_cond_signal(&writer->wanted);
    pthread_mutex_unlock(&writer->lock);
}

/* Events of this process that a failed commit stored after all are among them. */
static void follow_others(tdl_writer *writer)
{
    size_t n = 0;

    pthread_mutex_lock(&writer->lock);
    bool wanted = (writer->poked || writer->owed) && writer->observer && !writer->stopping;
    tdl_store_observer *observer = writer->observer;
    void *context = writer->observer_context;
    writer->poked &= !wanted;
    pthread_mutex_unlock(&writer->lock);
    if (!wanted) {
        writer->owed = false; // nobody to be told
        return;
    }
    tdl_status st = writer->ops->follow(writer->backend, FOLLOW_MAX, observer, context, &n, NULL);
    if (st && !writer->kept.first)
        set_retry(writer);
    writer->owed = st != TDL_OK;
    if (!st && n == FOLLOW_MAX)
        poke(writer);
}

/* ---- one group, from taking to answering ---- */

static void process_group(tdl_writer *writer, work_list group)
{
    tdl_report why = {0};
    bool kept_before = writer->kept.first != NULL;
    tdl_status st = write_group(writer, group, &why);

    if (!st)
        retry_kept(writer); // the disk works again; who is answered now may ask for them
    if (st)
        tell_failure(group, st, &why);
    else
        tell_success(writer, group);
    release_group(writer, group, st != TDL_OK);
    if (st && !kept_before)
        set_retry(writer);
    writer->owed |= st && writer->ops->follow;
}

/* ---- the thread ---- */

static struct timespec linger_end(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LINGER_NS;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

/* Wait for work, or until what was put off is due. Under load one commit then carries hundreds of
 * decisions instead of one each. Called with the lock held. */
static void wait_for_work(tdl_writer *writer)
{
    int timed_out = 0;
    struct timespec end;

    while (!writer->queue.first && !writer->stopping && !timed_out &&
           !(writer->poked && writer->observer)) {
        if (writer->kept.first || writer->owed)
            timed_out = pthread_cond_timedwait(&writer->wanted, &writer->lock, &writer->retry_at);
        else
            pthread_cond_wait(&writer->wanted, &writer->lock);
    }
    end = linger_end();
    while (writer->queue.first && !writer->urgent && !writer->stopping && !timed_out)
        timed_out = pthread_cond_timedwait(&writer->wanted, &writer->lock, &end);
}

static void *writer_main(void *context)
{
    tdl_writer *writer = context;
    bool stopping;

    do {
        pthread_mutex_lock(&writer->lock);
        wait_for_work(writer);
        work_list group = list_take(&writer->queue, writer->group_max);
        writer->urgent &= writer->queue.first != NULL;
        stopping = writer->stopping && !group.first;
        pthread_mutex_unlock(&writer->lock);
        bool due = retry_is_due(writer);
        if (stopping || due) // older first
            retry_kept(writer);
        if (group.first)
            process_group(writer, group);
        if (writer->ops->follow && (due || !writer->owed))
            follow_others(writer);
    } while (!stopping);
    return NULL;
}

/* ---- life cycle ---- */

static void destroy(tdl_writer *writer)
{
    work *next;

    for (work *w = writer->kept.first; w; w = next) {
        next = w->next;
        free(w);
    }
    tdl_retention_release_limits(&writer->limits);
    pthread_cond_destroy(&writer->settled);
    pthread_cond_destroy(&writer->wanted);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

tdl_status tdl_writer_start(const tdl_store_ops *ops, tdl_backend *backend,
                            const tdl_store_options *options, const tdl_store_counts *counts,
                            tdl_writer **ret, tdl_report *why)
{
    pthread_condattr_t monotonic;
    tdl_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the writer");
    writer->ops = ops;
    writer->backend = backend;
    writer->queue_bytes = options->queue_bytes ? options->queue_bytes : QUEUE_BYTES;
    writer->group_max = options->group_max ? options->group_max : GROUP_MAX;
    writer->counts = *counts;
    writer->users_before = counts->users;
    writer->items_before = counts->items;
    list_init(&writer->queue);
    list_init(&writer->kept);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->settled, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&writer->thread, NULL, writer_main, writer)) {
        destroy(writer);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the writer thread");
    }
    if (ops->watch)
        ops->watch(backend, poke, writer);
    *ret = writer;
    return TDL_OK;
}

void tdl_writer_stop(tdl_writer *writer)
{
    if (!writer)
        return;
    if (writer->ops->watch)
        writer->ops->watch(writer->backend, NULL, NULL);
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->wanted);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    destroy(writer);
}
