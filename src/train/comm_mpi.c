#include "train/comm_mpi.h"

#include <limits.h>
#include <mpi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/timestamp.h"
#include "train/comm_wire.h"

/* At most so many sums are under way; one more waits for the oldest. All ranks begin them in the
 * same order, so the oldest always comes to its end. */
enum { PENDING_MAX = 64, BROADCAST_MAX = 1 << 26, TIMEOUT_S = 300 };

/* A block of a gradient to be summed. */
typedef struct job {
    void *x; /* of `type` */
    int n;
} job;

/* The thread that sums gradients one after the other. While it has work, nobody else calls MPI. */
typedef struct courier {
    pthread_t thread;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed; /* work came, or was done */
    job queue[PENDING_MAX]; /* a ring; the first is being done */
    unsigned first, n;
    bool ends;
    tdl_status status; /* the first failure; what comes after it is dropped */
    tdl_report why;
} courier;

typedef struct mpi_comm {
    tdl_comm base; /* first: a tdl_comm * is one of these */
    MPI_Comm comm;
    MPI_Datatype type; /* of gradients under way */
    MPI_Op add;
    tdl_wire *wire;                   /* NULL: they go as they are */
    MPI_Request pending[PENDING_MAX]; /* oldest first */
    int pending_n;
    courier *courier; /* NULL: sums go by `pending` */
    int64_t timeout_us;
    atomic_bool leaving; /* nobody waits any more */
    bool ends_mpi;
} mpi_comm;

static mpi_comm *of(tdl_comm *comm)
{
    return (mpi_comm *)comm;
}

/* ---- failures ---- */

static tdl_status lose(mpi_comm *c, int error, tdl_report *why)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;

    c->base.lost = true;
    MPI_Error_string(error, text, &n);
    return TDL_FAIL(why, TDL_E_IO, "rank %u of %u: %s", c->base.rank, c->base.size, text);
}

static tdl_status give_up(mpi_comm *c, tdl_report *why)
{
    c->base.lost = true;
    return TDL_FAIL_HINT(why, TDL_E_IO, "start the job again: it resumes from its last checkpoint",
                         "rank %u of %u: another rank has not answered for %g s", c->base.rank,
                         c->base.size, 1e-6 * (double)c->timeout_us);
}

/* ---- waiting ---- */

/* Open MPI moves data only while it is called, so sleep late and little. */
static void rest(unsigned tries)
{
    if (tries < 1000)
        sched_yield();
    else
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

static tdl_status wait_for(mpi_comm *c, MPI_Request *request, int n, tdl_report *why)
{
    int64_t started_us = tdl_time_monotonic();
    int done = 0;

    for (unsigned tries = 0;; tries++) {
        int error = MPI_Testall(n, request, &done, MPI_STATUSES_IGNORE);
        if (error)
            return lose(c, error, why);
        if (done)
            return TDL_OK;
        if (atomic_load(&c->leaving))
            return TDL_FAIL(why, TDL_E_STOPPED, "rank %u leaves the others", c->base.rank);
        if (tdl_time_monotonic() - started_us > c->timeout_us)
            return give_up(c, why);
        rest(tries);
    }
}

/* ---- sums of gradients: by the thread of the caller ---- */

static int start_sum(mpi_comm *c, job sum, MPI_Request *ret)
{
    return MPI_Iallreduce(MPI_IN_PLACE, sum.x, sum.n, c->type, c->add, c->comm, ret);
}

static tdl_status forget_done(mpi_comm *c, tdl_report *why)
{
    int which[PENDING_MAX], done = 0, kept = 0;

    if (c->pending_n == 0)
        return TDL_OK;
    int error = MPI_Testsome(c->pending_n, c->pending, &done, which, MPI_STATUSES_IGNORE);
    if (error)
        return lose(c, error, why);
    for (int i = 0; i < c->pending_n; i++)
        if (c->pending[i] != MPI_REQUEST_NULL)
            c->pending[kept++] = c->pending[i];
    c->pending_n = kept;
    return TDL_OK;
}

static tdl_status begin_here(mpi_comm *c, job sum, tdl_report *why)
{
    tdl_status st;

    if (c->pending_n == PENDING_MAX &&
        ((st = wait_for(c, &c->pending[0], 1, why)) || (st = forget_done(c, why))))
        return st;
    int error = start_sum(c, sum, &c->pending[c->pending_n]);
    if (error)
        return lose(c, error, why);
    c->pending_n++;
    return TDL_OK;
}

static tdl_status finish_here(mpi_comm *c, tdl_report *why)
{
    tdl_status st = wait_for(c, c->pending, c->pending_n, why);

    if (!st)
        c->pending_n = 0;
    return st;
}

/* ---- sums of gradients: by a thread of their own ---- */

static tdl_status sum_now(mpi_comm *c, job sum, tdl_report *why)
{
    MPI_Request request;
    int error = start_sum(c, sum, &request);

    return error ? lose(c, error, why) : wait_for(c, &request, 1, why);
}

static void *run_courier(void *context)
{
    mpi_comm *c = context;
    courier *k = c->courier;

    pthread_mutex_lock(&k->lock);
    while (k->n || !k->ends) {
        if (k->n && !k->status) {
            job sum = k->queue[k->first];
            tdl_report why = {0};

            pthread_mutex_unlock(&k->lock);
            tdl_status st = sum_now(c, sum, &why);
            pthread_mutex_lock(&k->lock);
            k->status = st;
            k->why = why;
        } else if (!k->n) {
            pthread_cond_wait(&k->changed, &k->lock);
            continue;
        }
        k->first = (k->first + 1) % PENDING_MAX;
        k->n--;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

/* Wait until less than `most` sums are left; the lock is held then. */
static void hold_with_less_than(courier *k, unsigned most)
{
    pthread_mutex_lock(&k->lock);
    while (k->n >= most)
        pthread_cond_wait(&k->changed, &k->lock);
}

/* Let go; says what has failed so far. */
static tdl_status let_go(courier *k, tdl_report *why)
{
    tdl_status st = k->status;

    if (st && why)
        *why = k->why;
    pthread_mutex_unlock(&k->lock);
    return st;
}

static tdl_status begin_there(courier *k, job sum, tdl_report *why)
{
    hold_with_less_than(k, PENDING_MAX);
    k->queue[(k->first + k->n++) % PENDING_MAX] = sum;
    pthread_cond_broadcast(&k->changed);
    return let_go(k, why);
}

static tdl_status finish_there(courier *k, tdl_report *why)
{
    hold_with_less_than(k, 1);
    return let_go(k, why);
}

static tdl_status hire(mpi_comm *c, tdl_report *why)
{
    courier *k = calloc(1, sizeof *k);

    if (!k)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a thread that sums gradients");
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    c->courier = k;
    if (!pthread_create(&k->thread, NULL, run_courier, c))
        return TDL_OK;
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->changed);
    free(k);
    c->courier = NULL;
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no thread that sums gradients");
}

static void dismiss(courier *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->ends = true;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->changed);
    free(k);
}

/* ---- sums of gradients ---- */

static tdl_status progress(tdl_comm *comm, tdl_report *why)
{
    mpi_comm *c = of(comm);

    return c->courier ? TDL_OK : forget_done(c, why);
}

static tdl_status sum_begin(tdl_comm *comm, float *x, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    job sum = {x, (int)n};
    uint16_t *rounded;
    tdl_status st;

    if (n > INT_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a sum of %zu numbers, MPI takes %d", n, INT_MAX);
    if (c->wire) {
        if ((st = tdl_wire_begin(c->wire, x, n, &rounded, why)))
            return st;
        sum.x = rounded;
    }
    return c->courier ? begin_there(c->courier, sum, why) : begin_here(c, sum, why);
}

static tdl_status sum_finish(tdl_comm *comm, tdl_report *why)
{
    mpi_comm *c = of(comm);
    tdl_status st = c->courier ? finish_there(c->courier, why) : finish_here(c, why);

    if (!st && c->wire)
        tdl_wire_finish(c->wire);
    return st;
}

/* ---- a few numbers, and bytes ---- */

static tdl_status sum(tdl_comm *comm, double *x, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    MPI_Request request;
    tdl_status st;

    if (n > INT_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a sum of %zu numbers, MPI takes %d", n, INT_MAX);
    if (c->courier && (st = finish_there(c->courier, why)))
        return st;
    int error = MPI_Iallreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, MPI_SUM, c->comm, &request);
    return error ? lose(c, error, why) : wait_for(c, &request, 1, why);
}

static tdl_status broadcast(tdl_comm *comm, void *bytes, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    tdl_status st = c->courier ? finish_there(c->courier, why) : TDL_OK;

    for (size_t at = 0; !st && at < n; at += BROADCAST_MAX) {
        size_t left = n - at, some = left < BROADCAST_MAX ? left : BROADCAST_MAX;
        MPI_Request request;
        int error = MPI_Ibcast((char *)bytes + at, (int)some, MPI_BYTE, 0, c->comm, &request);

        st = error ? lose(c, error, why) : wait_for(c, &request, 1, why);
    }
    return st;
}

/* ---- bf16 on the wire ---- */

static void add_rounded(void *x, void *sum, int *n, MPI_Datatype *type)
{
    TDL_UNUSED(type);
    tdl_wire_add(x, sum, (size_t)*n);
}

static tdl_status round_on_the_wire(mpi_comm *c, tdl_report *why)
{
    MPI_Op add;
    int error = MPI_Op_create(add_rounded, true, &add);

    if (error)
        return lose(c, error, why);
    c->add = add;
    c->type = MPI_UINT16_T;
    c->wire = tdl_wire_new();
    return c->wire ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for gradients as bf16");
}

/* ---- life cycle ---- */

static void close_mpi(tdl_comm *comm)
{
    mpi_comm *c = of(comm);

    atomic_store(&c->leaving, true);
    dismiss(c->courier);
    if (comm->lost)
        MPI_Abort(c->comm, 1);
    MPI_Comm_free(&c->comm);
    if (c->add != MPI_SUM)
        MPI_Op_free(&c->add);
    tdl_wire_free(c->wire);
    if (c->ends_mpi)
        MPI_Finalize();
    free(c);
}

static const tdl_comm_ops mpi_ops = {
    .name = "mpi",
    .sum_begin = sum_begin,
    .progress = progress,
    .sum_finish = sum_finish,
    .sum = sum,
    .broadcast = broadcast,
    .close = close_mpi,
};

/*   level  of threads; what there is when MPI is running already */
static int start_mpi(int level, bool *ret_started, int *ret_level)
{
    int running = 0, error = MPI_Initialized(&running);

    *ret_started = !running;
    if (error)
        return error;
    return running ? MPI_Query_thread(ret_level) : MPI_Init_thread(NULL, NULL, level, ret_level);
}

/* A communicator of our own, whose errors come back instead of ending the process. */
static int join(mpi_comm *c, int level, int *ret_level)
{
    int rank = 0, size = 0, error = start_mpi(level, &c->ends_mpi, ret_level);

    if (error || (error = MPI_Comm_dup(MPI_COMM_WORLD, &c->comm)) ||
        (error = MPI_Comm_set_errhandler(c->comm, MPI_ERRORS_RETURN)) ||
        (error = MPI_Comm_rank(c->comm, &rank)) || (error = MPI_Comm_size(c->comm, &size)))
        return error;
    c->base.rank = (unsigned)rank;
    c->base.size = (unsigned)size;
    return 0;
}

tdl_status tdl_comm_mpi_open(const tdl_comm_mpi_options *options, tdl_comm **ret, tdl_report *why)
{
    const tdl_comm_mpi_options o = options ? *options : (tdl_comm_mpi_options){0};
    int wanted = o.own_thread ? MPI_THREAD_SERIALIZED : MPI_THREAD_FUNNELED, level = wanted;
    tdl_status st = TDL_OK;
    mpi_comm *c;

    if (!(o.timeout_s >= 0 && o.timeout_s < 1e9))
        return TDL_FAIL(why, TDL_E_INVALID, "timeout_s: %g is not in [0, 1e9)", o.timeout_s);
    if (!(c = calloc(1, sizeof *c)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to join the other ranks");
    c->base.ops = &mpi_ops;
    c->type = MPI_FLOAT;
    c->add = MPI_SUM;
    c->timeout_us = (int64_t)(1e6 * (o.timeout_s > 0 ? o.timeout_s : TIMEOUT_S));
    int error = join(c, wanted, &level);
    if (error) {
        st = lose(c, error, why);
        free(c);
        return st;
    }
    if (o.own_thread && level < wanted)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "leave own_thread out",
                           "own_thread: this MPI was started with threads of level %d, not %d",
                           level, wanted);
    if (!st && o.bf16)
        st = round_on_the_wire(c, why);
    if (!st && o.own_thread)
        st = hire(c, why);
    if (st) {
        close_mpi(&c->base);
        return st;
    }
    *ret = &c->base;
    return TDL_OK;
}
