#include "http/connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/timestamp.h"

enum {
    ROOM_TO_LEAVE = 256, /* connections shut down, which the event threads have yet to close */
    WATCH_MS = 500,
    SECOND = 1000000
};
#define NEVER INT64_MAX

struct tdl_connection {
    tdl_connections *all;
    int fd; /* -1 = this place is free; guarded by all->lock, as are address and leaving */
    tdl_address peer;
    bool leaving; /* shut down */
    atomic_bool rests;
    atomic_int_fast64_t since_us, deadline_us; /* monotonic: of this step */
    size_t next_free;
};

struct tdl_connections {
    tdl_connection_limits limits;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t watcher;
    bool stopping;
    tdl_connection *place; /* [places_n]; those from used_n on were never taken */
    size_t places_n, used_n, first_free, open_n;
    size_t coming_n; /* announced, not added yet */
    uint64_t late, crowded_out;
};

/* ---- the watcher ---- */

static void leave(tdl_connection *c, uint64_t *counter)
{
    shutdown(c->fd, SHUT_RDWR); // its event thread sees the end of it
    c->leaving = true;
    ++*counter;
}

static void end_the_late(tdl_connections *all, int64_t now_us)
{
    for (size_t i = 0; i < all->used_n; i++) {
        tdl_connection *c = &all->place[i];
        if (c->fd >= 0 && !c->leaving && atomic_load(&c->deadline_us) <= now_us)
            leave(c, &all->late);
    }
}

static void *watch(void *context)
{
    tdl_connections *all = context;

    pthread_mutex_lock(&all->lock);
    while (!all->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&all->changed, &all->lock, &until) == ETIMEDOUT)
            end_the_late(all, tdl_time_monotonic());
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

tdl_status tdl_connections_new(const tdl_connection_limits *limits, tdl_connections **ret,
                               tdl_report *why)
{
    tdl_connections *all = calloc(1, sizeof *all);
    pthread_condattr_t monotonic;

    if (!all)
        goto no_memory;
    all->limits = *limits;
    all->places_n = limits->max + ROOM_TO_LEAVE;
    all->first_free = all->places_n;
    if (!(all->place = calloc(all->places_n, sizeof *all->place)))
        goto no_memory;
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&all->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&all->watcher, NULL, watch, all)) {
        pthread_cond_destroy(&all->changed);
        pthread_mutex_destroy(&all->lock);
        goto no_memory;
    }
    *ret = all;
    return TDL_OK;
no_memory:
    if (all)
        free(all->place);
    free(all);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu connections", limits->max);
}

void tdl_connections_free(tdl_connections *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->stopping = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->watcher, NULL);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all->place);
    free(all);
}

void tdl_connections_count(tdl_connections *all, tdl_connection_counts *ret)
{
    pthread_mutex_lock(&all->lock);
    *ret = (tdl_connection_counts){all->open_n, all->late, all->crowded_out};
    pthread_mutex_unlock(&all->lock);
}

/* ---- coming and going ---- */

typedef struct crowd { /* connections that count, and the one of them that rests longest */
    size_t n;
    tdl_connection *longest;
} crowd;

static void join(crowd *all, tdl_connection *c)
{
    all->n++;
    if (atomic_load(&c->rests) &&
        (!all->longest || atomic_load(&c->since_us) < atomic_load(&all->longest->since_us)))
        all->longest = c;
}

/* Room for one more of `peer`: has another leave where a limit asks for it. */
static bool make_room(tdl_connections *all, tdl_address peer)
{
    const tdl_connection_limits *limits = &all->limits;
    bool counted =
        limits->per_address && !(limits->trusted && tdl_networks_hold(limits->trusted, peer));
    tdl_address holder = tdl_address_holder(peer);
    crowd everyone = {0}, same = {0};

    for (size_t i = 0; i < all->used_n; i++) {
        tdl_connection *c = &all->place[i];
        if (c->fd < 0 || c->leaving)
            continue;
        join(&everyone, c);
        if (counted && tdl_address_eq(tdl_address_holder(c->peer), holder))
            join(&same, c);
    }
    bool full = counted && same.n >= limits->per_address;
    tdl_connection *gives_way = full ? same.longest : everyone.longest;
    if (!full && everyone.n < limits->max)
        return true;
    if (gives_way)
        leave(gives_way, &all->crowded_out);
    return gives_way != NULL;
}

static tdl_connection *take_place(tdl_connections *all)
{
    size_t i = all->first_free;

    if (i < all->places_n)
        all->first_free = all->place[i].next_free;
    else if (all->used_n < all->places_n)
        i = all->used_n++;
    else
        return NULL;
    return &all->place[i];
}

static void begin(tdl_connection *c, bool rests, int64_t seconds)
{
    int64_t now_us = tdl_time_monotonic();

    atomic_store(&c->since_us, now_us);
    atomic_store(&c->deadline_us, now_us + seconds * SECOND);
    atomic_store(&c->rests, rests);
}

bool tdl_connections_expect(tdl_connections *all, bool insist)
{
    pthread_mutex_lock(&all->lock);
    bool place = all->open_n + all->coming_n < all->places_n;
    if (!place && insist)
        all->coming_n = 0; // those that never came: out of memory
    if (place || insist)
        all->coming_n++;
    pthread_mutex_unlock(&all->lock);
    return place;
}

tdl_connection *tdl_connections_add(tdl_connections *all, int fd, tdl_address peer)
{
    pthread_mutex_lock(&all->lock);
    all->coming_n -= all->coming_n > 0;
    bool room = make_room(all, peer);
    tdl_connection *c = take_place(all);
    if (c) {
        c->all = all;
        c->fd = fd;
        c->peer = peer;
        c->leaving = false;
        begin(c, true, all->limits.head_seconds);
        all->open_n++;
        if (!room)
            leave(c, &all->crowded_out);
    }
    pthread_mutex_unlock(&all->lock);
    return c;
}

void tdl_connections_remove(tdl_connections *all, tdl_connection *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&all->lock);
    c->fd = -1;
    c->next_free = all->first_free;
    all->first_free = (size_t)(c - all->place);
    all->open_n--;
    pthread_mutex_unlock(&all->lock);
}

tdl_address tdl_connection_peer(const tdl_connection *c)
{
    return c ? c->peer : (tdl_address){0};
}

/* ---- steps ---- */

void tdl_connection_head(tdl_connection *c)
{
    if (c)
        begin(c, true, c->all->limits.head_seconds);
}

void tdl_connection_body(tdl_connection *c, size_t n)
{
    if (!c)
        return;
    if (atomic_load(&c->rests))
        begin(c, false, c->all->limits.body_seconds);
    atomic_fetch_add(&c->deadline_us, (int64_t)n * SECOND / TDL_CONNECTION_PACE);
}

void tdl_connection_work(tdl_connection *c)
{
    if (!c)
        return;
    atomic_store(&c->rests, false);
    atomic_store(&c->deadline_us, NEVER);
}

void tdl_connection_answer(tdl_connection *c, size_t n)
{
    if (c)
        begin(c, false, c->all->limits.body_seconds + (int64_t)(n / TDL_CONNECTION_PACE));
}

void tdl_connection_rest(tdl_connection *c)
{
    if (c)
        begin(c, true, c->all->limits.idle_seconds);
}
