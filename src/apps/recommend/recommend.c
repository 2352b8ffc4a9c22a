/* The recommender as an app: its life cycle, learning per event, and its table of functions. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/recommend/impressions.h"
#include "apps/recommend/reasons.h"
#include "apps/recommend/serving.h"
#include "apps/recommend/shown.h"
#include "apps/recommend/taken.h"
#include "base/timestamp.h"

/* Of one person whose history is read anew. */
enum { REREAD_EVENTS = 20000, REREAD_BYTES = 256 << 20 };

static void learn_item(tdl_app *app, const tdl_event *event, const tdl_taken *taken, tdl_str id,
                       int64_t now_us)
{
    int32_t item = tdl_catalogue_add(app->catalogue, id);

    if (item >= 0 && tdl_histories_add(app->histories, event->user, item, event->time_us))
        tdl_catalogue_take(app->catalogue, item);
    int32_t person = tdl_histories_person(app->histories, event->user);
    if (item < 0 || person < 0)
        return;
    if (taken->robot)
        tdl_live_state_leave_out(app->live, person);
    tdl_live_state_take(app->live, &(tdl_taking){.person = person,
                                                 .item = item,
                                                 .time_us = event->time_us,
                                                 .order = tdl_order_digest(taken->order),
                                                 .kind = event->kind,
                                                 .now_us = now_us});
}

static void learn(tdl_app *app, const tdl_event *event)
{
    tdl_taken taken;

    tdl_taken_read(event, &taken);
    if (taken.items_n || event->traits.len || event->traits_once.len) {
        int64_t now_us = tdl_time_now();
        pthread_rwlock_wrlock(&app->lock);
        tdl_segments_learn(app, event);
        for (size_t i = 0; i < taken.items_n; i++)
            learn_item(app, event, &taken, tdl_taken_item(&taken, i), now_us);
        pthread_rwlock_unlock(&app->lock);
    }
    tdl_taken_release(&taken);
}

/* Of a store that others write to, events may come between the replay and the first call here. */
static void recommend_learn_one(tdl_app *app, const tdl_event *event, int64_t seq)
{
    if (seq > app->replayed_seq)
        learn(app, event);
}

static void count_once(void *context, int32_t item)
{
    tdl_catalogue_give_back(context, item);
}

static void recommend_joined(tdl_app *app, tdl_str person, tdl_str id)
{
    pthread_rwlock_wrlock(&app->lock);
    tdl_histories_join(app->histories, person, id, count_once, app->catalogue);
    pthread_rwlock_unlock(&app->lock);
}

/* All events of a person, in an arena of their own. */
static tdl_status read_events(tdl_app *app, tdl_str person, tdl_arena **ret_arena, tdl_event **ret,
                              size_t *ret_n, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(REREAD_BYTES);
    tdl_status st = arena ? tdl_store_user_events(app->context.store, person, REREAD_EVENTS, arena,
                                                  ret, ret_n, why)
                          : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a person's events");

    if (st) {
        tdl_arena_free(arena);
        return st;
    }
    *ret_arena = arena;
    return TDL_OK;
}

/* Its ids stand for it, and for nobody else, with no history. */
static tdl_status part(tdl_app *app, tdl_str person, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(REREAD_BYTES);
    tdl_person_id *ids;
    size_t n;
    tdl_status st = arena ? tdl_store_person_ids(app->context.store, person, arena, &ids, &n, why)
                          : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a person's ids");

    pthread_rwlock_wrlock(&app->lock);
    for (size_t i = 0; !st && i < n; i++)
        if (!tdl_histories_part(app->histories, ids[i].id, count_once, app->catalogue) ||
            !tdl_histories_join(app->histories, person, ids[i].id, count_once, app->catalogue))
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a person's history");
    pthread_rwlock_unlock(&app->lock);
    tdl_arena_free(arena);
    return st;
}

/* What comes in meanwhile is learned too: an event that is learned twice changes nothing. */
static tdl_status recommend_parted(tdl_app *app, tdl_str person, tdl_report *why)
{
    tdl_arena *arena;
    tdl_event *events;
    size_t n;
    tdl_status st;

    if ((st = part(app, person, why)) || (st = read_events(app, person, &arena, &events, &n, why)))
        return st;
    while (n-- > 0) // oldest first
        learn(app, &events[n]);
    tdl_arena_free(arena);
    return TDL_OK;
}

/* In stretches, because looking at an id is a hash and nobody is answered meanwhile. */
static void recommend_forgot(tdl_app *app, tdl_is_gone *is_gone, void *context)
{
    int32_t from = 0;
    bool more = true;

    while (more) {
        pthread_rwlock_wrlock(&app->lock);
        app->replayed_seq = 0; // numbers of events that went are given again
        more = tdl_histories_forget(app->histories, &from, is_gone, context, count_once,
                                    app->catalogue);
        pthread_rwlock_unlock(&app->lock);
    }
    tdl_serving_forget(app);
}

/* Its code is made before the lock is taken: a picture may have to be read. */
static void recommend_item_changed(tdl_app *app, const tdl_item *item)
{
    char images[PATH_MAX];
    tdl_content_code code;

    snprintf(images, sizeof images, "%s/images", app->context.data_dir);
    tdl_content_encode(item->title, item->attributes, images, &code);
    pthread_rwlock_wrlock(&app->lock);
    int32_t number = tdl_catalogue_add(app->catalogue, item->id);
    if (number >= 0) {
        tdl_catalogue_set_title(app->catalogue, number, item->title);
        tdl_catalogue_describe(app->catalogue, number, item->attributes);
        tdl_content_put(tdl_catalogue_content(app->catalogue), number, &code);
    }
    pthread_rwlock_unlock(&app->lock);
}

static void replay_item(void *context, const tdl_item *item)
{
    recommend_item_changed(context, item);
}

static void replay_alias(void *context, tdl_str alias, tdl_str person)
{
    recommend_joined(context, person, alias);
}

/* Serving state is nothing but the sum of what is stored. */
static tdl_status replay(tdl_app *app, tdl_report *why)
{
    tdl_scan *scan = NULL;
    tdl_event event;
    int64_t seq = 0;
    bool more = true;
    tdl_status st = tdl_store_each_item(app->context.store, replay_item, app, why);

    if (!st)
        st = tdl_store_each_alias(app->context.store, replay_alias, app, why);
    if (st || (st = tdl_scan_open(app->context.store, 0, 0, &scan, why)))
        return st;
    while (!(st = tdl_scan_next(scan, &event, &seq, &more, why)) && more) {
        learn(app, &event);
        app->replayed_seq = seq > app->replayed_seq ? seq : app->replayed_seq;
    }
    tdl_scan_close(scan);
    return st;
}

static tdl_status recommend_explain(tdl_app *app, const tdl_decision *decision, tdl_jw *out,
                                    tdl_report *why)
{
    pthread_rwlock_rdlock(&app->lock);
    tdl_status st = tdl_reasons_write(decision, app->catalogue, out, why);
    pthread_rwlock_unlock(&app->lock);
    return st;
}

static void recommend_close(tdl_app *app)
{
    if (!app)
        return;
    tdl_serving_drop(app->serving);
    tdl_surfaces_free(app->surfaces);
    tdl_histories_free(app->histories);
    tdl_live_state_free(app->live);
    tdl_catalogue_free(app->catalogue);
    pthread_mutex_destroy(&app->serving_lock);
    pthread_rwlock_destroy(&app->lock);
    free(app);
}

static tdl_app *new_app(const tdl_app_context *context)
{
    tdl_app *app = calloc(1, sizeof *app);
    pthread_rwlockattr_t attributes;

    if (!app)
        return NULL;
    app->context = *context;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&app->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&app->serving_lock, NULL);
    app->catalogue = tdl_catalogue_new();
    app->histories = app->catalogue ? tdl_histories_new(app->catalogue) : NULL;
    app->live = tdl_live_state_new();
    app->surfaces = tdl_surfaces_new();
    if (!app->catalogue || !app->histories || !app->live || !app->surfaces) {
        recommend_close(app);
        return NULL;
    }
    tdl_histories_follow(app->histories, app->live);
    return app;
}

static tdl_status recommend_open(const tdl_app_context *context, tdl_app **ret,
                                 tdl_report *ret_warning, tdl_report *why)
{
    tdl_app *app = new_app(context);
    tdl_status st;

    if (!app)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the recommender");
    // the model first: it says how events are counted
    if (tdl_serving_refresh(app, ret_warning))
        tdl_report_prefix(ret_warning, "answering by popularity alone");
    if ((st = replay(app, why)) ||
        (st = tdl_surfaces_load(app->surfaces, context->store, ret_warning, why)) ||
        (st = tdl_impressions_count(app, why)) || (st = tdl_segments_follow(app, why))) {
        recommend_close(app);
        return st;
    }
    *ret = app;
    return TDL_OK;
}

static tdl_status recommend_refresh(tdl_app *app, tdl_report *why)
{
    tdl_status st = tdl_surfaces_load(app->surfaces, app->context.store, NULL, why);
    tdl_status model = tdl_serving_refresh(app, why);

    if (!st)
        st = tdl_segments_follow(app, why);
    return st ? st : model;
}

/* Rungs that the model does not have cannot be asked. What is wrong else is told when it is put. */
static tdl_status check_rungs(tdl_app *app, tdl_str name, const json_t *document, tdl_report *why)
{
    tdl_surface *now = NULL, *draft = NULL;
    tdl_surface_kind kind = TDL_SURFACE_HOME;
    tdl_str kind_name = {0};
    tdl_status st = TDL_OK;

    if (!tdl_surfaces_take(app->surfaces, name, &now, NULL))
        kind = now->kind;
    else if (tdl_json_get_str(document, "kind", &kind_name))
        tdl_surface_kind_parse(kind_name, &kind);
    tdl_surface_drop(now);
    pthread_rwlock_rdlock(&app->lock);
    tdl_surface_draft(name, kind, json_object_get(document, "policy"),
                      tdl_catalogue_attributes(app->catalogue), &draft, NULL);
    pthread_rwlock_unlock(&app->lock);
    if (draft)
        st = tdl_rungs_check(app, kind, draft->policy, why);
    tdl_surface_drop(draft);
    return st;
}

static tdl_status recommend_settings(tdl_app *app, tdl_str name, const json_t *document,
                                     tdl_jw *out, tdl_report *why)
{
    tdl_surface *surface = NULL;
    tdl_status st = TDL_OK;

    if (!name.len) {
        tdl_surfaces_write(app->surfaces, out);
        return TDL_OK;
    }
    if (document && !(st = check_rungs(app, name, document, why)))
        st = tdl_surfaces_put(app->surfaces, app->context.store, name, document, app->catalogue,
                              &app->lock, why);
    if (!st && document)
        st = tdl_segments_follow(app, why);
    if (!st && !(st = tdl_surfaces_take(app->surfaces, name, &surface, why)))
        tdl_surface_write(surface, out);
    tdl_surface_drop(surface);
    return st;
}

static tdl_status recommend_item_known(tdl_app *app, tdl_str id, tdl_jw *out, tdl_report *why)
{
    tdl_serving *serving = tdl_serving_take(app);
    tdl_status st = TDL_OK;

    pthread_rwlock_rdlock(&app->lock);
    int32_t item = tdl_catalogue_find(app->catalogue, id);
    if (item < 0) {
        st = TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no item \"%.*s\"", TDL_FMT(id));
        goto out;
    }
    tdl_jw_kint(out, "users", (int64_t)tdl_catalogue_users(app->catalogue)[item]);
    tdl_jw_kint(out, "impressions", (int64_t)tdl_catalogue_impressions(app->catalogue, item));
    tdl_jw_key(out, "model");
    if (serving)
        tdl_jw_str(out, serving->snapshot->version);
    else
        tdl_jw_null(out);
    tdl_jw_kbool(out, "in_model",
                 serving && (size_t)item < serving->catalogue_n && serving->to_model[item] >= 0);
    tdl_jw_key(out, "surfaces");
    if (!tdl_surfaces_write_item(app->surfaces, app->catalogue, item, tdl_time_now(), out))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to look at an item");
out:
    pthread_rwlock_unlock(&app->lock);
    tdl_serving_drop(serving);
    return st;
}

const tdl_app_ops tdl_recommend_app = {
    .name = "recommend",
    .open = recommend_open,
    .close = recommend_close,
    .train = tdl_recommend_train,
    .evaluate = tdl_recommend_evaluate,
    .learn_one = recommend_learn_one,
    .joined = recommend_joined,
    .parted = recommend_parted,
    .forgot = recommend_forgot,
    .decide = tdl_recommend_decide,
    .explain = recommend_explain,
    .refresh = recommend_refresh,
    .settings = recommend_settings,
    .item_changed = recommend_item_changed,
    .shown = tdl_recommend_shown,
    .item_known = recommend_item_known,
};
