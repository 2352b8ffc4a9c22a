/* Questions to the recommend app that need no body: surfaces home and similar. */
#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"

enum { N_MAX = 100, N_DEFAULT = 10 };

/* The app writes what it answers ("items", "rung", "fallback"); here stands what it was asked.
 * subject: "user" or "item", whatever the question is about. */
static tdl_status ask(tdl_request *r, const char *subject, tdl_str id, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    bool must_wait = false;
    tdl_ask question = {
        .time_us = tdl_time_now(), .may_wait = r->may_wait, .ret_must_wait = &must_wait};
    tdl_decision decision;
    int64_t n;
    tdl_status st = tdl_query_int(r->query, "n", 1, N_MAX, N_DEFAULT, r->arena, &n, why);

    if (st)
        return st;
    question.n = (size_t)n;
    *(subject[0] == 'u' ? &question.user : &question.item) = id;
    tdl_jw_object(&w);
    tdl_jw_kstr(&w, subject, id);
    if ((st = tdl_loop_decide(r->http->loop, "recommend", &question, r->arena, &decision, &w, why)))
        return st;
    if (must_wait) { // asked again on a worker thread, from the beginning
        tdl_buf_clear(&r->out);
        r->must_wait = true;
        return TDL_OK;
    }
    tdl_jw_ktext(&w, "decision_id", decision.id);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

tdl_status tdl_route_recommend(tdl_request *r, tdl_report *why)
{
    tdl_str user;
    tdl_status st = tdl_query_user(r, &user, why);

    return st ? st : ask(r, "user", user, why);
}

tdl_status tdl_route_similar(tdl_request *r, tdl_report *why)
{
    return ask(r, "item", r->parameter, why);
}
