/* Segment's SDKs. */
#include "base/timestamp.h"
#include "http/ingest.h"
#include "http/routes.h"
#include "wire/segment/segment.h"

tdl_status tdl_route_segment(tdl_request *r, tdl_report *why)
{
    tdl_str key;
    tdl_status st = tdl_segment_decode(r->text, (tdl_segment_call)r->route->call, tdl_time_now(),
                                       r->arena, &r->batch, &key, why);

    if (st) // whoever shows no key learns nothing about the body
        return r->key_in_body ? tdl_ingest_check_key(r, (tdl_str){0}, why) : st;
    if ((st = tdl_ingest_check_key(r, key, why)))
        return st;
    tdl_ingest_note_rejected(r, "segment");
    return TDL_OK;
}

tdl_status tdl_route_segment_finish(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    r->fixed = TDL_STR("{\"success\":true}");
    return TDL_OK;
}

/* What analytics.js asks before it starts. The same for every key: nobody learns which exist. */
tdl_status tdl_route_segment_settings(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    TDL_UNUSED(why);
    tdl_jw_object(&w);
    tdl_jw_key(&w, "integrations");
    tdl_jw_object(&w);
    tdl_jw_key(&w, "Segment.io");
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "apiKey", r->parameter);
    tdl_jw_kraw(&w, "unbundledIntegrations", TDL_STR("[]"));
    tdl_jw_kbool(&w, "addBundledMetadata", true);
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
    tdl_jw_kraw(&w, "plan",
                TDL_STR("{\"track\":{\"__default\":{\"enabled\":true,\"integrations\":{}}}}"));
    tdl_jw_kraw(&w, "edgeFunction", TDL_STR("{}"));
    tdl_jw_kbool(&w, "analyticsNextEnabled", true);
    tdl_jw_kraw(&w, "middlewareSettings", TDL_STR("{}"));
    tdl_jw_kraw(&w, "enabledMiddleware", TDL_STR("{}"));
    tdl_jw_kraw(&w, "metrics", TDL_STR("{\"sampleRate\":0}"));
    tdl_jw_kbool(&w, "legacyVideoPluginsEnabled", false);
    tdl_jw_kraw(&w, "remotePlugins", TDL_STR("[]"));
    tdl_jw_end_object(&w);
    return TDL_OK;
}
