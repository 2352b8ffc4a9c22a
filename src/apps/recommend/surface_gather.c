/* Under the lock: what the model is shown, and who may be shown at all. */
#include "apps/recommend/surface_answer.h"
#include "apps/recommend/top.h"

static void block(tdl_surface_answer *a, int32_t item)
{
    if (item >= 0 && (size_t)item < a->base.catalogue_n)
        tdl_bits_set(a->blocked, item);
}

/* ---- expressions ---- */

static tdl_status bind(tdl_surface_answer *a, const tdl_expression *e, tdl_bound *ret,
                       tdl_report *why)
{
    if (!e)
        return TDL_OK;
    return tdl_expression_bind(e, tdl_catalogue_attributes(a->base.app->catalogue), a->q.context,
                               a->traits, a->base.arena, ret)
               ? TDL_OK
               : tdl_answer_no_memory(why);
}

static tdl_status bind_all(tdl_surface_answer *a, tdl_report *why)
{
    const tdl_policy *p = a->policy;
    tdl_expression *filter = NULL;
    tdl_bound suppress = {0};
    tdl_item_view nothing = {0};
    tdl_status st = TDL_OK;

    if (a->q.filter.len &&
        (st = tdl_expression_compile(a->q.filter, tdl_catalogue_attributes(a->base.app->catalogue),
                                     a->base.arena, &filter, why))) {
        tdl_report_prefix(why, "filter");
        return st;
    }
    a->bound = tdl_arena_zalloc(a->base.arena, p->rules_n, sizeof *a->bound);
    a->cap_attribute = tdl_arena_alloc(a->base.arena, p->rules_n, sizeof *a->cap_attribute);
    if (!a->bound || !a->cap_attribute)
        return tdl_answer_no_memory(why);
    if ((st = bind(a, p->where, &a->where, why)) || (st = bind(a, filter, &a->filter, why)) ||
        (st = bind(a, p->suppress, &suppress, why)))
        return st;
    for (size_t i = 0; !st && i < p->rules_n; i++) {
        a->cap_attribute[i] = tdl_attributes_find(tdl_catalogue_attributes(a->base.app->catalogue),
                                                  p->rule[i].attribute);
        st = bind(a, p->rule[i].when, &a->bound[i], why);
    }
    if (!st && p->suppress && tdl_expression_holds(&suppress, &nothing, tdl_item_view_at))
        a->suppressed = "rule";
    return st;
}

/* ---- what the model is shown ---- */

/* Numbers of the question's items that there are. */
static tdl_status find_items(tdl_surface_answer *a, tdl_report *why)
{
    tdl_str *unknown = tdl_arena_alloc(a->base.arena, a->q.items_n, sizeof *unknown);

    a->base.seen = tdl_arena_alloc(a->base.arena, a->q.items_n, sizeof *a->base.seen);
    a->base.newest_us = tdl_arena_alloc(a->base.arena, a->q.items_n, sizeof *a->base.newest_us);
    if (!unknown || !a->base.seen || !a->base.newest_us)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->q.items_n; i++) {
        int32_t item = tdl_catalogue_find(a->base.app->catalogue, a->q.item[i]);
        if (item < 0 && a->q.brief)
            return TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no item \"%.*s\"",
                            TDL_FMT(a->q.item[i]));
        if (item < 0) {
            unknown[a->unknown_n++] = a->q.item[i];
            continue;
        }
        a->base.newest_us[a->base.seen_n] = a->ask.time_us;
        a->base.seen[a->base.seen_n++] = item;
    }
    a->unknown = unknown;
    a->base.newest = a->base.seen_n > TDL_HISTORY_USED ? a->base.seen_n - TDL_HISTORY_USED : 0;
    a->base.newest_us += a->base.newest;
    return TDL_OK;
}

/* The same article in another colour: of one "variant_of", or one of it. */
static void block_variants(tdl_surface_answer *a, int32_t item)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    int32_t attribute =
        tdl_attributes_find(tdl_catalogue_attributes(catalogue), TDL_STR("variant_of"));
    const tdl_operand *group =
        attribute < 0 ? NULL : tdl_record_at(tdl_catalogue_record(catalogue, item), attribute);
    const tdl_operand id = {.kind = TDL_OPERAND_TEXT, .text = tdl_catalogue_id(catalogue, item)};

    if (attribute < 0)
        return;
    if (group && group->kind == TDL_OPERAND_TEXT)
        block(a, tdl_catalogue_find(catalogue, group->text));
    for (size_t i = 0; i < a->base.catalogue_n; i++) {
        const tdl_operand *other =
            tdl_record_at(tdl_catalogue_record(catalogue, (int32_t)i), attribute);
        if (other && (tdl_operand_equal(other, &id) || (group && tdl_operand_equal(other, group))))
            block(a, (int32_t)i);
    }
}

static tdl_status gather_history(tdl_surface_answer *a, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (a->q.items_n && (st = find_items(a, why)))
        return st;
    bool known = a->base.seen_n > 0;
    for (size_t i = 0; i < a->base.seen_n; i++)
        block(a, a->base.seen[i]);
    if (known && a->surface->kind == TDL_SURFACE_SIMILAR) {
        a->base.asked_item = a->base.seen[0];
        a->ask.item = tdl_catalogue_id(a->base.app->catalogue, a->base.asked_item);
        block_variants(a, a->base.asked_item);
    }
    if (known && a->surface->kind == TDL_SURFACE_CART)
        a->ask.impersonal = false; // the items are the question, nobody's history is looked at
    if ((known &&
         (a->surface->kind == TDL_SURFACE_SIMILAR || a->surface->kind == TDL_SURFACE_CART)) ||
        a->ask.impersonal)
        return TDL_OK;
    a->base.seen_n = 0;
    if ((st = tdl_answer_copy_history(&a->base, why)) || a->base.seen_n || !known)
        return st;
    a->by_context = true;
    a->unknown_n = 0;
    return find_items(a, why);
}

/* ---- who may be shown ---- */

/* What the person took within the policy's window. */
static void block_seen(tdl_surface_answer *a)
{
    const tdl_histories *histories = a->base.app->histories;
    tdl_history h = tdl_histories_of(histories, a->q.user, NULL);
    const int64_t *newest = tdl_histories_newest(histories, a->q.user);

    for (size_t i = 0; i < h.n; i++)
        if (a->policy->seen_us == TDL_SPAN_ALWAYS ||
            a->ask.time_us - newest[i] < a->policy->seen_us)
            block(a, h.item[i]);
}

static tdl_status block_all(tdl_surface_answer *a, bool impersonal, tdl_report *why)
{
    const tdl_catalogue *catalogue = a->base.app->catalogue;
    tdl_str region = {0};

    tdl_json_get_str(a->q.context, "region", &region);
    a->eligible = (tdl_eligible_ask){.policy = a->policy,
                                     .where = a->where.expression ? &a->where : NULL,
                                     .filter = a->filter.expression ? &a->filter : NULL,
                                     .region = region,
                                     .now_us = a->ask.time_us};
    if (!tdl_eligible_block(&a->eligible, catalogue, a->base.catalogue_n, &a->surface->kept,
                            a->blocked))
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < a->q.exclude_n; i++)
        block(a, tdl_catalogue_find(catalogue, a->q.exclude[i]));
    for (size_t i = 0; i < a->sent_n; i++)
        block(a, tdl_catalogue_find(catalogue, a->sent[i]));
    if (a->policy->seen_us && !impersonal)
        block_seen(a);
    return TDL_OK;
}

tdl_status tdl_surface_gather(tdl_surface_answer *a, tdl_report *why)
{
    bool impersonal = a->ask.impersonal || !a->q.user.len;
    size_t words;
    tdl_status st;

    a->base.catalogue_n = tdl_catalogue_count(a->base.app->catalogue);
    words = tdl_bits_words(a->base.catalogue_n);
    if (!(a->blocked = tdl_arena_zalloc(a->base.arena, words, sizeof *a->blocked)))
        return tdl_answer_no_memory(why);
    if ((st = bind_all(a, why)) || (st = block_all(a, impersonal, why)) ||
        (st = gather_history(a, why)))
        return st;
    a->eligible_n = a->base.catalogue_n;
    for (size_t i = 0; i < words; i++)
        a->eligible_n -= (size_t)__builtin_popcountll(a->blocked[i]);
    return TDL_OK;
}
