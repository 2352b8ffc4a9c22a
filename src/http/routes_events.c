/* Native ingest. */
#include "base/timestamp.h"
#include "http/routes.h"
#include "wire/native/native.h"

tdl_status tdl_route_append_events(tdl_request *r, tdl_report *why)
{
    return tdl_native_events(r->text, tdl_time_now(), r->arena, &r->batch, why);
}

tdl_status tdl_route_append_events_finish(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    TDL_UNUSED(why);
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "received", (int64_t)r->batch.received_n);
    tdl_jw_kint(&w, "stored", (int64_t)r->batch_new_n);
    tdl_jw_kint(&w, "duplicates", (int64_t)(r->batch.events_n - r->batch_new_n));
    tdl_jw_end_object(&w);
    return TDL_OK;
}
