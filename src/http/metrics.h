/* Metrics: counters of the server in Prometheus' text format. Counting is a few relaxed atomic
 * additions; only a scrape costs more. */
#ifndef TDL_HTTP_METRICS_H
#define TDL_HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"
#include "http/route.h"
#include "wire/personal.h"

enum { TDL_METRICS_STATUSES = 16, TDL_METRICS_BUCKETS = 14 };

/* Upper bounds of the buckets, in microseconds; above the last there is +Inf. */
extern const int64_t tdl_metrics_bounds_us[TDL_METRICS_BUCKETS];
/* The statuses that are told apart; any other is counted as the last one, 0. */
extern const int tdl_metrics_statuses[TDL_METRICS_STATUSES];

typedef struct tdl_metrics_row {
    atomic_uint_fast64_t answers[TDL_METRICS_STATUSES];
    atomic_uint_fast64_t buckets[TDL_METRICS_BUCKETS + 1]; /* each counts its own range only */
    atomic_uint_fast64_t total_us;
} tdl_metrics_row;

typedef struct tdl_metrics {
    tdl_metrics_row route[TDL_ROUTES_MAX + 1];     /* as in tdl_routes; the last: no route */
    atomic_uint_fast64_t rejected;                 /* events left out of foreign batches */
    atomic_uint_fast64_t personal[TDL_PERSONAL_N]; /* findings masked or dropped */
} tdl_metrics;

/* One exchange is over. route NULL = none matched; http_status 0 = broken off unanswered. */
void tdl_metrics_count(tdl_metrics *metrics, const tdl_route *route, int http_status,
                       int64_t took_us);

/* The rest of a scrape: the state of this moment. */
typedef struct tdl_metrics_state {
    tdl_store_counts store;
    size_t in_flight, suspended, worker_queue, body_bytes, connections, streams;
    uint64_t limited, late, crowded_out; /* requests; connections closed by us */
    int64_t started_us;                  /* wall clock */
} tdl_metrics_state;

void tdl_metrics_write(tdl_metrics *metrics, const tdl_metrics_state *state, tdl_buf *ret);

#endif
