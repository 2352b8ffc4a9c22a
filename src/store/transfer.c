#include "store/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "store/transfer_parts.h"

enum {
    BATCH_ITEMS = 1000,
    BATCH_BYTES = 4 << 20, /* a batch ends past it */
    ARENA_BYTES = 64 << 20
};

void tdl_transfer_tell(const tdl_transfer *t, const char *stage, int64_t done, int64_t total)
{
    if (t->progress)
        t->progress(t->context, stage, done, total);
}

/* ---- items ---- */

typedef struct item_batch {
    tdl_transfer *t;
    tdl_item item[BATCH_ITEMS];
    size_t n, bytes;
    int64_t done, total;
} item_batch;

static void flush_items(item_batch *b)
{
    tdl_transfer *t = b->t;

    if (!t->status && b->n)
        t->status = tdl_store_put_items(t->to, b->item, b->n, t->why);
    b->done += (int64_t)b->n;
    b->n = b->bytes = 0;
    tdl_arena_reset(t->arena);
    tdl_transfer_tell(t, "items", b->done, b->total);
}

static void take_item(void *context, const tdl_item *item)
{
    item_batch *b = context;
    tdl_arena *arena = b->t->arena;

    b->item[b->n++] = (tdl_item){.id = tdl_arena_str(arena, item->id),
                                 .title = tdl_arena_str(arena, item->title),
                                 .attributes = tdl_arena_str(arena, item->attributes)};
    b->bytes += item->title.len + item->attributes.len;
    if (b->n == BATCH_ITEMS || b->bytes > BATCH_BYTES)
        flush_items(b);
}

static tdl_status move_items(tdl_transfer *t, int64_t total)
{
    item_batch *b = calloc(1, sizeof *b);

    if (!b)
        return TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move items");
    b->t = t;
    b->total = total;
    tdl_status st = tdl_store_each_item(t->from, take_item, b, t->why);
    if (!st) {
        flush_items(b);
        st = t->status;
    }
    free(b);
    return st;
}

/* ---- keys, flags, reports, models: few ---- */

static tdl_status put_key(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                          tdl_report *why)
{
    return ops->put_key(backend, context, why);
}

static tdl_status put_flag(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    return ops->put_flag(backend, context, why);
}

static tdl_status activate(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    return ops->activate_model(backend, ((const tdl_model_row *)context)->version, why);
}

static tdl_status move_keys(tdl_transfer *t, int64_t *ret_from, int64_t *ret_to)
{
    tdl_key_row *from, *to;
    size_t from_n, to_n, missing = 0;
    tdl_status st;

    if ((st = tdl_store_keys(t->from, t->arena, &from, &from_n, t->why)) ||
        (st = tdl_store_keys(t->to, t->arena, &to, &to_n, t->why)))
        return st;
    for (size_t i = 0; !st && i < from_n; i++) {
        bool there = false;
        for (size_t k = 0; k < to_n; k++)
            there |= !strcmp(from[i].id, to[k].id);
        missing += !there;
        if (!there)
            st = tdl_store_write(t->to, put_key, &from[i], t->why);
    }
    *ret_from = (int64_t)from_n;
    *ret_to = (int64_t)(to_n + missing);
    return st;
}

static tdl_status move_flags(tdl_transfer *t, int64_t *ret_from, int64_t *ret_to)
{
    tdl_flag_row *from, *to;
    size_t from_n, to_n;
    tdl_status st = tdl_store_flags(t->from, t->arena, &from, &from_n, t->why);

    for (size_t i = 0; !st && i < from_n; i++)
        st = tdl_store_write(t->to, put_flag, &from[i], t->why); // with its version and times
    if (st || (st = tdl_store_flags(t->to, t->arena, &to, &to_n, t->why)))
        return st;
    *ret_from = (int64_t)from_n;
    *ret_to = (int64_t)to_n;
    return TDL_OK;
}

static tdl_status move_reports(tdl_transfer *t, int64_t *ret_from, int64_t *ret_to)
{
    tdl_saved_report *from, *to;
    size_t from_n, to_n;
    tdl_status st = tdl_store_reports(t->from, t->arena, &from, &from_n, t->why);

    for (size_t i = 0; !st && i < from_n; i++)
        st = tdl_store_put_report(t->to, &from[i], t->why);
    if (st || (st = tdl_store_reports(t->to, t->arena, &to, &to_n, t->why)))
        return st;
    *ret_from = (int64_t)from_n;
    *ret_to = (int64_t)to_n;
    return TDL_OK;
}

static bool has_model(const tdl_model_row *models, size_t n, tdl_str version)
{
    for (size_t i = 0; i < n; i++)
        if (tdl_str_eq(models[i].version, version))
            return true;
    return false;
}

/* Oldest first. A model whose file is lost is moved without it. */
static tdl_status move_models(tdl_transfer *t, int64_t *ret_from, int64_t *ret_to)
{
    tdl_model_row *from, *to;
    size_t from_n, to_n;
    tdl_status st;

    if ((st = tdl_store_models(t->from, (tdl_str){0}, t->arena, &from, &from_n, t->why)) ||
        (st = tdl_store_models(t->to, (tdl_str){0}, t->arena, &to, &to_n, t->why)))
        return st;
    for (size_t i = from_n; !st && i-- > 0;) {
        st = tdl_store_fetch_model(t->from, &from[i], t->why);
        st = st == TDL_E_NOT_FOUND ? TDL_OK : st;
        if (!st && !has_model(to, to_n, from[i].version))
            st = tdl_store_move_model(t->to, &from[i], t->why);
        else if (!st && from[i].active)
            st = tdl_store_write(t->to, activate, &from[i], t->why);
        tdl_transfer_tell(t, "models", (int64_t)(from_n - i), (int64_t)from_n);
    }
    if (st || (st = tdl_store_models(t->to, (tdl_str){0}, t->arena, &to, &to_n, t->why)))
        return st;
    *ret_from = (int64_t)from_n;
    *ret_to = (int64_t)to_n;
    return TDL_OK;
}

/* ---- all ---- */

static tdl_status compare(const tdl_transfer *t, const tdl_transfer_counts *from,
                          const tdl_transfer_counts *to)
{
    const struct {
        const char *name;
        int64_t from, to;
    } rows[] = {{"items", from->items, to->items},
                {"keys", from->keys, to->keys},
                {"flags", from->flags, to->flags},
                {"reports", from->reports, to->reports},
                {"models", from->models, to->models},
                {"events", from->events, to->events},
                {"rewards", from->rewards, to->rewards},
                {"decisions", from->decisions, to->decisions},
                {"parted persons", from->splits, to->splits},
                {"groups", from->groups, to->groups},
                {"traits of groups", from->group_traits, to->group_traits},
                {"consents", from->consents, to->consents},
                {"stale models", from->stale, to->stale},
                {"rules of retention", from->retention, to->retention},
                {"erased ids", from->erased, to->erased},
                {"erasures", from->erasures, to->erasures},
                {"rejects", from->rejects, to->rejects}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].from != rows[i].to)
            return TDL_FAIL_HINT(t->why, TDL_E_CONFLICT,
                                 "run it again if a server was writing meanwhile; else move into "
                                 "an empty store",
                                 "%s: %lld here, %lld there", rows[i].name, (long long)rows[i].from,
                                 (long long)rows[i].to);
    return TDL_OK;
}

static void fill_counts(tdl_store *store, tdl_transfer_counts *ret)
{
    tdl_store_counts counts;

    tdl_store_count(store, &counts);
    ret->items = counts.items;
    ret->events = counts.events;
    ret->rewards = counts.rewards;
    ret->decisions = counts.decisions;
}

/* Whoever was erased since the transfer began is in the other store with all his rows. */
static tdl_status check_erasures(tdl_transfer *t)
{
    tdl_store_counts counts;
    int64_t here = 0, there = 0;
    tdl_status st;

    tdl_store_count(t->to, &counts);
    if (!counts.events && !counts.decisions)
        return TDL_OK;
    if ((st = tdl_transfer_count(t, t->from, TDL_READ_EXPORT_ERASURES, &here)) ||
        (st = tdl_transfer_count(t, t->to, TDL_READ_EXPORT_ERASURES, &there)) || here == there)
        return st;
    return TDL_FAIL_HINT(t->why, TDL_E_CONFLICT, "move into an empty store",
                         "somebody was erased since the other store was begun: %lld erasures here,"
                         " %lld there",
                         (long long)here, (long long)there);
}

/* Those erased first: what they left is told by nothing else. Items before events, so that both
 * stores have them in one order. Who may be stored last, because older events need not be. */
static tdl_status move_all(tdl_transfer *t, tdl_transfer_counts *here, tdl_transfer_counts *there)
{
    tdl_status st;

    if ((st = check_erasures(t)) || (st = tdl_transfer_audit(t)) ||
        (st = tdl_transfer_erased(t, here, there)) ||
        (st = move_keys(t, &here->keys, &there->keys)) ||
        (st = move_flags(t, &here->flags, &there->flags)) ||
        (st = move_reports(t, &here->reports, &there->reports)) ||
        (st = move_models(t, &here->models, &there->models)) || (st = move_items(t, here->items)) ||
        (st = tdl_transfer_events(t, here->events)) || (st = tdl_transfer_traits(t)) ||
        (st = tdl_transfer_decisions(t, here->decisions)) ||
        (st = tdl_transfer_tables(t, here, there)))
        return st;
    return tdl_transfer_consent_default(t);
}

tdl_status tdl_store_transfer(tdl_store *from, tdl_store *to, tdl_transfer_progress *progress,
                              void *context, tdl_transfer_counts *ret_from,
                              tdl_transfer_counts *ret_to, tdl_report *why)
{
    tdl_transfer_counts here = {0}, there = {0};
    tdl_transfer t = {.from = from, .to = to, .progress = progress, .context = context, .why = why};
    tdl_status st;

    if (!to->writer)
        return TDL_FAIL(why, TDL_E_FORBIDDEN, "the other store was opened for reading only");
    if (!(t.arena = tdl_arena_new(ARENA_BYTES)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to move a store");
    fill_counts(from, &here);
    if ((st = tdl_writer_let_in(to->writer, true, why)))
        goto out;
    st = move_all(&t, &here, &there);
    tdl_status barred = tdl_writer_let_in(to->writer, false, st ? NULL : why);
    if (st || (st = barred))
        goto out;
    fill_counts(to, &there);
    if ((st = compare(&t, &here, &there)))
        goto out;
    *ret_from = here;
    *ret_to = there;
out:
    tdl_arena_free(t.arena);
    return st;
}
