/* Who answers for a surface: the mix that the snapshot's line-up has for its task, and what each of
 * its parts says of the candidates. */
#include <math.h>
#include <stdlib.h>

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
    for (size_t i = 0; i < mix->n; i++) {
        const tdl_part *part = &lineup->part[mix->part[i]];
        a->asked[a->asked_n++] = (tdl_asked_part){.name = part->contender->name,
                                                  .rung = part->contender->rung,
                                                  .model = part->model,
                                                  .own = part->contender->own,
                                                  .weight = mix->weight[i]};
    }
    return TDL_OK;
}

tdl_status tdl_surface_choose_mix(tdl_surface_answer *a, tdl_report *why)
{
    bool stranger = a->base.fallback != NULL;
    tdl_recommend_task task =
        stranger ? TDL_RECOMMEND_STRANGERS : tdl_surface_task(a->surface->kind, a->policy);

    if (!a->base.serving || a->base.asked_item >= 0 || task == TDL_RECOMMEND_TASKS_N)
        return TDL_OK; // "similar" is no mix
    return take_mix(a, task, why);
}

/* ---- what they say ---- */

static tdl_status score_part(tdl_surface_answer *a, tdl_asked_part *part, tdl_report *why)
{
    size_t items_n = a->base.serving->snapshot->items_n;
    float *scores = tdl_arena_alloc(a->base.arena, items_n, sizeof *scores);

    if (!scores || part->rung->score(part->model, &a->base.history, a->base.arena, scores))
        return tdl_answer_no_memory(why);
    part->scores = scores;
    part->scale = tdl_blend_scale(scores, items_n, part->own);
    return TDL_OK;
}

/* The set of the snapshot's items that may not be shown. */
static uint64_t *block_model(const tdl_surface_answer *a)
{
    const tdl_serving *serving = a->base.serving;
    size_t items_n = serving->snapshot->items_n;
    uint64_t *blocked = tdl_arena_zalloc(a->base.arena, tdl_bits_words(items_n), sizeof *blocked);

    for (size_t i = 0; blocked && i < items_n; i++)
        if (tdl_surface_blocks(a, serving->to_catalogue[i]))
            tdl_bits_set(blocked, (int32_t)i);
    return blocked;
}

/* The best TDL_POOL of each part, each item once. ret [asked_n * TDL_POOL] */
static size_t gather(tdl_surface_answer *a, uint64_t *blocked, tdl_scored *best, int32_t *ret)
{
    size_t n = 0;

    for (size_t r = 0; r < a->asked_n; r++) {
        size_t found = tdl_top(a->asked[r].scores, a->base.serving->snapshot->items_n, blocked, 0,
                               INFINITY, best, TDL_POOL);
        for (size_t i = 0; i < found; i++) {
            ret[n++] = best[i].item;
            tdl_bits_set(blocked, best[i].item);
        }
    }
    return n;
}

double tdl_surface_blended(const tdl_surface_answer *a, int32_t model_item)
{
    double sum = 0;

    for (size_t r = 0; r < a->asked_n; r++)
        sum += a->asked[r].weight *
               tdl_blend_feature((double)a->asked[r].scores[model_item], a->asked[r].scale);
    return sum;
}

size_t tdl_surface_largest_part(const tdl_surface_answer *a, int32_t model_item)
{
    size_t best = 0;
    double most = -1;

    for (size_t r = 0; r < a->asked_n; r++) {
        double gain = a->asked[r].weight *
                      tdl_blend_gain((double)a->asked[r].scores[model_item], a->asked[r].scale);
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
    return a->model_item < b->model_item ? -1 : a->model_item > b->model_item;
}

static tdl_status blend(tdl_surface_answer *a, uint64_t *blocked, tdl_report *why)
{
    size_t most = a->asked_n * TDL_POOL;
    tdl_scored *best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *best);
    int32_t *item = tdl_arena_alloc(a->base.arena, most, sizeof *item);
    tdl_pooled *pool = tdl_arena_zalloc(a->base.arena, most, sizeof *pool);

    if (!best || !item || !pool)
        return tdl_answer_no_memory(why);
    size_t n = gather(a, blocked, best, item);
    for (size_t i = 0; i < n; i++)
        pool[i] = (tdl_pooled){.item = a->base.serving->to_catalogue[item[i]],
                               .model_item = item[i],
                               .relevance = tdl_surface_blended(a, item[i])};
    qsort(pool, n, sizeof *pool, by_relevance);
    a->pool_n = n < TDL_POOL ? n : TDL_POOL;
    for (size_t i = 0; i < a->pool_n; i++)
        a->pool[i] = pool[i];
    return TDL_OK;
}

static tdl_status pool_mix(tdl_surface_answer *a, tdl_report *why)
{
    uint64_t *blocked = block_model(a);
    tdl_status st = TDL_OK;

    if (!blocked)
        return tdl_answer_no_memory(why);
    for (size_t r = 0; !st && r < a->asked_n; r++)
        st = score_part(a, &a->asked[r], why);
    if (!st && a->asked_n == 1)
        st = tdl_surface_pool_scores(a, a->asked[0].scores, blocked, a->asked[0].own, why);
    else if (!st)
        st = blend(a, blocked, why);
    return st;
}

tdl_status tdl_surface_pool_mix(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = pool_mix(a, why);

    if (st || a->pool_n || a->base.fallback)
        return st;
    a->base.fallback = "stranger"; // nobody has anything to say about such a history
    if ((st = take_mix(a, TDL_RECOMMEND_STRANGERS, why)))
        return st;
    return a->asked_n ? pool_mix(a, why) : TDL_OK;
}
