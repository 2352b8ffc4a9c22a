/* GrowthBook's SDKs. Their key stands in the path, or in the query. */
#include <microhttpd.h>

#include "base/timestamp.h"
#include "http/assets.h"
#include "http/gate.h"
#include "http/ingest.h"
#include "http/query.h"
#include "http/routes.h"
#include "loop/flags.h"
#include "wire/growthbook/growthbook.h"

enum { QUESTION_MAX = 512 << 10 /* bytes: it is answered on the event thread */ };

tdl_status tdl_route_growthbook_features(tdl_request *r, tdl_report *why)
{
    tdl_status st = tdl_gate_key(r, r->parameter, why);

    if (st)
        return st;
    tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
    r->headers.etag = tdl_arena_printf(r->arena, "\"%s\"", tdl_flag_set_etag(served->set)).at;
    r->headers.cache_control = "private, no-cache";
    r->headers.sse_support = "enabled";
    const char *known =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    if (r->headers.etag && tdl_asset_matches(tdl_str_of(known), r->headers.etag)) {
        r->http_status = MHD_HTTP_NOT_MODIFIED;
    } else {
        tdl_jw w = tdl_request_writer(r);
        tdl_growthbook_write_features(&w, served->set);
    }
    tdl_loop_flags_drop(served);
    return TDL_OK;
}

/* Every flag, whatever its family: here nobody has to hash. */
static tdl_status answer_all(tdl_request *r, const tdl_flag_set *set,
                             const tdl_flag_context *context, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    char decision_id[37];

    tdl_growthbook_begin_answers(&w);
    for (size_t i = 0; i < tdl_flag_set_count(set); i++) {
        const tdl_flag *flag = tdl_flag_set_at(set, i);
        tdl_flag_answer answer;
        tdl_status st = tdl_loop_flag_answer(r->http->loop, set, flag, context, r->id, r->arena,
                                             &answer, decision_id, why);
        if (st)
            return st;
        tdl_growthbook_write_answer(&w, flag, &answer);
    }
    tdl_growthbook_end_answers(&w, set);
    return TDL_OK;
}

tdl_status tdl_route_growthbook_eval(tdl_request *r, tdl_report *why)
{
    tdl_growthbook_question question = {0};
    tdl_status st = tdl_gate_key(r, r->parameter, why);

    if (st)
        return st;
    if (r->text.len > QUESTION_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "the body is larger than %d bytes", QUESTION_MAX);
    st = tdl_growthbook_read_question(r->text, tdl_time_now(), r->arena, &question, why);
    if (!st) {
        tdl_flags_served *served = tdl_loop_flags_take(r->http->loop);
        st = answer_all(r, served->set, &question.context, why);
        tdl_loop_flags_drop(served);
    }
    r->headers.sse_support = "enabled";
    tdl_growthbook_question_release(&question);
    return st;
}

/* Whoever shows no key learns nothing about the body. */
tdl_status tdl_route_growthbook_track(tdl_request *r, tdl_report *why)
{
    tdl_str key = {0};
    tdl_status st = TDL_OK;

    if (r->key_in_body) { // that is: not in a header
        st = tdl_query_text(r->query, "client_key", TDL_CREDENTIAL_MAX, r->arena, &key, why);
        st = tdl_gate_key(r, st ? (tdl_str){0} : key, why);
    }
    if (st || (st = tdl_growthbook_decode(r->text, tdl_time_now(), r->arena, &r->batch, why)))
        return st;
    tdl_ingest_note_rejected(r, "growthbook");
    return TDL_OK;
}

tdl_status tdl_route_growthbook_track_finish(tdl_request *r, tdl_report *why)
{
    TDL_UNUSED(why);
    r->fixed = TDL_STR("{\"status\":1}");
    return TDL_OK;
}
