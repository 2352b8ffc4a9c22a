#include "learn/xgboost_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "learn/xgboost_protocol.h"

extern char **environ;

enum { POLL_MS = 50 /* how late `stop` may be seen */, LIFTED_FD = 10 };

struct tdl_xgboost_worker {
    pid_t pid;  /* 0: none, or reaped */
    int socket; /* -1: none */
    const atomic_bool *stop;
    double silence;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the matrix ---- */

/* Above the descriptors that the child gives a meaning to. */
static int lift(int fd)
{
    int lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LIFTED_FD);

    if (fd >= 0)
        close(fd);
    return lifted;
}

/* The library refuses infinite values; they are missing, as in our own evaluator. */
static void copy_finite(const float *from, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = isinf(from[i]) ? NAN : from[i];
}

static tdl_status share(const tdl_xgboost_data *data, int *ret, tdl_report *why)
{
    tdl_xgb_head head = {data->rows, data->cols, data->folds_n, data->group != NULL};
    size_t cells, per_row, bytes;
    int fd = -1;
    char *at = MAP_FAILED;
    tdl_status st = TDL_OK;

    if (__builtin_mul_overflow(data->rows, data->cols, &cells) ||
        __builtin_mul_overflow(cells, sizeof(float), &cells) ||
        __builtin_mul_overflow(data->rows, 3 * sizeof(float) + 1, &per_row) ||
        __builtin_add_overflow(cells, per_row, &bytes) ||
        __builtin_add_overflow(bytes, sizeof head, &bytes))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows of %zu numbers", data->rows, data->cols);
    fd = lift(memfd_create("treadle-matrix", MFD_CLOEXEC));
    if (fd < 0 || ftruncate(fd, (off_t)bytes) ||
        (at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED) {
        st = TDL_FAIL(why, TDL_E_IO, "cannot share %zu bytes with a worker: %s", bytes,
                      strerror(errno));
        goto out;
    }
    char *x = at + sizeof head, *y = x + cells, *weight = y + data->rows * sizeof(float);
    char *group = weight + data->rows * sizeof(float), *fold = group + data->rows * sizeof(int32_t);
    memcpy(at, &head, sizeof head);
    if (data->rows) {
        copy_finite(data->x, data->rows * data->cols, (float *)(void *)x);
        memcpy(y, data->y, data->rows * sizeof(float));
        for (size_t i = 0; i < data->rows; i++) {
            float w = data->weight ? data->weight[i] : 1;
            memcpy(weight + i * sizeof w, &w, sizeof w);
            if (data->group)
                memcpy(group + i * sizeof *data->group, &data->group[i], sizeof *data->group);
            fold[i] = (char)(data->fold ? data->fold[i] : TDL_XGBOOST_ALWAYS);
        }
    }
    *ret = fd;
    fd = -1;
out:
    if (at != MAP_FAILED)
        munmap(at, bytes);
    if (fd >= 0)
        close(fd);
    return st;
}

/* ---- life of the process ---- */

static int spawn(tdl_xgboost_worker *w, int child_socket, int data)
{
    char *arguments[] = {"treadle", (char *)tdl_xgboost_worker_argument, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, 0, 1);
    posix_spawn_file_actions_adddup2(&files, 0, 2);
    posix_spawn_file_actions_adddup2(&files, child_socket, TDL_XGB_SOCKET_FD);
    posix_spawn_file_actions_adddup2(&files, data, TDL_XGB_DATA_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, TDL_XGB_DATA_FD + 1);
    int failed = posix_spawn(&w->pid, "/proc/self/exe", &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed)
        w->pid = 0;
    return failed;
}

/* Kill, close, wait. Returns how the process ended, as waitpid tells it; -1: unknown. */
static int end_process(tdl_xgboost_worker *w)
{
    int status = -1;

    if (w->pid > 0) {
        kill(w->pid, SIGKILL); // changes nothing for one that is already ending
        while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (w->socket >= 0)
        close(w->socket);
    w->pid = 0;
    w->socket = -1;
    return status;
}

static tdl_status died(tdl_xgboost_worker *w, tdl_report *why)
{
    int status = end_process(w);

    if (status != -1 && WIFSIGNALED(status))
        return TDL_FAIL(why, TDL_E_INTERNAL, "the worker of libxgboost was ended by signal %d (%s)",
                        WTERMSIG(status), strsignal(WTERMSIG(status)));
    return TDL_FAIL(why, TDL_E_INTERNAL, "the worker of libxgboost ended by itself, with code %d",
                    status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* ---- talk ---- */

/* Until the socket is ready for `events`. since: when the child was last heard. */
static tdl_status wait_for(tdl_xgboost_worker *w, short events, double since, tdl_report *why)
{
    for (;;) {
        struct pollfd ready = {.fd = w->socket, .events = events};

        if (w->stop && atomic_load(w->stop)) {
            end_process(w);
            return TDL_FAIL(why, TDL_E_STOPPED, "training was stopped");
        }
        if (now() - since > w->silence) {
            end_process(w);
            return TDL_FAIL(why, TDL_E_INTERNAL,
                            "the worker of libxgboost said nothing for %g seconds", w->silence);
        }
        if (poll(&ready, 1, POLL_MS) > 0)
            return TDL_OK;
    }
}

static tdl_status transfer(tdl_xgboost_worker *w, bool out, char *bytes, size_t n, tdl_report *why)
{
    double since = now();
    tdl_status st;

    if (w->socket < 0)
        return TDL_FAIL(why, TDL_E_INTERNAL, "the worker of libxgboost has ended");
    for (size_t done = 0; done < n;) {
        ssize_t moved = out ? send(w->socket, bytes + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : recv(w->socket, bytes + done, n - done, MSG_DONTWAIT);

        if (moved > 0) {
            done += (size_t)moved;
            since = now();
        } else if (moved < 0 && errno == EAGAIN) {
            if ((st = wait_for(w, out ? POLLOUT : POLLIN, since, why)))
                return st;
        } else if (!(moved < 0 && errno == EINTR)) {
            return died(w, why);
        }
    }
    return TDL_OK;
}

static tdl_status failed(tdl_xgboost_worker *w, const tdl_xgb_reply *reply, tdl_report *why)
{
    char text[2 * sizeof(tdl_report)] = "";
    size_t n = reply->bytes < sizeof text ? (size_t)reply->bytes : sizeof text - 1;
    tdl_status st = transfer(w, false, text, n, why);

    if (st)
        return st;
    text[n] = '\0';
    st = reply->status > TDL_OK ? (tdl_status)reply->status : TDL_E_INTERNAL;
    const char *hint = strlen(text) < n ? text + strlen(text) + 1 : "";
    end_process(w);
    tdl_report_set(why, st, hint, "%s", text);
    return st;
}

/* The next reply that is no heartbeat. */
static tdl_status receive(tdl_xgboost_worker *w, tdl_xgb_say expected, tdl_xgb_reply *ret,
                          tdl_report *why)
{
    tdl_status st;

    do {
        if ((st = transfer(w, false, (char *)ret, sizeof *ret, why)))
            return st;
    } while (ret->say == TDL_XGB_BEAT);
    if (ret->say == TDL_XGB_FAILED)
        return failed(w, ret, why);
    if (ret->say == expected && ret->bytes <= TDL_XGB_MODEL_MAX)
        return TDL_OK;
    end_process(w);
    return TDL_FAIL(why, TDL_E_INTERNAL, "the worker of libxgboost answered %u, %llu bytes",
                    ret->say, (unsigned long long)ret->bytes);
}

static tdl_status ask(tdl_xgboost_worker *w, tdl_xgb_ask what, const tdl_xgboost_plan *plan,
                      tdl_xgb_reply *ret, tdl_report *why)
{
    tdl_xgb_request request = {.ask = what,
                               .loss = plan->loss,
                               .rounds = plan->rounds,
                               .minimum = plan->minimum,
                               .patience = plan->patience,
                               .groups_n = plan->groups_n,
                               .seconds = plan->seconds,
                               .parameter = plan->parameter};
    tdl_status st;

    if (!plan->rounds || plan->parameters.len > TDL_XGB_PARAMETERS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%u rounds, %zu bytes of parameters", plan->rounds,
                        plan->parameters.len);
    request.parameters_n = (uint32_t)plan->parameters.len;
    if ((st = transfer(w, true, (char *)&request, sizeof request, why)) ||
        (st = transfer(w, true, (char *)plan->parameters.at, plan->parameters.len, why)))
        return st;
    return receive(w, TDL_XGB_RESULT, ret, why);
}

tdl_status tdl_xgboost_worker_rounds(tdl_xgboost_worker *w, const tdl_xgboost_plan *plan,
                                     uint32_t *ret_rounds, double *ret_loss, tdl_report *why)
{
    tdl_xgb_reply reply = {0};
    tdl_status st = ask(w, TDL_XGB_ROUNDS, plan, &reply, why);

    if (st)
        return st;
    *ret_rounds = reply.rounds;
    *ret_loss = reply.loss;
    return TDL_OK;
}

tdl_status tdl_xgboost_worker_train(tdl_xgboost_worker *w, const tdl_xgboost_plan *plan,
                                    tdl_buf *ret_model, uint32_t *ret_rounds, tdl_report *why)
{
    tdl_xgb_reply reply = {0};
    tdl_status st = ask(w, TDL_XGB_TRAIN, plan, &reply, why);
    char piece[1 << 14];

    for (size_t left = (size_t)reply.bytes; !st && left;) {
        size_t n = left < sizeof piece ? left : sizeof piece;

        if (!(st = transfer(w, false, piece, n, why)))
            tdl_buf_add(ret_model, piece, n);
        left -= n;
    }
    if (st)
        return st;
    if (ret_model->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model of %llu bytes",
                        (unsigned long long)reply.bytes);
    if (ret_rounds)
        *ret_rounds = reply.rounds;
    return TDL_OK;
}

/* ---- start and end ---- */

tdl_status tdl_xgboost_worker_start(const tdl_xgboost_data *data, tdl_xgboost_worker **ret,
                                    tdl_report *why)
{
    tdl_xgboost_worker *w = calloc(1, sizeof *w);
    int matrix = -1, ends[2] = {-1, -1}, child_end = -1, code;
    tdl_xgb_reply reply;
    tdl_status st;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a worker");
    *w = (tdl_xgboost_worker){
        .socket = -1, .stop = data->stop, .silence = data->silence > 0 ? data->silence : 300};
    if (data->folds_n > TDL_XGBOOST_FOLDS_MAX) {
        st = TDL_FAIL(why, TDL_E_INVALID, "%zu folds, more than %d", data->folds_n,
                      TDL_XGBOOST_FOLDS_MAX);
        goto out;
    }
    if ((st = share(data, &matrix, why)))
        goto out;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ||
        (child_end = lift(ends[1])) < 0) {
        st = TDL_FAIL(why, TDL_E_IO, "cannot talk to a worker: %s", strerror(errno));
        goto out;
    }
    w->socket = ends[0];
    if ((code = spawn(w, child_end, matrix))) {
        st = TDL_FAIL(why, TDL_E_IO, "cannot start a worker: %s", strerror(code));
        goto out;
    }
    close(child_end); // else its end would not be seen
    child_end = -1;
    if ((st = receive(w, TDL_XGB_READY, &reply, why)))
        goto out;
    *ret = w;
    w = NULL;
out:
    if (child_end >= 0)
        close(child_end);
    if (matrix >= 0)
        close(matrix);
    tdl_xgboost_worker_end(w);
    return st;
}

void tdl_xgboost_worker_end(tdl_xgboost_worker *w)
{
    if (!w)
        return;
    end_process(w);
    free(w);
}

pid_t tdl_xgboost_worker_pid(const tdl_xgboost_worker *w)
{
    return w->pid;
}

tdl_status tdl_xgboost_available(tdl_report *why)
{
    static atomic_bool seen;
    tdl_xgboost_worker *w = NULL;
    tdl_status st;

    if (atomic_load(&seen))
        return TDL_OK;
    if ((st = tdl_xgboost_worker_start(&(tdl_xgboost_data){0}, &w, why)))
        return st;
    tdl_xgboost_worker_end(w);
    atomic_store(&seen, true);
    return TDL_OK;
}
