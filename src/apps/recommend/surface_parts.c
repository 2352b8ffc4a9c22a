/* What the parts of a mix say: those that learn with every event by the live counts, where they are
 * kept as the part was fitted; the others by the snapshot's model, of many items by a scan. */
#include <math.h>
#include <string.h>

#include "apps/recommend/blend_feature.h"
#include "apps/recommend/directed.h"
#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

/* What is kept of a part and somebody who asked. */
enum { QUERY, BEST, EXPLAINED };
enum { SCANNED = 400 /* of a scan, so that 200 are left where some may not be shown */ };

/* ---- live; under the readers' lock ---- */

/* How a rung is asked of the live state. `can`: is it kept with the part's own settings? */
typedef struct live_part {
    const tdl_rung_ops *rung;
    bool (*can)(const tdl_surface_answer *a, const tdl_part *part);
    tdl_status (*score)(tdl_surface_answer *a, const tdl_part *part, float *scores,
                        uint64_t *spoken);
    bool sparse; /* it says of which items it speaks, above 0 (`spoken` in live.h) */
    void (*explain)(tdl_surface_answer *a, const tdl_part *part, const int32_t *items,
                    size_t items_n, tdl_reason *ret, size_t *ret_n);
} live_part;

static int32_t person_of(const tdl_surface_answer *a)
{
    return a->base.is_persons ? tdl_histories_person(a->base.app->histories, a->ask.user) : -1;
}

static bool is_kept(double days)
{
    double us = tdl_half_life_us[tdl_half_life_near(days)];

    return fabs(us - days * (double)TDL_DAY_US) < 1;
}

static bool can_popular(const tdl_surface_answer *a, const tdl_part *part)
{
    TDL_UNUSED(a);
    return is_kept(tdl_decayed_params_of(part->model)->half_life_days);
}

/* Whose popularity: that of the person's segment, or of the one that the context names. */
static int32_t segment_of(const tdl_surface_answer *a)
{
    const tdl_app *app = a->base.app;
    tdl_str name = {app->segment, app->segment_len}, value;
    int32_t segment = -1;

    if (!name.len || !tdl_str_eq(a->policy->segment, name))
        return segment;
    if (!a->ask.impersonal && a->ask.user.len)
        segment = tdl_live_segment(app->live, tdl_histories_person(app->histories, a->ask.user));
    char text[TDL_SEGMENT_MAX + 1];
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    if (segment < 0 && tdl_json_get_str(a->q.context, text, &value))
        segment = tdl_live_segment_named(app->live, value);
    return segment;
}

static tdl_status score_popular(tdl_surface_answer *a, const tdl_part *part, float *scores,
                                uint64_t *spoken)
{
    double days = tdl_decayed_params_of(part->model)->half_life_days;

    tdl_live_popular(a->base.app->live, tdl_half_life_near(days), segment_of(a), a->ask.time_us,
                     scores, a->base.catalogue_n, spoken);
    return TDL_OK;
}

static void explain_popular(tdl_surface_answer *a, const tdl_part *part, const int32_t *items,
                            size_t items_n, tdl_reason *ret, size_t *ret_n)
{
    TDL_UNUSED(a);
    TDL_UNUSED(part);
    TDL_UNUSED(items);
    for (size_t i = 0; i < items_n; i++) {
        ret_n[i] = 1;
        ret[i * TDL_REASONS_MAX] =
            (tdl_reason){.kind = TDL_REASON_POPULAR, .share = 1, .exact = true};
    }
}

static bool can_own(const tdl_surface_answer *a, const tdl_part *part)
{
    TDL_UNUSED(a);
    return is_kept(tdl_own_params_of(part->model)->crowd_half_life_days);
}

static tdl_status score_own(tdl_surface_answer *a, const tdl_part *part, float *scores,
                            uint64_t *spoken)
{
    TDL_UNUSED(spoken);
    tdl_live_own(a->base.app->live, person_of(a), tdl_own_params_of(part->model), a->ask.time_us,
                 scores, a->base.catalogue_n);
    return TDL_OK;
}

static void explain_own(tdl_surface_answer *a, const tdl_part *part, const int32_t *items,
                        size_t items_n, tdl_reason *ret, size_t *ret_n)
{
    tdl_live_explain_own(tdl_own_params_of(part->model), a->ask.time_us, &a->base.history, items,
                         items_n, a->base.arena, ret, TDL_REASONS_MAX, ret_n);
}

static tdl_live_matrix matrix_of(const tdl_part *part)
{
    return part->baskets ? TDL_LIVE_BASKET : TDL_LIVE_STREAM;
}

static bool can_directed(const tdl_surface_answer *a, const tdl_part *part)
{
    const tdl_directed_params params = tdl_part_directed(part);

    return tdl_live_serves(a->base.app->live, matrix_of(part), &params);
}

static tdl_status score_directed(tdl_surface_answer *a, const tdl_part *part, float *scores,
                                 uint64_t *spoken)
{
    return tdl_live_directed(a->base.app->live, matrix_of(part), &a->base.history, a->base.arena,
                             scores, a->base.catalogue_n, spoken);
}

static void explain_directed(tdl_surface_answer *a, const tdl_part *part, const int32_t *items,
                             size_t items_n, tdl_reason *ret, size_t *ret_n)
{
    tdl_live_explain_directed(a->base.app->live, matrix_of(part), &a->base.history, items, items_n,
                              a->base.arena, ret, TDL_REASONS_MAX, ret_n);
}

/* One a line. */
static const live_part live_parts[] = {
    {&tdl_rung_decayed, can_popular, score_popular, true, explain_popular},
    {&tdl_rung_own, can_own, score_own, false, explain_own},
    {&tdl_rung_directed, can_directed, score_directed, true, explain_directed},
};

static const live_part *find_live(const tdl_surface_answer *a, const tdl_part *part)
{
    for (size_t i = 0; i < sizeof live_parts / sizeof *live_parts; i++)
        if (live_parts[i].rung == part->contender->rung)
            return live_parts[i].can(a, part) ? &live_parts[i] : NULL;
    return NULL;
}

/* ---- the snapshot's model ---- */

static int32_t to_model(const tdl_serving *serving, int32_t item)
{
    return (size_t)item < serving->catalogue_n ? serving->to_model[item] : -1;
}

tdl_status tdl_surface_model_history(tdl_surface_answer *a, bool repeats, tdl_surface_history *ret)
{
    const tdl_history *from = &a->base.history;
    const tdl_serving *serving = a->base.serving;
    int32_t *item = tdl_arena_alloc(a->base.arena, from->n, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(a->base.arena, from->n, sizeof *time_us);
    uint64_t *had =
        tdl_arena_zalloc(a->base.arena, tdl_bits_words(serving->snapshot->items_n), sizeof *had);
    size_t n = 0;

    ret->at = tdl_arena_alloc(a->base.arena, from->n, sizeof *ret->at);
    if (!item || !time_us || !ret->at || !had)
        return TDL_E_NO_MEMORY;
    for (size_t i = 0; i < from->n; i++) {
        int32_t number = to_model(serving, a->base.history_item[i]);
        if (number < 0 || (!repeats && tdl_bits_has(had, number)))
            continue; // came after the model was made, or came before
        tdl_bits_set(had, number);
        item[n] = number;
        time_us[n] = from->time_us[i];
        ret->at[n++] = i;
    }
    ret->history = (tdl_history){item, time_us, n};
    return TDL_OK;
}

static tdl_status score_model(tdl_surface_answer *a, const tdl_part *part, float *scores)
{
    const tdl_serving *serving = a->base.serving;
    const tdl_rung_ops *rung = part->contender->rung;
    size_t items_n = serving->snapshot->items_n;
    float *of_model = tdl_arena_alloc(a->base.arena, items_n, sizeof *of_model);
    tdl_surface_history h;

    if (!of_model || tdl_surface_model_history(a, rung->repeats, &h) ||
        rung->score(part->model, &h.history, a->base.arena, of_model))
        return TDL_E_NO_MEMORY;
    if (a->base.catalogue_n)
        memset(scores, 0, a->base.catalogue_n * sizeof *scores);
    for (size_t i = 0; i < items_n; i++)
        if ((size_t)serving->to_catalogue[i] < a->base.catalogue_n)
            scores[serving->to_catalogue[i]] = of_model[i];
    return TDL_OK;
}

/* What a model said of one item; `at` counts in the model's history. */
typedef struct explained {
    size_t n;
    tdl_reason reason[TDL_REASONS_MAX];
} explained;

/* Items that are still to be explained. */
typedef struct unexplained {
    int32_t *number; /* [n] the model's */
    size_t *place;   /* [n] in the answer */
    tdl_digest *key; /* [n] */
    size_t n;
} unexplained;

static void tell(const explained *one, const tdl_surface_history *h, tdl_reason *ret, size_t *ret_n)
{
    *ret_n = one->n;
    for (size_t k = 0; k < one->n; k++) {
        ret[k] = one->reason[k];
        if (ret[k].kind == TDL_REASON_EVENT)
            ret[k].at = h->at[ret[k].at];
    }
}

/* All at once: what is the same for all of them is worked out once. */
static void explain_rest(tdl_surface_answer *a, const tdl_part *part, const tdl_surface_history *h,
                         const unexplained *rest, tdl_reason *ret, size_t *ret_n)
{
    tdl_reason *reason = tdl_arena_zalloc(a->base.arena, rest->n * TDL_REASONS_MAX, sizeof *reason);
    size_t *reasons_n = tdl_arena_alloc(a->base.arena, rest->n, sizeof *reasons_n);

    if (!rest->n || !reason || !reasons_n)
        return;
    part->contender->rung->explain(part->model, &h->history, rest->number, rest->n, a->base.arena,
                                   reason, TDL_REASONS_MAX, reasons_n);
    for (size_t i = 0; i < rest->n; i++) {
        explained one = {.n = reasons_n[i]};
        memcpy(one.reason, reason + i * TDL_REASONS_MAX, one.n * sizeof *reason);
        tell(&one, h, ret + rest->place[i] * TDL_REASONS_MAX, &ret_n[rest->place[i]]);
        tdl_kept_put(a->base.serving->kept, &rest->key[i], &one, sizeof one);
    }
}

/* Of items that the model does not know it said nothing. What it said of others is kept: leaving
 * out one event after the other takes a transformer milliseconds. */
static void explain_model(tdl_surface_answer *a, const tdl_part *part, const int32_t *items,
                          size_t items_n, tdl_reason *ret, size_t *ret_n)
{
    static const tdl_history none;
    tdl_arena *arena = a->base.arena;
    const tdl_serving *serving = a->base.serving;
    uint64_t what[] = {(uint64_t)(part - serving->snapshot->lineup.part), EXPLAINED, 0, 0};
    unexplained rest = {.number = tdl_arena_alloc(arena, items_n, sizeof *rest.number),
                        .place = tdl_arena_alloc(arena, items_n, sizeof *rest.place),
                        .key = tdl_arena_alloc(arena, items_n, sizeof *rest.key)};
    tdl_surface_history h;
    tdl_digest asks;

    memset(ret_n, 0, items_n * sizeof *ret_n);
    if (!rest.number || !rest.place || !rest.key ||
        tdl_surface_model_history(a, part->contender->rung->repeats, &h) ||
        !tdl_kept_key(what, 2, &h.history, &none, arena, &asks))
        return;
    memcpy(what + 2, &asks, sizeof asks);
    for (size_t i = 0; i < items_n; i++) {
        explained one;
        what[1] = (uint64_t)to_model(serving, items[i]);
        if (to_model(serving, items[i]) < 0 ||
            !tdl_kept_key(what, 4, &none, &none, arena, &rest.key[rest.n]))
            continue;
        if (tdl_kept_find(serving->kept, &rest.key[rest.n], &one, sizeof one)) {
            tell(&one, &h, ret + i * TDL_REASONS_MAX, &ret_n[i]);
            continue;
        }
        rest.number[rest.n] = to_model(serving, items[i]);
        rest.place[rest.n++] = i;
    }
    explain_rest(a, part, &h, &rest, ret, ret_n);
}

/* ---- a scan of its vectors ---- */

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

/* Best first, in the model's numbers: the best of all vectors for one who asks. */
typedef struct scanned {
    size_t n;
    tdl_scored best[SCANNED];
} scanned;

_Static_assert(sizeof(scanned) <= TDL_KEPT_BYTES, "a scan can be kept");

/* Those who may be shown, above 0 as offline; in the catalogue's numbers. False: there may be more
 * than were scanned for. */
static bool keep_allowed(const tdl_surface_answer *a, const scanned *s, tdl_asked_part *one)
{
    one->best_n = 0;
    for (size_t i = 0; i < s->n && s->best[i].score > 0 && one->best_n < TDL_POOL; i++) {
        int32_t item = a->base.serving->to_catalogue[s->best[i].item];
        if (!tdl_surface_blocks(a, item))
            one->best[one->best_n++] = (tdl_scored){s->best[i].score, item};
    }
    return one->best_n == TDL_POOL || s->n < SCANNED || !(s->best[s->n - 1].score > 0);
}

/* Where too many of the best may not be shown: those who may alone. */
static tdl_status scan_allowed(tdl_surface_answer *a, tdl_asked_part *one)
{
    const uint64_t *blocked = block_model(a);
    tdl_scan_query query = {.x = one->x, .blocked = blocked, .k = TDL_POOL, .ret = one->best};

    if (!blocked || tdl_scan_ask(one->part->scan, &query, 1, NULL))
        return TDL_E_NO_MEMORY;
    one->best_n = 0;
    while (one->best_n < query.ret_n && one->best[one->best_n].score > 0) {
        tdl_scored *best = &one->best[one->best_n++];
        best->item = a->base.serving->to_catalogue[best->item];
    }
    return TDL_OK;
}

/* Who asks, among the part's vectors, and the best of all of them: from the last time, if nothing
 * happened to him since. */
static tdl_status scan_all(tdl_surface_answer *a, const tdl_part *part, const tdl_history *h,
                           size_t d, float *x, scanned *ret)
{
    static const tdl_history none;
    const tdl_serving *serving = a->base.serving;
    uint64_t what[] = {(uint64_t)(part - serving->snapshot->lineup.part), QUERY};
    tdl_digest key[2];

    for (size_t i = 0; i < 2; i++) {
        what[1] = i ? BEST : QUERY;
        if (!tdl_kept_key(what, 2, h, &none, a->base.arena, &key[i]))
            return TDL_E_NO_MEMORY;
    }
    if (tdl_kept_find(serving->kept, &key[0], x, d * sizeof *x) &&
        tdl_kept_find(serving->kept, &key[1], ret, sizeof *ret))
        return TDL_OK;
    tdl_scan_query query = {.x = x, .k = SCANNED, .ret = ret->best};
    if (part->contender->rung->query(part->model, h, a->base.arena, x) ||
        tdl_scan_ask(part->scan, &query, 1, NULL))
        return TDL_E_NO_MEMORY;
    ret->n = query.ret_n;
    tdl_kept_put(serving->kept, &key[0], x, d * sizeof *x);
    tdl_kept_put(serving->kept, &key[1], ret, sizeof *ret);
    return TDL_OK;
}

/* The best of all give the scale, the best of those who may be shown the candidates. */
static tdl_status scan_model(tdl_surface_answer *a, tdl_asked_part *one)
{
    enum { TENTH = 10 };
    const tdl_rung_ops *rung = one->part->contender->rung;
    scanned *all = tdl_arena_zalloc(a->base.arena, 1, sizeof *all);
    tdl_surface_history h;
    size_t d, n = 0;

    rung->vectors(one->part->model, &d);
    float *x = tdl_arena_alloc(a->base.arena, d, sizeof *x);
    one->best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *one->best);
    if (!x || !all || !one->best || tdl_surface_model_history(a, rung->repeats, &h) ||
        scan_all(a, one->part, &h.history, d, x, all))
        return TDL_E_NO_MEMORY;
    one->x = x;
    while (n < all->n && n < TENTH && all->best[n].score > 0)
        n++;
    one->scale = n ? (double)all->best[one->part->contender->own ? 0 : n - 1].score : 0;
    return keep_allowed(a, all, one) ? TDL_OK : scan_allowed(a, one);
}

/* ---- either ---- */

float tdl_surface_part_score(const tdl_surface_answer *a, const tdl_asked_part *one, int32_t item)
{
    float sum = 0;
    size_t d;

    if (one->scores)
        return !one->spoken || tdl_bits_has(one->spoken, item) ? one->scores[item] : 0;
    int32_t number = to_model(a->base.serving, item);
    if (number < 0)
        return 0;
    const float *vector = one->part->contender->rung->vectors(one->part->model, &d);
    vector += (size_t)number * d;
    for (size_t k = 0; k < d; k++)
        sum += vector[k] * one->x[k];
    return sum;
}

/* The tenth best of all that it speaks of, whoever may be shown. */
static double scale_of(const tdl_surface_answer *a, const tdl_asked_part *one)
{
    enum { TENTH = 10 };
    bool own = one->part->contender->own;
    tdl_scored best[TENTH];

    if (!one->spoken)
        return tdl_blend_scale(one->scores, a->base.catalogue_n, own);
    size_t n = tdl_top_among(one->scores, one->spoken, tdl_bits_words(a->base.catalogue_n), NULL, 0,
                             best, own ? 1 : TENTH);
    return n ? (double)best[n - 1].score : 0;
}

static tdl_status score_live(tdl_surface_answer *a, tdl_asked_part *one, const live_part *live)
{
    if (live->sparse) {
        size_t words = tdl_bits_words(a->base.catalogue_n);
        one->spoken = tdl_arena_zalloc(a->base.arena, words, sizeof *one->spoken);
        if (!one->spoken)
            return TDL_E_NO_MEMORY;
    }
    return live->score(a, one->part, one->scores, one->spoken);
}

static tdl_status score_all(tdl_surface_answer *a, tdl_asked_part *one)
{
    tdl_status st = TDL_OK;

    one->scores = tdl_arena_alloc(a->base.arena, a->base.catalogue_n, sizeof *one->scores);
    if (!one->scores)
        return TDL_E_NO_MEMORY;
    pthread_rwlock_rdlock(&a->base.app->lock);
    const live_part *live = find_live(a, one->part);
    one->live = live != NULL;
    if (live)
        st = score_live(a, one, live);
    pthread_rwlock_unlock(&a->base.app->lock);
    if (!live)
        st = score_model(a, one->part, one->scores);
    if (!st)
        one->scale = scale_of(a, one);
    return st;
}

tdl_status tdl_surface_score_part(tdl_surface_answer *a, tdl_asked_part *one, tdl_report *why)
{
    tdl_status st = one->part->scan ? scan_model(a, one) : score_all(a, one);

    return st ? tdl_answer_no_memory(why) : TDL_OK;
}

void tdl_surface_explain_part(tdl_surface_answer *a, const tdl_asked_part *one,
                              const int32_t *items, size_t items_n, tdl_reason *ret, size_t *ret_n)
{
    pthread_rwlock_rdlock(&a->base.app->lock);
    const live_part *live = one->live ? find_live(a, one->part) : NULL;
    if (live)
        live->explain(a, one->part, items, items_n, ret, ret_n);
    pthread_rwlock_unlock(&a->base.app->lock);
    if (!live)
        explain_model(a, one->part, items, items_n, ret, ret_n);
}
