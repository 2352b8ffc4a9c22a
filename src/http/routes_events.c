/* Native ingest: events and catalogue items. */
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

tdl_status tdl_route_put_items(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_item *items;
    size_t n;
    json_t *json;
    tdl_status st = tdl_native_items(r->text, r->arena, &items, &n, &json, why);

    if (st)
        return st;
    if (n)
        st = tdl_loop_put_items(r->http->loop, items, n, why);
    json_decref(json);
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "stored", (int64_t)n);
    tdl_jw_end_object(&w);
    return st;
}
