#include "train/comm_mpi.h"

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/timestamp.h"

/* At most so many sums are under way; one more waits for the oldest. All ranks begin them in the
 * same order, so the oldest always comes to its end. */
enum { PENDING_MAX = 64, BROADCAST_MAX = 1 << 26, TIMEOUT_S = 300 };

typedef struct mpi_comm {
    tdl_comm base; /* first: a tdl_comm * is one of these */
    MPI_Comm comm;
    MPI_Request pending[PENDING_MAX]; /* oldest first */
    int pending_n;
    int64_t timeout_us;
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
        if (tdl_time_monotonic() - started_us > c->timeout_us)
            return give_up(c, why);
        rest(tries);
    }
}

/* ---- sums of gradients ---- */

static tdl_status progress(tdl_comm *comm, tdl_report *why)
{
    mpi_comm *c = of(comm);
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

static tdl_status make_room(mpi_comm *c, tdl_report *why)
{
    tdl_status st;

    if (c->pending_n < PENDING_MAX)
        return TDL_OK;
    st = wait_for(c, &c->pending[0], 1, why);
    return st ? st : progress(&c->base, why);
}

static tdl_status sum_begin(tdl_comm *comm, float *x, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    tdl_status st;

    if (n > INT_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a sum of %zu numbers, MPI takes %d", n, INT_MAX);
    if ((st = make_room(c, why)))
        return st;
    int error = MPI_Iallreduce(MPI_IN_PLACE, x, (int)n, MPI_FLOAT, MPI_SUM, c->comm,
                               &c->pending[c->pending_n]);
    if (error)
        return lose(c, error, why);
    c->pending_n++;
    return TDL_OK;
}

static tdl_status sum_finish(tdl_comm *comm, tdl_report *why)
{
    mpi_comm *c = of(comm);
    tdl_status st = wait_for(c, c->pending, c->pending_n, why);

    if (!st)
        c->pending_n = 0;
    return st;
}

/* ---- a few numbers, and bytes ---- */

static tdl_status sum(tdl_comm *comm, double *x, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    MPI_Request request;

    if (n > INT_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a sum of %zu numbers, MPI takes %d", n, INT_MAX);
    int error = MPI_Iallreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, MPI_SUM, c->comm, &request);
    return error ? lose(c, error, why) : wait_for(c, &request, 1, why);
}

static tdl_status broadcast(tdl_comm *comm, void *bytes, size_t n, tdl_report *why)
{
    mpi_comm *c = of(comm);
    tdl_status st = TDL_OK;

    for (size_t at = 0; !st && at < n; at += BROADCAST_MAX) {
        size_t left = n - at, some = left < BROADCAST_MAX ? left : BROADCAST_MAX;
        MPI_Request request;
        int error = MPI_Ibcast((char *)bytes + at, (int)some, MPI_BYTE, 0, c->comm, &request);

        st = error ? lose(c, error, why) : wait_for(c, &request, 1, why);
    }
    return st;
}

/* ---- life cycle ---- */

static void close_mpi(tdl_comm *comm)
{
    mpi_comm *c = of(comm);

    if (comm->lost)
        MPI_Abort(c->comm, 1);
    MPI_Comm_free(&c->comm);
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

static int start_mpi(bool *ret_started)
{
    int running = 0, threads, error = MPI_Initialized(&running);

    *ret_started = !running;
    if (!error && !running)
        error = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &threads);
    return error;
}

/* A communicator of our own, whose errors come back instead of ending the process. */
static int join(mpi_comm *c)
{
    int rank = 0, size = 0, error = start_mpi(&c->ends_mpi);

    if (error || (error = MPI_Comm_dup(MPI_COMM_WORLD, &c->comm)) ||
        (error = MPI_Comm_set_errhandler(c->comm, MPI_ERRORS_RETURN)) ||
        (error = MPI_Comm_rank(c->comm, &rank)) || (error = MPI_Comm_size(c->comm, &size)))
        return error;
    c->base.rank = (unsigned)rank;
    c->base.size = (unsigned)size;
    return 0;
}

tdl_status tdl_comm_mpi_open(double timeout_s, tdl_comm **ret, tdl_report *why)
{
    mpi_comm *c;

    if (!(timeout_s >= 0 && timeout_s < 1e9))
        return TDL_FAIL(why, TDL_E_INVALID, "timeout_s: %g is not in [0, 1e9)", timeout_s);
    if (!(c = calloc(1, sizeof *c)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to join the other ranks");
    c->base.ops = &mpi_ops;
    c->timeout_us = (int64_t)(1e6 * (timeout_s > 0 ? timeout_s : TIMEOUT_S));
    int error = join(c);
    if (error) {
        tdl_status st = lose(c, error, why);
        free(c);
        return st;
    }
    *ret = &c->base;
    return TDL_OK;
}
