#include "loop/retention.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/timestamp.h"

enum { LOOK_SECONDS = 60, ARENA_BYTES = 1 << 20 };

struct tdl_loop_retention {
    tdl_store *store;
    int minutes; /* since midnight; below 0: only when asked */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wanted;
    bool asked; /* until that run is over */
    bool stopping;
};

/* ---- when ---- */

tdl_status tdl_retain_at_parse(const char *text, int *ret_minutes, tdl_report *why)
{
    tdl_str at = tdl_str_of(text);
    int64_t hour, minute;

    if (at.len != 5 || at.at[2] != ':' || !tdl_str_int((tdl_str){at.at, 2}, &hour) ||
        !tdl_str_int((tdl_str){at.at + 3, 2}, &minute) || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "write 03:00", "\"%s\" is no time of day", text);
    *ret_minutes = (int)(hour * 60 + minute);
    return TDL_OK;
}

int64_t tdl_retain_due(int64_t now_us, int minutes)
{
    time_t now = (time_t)(now_us / 1000000), due;
    struct tm tm;

    localtime_r(&now, &tm);
    for (;; tm.tm_mday--) {
        tm.tm_hour = minutes / 60;
        tm.tm_min = minutes % 60;
        tm.tm_sec = 0;
        tm.tm_isdst = -1;
        if ((due = mktime(&tm)) <= now)
            return (int64_t)due * 1000000;
    }
}

/* ---- running ---- */

static bool go_on(void *context)
{
    tdl_loop_retention *r = context;

    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return !stopping;
}

/* A failure is in the report that the store keeps; what it left is removed by the next run. */
static void run(tdl_loop_retention *r)
{
    tdl_retain_options options = {.now_us = tdl_time_now(), .go_on = go_on, .context = r};
    tdl_arena *arena = tdl_arena_new(ARENA_BYTES);
    tdl_report why = {0};
    tdl_retained *rows;
    size_t n;

    if (arena)
        tdl_store_retain(r->store, &options, arena, &rows, &n, &why);
    tdl_arena_free(arena);
}

static bool has_rules(tdl_loop_retention *r)
{
    tdl_arena *arena = tdl_arena_new(ARENA_BYTES);
    tdl_retention_rule *rules;
    size_t n = 0;

    if (arena)
        tdl_store_retention(r->store, arena, &rules, &n, NULL);
    tdl_arena_free(arena);
    return n > 0;
}

static bool is_due(tdl_loop_retention *r)
{
    bool claimed = false;

    return r->minutes >= 0 && has_rules(r) &&
           !tdl_store_claim_retention(r->store, tdl_retain_due(tdl_time_now(), r->minutes),
                                      &claimed, NULL) &&
           claimed;
}

static void wait_for_next(tdl_loop_retention *r)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_SECONDS;
    while (!r->asked && !r->stopping && !pthread_cond_timedwait(&r->wanted, &r->lock, &until))
        continue;
}

static void *retention_main(void *context)
{
    tdl_loop_retention *r = context;

    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        bool asked = r->asked;
        pthread_mutex_unlock(&r->lock);
        if (asked || is_due(r))
            run(r);
        pthread_mutex_lock(&r->lock);
        r->asked &= !asked;
        wait_for_next(r);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

tdl_status tdl_loop_retention_start(tdl_store *store, int minutes, tdl_loop_retention **ret,
                                    tdl_report *why)
{
    tdl_loop_retention *r = calloc(1, sizeof *r);
    pthread_condattr_t monotonic;

    if (!r)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the retention of events");
    r->store = store;
    r->minutes = minutes;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&r->thread, NULL, retention_main, r)) {
        pthread_cond_destroy(&r->wanted);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the thread that removes old events");
    }
    *ret = r;
    return TDL_OK;
}

void tdl_loop_retention_stop(tdl_loop_retention *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->wanted);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->wanted);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

tdl_status tdl_loop_retain_start(tdl_loop *loop, tdl_report *why)
{
    tdl_loop_retention *r = tdl_loop_retention_of(loop);

    if (!r)
        return TDL_FAIL(why, TDL_E_FORBIDDEN, "this process does not remove old rows");
    pthread_mutex_lock(&r->lock);
    bool busy = r->asked;
    r->asked = true;
    pthread_cond_signal(&r->wanted);
    pthread_mutex_unlock(&r->lock);
    return busy ? TDL_FAIL_HINT(why, TDL_E_CONFLICT, "GET /v1/privacy/retention shows its report",
                                "old rows are being removed already")
                : TDL_OK;
}
