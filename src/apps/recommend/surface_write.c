/* Writing an answer for a surface down: under the lock, what the catalogue says of the items. */
#include <string.h>

#include "apps/recommend/surface_answer.h"

/* ---- the decision ---- */

/* The slate, and as many runners-up: those in the pool that no slot took. */
static tdl_status list_candidates(tdl_surface_answer *a, tdl_decision *ret, tdl_report *why)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    size_t n = 0;
    tdl_candidate *candidate =
        tdl_arena_alloc(a->base.arena, a->slots_n + a->q.k, sizeof *candidate);
    bool *taken = tdl_arena_zalloc(a->base.arena, a->pool_n, sizeof *taken);

    if (!candidate || !taken)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->slots_n; i++) {
        const tdl_pooled *one = &a->pool[a->slot[i].candidate];
        taken[a->slot[i].candidate] = true;
        candidate[n++] = (tdl_candidate){.item = tdl_catalogue_id(catalogue, one->item),
                                         .score = tdl_answer_rounded(one->relevance),
                                         .propensity = a->slot[i].propensity,
                                         .chosen = true};
    }
    for (size_t i = 0; i < a->pool_n && n < a->slots_n + a->q.k; i++)
        if (!taken[i])
            candidate[n++] = (tdl_candidate){.item = tdl_catalogue_id(catalogue, a->pool[i].item),
                                             .score = tdl_answer_rounded(a->pool[i].relevance)};
    ret->candidates = candidate;
    ret->candidates_n = n;
    a->base.candidate = candidate;
    return TDL_OK;
}

static void tell_rule(tdl_surface_answer *a, tdl_slot_told *told, const tdl_rule *rule)
{
    size_t number = tdl_effects_rule(a->effects, rule);

    if (number < TDL_RULES_MAX && told->rules_n < TDL_EFFECTS_RULES)
        told->rule[told->rules_n++] = (uint8_t)number;
}

/* Of each slot, which parts alone would have chosen as chance and the rules did, among those that
 * no slot above has; of equal ones the first in the pool. False: no memory. */
static bool tell_firsts(tdl_surface_answer *a)
{
    float *score = tdl_arena_alloc(a->base.arena, a->pool_n, sizeof *score);
    bool *above = tdl_arena_alloc(a->base.arena, a->pool_n, sizeof *above);

    if (!score || !above)
        return false;
    for (size_t r = 0; r < a->asked_n; r++) {
        for (size_t c = 0; c < a->pool_n; c++) {
            const tdl_pooled *one = &a->pool[c];
            above[c] = false;
            score[c] =
                one->model_item >= 0 ? tdl_surface_part_score(a, &a->asked[r], one->item) : 0;
        }
        for (size_t i = 0; i < a->slots_n; i++) {
            size_t best = a->pool_n;
            for (size_t c = 0; c < a->pool_n; c++)
                if (!above[c] && (best == a->pool_n || score[c] > score[best]))
                    best = c;
            if (best == a->slot[i].candidate)
                a->effects->slot[i].firsts |= (uint8_t)(1U << r);
            above[a->slot[i].candidate] = true;
        }
    }
    return true;
}

/* Boosts and buries that the item met, what it stands in its slot for, and what made way for it. */
static void tell_slot(tdl_surface_answer *a, size_t at)
{
    const tdl_slot *slot = &a->slot[at];
    const tdl_pooled *one = &a->pool[slot->candidate];
    tdl_item_view view = tdl_item_view_of(a->base.app->catalogue, one->item);
    tdl_slot_told *told = &a->effects->slot[at];

    *told = (tdl_slot_told){.forced = slot->forced,
                            .explored = slot->explored,
                            .estimated = slot->estimated,
                            .pool_n = (uint32_t)slot->pool_n,
                            .u = slot->u,
                            .source = slot->forced           ? TDL_SOURCE_PIN
                                      : slot->fresh          ? TDL_SOURCE_NEW
                                      : one->model_item >= 0 ? TDL_SOURCE_MODEL
                                      : one->by_content      ? TDL_SOURCE_CONTENT
                                                             : TDL_SOURCE_POPULAR};
    for (size_t r = 0; r < a->asked_n; r++)
        told->score[r] =
            one->model_item >= 0 ? tdl_surface_part_score(a, &a->asked[r], one->item) : 0;
    for (size_t i = 0; i < a->policy->rules_n; i++) {
        const tdl_rule *rule = &a->policy->rule[i];
        if ((rule->kind == TDL_RULE_BOOST || rule->kind == TDL_RULE_BURY) &&
            tdl_expression_holds(&a->bound[i], &view, tdl_item_view_at))
            tell_rule(a, told, rule);
    }
    if (slot->by)
        tell_rule(a, told, slot->by);
    if (slot->above) {
        size_t number = tdl_effects_rule(a->effects, slot->above);
        told->above = number < TDL_RULES_MAX ? (uint8_t)(number + 1) : 0;
    }
}

/* ---- the answer ---- */

/* Brief questions are answered under the names that their answers always had. */
typedef struct answer_names {
    const char *snapshot, *serves, *why;
} answer_names;
static const answer_names names_of[] = {
    [false] = {"snapshot", "serves", "why"}, [true] = {"model", "rung", "reasons"}};

static const char *source_of(const tdl_surface_answer *a, tdl_source source, int32_t model_item)
{
    if (source != TDL_SOURCE_MODEL)
        return tdl_source_name(source);
    return a->asked_n ? a->asked[tdl_surface_largest_part(a, model_item)].part->contender->name
                      : a->base.ops->name;
}

static void write_item(const tdl_surface_answer *a, size_t at, const tdl_packed_reason *reasons,
                       tdl_jw *w)
{
    const tdl_pick *pick = &a->base.picks[at];
    const tdl_slot_told *told = &a->effects->slot[at];

    tdl_jw_object(w);
    tdl_buf_str(w->out, TDL_STR("\"id\":"));
    tdl_buf_str(w->out, tdl_catalogue_json(a->base.app->catalogue, pick->item));
    w->has_member[w->depth - 1] = true; // what was written by hand
    tdl_jw_kint(w, "rank", (int64_t)at + 1);
    tdl_jw_knumber(w, "score", a->base.candidate[at].score);
    tdl_jw_knumber(w, "propensity", a->slot[at].propensity);
    tdl_jw_ktext(w, "source", source_of(a, told->source, pick->model_item));
    if (a->effects->parts_n > 1) {
        tdl_jw_key(w, "parts");
        tdl_effects_write_parts(a->effects, at, w);
    }
    tdl_jw_key(w, names_of[a->q.brief].why);
    tdl_jw_array(w);
    if (pick->reasons_n) {
        tdl_answer_write_reasons(w->out, &a->base, reasons, pick->reasons_n);
        w->has_member[w->depth - 1] = true;
    }
    if (a->q.explain)
        tdl_effects_write_causes(a->effects, at, w);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "rules");
    tdl_effects_write_rules(a->effects, at, w);
    tdl_jw_end_object(w);
}

/* The member "items", and the same packed for the decision's row. */
static tdl_str write_items(tdl_surface_answer *a, tdl_jw *w)
{
    char *packed = tdl_answer_start_packing(&a->base, tdl_effects_room(a->effects)), *end = packed;

    if (!packed)
        return (tdl_str){0};
    end = tdl_effects_pack(end, a->effects);
    end = tdl_causes_pack(end, a->base.cause, a->base.causes_n, a->slots_n);
    tdl_jw_key(w, "items");
    tdl_jw_array(w);
    for (size_t i = 0; i < a->slots_n; i++) {
        tdl_packed_reason reasons[TDL_REASONS_MAX];
        tdl_answer_number_reasons(&a->base, &a->base.picks[i], reasons);
        write_item(a, i, reasons, w);
        end = tdl_reasons_pack(end, reasons, a->base.picks[i].reasons_n);
    }
    tdl_jw_end_array(w);
    return (tdl_str){packed, (size_t)(end - packed)};
}

/* What keeps how many items away, the first reason of each; of a large catalogue the first
 * EXCLUDED_LOOKED_AT items stand for it. */
static void write_excluded(const tdl_surface_answer *a, tdl_jw *w)
{
    enum { EXCLUDED_LOOKED_AT = 20000 };
    static const char *const reasons[] = {"deleted", "unavailable", "stock",
                                          "date",    "margin",      "region",
                                          "where",   "filter",      "seen_or_excluded"};
    enum { REASONS = sizeof reasons / sizeof *reasons };
    int64_t count[REASONS] = {0};
    size_t n = a->base.catalogue_n < EXCLUDED_LOOKED_AT ? a->base.catalogue_n : EXCLUDED_LOOKED_AT;

    for (size_t i = 0; i < n; i++) {
        if (!tdl_surface_blocks(a, (int32_t)i))
            continue;
        const char *reason = tdl_eligible_not(&a->eligible, a->base.app->catalogue, (int32_t)i);
        size_t at = 0;
        while (at < REASONS - 1 && (!reason || strcmp(reasons[at], reason) != 0))
            at++;
        count[at]++;
    }
    tdl_jw_key(w, "excluded");
    tdl_jw_object(w);
    for (size_t at = 0; at < REASONS; at++)
        if (count[at])
            tdl_jw_kint(w, reasons[at], count[at]);
    tdl_jw_end_object(w);
}

/* Why there are fewer than were asked for. */
static void write_short(const tdl_surface_answer *a, tdl_jw *w)
{
    tdl_jw_key(w, "short");
    if (a->suppressed || a->slots_n >= a->q.k) {
        tdl_jw_null(w);
        return;
    }
    tdl_jw_object(w);
    tdl_jw_kint(w, "eligible", (int64_t)a->eligible_n);
    tdl_jw_kint(w, "items", (int64_t)a->base.catalogue_n);
    tdl_jw_ktext(w, "reason",
                 !a->base.catalogue_n     ? "empty_catalogue"
                 : !a->eligible_n         ? "nothing_eligible"
                 : a->eligible_n < a->q.k ? "few_eligible"
                                          : "caps");
    write_excluded(a, w);
    tdl_jw_end_object(w);
}

static void write_warnings(const tdl_surface_answer *a, tdl_jw *w)
{
    enum { NAMED = 20 };

    tdl_jw_key(w, "warnings");
    tdl_jw_array(w);
    for (size_t i = 0; i < a->unknown_n && i < NAMED; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "kind", "unknown_item");
        tdl_jw_kstr(w, "item", a->unknown[i]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* Of a preview: what the model would have shown, and what keeps it away. */
static void write_removed(const tdl_surface_answer *a, tdl_jw *w)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    size_t told = 0;

    tdl_jw_key(w, "removed");
    tdl_jw_array(w);
    for (size_t i = 0; i < a->base.catalogue_n && told < a->q.k; i++) {
        const char *reason = tdl_eligible_not(&a->eligible, catalogue, (int32_t)i);
        if (!reason)
            continue;
        told++;
        tdl_jw_object(w);
        tdl_buf_str(w->out, TDL_STR("\"id\":"));
        tdl_buf_str(w->out, tdl_catalogue_json(catalogue, (int32_t)i));
        w->has_member[w->depth - 1] = true;
        tdl_jw_ktext(w, "reason", reason);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* No model knows what is asked about, but what it says of itself answers. */
static bool by_content(const tdl_surface_answer *a)
{
    return a->base.asked_item >= 0 && a->slots_n && a->pool[a->slot[0].candidate].by_content;
}

static void write_head(const tdl_surface_answer *a, tdl_jw *w)
{
    const answer_names *names = &names_of[a->q.brief];

    tdl_jw_kstr(w, "surface", a->surface->name);
    tdl_jw_kint(w, "policy", a->surface->version);
    if (!a->q.brief) { // else whoever asked has said it
        tdl_jw_key(w, "user");
        if (a->q.user.len)
            tdl_jw_str(w, a->q.user);
        else
            tdl_jw_null(w);
    }
    tdl_jw_key(w, names->snapshot);
    if (a->base.serving)
        tdl_jw_str(w, a->base.serving->snapshot->version);
    else
        tdl_jw_null(w);
    tdl_jw_ktext(w, names->serves,
                 a->asked_n > 1    ? "blend"
                 : a->asked_n == 1 ? a->asked[0].part->contender->name
                 : a->base.ops     ? a->base.ops->name
                 : by_content(a)   ? "content"
                                   : "popularity");
    tdl_jw_ktext(w, "fallback", a->base.fallback);
    tdl_jw_ktext(w, "suppressed", a->suppressed);
    write_short(a, w);
    write_warnings(a, w);
}

tdl_status tdl_surface_answer_write(tdl_surface_answer *a, tdl_decision *ret, tdl_jw *w,
                                    tdl_report *why)
{
    tdl_status st = list_candidates(a, ret, why);

    if (st)
        return st;
    a->effects->surface = a->surface->name;
    a->effects->version = a->surface->version;
    a->effects->slots_n = a->slots_n;
    a->effects->parts_n = a->asked_n;
    for (size_t r = 0; r < a->asked_n; r++)
        a->effects->part[r] = (tdl_part_told){.name = tdl_str_of(a->asked[r].part->contender->name),
                                              .weight = a->asked[r].weight,
                                              .scale = a->asked[r].scale};
    for (size_t i = 0; i < a->slots_n; i++) {
        tell_slot(a, i);
        if (!a->ask.preview)
            tdl_catalogue_show(a->base.app->catalogue, a->pool[a->slot[i].candidate].item);
    }
    if (!tell_firsts(a))
        return tdl_answer_no_memory(why);
    write_head(a, w);
    if (!tdl_answer_list_causes(&a->base))
        return tdl_answer_no_memory(why);
    ret->why = write_items(a, w);
    if (a->ask.preview)
        write_removed(a, w);
    return ret->why.at && !w->out->failed ? TDL_OK : tdl_answer_no_memory(why);
}
