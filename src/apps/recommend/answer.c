/* Deciding: history and snapshot in, the best unseen items out. The hot path of the server. */
#include "apps/recommend/answer.h"

#include <math.h>
#include <string.h>

#include "apps/recommend/directed.h"
#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

/* ---- gathering; under the lock ---- */

tdl_status tdl_answer_copy_history(tdl_answer *a, tdl_report *why)
{
    tdl_history all = tdl_histories_of(a->app->histories, a->ask->user, &a->history_digest);

    a->is_persons = true;
    a->seen_n = all.n;
    a->newest = all.n > TDL_HISTORY_USED ? all.n - TDL_HISTORY_USED : 0;
    a->seen = tdl_arena_alloc(a->arena, all.n, sizeof *a->seen);
    a->newest_us = tdl_arena_alloc(a->arena, all.n - a->newest, sizeof *a->newest_us);
    if (!a->seen || !a->newest_us)
        return tdl_answer_no_memory(why);
    if (all.n) {
        memcpy(a->seen, all.item, all.n * sizeof *a->seen);
        memcpy(a->newest_us, all.time_us + a->newest, (all.n - a->newest) * sizeof *a->newest_us);
    }
    return TDL_OK;
}

/* The item that a "similar" question is about is all that must not be answered. */
static tdl_status find_item(tdl_answer *a, tdl_report *why)
{
    a->asked_item = tdl_catalogue_find(a->app->catalogue, a->ask->item);
    if (a->asked_item < 0)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no item \"%.*s\"", TDL_FMT(a->ask->item));
    a->seen = tdl_arena_alloc(a->arena, 1, sizeof *a->seen);
    a->newest_us = tdl_arena_zalloc(a->arena, 1, sizeof *a->newest_us);
    if (!a->seen || !a->newest_us)
        return tdl_answer_no_memory(why);
    a->seen[0] = a->asked_item;
    a->seen_n = 1;
    return TDL_OK;
}

static tdl_status gather(tdl_answer *a, tdl_report *why)
{
    pthread_rwlock_rdlock(&a->app->lock);
    tdl_status st = a->ask->item.len     ? find_item(a, why)
                    : a->ask->impersonal ? TDL_OK
                                         : tdl_answer_copy_history(a, why);
    a->catalogue_n = tdl_catalogue_count(a->app->catalogue);
    pthread_rwlock_unlock(&a->app->lock);
    return st;
}

/* ---- scoring; without the lock ---- */

static int32_t to_model(const tdl_answer *a, int32_t item)
{
    if (a->live_scores)
        return (size_t)item < a->catalogue_n ? item : -1;
    return (size_t)item < a->serving->catalogue_n ? a->serving->to_model[item] : -1;
}

/* What the model is shown of the history: the newest items that it knows. */
static tdl_status number_history(tdl_answer *a, tdl_report *why)
{
    size_t shown_n = a->seen_n - a->newest, n = 0;
    int32_t *item = tdl_arena_alloc(a->arena, shown_n, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(a->arena, shown_n, sizeof *time_us);

    a->history_item = tdl_arena_alloc(a->arena, shown_n, sizeof *a->history_item);
    if (!item || !time_us || !a->history_item)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < shown_n; i++) {
        int32_t number = to_model(a, a->seen[a->newest + i]);
        if (number < 0)
            continue; // came after the model was trained
        a->history_item[n] = a->seen[a->newest + i];
        time_us[n] = a->newest_us[i];
        item[n++] = number;
    }
    a->history = (tdl_history){.item = item, .time_us = time_us, .n = n};
    return TDL_OK;
}

/* Under the lock. What the person took, repeats and all, or what the question names. */
static tdl_status number_live_history(tdl_answer *a)
{
    int32_t person = tdl_histories_person(a->app->histories, a->ask->user);
    tdl_history h = {a->seen + a->newest, a->newest_us, a->seen_n - a->newest};
    tdl_status st = TDL_OK;

    if (a->is_persons && (st = tdl_live_history(a->app->live, person, a->arena, &h)))
        return st;
    size_t n = h.n < TDL_HISTORY_USED ? h.n : TDL_HISTORY_USED;
    a->history = (tdl_history){h.item + (h.n - n), h.time_us + (h.n - n), n};
    a->history_item = tdl_arena_alloc(a->arena, n, sizeof *a->history_item);
    if (!a->history_item)
        return TDL_E_NO_MEMORY;
    if (n)
        memcpy(a->history_item, a->history.item, n * sizeof *a->history_item);
    return TDL_OK;
}

static tdl_status score_live(tdl_answer *a)
{
    float *scores = tdl_arena_alloc(a->arena, a->catalogue_n, sizeof *scores);
    tdl_status st = scores ? TDL_OK : TDL_E_NO_MEMORY;

    if (!st && a->asked_item >= 0)
        tdl_live_similar(a->app->live, TDL_LIVE_STREAM, a->asked_item, scores, a->catalogue_n);
    else if (!st && !(st = number_live_history(a)))
        st = tdl_live_directed(a->app->live, TDL_LIVE_STREAM, &a->history, a->arena, scores,
                               a->catalogue_n, NULL);
    a->live_scores = st ? NULL : scores;
    return st;
}

/* Counts as they are now, where there are such of the rung. */
static tdl_status try_live(tdl_answer *a, size_t rung)
{
    const void *model = a->serving->snapshot->model[rung];
    tdl_status st = TDL_OK;

    if (tdl_ladder[rung] != &tdl_rung_directed)
        return TDL_OK;
    pthread_rwlock_rdlock(&a->app->lock);
    if (tdl_live_serves(a->app->live, TDL_LIVE_STREAM, tdl_directed_params_of(model)))
        st = score_live(a);
    pthread_rwlock_unlock(&a->app->lock);
    return st;
}

void tdl_answer_explain(tdl_answer *a, const int32_t *items, size_t items_n, tdl_reason *ret,
                        size_t max, size_t *ret_n)
{
    if (!a->live_scores) {
        a->ops->explain(a->model, &a->history, items, items_n, a->arena, ret, max, ret_n);
        return;
    }
    memset(ret_n, 0, items_n * sizeof *ret_n);
    pthread_rwlock_rdlock(&a->app->lock);
    if (tdl_live_serves(a->app->live, TDL_LIVE_STREAM, tdl_directed_params_of(a->model)))
        tdl_live_explain_directed(a->app->live, TDL_LIVE_STREAM, &a->history, items, items_n,
                                  a->arena, ret, max, ret_n);
    pthread_rwlock_unlock(&a->app->lock);
}

tdl_status tdl_answer_choose_rung(tdl_answer *a, tdl_report *why)
{
    bool similar = a->asked_item >= 0, known;
    tdl_status st = TDL_OK;

    if (!similar && a->ask->impersonal) {
        a->fallback = "no_consent";
        return TDL_OK;
    }
    if (!a->serving) {
        a->fallback = similar || a->seen_n ? "no_model" : "stranger";
        return TDL_OK;
    }
    const tdl_snapshot *snapshot = a->serving->snapshot;
    size_t rung = similar ? snapshot->similar : snapshot->promoted;
    if (try_live(a, rung))
        return tdl_answer_no_memory(why);
    if (!similar && !a->live_scores && (st = number_history(a, why)))
        return st;
    known = similar ? to_model(a, a->asked_item) >= 0 : a->history.n > 0;
    if (known) {
        a->ops = tdl_ladder[rung];
        a->model = snapshot->model[rung];
    } else {
        a->fallback = "stranger";
    }
    return TDL_OK;
}

tdl_status tdl_answer_score(tdl_answer *a, float *scores, tdl_report *why)
{
    if (a->live_scores) {
        if (a->catalogue_n)
            memcpy(scores, a->live_scores, a->catalogue_n * sizeof *scores);
        return TDL_OK;
    }
    tdl_status st = a->asked_item >= 0
                        ? a->ops->similar(a->model, to_model(a, a->asked_item), scores)
                        : a->ops->score(a->model, &a->history, a->arena, scores);
    return st ? tdl_answer_no_memory(why) : TDL_OK;
}

static tdl_status pick_by_model(tdl_answer *a, tdl_report *why)
{
    size_t items_n = tdl_answer_items_n(a);
    float *scores = tdl_arena_alloc(a->arena, items_n, sizeof *scores);
    tdl_scored *best = tdl_arena_alloc(a->arena, a->wanted, sizeof *best);
    tdl_status st;

    if (!scores || !best)
        return tdl_answer_no_memory(why);
    if ((st = tdl_answer_score(a, scores, why)))
        return st;
    for (size_t i = 0; i < a->seen_n; i++) {
        int32_t number = to_model(a, a->seen[i]);
        if (number >= 0)
            scores[number] = 0; // never picked
    }
    a->picks_n = tdl_top_spoken(scores, items_n, NULL, best, a->wanted);
    for (size_t i = 0; i < a->picks_n; i++)
        a->picks[i] = (tdl_pick){.item = tdl_answer_item(a, best[i].item),
                                 .model_item = best[i].item,
                                 .score = best[i].score};
    if (!a->picks_n) { // the model has nothing to say about such a history
        a->ops = NULL;
        a->fallback = "stranger";
    }
    return TDL_OK;
}

/* "Similar" needs no reasons: the question is the reason. */
static tdl_status explain(tdl_answer *a, tdl_report *why)
{
    size_t n = a->picks_n < a->ask->n ? a->picks_n : a->ask->n;
    int32_t *item = tdl_arena_alloc(a->arena, n, sizeof *item);
    tdl_reason *reason = tdl_arena_alloc(a->arena, n * TDL_REASONS_MAX, sizeof *reason);
    size_t *reasons_n = tdl_arena_alloc(a->arena, n, sizeof *reasons_n);

    if (a->asked_item >= 0)
        return TDL_OK;
    if (!item || !reason || !reasons_n)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < n; i++)
        item[i] = a->picks[i].model_item;
    tdl_answer_explain(a, item, n, reason, TDL_REASONS_MAX, reasons_n);
    for (size_t i = 0; i < n; i++) {
        a->picks[i].reason = reason + i * TDL_REASONS_MAX;
        a->picks[i].reasons_n = reasons_n[i];
    }
    return TDL_OK;
}

/* ---- completing; under the lock ---- */

static const tdl_reason popular = {.kind = TDL_REASON_POPULAR, .share = 1, .exact = true};
static const tdl_reason no_consent = {.kind = TDL_REASON_NO_CONSENT, .share = 1, .exact = true};

/* Where no model speaks of the item that is asked about: what is like it. */
static tdl_status fill_by_content(tdl_answer *a, uint64_t *blocked, tdl_report *why)
{
    tdl_scored *best = tdl_arena_alloc(a->arena, a->wanted, sizeof *best);
    tdl_content_taste *taste = tdl_arena_alloc(a->arena, 1, sizeof *taste);

    if (!best || !taste)
        return tdl_answer_no_memory(why);
    if (!tdl_answer_taste(a, taste))
        return TDL_OK;
    size_t n = tdl_answer_nearest(a, taste, blocked, 0, best, a->wanted);
    a->by_content = n > 0;
    for (size_t i = 0; i < n; i++) {
        a->picks[a->picks_n++] =
            (tdl_pick){.item = best[i].item, .model_item = -1, .score = best[i].score};
        tdl_bits_set(blocked, best[i].item);
    }
    return TDL_OK;
}

/* Where the model has nothing to say: by popularity, as it is now. */
static tdl_status fill_by_popularity(tdl_answer *a, const uint64_t *blocked, tdl_report *why)
{
    const tdl_reason *reason = a->ask->impersonal && a->asked_item < 0 ? &no_consent : &popular;
    size_t missing = a->wanted - a->picks_n;
    tdl_scored *best = tdl_arena_alloc(a->arena, missing, sizeof *best);

    if (!best)
        return tdl_answer_no_memory(why);
    size_t n = tdl_top(tdl_catalogue_users(a->app->catalogue), a->catalogue_n, blocked, -1,
                       INFINITY, best, missing);
    for (size_t i = 0; i < n; i++)
        a->picks[a->picks_n++] =
            (tdl_pick){.item = best[i].item,
                       .model_item = -1,
                       .score = a->ops ? 0 : best[i].score, // in the units of who answers
                       .reasons_n = 1,
                       .reason = reason};
    return TDL_OK;
}

static tdl_status fill(tdl_answer *a, tdl_report *why)
{
    uint64_t *blocked = tdl_arena_zalloc(a->arena, tdl_bits_words(a->catalogue_n), sizeof *blocked);
    tdl_status st = TDL_OK;

    if (!blocked)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->seen_n; i++)
        tdl_bits_set(blocked, a->seen[i]);
    for (size_t i = 0; i < a->picks_n; i++)
        if ((size_t)a->picks[i].item < a->catalogue_n)
            tdl_bits_set(blocked, a->picks[i].item);
    if (!a->ops && a->asked_item >= 0 && (st = fill_by_content(a, blocked, why)))
        return st;
    return a->picks_n < a->wanted ? fill_by_popularity(a, blocked, why) : TDL_OK;
}

static tdl_status complete(tdl_answer *a, tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    tdl_status st = TDL_OK;

    pthread_rwlock_rdlock(&a->app->lock);
    if (a->picks_n < a->wanted)
        st = fill(a, why);
    a->chosen_n = a->picks_n < a->ask->n ? a->picks_n : a->ask->n;
    if (!st)
        st = tdl_answer_write(a, ret, extra, why);
    pthread_rwlock_unlock(&a->app->lock);
    return st;
}

static tdl_status check_ask(const tdl_ask *ask, tdl_report *why)
{
    if (!ask->user.len && !ask->item.len)
        return TDL_FAIL(why, TDL_E_INVALID, "neither a user nor an item is given");
    if (ask->n < 1 || ask->n > TDL_ANSWER_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "n is %zu, it must be from 1 to %d", ask->n,
                        TDL_ANSWER_MAX);
    return TDL_OK;
}

tdl_status tdl_recommend_decide(tdl_app *app, const tdl_ask *ask, tdl_arena *arena,
                                tdl_decision *ret, tdl_jw *extra, tdl_report *why)
{
    if (ask->question)
        return tdl_surface_decide(app, ask, arena, ret, extra, why);
    tdl_answer a = {.app = app, .ask = ask, .arena = arena, .wanted = 2 * ask->n, .asked_item = -1};
    tdl_status st = check_ask(ask, why);

    if (st)
        return st;
    a.picks = tdl_arena_alloc(arena, a.wanted, sizeof *a.picks);
    if (!a.picks)
        return tdl_answer_no_memory(why);
    if ((st = gather(&a, why)))
        return st;
    a.serving = tdl_serving_take(app);
    if ((st = tdl_answer_choose_rung(&a, why)))
        goto out;
    if (a.ops && (st = pick_by_model(&a, why)))
        goto out;
    if (a.ops && (st = explain(&a, why)))
        goto out;
    if ((st = complete(&a, ret, extra, why)))
        goto out;
    st = tdl_answer_seal(&a, ret, why);
out:
    tdl_serving_drop(a.serving);
    return st;
}
