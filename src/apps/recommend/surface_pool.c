/* The pool: candidates for the slots of an answer, and what each is worth. */
#include <math.h>

#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

/* ---- the model's ---- */

static tdl_status allot(tdl_surface_answer *a, tdl_report *why)
{
    size_t most = TDL_POOL + TDL_POOL_CONTENT + TDL_POOL_NEW + TDL_POOL_RULE * a->policy->rules_n;

    a->pool = tdl_arena_zalloc(a->base.arena, most, sizeof *a->pool);
    return a->pool ? TDL_OK : tdl_answer_no_memory(why);
}

/* Relevance of scores, best first: log((s + e) / (s_10 + e)), s_10 the tenth; the best where there
 * are fewer, or the few would all look excellent. e, a hundredth of it, is what silence is worth.
 */
static double silence_of(double scale)
{
    return .01 * scale;
}

static double scale_of(const tdl_scored *best, size_t n, bool own)
{
    return (double)best[n >= 10 && !own ? 9 : 0].score;
}

double tdl_surface_log_odds(double score, double scale)
{
    return log((fmax(score, 0) + silence_of(scale)) / (scale + silence_of(scale)));
}

/* by_model: in the model's numbers */
static void add_scored(tdl_surface_answer *a, const tdl_scored *best, size_t n, bool own,
                       bool by_model)
{
    double scale = n ? scale_of(best, n, own) : 0;

    for (size_t i = 0; i < n; i++)
        a->pool[a->pool_n++] =
            (tdl_pooled){.item = by_model && !a->asked_n ? tdl_answer_item(&a->base, best[i].item)
                                                         : best[i].item,
                         .model_item = by_model ? best[i].item : -1,
                         .relevance = scale > 0 ? tdl_surface_log_odds((double)best[i].score, scale)
                                                : -(double)i};
}

/* Whoever may not be shown gets 0, which is never picked. */
static void block_scores(const tdl_surface_answer *a, float *scores, size_t items_n)
{
    bool catalogues = a->asked_n || a->base.live_scores; // numbers
    const tdl_serving *serving = a->base.serving;

    for (size_t at = 0; at < tdl_bits_words(a->base.catalogue_n); at++)
        for (uint64_t w = a->blocked[at]; w; w &= w - 1) {
            int32_t item = tdl_bits_first(w, at);
            if (!catalogues)
                item = (size_t)item < serving->catalogue_n ? serving->to_model[item] : -1;
            if (item >= 0)
                scores[item] = 0;
        }
    for (size_t i = 0; !catalogues && serving->catalogue_n > a->base.catalogue_n && i < items_n;
         i++) // the model is newer than the question
        if ((size_t)serving->to_catalogue[i] >= a->base.catalogue_n)
            scores[i] = 0;
}

/* The best of one rung's scores, which are changed; own: scaled by the largest. */
static tdl_status pool_scores(tdl_surface_answer *a, float *scores, size_t items_n, bool own,
                              tdl_report *why)
{
    tdl_scored *best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *best);

    if (!best)
        return tdl_answer_no_memory(why);
    block_scores(a, scores, items_n);
    add_scored(a, best, tdl_top_spoken(scores, items_n, NULL, best, TDL_POOL), own, true);
    return TDL_OK;
}

/* The same of one that says of whom it speaks. */
static tdl_status pool_spoken(tdl_surface_answer *a, const tdl_asked_part *one, tdl_report *why)
{
    tdl_scored *best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *best);

    if (!best)
        return tdl_answer_no_memory(why);
    size_t n = tdl_top_among(one->scores, one->spoken, tdl_bits_words(a->base.catalogue_n),
                             a->blocked, 0, best, TDL_POOL);
    add_scored(a, best, n, one->part->contender->own, true);
    return TDL_OK;
}

tdl_status tdl_surface_pool_alone(tdl_surface_answer *a, tdl_report *why)
{
    const tdl_asked_part *one = &a->asked[0];

    if (one->spoken)
        return pool_spoken(a, one, why);
    if (one->scores)
        return pool_scores(a, one->scores, a->base.catalogue_n, one->part->contender->own, why);
    add_scored(a, one->best, one->best_n, one->part->contender->own, true);
    return TDL_OK;
}

static tdl_status pool_rung(tdl_surface_answer *a, tdl_report *why)
{
    size_t items_n = tdl_answer_items_n(&a->base);
    float *scores = tdl_arena_alloc(a->base.arena, items_n, sizeof *scores);
    tdl_status st;

    if (!scores)
        return tdl_answer_no_memory(why);
    st = tdl_answer_score(&a->base, scores, why);
    return st ? st : pool_scores(a, scores, items_n, false, why);
}

tdl_status tdl_surface_pool_model(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = allot(a, why);

    if (!st && a->asked_n)
        st = tdl_surface_pool_mix(a, why);
    else if (!st && a->base.ops)
        st = pool_rung(a, why);
    if (st || a->pool_n)
        return st;
    a->asked_n = 0;
    if (a->base.ops) { // the model has nothing to say about such a history
        a->base.ops = NULL;
        a->base.fallback = "stranger";
    }
    return TDL_OK;
}

/* ---- the others', under the lock ---- */

static bool is_pooled(const tdl_surface_answer *a, int32_t item)
{
    for (size_t i = 0; i < a->pool_n; i++)
        if (a->pool[i].item == item)
            return true;
    return false;
}

static double least_relevance(const tdl_surface_answer *a)
{
    double least = 0;

    for (size_t i = 0; i < a->pool_n; i++)
        least = fmin(least, a->pool[i].relevance);
    return least;
}

/* By popularity, among those of `blocked` that are not; below all that the model spoke of. */
static void add_popular(tdl_surface_answer *a, const uint64_t *blocked, size_t n, tdl_scored *best)
{
    double least = fmin(least_relevance(a), tdl_surface_log_odds(0, 1));
    bool spoken = a->pool_n > 0;

    n = tdl_top(tdl_catalogue_users(a->base.app->catalogue), a->base.catalogue_n, blocked, -1,
                INFINITY, best, n);
    if (!spoken) {
        add_scored(a, best, n, false, false);
        return;
    }
    for (size_t i = 0; i < n; i++)
        a->pool[a->pool_n++] = (tdl_pooled){
            .item = best[i].item,
            .model_item = -1,
            .relevance = least + log(((double)best[i].score + 1) / ((double)best[0].score + 1)) -
                         1e-3 * (double)(i + 1)};
}

/* Nobody had them: they are not popular, and may stand there by their content. */
static void drop_unknown(tdl_surface_answer *a)
{
    const float *users = tdl_catalogue_users(a->base.app->catalogue);

    while (a->pool_n && !(users[a->pool[a->pool_n - 1].item] > 0))
        a->pool_n--;
}

/* Guaranteed impressions: items that were described, that few have, and that were shown least. */
static bool is_new(const tdl_surface_answer *a, int32_t item)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;

    return tdl_catalogue_users(catalogue)[item] < TDL_NEW_USERS &&
           tdl_catalogue_record(catalogue, item) &&
           tdl_catalogue_impressions(catalogue, item) < a->policy->explore.impressions;
}

/* blocked: those in the pool already, and those that may not be shown */
static void add_new(tdl_surface_answer *a, const uint64_t *blocked)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    int32_t found[TDL_POOL_NEW];
    size_t n = 0;
    double least = least_relevance(a);

    for (size_t i = a->base.catalogue_n; i-- > 0;) { // the newest first
        int32_t item = (int32_t)i;
        if (tdl_bits_has(blocked, item) || !is_new(a, item))
            continue;
        size_t at = n < TDL_POOL_NEW ? n++ : TDL_POOL_NEW;
        size_t shown = tdl_catalogue_impressions(catalogue, item);
        for (; at > 0 && tdl_catalogue_impressions(catalogue, found[at - 1]) > shown; at--)
            if (at < TDL_POOL_NEW)
                found[at] = found[at - 1];
        if (at < TDL_POOL_NEW)
            found[at] = item;
        if (n == TDL_POOL_NEW && !tdl_catalogue_impressions(catalogue, found[n - 1]))
            break; // none can be better
    }
    for (size_t i = 0; i < n; i++)
        a->pool[a->pool_n++] =
            (tdl_pooled){.item = found[i], .model_item = -1, .relevance = least - 1};
}

static bool fits(const tdl_surface_answer *a, size_t rule, int32_t item)
{
    tdl_item_view view = tdl_item_view_of(a->base.app->catalogue, item);

    return tdl_expression_holds(&a->bound[rule], &view, tdl_item_view_at);
}

/* The most popular that fit a rule that nobody in the pool fits. */
static void add_fitting(tdl_surface_answer *a, size_t rule, uint64_t *blocked, tdl_scored *best)
{
    for (size_t i = 0; i < a->pool_n; i++)
        if (fits(a, rule, a->pool[i].item))
            return;
    memcpy(blocked, a->blocked, tdl_bits_words(a->base.catalogue_n) * sizeof *blocked);
    for (size_t i = 0; i < a->base.catalogue_n; i++)
        if (!tdl_surface_blocks(a, (int32_t)i) && !fits(a, rule, (int32_t)i))
            tdl_bits_set(blocked, (int32_t)i);
    add_popular(a, blocked, TDL_POOL_RULE, best);
}

/* What the rules of this time cannot do without. */
static void add_for_rules(tdl_surface_answer *a, uint64_t *blocked, tdl_scored *best)
{
    for (size_t i = 0; i < a->policy->rules_n; i++) {
        const tdl_rule *rule = &a->policy->rule[i];
        bool is_pin = rule->kind == TDL_RULE_PIN;
        if ((!is_pin && rule->kind != TDL_RULE_SLOT) || rule->slot > a->q.k ||
            (is_pin && (a->ask.time_us < rule->from_us || a->ask.time_us >= rule->until_us)))
            continue;
        if (rule->when) {
            add_fitting(a, i, blocked, best);
            continue;
        }
        int32_t item = tdl_catalogue_find(a->base.app->catalogue, rule->item);
        if (item >= 0 && !tdl_surface_blocks(a, item) && !is_pooled(a, item))
            a->pool[a->pool_n++] =
                (tdl_pooled){.item = item, .model_item = -1, .relevance = least_relevance(a) - 1};
    }
}

static void weigh(tdl_surface_answer *a)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;

    for (size_t i = 0; i < a->pool_n; i++) {
        tdl_pooled *one = &a->pool[i];
        if (a->policy->rules_n) // rules are asked without the lock, and nobody else
            one->record = tdl_record_take(tdl_catalogue_record(catalogue, one->item));
        one->is_new = a->policy->explore.impressions && is_new(a, one->item);
        for (size_t k = 0; k < a->policy->rules_n; k++) {
            const tdl_rule *rule = &a->policy->rule[k];
            if ((rule->kind == TDL_RULE_BOOST || rule->kind == TDL_RULE_BURY) &&
                fits(a, k, one->item))
                one->relevance += rule->by;
        }
    }
}

static void block_pooled(const tdl_surface_answer *a, uint64_t *blocked)
{
    for (size_t i = 0; i < a->pool_n; i++)
        tdl_bits_set(blocked, a->pool[i].item);
}

tdl_status tdl_surface_pool_rest(tdl_surface_answer *a, tdl_report *why)
{
    size_t words = tdl_bits_words(a->base.catalogue_n);
    uint64_t *blocked = tdl_arena_alloc(a->base.arena, words, sizeof *blocked);
    tdl_scored *best = tdl_arena_alloc(a->base.arena, TDL_POOL, sizeof *best);
    tdl_status st;

    if (!blocked || !best)
        return tdl_answer_no_memory(why);
    if (words)
        memcpy(blocked, a->blocked, words * sizeof *blocked);
    block_pooled(a, blocked);
    if (!a->pool_n && a->base.asked_item < 0 && !a->by_context) {
        add_popular(a, blocked, TDL_POOL, best);
        drop_unknown(a);
        block_pooled(a, blocked);
    }
    if ((st = tdl_surface_pool_content(a, blocked, why)))
        return st;
    block_pooled(a, blocked);
    if (a->pool_n < TDL_POOL)
        add_popular(a, blocked, TDL_POOL - a->pool_n, best);
    block_pooled(a, blocked);
    if (a->q.explore && a->policy->explore.impressions && a->policy->explore.share > 0)
        add_new(a, blocked);
    add_for_rules(a, blocked, best);
    weigh(a);
    return TDL_OK;
}

void tdl_surface_pool_release(tdl_surface_answer *a)
{
    for (size_t i = 0; i < a->pool_n; i++)
        tdl_record_free(a->pool[i].record);
}
