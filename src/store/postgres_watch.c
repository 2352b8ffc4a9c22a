/* Notices what other processes commit: a connection of its own that listens.
 *
 * A NOTIFY comes with each commit that others want to know of. A notification may get lost with the
 * connection (or a pooler in between), so the number of the last commit is looked at each second.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/postgres.h"

enum { LOOK_MS = 1000 };

struct tdl_pg_watch {
    char *url;
    PGconn *conn; /* NULL while there is none; the thread's own */
    pthread_t thread;
    int stop_fd; /* readable: stop */
    _Atomic int64_t version;
    atomic_int own_pid;   /* of the writer's server process */
    int64_t commit;       /* number of the last commit seen; the thread's own */
    pthread_mutex_t lock; /* of the two below */
    void (*fn)(void *context);
    void *context;
};

static void changed(tdl_pg_watch *w)
{
    atomic_fetch_add(&w->version, 1);
    pthread_mutex_lock(&w->lock);
    if (w->fn)
        w->fn(w->context);
    pthread_mutex_unlock(&w->lock);
}

static bool listen_again(tdl_pg_watch *w)
{
    if (tdl_pg_connect(w->url, true, &w->conn, NULL))
        return false;
    if (!tdl_pg_run(w->conn, "LISTEN treadle", "listening", NULL))
        return true;
    PQfinish(w->conn);
    w->conn = NULL;
    return false;
}

static void look(tdl_pg_watch *w)
{
    PGresult *result = PQexec(w->conn, "SELECT version FROM store");

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        int64_t commit = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        if (commit != w->commit)
            changed(w);
        w->commit = commit;
    }
    PQclear(result);
}

static void take_notices(tdl_pg_watch *w)
{
    PGnotify *notice;
    bool others = false;

    if (!PQconsumeInput(w->conn)) {
        PQfinish(w->conn);
        w->conn = NULL;
        return;
    }
    while ((notice = PQnotifies(w->conn))) {
        others |= notice->be_pid != atomic_load(&w->own_pid);
        PQfreemem(notice);
    }
    if (others)
        changed(w);
}

static void *watch_main(void *context)
{
    tdl_pg_watch *w = context;

    for (;;) {
        if (!w->conn && listen_again(w))
            changed(w); // whatever happened meanwhile
        struct pollfd fd[2] = {{.fd = w->stop_fd, .events = POLLIN},
                               {.fd = w->conn ? PQsocket(w->conn) : -1, .events = POLLIN}};
        int n = poll(fd, 2, LOOK_MS);
        if (fd[0].revents)
            break;
        if (w->conn && n == 0)
            look(w);
        if (w->conn)
            take_notices(w);
    }
    return NULL;
}

tdl_status tdl_pg_watch_start(const char *url, tdl_pg_watch **ret, tdl_report *why)
{
    tdl_pg_watch *w = calloc(1, sizeof *w);
    tdl_status st = TDL_OK;

    if (!w || !(w->url = strdup(url))) {
        free(w);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
    }
    pthread_mutex_init(&w->lock, NULL);
    w->commit = -1;
    w->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!(st = tdl_pg_connect(url, true, &w->conn, why)))
        st = tdl_pg_run(w->conn, "LISTEN treadle", "listening", why);
    if (!st && (w->stop_fd < 0 || pthread_create(&w->thread, NULL, watch_main, w)))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the thread that watches the database");
    if (st) {
        close(w->stop_fd);
        PQfinish(w->conn);
        pthread_mutex_destroy(&w->lock);
        free(w->url);
        free(w);
        return st;
    }
    *ret = w;
    return TDL_OK;
}

void tdl_pg_watch_stop(tdl_pg_watch *w)
{
    if (!w)
        return;
    eventfd_write(w->stop_fd, 1);
    pthread_join(w->thread, NULL);
    close(w->stop_fd);
    PQfinish(w->conn);
    pthread_mutex_destroy(&w->lock);
    free(w->url);
    free(w);
}

void tdl_pg_watch_call(tdl_pg_watch *w, void (*fn)(void *context), void *context)
{
    pthread_mutex_lock(&w->lock);
    w->fn = fn;
    w->context = context;
    pthread_mutex_unlock(&w->lock);
}

int64_t tdl_pg_watch_version(tdl_pg_watch *w)
{
    return atomic_load(&w->version);
}

void tdl_pg_watch_own(tdl_pg_watch *w, int server_pid)
{
    atomic_store(&w->own_pid, server_pid);
    atomic_fetch_add(&w->version, 1);
}
