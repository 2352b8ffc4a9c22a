/* Route: what the server answers, one row each. The table drives dispatch, rights, metrics labels
 * and the test that openapi.json lists the same routes.
 */
#ifndef TDL_HTTP_ROUTE_H
#define TDL_HTTP_ROUTE_H

#include "base/arena.h"
#include "store/store.h"

typedef struct tdl_request tdl_request; /* http/request.h */

/* Fills in the answer, see request.h. Failing, its report becomes the answer. */
typedef tdl_status tdl_handler(tdl_request *request, tdl_report *why);

/* Where a handler runs. */
typedef enum tdl_lane {
    TDL_LANE_EVENT,  /* on the event thread: memory only, microseconds */
    TDL_LANE_WORKER, /* on a worker thread: may wait for the disk */
    TDL_LANE_EITHER, /* on the event thread when the body is small and not packed, else on a worker;
                        a handler that finds it must wait (must_wait) is run again, from its
                        beginning, on a worker (may_wait) */
    TDL_LANE_TABLE,  /* on a worker thread; its body is a table, which may be large */
    TDL_LANE_INGEST  /* decodes request->batch (on the event thread when the body is small); the
                        batch is then stored without anybody waiting, and `finish` answers */
} tdl_lane;

/* Whose SDK a route is for. All but NONE: CORS, a trailing slash, errors of its own shape. */
typedef enum tdl_sdk {
    TDL_SDK_NONE,          /* Treadle's own API */
    TDL_SDK_SEGMENT,       /* the key may stand in the body */
    TDL_SDK_POSTHOG,       /* likewise; an event or a few */
    TDL_SDK_POSTHOG_BATCH, /* many at once */
    TDL_SDK_OPENFEATURE    /* the key stands in a header */
} tdl_sdk;

typedef struct tdl_route {
    const char *method;  /* "GET" also answers HEAD */
    const char *pattern; /* "/v1/items/{id}": a name in braces stands for one segment, of which
                            there may be two; "{key...}", at the end, for all the rest */
    const char *name;    /* metrics label, and operationId in openapi.json */
    tdl_right right;     /* the key needs it; 0 = open to all */
    tdl_lane lane;
    tdl_sdk sdk;
    int call; /* what the handler needs to tell its routes apart */
    tdl_handler *handle, *finish;
} tdl_route;

enum { TDL_ROUTES_MAX = 128 };
extern const tdl_route tdl_routes[];
extern const size_t tdl_routes_n;

typedef struct tdl_route_match {
    const tdl_route *route;     /* NULL when no row has this path and method */
    const tdl_route *path_only; /* first row with this path, whatever its method */
    tdl_str parameter, second;  /* as sent, still percent-encoded */
    char allow[64];             /* methods of this path, for the Allow header */
} tdl_route_match;

/* path: as sent, still percent-encoded, without the query. */
tdl_route_match tdl_route_find(const tdl_route *routes, size_t routes_n, tdl_str method,
                               tdl_str path);

#endif
