#include "loop/trainer.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/timestamp.h"

enum { NICENESS = 10 };

struct tdl_trainer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    tdl_trainer_work *work;
    void *context;
    unsigned threads;
    tdl_pool *pool;
    bool ready, wanted, stopping; /* guarded by lock, like all below */
    uint64_t seed;
    int table;        /* what is wanted is learnt from; -1 = what is stored */
    json_t *settings; /* of the table */
    tdl_training state;
};

static bool note_progress(void *context, const char *stage, double done, const char *detail)
{
    tdl_trainer *trainer = context;

    pthread_mutex_lock(&trainer->lock);
    bool go_on = !trainer->stopping;
    trainer->state.done = done;
    snprintf(trainer->state.stage, sizeof trainer->state.stage, "%s", stage);
    snprintf(trainer->state.detail, sizeof trainer->state.detail, "%s", detail ? detail : "");
    pthread_mutex_unlock(&trainer->lock);
    return go_on;
}

static void drop_table(int table, json_t *settings)
{
    if (table >= 0)
        close(table);
    json_decref(settings);
}

static void run_once(tdl_trainer *trainer, const char *app, uint64_t seed, int table,
                     const json_t *settings)
{
    char path[32];
    tdl_report why = {0};
    const tdl_train_table from = {.path = path, .settings = settings};
    tdl_train_options options = {.seed = seed,
                                 .activate = true,
                                 .table = table < 0 ? NULL : &from,
                                 .progress = note_progress,
                                 .progress_context = trainer};

    snprintf(path, sizeof path, "/proc/self/fd/%d", table);
    tdl_status st = trainer->work(trainer->context, app, &options, &why);

    malloc_trim(0); // fitting touched far more memory than serving keeps
    pthread_mutex_lock(&trainer->lock);
    trainer->state.state = st ? TDL_TRAINING_FAILED : TDL_TRAINING_DONE;
    trainer->state.why = why;
    trainer->state.finished_us = tdl_time_now();
    if (!st)
        trainer->state.done = 1;
    pthread_mutex_unlock(&trainer->lock);
}

static void *trainer_main(void *context)
{
    tdl_trainer *trainer = context;

    setpriority(PRIO_PROCESS, 0,
                NICENESS); // of this thread only, on Linux; its children inherit it
    tdl_pool *pool = tdl_pool_new(trainer->threads);
    pthread_mutex_lock(&trainer->lock);
    trainer->pool = pool;
    trainer->ready = true;
    pthread_cond_broadcast(&trainer->changed);
    while (!trainer->stopping) {
        if (!trainer->wanted) {
            pthread_cond_wait(&trainer->changed, &trainer->lock);
            continue;
        }
        char app[sizeof trainer->state.app];
        memcpy(app, trainer->state.app, sizeof app);
        uint64_t seed = trainer->seed;
        int table = trainer->table;
        json_t *settings = trainer->settings;
        trainer->table = -1;
        trainer->settings = NULL;
        trainer->wanted = false;
        pthread_mutex_unlock(&trainer->lock);
        run_once(trainer, app, seed, table, settings);
        drop_table(table, settings);
        pthread_mutex_lock(&trainer->lock);
    }
    pthread_mutex_unlock(&trainer->lock);
    return NULL;
}

tdl_trainer *tdl_trainer_new(unsigned threads, tdl_trainer_work *work, void *context)
{
    tdl_trainer *trainer = calloc(1, sizeof *trainer);

    if (!trainer)
        return NULL;
    trainer->threads = threads;
    trainer->work = work;
    trainer->context = context;
    trainer->table = -1;
    pthread_mutex_init(&trainer->lock, NULL);
    pthread_cond_init(&trainer->changed, NULL);
    if (pthread_create(&trainer->thread, NULL, trainer_main, trainer)) {
        pthread_cond_destroy(&trainer->changed);
        pthread_mutex_destroy(&trainer->lock);
        free(trainer);
        return NULL;
    }
    pthread_mutex_lock(&trainer->lock);
    while (!trainer->ready)
        pthread_cond_wait(&trainer->changed, &trainer->lock);
    pthread_mutex_unlock(&trainer->lock);
    return trainer;
}

void tdl_trainer_stop(tdl_trainer *trainer)
{
    pthread_mutex_lock(&trainer->lock);
    bool stopped_before = trainer->stopping;
    trainer->stopping = true;
    pthread_cond_broadcast(&trainer->changed);
    pthread_mutex_unlock(&trainer->lock);
    if (!stopped_before)
        pthread_join(trainer->thread, NULL);
}

void tdl_trainer_free(tdl_trainer *trainer)
{
    if (!trainer)
        return;
    tdl_trainer_stop(trainer);
    drop_table(trainer->table, trainer->settings);
    tdl_pool_free(trainer->pool);
    pthread_cond_destroy(&trainer->changed);
    pthread_mutex_destroy(&trainer->lock);
    free(trainer);
}

tdl_pool *tdl_trainer_pool(tdl_trainer *trainer)
{
    return trainer->pool;
}

static tdl_status start(tdl_trainer *trainer, const char *app, uint64_t seed, int table,
                        json_t *settings, tdl_report *why)
{
    tdl_status st = TDL_OK;

    pthread_mutex_lock(&trainer->lock);
    if (trainer->state.state == TDL_TRAINING_RUNNING) {
        st = TDL_FAIL_HINT(why, TDL_E_CONFLICT, "wait until it is done: GET /v1/stats shows it",
                           "%s is being trained already", trainer->state.app);
    } else {
        trainer->state =
            (tdl_training){.state = TDL_TRAINING_RUNNING, .started_us = tdl_time_now()};
        snprintf(trainer->state.app, sizeof trainer->state.app, "%s", app);
        trainer->seed = seed;
        trainer->table = table;
        trainer->settings = settings;
        trainer->wanted = true;
        pthread_cond_broadcast(&trainer->changed);
    }
    pthread_mutex_unlock(&trainer->lock);
    return st;
}

tdl_status tdl_trainer_start(tdl_trainer *trainer, const char *app, uint64_t seed, tdl_report *why)
{
    return start(trainer, app, seed, -1, NULL, why);
}

tdl_status tdl_trainer_start_table(tdl_trainer *trainer, const char *app, int take_table,
                                   json_t *take_settings, tdl_report *why)
{
    tdl_status st = start(trainer, app, 0, take_table, take_settings, why);

    if (st)
        drop_table(take_table, take_settings);
    return st;
}

void tdl_trainer_read(tdl_trainer *trainer, tdl_training *ret)
{
    pthread_mutex_lock(&trainer->lock);
    *ret = trainer->state;
    pthread_mutex_unlock(&trainer->lock);
}

const char *tdl_training_state_name(tdl_training_state state)
{
    static const char *const names[] = {
        [TDL_TRAINING_IDLE] = "idle",
        [TDL_TRAINING_RUNNING] = "running",
        [TDL_TRAINING_DONE] = "done",
        [TDL_TRAINING_FAILED] = "failed",
    };
    return names[state];
}
