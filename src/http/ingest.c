#include "http/ingest.h"

#include "base/log.h"
#include "http/gate.h"

tdl_status tdl_ingest_check_key(tdl_request *r, tdl_str key, tdl_report *why)
{
    return r->key_in_body ? tdl_gate_key(r, key, why) : TDL_OK;
}

void tdl_ingest_note_rejected(tdl_request *r)
{
    char quoted[TDL_LOG_QUOTE_MAX];
    size_t n = r->batch.received_n - r->batch.events_n;

    if (!n)
        return;
    atomic_fetch_add_explicit(&r->http->metrics->rejected, n, memory_order_relaxed);
    tdl_log(TDL_LOG_DEBUG, "events-rejected", "id=%s n=%zu first=%s", r->id, n,
            tdl_log_quote(tdl_str_of(r->batch.rejected.message), quoted));
}
