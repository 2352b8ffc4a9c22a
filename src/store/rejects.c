/* Rejects: events of good requests that could not be taken. */
#include "store/rejects.h"

#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/store_parts.h"

enum { KEPT = 10000, REASON_MAX = 512, SOURCE_MAX = 32 };

/* One on its way to the writer: texts one behind the other. */
typedef struct waiting {
    const tdl_people *people;
    int64_t received_us;
    size_t source_n, reason_n, raw_n;
    char text[SOURCE_MAX + REASON_MAX + TDL_REJECT_RAW_MAX];
} waiting;

tdl_status tdl_reject_put(const tdl_store_ops *ops, tdl_backend *backend, const tdl_people *people,
                          const tdl_reject *r, tdl_report *why)
{
    tdl_buf raw = {0};
    tdl_status st;

    tdl_people_seal_own(people, TDL_SEAL_REJECT, r->source, r->raw, &raw);
    const tdl_value in[] = {tdl_value_number(r->received_us), tdl_value_text(r->source),
                            tdl_value_text(r->reason), tdl_value_bytes(tdl_buf_view(&raw))};
    st = raw.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a reject")
                    : ops->execute(backend, TDL_EXECUTE_PUT_REJECT, in, 4, NULL, 0, NULL, why);
    tdl_buf_release(&raw);
    return st;
}

static tdl_status put(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                      tdl_report *why)
{
    const waiting *w = context;
    const char *reason = w->text + w->source_n;
    const tdl_value kept = tdl_value_number(KEPT);
    const tdl_reject reject = {w->received_us,
                               {w->text, w->source_n},
                               {reason, w->reason_n},
                               {reason + w->reason_n, w->raw_n}};
    tdl_status st = tdl_reject_put(ops, backend, w->people, &reject, why);

    return st ? st : ops->execute(backend, TDL_EXECUTE_DROP_REJECTS, &kept, 1, NULL, 0, NULL, why);
}

/* Its beginning, which ends with a whole character. */
static size_t cut(tdl_str text, size_t max)
{
    size_t n = text.len < max ? text.len : max;

    while (n < text.len && n && (text.at[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static size_t add(waiting *w, size_t *at, tdl_str text, size_t max)
{
    size_t n = cut(text, max);

    if (n)
        memcpy(w->text + *at, text.at, n);
    *at += n;
    return n;
}

static bool is_too_many(tdl_store *store)
{
    int64_t second = tdl_time_monotonic() / 1000000;

    if (atomic_exchange(&store->rejects_second, second) != second)
        atomic_store(&store->rejects_n, 0);
    return atomic_fetch_add(&store->rejects_n, 1) >= TDL_REJECTS_A_SECOND;
}

tdl_status tdl_store_log_reject(tdl_store *store, const tdl_reject *reject, tdl_report *why)
{
    waiting w = {.people = store->people, .received_us = reject->received_us};
    size_t n = 0;

    if (!store->writer)
        return TDL_FAIL(why, TDL_E_FORBIDDEN, "the store was opened for reading only");
    if (is_too_many(store))
        return TDL_FAIL(why, TDL_E_FULL, "more than %d rejects a second are not kept",
                        TDL_REJECTS_A_SECOND);
    w.source_n = add(&w, &n, reject->source, SOURCE_MAX);
    w.reason_n = add(&w, &n, reject->reason, REASON_MAX);
    w.raw_n = add(&w, &n, reject->raw, TDL_REJECT_RAW_MAX);
    return tdl_writer_post(store->writer, put, &w, offsetof(waiting, text) + n, why);
}

/* ---- erasing ---- */

typedef struct wanted {
    const tdl_people *people;
    const tdl_str *ids; /* [ids_n] */
    size_t ids_n;
    tdl_buf buf;
} wanted;

static bool holds_one(const wanted *w, tdl_str raw)
{
    for (size_t i = 0; i < w->ids_n; i++)
        if (raw.len && memmem(raw.at, raw.len, w->ids[i].at, w->ids[i].len))
            return true;
    return false;
}

/* The one behind number *number: whether it holds an id. *number = 0 at the end. */
static tdl_status look_at_next(const tdl_store_ops *ops, tdl_backend *backend, wanted *w,
                               int64_t *number, bool *ret_holds, tdl_report *why)
{
    const tdl_value behind = tdl_value_number(*number);
    tdl_value found[3];
    int64_t rows = 0;
    tdl_status st =
        ops->execute(backend, TDL_EXECUTE_NEXT_REJECT, &behind, 1, found, 3, &rows, why);

    *number = 0;
    if (st || !rows)
        return st;
    *number = found[0].number;
    *ret_holds = holds_one(
        w, tdl_people_own(w->people, TDL_SEAL_REJECT, found[1].text, found[2].text, &w->buf));
    return TDL_OK;
}

/* Of a plain store too by looking at each: there are ten thousand at most. */
tdl_status tdl_rejects_erase(const tdl_store_ops *ops, tdl_backend *backend,
                             const tdl_people *people, const tdl_str *ids, size_t ids_n,
                             int64_t *rows, tdl_report *why)
{
    wanted w = {.people = people, .ids = ids, .ids_n = ids_n};
    int64_t number = 0;
    bool holds = false;
    tdl_status st;

    while (!(st = look_at_next(ops, backend, &w, &number, &holds, why)) && number) {
        const tdl_value in = tdl_value_number(number);
        if (!holds)
            continue;
        if ((st = ops->execute(backend, TDL_EXECUTE_DROP_REJECT, &in, 1, NULL, 0, NULL, why)))
            break;
        ++*rows;
    }
    tdl_buf_release(&w.buf);
    return st;
}

/* ---- reading ---- */

tdl_reject tdl_read_reject(const tdl_rows *r, tdl_buf *buf)
{
    tdl_reject reject = {tdl_rows_number(r, 0), tdl_rows_text(r, 1), tdl_rows_text(r, 2), {0}};

    reject.raw = tdl_people_own(r->reader->people, TDL_SEAL_REJECT, reject.source,
                                tdl_rows_bytes(r, 3), buf);
    return reject;
}

static tdl_status read_rejects(tdl_reader *reader, size_t limit, tdl_arena *arena, tdl_reject **ret,
                               size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_buf raw = {0};
    tdl_reject *reject;
    tdl_status st = tdl_rows_start(&r, TDL_READ_REJECTS, why);

    if (st)
        return st;
    tdl_rows_bind_limit(&r, 1, limit);
    while ((reject = tdl_rows_next(&r))) {
        *reject = tdl_read_reject(&r, &raw);
        reject->source = tdl_rows_keep_text(&r, reject->source);
        reject->reason = tdl_rows_keep_text(&r, reject->reason);
        reject->raw = tdl_rows_keep_text(&r, reject->raw);
    }
    tdl_buf_release(&raw);
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_rejects(tdl_store *store, size_t limit, tdl_arena *arena, tdl_reject **ret,
                             size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st;

    if (store->writer)
        tdl_writer_flush(store->writer);
    if ((st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = read_rejects(reader, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

static tdl_status read_counts(tdl_reader *reader, size_t limit, tdl_arena *arena,
                              tdl_reject_count **ret, size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_reject_count *count;
    tdl_status st = tdl_rows_start(&r, TDL_READ_REJECT_COUNTS, why);

    if (st)
        return st;
    tdl_rows_bind_limit(&r, 1, limit);
    while ((count = tdl_rows_next(&r)))
        *count = (tdl_reject_count){tdl_rows_keep(&r, 0), tdl_rows_keep(&r, 1),
                                    tdl_rows_number(&r, 2), tdl_rows_number(&r, 3)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_count_rejects(tdl_store *store, size_t limit, tdl_arena *arena,
                                   tdl_reject_count **ret, size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_counts(reader, limit, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}
