/* Finishing an erasure: the files forget, and the receipt becomes final. */
#include <time.h>

#include "base/timestamp.h"
#include "store/erase.h"
#include "store/store_parts.h"

enum {
    PATIENCE_US = 3000000, /* for readers of what was removed */
    PAUSE_NS = 50000000
};

typedef struct ending {
    tdl_str id, receipt;
    int64_t done_us;
} ending;

static tdl_status end_erasure(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                              tdl_report *why)
{
    const ending *end = context;
    const tdl_value in[] = {tdl_value_text(end->id), tdl_value_text(end->receipt),
                            tdl_value_number(end->done_us)};

    return ops->execute(backend, TDL_EXECUTE_END_ERASURE, in, 3, NULL, 0, NULL, why);
}

static tdl_status finish(tdl_store *store, tdl_str id, tdl_str draft, tdl_report *why)
{
    ending end = {.id = id, .done_us = tdl_time_now()};
    tdl_buf receipt = {0};
    tdl_status st = tdl_receipt_finish(draft, end.done_us, tdl_store_vault(store), &receipt, why);

    end.receipt = tdl_buf_view(&receipt);
    if (!st)
        st = tdl_store_write(store, end_erasure, &end, why);
    tdl_buf_release(&receipt);
    return st;
}

static tdl_status clean(tdl_store *store, tdl_report *why)
{
    return store->ops->clean_between ? tdl_writer_clean(store->writer, why)
                                     : store->ops->clean(store->backend, why);
}

/* Somebody who still reads what was there has to come to an end first. */
static tdl_status clean_patiently(tdl_store *store)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int64_t until_us = tdl_time_monotonic() + PATIENCE_US;
    tdl_status st;

    while ((st = clean(store, NULL)) == TDL_E_FULL && tdl_time_monotonic() < until_us)
        nanosleep(&pause, NULL);
    return st;
}

void tdl_erasure_conclude(tdl_store *store, tdl_str id, tdl_str draft)
{
    if (!clean_patiently(store))
        finish(store, id, draft, NULL);
}

tdl_status tdl_store_finish_erasures(tdl_store *store, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new((size_t)64 << 20);
    tdl_erasure *open;
    size_t n = 0;
    tdl_status st = arena ? tdl_store_open_erasures(store, arena, &open, &n, why)
                          : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to finish erasing");

    if (!st && n)
        st = clean(store, why);
    for (size_t i = 0; !st && i < n; i++)
        st = finish(store, tdl_str_of(open[i].id), open[i].receipt, why);
    tdl_arena_free(arena);
    return st;
}
