#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/str.h"

enum {
    THREADS_MAX = 1024,
    SPINS = 2000 /* some 20 microseconds: a layer's next product usually comes sooner */
};

typedef struct worker {
    tdl_pool *pool;
    pthread_t thread;
    unsigned part;
} worker;

/* A run is published by raising `generation`; each worker lowers `unfinished` once per run. Both
 * sides look a while without the lock, then sleep. */
struct tdl_pool {
    unsigned threads; /* the caller included */
    worker *workers;  /* [threads - 1] */
    size_t n, grain;
    tdl_pool_fn *fn;
    void *context;
    bool stop; /* published like a run */
    atomic_uint generation, unfinished;
    atomic_bool running;
    pthread_mutex_t lock;
    pthread_cond_t published, finished;
};

static void pause_a_moment(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Share `part` of the units of `grain`, as even as whole units allow. */
static void run_part(const tdl_pool *pool, unsigned part)
{
    size_t units = pool->n / pool->grain + (pool->n % pool->grain != 0);
    size_t each = units / pool->threads, extra = units % pool->threads;
    size_t first = each * part + (part < extra ? part : extra);
    size_t last = first + each + (part < extra);
    size_t end = last == units ? pool->n : last * pool->grain;

    if (first < last)
        pool->fn(pool->context, first * pool->grain, end, part);
}

static unsigned await_generation(tdl_pool *pool, unsigned seen)
{
    unsigned now;

    for (int i = 0; i < SPINS; i++) {
        now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen)
            return now;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool->lock);
    while ((now = atomic_load(&pool->generation)) == seen)
        pthread_cond_wait(&pool->published, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return now;
}

static void *work(void *argument)
{
    worker *self = argument;
    tdl_pool *pool = self->pool;
    unsigned seen = 0;

    for (;;) {
        seen = await_generation(pool, seen);
        if (pool->stop)
            return NULL;
        run_part(pool, self->part);
        if (atomic_fetch_sub(&pool->unfinished, 1) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void publish(tdl_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->published);
    pthread_mutex_unlock(&pool->lock);
}

static void await_workers(tdl_pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->unfinished, memory_order_acquire) == 0)
            return;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->unfinished))
        pthread_cond_wait(&pool->finished, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static unsigned usable_cores(void)
{
    int64_t asked;
    cpu_set_t set;

    if (tdl_str_int(tdl_str_of(getenv("TREADLE_THREADS")), &asked) && asked >= 1)
        return asked < THREADS_MAX ? (unsigned)asked : THREADS_MAX;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (unsigned)CPU_COUNT(&set);
    return 1;
}

/* Workers take no signals: those are for the thread that set the handlers. */
static void start_workers(tdl_pool *pool, unsigned threads)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (pool->threads = 1; pool->threads < threads; pool->threads++) {
        worker *next = &pool->workers[pool->threads - 1];

        *next = (worker){.pool = pool, .part = pool->threads};
        if (pthread_create(&next->thread, NULL, work, next))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

tdl_pool *tdl_pool_new(unsigned threads)
{
    tdl_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return NULL;
    if (threads == 0)
        threads = usable_cores();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    pool->workers = calloc(threads, sizeof *pool->workers);
    if (!pool->workers) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->published, NULL);
    pthread_cond_init(&pool->finished, NULL);
    start_workers(pool, threads);
    return pool;
}

void tdl_pool_free(tdl_pool *pool)
{
    if (!pool)
        return;
    pool->stop = true;
    publish(pool);
    for (unsigned i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i - 1].thread, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->published);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

unsigned tdl_pool_threads(const tdl_pool *pool)
{
    return pool ? pool->threads : 1;
}

void tdl_pool_run(tdl_pool *pool, size_t n, size_t grain, tdl_pool_fn *fn, void *context)
{
    bool was_running;

    if (n == 0)
        return;
    if (grain == 0)
        grain = 1;
    if (!pool || pool->threads == 1 || n <= grain) {
        fn(context, 0, n, 0);
        return;
    }
    was_running = atomic_exchange(&pool->running, true);
    assert(!was_running);
    TDL_UNUSED(was_running);
    pool->n = n;
    pool->grain = grain;
    pool->fn = fn;
    pool->context = context;
    atomic_store(&pool->unfinished, pool->threads - 1);
    publish(pool);
    run_part(pool, 0);
    await_workers(pool);
    atomic_store(&pool->running, false);
}
