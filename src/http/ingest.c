#include "http/ingest.h"

#include "base/log.h"
#include "base/timestamp.h"
#include "http/gate.h"

tdl_status tdl_ingest_check_key(tdl_request *r, tdl_str key, tdl_report *why)
{
    return r->key_in_body ? tdl_gate_key(r, key, why) : TDL_OK;
}

/* What may be kept of one, by the policy on personal data: a masked event has masks in ids and
 * traits too, for nothing seals them here. A reason may quote what was sent.
 * False without memory. */
static bool read_reject(const tdl_request *r, const tdl_left_out *one, tdl_str *ret_reason,
                        tdl_buf *ret_raw)
{
    const tdl_personal_policy policy = r->http->personal;

    *ret_reason = one->reason;
    if (policy != TDL_PERSONAL_KEEP &&
        tdl_personal_text((tdl_str){0}, one->reason, TDL_PERSONAL_MASK, NULL, NULL, r->arena,
                          ret_reason, NULL))
        return false;
    if (policy == TDL_PERSONAL_MASK && !tdl_personal_mask(one->event))
        return false;
    if (policy != TDL_PERSONAL_DROP)
        tdl_json_dump(ret_raw, one->event);
    return true;
}

/* Those that are not kept are counted all the same. */
static void keep_rejects(const tdl_request *r, const char *source)
{
    tdl_reject reject = {.received_us = tdl_time_now(), .source = tdl_str_of(source)};
    tdl_buf raw = {0};

    for (size_t i = 0; i < r->batch.left_out_n; i++) {
        tdl_buf_clear(&raw);
        if (!read_reject(r, &r->batch.left_out[i], &reject.reason, &raw))
            continue;
        reject.raw = tdl_buf_view(&raw);
        tdl_store_log_reject(r->http->store, &reject, NULL);
    }
    tdl_buf_release(&raw);
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
