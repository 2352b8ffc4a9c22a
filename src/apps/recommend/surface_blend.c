/* Who answers for a surface: the mix that the snapshot's line-up has for its task, and the
 * candidates that its parts name. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/blend_feature.h"
#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

/* ---- who ---- */

static tdl_status take_mix(tdl_surface_answer *a, tdl_recommend_task task, tdl_report *why)
{
    const tdl_lineup *lineup = &a->base.serving->snapshot->lineup;
    const tdl_mix *mix = &lineup->task[task];

    a->asked_n = 0;
    a->asked = tdl_arena_zalloc(a->base.arena, mix->n + 1, sizeof *a->asked);
    if (!a->asked)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < mix->n; i++)
        a->asked[a->asked_n++] =
            (tdl_asked_part){.part = &lineup->part[mix->part[i]], .weight = mix->weight[i]};
    return TDL_OK;
}

/* Under the lock. What the person took, or the question's items as one group. */
static tdl_status read_history(tdl_surface_answer *a, tdl_report *why)
{
    tdl_answer *b = &a->base;
    int32_t person = tdl_histories_person(b->app->histories, a->ask.user);
    tdl_history h = {b->seen + b->newest, b->newest_us, b->seen_n - b->newest};

    if (b->is_persons && tdl_live_history(b->app->live, person, b->arena, &h))
        return tdl_answer_no_memory(why);
    size_t n = h.n < TDL_MIX_HISTORY ? h.n : TDL_MIX_HISTORY;
    b->history = (tdl_history){h.item + (h.n - n), h.time_us + (h.n - n), n};
    b->history_item = tdl_arena_alloc(b->arena, n, sizeof *b->history_item);
    if (!b->history_item)
        return tdl_answer_no_memory(why);
    if (n)
        memcpy(b->history_item, b->history.item, n * sizeof *b->history_item);
    return TDL_OK;
}

tdl_status tdl_surface_choose_mix(tdl_surface_answer *a, tdl_report *why)
{
    tdl_recommend_task task = tdl_surface_task(a->surface->kind, a->policy);
    tdl_status st = TDL_OK;

    if (!a->base.serving)
        return TDL_OK;
    a->base.similar_rung = tdl_surface_similar_rung(a);
    if (a->base.asked_item >= 0 || task == TDL_RECOMMEND_TASKS_N ||
        !(a->base.serving->snapshot->lineup.parts_n || a->policy->rungs_n))
        return TDL_OK; // "similar" is no mix
    if (!a->ask.impersonal) {
        pthread_rwlock_rdlock(&a->base.app->lock);
        st = read_history(a, why);
        pthread_rwlock_unlock(&a->base.app->lock);
    }
    bool stranger = !a->base.history.n;
    if (!st && !stranger && a->policy->rungs_n) {
        if ((st = tdl_surface_take_named(a, task, why)) || a->asked_n)
            return st;
        a->base.fallback = "no_rung"; // the line-up answers instead
    }
    if (st || (st = take_mix(a, stranger ? TDL_RECOMMEND_STRANGERS : task, why)))
        return st;
    if (a->asked_n && stranger)
        a->base.fallback = a->ask.impersonal ? "no_consent" : "stranger";
    return TDL_OK;
}

/* ---- what they say ---- */

/* The best TDL_POOL of each part, each item once. ret [asked_n * TDL_POOL] */
static size_t gather(tdl_surface_answer *a, uint64_t *blocked, tdl_scored *room, int32_t *ret)
{
    size_t n = 0;

    for (size_t r = 0; r < a->asked_n; r++) {
        const tdl_asked_part *one = &a->asked[r];
        const tdl_scored *best = one->scores ? room : one->best;
        size_t found = one->best_n;
        if (one->spoken)
            found = tdl_top_among(one->scores, one->spoken, tdl_bits_words(a->base.catalogue_n),
                                  blocked, 0, room, TDL_POOL);
        else if (one->scores)
            found = tdl_top(one->scores, a->base.catalogue_n, blocked, 0, INFINITY, room, TDL_POOL);
        for (size_t i = 0; i < found; i++) {
            if (tdl_bits_has(blocked, best[i].item))
                continue; // another part named it
            ret[n++] = best[i].item;
            tdl_bits_set(blocked, best[i].item);
        }
    }
    return n;
}

double tdl_surface_blended(const tdl_surface_answer *a, int32_t item)
{
    double sum = 0;

    for (size_t r = 0; r < a->asked_n; r++)
        sum += a->asked[r].weight *
               tdl_blend_feature((double)tdl_surface_part_score(a, &a->asked[r], item),
                                 a->asked[r].scale);
    return sum;
}

size_t tdl_surface_largest_part(const tdl_surface_answer *a, int32_t item)
{
    size_t best = 0;
    double most = -1;

    for (size_t r = 0; r < a->asked_n; r++) {
        double gain = a->asked[r].weight *
                      tdl_blend_gain((double)tdl_surface_part_score(a, &a->asked[r], item),
                                     a->asked[r].scale);
        if (gain > most) {
            most = gain;
            best = r;
        }
    }
    return best;
}

static int by_relevance(const void *left, const void *right)
{
    const tdl_pooled *a = left, *b = right;

    if (a->relevance < b->relevance || a->relevance > b->relevance)
        return a->relevance < b->relevance ? 1 : -1;
    return a->item < b->item ? -1 : a->item > b->item;
}

static tdl_status blend(tdl_surface_answer *a, tdl_report *why)
{
    size_t most = a->asked_n * TDL_POOL, words = tdl_bits_words(a->base.catalogue_n);
    tdl_scored *best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *best);
    int32_t *item = tdl_arena_alloc(a->base.arena, most, sizeof *item);
    tdl_pooled *pool = tdl_arena_zalloc(a->base.arena, most, sizeof *pool);
    uint64_t *blocked = tdl_arena_alloc(a->base.arena, words, sizeof *blocked);

    if (!best || !item || !pool || !blocked)
        return tdl_answer_no_memory(why);
    if (words)
        memcpy(blocked, a->blocked, words * sizeof *blocked);
    size_t n = gather(a, blocked, best, item);
    for (size_t i = 0; i < n; i++)
        pool[i] = (tdl_pooled){
            .item = item[i], .model_item = item[i], .relevance = tdl_surface_blended(a, item[i])};
    qsort(pool, n, sizeof *pool, by_relevance);
    a->pool_n = n < TDL_POOL ? n : TDL_POOL;
    if (a->pool_n)
        memcpy(a->pool, pool, a->pool_n * sizeof *pool);
    return TDL_OK;
}

static tdl_status pool_mix(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (size_t r = 0; !st && r < a->asked_n; r++)
        st = tdl_surface_score_part(a, &a->asked[r], why);
    if (st)
        return st;
    return a->asked_n == 1 ? tdl_surface_pool_alone(a, why) : blend(a, why);
}

tdl_status tdl_surface_pool_mix(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = pool_mix(a, why);

    if (st || a->pool_n || a->base.history.n == 0)
        return st;
    a->base.fallback = "stranger"; // nobody has anything to say about such a history
    a->base.history.n = 0;
    if ((st = take_mix(a, TDL_RECOMMEND_STRANGERS, why)))
        return st;
    return a->asked_n ? pool_mix(a, why) : TDL_OK;
}
