#include "http/sse_answer.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "http/sse.h"

enum { BLOCK_BYTES = 16 << 10 /* a TLS record */ };

struct tdl_sse_answer {
    struct MHD_Connection *connection; /* alive while suspended */
    atomic_int holders;
    atomic_bool gone;     /* its response is */
    pthread_mutex_t lock; /* of these */
    tdl_buf waiting;      /* what was not taken yet */
    bool suspended, ended;
    bool stuck; /* nothing was taken since the last heartbeat, though something waits */
};

static void let_go(tdl_sse_answer *answer)
{
    if (atomic_fetch_sub(&answer->holders, 1) > 1)
        return;
    tdl_buf_release(&answer->waiting);
    pthread_mutex_destroy(&answer->lock);
    free(answer);
}

/* ---- libmicrohttpd's side; on an event thread ---- */

/* Under the lock: what waits, or the end, or a rest until there is something. */
static ssize_t take(tdl_sse_answer *answer, char *to, size_t max)
{
    tdl_buf *waiting = &answer->waiting;
    size_t n = waiting->len < max ? waiting->len : max;

    if (!n && answer->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!n) {
        answer->suspended = true;
        MHD_suspend_connection(answer->connection);
        return 0;
    }
    memcpy(to, waiting->at, n);
    memmove(waiting->at, waiting->at + n, waiting->len - n);
    waiting->len -= n;
    answer->stuck = false;
    if (!waiting->len)
        tdl_buf_release(waiting); // it may be long until the next event
    return (ssize_t)n;
}

static ssize_t read_more(void *context, uint64_t position, char *to, size_t max)
{
    tdl_sse_answer *answer = context;

    TDL_UNUSED(position);
    pthread_mutex_lock(&answer->lock);
    ssize_t n = take(answer, to, max);
    pthread_mutex_unlock(&answer->lock);
    return n;
}

/* May be called with locks of libmicrohttpd's held, so takes none. */
static void response_is_gone(void *context)
{
    tdl_sse_answer *answer = context;

    atomic_store(&answer->gone, true);
    let_go(answer);
}

tdl_sse_answer *tdl_sse_answer_new(struct MHD_Connection *connection,
                                   struct MHD_Response **ret_response)
{
    tdl_sse_answer *answer = calloc(1, sizeof *answer);

    if (!answer)
        return NULL;
    *ret_response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_more,
                                                      answer, response_is_gone);
    if (!*ret_response) {
        free(answer);
        return NULL;
    }
    answer->connection = connection;
    answer->waiting.limit = TDL_SSE_WAITING_MAX;
    atomic_store(&answer->holders, 2);
    pthread_mutex_init(&answer->lock, NULL);
    return answer;
}

/* ---- the reader's side ---- */

/* Under the lock. */
static void wake(tdl_sse_answer *answer)
{
    if (answer->suspended)
        MHD_resume_connection(answer->connection);
    answer->suspended = false;
}

bool tdl_sse_answer_send(tdl_sse_answer *answer, tdl_str bytes)
{
    pthread_mutex_lock(&answer->lock);
    tdl_buf_str(&answer->waiting, bytes);
    bool taken = !answer->waiting.failed && !atomic_load(&answer->gone);
    if (taken)
        wake(answer);
    pthread_mutex_unlock(&answer->lock);
    return taken;
}

bool tdl_sse_answer_waits(tdl_sse_answer *answer)
{
    pthread_mutex_lock(&answer->lock);
    bool waits = answer->waiting.len > 0;
    pthread_mutex_unlock(&answer->lock);
    return waits;
}

bool tdl_sse_answer_beat(tdl_sse_answer *answer)
{
    pthread_mutex_lock(&answer->lock);
    bool waits = answer->waiting.len > 0, was_stuck = answer->stuck;
    answer->stuck = waits;
    pthread_mutex_unlock(&answer->lock);
    return waits ? !was_stuck : tdl_sse_answer_send(answer, TDL_STR(":\n\n"));
}

void tdl_sse_answer_end(tdl_sse_answer *answer)
{
    pthread_mutex_lock(&answer->lock);
    answer->ended = true;
    wake(answer);
    pthread_mutex_unlock(&answer->lock);
    let_go(answer);
}
