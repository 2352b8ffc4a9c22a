#include "store/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum {
    BATCH_EVENTS = 2000,
    BATCH_ITEMS = 1000,
    BATCH_BYTES = 4 << 20, /* a batch ends past it */
    ARENA_BYTES = 64 << 20
};

typedef struct transfer {
    tdl_store *from, *to;
    tdl_transfer_progress *progress;
    void *context;
    tdl_arena *arena; /* of one batch */
    tdl_report *why;
    tdl_status status; /* of a callback */
} transfer;

static void tell(const transfer *t, const char *stage, int64_t done, int64_t total)
{
    if (t->progress)
        t->progress(t->context, stage, done, total);
}

/* ---- items ---- */

typedef struct item_batch {
    transfer *t;
    tdl_item item[BATCH_ITEMS];
    size_t n, bytes;
    int64_t done, total;
} item_batch;

static void flush_items(item_batch *b)
{
    transfer *t = b->t;

    if (!t->status && b->n)
        t->status = tdl_store_put_items(t->to, b->item, b->n, t->why);
    b->done += (int64_t)b->n;
    b->n = b->bytes = 0;
    tdl_arena_reset(t->arena);
    tell(t, "items", b->done, b->total);
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

static tdl_status move_items(transfer *t, int64_t total)
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

/* ---- keys, flags, models: few ---- */

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

static tdl_status move_keys(transfer *t, int64_t *ret_from, int64_t *ret_to)
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

static tdl_status move_flags(transfer *t, int64_t *ret_from, int64_t *ret_to)
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

static bool has_model(const tdl_model_row *models, size_t n, tdl_str version)
{
    for (size_t i = 0; i < n; i++)
        if (tdl_str_eq(models[i].version, version))
            return true;
    return false;
}

/* Oldest first. A model whose file is lost is moved without it. */
static tdl_status move_models(transfer *t, int64_t *ret_from, int64_t *ret_to)
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
            st = tdl_store_put_model(t->to, &from[i], t->why);
        else if (!st && from[i].active)
            st = tdl_store_activate_model(t->to, from[i].version, t->why);
        tell(t, "models", (int64_t)(from_n - i), (int64_t)from_n);
    }
    if (st || (st = tdl_store_models(t->to, (tdl_str){0}, t->arena, &to, &to_n, t->why)))
        return st;
    *ret_from = (int64_t)from_n;
    *ret_to = (int64_t)to_n;
    return TDL_OK;
}

/* ---- row by row, inside a snapshot ---- */

static tdl_status start_export(tdl_store *store, tdl_read_statement which, int64_t position,
                               tdl_rows *ret, tdl_report *why)
{
    tdl_status st = store->ops->reader_open(store->backend, &ret->reader, why);

    if (st)
        return st;
    if ((st = ret->reader->ops->hold_snapshot(ret->reader, why)) ||
        (st = tdl_rows_start(ret, which, why))) {
        store->ops->reader_close(ret->reader);
        return st;
    }
    if (position >= 0)
        tdl_rows_bind_number(ret, 1, position);
    return TDL_OK;
}

static tdl_status end_export(tdl_store *store, tdl_rows *rows, tdl_status st, tdl_report *why)
{
    tdl_status ended = tdl_rows_end(rows, st ? NULL : why);

    store->ops->reader_close(rows->reader);
    return st ? st : ended;
}

/* ---- events ---- */

static tdl_event keep_event(tdl_rows *r)
{
    tdl_event e;

    tdl_read_event(r, &e);
    e.user = tdl_rows_keep_text(r, e.user);
    e.kind = tdl_rows_keep_text(r, e.kind);
    e.item = tdl_rows_keep_text(r, e.item);
    e.properties = tdl_rows_keep_text(r, e.properties);
    e.source = tdl_rows_keep_text(r, e.source);
    e.message_id = tdl_rows_keep_text(r, e.message_id);
    e.decision_id = tdl_rows_keep_text(r, e.decision_id);
    e.alias = tdl_rows_keep(r, 10);
    return e;
}

/* The source and message id of event `seq`, in the arena; empty when there is none. */
static tdl_status name_event(transfer *t, tdl_store *store, int64_t seq, tdl_str *ret_source,
                             tdl_str *ret_message)
{
    tdl_rows r = {.arena = t->arena};
    tdl_status st = start_export(store, TDL_READ_EXPORT, seq - 1, &r, t->why);

    if (st)
        return st;
    if (tdl_rows_next(&r) && tdl_rows_number(&r, 9) == seq) {
        *ret_source = tdl_rows_keep(&r, 6);
        *ret_message = tdl_rows_keep(&r, 7);
    }
    // A scan that is given up is no failure.
    return end_export(store, &r, TDL_OK, NULL);
}

/* Does `to` hold the first `n` events of `from`? Its newest one says so, as both keep the order. */
static tdl_status check_beginning(transfer *t, int64_t n)
{
    tdl_str source[2] = {0}, message[2] = {0};
    tdl_status st;

    if (!n)
        return TDL_OK;
    if ((st = name_event(t, t->from, n, &source[0], &message[0])) ||
        (st = name_event(t, t->to, n, &source[1], &message[1])))
        return st;
    if (message[0].len && tdl_str_eq(source[0], source[1]) && tdl_str_eq(message[0], message[1]))
        return TDL_OK;
    return TDL_FAIL_HINT(t->why, TDL_E_CONFLICT, "move into an empty store",
                         "the other store holds %lld events that are not the beginning of this one",
                         (long long)n);
}

static tdl_status append_rows(transfer *t, tdl_rows *r, tdl_event *batch, int64_t done,
                              int64_t total)
{
    size_t n = 0, bytes = 0;
    bool more = true;
    tdl_status st = TDL_OK;

    while (!st && more) {
        if ((more = tdl_rows_next(r) != NULL)) {
            batch[n] = keep_event(r);
            bytes += batch[n++].properties.len;
        }
        if (n == BATCH_EVENTS || bytes > BATCH_BYTES || (!more && n)) {
            st = r->no_memory ? TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move events")
                              : tdl_store_append(t->to, batch, n, NULL, t->why);
            done += (int64_t)n;
            n = bytes = 0;
            tdl_arena_reset(t->arena);
            tell(t, "events", done, total);
        }
    }
    return st;
}

static tdl_status move_events(transfer *t, int64_t total)
{
    tdl_store_counts counts;
    tdl_rows r = {.arena = t->arena};
    tdl_event *batch = calloc(BATCH_EVENTS, sizeof *batch);
    tdl_status st;

    tdl_store_count(t->to, &counts);
    if (!batch)
        return TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move events");
    if (!(st = check_beginning(t, counts.events)) &&
        !(st = start_export(t->from, TDL_READ_EXPORT, counts.events, &r, t->why)))
        st = end_export(t->from, &r, append_rows(t, &r, batch, counts.events, total), t->why);
    free(batch);
    return st;
}

/* ---- traits ---- */

/* What one user was said to be at one time. */
typedef struct word {
    tdl_str user, traits;
    int64_t time_us;
} word;

static tdl_status put_word(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    const word *w = context;

    return ops->put_traits(backend, w->user, w->traits, w->time_us, why);
}

static tdl_status put_traits(transfer *t, tdl_rows *r)
{
    tdl_buf user = {0}, traits = {0};
    tdl_jw w = {.out = &traits};
    word said = {0};
    bool more = true;
    tdl_status st = TDL_OK;

    while (!st && more) {
        more = tdl_rows_next(r) != NULL;
        if (traits.len && (!more || said.time_us != tdl_rows_number(r, 3) ||
                           !tdl_str_eq(said.user, tdl_rows_text(r, 0)))) {
            tdl_jw_end_object(&w);
            said.traits = tdl_buf_view(&traits);
            st = traits.failed ? TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move traits")
                               : tdl_store_write(t->to, put_word, &said, t->why);
            tdl_buf_clear(&traits);
        }
        if (!more)
            break;
        if (!traits.len) {
            tdl_buf_clear(&user);
            tdl_buf_str(&user, tdl_rows_text(r, 0));
            said = (word){.user = tdl_buf_view(&user), .time_us = tdl_rows_number(r, 3)};
            w = (tdl_jw){.out = &traits};
            tdl_jw_object(&w);
        }
        tdl_jw_key(&w, tdl_rows_text(r, 1).at);
        tdl_jw_raw(&w, tdl_rows_text(r, 2));
    }
    tdl_buf_release(&user);
    tdl_buf_release(&traits);
    return st;
}

static tdl_status move_traits(transfer *t)
{
    tdl_rows r = {0};
    tdl_status st = start_export(t->from, TDL_READ_EXPORT_TRAITS, -1, &r, t->why);

    return st ? st : end_export(t->from, &r, put_traits(t, &r), t->why);
}

/* ---- decisions ---- */

static tdl_status log_row(transfer *t, tdl_rows *r)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    tdl_str hash = tdl_rows_bytes(r, 8);
    tdl_decision_text d = {.id = tdl_rows_text(r, 0),
                           .time_us = tdl_rows_number(r, 1),
                           .app = tdl_rows_text(r, 2),
                           .user = tdl_rows_text(r, 3),
                           .candidates = tdl_rows_text(r, 4),
                           .chosen_n = tdl_rows_number(r, 5),
                           .model_version = tdl_rows_text(r, 6),
                           .why = tdl_rows_text(r, 7)};
    tdl_status st;

    if (hash.len != sizeof d.context_hash)
        return TDL_FAIL(t->why, TDL_E_CORRUPT, "decision %.*s is damaged", TDL_FMT(d.id));
    memcpy(d.context_hash, hash.at, hash.len);
    while ((st = tdl_writer_log(t->to->writer, &d, t->why)) == TDL_E_FULL)
        nanosleep(&pause, NULL);
    return st;
}

static tdl_status log_rows(transfer *t, tdl_rows *r, int64_t done, int64_t total)
{
    tdl_status st = TDL_OK;

    while (!st && tdl_rows_next(r)) {
        st = log_row(t, r);
        if (!(++done % BATCH_EVENTS))
            tell(t, "decisions", done, total);
    }
    tdl_store_flush(t->to);
    tell(t, "decisions", done, total);
    return st;
}

/* From where the other one ends; once more from the start, should that not have been all. */
static tdl_status move_decisions(transfer *t, int64_t total)
{
    tdl_store_counts counts;
    tdl_status st = TDL_OK;

    tdl_store_count(t->to, &counts);
    for (int round = 0; !st && round < 2 && counts.decisions < total; round++) {
        int64_t position = round ? 0 : counts.decisions;
        tdl_rows r = {0};
        if ((st = start_export(t->from, TDL_READ_EXPORT_DECISIONS, position, &r, t->why)))
            break;
        st = end_export(t->from, &r, log_rows(t, &r, position, total), t->why);
        tdl_store_count(t->to, &counts);
    }
    return st;
}

/* ---- all ---- */

static tdl_status compare(const transfer *t, const tdl_transfer_counts *from,
                          const tdl_transfer_counts *to)
{
    const struct {
        const char *name;
        int64_t from, to;
    } rows[] = {{"items", from->items, to->items},
                {"keys", from->keys, to->keys},
                {"flags", from->flags, to->flags},
                {"models", from->models, to->models},
                {"events", from->events, to->events},
                {"rewards", from->rewards, to->rewards},
                {"decisions", from->decisions, to->decisions}};

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

tdl_status tdl_store_transfer(tdl_store *from, tdl_store *to, tdl_transfer_progress *progress,
                              void *context, tdl_transfer_counts *ret_from,
                              tdl_transfer_counts *ret_to, tdl_report *why)
{
    tdl_transfer_counts here = {0}, there = {0};
    transfer t = {.from = from, .to = to, .progress = progress, .context = context, .why = why};
    tdl_status st;

    if (!to->writer)
        return TDL_FAIL(why, TDL_E_FORBIDDEN, "the other store was opened for reading only");
    if (!(t.arena = tdl_arena_new(ARENA_BYTES)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to move a store");
    fill_counts(from, &here);
    // Items before events, so that both stores have them in one order.
    if ((st = move_keys(&t, &here.keys, &there.keys)) ||
        (st = move_flags(&t, &here.flags, &there.flags)) ||
        (st = move_models(&t, &here.models, &there.models)) || (st = move_items(&t, here.items)) ||
        (st = move_events(&t, here.events)) || (st = move_traits(&t)) ||
        (st = move_decisions(&t, here.decisions)))
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
