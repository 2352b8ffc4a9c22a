#include "http/exchange.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "http/answer.h"
#include "http/body_reader.h"
#include "http/gate.h"
#include "http/ingest.h"
#include "http/query.h"
#include "store/audit.h"

enum {
    INLINE_BODY_MAX = 64 << 10, /* a larger body is decoded by a worker */
    BODY_MAX = 8 << 20,         /* of what has no limit of its own */
    TABLE_MAX = 64 << 20
};

/* Bytes of a body as sent, once the key is known and before. Keys of PostHog stand in the body and
 * in every page that uses them: to hold back before would protect nothing. 0 = BODY_MAX. */
static const struct {
    size_t known, unknown;
} body_limits[] = {
    [TDL_SDK_NONE] = {0, 0},
    [TDL_SDK_SEGMENT] = {0, 512 << 10},
    [TDL_SDK_POSTHOG] = {2 << 20, 2 << 20},
    [TDL_SDK_POSTHOG_BATCH] = {20 << 20, 20 << 20},
    [TDL_SDK_OPENFEATURE] = {0, 0},
};

static const char *header(const tdl_request *r, const char *field)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, field);
}

/* ---- begin ---- */

void *tdl_exchange_begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    tdl_request *r = tdl_request_take(context);

    if (!r)
        return NULL;
    r->connection = connection;
    r->step = tdl_gate_connection_of(connection);
    tdl_connection_head(r->step);
    tdl_str target = tdl_arena_str(r->arena, tdl_str_of(uri)); // MHD cuts its own copy up
    const char *question = target.len ? memchr(target.at, '?', target.len) : NULL;
    r->path = target;
    if (question) {
        r->path.len = (size_t)(question - target.at);
        r->query = (tdl_str){question + 1, target.len - r->path.len - 1};
    }
    return r;
}

/* ---- headers ---- */

static tdl_status no_route(tdl_request *r, const tdl_route_match *match, const char *method,
                           tdl_report *why)
{
    if (!match->path_only) {
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "GET /openapi.json lists what there is",
                             "there is nothing at %.*s",
                             (int)(r->path.len > 200 ? 200 : r->path.len),
                             r->path.at ? r->path.at : "");
    }
    r->headers.allow = tdl_arena_str(r->arena, tdl_str_of(match->allow)).at;
    return TDL_FAIL(why, TDL_E_INVALID, "%s is not among the methods of this path: %s", method,
                    match->allow);
}

/* OpenFeature's server SDK does not encode a flag's key: "100%" is one, then. */
static bool is_bare_key(const tdl_request *r, tdl_str parameter)
{
    for (size_t i = 0; i < parameter.len; i++)
        if ((unsigned char)parameter.at[i] <= ' ' || parameter.at[i] == '\x7f')
            return false;
    return r->route->sdk == TDL_SDK_OPENFEATURE && tdl_str_utf8(parameter, NULL);
}

static tdl_status read_parameter(tdl_request *r, tdl_str sent, tdl_str *ret, tdl_report *why)
{
    tdl_status st = tdl_percent_decode(sent, false, r->arena, ret, why);

    if (st == TDL_E_INVALID && is_bare_key(r, sent)) {
        *ret = sent;
        return TDL_OK;
    }
    if (st)
        tdl_report_prefix(why, "path");
    return st;
}

static tdl_status find_route(tdl_request *r, const char *method, tdl_report *why)
{
    tdl_route_match match = tdl_route_find(tdl_routes, tdl_routes_n, tdl_str_of(method), r->path);
    tdl_status st;

    r->head_only = !strcmp(method, "HEAD");
    r->preflight = !strcmp(method, "OPTIONS") && match.path_only && match.path_only->sdk;
    r->route = r->preflight ? match.path_only : match.route;
    if (!r->route) {
        st = no_route(r, &match, method, why);
        tdl_request_refuse(r, st, why);
        if (match.path_only)
            r->http_status = 405;
        return st;
    }
    st = read_parameter(r, match.parameter, &r->parameter, why);
    return st ? st : read_parameter(r, match.second, &r->second, why);
}

static void limit_body(tdl_request *r)
{
    tdl_sdk sdk = r->route ? r->route->sdk : TDL_SDK_NONE;
    size_t max = r->key_in_body ? body_limits[sdk].unknown : body_limits[sdk].known;

    r->body_max = max ? max : r->route && r->route->lane == TDL_LANE_TABLE ? TABLE_MAX : BODY_MAX;
    if (r->http->body_max && r->http->body_max < r->body_max)
        r->body_max = r->http->body_max;
    r->body.limit = r->body_max + 1;
}

static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(method, known[i]))
            return known[i];
    return "other";
}

/* All that can be said before the body. A refusal is answered once the body has gone by. */
static void read_headers(tdl_request *r, const char *method)
{
    tdl_report why = {0}, shut = {0};
    tdl_status st, door;

    r->method = known_method(method);
    if (!r->path.at)
        st = TDL_FAIL(&why, TDL_E_NO_MEMORY, "the request needs too much memory");
    else if (!(st = find_route(r, method, &why)))
        st = tdl_gate_enter(r, &why);
    else if (!r->route && (door = tdl_gate_door(r, &shut)))
        tdl_request_refuse(r, door, &shut);
    if (st && !r->status)
        tdl_request_refuse(r, st, &why);
    r->body_unwanted = r->status || r->preflight || !strcmp(r->route->method, "GET");
    limit_body(r);
    tdl_body_announce(r);
    tdl_connection_body(r->step, 0);
}

static bool waits_for_continue(const tdl_request *r)
{
    const char *expect = header(r, MHD_HTTP_HEADER_EXPECT);
    return expect && !strcasecmp(expect, "100-continue");
}

/* ---- lanes ---- */

/* Take the connection off the event thread. False when the server is stopping: then nothing may
 * wait any more. */
static bool suspend(tdl_request *r)
{
    tdl_http *http = r->http;

    atomic_fetch_add(&http->suspended, 1);
    if (atomic_load(&http->stopping)) {
        tdl_report why = {0};
        atomic_fetch_sub(&http->suspended, 1);
        tdl_request_refuse(r, TDL_FAIL(&why, TDL_E_FULL, "the server is stopping"), &why);
        return false;
    }
    r->phase = TDL_REQUEST_READY;
    MHD_suspend_connection(r->connection);
    return true;
}

static void resume(tdl_request *r)
{
    tdl_http *http = r->http;

    MHD_resume_connection(r->connection); // the request may be gone from here on
    atomic_fetch_sub(&http->suspended, 1);
}

/* Runs `handle`, or `finish`, which needs no body any more. */
static void run(tdl_request *r, tdl_handler *handler)
{
    tdl_report why = {0};
    tdl_status st = handler == r->route->handle ? tdl_body_finish(r, &why) : TDL_OK;

    tdl_audit_act_for(r->key_id[0] ? r->key_id : NULL);
    if (!st)
        st = handler(r, &why);
    if (!st && r->route->lane == TDL_LANE_INGEST && handler == r->route->handle)
        st = tdl_ingest_personal(r, &why);
    tdl_audit_act_for(NULL);
    if (st)
        tdl_request_refuse(r, st, &why);
}

static void stored(void *context, tdl_status status, size_t new_n, const tdl_report *why)
{
    tdl_request *r = context;

    if (status)
        tdl_request_refuse(r, status, why);
    r->batch_new_n = new_n;
    resume(r);
}

/* Hand the batch of a suspended request to the store. */
static void store_batch(tdl_request *r)
{
    tdl_report why = {0};
    tdl_status st =
        tdl_store_append_async(r->http->store, r->batch.events, r->batch.events_n, stored, r, &why);

    if (st) {
        tdl_request_refuse(r, st, &why);
        resume(r);
    }
}

static void run_ingest(tdl_request *r)
{
    run(r, r->route->handle);
    if (r->status || !r->batch.events_n)
        return;
    if (suspend(r))
        store_batch(r);
}

void tdl_exchange_work(tdl_request *r)
{
    r->may_wait = true;
    run(r, r->route->handle);
    if (r->route->lane == TDL_LANE_INGEST && !r->status && r->batch.events_n)
        store_batch(r);
    else
        resume(r);
}

/* The whole question is there: have it answered. */
static void dispatch(tdl_request *r)
{
    bool quick = r->body.len <= INLINE_BODY_MAX && !tdl_body_packed(r);

    if (r->route->lane == TDL_LANE_EITHER && quick) {
        tdl_report why = {0};
        tdl_status st = tdl_gate_patience(r, &why);
        if (st) {
            tdl_request_refuse(r, st, &why);
            return;
        }
        run(r, r->route->handle);
        if (!r->must_wait)
            return;
    }
    if (r->route->lane == TDL_LANE_EVENT)
        run(r, r->route->handle);
    else if (r->route->lane == TDL_LANE_INGEST && quick)
        run_ingest(r);
    else if (suspend(r))
        tdl_workers_submit(r->http->workers, r);
}

static enum MHD_Result answer(tdl_request *r)
{
    if (!r->status && r->route->finish)
        run(r, r->route->finish);
    return tdl_answer_send(r);
}

/* ---- callbacks ---- */

static enum MHD_Result end_of_body(tdl_request *r)
{
    r->phase = TDL_REQUEST_READY;
    if (r->preflight)
        r->http_status = MHD_HTTP_NO_CONTENT;
    if (r->status || r->preflight)
        return tdl_answer_send(r);
    r->phase = TDL_REQUEST_READING;
    tdl_connection_work(r->step);
    dispatch(r);
    if (r->phase == TDL_REQUEST_READY)
        return MHD_YES; // suspended: called again once resumed
    r->phase = TDL_REQUEST_READY;
    return answer(r);
}

enum MHD_Result tdl_exchange_handle(void *context, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *upload, size_t *upload_n, void **request)
{
    tdl_request *r = *request;

    TDL_UNUSED(context);
    TDL_UNUSED(connection);
    TDL_UNUSED(url);
    TDL_UNUSED(version);
    if (!r)
        return MHD_NO; // no memory for it
    switch (r->phase) {
    case TDL_REQUEST_NEW:
        read_headers(r, method);
        r->phase = TDL_REQUEST_READING;
        return r->status && waits_for_continue(r) ? tdl_answer_send(r) : MHD_YES;
    case TDL_REQUEST_READING:
        if (!*upload_n)
            return end_of_body(r);
        tdl_connection_body(r->step, *upload_n);
        bool go_on = tdl_body_take(r, upload, *upload_n);
        *upload_n = 0;
        return go_on ? MHD_YES : MHD_NO;
    case TDL_REQUEST_READY:
        return answer(r);
    }
    return MHD_NO;
}

/* One line a request. No path and no query: they hold ids of people. */
static void log_access(const tdl_request *r, int http_status, int64_t took_us)
{
    tdl_log(r->http->access_log ? TDL_LOG_INFO : TDL_LOG_DEBUG, "request",
            "id=%s method=%s route=%s status=%d bytes=%zu us=%lld key=\"%s\"", r->id,
            r->method ? r->method : "none", r->route ? r->route->name : "none", http_status,
            r->answered_n, (long long)took_us,
            r->key_id); // an id of digits must not read as a number
}

void tdl_exchange_completed(void *context, struct MHD_Connection *connection, void **request,
                            enum MHD_RequestTerminationCode code)
{
    tdl_request *r = *request;

    TDL_UNUSED(context);
    TDL_UNUSED(connection);
    if (!r)
        return;
    bool answered = code == MHD_REQUEST_TERMINATED_COMPLETED_OK || r->streamed_us;
    int http_status = answered ? r->http_status : 0;
    int64_t took_us = (r->streamed_us ? r->streamed_us : tdl_time_monotonic()) - r->began_us;
    tdl_metrics_count(r->http->metrics, r->route, http_status, took_us);
    tdl_connection_rest(r->step);
    log_access(r, http_status, took_us);
    tdl_request_give_back(r);
    *request = NULL;
}
