#include "apps/recommend/eligible.h"

#include <math.h>

#include "apps/recommend/top.h"

/* (price - cost) / price, or what the item says its margin is; NAN: neither is said. */
static double margin_of(const tdl_record *record, const tdl_attributes *known)
{
    const tdl_operand *margin =
        tdl_record_at(record, tdl_attributes_find(known, TDL_STR("margin")));
    const tdl_operand *cost = tdl_record_at(record, tdl_attributes_find(known, TDL_STR("cost")));
    const tdl_operand *price = tdl_record_at(record, TDL_ATTRIBUTE_OF(price));

    if (margin && margin->kind == TDL_OPERAND_NUMBER)
        return margin->number;
    if (!cost || !price || cost->kind != TDL_OPERAND_NUMBER || price->kind != TDL_OPERAND_NUMBER ||
        !(price->number > 0))
        return NAN;
    return (price->number - cost->number) / price->number;
}

static bool is_in_region(const tdl_record *record, tdl_str region)
{
    const tdl_operand *regions = tdl_record_at(record, TDL_ATTRIBUTE_OF(regions));
    const tdl_operand here = {.kind = TDL_OPERAND_TEXT, .text = region};

    return !region.len || !regions || !regions->items_n || tdl_operand_among(&here, regions);
}

static const char *record_not(const tdl_eligible_ask *a, const tdl_record *r,
                              const tdl_attributes *known)
{
    if (r->deleted)
        return "deleted";
    if (!r->available)
        return "unavailable";
    if (r->stock >= 0 && r->stock < a->policy->stock_floor)
        return "stock";
    if (a->now_us < r->published_us || a->now_us >= r->expires_us)
        return "date";
    if (!isnan(a->policy->margin_floor) && margin_of(r, known) < a->policy->margin_floor)
        return "margin";
    return is_in_region(r, a->region) ? NULL : "region";
}

const char *tdl_eligible_not(const tdl_eligible_ask *a, const tdl_catalogue *catalogue,
                             int32_t item)
{
    tdl_item_view view = tdl_item_view_of(catalogue, item);
    const char *reason =
        view.record ? record_not(a, view.record, tdl_catalogue_attributes(catalogue)) : NULL;

    if (!reason && a->where && !tdl_expression_holds(a->where, &view, tdl_item_view_at))
        reason = "where";
    if (!reason && a->filter && !tdl_expression_holds(a->filter, &view, tdl_item_view_at))
        reason = "filter";
    return reason;
}

void tdl_eligible_block(const tdl_eligible_ask *a, const tdl_catalogue *catalogue, size_t items_n,
                        uint64_t *blocked)
{
    for (size_t i = 0; i < items_n; i++)
        if (tdl_eligible_not(a, catalogue, (int32_t)i))
            tdl_bits_set(blocked, (int32_t)i);
}
