#include "http/tail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "http/routes.h"

enum {
    TAIL_BYTES = TDL_SSE_WAITING_MAX / 2 - 256, /* beside the word of what was left out */
    EVENTS_MAX = 200,                           /* told of each second: more nobody reads */
    PROPERTIES_MAX = 4 << 10, /* bytes; longer ones are left out of what is told */
    SECOND_US = 1000000
};

typedef struct tail {
    tdl_sse_source source;
    tdl_tails *tails;
    struct tail *prev, *next;
    tdl_tail_filter filter; /* lives behind this struct */
    tdl_auth *auth;
    char key_id[17];
    tdl_buf waiting;
    uint64_t dropped;  /* not told of yet */
    int64_t second_us; /* monotonic: when the second began in which `told` were told */
    unsigned told;
} tail;

struct tdl_tails {
    tdl_sse *sse;
    pthread_mutex_t lock; /* of the list and of what each tail holds */
    tail *first;
    atomic_size_t n;
    tdl_buf line; /* the writer thread's own */
};

tdl_status tdl_tails_new(tdl_sse *sse, tdl_tails **ret, tdl_report *why)
{
    tdl_tails *tails = calloc(1, sizeof *tails);

    if (!tails)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the live tail");
    tails->sse = sse;
    tails->line.limit = TAIL_BYTES;
    pthread_mutex_init(&tails->lock, NULL);
    *ret = tails;
    return TDL_OK;
}

void tdl_tails_free(tdl_tails *tails)
{
    if (!tails)
        return;
    tdl_buf_release(&tails->line);
    pthread_mutex_destroy(&tails->lock);
    free(tails);
}

/* ---- telling; on the writer thread, under the lock ---- */

static void write_event(tdl_jw *w, const tdl_event *e, int64_t seq)
{
    bool cut = e->properties.len > PROPERTIES_MAX;

    tdl_jw_object(w);
    tdl_jw_kint(w, "seq", seq);
    tdl_jw_ktime(w, "time", e->time_us);
    tdl_jw_kstr(w, "user", e->user);
    tdl_jw_kstr(w, "kind", e->kind);
    tdl_answer_text(w, "item", e->item);
    tdl_jw_key(w, "value");
    if (e->has_value)
        tdl_jw_number(w, e->value);
    else
        tdl_jw_null(w);
    tdl_jw_kraw(w, "properties", cut ? (tdl_str){0} : e->properties);
    tdl_jw_kbool(w, "cut", cut);
    tdl_jw_kstr(w, "source", e->source);
    tdl_jw_kstr(w, "message_id", e->message_id);
    tdl_answer_text(w, "decision_id", e->decision_id);
    tdl_jw_end_object(w);
}

/* As it is sent. Empty when it is too long to be told. */
static void write_line(tdl_buf *line, const tdl_event *event, int64_t seq)
{
    tdl_jw w = {.out = line};

    tdl_buf_clear(line);
    tdl_buf_text(line, "data: ");
    size_t begin = line->len;
    write_event(&w, event, seq);
    for (size_t i = begin; i < line->len; i++) // between tokens only: it is JSON
        if (line->at[i] == '\n' || line->at[i] == '\r')
            line->at[i] = ' ';
    tdl_buf_text(line, "\n\n");
    if (line->failed)
        tdl_buf_clear(line);
}

static bool passes(const tail *t, const tdl_event *event)
{
    return (!t->filter.kind.len || tdl_str_eq(t->filter.kind, event->kind)) &&
           (!t->filter.user.len || tdl_str_eq(t->filter.user, event->user));
}

static bool may_tell(tail *t, int64_t now_us)
{
    if (now_us - t->second_us >= SECOND_US) {
        t->second_us = now_us;
        t->told = 0;
    }
    return t->told < EVENTS_MAX;
}

static void tell(tail *t, tdl_str line, int64_t now_us)
{
    if (!line.len || !may_tell(t, now_us) || t->waiting.len + line.len > TAIL_BYTES) {
        t->dropped++;
        return;
    }
    tdl_buf_str(&t->waiting, line);
    t->told++;
}

void tdl_tails_tell(void *context, const tdl_event *event, int64_t seq)
{
    tdl_tails *tails = context;
    bool told = false;

    if (!atomic_load_explicit(&tails->n, memory_order_relaxed))
        return;
    int64_t now_us = tdl_time_monotonic();
    pthread_mutex_lock(&tails->lock);
    for (tail *t = tails->first; t; t = t->next) {
        if (!passes(t, event))
            continue;
        if (!told)
            write_line(&tails->line, event, seq);
        told = true;
        tell(t, tdl_buf_view(&tails->line), now_us);
    }
    pthread_mutex_unlock(&tails->lock);
    if (told)
        tdl_sse_wake(tails->sse);
}

/* ---- a tail as a source ---- */

static bool pull(tdl_sse_source *source, tdl_buf *out)
{
    tail *t = (tail *)source;

    if (tdl_auth_right_of(t->auth, t->key_id) < TDL_RIGHT_DECIDE)
        return false;
    pthread_mutex_lock(&t->tails->lock);
    tdl_buf_str(out, tdl_buf_view(&t->waiting));
    if (t->dropped)
        tdl_buf_printf(out, "event: dropped\ndata: {\"dropped\":%llu}\n\n",
                       (unsigned long long)t->dropped);
    t->dropped = 0;
    tdl_buf_release(&t->waiting); // it may be long until the next event
    pthread_mutex_unlock(&t->tails->lock);
    return !out->failed;
}

static void close_tail(tdl_sse_source *source)
{
    tail *t = (tail *)source;

    pthread_mutex_lock(&t->tails->lock);
    *(t->prev ? &t->prev->next : &t->tails->first) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    atomic_fetch_sub(&t->tails->n, 1);
    pthread_mutex_unlock(&t->tails->lock);
    tdl_buf_release(&t->waiting);
    free(t);
}

static tdl_str copy(char **at, tdl_str text)
{
    char *begin = *at;

    if (text.len)
        memcpy(begin, text.at, text.len);
    *at += text.len;
    return (tdl_str){begin, text.len};
}

tdl_status tdl_tail_open(tdl_tails *tails, const tdl_tail_filter *filter, tdl_auth *auth,
                         const char *key_id, tdl_sse_source **ret, tdl_report *why)
{
    tail *t = calloc(1, sizeof *t + filter->kind.len + filter->user.len + 1);

    if (!t)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the live tail");
    char *texts = (char *)(t + 1);
    t->source = (tdl_sse_source){.pull = pull, .close = close_tail};
    t->tails = tails;
    t->filter.kind = copy(&texts, filter->kind);
    t->filter.user = copy(&texts, filter->user);
    t->auth = auth;
    memcpy(t->key_id, key_id, sizeof t->key_id);
    pthread_mutex_lock(&tails->lock);
    t->next = tails->first;
    if (t->next)
        t->next->prev = t;
    tails->first = t;
    atomic_fetch_add(&tails->n, 1);
    pthread_mutex_unlock(&tails->lock);
    *ret = &t->source;
    return TDL_OK;
}
