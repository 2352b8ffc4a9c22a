#include "http/sse.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "http/sse_channel.h"
#include "http/sse_reader.h"

enum { STREAMS_MAX = 16384, HEARTBEAT_MS = 20000, GAP_MS = 250, READY_MAX = 64 };
static const int64_t PULL_GAP_US = 100000; /* between two rounds of asking the sources */
static const char greeting[] = ": hi\n\nretry: 3000\n\n";

struct tdl_sse {
    pthread_t thread;
    int epoll_fd, wake_fd;
    int64_t heartbeat_us, gap_us;
    size_t streams_max;
    atomic_size_t streams_n;
    pthread_mutex_t lock; /* of these four */
    tdl_sse_channel *channels;
    tdl_sse_reader *arrived;
    bool closing;
    bool over;          /* its thread has ended; its owner's own */
    size_t sources_n;   /* under the lock, too */
    atomic_bool wanted; /* a source may have something to tell */
    /* the thread's own */
    tdl_sse_reader *first, *last;
    tdl_sse_reader *with_source[TDL_SSE_SOURCES_MAX];
    size_t with_source_n;
    int64_t pulled_us; /* monotonic */
    tdl_buf telling;
};

/* ---- readers; the thread only ---- */

static void append(tdl_sse *sse, tdl_sse_reader *reader)
{
    reader->prev = sse->last;
    reader->next = NULL;
    *(sse->last ? &sse->last->next : &sse->first) = reader;
    sse->last = reader;
}

static void detach(tdl_sse *sse, tdl_sse_reader *reader)
{
    *(reader->prev ? &reader->prev->next : &sse->first) = reader->next;
    *(reader->next ? &reader->next->prev : &sse->last) = reader->prev;
}

static void forget_source(tdl_sse *sse, const tdl_sse_reader *reader)
{
    size_t at = 0;

    while (sse->with_source[at] != reader)
        at++;
    sse->with_source[at] = sse->with_source[--sse->with_source_n];
    pthread_mutex_lock(&sse->lock);
    sse->sources_n--;
    pthread_mutex_unlock(&sse->lock);
}

static void drop(tdl_sse *sse, tdl_sse_reader *reader)
{
    detach(sse, reader);
    if (reader->source)
        forget_source(sse, reader);
    tdl_sse_reader_free(reader, sse->epoll_fd);
    atomic_fetch_sub(&sse->streams_n, 1);
}

static void admit(tdl_sse *sse, tdl_sse_reader *arrived)
{
    for (tdl_sse_reader *next; arrived; arrived = next) {
        next = arrived->next;
        append(sse, arrived);
        if (arrived->source)
            sse->with_source[sse->with_source_n++] = arrived;
        arrived->beat_us = tdl_time_monotonic();
        if (!tdl_sse_reader_flush(arrived, sse->epoll_fd))
            drop(sse, arrived);
    }
}

static void tell(tdl_sse *sse, const tdl_sse_channel *channel)
{
    for (tdl_sse_reader *reader = sse->first, *next; reader; reader = next) {
        next = reader->next;
        if (reader->channel == channel &&
            !tdl_sse_reader_send(reader, sse->epoll_fd, tdl_buf_view(&sse->telling)))
            drop(sse, reader);
    }
}

static void beat(tdl_sse *sse, int64_t now_us)
{
    tdl_sse_reader *reader;

    while ((reader = sse->first) && reader->beat_us + sse->heartbeat_us <= now_us) {
        if (!tdl_sse_reader_beat(reader, sse->epoll_fd)) {
            drop(sse, reader);
            continue;
        }
        detach(sse, reader);
        append(sse, reader);
        reader->beat_us = now_us;
    }
}

/* Ask the sources whose readers have taken all; the others again in the next round. */
static void pull(tdl_sse *sse, int64_t now_us)
{
    if (!atomic_load(&sse->wanted) || now_us < sse->pulled_us + PULL_GAP_US)
        return;
    sse->pulled_us = now_us;
    atomic_store(&sse->wanted, false);
    for (size_t i = sse->with_source_n; i-- > 0;) { // a drop puts the last one in its place
        tdl_sse_reader *reader = sse->with_source[i];
        if (tdl_sse_reader_waits(reader)) {
            atomic_store(&sse->wanted, true);
            continue;
        }
        tdl_buf_clear(&sse->telling);
        bool go_on = reader->source->pull(reader->source, &sse->telling);
        if (!go_on || (sse->telling.len &&
                       !tdl_sse_reader_send(reader, sse->epoll_fd, tdl_buf_view(&sse->telling))))
            drop(sse, reader);
    }
}

/* ---- the thread ---- */

/* Who arrived, and a channel whose event is due: its text goes to `telling`. Both at once, so that
 * who arrives while an event is fresh is told it. NULL: none is due. False: closing. */
static bool collect(tdl_sse *sse, tdl_sse_reader **ret_arrived, const tdl_sse_channel **ret_due)
{
    int64_t now_us = tdl_time_monotonic();

    *ret_due = NULL;
    pthread_mutex_lock(&sse->lock);
    *ret_arrived = sse->arrived;
    sse->arrived = NULL;
    for (tdl_sse_channel *c = sse->channels; c && !*ret_due; c = c->next) {
        if (!c->fresh || (c->told_us && c->told_us + sse->gap_us > now_us))
            continue;
        tdl_buf_clear(&sse->telling);
        tdl_buf_str(&sse->telling, tdl_buf_view(&c->text));
        if (sse->telling.failed)
            break; // no memory: again in a moment
        c->fresh = false;
        c->told_us = now_us;
        *ret_due = c;
    }
    bool go_on = !sse->closing;
    pthread_mutex_unlock(&sse->lock);
    return go_on;
}

/* Milliseconds until something is due; -1 = nothing ever. */
static int wait_ms(tdl_sse *sse)
{
    int64_t now_us = tdl_time_monotonic(), due_us = INT64_MAX;

    if (sse->first)
        due_us = sse->first->beat_us + sse->heartbeat_us;
    if (sse->with_source_n && atomic_load(&sse->wanted) && sse->pulled_us + PULL_GAP_US < due_us)
        due_us = sse->pulled_us + PULL_GAP_US;
    pthread_mutex_lock(&sse->lock);
    for (const tdl_sse_channel *c = sse->channels; c; c = c->next)
        if (c->fresh && c->told_us + sse->gap_us < due_us)
            due_us = c->told_us + sse->gap_us;
    pthread_mutex_unlock(&sse->lock);
    if (due_us == INT64_MAX)
        return -1;
    return due_us <= now_us ? 1 : (int)((due_us - now_us) / 1000 + 1);
}

static void serve(tdl_sse *sse, const struct epoll_event *event)
{
    tdl_sse_reader *reader = event->data.ptr;
    eventfd_t count;

    if (!reader)
        eventfd_read(sse->wake_fd, &count);
    else if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ||
             !tdl_sse_reader_flush(reader, sse->epoll_fd))
        drop(sse, reader);
}

static void *run(void *context)
{
    tdl_sse *sse = context;
    struct epoll_event ready[READY_MAX];
    tdl_sse_reader *arrived;
    const tdl_sse_channel *due;
    bool go_on = true;

    while (go_on) {
        int n = epoll_wait(sse->epoll_fd, ready, READY_MAX, wait_ms(sse));
        for (int i = 0; i < n; i++)
            serve(sse, &ready[i]);
        do {
            go_on = collect(sse, &arrived, &due);
            admit(sse, arrived);
            if (due)
                tell(sse, due);
        } while (go_on && due);
        pull(sse, tdl_time_monotonic());
        beat(sse, tdl_time_monotonic());
    }
    while (sse->first)
        drop(sse, sse->first);
    return NULL;
}

/* ---- life cycle ---- */

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for event streams");
}

static bool start(tdl_sse *sse)
{
    struct epoll_event wake = {.events = EPOLLIN};

    return sse->epoll_fd >= 0 && sse->wake_fd >= 0 &&
           !epoll_ctl(sse->epoll_fd, EPOLL_CTL_ADD, sse->wake_fd, &wake) &&
           !pthread_create(&sse->thread, NULL, run, sse);
}

static void release(tdl_sse *sse)
{
    tdl_sse_channels_free(sse->channels);
    if (sse->wake_fd >= 0)
        close(sse->wake_fd);
    if (sse->epoll_fd >= 0)
        close(sse->epoll_fd);
    tdl_buf_release(&sse->telling);
    pthread_mutex_destroy(&sse->lock);
    free(sse);
}

tdl_status tdl_sse_new(const tdl_sse_options *options, tdl_sse **ret, tdl_report *why)
{
    tdl_sse *sse = calloc(1, sizeof *sse);

    if (!sse)
        return no_memory(why);
    sse->streams_max = options->streams_max ? options->streams_max : STREAMS_MAX;
    sse->heartbeat_us =
        1000 * (int64_t)(options->heartbeat_ms ? options->heartbeat_ms : HEARTBEAT_MS);
    sse->gap_us = 1000 * (int64_t)(options->gap_ms ? options->gap_ms : GAP_MS);
    pthread_mutex_init(&sse->lock, NULL);
    sse->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    sse->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!start(sse)) {
        release(sse);
        return TDL_FAIL(why, TDL_E_IO, "cannot start the thread of event streams");
    }
    *ret = sse;
    return TDL_OK;
}

void tdl_sse_close(tdl_sse *sse)
{
    pthread_mutex_lock(&sse->lock);
    sse->closing = true;
    pthread_mutex_unlock(&sse->lock);
    eventfd_write(sse->wake_fd, 1);
}

void tdl_sse_end_all(tdl_sse *sse)
{
    tdl_sse_close(sse);
    pthread_join(sse->thread, NULL);
    sse->over = true;
}

void tdl_sse_free(tdl_sse *sse)
{
    if (!sse)
        return;
    if (!sse->over)
        tdl_sse_end_all(sse);
    release(sse);
}

size_t tdl_sse_streams(tdl_sse *sse)
{
    return atomic_load(&sse->streams_n);
}

/* ---- channels ---- */

tdl_status tdl_sse_publish(tdl_sse *sse, const char *channel, const tdl_sse_event *event,
                           tdl_report *why)
{
    tdl_status st = tdl_sse_event_check(event, why);

    if (st)
        return st;
    pthread_mutex_lock(&sse->lock);
    st = tdl_sse_channel_set(tdl_sse_channel_of(&sse->channels, channel), event,
                             tdl_sse_streams(sse) > 0, why);
    pthread_mutex_unlock(&sse->lock);
    if (!st)
        eventfd_write(sse->wake_fd, 1);
    return st;
}

/* ---- streams ---- */

/* Under the lock. */
static tdl_status check_room(tdl_sse *sse, tdl_report *why)
{
    if (sse->closing)
        return TDL_FAIL(why, TDL_E_FULL, "the server is stopping");
    if (atomic_load(&sse->streams_n) >= sse->streams_max)
        return TDL_FAIL_HINT(why, TDL_E_FULL, "poll, or come back later",
                             "there are %zu event streams already", sse->streams_max);
    return TDL_OK;
}

static void enlist(tdl_sse *sse, tdl_sse_reader *reader)
{
    reader->next = sse->arrived;
    sse->arrived = reader;
    atomic_fetch_add(&sse->streams_n, 1);
}

/* What is fresh will be told anyway. */
static tdl_status join_channel(tdl_sse *sse, tdl_sse_reader *reader, const char *name, tdl_str seen,
                               tdl_report *why)
{
    tdl_sse_channel *channel = tdl_sse_channel_of(&sse->channels, name);
    tdl_status st = channel ? check_room(sse, why) : no_memory(why);

    if (st)
        return st;
    if (seen.len && channel->text.len && !channel->fresh && !tdl_str_is(seen, channel->id))
        tdl_buf_str(&reader->waiting, tdl_buf_view(&channel->text));
    if (reader->waiting.failed)
        return no_memory(why);
    reader->channel = channel;
    enlist(sse, reader);
    return TDL_OK;
}

static tdl_status join_source(tdl_sse *sse, tdl_sse_reader *reader, tdl_report *why)
{
    tdl_status st = check_room(sse, why);

    if (st)
        return st;
    if (sse->sources_n == TDL_SSE_SOURCES_MAX)
        return TDL_FAIL_HINT(why, TDL_E_FULL, "close one, or come back later",
                             "there are %d of these streams already", TDL_SSE_SOURCES_MAX);
    sse->sources_n++;
    enlist(sse, reader);
    return TDL_OK;
}

tdl_status tdl_sse_take(tdl_sse *sse, const tdl_sse_end *end, const char *channel, tdl_str seen,
                        tdl_report *why)
{
    tdl_sse_reader *reader = tdl_sse_reader_new(end);

    if (!reader)
        return no_memory(why);
    tdl_buf_text(&reader->waiting, greeting);
    pthread_mutex_lock(&sse->lock);
    tdl_status st = join_channel(sse, reader, channel, seen, why);
    pthread_mutex_unlock(&sse->lock);
    if (st)
        tdl_sse_reader_free(reader, sse->epoll_fd);
    else
        eventfd_write(sse->wake_fd, 1);
    return st;
}

tdl_status tdl_sse_take_source(tdl_sse *sse, const tdl_sse_end *end, tdl_sse_source *take_source,
                               tdl_report *why)
{
    tdl_sse_reader *reader = tdl_sse_reader_new(end);

    if (!reader) {
        take_source->close(take_source);
        return no_memory(why);
    }
    reader->source = take_source;
    tdl_buf_text(&reader->waiting, greeting);
    pthread_mutex_lock(&sse->lock);
    tdl_status st = join_source(sse, reader, why);
    pthread_mutex_unlock(&sse->lock);
    if (st)
        tdl_sse_reader_free(reader, sse->epoll_fd);
    else
        eventfd_write(sse->wake_fd, 1);
    return st;
}

void tdl_sse_wake(tdl_sse *sse)
{
    if (!atomic_exchange(&sse->wanted, true))
        eventfd_write(sse->wake_fd, 1);
}
