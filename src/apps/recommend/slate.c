#include "apps/recommend/slate.h"

#include <math.h>

static const size_t NOBODY = SIZE_MAX;

typedef struct slate {
    const tdl_slate_ask *ask;
    tdl_diversity diversity;
    bool *taken;          /* [n] stands in the answer */
    bool *reserved;       /* [n] a pin wants it, now or later */
    size_t *pinned;       /* [k] candidate of the pin on one item; NOBODY */
    const tdl_rule **pin; /* [k] the pin of now; NULL = none */
    /* of the slot at hand */
    size_t *allowed; /* [allowed_n] candidates */
    size_t allowed_n;
    double *objective; /* [allowed_n] */
    double *chance;    /* [allowed_n] */
    bool *is_new;      /* [allowed_n] */
} slate;

static bool holds(const slate *s, const tdl_rule *rule, size_t candidate)
{
    const tdl_slate_ask *a = s->ask;

    return tdl_expression_holds(&a->bound[rule - a->policy->rule], &a->candidate[candidate].view,
                                tdl_item_view_at);
}

/* ---- caps ---- */

static const tdl_operand *value_of(const slate *s, size_t candidate, int32_t attribute)
{
    return attribute < 0 ? NULL : tdl_item_view_at(&s->ask->candidate[candidate].view, attribute);
}

/* Is there room for one more of its kind? The reserved ones count as if they stood there. */
static bool has_room(const slate *s, const tdl_rule *cap, size_t candidate)
{
    int32_t attribute = s->ask->cap_attribute[cap - s->ask->policy->rule];
    const tdl_operand *value = value_of(s, candidate, attribute);
    size_t n = value && value->kind == TDL_OPERAND_LIST ? value->items_n : 1;

    for (size_t k = 0; value && k < n; k++) {
        const tdl_operand *one = value->kind == TDL_OPERAND_LIST ? &value->item[k] : value;
        size_t same = 0;
        for (size_t i = 0; i < s->ask->n && same < cap->most; i++)
            if ((s->taken[i] || s->reserved[i]) && i != candidate) {
                const tdl_operand *other = value_of(s, i, attribute);
                same += other && tdl_operand_meet(one, other);
            }
        if (same >= cap->most)
            return false;
    }
    return true;
}

/* The first cap that keeps it out; NULL: none. */
static const tdl_rule *capped_by(const slate *s, size_t candidate)
{
    const tdl_policy *p = s->ask->policy;

    for (size_t i = 0; i < p->rules_n; i++)
        if (p->rule[i].kind == TDL_RULE_CAP && !has_room(s, &p->rule[i], candidate))
            return &p->rule[i];
    return NULL;
}

/* ---- who may have the slot ---- */

static const tdl_rule *slot_rule(const slate *s, size_t slot)
{
    const tdl_policy *p = s->ask->policy;

    for (size_t i = 0; i < p->rules_n; i++)
        if (p->rule[i].kind == TDL_RULE_SLOT && p->rule[i].slot == slot)
            return &p->rule[i];
    return NULL;
}

/* Leaves in `allowed` those for whom the rule holds, if there are any. */
static bool narrow(slate *s, const tdl_rule *rule)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->allowed_n; i++)
        kept += holds(s, rule, s->allowed[i]);
    if (!kept)
        return false;
    kept = 0;
    for (size_t i = 0; i < s->allowed_n; i++)
        if (holds(s, rule, s->allowed[i]))
            s->allowed[kept++] = s->allowed[i];
    s->allowed_n = kept;
    return true;
}

static size_t best_allowed(slate *s)
{
    return tdl_diversity_best(&s->diversity, s->allowed, s->allowed_n);
}

/* slot->above: the rule that keeps out one who is better than all that are let in. */
static void allow(slate *s, tdl_slot *slot, size_t number)
{
    const tdl_rule *rule = slot_rule(s, number), *cap, *above = NULL;
    double best = -INFINITY;

    s->allowed_n = 0;
    for (size_t i = 0; i < s->ask->n; i++) {
        if (s->taken[i] || s->reserved[i])
            continue;
        if (!(cap = capped_by(s, i))) {
            s->allowed[s->allowed_n++] = i;
        } else if (s->diversity.objective[i] > best && tdl_diversity_at(&s->diversity, i) > best) {
            best = s->diversity.objective[i];
            above = cap;
        }
    }
    if (above && (!s->allowed_n || best > s->diversity.objective[s->allowed[best_allowed(s)]]))
        slot->above = above;
    if (rule && narrow(s, rule))
        slot->by = rule;
}

/* ---- filling ---- */

/* Where all objectives count. */
static size_t draw_by_objectives(slate *s, const tdl_explore_options *o, tdl_rng *rng,
                                 tdl_slot *slot)
{
    for (size_t i = 0; i < s->allowed_n; i++)
        s->objective[i] = tdl_diversity_at(&s->diversity, s->allowed[i]);
    tdl_explore_chances(o, s->objective, s->allowed_n, rng, s->chance);
    if (o->impressions)
        tdl_explore_mix_new(o->share, s->is_new, s->allowed_n, s->chance);
    size_t at = tdl_explore_draw(s->chance, s->allowed_n, slot->u);
    slot->propensity = s->chance[at];
    return at;
}

/* Who of `allowed` it is, and with which chance. */
static void draw(slate *s, tdl_slot *slot, size_t number)
{
    tdl_explore_options o = s->ask->policy->explore;
    tdl_rng rng = tdl_explore_rng(s->ask->decision_id, number);
    bool explored = s->ask->explore && number >= o.from_slot;
    size_t best = best_allowed(s), at;

    if (!explored)
        o.kind = TDL_EXPLORE_OFF;
    slot->u = tdl_rng_uniform(&rng);
    for (size_t i = 0; i < s->allowed_n; i++)
        s->is_new[i] = s->ask->candidate[s->allowed[i]].is_new;
    if (o.kind == TDL_EXPLORE_OFF || o.kind == TDL_EXPLORE_EPSILON)
        at = tdl_explore_draw_best(&o, best, s->is_new, s->allowed_n, explored, slot->u,
                                   &slot->propensity);
    else
        at = draw_by_objectives(s, &o, &rng, slot);
    slot->candidate = s->allowed[at];
    slot->pool_n = s->allowed_n;
    slot->explored = at != best;
    slot->fresh = slot->explored && s->is_new[at];
    slot->estimated = o.kind == TDL_EXPLORE_THOMPSON;
    if (slot->propensity == 1)
        slot->u = 0;
}

static void force(tdl_slot *slot, size_t candidate, const tdl_rule *pin)
{
    *slot =
        (tdl_slot){.candidate = candidate, .propensity = 1, .pool_n = 1, .forced = true, .by = pin};
}

/* False: nobody may have the slot. */
static bool fill(slate *s, size_t number, tdl_slot *slot)
{
    const tdl_rule *pin = s->pin[number - 1];
    size_t pinned = s->pinned[number - 1];

    *slot = (tdl_slot){0};
    if (pinned != NOBODY && !s->taken[pinned]) {
        force(slot, pinned, pin);
        return true;
    }
    allow(s, slot, number);
    if (pin && pin->when && narrow(s, pin)) {
        force(slot, s->allowed[best_allowed(s)], pin);
        return true;
    }
    if (!s->allowed_n)
        return false;
    draw(s, slot, number);
    return true;
}

static size_t find_candidate(const tdl_slate_ask *ask, tdl_str id)
{
    for (size_t i = 0; i < ask->n; i++)
        if (tdl_str_eq(ask->candidate[i].view.id.text, id))
            return i;
    return NOBODY;
}

/* Pins of now, and the candidates of those on one item. */
static void place_pins(slate *s)
{
    const tdl_slate_ask *a = s->ask;

    for (size_t i = 0; i < a->k; i++)
        s->pinned[i] = NOBODY;
    for (size_t i = 0; i < a->policy->rules_n; i++) {
        const tdl_rule *rule = &a->policy->rule[i];
        if (rule->kind != TDL_RULE_PIN || rule->slot > a->k || a->now_us < rule->from_us ||
            a->now_us >= rule->until_us)
            continue;
        s->pin[rule->slot - 1] = rule;
        if (!rule->item.len)
            continue;
        size_t candidate = find_candidate(a, rule->item);
        if (candidate == NOBODY || s->reserved[candidate])
            continue; // it may not be shown, or stands in a slot already
        s->pinned[rule->slot - 1] = candidate;
        s->reserved[candidate] = true;
    }
}

static bool start(slate *s, tdl_arena *arena)
{
    const tdl_slate_ask *a = s->ask;
    double *relevance = tdl_arena_alloc(arena, a->n, sizeof *relevance);

    s->taken = tdl_arena_zalloc(arena, a->n, sizeof *s->taken);
    s->reserved = tdl_arena_zalloc(arena, a->n, sizeof *s->reserved);
    s->pinned = tdl_arena_alloc(arena, a->k, sizeof *s->pinned);
    s->pin = tdl_arena_zalloc(arena, a->k, sizeof *s->pin);
    s->allowed = tdl_arena_alloc(arena, a->n, sizeof *s->allowed);
    s->objective = tdl_arena_alloc(arena, a->n, sizeof *s->objective);
    s->chance = tdl_arena_alloc(arena, a->n, sizeof *s->chance);
    s->is_new = tdl_arena_alloc(arena, a->n, sizeof *s->is_new);
    if (!relevance || !s->taken || !s->reserved || !s->pinned || !s->pin || !s->allowed ||
        !s->objective || !s->chance || !s->is_new)
        return false;
    for (size_t i = 0; i < a->n; i++)
        relevance[i] = a->candidate[i].relevance;
    return tdl_diversity_start(&s->diversity, &a->policy->diversity, relevance, a->n, a->k,
                               a->similarity, a->context, arena);
}

tdl_status tdl_slate_fill(const tdl_slate_ask *ask, tdl_arena *arena, tdl_slot *ret, size_t *ret_n,
                          tdl_report *why)
{
    slate s = {.ask = ask};
    size_t n = 0;

    if (!start(&s, arena))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the answer does not fit into the request's memory");
    place_pins(&s);
    for (size_t number = 1; number <= ask->k; number++) {
        if (!fill(&s, number, &ret[n]))
            continue;
        s.taken[ret[n].candidate] = true;
        tdl_diversity_take(&s.diversity, ret[n].candidate);
        n++;
    }
    *ret_n = n;
    return TDL_OK;
}
