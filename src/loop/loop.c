#include "loop/loop.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "loop/apps.h"
#include "loop/consent.h"
#include "loop/erase.h"
#include "loop/flags.h"
#include "loop/lock.h"
#include "loop/rate.h"
#include "loop/retention.h"
#include "loop/trainer.h"

/* Every job there is. A new one is its folder and its line here. */
static const tdl_app_ops *const app_table[] = {
    &tdl_recommend_app,
    &tdl_predict_app,
};
enum { APPS_N = sizeof app_table / sizeof app_table[0] };

struct tdl_loop {
    char data_dir[PATH_MAX];
    int lock_fd; /* -1 when the folder is not held */
    tdl_store *store;
    tdl_trainer *trainer;
    size_t square_bytes_max; /* of its trainings */
    tdl_app *app[APPS_N];
    tdl_loop_flags *flags;
    tdl_loop_consents *consents;
    tdl_loop_retention *retention; /* NULL: this process does not */
    tdl_loop_erased *erased;
    tdl_rate rate;
    pthread_mutex_t training; /* train and evaluate one at a time */
    int64_t data_version;     /* last one seen by tick */
    int64_t items_position;   /* of the items put by other processes */
    pthread_mutex_t parting;  /* of the next */
    int64_t splits_position;  /* of the persons parted */
    pthread_mutex_t watching; /* of the next two */
    tdl_store_observer *watcher;
    void *watcher_context;
};

/* Index into app_table, or APPS_N with a report. */
static size_t find_app(tdl_str name, tdl_report *why)
{
    for (size_t i = 0; i < APPS_N; i++) {
        size_t n = strlen(app_table[i]->name);
        if (tdl_str_starts(name, tdl_str_of(app_table[i]->name)) &&
            (name.len == n || name.at[n] == '/'))
            return i;
    }
    TDL_FAIL(why, TDL_E_NOT_FOUND, "no app is called \"%.*s\"", TDL_FMT(name));
    return APPS_N;
}

tdl_app *tdl_loop_app(tdl_loop *loop, tdl_str name, const tdl_app_ops **ret_ops, tdl_report *why)
{
    size_t i = find_app(name, why);

    if (i == APPS_N)
        return NULL;
    *ret_ops = app_table[i];
    return loop->app[i];
}

tdl_trainer *tdl_loop_trainer(tdl_loop *loop)
{
    return loop->trainer;
}

/* Whether the two are one now is the store's to say: it may have refused. */
static void tell_of_join(tdl_loop *loop, const tdl_event *event)
{
    tdl_arena *arena = tdl_arena_new(4 * TDL_ID_MAX);
    tdl_str person = {0}, other = {0};

    if (arena && !tdl_store_person(loop->store, event->user, arena, &person, NULL) &&
        !tdl_store_person(loop->store, event->alias, arena, &other, NULL) &&
        tdl_str_eq(person, other))
        for (size_t i = 0; i < APPS_N; i++) {
            app_table[i]->joined(loop->app[i], person, event->user);
            app_table[i]->joined(loop->app[i], person, event->alias);
        }
    tdl_arena_free(arena);
}

/* ---- persons parted ---- */

typedef struct parting {
    tdl_loop *loop;
    tdl_status status;
    tdl_report *why;
} parting;

/* What was joined last is taken out first: the other one's history may still lie with it. */
static void tell_of_parting(void *context, tdl_str person, tdl_str other)
{
    parting *p = context;
    const tdl_str ids[] = {other, person};
    tdl_arena *arena = tdl_arena_new(4 * TDL_ID_MAX);

    for (size_t i = 0; arena && i < 2; i++) {
        tdl_str now = {0};
        tdl_status st = tdl_store_person(p->loop->store, ids[i], arena, &now, p->why);
        for (size_t app = 0; !st && app < APPS_N; app++)
            st = app_table[app]->parted(p->loop->app[app], now, p->why);
        p->status = p->status ? p->status : st;
    }
    tdl_arena_free(arena);
}

/* By whomever: the command line, another server. */
static tdl_status follow_partings(tdl_loop *loop, tdl_report *why)
{
    parting p = {.loop = loop, .why = why};

    pthread_mutex_lock(&loop->parting);
    tdl_status st = tdl_store_splits(loop->store, &loop->splits_position, tell_of_parting, &p, why);
    pthread_mutex_unlock(&loop->parting);
    return st ? st : p.status;
}

tdl_status tdl_loop_split(tdl_loop *loop, tdl_str id, tdl_arena *arena, tdl_str *ret_person,
                          tdl_report *why)
{
    tdl_status st = tdl_store_split(loop->store, id, arena, ret_person, why);

    return st ? st : follow_partings(loop, why);
}

/* A failure is made good by the next tick, which looks at all words that are new to it. */
static void learn(void *context, const tdl_event *event, int64_t seq)
{
    tdl_loop *loop = context;

    if (event->grants || event->denies || event->alias.len)
        tdl_loop_consents_look(loop->consents, event->user, NULL);
    if (seq < 0)
        return;
    if (event->alias.len)
        tell_of_join(loop, event);
    for (size_t i = 0; i < APPS_N; i++)
        app_table[i]->learn_one(loop->app[i], event, seq);
    tdl_rate_add(&loop->rate, tdl_time_monotonic(), 1);
    pthread_mutex_lock(&loop->watching);
    if (loop->watcher)
        loop->watcher(loop->watcher_context, event, seq);
    pthread_mutex_unlock(&loop->watching);
}

void tdl_loop_watch(tdl_loop *loop, tdl_store_observer *watcher, void *context)
{
    pthread_mutex_lock(&loop->watching);
    loop->watcher = watcher;
    loop->watcher_context = context;
    pthread_mutex_unlock(&loop->watching);
}

static tdl_status train_in_background(void *context, const char *app,
                                      const tdl_train_options *options, tdl_report *why)
{
    const tdl_loop *loop = context;
    tdl_train_options own = *options;
    tdl_buf report = {0};

    own.square_bytes_max = loop->square_bytes_max;
    tdl_status st = tdl_loop_train(context, app, &own, &report, why);

    tdl_buf_release(&report); // also stored in the model's row
    return st;
}

static tdl_status open_folder(tdl_loop *loop, const tdl_loop_options *options, tdl_report *why)
{
    char models[PATH_MAX];
    tdl_status st;

    if (strlen(options->data_dir) + sizeof "/treadle.lock" > sizeof loop->data_dir)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", options->data_dir);
    strcpy(loop->data_dir, options->data_dir);
    if (!options->must_exist) {
        snprintf(models, sizeof models, "%.*s/models", (int)sizeof models - 8, loop->data_dir);
        if ((st = tdl_file_make_dir(models, why)))
            return st;
    }
    return options->exclusive ? tdl_lock_take(loop->data_dir, &loop->lock_fd, why) : TDL_OK;
}

static tdl_status open_store(tdl_loop *loop, const tdl_loop_options *options, tdl_report *why)
{
    char url[PATH_MAX + 32];
    tdl_store_options store_options = {.must_exist = options->must_exist,
                                       .actor = options->actor,
                                       .files_dir = loop->data_dir,
                                       .master_key_file = options->master_key_file};

    snprintf(url, sizeof url, "sqlite:%s/treadle.db", loop->data_dir);
    tdl_status st =
        tdl_store_open(options->store ? options->store : url, &store_options, &loop->store, why);
    if (st)
        return st;
    // Before anything is read: what changes meanwhile is looked at twice.
    loop->data_version = tdl_store_data_version(loop->store);
    loop->items_position = -1;
    st = tdl_store_changed_items(loop->store, &loop->items_position, NULL, NULL, why);
    return st ? st : tdl_store_splits(loop->store, &loop->splits_position, NULL, NULL, why);
}

static tdl_status open_apps(tdl_loop *loop, tdl_report *ret_warning, tdl_report *why)
{
    tdl_app_context context = {
        .store = loop->store, .data_dir = loop->data_dir, .pool = tdl_trainer_pool(loop->trainer)};

    for (size_t i = 0; i < APPS_N; i++) {
        tdl_status st = app_table[i]->open(&context, &loop->app[i], ret_warning, why);
        if (st)
            return st;
    }
    tdl_store_observe(loop->store, learn, loop);
    return TDL_OK;
}

tdl_status tdl_loop_open(const tdl_loop_options *options, tdl_loop **ret, tdl_report *ret_warning,
                         tdl_report *why)
{
    tdl_status st;
    tdl_loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot open %s: out of memory", options->data_dir);
    loop->lock_fd = -1;
    tdl_rate_init(&loop->rate);
    pthread_mutex_init(&loop->training, NULL);
    pthread_mutex_init(&loop->parting, NULL);
    pthread_mutex_init(&loop->watching, NULL);
    if ((st = open_folder(loop, options, why)))
        goto out;
    if ((st = open_store(loop, options, why)))
        goto out;
    loop->square_bytes_max = options->square_bytes_max;
    loop->trainer = tdl_trainer_new(options->threads, train_in_background, loop);
    if (!loop->trainer) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "cannot start the training thread");
        goto out;
    }
    if ((st = tdl_loop_flags_open(loop->store, &loop->flags, ret_warning, why)) ||
        (st = tdl_loop_consents_open(loop->store, &loop->consents, why)) ||
        (st = tdl_loop_erased_open(loop->store, &loop->erased, why)))
        goto out;
    if (options->tell_stage)
        options->tell_stage(options->tell_context, "replaying");
    if ((st = open_apps(loop, ret_warning, why)))
        goto out;
    if (options->retain && (st = tdl_loop_retention_start(loop->store, options->retain_minutes,
                                                          &loop->retention, why)))
        goto out;
    *ret = loop;
    loop = NULL; /* the caller's now */
out:
    tdl_loop_close(loop);
    return st;
}

void tdl_loop_close(tdl_loop *loop)
{
    if (!loop)
        return;
    tdl_trainer *trainer = loop->trainer;
    tdl_loop_retention_stop(loop->retention);
    if (trainer)
        tdl_trainer_stop(trainer);
    if (loop->store) {
        tdl_store_flush(loop->store);
        tdl_store_observe(loop->store, NULL, NULL); // apps are about to go
    }
    for (size_t i = 0; i < APPS_N; i++)
        app_table[i]->close(loop->app[i]);
    tdl_trainer_free(trainer);
    tdl_loop_flags_close(loop->flags);
    tdl_loop_consents_close(loop->consents);
    tdl_loop_erased_close(loop->erased);
    tdl_store_close(loop->store);
    tdl_lock_release(loop->lock_fd);
    tdl_rate_release(&loop->rate);
    pthread_mutex_destroy(&loop->training);
    pthread_mutex_destroy(&loop->parting);
    pthread_mutex_destroy(&loop->watching);
    free(loop);
}

tdl_store *tdl_loop_store(tdl_loop *loop)
{
    return loop->store;
}

tdl_loop_flags *tdl_loop_flags_of(tdl_loop *loop)
{
    return loop->flags;
}

tdl_loop_consents *tdl_loop_consents_of(tdl_loop *loop)
{
    return loop->consents;
}

tdl_loop_retention *tdl_loop_retention_of(tdl_loop *loop)
{
    return loop->retention;
}

tdl_loop_erased *tdl_loop_erased_of(tdl_loop *loop)
{
    return loop->erased;
}

void tdl_loop_forget(tdl_loop *loop, tdl_is_gone *is_gone, void *context)
{
    for (size_t i = 0; i < APPS_N; i++)
        app_table[i]->forgot(loop->app[i], is_gone, context);
}

void tdl_loop_learn_again(tdl_loop *loop, const tdl_event *event)
{
    for (size_t i = 0; i < APPS_N; i++)
        app_table[i]->learn_one(loop->app[i], event, INT64_MAX);
}

const char *tdl_loop_data_dir(const tdl_loop *loop)
{
    return loop->data_dir;
}

static void tell_of_item(void *context, const tdl_item *item)
{
    tdl_loop *loop = context;

    for (size_t i = 0; i < APPS_N; i++)
        app_table[i]->item_changed(loop->app[i], item);
}

tdl_status tdl_loop_put_items(tdl_loop *loop, const tdl_item *items, size_t items_n,
                              tdl_report *why)
{
    tdl_status st = tdl_store_put_items(loop->store, items, items_n, why);

    if (st)
        return st;
    for (size_t i = 0; i < items_n; i++)
        tell_of_item(loop, &items[i]);
    return TDL_OK;
}

tdl_status tdl_loop_decide(tdl_loop *loop, const char *app, const tdl_ask *ask, tdl_arena *arena,
                           tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    tdl_decision decision = {.time_us = ask->time_us};
    tdl_ask asked = *ask;
    size_t i = find_app(tdl_str_of(app), why);
    tdl_status st;

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    tdl_uuid7(decision.id);
    decision.app = tdl_str_of(app_table[i]->name);
    asked.impersonal =
        tdl_loop_consents_deny(loop->consents, ask->user, TDL_PURPOSE_PERSONALISATION);
    if ((st = app_table[i]->decide(loop->app[i], &asked, arena, &decision, extra, why)))
        return st;
    bool answered = !ask->preview && !(ask->ret_must_wait && *ask->ret_must_wait);
    if (answered && (st = tdl_store_log_decision(loop->store, &decision, why)))
        return st;
    *ret = decision;
    return TDL_OK;
}

tdl_status tdl_loop_settings(tdl_loop *loop, const char *app, tdl_str name, const json_t *document,
                             tdl_jw *out, tdl_report *why)
{
    size_t i = find_app(tdl_str_of(app), why);

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    if (!app_table[i]->settings)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is nothing to set of app \"%s\"", app);
    return app_table[i]->settings(loop->app[i], name, document, out, why);
}

tdl_status tdl_loop_shown(tdl_loop *loop, const char *app, const tdl_shown_ask *ask, tdl_jw *out,
                          tdl_report *why)
{
    size_t i = find_app(tdl_str_of(app), why);

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    if (!app_table[i]->shown)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "app \"%s\" shows nothing", app);
    return app_table[i]->shown(loop->app[i], ask, out, why);
}

tdl_status tdl_loop_item_known(tdl_loop *loop, const char *app, tdl_str item, tdl_jw *out,
                               tdl_report *why)
{
    size_t i = find_app(tdl_str_of(app), why);

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    if (!app_table[i]->item_known)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "app \"%s\" knows no items", app);
    return app_table[i]->item_known(loop->app[i], item, out, why);
}

tdl_status tdl_loop_explain(tdl_loop *loop, const tdl_decision *decision, tdl_jw *out,
                            tdl_report *why)
{
    if (tdl_str_is(decision->app, "flag")) { // the loop's own, flags.c
        tdl_jw_raw(out, decision->why);
        return TDL_OK;
    }
    size_t i = find_app(decision->app, why);
    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    return app_table[i]->explain(loop->app[i], decision, out, why);
}

tdl_status tdl_loop_train(tdl_loop *loop, const char *app, const tdl_train_options *options,
                          tdl_buf *ret_report, tdl_report *why)
{
    size_t i = find_app(tdl_str_of(app), why);

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    pthread_mutex_lock(&loop->training);
    tdl_status st = app_table[i]->train(loop->app[i], options, ret_report, why);
    pthread_mutex_unlock(&loop->training);
    return st;
}

tdl_status tdl_loop_evaluate(tdl_loop *loop, const char *app, const tdl_train_options *options,
                             tdl_buf *ret_report, tdl_report *why)
{
    size_t i = find_app(tdl_str_of(app), why);

    if (i == APPS_N)
        return TDL_E_NOT_FOUND;
    pthread_mutex_lock(&loop->training);
    tdl_status st = app_table[i]->evaluate(loop->app[i], options, ret_report, why);
    pthread_mutex_unlock(&loop->training);
    return st;
}

tdl_status tdl_loop_train_start(tdl_loop *loop, const char *app, uint64_t seed, tdl_report *why)
{
    if (find_app(tdl_str_of(app), why) == APPS_N)
        return TDL_E_NOT_FOUND;
    return tdl_trainer_start(loop->trainer, app, seed, why);
}

void tdl_loop_training(tdl_loop *loop, tdl_training *ret)
{
    tdl_trainer_read(loop->trainer, ret);
}

void tdl_loop_event_rate(tdl_loop *loop, uint32_t ret[TDL_RATE_SECONDS])
{
    tdl_rate_read(&loop->rate, tdl_time_monotonic(), ret);
}

tdl_status tdl_loop_activate_model(tdl_loop *loop, tdl_str version, tdl_report *why)
{
    tdl_status st = tdl_store_activate_model(loop->store, version, why);

    for (size_t i = 0; !st && i < APPS_N; i++)
        st = app_table[i]->refresh(loop->app[i], why);
    return st;
}

tdl_status tdl_loop_tick(tdl_loop *loop, tdl_report *why)
{
    int64_t data_version = tdl_store_data_version(loop->store);
    tdl_status st = tdl_store_finish_erasures(loop->store, why);

    st = st == TDL_E_FULL ? TDL_OK : st; // somebody still reads what is gone: the next time
    if (data_version == loop->data_version)
        return st;
    loop->data_version = data_version;
    if (!st)
        st = tdl_loop_flags_refresh(loop->flags, NULL, why);
    if (!st)
        st = tdl_loop_consents_refresh(loop->consents, why);
    if (!st)
        st = tdl_loop_erased_refresh(loop, why);
    if (!st)
        st = tdl_store_changed_items(loop->store, &loop->items_position, tell_of_item, loop, why);
    if (!st)
        st = follow_partings(loop, why);
    for (size_t i = 0; i < APPS_N; i++) {
        tdl_status one = app_table[i]->refresh(loop->app[i], why);
        st = st ? st : one;
    }
    return st;
}
