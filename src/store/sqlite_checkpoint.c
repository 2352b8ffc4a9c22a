#include "store/sqlite_checkpoint.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    START_PAGES = 4000, /* 16 MB: smaller ones write the same pages more often */
    MOST_PAGES = 16000, /* the thread is far behind: the writer has to wait for the checkpoint */
    NICENESS = 10
};

struct tdl_checkpointer {
    sqlite3 *db, *own;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool wanted, stopping;
};

/* After each commit, on the writer's thread. A checkpoint that fails is tried again after the next
 * commit; until then everything is in the log. */
static int after_commit(void *context, sqlite3 *db, const char *schema, int pages)
{
    tdl_checkpointer *c = context;

    if (pages >= MOST_PAGES)
        sqlite3_wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (pages < START_PAGES)
        return SQLITE_OK;
    pthread_mutex_lock(&c->lock);
    c->wanted = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return SQLITE_OK;
}

static bool wait_until_wanted(tdl_checkpointer *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->wanted && !c->stopping)
        pthread_cond_wait(&c->changed, &c->lock);
    c->wanted = false;
    bool go_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

/* A commit during a checkpoint leaves a few pages behind for the next; once none are left, the
 * writer starts the log anew. */
static void *checkpoint(void *context)
{
    tdl_checkpointer *c = context;

    setpriority(PRIO_PROCESS, 0, NICENESS); // on Linux: of this thread
    while (wait_until_wanted(c))
        sqlite3_wal_checkpoint_v2(c->own, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return NULL;
}

static void release(tdl_checkpointer *c)
{
    sqlite3_close(c->own);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

tdl_status tdl_checkpointer_start(sqlite3 *db, sqlite3 *take_own, tdl_checkpointer **ret,
                                  tdl_report *why)
{
    tdl_checkpointer *c = calloc(1, sizeof *c);

    if (!c) {
        sqlite3_close(take_own);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the store");
    }
    c->db = db;
    c->own = take_own;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    if (pthread_create(&c->thread, NULL, checkpoint, c)) {
        release(c);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the checkpoint thread");
    }
    sqlite3_wal_hook(db, after_commit, c); // in place of SQLite's own
    *ret = c;
    return TDL_OK;
}

void tdl_checkpointer_stop(tdl_checkpointer *c)
{
    if (!c)
        return;
    sqlite3_wal_hook(c->db, NULL, NULL);
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    release(c);
}
