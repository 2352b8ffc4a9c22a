/* PostHog's SDKs: what they capture, and what they ask before they start. */
#include <microhttpd.h>

#include "base/timestamp.h"
#include "http/ingest.h"
#include "http/query.h"
#include "http/routes.h"
#include "wire/clock.h"
#include "wire/posthog/posthog.h"

#define CONFIG                                                                                     \
    "{\"supportedCompression\":[\"gzip\",\"gzip-js\"],\"hasFeatureFlags\":true,"                   \
    "\"analytics\":{\"endpoint\":\"/i/v0/e/\"},\"sessionRecording\":false,\"surveys\":false,"      \
    "\"heatmaps\":false,\"capturePerformance\":false,\"captureDeadClicks\":false,"                 \
    "\"errorTracking\":{\"autocaptureExceptions\":false},\"autocapture_opt_out\":false,"           \
    "\"defaultIdentifiedOnly\":true,\"elementsChainAsString\":true,\"siteApps\":[],"               \
    "\"toolbarParams\":{},\"isAuthenticated\":false}"

static tdl_str header(const tdl_request *r, const char *field)
{
    return tdl_str_of(MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field));
}

/* When it was sent, by a header of the second protocol or the query of older browsers. */
static int64_t sent_us(const tdl_request *r)
{
    int64_t us = -1;
    tdl_str text;

    if (!tdl_clock_parse(header(r, "PostHog-Request-Timestamp"), &us) &&
        tdl_query_find(r->query, "_", &text))
        tdl_clock_parse(text, &us);
    return us;
}

/* The body, or what the query says in its place. */
static tdl_status find_text(tdl_request *r, tdl_str *ret, tdl_report *why)
{
    static const tdl_str name = {"data=", 5};
    tdl_str value;

    *ret = r->text;
    if (r->text.len || !tdl_query_find(r->query, "data", &value) || !value.len)
        return TDL_OK;
    return tdl_body_unwrap((tdl_str){value.at - name.len, value.len + name.len},
                           &r->http->body_limits, &r->inflated, ret, why);
}

static tdl_status decode(tdl_request *r, tdl_str *ret_key, tdl_report *why)
{
    bool results = r->route->call;
    tdl_posthog_call call = {.now_us = tdl_time_now(),
                             .sent_us = sent_us(r),
                             .library = header(r, "PostHog-Sdk-Info"),
                             .key_known = !r->key_in_body,
                             .ret_results = results ? &r->out : NULL};
    tdl_str text;
    tdl_status st = find_text(r, &text, why);

    if (st)
        return st;
    if (results)
        tdl_buf_text(&r->out, "{\"results\":");
    st = tdl_posthog_decode(text, &call, r->arena, &r->batch, ret_key, why);
    if (results)
        tdl_buf_char(&r->out, '}');
    return st;
}

/* Of a body that cannot be read nobody knows the key: it is a 400. All else needs one. */
tdl_status tdl_route_posthog(tdl_request *r, tdl_report *why)
{
    tdl_report said = {0};
    tdl_str key = {0};
    tdl_status st, decoded = decode(r, &key, &said);

    if (r->batch.json && decoded != TDL_E_UNAUTHORIZED && (st = tdl_ingest_check_key(r, key, why)))
        return st;
    if (decoded) {
        *why = said;
        return decoded;
    }
    tdl_ingest_note_rejected(r, "posthog");
    return TDL_OK;
}

/* Session recordings and profiles of old SDKs: the key is checked, the rest is not kept. */
tdl_status tdl_route_posthog_discard(tdl_request *r, tdl_report *why)
{
    tdl_str key;
    tdl_status st = r->key_in_body ? tdl_posthog_key(r->text, &r->batch, &key, why) : TDL_OK;

    if (st || !r->key_in_body)
        return st;
    return tdl_ingest_check_key(r, key, why);
}

/* An answer for each event is there already. */
tdl_status tdl_route_posthog_finish(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    if (!r->out.len)
        r->fixed = TDL_STR("{\"status\":1}");
    return TDL_OK;
}

/* The same for every token: nobody learns which exist. */
tdl_status tdl_route_posthog_config(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    r->fixed = TDL_STR(CONFIG);
    return TDL_OK;
}

tdl_status tdl_route_posthog_config_js(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);

    TDL_UNUSED(why);
    tdl_buf_text(&r->out, "(function(){var c=window._POSTHOG_REMOTE_CONFIG="
                          "window._POSTHOG_REMOTE_CONFIG||{};c[");
    tdl_jw_str(&w, r->parameter);
    tdl_buf_text(&r->out, "]={config:" CONFIG ",siteApps:[]}})();");
    r->headers.content_type = "application/javascript";
    return TDL_OK;
}
