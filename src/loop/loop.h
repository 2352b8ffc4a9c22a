/* The loop: events in, decisions out, everything logged, models trained beside it.
 *
 * Life cycle   tdl_loop_open -> submit / decide / train ... -> tdl_loop_close
 * Threads      every function from any thread
 * Invariant    no answer leaves tdl_loop_decide before its decision row is in the store's queue;
 *              an event whose submission succeeded is visible in the next answer
 */
#ifndef TDL_LOOP_LOOP_H
#define TDL_LOOP_LOOP_H

#include "apps/app.h"

typedef struct tdl_loop tdl_loop;

typedef struct tdl_loop_options {
    const char *data_dir;        /* made when missing, unless must_exist */
    const char *store;           /* URL of a store of its own; NULL: sqlite in the data folder */
    const char *actor;           /* see tdl_store_options */
    const char *master_key_file; /* see tdl_store_options; NULL: a new store is plain */
    bool must_exist;
    bool exclusive; /* take the folder's lock: whoever keeps serving state or imports does */
    size_t square_bytes_max; /* of trainings beside serving; see tdl_train_options */
    unsigned threads;        /* of the training pool; 0 = TREADLE_THREADS or all cores */
    bool retain;             /* remove old rows each day (loop/retention.h) at */
    int retain_minutes;      /* since midnight, by the local clock */
    /* told what takes its time: "replaying" once the store is open, and migrated; may be NULL */
    void (*tell_stage)(void *context, const char *stage);
    void *tell_context;
} tdl_loop_options;

/* Opens the store (data_dir/treadle.db unless named) and every app. ret_warning (may be NULL):
 * something is missing or damaged but the loop serves without it; status TDL_OK when all is well.
 * TDL_E_CONFLICT: another process holds the folder (the report names its process id). */
tdl_status tdl_loop_open(const tdl_loop_options *options, tdl_loop **ret, tdl_report *ret_warning,
                         tdl_report *why);
void tdl_loop_close(tdl_loop *loop); /* stops training, flushes, closes; accepts NULL */

tdl_store *tdl_loop_store(tdl_loop *loop);
const char *tdl_loop_data_dir(const tdl_loop *loop);

/* Put items into the catalogue and tell the apps. */
tdl_status tdl_loop_put_items(tdl_loop *loop, const tdl_item *items, size_t items_n,
                              tdl_report *why);

/* Part a person, as tdl_store_split, and tell the apps. */
tdl_status tdl_loop_split(tdl_loop *loop, tdl_str id, tdl_arena *arena, tdl_str *ret_person,
                          tdl_report *why);

/* One decision of one app: asked, logged, answered. ret lives in `arena`. `extra` as in app.h. */
tdl_status tdl_loop_decide(tdl_loop *loop, const char *app, const tdl_ask *ask, tdl_arena *arena,
                           tdl_decision *ret, tdl_jw *extra, tdl_report *why);

/* See tdl_app_ops.settings. */
tdl_status tdl_loop_settings(tdl_loop *loop, const char *app, tdl_str name, const json_t *document,
                             tdl_jw *out, tdl_report *why);

/* See tdl_app_ops.shown and .item_known. */
tdl_status tdl_loop_shown(tdl_loop *loop, const char *app, const tdl_shown_ask *ask, tdl_jw *out,
                          tdl_report *why);
tdl_status tdl_loop_item_known(tdl_loop *loop, const char *app, tdl_str item, tdl_jw *out,
                               tdl_report *why);

/* The reasons of a stored decision in full, one JSON value into `out`; see tdl_app_ops.explain.
 * TDL_E_NOT_FOUND: of an app that is not here. */
tdl_status tdl_loop_explain(tdl_loop *loop, const tdl_decision *decision, tdl_jw *out,
                            tdl_report *why);

/* Train in the foreground; see tdl_app_ops.train and .evaluate. */
tdl_status tdl_loop_train(tdl_loop *loop, const char *app, const tdl_train_options *options,
                          tdl_buf *ret_report, tdl_report *why);
tdl_status tdl_loop_evaluate(tdl_loop *loop, const char *app, const tdl_train_options *options,
                             tdl_buf *ret_report, tdl_report *why);

/* Train on the trainer's own thread at low priority. TDL_E_CONFLICT when it is busy. */
tdl_status tdl_loop_train_start(tdl_loop *loop, const char *app, uint64_t seed, tdl_report *why);

typedef enum tdl_training_state {
    TDL_TRAINING_IDLE,    /* never started */
    TDL_TRAINING_RUNNING, /* */
    TDL_TRAINING_DONE,    /* the last one succeeded */
    TDL_TRAINING_FAILED   /* `why` says why; the former model serves on */
} tdl_training_state;

typedef struct tdl_training {
    tdl_training_state state;
    char app[32], stage[64], detail[128];
    double done;                     /* [0, 1] */
    int64_t started_us, finished_us; /* 0 = not yet */
    tdl_report why;
} tdl_training;
void tdl_loop_training(tdl_loop *loop, tdl_training *ret);
const char *tdl_training_state_name(tdl_training_state state); /* "idle", "running", ... */

/* Events stored in each of the last 60 whole seconds, oldest first. */
enum { TDL_RATE_SECONDS = 60 };
void tdl_loop_event_rate(tdl_loop *loop, uint32_t ret[TDL_RATE_SECONDS]);

/* Make a stored version serve. TDL_E_NOT_FOUND, or the reason why its file cannot be loaded: then
 * the former model serves on. */
tdl_status tdl_loop_activate_model(tdl_loop *loop, tdl_str version, tdl_report *why);

/* Also tell each event that is stored, as the store's observer is told, after the apps. One
 * watcher; NULL takes it off, and it is not called any more once this returned. */
void tdl_loop_watch(tdl_loop *loop, tdl_store_observer *watcher, void *context);

/* Housekeeping, called about once a second by the server: notices models that another process
 * promoted, flags and items that it put, and what persons told it on consent. One thread at a time.
 * A failure leaves the former model serving. */
tdl_status tdl_loop_tick(tdl_loop *loop, tdl_report *why);

#endif
