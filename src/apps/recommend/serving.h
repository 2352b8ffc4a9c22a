/* Serving state of the recommender: what the files of this folder share behind the app table.
 *
 * Two things change while decisions run. Catalogue, histories and live state change with every
 * event, under one read-write lock that is held for microseconds. The model changes with a training
 * run: it is immutable, counted, and swapped as one pointer, so a decision keeps what it took.
 */
#ifndef TDL_APPS_RECOMMEND_SERVING_H
#define TDL_APPS_RECOMMEND_SERVING_H

#include <pthread.h>
#include <stdatomic.h>

#include "apps/recommend/catalogue.h"
#include "apps/recommend/history.h"
#include "apps/recommend/kept.h"
#include "apps/recommend/live_state.h"
#include "apps/recommend/snapshot.h"
#include "apps/recommend/surface.h"

/* Of `kept` below: at most 64 MiB. */
enum { TDL_KEPT_PLACES = 16384, TDL_KEPT_BYTES = 4096 };

/* A snapshot, and its item numbers in the catalogue and back. */
typedef struct tdl_serving {
    atomic_int references;
    tdl_snapshot *snapshot;
    int32_t *to_catalogue;               /* [snapshot->items_n] */
    int32_t *to_model;                   /* [catalogue_n], -1 = not in the snapshot */
    tdl_content_weights content_weights; /* for likeness of what items say */
    tdl_kept *kept;                      /* tastes and vectors of who asked lately */
    size_t catalogue_n;                  /* items that came later are not in the snapshot either */
} tdl_serving;

struct tdl_app {
    tdl_app_context context;
    pthread_rwlock_t lock; /* of catalogue, histories and live; writers go first */
    tdl_catalogue *catalogue;
    tdl_histories *histories;
    tdl_live_state *live;          /* what learns with every event */
    char segment[TDL_SEGMENT_MAX]; /* the trait by which people are parted (segments.c) */
    size_t segment_len;            /* 0 = none */
    tdl_surfaces *surfaces;
    pthread_mutex_t serving_lock;     /* of the pointer below, held for a few instructions */
    tdl_serving *serving;             /* NULL: no model yet */
    atomic_int_fast64_t replayed_seq; /* events up to here were stored before opening */
};

/* What serves now; NULL when no model does. Drop it after use. */
tdl_serving *tdl_serving_take(tdl_app *app);
void tdl_serving_drop(tdl_serving *serving); /* accepts NULL */

/* A person was erased: models let go of what they kept of those who asked. */
void tdl_serving_forget(tdl_app *app);

/* Read a version's file and let it serve. On failure the former one serves on. */
tdl_status tdl_serving_load(tdl_app *app, const tdl_model_row *row, tdl_report *why);

/* tdl_app_ops.refresh: load the registry's active version unless it serves already. */
tdl_status tdl_serving_refresh(tdl_app *app, tdl_report *why);

/* In segments.c. People are parted by the trait that the surfaces name now: read it of everybody if
 * it is another. Without the lock. */
tdl_status tdl_segments_follow(tdl_app *app, tdl_report *why);
/* Under the writers' lock: an event says what a person is. */
void tdl_segments_learn(tdl_app *app, const tdl_event *event);

/* In surface_rungs.c. Are the rungs that a policy names in the model that serves? Without a model
 * any that there are may be named. TDL_E_INVALID says what there is. */
tdl_status tdl_rungs_check(tdl_app *app, tdl_surface_kind kind, const tdl_policy *policy,
                           tdl_report *why);

/* tdl_app_ops.decide, in surface_answer.c */
tdl_status tdl_recommend_decide(tdl_app *app, const tdl_ask *ask, tdl_arena *arena,
                                tdl_decision *ret, tdl_jw *extra, tdl_report *why);

/* tdl_app_ops.train and .evaluate, in train.c */
tdl_status tdl_recommend_train(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                               tdl_report *why);
tdl_status tdl_recommend_evaluate(tdl_app *app, const tdl_train_options *options,
                                  tdl_buf *ret_report, tdl_report *why);

#endif
