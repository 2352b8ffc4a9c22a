/* Health, metrics, the API's description, the dashboard. */
#include <microhttpd.h>
#include <string.h>

#include "http/assets.h"
#include "http/openapi.h"
#include "http/routes.h"

enum { INFLATED_ASSET_MAX = 16 << 20 };

tdl_status tdl_route_health(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    r->fixed = TDL_STR("{\"status\":\"ok\"}");
    return TDL_OK;
}

tdl_status tdl_route_ready(tdl_request *r, tdl_report *why)
{
    tdl_http *http = r->http;
    tdl_jw w = tdl_request_writer(r);

    TDL_UNUSED(why);
    bool draining = atomic_load(&http->draining), ready = !draining && atomic_load(&http->ready);
    if (!ready)
        r->http_status = MHD_HTTP_SERVICE_UNAVAILABLE;
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "status", draining ? "draining" : ready ? "ready" : atomic_load(&http->stage));
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_metrics(tdl_request *r, tdl_report *why)
{
    tdl_http *http = r->http;
    tdl_connection_counts connections;
    tdl_connections_count(http->connections, &connections);
    tdl_metrics_state state = {.in_flight = atomic_load(&http->in_flight),
                               .suspended = atomic_load(&http->suspended),
                               .worker_queue = tdl_workers_queued(http->workers),
                               .body_bytes = atomic_load(&http->bodies),
                               .streams = tdl_sse_streams(http->sse),
                               .connections = connections.now,
                               .limited = atomic_load(&http->limited),
                               .late = connections.late,
                               .crowded_out = connections.crowded_out,
                               .started_us = http->started_us};

    TDL_UNUSED(why);
    tdl_store_count(http->store, &state.store);
    tdl_metrics_write(http->metrics, &state, &r->out);
    r->headers.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return TDL_OK;
}

tdl_status tdl_route_openapi(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    r->fixed = tdl_openapi;
    return TDL_OK;
}

static tdl_str header(const tdl_request *r, const char *field)
{
    return tdl_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field));
}

/* Is gzip among the codings of Accept-Encoding, and not with weight 0? */
static bool accepts_gzip(tdl_str accept)
{
    const char *at = accept.len ? memmem(accept.at, accept.len, "gzip", 4) : NULL;

    if (!at)
        return false;
    size_t left = accept.len - (size_t)(at - accept.at);
    const char *end = memchr(at, ',', left);
    tdl_str coding = {at, end ? (size_t)(end - at) : left};
    const char *zero = memmem(coding.at, coding.len, "q=0", 3);
    return !zero || memmem(coding.at, coding.len, "q=0.", 4);
}

static tdl_status give_asset(tdl_request *r, const tdl_asset *asset, tdl_report *why)
{
    tdl_str bytes = {(const char *)asset->bytes, asset->len};

    if (tdl_asset_matches(header(r, MHD_HTTP_HEADER_IF_NONE_MATCH), asset->etag)) {
        r->http_status = MHD_HTTP_NOT_MODIFIED;
        return TDL_OK;
    }
    if (!asset->gzip || accepts_gzip(header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING))) {
        r->headers.encoding = asset->gzip ? "gzip" : NULL;
        r->fixed = bytes;
        return TDL_OK;
    }
    return tdl_inflate(bytes, INFLATED_ASSET_MAX, &r->out, why);
}

tdl_status tdl_route_asset(tdl_request *r, tdl_report *why)
{
    const tdl_asset *asset = tdl_asset_find(r->path);
    bool page = tdl_str_is(r->path, "/");

    if (!tdl_assets_n)
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND,
                             "build Treadle with node 18 or newer and -Ddashboard=enabled",
                             "this Treadle was built without its dashboard");
    if (!asset)
        return TDL_FAIL(why, TDL_E_NOT_FOUND, "the dashboard has no such file");
    r->headers.content_type = asset->content_type;
    r->headers.etag = asset->etag;
    // names below /assets/ carry a hash of their content
    r->headers.cache_control = page ? "no-cache" : "public, max-age=31536000, immutable";
    r->headers.page = true;
    return give_asset(r, asset, why);
}
