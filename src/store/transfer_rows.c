/* The large tables of a transfer: row by row, inside a snapshot. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "store/transfer_parts.h"

enum {
    BATCH_EVENTS = 2000,
    BATCH_BYTES = 4 << 20 /* a batch ends past it */
};

tdl_status tdl_transfer_start(tdl_store *store, tdl_read_statement which, int64_t position,
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

tdl_status tdl_transfer_end(tdl_store *store, tdl_rows *rows, tdl_status st, tdl_report *why)
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
    e.alias = tdl_rows_keep_text(r, tdl_rows_person(r, 12, 13, 1));
    e.no_person = tdl_rows_number(r, 15) != 0;
    return e;
}

/* The n-th event that a store has; its numbers may have gaps. */
typedef struct nth_event {
    int64_t seq;             /* 0 = there is none */
    tdl_str source, message; /* in the arena */
} nth_event;

static tdl_status read_nth(tdl_transfer *t, tdl_store *store, int64_t n, nth_event *ret)
{
    tdl_rows r = {.arena = t->arena};
    tdl_status st = tdl_transfer_start(store, TDL_READ_NTH_EVENT, n - 1, &r, t->why);

    if (st)
        return st;
    *ret = (nth_event){0};
    if (tdl_rows_next(&r))
        *ret = (nth_event){tdl_rows_number(&r, 0), tdl_rows_keep(&r, 1), tdl_rows_keep(&r, 2)};
    return tdl_transfer_end(store, &r, TDL_OK, t->why);
}

/* Does `to` hold the first `n` events of `from`? Its newest one says so, as both keep the order.
 *   ret_seq  the number of that event in `from` */
static tdl_status check_beginning(tdl_transfer *t, int64_t n, int64_t *ret_seq)
{
    nth_event here, there;
    tdl_status st;

    if (!n)
        return TDL_OK;
    if ((st = read_nth(t, t->from, n, &here)) || (st = read_nth(t, t->to, n, &there)))
        return st;
    *ret_seq = here.seq;
    if (here.seq && tdl_str_eq(here.source, there.source) &&
        tdl_str_eq(here.message, there.message))
        return TDL_OK;
    return TDL_FAIL_HINT(t->why, TDL_E_CONFLICT, "move into an empty store",
                         "the other store holds %lld events that are not the beginning of this one",
                         (long long)n);
}

static tdl_status append_rows(tdl_transfer *t, tdl_rows *r, tdl_event *batch, int64_t done,
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
            tdl_transfer_tell(t, "events", done, total);
        }
    }
    return st;
}

tdl_status tdl_transfer_events(tdl_transfer *t, int64_t total)
{
    tdl_store_counts counts;
    int64_t position = 0;
    tdl_rows r = {.arena = t->arena};
    tdl_event *batch = calloc(BATCH_EVENTS, sizeof *batch);
    tdl_status st;

    tdl_store_count(t->to, &counts);
    if (!batch)
        return TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move events");
    if (!(st = check_beginning(t, counts.events, &position)) &&
        !(st = tdl_transfer_start(t->from, TDL_READ_EXPORT, position, &r, t->why)))
        st = tdl_transfer_end(t->from, &r, append_rows(t, &r, batch, counts.events, total), t->why);
    free(batch);
    return st;
}

/* ---- traits ---- */

/* What one user was said to be at one time. */
typedef struct word {
    tdl_str name, user, traits; /* name: of the user in this store */
    int64_t time_us;
} word;

static tdl_status put_word(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                           tdl_report *why)
{
    const word *w = context;

    return ops->put_traits(backend, w->user, w->traits, w->time_us, why);
}

/* What cannot be read stays behind. */
static void add_trait(const tdl_rows *r, tdl_buf *value, tdl_jw *w)
{
    tdl_user_seal owner = {.name = tdl_rows_text(r, 0), .key = tdl_rows_bytes(r, 4)};
    tdl_str trait = tdl_rows_text(r, 1);
    tdl_str said = tdl_people_trait(r->reader->people, owner, trait, tdl_rows_text(r, 2), value);

    if (!said.len)
        return;
    tdl_jw_key(w, trait.at);
    tdl_jw_raw(w, said);
}

static tdl_status put_traits(tdl_transfer *t, tdl_rows *r)
{
    tdl_buf name = {0}, user = {0}, value = {0}, traits = {0};
    tdl_jw w = {.out = &traits};
    word said = {0};
    bool more = true;
    tdl_status st = TDL_OK;

    while (!st && more) {
        more = tdl_rows_next(r) != NULL;
        if (traits.len && (!more || said.time_us != tdl_rows_number(r, 3) ||
                           !tdl_str_eq(said.name, tdl_rows_text(r, 0)))) {
            tdl_jw_end_object(&w);
            said.traits = tdl_buf_view(&traits);
            st = traits.failed ? TDL_FAIL(t->why, TDL_E_NO_MEMORY, "no memory to move traits")
                               : tdl_store_write(t->to, put_word, &said, t->why);
            tdl_buf_clear(&traits);
        }
        if (!more)
            break;
        if (!traits.len) {
            tdl_buf_clear(&name);
            tdl_buf_str(&name, tdl_rows_text(r, 0));
            tdl_buf_clear(&user);
            tdl_buf_str(&user, tdl_rows_person(r, 0, 4, 0));
            said = (word){.name = tdl_buf_view(&name),
                          .user = tdl_buf_view(&user),
                          .time_us = tdl_rows_number(r, 3)};
            w = (tdl_jw){.out = &traits};
            tdl_jw_object(&w);
        }
        add_trait(r, &value, &w);
    }
    tdl_buf_release(&name);
    tdl_buf_release(&user);
    tdl_buf_release(&value);
    tdl_buf_release(&traits);
    return st;
}

tdl_status tdl_transfer_traits(tdl_transfer *t)
{
    tdl_rows r = {0};
    tdl_status st = tdl_transfer_start(t->from, TDL_READ_EXPORT_TRAITS, -1, &r, t->why);

    return st ? st : tdl_transfer_end(t->from, &r, put_traits(t, &r), t->why);
}

/* ---- decisions ---- */

static tdl_status log_row(tdl_transfer *t, tdl_rows *r)
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    tdl_str hash = tdl_rows_bytes(r, 8);
    tdl_decision_text d = {.id = tdl_rows_text(r, 0),
                           .time_us = tdl_rows_number(r, 1),
                           .app = tdl_rows_text(r, 2),
                           .user = tdl_read_decision_user(r),
                           .candidates = tdl_rows_text(r, 4),
                           .chosen_n = tdl_rows_number(r, 5),
                           .model_version = tdl_rows_text(r, 6),
                           .why = tdl_rows_text(r, 7)};
    tdl_status st;

    if (hash.len != sizeof d.context_hash)
        return TDL_FAIL(t->why, TDL_E_CORRUPT, "decision %.*s is damaged", TDL_FMT(d.id));
    memcpy(d.context_hash, hash.at, hash.len);
    while ((st = tdl_store_queue_decision(t->to, d, t->why)) == TDL_E_FULL)
        nanosleep(&pause, NULL);
    return st;
}

static tdl_status log_rows(tdl_transfer *t, tdl_rows *r, int64_t done, int64_t total)
{
    tdl_status st = TDL_OK;

    while (!st && tdl_rows_next(r)) {
        st = log_row(t, r);
        if (!(++done % BATCH_EVENTS))
            tdl_transfer_tell(t, "decisions", done, total);
    }
    tdl_store_flush(t->to);
    tdl_transfer_tell(t, "decisions", done, total);
    return st;
}

/* From where the other one ends; once more from the start, should that not have been all. */
tdl_status tdl_transfer_decisions(tdl_transfer *t, int64_t total)
{
    tdl_store_counts counts;
    tdl_status st = TDL_OK;

    tdl_store_count(t->to, &counts);
    for (int round = 0; !st && round < 2 && counts.decisions < total; round++) {
        int64_t position = round ? 0 : counts.decisions;
        tdl_rows r = {0};
        if ((st = tdl_transfer_start(t->from, TDL_READ_EXPORT_DECISIONS, position, &r, t->why)))
            break;
        st = tdl_transfer_end(t->from, &r, log_rows(t, &r, position, total), t->why);
        tdl_store_count(t->to, &counts);
    }
    return st;
}
