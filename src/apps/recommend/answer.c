/* What an answer rests on: the history of who asks, and the rung that speaks where no mix does. */
#include "apps/recommend/answer.h"

#include <string.h>

#include "apps/recommend/directed.h"

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
    size_t rung = similar ? a->similar_rung : snapshot->promoted;
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
