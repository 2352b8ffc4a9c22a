/* Training runs: what their folders hold, for a list and for live curves. */
#include "http/query.h"
#include "http/routes.h"
#include "train/runs.h"

enum { RUNS_LISTED = 50, RUNS_LISTED_MAX = 200 };

static const char *data_dir(const tdl_request *r)
{
    return tdl_loop_data_dir(r->http->loop);
}

tdl_status tdl_route_runs(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_run_row *rows;
    size_t n, skipped;
    int64_t limit;
    tdl_status st =
        tdl_query_int(r->query, "limit", 1, RUNS_LISTED_MAX, RUNS_LISTED, r->arena, &limit, why);

    if (st || (st = tdl_runs_list(data_dir(r), (size_t)limit, r->arena, &rows, &n, &skipped, why)))
        return st;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "runs");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_run_write(&w, &rows[i]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "skipped", (int64_t)skipped);
    tdl_jw_end_object(&w);
    return TDL_OK;
}

/* The run's state is read before its metrics: once it is over, they are all there. */
tdl_status tdl_route_run(tdl_request *r, tdl_report *why)
{
    tdl_jw w = tdl_request_writer(r);
    tdl_curves curves = {0};
    tdl_run_row row;
    int64_t after;
    tdl_status st = tdl_query_int(r->query, "after", 0, INT64_MAX, 0, r->arena, &after, why);

    if (st || (st = tdl_runs_read(data_dir(r), r->parameter, r->arena, &row, why)))
        return st;
    if (!(st = tdl_runs_curves(data_dir(r), row.id, (uint64_t)after, &curves, why))) {
        tdl_jw_object(&w);
        tdl_jw_key(&w, "run");
        tdl_jw_object(&w);
        tdl_run_write(&w, &row);
        tdl_jw_end_object(&w);
        tdl_curves_write(&w, &curves);
        tdl_jw_end_object(&w);
    }
    tdl_curves_release(&curves);
    return st;
}
