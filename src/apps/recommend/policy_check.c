/* Rules that cannot all be kept are told when they are saved, not when they fail. */
#include "apps/recommend/policy.h"

tdl_item_view tdl_item_view_of(const tdl_catalogue *catalogue, int32_t item)
{
    return (tdl_item_view){
        .record = tdl_catalogue_record(catalogue, item),
        .id = {.kind = TDL_OPERAND_TEXT, .text = tdl_catalogue_id(catalogue, item)}};
}

const tdl_operand *tdl_item_view_at(const void *item, int32_t attribute)
{
    const tdl_item_view *view = item;

    return attribute == TDL_ATTRIBUTE_ID ? &view->id : tdl_record_at(view->record, attribute);
}

static tdl_status refuse(tdl_report *why, tdl_str one, tdl_str other, const char *what)
{
    return TDL_FAIL(why, TDL_E_INVALID, "rules \"%.*s\" and \"%.*s\" contradict each other: %s",
                    TDL_FMT(one), TDL_FMT(other), what);
}

static bool overlap(const tdl_rule *a, const tdl_rule *b)
{
    return a->from_us < b->until_us && b->from_us < a->until_us;
}

static tdl_status check_slots(const tdl_policy *p, tdl_report *why)
{
    for (size_t i = 0; i < p->rules_n; i++)
        for (size_t k = i + 1; k < p->rules_n; k++) {
            const tdl_rule *a = &p->rule[i], *b = &p->rule[k];
            if (a->kind != b->kind || a->slot != b->slot)
                continue;
            if (a->kind == TDL_RULE_PIN && overlap(a, b))
                return refuse(why, a->name, b->name, "both pin the same slot at the same time");
            if (a->kind == TDL_RULE_SLOT)
                return refuse(why, a->name, b->name, "both say who may stand in the same slot");
        }
    return TDL_OK;
}

/* Is it false of the item for every request? What depends on the request cannot be told. */
static bool forbids(const tdl_expression *e, const tdl_catalogue *catalogue, int32_t item,
                    tdl_arena *arena)
{
    tdl_item_view view = tdl_item_view_of(catalogue, item);
    tdl_bound bound;

    return e && !tdl_expression_asks_context(e) && !tdl_expression_asks_user(e) &&
           tdl_expression_bind(e, tdl_catalogue_attributes(catalogue), NULL, NULL, arena, &bound) &&
           !tdl_expression_holds(&bound, &view, tdl_item_view_at);
}

static tdl_status check_pin(const tdl_policy *p, const tdl_rule *pin, int32_t item,
                            const tdl_catalogue *catalogue, tdl_arena *arena, tdl_report *why)
{
    if (forbids(p->where, catalogue, item, arena))
        return refuse(why, pin->name, TDL_STR("where"), "the pinned item is never to be shown");
    for (size_t i = 0; i < p->rules_n; i++) {
        const tdl_rule *slot = &p->rule[i];
        if (slot->kind == TDL_RULE_SLOT && slot->slot == pin->slot &&
            forbids(slot->when, catalogue, item, arena))
            return refuse(why, pin->name, slot->name, "the pinned item may not stand in its slot");
    }
    return TDL_OK;
}

static const tdl_operand *value_of(const tdl_catalogue *catalogue, const tdl_rule *pin,
                                   int32_t attribute)
{
    int32_t item = pin->item.len ? tdl_catalogue_find(catalogue, pin->item) : -1;

    return item < 0 ? NULL : tdl_record_at(tdl_catalogue_record(catalogue, item), attribute);
}

/* Pins of one time that share a value with `pin`, itself included, must not be more than `most`. */
static tdl_status check_cap(const tdl_policy *p, const tdl_rule *cap, const tdl_rule *pin,
                            const tdl_catalogue *catalogue, tdl_report *why)
{
    int32_t attribute = tdl_attributes_find(tdl_catalogue_attributes(catalogue), cap->attribute);
    const tdl_operand *value = value_of(catalogue, pin, attribute);
    size_t n = 0;

    for (size_t i = 0; value && i < p->rules_n; i++) {
        const tdl_rule *other = &p->rule[i];
        const tdl_operand *theirs =
            other->kind == TDL_RULE_PIN ? value_of(catalogue, other, attribute) : NULL;
        n += theirs && overlap(pin, other) && tdl_operand_meet(value, theirs);
    }
    return n > cap->most
               ? refuse(why, cap->name, pin->name, "more items are pinned than the cap allows")
               : TDL_OK;
}

tdl_status tdl_policy_check(const tdl_policy *p, const tdl_catalogue *catalogue, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(TDL_POLICY_BYTES);
    tdl_status st =
        arena ? check_slots(p, why) : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a policy");

    for (size_t i = 0; !st && i < p->rules_n; i++) {
        const tdl_rule *pin = &p->rule[i];
        if (pin->kind != TDL_RULE_PIN || !pin->item.len)
            continue;
        int32_t item = tdl_catalogue_find(catalogue, pin->item);
        if (item < 0) {
            st = TDL_FAIL(why, TDL_E_INVALID, "rule \"%.*s\": there is no item \"%.*s\"",
                          TDL_FMT(pin->name), TDL_FMT(pin->item));
            break;
        }
        st = check_pin(p, pin, item, catalogue, arena, why);
        for (size_t k = 0; !st && k < p->rules_n; k++)
            if (p->rule[k].kind == TDL_RULE_CAP)
                st = check_cap(p, &p->rule[k], pin, catalogue, why);
    }
    tdl_arena_free(arena);
    return st;
}
