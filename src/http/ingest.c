#include "http/ingest.h"

#include "base/log.h"
#include "base/timestamp.h"
#include "http/gate.h"

tdl_status tdl_ingest_check_key(tdl_request *r, tdl_str key, tdl_report *why)
{
    return r->key_in_body ? tdl_gate_key(r, key, why) : TDL_OK;
}

/* Those that are not kept are counted all the same. */
static void keep_rejects(const tdl_request *r, const char *source)
{
    tdl_reject reject = {.received_us = tdl_time_now(), .source = tdl_str_of(source)};

    for (size_t i = 0; i < r->batch.left_out_n; i++) {
        reject.reason = r->batch.left_out[i].reason;
        reject.raw = r->batch.left_out[i].raw;
        tdl_store_log_reject(r->http->store, &reject, NULL);
    }
}

static void count_personal(void *context, tdl_str field, tdl_personal kind)
{
    tdl_metrics *metrics = context;

    TDL_UNUSED(field);
    atomic_fetch_add_explicit(&metrics->personal[kind], 1, memory_order_relaxed);
}

tdl_status tdl_ingest_personal(tdl_request *r, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (r->http->personal == TDL_PERSONAL_KEEP)
        return TDL_OK;
    for (size_t i = 0; !st && i < r->batch.events_n; i++) {
        tdl_str *properties = &r->batch.events[i].properties;
        st = tdl_personal_object(*properties, r->http->personal, count_personal, r->http->metrics,
                                 r->arena, properties, why);
        if (st)
            tdl_report_prefix(why, "event %zu: properties", i);
    }
    return st;
}

void tdl_ingest_note_rejected(tdl_request *r, const char *source)
{
    char quoted[TDL_LOG_QUOTE_MAX];
    size_t n = r->batch.received_n - r->batch.events_n;

    if (!n)
        return;
    atomic_fetch_add_explicit(&r->http->metrics->rejected, n, memory_order_relaxed);
    tdl_log(TDL_LOG_DEBUG, "events-rejected", "id=%s n=%zu first=%s", r->id, n,
            tdl_log_quote(tdl_str_of(r->batch.rejected.message), quoted));
    keep_rejects(r, source);
}
