#include "http/metrics.h"

const int64_t tdl_metrics_bounds_us[TDL_METRICS_BUCKETS] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000};

const int tdl_metrics_statuses[TDL_METRICS_STATUSES] = {200, 202, 204, 304, 400, 401, 403, 404,
                                                        405, 409, 413, 429, 500, 503, 0};

static size_t status_index(int http_status)
{
    size_t i = 0;

    while (tdl_metrics_statuses[i] && tdl_metrics_statuses[i] != http_status)
        i++;
    return i;
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void tdl_metrics_count(tdl_metrics *metrics, const tdl_route *route, int http_status,
                       int64_t took_us)
{
    tdl_metrics_row *m = &metrics->route[route ? route - tdl_routes : TDL_ROUTES_MAX];
    size_t bucket = 0;

    while (bucket < TDL_METRICS_BUCKETS && took_us > tdl_metrics_bounds_us[bucket])
        bucket++;
    add(&m->answers[status_index(http_status)], 1);
    add(&m->buckets[bucket], 1);
    add(&m->total_us, (uint64_t)took_us);
}
