#include "http/answer.h"

#include <string.h>

#include "base/log.h"
#include "http/cors.h"
#include "http/stream.h"

/* The dashboard's files are its own; nothing else may run or be embedded. */
static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void write_problem(tdl_request *r)
{
    tdl_jw w = tdl_request_writer(r);

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "type", "about:blank");
    tdl_jw_ktext(&w, "title", MHD_get_reason_phrase_for((unsigned)r->http_status));
    tdl_jw_kint(&w, "status", r->http_status);
    tdl_jw_ktext(&w, "detail", r->why.message);
    tdl_jw_ktext(&w, "hint", r->why.hint);
    tdl_jw_ktext(&w, "code", tdl_status_name(r->status));
    tdl_jw_ktext(&w, "request_id", r->id);
    tdl_jw_end_object(&w);
    r->headers.content_type = "application/problem+json";
}

/* "E_TOO_LARGE" as SDKs spell such things: "too_large". */
static void write_code(tdl_jw *w, tdl_status status)
{
    const char *name = tdl_status_name(status) + strlen("E_");
    char code[32] = "";

    for (size_t i = 0; name[i] && i + 1 < sizeof code; i++)
        code[i] = name[i] == '_' ? '_' : (char)(name[i] | 0x20);
    tdl_jw_ktext(w, "code", code);
}

static void write_sdk_error(tdl_request *r)
{
    tdl_jw w = tdl_request_writer(r);

    tdl_jw_object(&w);
    if (r->route->sdk == TDL_SDK_SEGMENT)
        tdl_jw_kbool(&w, "success", false);
    tdl_jw_key(&w, "error");
    tdl_jw_object(&w);
    write_code(&w, r->status);
    tdl_jw_ktext(&w, "message", r->why.message);
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
}

/* SDKs that send events are answered 200, 400, 401, 413 or 503 and nothing else: what they do after
 * any other is not what it says (protocols 3.7). */
static int capture_status(int http_status)
{
    if (http_status >= 500)
        return 503;
    return http_status == 403 ? 401 : http_status;
}

/* Who may not ask learns nothing more: 401 and 403 have no body. */
static void write_ofrep_error(tdl_request *r)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_ofrep_fault fault = r->status == TDL_E_INVALID ? TDL_OFREP_PARSE_ERROR : TDL_OFREP_GENERAL;

    if (r->http_status != 401 && r->http_status != 403)
        tdl_ofrep_write_error(&w, r->parameter, fault, r->why.message);
}

static void write_error(tdl_request *r)
{
    if (r->route && r->route->sdk && r->route->lane == TDL_LANE_INGEST)
        r->http_status = capture_status(r->http_status);
    tdl_buf_clear(&r->out);
    r->fixed = (tdl_str){0};
    r->headers = (tdl_headers){.allow = r->headers.allow};
    if (r->route && r->route->sdk == TDL_SDK_OPENFEATURE)
        write_ofrep_error(r);
    else if (r->route && r->route->sdk)
        write_sdk_error(r);
    else
        write_problem(r);
    if (r->http_status >= 500)
        tdl_log_report(r->http_status == 503 ? TDL_LOG_DEBUG : TDL_LOG_WARN, "request-failed",
                       &r->why);
}

static void add(struct MHD_Response *response, const char *field, const char *value)
{
    if (value)
        MHD_add_response_header(response, field, value);
}

static void add_headers(tdl_request *r, struct MHD_Response *response)
{
    const tdl_headers *h = &r->headers;

    add(response, "Content-Type", h->content_type ? h->content_type : "application/json");
    add(response, "X-Request-Id", r->id);
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Cache-Control", h->cache_control ? h->cache_control : "no-store");
    add(response, "Allow", h->allow);
    add(response, "ETag", h->etag);
    add(response, "Set-Cookie", h->set_cookie);
    add(response, "Content-Encoding", h->encoding);
    add(response, "x-sse-support", h->sse_support);
    if (h->page) {
        add(response, "Content-Security-Policy", page_policy);
        add(response, "X-Frame-Options", "DENY");
        add(response, "Referrer-Policy", "no-referrer");
        add(response, "Cross-Origin-Opener-Policy", "same-origin");
        add(response, "Vary", "Accept-Encoding");
    }
    if (r->http_status == 401)
        add(response, "WWW-Authenticate", "Bearer");
    if (r->http_status == 503)
        add(response, "Retry-After", "2");
    if (r->http_status == 429)
        add(response, "Retry-After", "1"); // a bucket gains a request a second at least
    if (r->http->tls)
        add(response, "Strict-Transport-Security", "max-age=31536000");
    if (r->route && r->route->sdk)
        tdl_cors_add(r->connection, response, r->preflight);
    if (atomic_load_explicit(&r->http->draining, memory_order_relaxed))
        add(response, "Connection", "close");
}

static enum MHD_Result queue(tdl_request *r, struct MHD_Response *response)
{
    add_headers(r, response);
    enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)r->http_status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result tdl_answer_send(tdl_request *r)
{
    struct MHD_Response *response = NULL;

    if (!r->status && r->out.failed) {
        tdl_report why = {0};
        tdl_request_refuse(r, TDL_FAIL(&why, TDL_E_NO_MEMORY, "the answer is too large"), &why);
    }
    if (!r->status && (r->stream || r->tail) && !r->head_only) {
        tdl_report why = {0};
        tdl_status st = tdl_stream_start(r, &response, &why);
        if (!st && !response)
            return MHD_NO; // it lives on without this connection
        if (!st) {
            tdl_connection_work(r->step); // no limit
            return queue(r, response);
        }
        tdl_request_refuse(r, st, &why);
    }
    if (r->status)
        write_error(r);
    tdl_str body = r->fixed.len ? r->fixed : tdl_buf_view(&r->out);
    r->answered_n = body.len;
    tdl_connection_answer(r->step, body.len);
    // the bytes live as long as the request, which outlives its response
    response = MHD_create_response_from_buffer(body.len, (void *)body.at, MHD_RESPMEM_PERSISTENT);
    return response ? queue(r, response) : MHD_NO;
}
