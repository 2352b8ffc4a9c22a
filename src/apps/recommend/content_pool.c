/* Candidates by what items say of themselves: those that hardly anybody has had yet; and all of
 * them where a stranger shows an item, and no model speaks of it. Where somebody has a history and
 * no model answers, popularity is the better guess for the rest.
 *
 * An item is compared by content with what the model chose by behaviour: log-odds against the tenth
 * best likeness among both, so that one that is as near to a person as the model's own best stands
 * beside them. With n people who had it, log(kappa / (n + kappa)) is taken off: what is known of it
 * by then is the model's to say. kappa is that of "content" as training chose it, and KAPPA_MAX at
 * most: a larger one lets items in that people had and did not take up (a shop's book served
 * through a store lost a hundredth of its NDCG in every task).
 *
 * Of items that few had the newest TDL_CONTENT_LOOKED are looked at, so that an answer takes no
 * longer where a catalogue is full of what nobody buys. Older ones come by impressions
 * (surface_pool.c).
 */
#include <math.h>

#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

enum { TDL_CONTENT_LOOKED = 500 };
static const double KAPPA_MAX = 5;

/* What the answer goes by: the items that are asked about, or those that the person had last. */
static tdl_history own_of(const tdl_answer *a)
{
    return (tdl_history){
        .item = a->seen + a->newest, .time_us = a->newest_us, .n = a->seen_n - a->newest};
}

tdl_content_weights tdl_answer_content_weights(const tdl_answer *a)
{
    static const tdl_content_weights equal = {{1, 1, 1, 1}};

    return a->serving ? a->serving->content_weights : equal;
}

bool tdl_answer_taste(const tdl_answer *a, tdl_content_taste *ret)
{
    const tdl_content_weights weights = tdl_answer_content_weights(a);
    tdl_history own = own_of(a);

    if (a->ask->impersonal && a->asked_item < 0)
        return false;
    tdl_content_taste_of(tdl_catalogue_content(a->app->catalogue), &weights, own.item, own.time_us,
                         own.n, ret);
    return ret->length > 0;
}

static bool is_gone(const tdl_record *record)
{
    return record && (record->deleted || !record->available);
}

/* The k most like it, best first, among items that are not in `blocked` and that fewer than
 * `users_below` people had, the newest of those (0: any, all). ret [k]; returns how many. */
static size_t nearest(const tdl_answer *a, const tdl_content_taste *taste, const uint64_t *blocked,
                      size_t users_below, tdl_scored *ret, size_t k)
{
    const tdl_catalogue *catalogue = a->app->catalogue;
    const float *users = tdl_catalogue_users(catalogue);
    tdl_best best = {.heap = ret, .k = k, .above = 0};
    size_t left = users_below ? TDL_CONTENT_LOOKED : SIZE_MAX;

    for (size_t i = a->catalogue_n; i-- > 0 && left;) {
        const tdl_content_code *code;
        if (tdl_bits_has(blocked, (int32_t)i) ||
            (users_below && !(users[i] < (float)users_below)) ||
            !(code = tdl_content_at(tdl_catalogue_content(catalogue), (int32_t)i)))
            continue;
        left--;
        float liked = (float)tdl_content_liked(taste, code);
        if (liked > best.above && !is_gone(tdl_catalogue_record(catalogue, (int32_t)i)))
            tdl_best_offer(&best, (tdl_scored){liked, (int32_t)i});
    }
    tdl_best_sort(&best);
    return best.n;
}

/* ---- a surface's pool ---- */

/* Where the person stands among the vectors of "ials", if it knows what he had, and what the map
 * makes of it; else his taste. */
static bool work_out(tdl_surface_answer *a, tdl_content_taste *ret)
{
    const tdl_snapshot *s = a->base.serving ? a->base.serving->snapshot : NULL;
    const void *ials = s && s->content_map ? s->model[tdl_ladder_find(TDL_STR("ials"))] : NULL;
    float w[TDL_CONTENT_MAP_D_MAX];

    if (!tdl_answer_taste(&a->base, ret))
        return false;
    tdl_surface_history had;

    if (!ials || !a->base.history.n || !a->pool_n || tdl_surface_model_history(a, false, &had) ||
        !had.history.n || tdl_rung_ials.query(ials, &had.history, a->base.arena, w))
        return true;
    tdl_content_map_towards(s->content_map, w, ret->cell, &ret->constant);
    ret->mapped = true;
    ret->weights = (tdl_content_weights){{1, 1, 1, 1}};
    tdl_content_taste_pack(ret);
    return true;
}

/* The same, if it was worked out already and nothing happened since. */
static bool liking_of(tdl_surface_answer *a, tdl_content_taste *ret)
{
    const tdl_history own = own_of(&a->base);
    const tdl_history had = {a->base.history_item, a->base.history.time_us, a->base.history.n};
    const uint64_t what[] = {tdl_catalogue_described(a->base.app->catalogue), !a->pool_n,
                             a->ask.impersonal, a->base.asked_item >= 0};
    tdl_kept *kept = a->base.serving ? a->base.serving->kept : NULL;
    tdl_digest key;

    if (!kept || !tdl_kept_key(what, sizeof what / sizeof *what, &own, &had, a->base.arena, &key))
        return work_out(a, ret);
    if (tdl_kept_find(kept, &key, ret, sizeof *ret))
        return ret->length > 0;
    bool known = work_out(a, ret);
    if (known)
        tdl_kept_put(kept, &key, ret, sizeof *ret);
    return known;
}

_Static_assert(sizeof(tdl_content_taste) <= TDL_KEPT_BYTES, "a taste can be kept");

/* The tenth best cosine among the pool and what was found, both; the best of fewer. */
static double tenth_of(const tdl_surface_answer *a, const tdl_content_taste *taste,
                       const tdl_scored *found, size_t n, tdl_scored *room)
{
    const tdl_content *content = tdl_catalogue_content(a->base.app->catalogue);
    enum { TENTH = 10, AHEAD = 4 };
    tdl_best best = {.heap = room, .k = TENTH, .above = 0};

    for (size_t i = 0; i < a->pool_n + n; i++) {
        if (i + AHEAD < a->pool_n)
            tdl_content_fetch(content, a->pool[i + AHEAD].item);
        float liked =
            i < a->pool_n
                ? (float)tdl_content_liked(taste, tdl_content_at(content, a->pool[i].item))
                : found[i - a->pool_n].score;
        if (liked > best.above)
            tdl_best_offer(&best, (tdl_scored){liked, (int32_t)i});
    }
    tdl_best_sort(&best);
    return best.n ? (double)room[best.n == TENTH ? TENTH - 1 : 0].score : 0;
}

static double kappa_of(const tdl_serving *serving)
{
    const tdl_content_map *map = serving ? serving->snapshot->content_map : NULL;

    return map && map->kappa > 0 ? fmin(map->kappa, KAPPA_MAX) : KAPPA_MAX;
}

/* What the tenth of the pool is worth, at most 0: what a person had himself is measured by the
 * first of it, and lies below. */
static double tenth_relevance(const tdl_surface_answer *a)
{
    enum { TENTH = 10 };

    return a->pool_n < TENTH ? 0 : fmin(a->pool[TENTH - 1].relevance, 0);
}

tdl_status tdl_surface_pool_content(tdl_surface_answer *a, const uint64_t *blocked, tdl_report *why)
{
    const float *users = tdl_catalogue_users(a->base.app->catalogue);
    bool all = !a->pool_n;
    size_t most = all ? TDL_POOL : TDL_POOL_CONTENT;
    tdl_scored *found = tdl_arena_alloc(a->base.arena, most, sizeof *found);
    tdl_scored *room = tdl_arena_alloc(a->base.arena, most, sizeof *room);
    tdl_content_taste *taste = tdl_arena_alloc(a->base.arena, 1, sizeof *taste);

    if (!found || !room || !taste)
        return tdl_answer_no_memory(why);
    if (!liking_of(a, taste))
        return TDL_OK;
    size_t n = nearest(&a->base, taste, blocked, all ? 0 : TDL_NEW_USERS, found, most);
    double tenth = tenth_of(a, taste, found, n, room), worth = tenth_relevance(a),
           kappa = kappa_of(a->base.serving);
    for (size_t i = 0; i < n; i++) {
        double had = all ? 0 : (double)users[found[i].item];
        a->pool[a->pool_n++] =
            (tdl_pooled){.item = found[i].item,
                         .model_item = -1,
                         .by_content = true,
                         .relevance = worth + tdl_surface_log_odds((double)found[i].score, tenth) +
                                      log(kappa / (had + kappa))};
    }
    return TDL_OK;
}

/* ---- reasons ---- */

/* An event of the history for each thing that he had, if the model was shown it. */
static size_t place_in_history(const tdl_answer *a, int32_t item)
{
    size_t at = 0;

    while (at < a->history.n && a->history_item[at] != item)
        at++;
    return at;
}

size_t tdl_answer_explain_content(const tdl_answer *a, const tdl_content_taste *taste, int32_t item,
                                  tdl_term *term, tdl_reason *ret, size_t max)
{
    const tdl_content *content = tdl_catalogue_content(a->app->catalogue);
    const tdl_content_code *code = tdl_content_at(content, item);
    tdl_history own = own_of(a);
    size_t n = 0;

    for (size_t i = 0; code && i < own.n; i++) {
        const tdl_content_code *had = tdl_content_at(content, own.item[i]);
        size_t at = place_in_history(a, own.item[i]);
        double age = fmax((double)own.time_us[own.n - 1] - (double)own.time_us[i], 0);
        double part = had && at < a->history.n ? tdl_content_cosine(had, code, &taste->weights) *
                                                     exp2(-age / (double)TDL_CONTENT_HALF_LIFE_US)
                                               : 0;
        if (part > 0)
            term[n++] = (tdl_term){at, part};
    }
    n = n ? tdl_terms_reasons(term, n, ret, max) : 0;
    for (size_t k = 0; k < n; k++)
        ret[k].exact = false; // of what is alike, not of the score
    return n;
}

void tdl_answer_keep_own(tdl_answer *a)
{
    a->history = own_of(a);
    a->history_item = a->seen + a->newest;
}
