/* What recommendations came to, and one item as they see it. */
#include "base/timestamp.h"
#include "http/query.h"
#include "http/routes.h"
#include "store/item.h"

enum { DAYS = 7, SIMILAR = 10 };
#define DAY_US INT64_C(86400000000)

tdl_status tdl_route_shown(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_shown_ask ask = {0};
    int64_t now_us = tdl_time_now();
    tdl_status st;

    if ((st = tdl_query_text(r->query, "surface", TDL_ID_MAX, r->arena, &ask.surface, why)) ||
        (st = tdl_query_text(r->query, "item", TDL_ID_MAX, r->arena, &ask.item, why)) ||
        (st = tdl_query_time(r->query, "to", now_us + 1, r->arena, &ask.until_us, why)) ||
        (st = tdl_query_time(r->query, "from", ask.until_us - DAYS * DAY_US, r->arena, &ask.from_us,
                             why)))
        return st;
    tdl_store_flush(r->http->store); // what was sent before the question counts
    return tdl_loop_shown(r->http->loop, "recommend", &ask, &w, why);
}

/* What stands on the page of the item, asked without being logged. */
static tdl_status write_similar(tdl_request *r, tdl_jw *w, tdl_report *why)
{
    bool must_wait = false;
    json_t *question = json_pack("{s:s, s:[s%], s:i}", "surface", "similar", "items",
                                 r->parameter.at, r->parameter.len, "k", SIMILAR);
    tdl_ask ask = {.question = question,
                   .preview = true,
                   .may_wait = true,
                   .ret_must_wait = &must_wait,
                   .time_us = tdl_time_now()};
    tdl_decision decision;
    tdl_status st = question ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a question");

    tdl_jw_key(w, "similar");
    tdl_jw_object(w);
    if (!st)
        st = tdl_loop_decide(r->http->loop, "recommend", &ask, r->arena, &decision, w, why);
    tdl_jw_end_object(w);
    json_decref(question);
    return st;
}

tdl_status tdl_route_item_view(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_item item;
    tdl_status st = tdl_store_get_item(r->http->store, r->parameter, r->arena, &item, why);

    if (st)
        return st;
    tdl_jw_object(&w);
    if ((st = tdl_item_write(&item, &w, why)))
        return st;
    tdl_jw_key(&w, "recommend");
    tdl_jw_object(&w);
    if ((st = tdl_loop_item_known(r->http->loop, "recommend", r->parameter, &w, why)) ||
        (st = write_similar(r, &w, why)))
        return st;
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
    return TDL_OK;
}
