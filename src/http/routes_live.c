/* Events as they are stored, as server-sent events. */
#include "http/query.h"
#include "http/routes.h"

tdl_status tdl_route_live(tdl_request *r, tdl_report *why)
{
    tdl_tail_filter *filter = tdl_arena_zalloc(r->arena, 1, sizeof *filter);
    tdl_status st;

    if (!filter)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a stream");
    if ((st = tdl_query_text(r->query, "kind", TDL_KIND_MAX, r->arena, &filter->kind, why)) ||
        (st = tdl_query_text(r->query, "user", TDL_ID_MAX, r->arena, &filter->user, why)))
        return st;
    r->tail = filter;
    r->headers.content_type = "text/event-stream";
    r->headers.cache_control = "no-cache, no-transform";
    return TDL_OK;
}
