/* Events that could not be taken. */
#include "http/query.h"
#include "http/routes.h"
#include "wire/native/native.h"

enum { LIMIT_MAX = 1000 };

tdl_status tdl_route_rejects(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    int64_t limit;
    tdl_status st = tdl_query_int(r->query, "limit", 0, LIMIT_MAX, 50, r->arena, &limit, why);

    return st ? st : tdl_native_write_rejects(r->http->store, (size_t)limit, r->arena, &w, why);
}
