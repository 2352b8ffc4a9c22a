#include "apps/recommend/eligible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- what holds whoever asks ---- */

void tdl_eligible_kept_init(tdl_eligible_kept *kept)
{
    *kept = (tdl_eligible_kept){0};
    pthread_mutex_init(&kept->lock, NULL);
}

void tdl_eligible_kept_release(tdl_eligible_kept *kept)
{
    free(kept->blocked);
    pthread_mutex_destroy(&kept->lock);
}

bool tdl_eligible_kept_ready(tdl_eligible_kept *kept)
{
    pthread_mutex_lock(&kept->lock);
    bool ready = kept->items_n > 0;
    pthread_mutex_unlock(&kept->lock);
    return ready;
}

static void look(const tdl_eligible_ask *fixed, const tdl_catalogue *catalogue, int32_t item,
                 tdl_eligible_kept *kept)
{
    const tdl_record *record = tdl_catalogue_record(catalogue, item);
    uint64_t bit = UINT64_C(1) << ((uint32_t)item % TDL_BITS);

    if (tdl_eligible_not(fixed, catalogue, item))
        kept->blocked[(uint32_t)item / TDL_BITS] |= bit;
    else
        kept->blocked[(uint32_t)item / TDL_BITS] &= ~bit;
    if (!record)
        return;
    const tdl_operand *regions = tdl_record_at(record, TDL_ATTRIBUTE_OF(regions));
    kept->regions |= regions && regions->items_n;
    if (record->published_us > fixed->now_us && record->published_us < kept->until_us)
        kept->until_us = record->published_us;
    if (record->expires_us > fixed->now_us && record->expires_us < kept->until_us)
        kept->until_us = record->expires_us;
}

static bool make_room(tdl_eligible_kept *kept, size_t items_n)
{
    size_t words = tdl_bits_words(items_n);

    if (words <= kept->cap)
        return true;
    uint64_t *grown = realloc(kept->blocked, 2 * words * sizeof *grown);
    if (!grown)
        return false;
    kept->blocked = grown;
    kept->cap = 2 * words;
    return true;
}

/* Under its lock. */
static bool refresh(const tdl_eligible_ask *fixed, const tdl_catalogue *catalogue, size_t items_n,
                    tdl_eligible_kept *kept)
{
    uint64_t described = tdl_catalogue_described(catalogue);
    bool anew = !kept->items_n || fixed->now_us < kept->from_us ||
                fixed->now_us >= kept->until_us || described - kept->described > TDL_DESCRIBED_KEPT;

    if (!make_room(kept, items_n))
        return false;
    if (anew) {
        kept->items_n = 0;
        kept->from_us = fixed->now_us;
        kept->until_us = INT64_MAX;
        kept->regions = false;
    }
    for (uint64_t at = kept->described; !anew && at < described; at++) {
        int32_t item = tdl_catalogue_described_at(catalogue, at);
        if ((size_t)item < kept->items_n)
            look(fixed, catalogue, item, kept);
    }
    for (; kept->items_n < items_n; kept->items_n++) {
        if (kept->items_n % TDL_BITS == 0)
            kept->blocked[kept->items_n / TDL_BITS] = 0;
        look(fixed, catalogue, (int32_t)kept->items_n, kept);
    }
    kept->described = described;
    return true;
}

/* ---- what depends on the question ---- */

bool tdl_eligible_block(const tdl_eligible_ask *a, const tdl_catalogue *catalogue, size_t items_n,
                        tdl_eligible_kept *kept, uint64_t *blocked)
{
    bool where_asks = a->where && (tdl_expression_asks_context(a->where->expression) ||
                                   tdl_expression_asks_user(a->where->expression));
    tdl_eligible_ask fixed = *a;

    fixed.where = where_asks ? NULL : a->where;
    fixed.filter = NULL;
    fixed.region = (tdl_str){0};
    pthread_mutex_lock(&kept->lock);
    bool ok = refresh(&fixed, catalogue, items_n, kept), regions = kept->regions && a->region.len;
    if (ok && items_n)
        memcpy(blocked, kept->blocked, tdl_bits_words(items_n) * sizeof *blocked);
    if (ok && items_n % TDL_BITS) // another question may have seen more items already
        blocked[items_n / TDL_BITS] &= (UINT64_C(1) << (items_n % TDL_BITS)) - 1;
    pthread_mutex_unlock(&kept->lock);
    if (!ok || (!where_asks && !a->filter && !regions))
        return ok;
    for (size_t i = 0; i < items_n; i++)
        if (!tdl_bits_has(blocked, (int32_t)i) && tdl_eligible_not(a, catalogue, (int32_t)i))
            tdl_bits_set(blocked, (int32_t)i);
    return true;
}
