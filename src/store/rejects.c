/* Rejects: events of good requests that could not be taken. */
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { KEPT = 10000, REASON_MAX = 512, SOURCE_MAX = 32 };

/* One on its way to the writer: texts one behind the other. */
typedef struct waiting {
    int64_t received_us;
    size_t source_n, reason_n, raw_n;
    char text[SOURCE_MAX + REASON_MAX + TDL_REJECT_RAW_MAX];
} waiting;

static tdl_status put(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                      tdl_report *why)
{
    const waiting *w = context;
    const char *reason = w->text + w->source_n, *raw = reason + w->reason_n;
    const tdl_value kept = tdl_value_number(KEPT);
    const tdl_value in[] = {
        tdl_value_number(w->received_us), tdl_value_text((tdl_str){w->text, w->source_n}),
        tdl_value_text((tdl_str){reason, w->reason_n}), tdl_value_bytes((tdl_str){raw, w->raw_n})};
    tdl_status st = ops->execute(backend, TDL_EXECUTE_PUT_REJECT, in, 4, NULL, 0, NULL, why);

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
    waiting w = {.received_us = reject->received_us};
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

/* ---- reading ---- */

static tdl_status read_rejects(tdl_reader *reader, size_t limit, tdl_arena *arena, tdl_reject **ret,
                               size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_reject *reject;
    tdl_status st = tdl_rows_start(&r, TDL_READ_REJECTS, why);

    if (st)
        return st;
    tdl_rows_bind_limit(&r, 1, limit);
    while ((reject = tdl_rows_next(&r)))
        *reject = (tdl_reject){tdl_rows_number(&r, 0), tdl_rows_keep(&r, 1), tdl_rows_keep(&r, 2),
                               tdl_rows_keep_text(&r, tdl_rows_bytes(&r, 3))};
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
