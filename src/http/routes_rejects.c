/* Events that could not be taken. */
#include "http/query.h"
#include "http/routes.h"

enum { LIMIT_MAX = 1000, REASONS_N = 20 };

static void write_reasons(tdl_jw *w, const tdl_reject_count *counts, size_t n)
{
    tdl_jw_key(w, "reasons");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_kstr(w, "source", counts[i].source);
        tdl_jw_kstr(w, "reason", counts[i].reason);
        tdl_jw_kint(w, "count", counts[i].n);
        tdl_jw_ktime(w, "newest", counts[i].newest_us);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_rejects(tdl_jw *w, const tdl_reject *rejects, size_t n)
{
    tdl_jw_key(w, "rejects");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktime(w, "received", rejects[i].received_us);
        tdl_jw_kstr(w, "source", rejects[i].source);
        tdl_jw_kstr(w, "reason", rejects[i].reason);
        tdl_jw_kstr(w, "raw", rejects[i].raw);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

tdl_status tdl_route_rejects(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_reject_count *counts;
    tdl_reject *rejects;
    size_t counts_n, rejects_n;
    int64_t limit;
    tdl_status st;

    if ((st = tdl_query_int(r->query, "limit", 0, LIMIT_MAX, 50, r->arena, &limit, why)) ||
        (st = tdl_store_rejects(r->http->store, (size_t)limit, r->arena, &rejects, &rejects_n,
                                why)) ||
        (st =
             tdl_store_count_rejects(r->http->store, REASONS_N, r->arena, &counts, &counts_n, why)))
        return st;
    tdl_jw_object(&w);
    write_reasons(&w, counts, counts_n);
    write_rejects(&w, rejects, rejects_n);
    tdl_jw_end_object(&w);
    return TDL_OK;
}
