#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http/metrics.h"
#include "treadle/treadle.h"

static uint64_t read_counter(atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void head(tdl_buf *out, const char *name, const char *type, const char *help)
{
    tdl_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(tdl_buf *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    tdl_buf_printf(out, "%s %.15g\n", name, value);
}

static const char *route_name(size_t i)
{
    return i < tdl_routes_n ? tdl_routes[i].name : "none";
}

/* Rows of the table that are in use: the routes, then the row for no route. */
static size_t row(size_t i)
{
    return i < tdl_routes_n ? i : TDL_ROUTES_MAX;
}

static void write_answers(tdl_metrics *metrics, tdl_buf *out)
{
    head(out, "treadle_http_requests_total", "counter", "Requests by route and status.");
    for (size_t i = 0; i <= tdl_routes_n; i++)
        for (size_t s = 0; s < TDL_METRICS_STATUSES; s++) {
            uint64_t n = read_counter(&metrics->route[row(i)].answers[s]);
            if (!n)
                continue;
            tdl_buf_printf(out, "treadle_http_requests_total{route=\"%s\",status=\"",
                           route_name(i));
            if (tdl_metrics_statuses[s])
                tdl_buf_printf(out, "%d", tdl_metrics_statuses[s]);
            else
                tdl_buf_text(out, "other");
            tdl_buf_printf(out, "\"} %" PRIu64 "\n", n);
        }
}

static void write_durations(tdl_metrics_row *m, const char *route, tdl_buf *out)
{
    static const char name[] = "treadle_http_request_duration_seconds";
    uint64_t below = 0;

    for (size_t b = 0; b <= TDL_METRICS_BUCKETS; b++)
        below += read_counter(&m->buckets[b]);
    if (!below)
        return;
    below = 0;
    for (size_t b = 0; b < TDL_METRICS_BUCKETS; b++) {
        below += read_counter(&m->buckets[b]);
        tdl_buf_printf(out, "%s_bucket{route=\"%s\",le=\"%.9g\"} %" PRIu64 "\n", name, route,
                       (double)tdl_metrics_bounds_us[b] / 1e6, below);
    }
    below += read_counter(&m->buckets[TDL_METRICS_BUCKETS]);
    tdl_buf_printf(out, "%s_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, route, below);
    tdl_buf_printf(out, "%s_sum{route=\"%s\"} %.6f\n", name, route,
                   (double)read_counter(&m->total_us) / 1e6);
    tdl_buf_printf(out, "%s_count{route=\"%s\"} %" PRIu64 "\n", name, route, below);
}

static void write_store(const tdl_store_counts *c, uint64_t rejected, tdl_buf *out)
{
    single(out, "treadle_events_stored_total", "counter", "Events in the store.",
           (double)c->events);
    single(out, "treadle_events_duplicate_total", "counter", "Events skipped as seen before.",
           (double)c->duplicates);
    single(out, "treadle_events_dropped_total", "counter",
           "Events of erased persons, and of those who denied analytics.", (double)c->dropped);
    single(out, "treadle_events_rejected_total", "counter",
           "Events left out of foreign batches because they were not valid.", (double)rejected);
    single(out, "treadle_decisions_total", "counter", "Decisions in the log.",
           (double)c->decisions);
    single(out, "treadle_rewards_total", "counter", "Events that carry a decision id.",
           (double)c->rewards);
    single(out, "treadle_commits_total", "counter", "Groups the store has committed.",
           (double)c->commits);
    single(out, "treadle_users", "gauge", "Users seen.", (double)c->users);
    single(out, "treadle_items", "gauge", "Items known.", (double)c->items);
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long all = 0, resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void write_process(const tdl_metrics_state *state, tdl_buf *out)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
    single(out, "process_cpu_seconds_total", "counter", "CPU time.",
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    single(out, "process_start_time_seconds", "gauge", "Start, in seconds since 1970.",
           (double)state->started_us / 1e6);
    head(out, "treadle_build_info", "gauge", "Version of Treadle.");
    tdl_buf_printf(out, "treadle_build_info{version=\"%s\"} 1\n", tdl_version());
}

static void write_closed(const tdl_metrics_state *state, tdl_buf *out)
{
    static const char name[] = "treadle_http_connections_closed_total";

    head(out, name, "counter", "Connections the server ended: too slow, or to make room.");
    tdl_buf_printf(out, "%s{reason=\"late\"} %" PRIu64 "\n", name, state->late);
    tdl_buf_printf(out, "%s{reason=\"crowded\"} %" PRIu64 "\n", name, state->crowded_out);
}

static void write_personal(tdl_metrics *metrics, tdl_buf *out)
{
    head(out, "treadle_personal_total", "counter",
         "Personal data masked or dropped in properties, by kind.");
    for (size_t i = 0; i < TDL_PERSONAL_N; i++)
        tdl_buf_printf(out, "treadle_personal_total{kind=\"%s\"} %" PRIu64 "\n",
                       tdl_personal_name((tdl_personal)i), read_counter(&metrics->personal[i]));
}

void tdl_metrics_write(tdl_metrics *metrics, const tdl_metrics_state *state, tdl_buf *ret)
{
    write_answers(metrics, ret);
    head(ret, "treadle_http_request_duration_seconds", "histogram",
         "From the request line to the last byte of the answer.");
    for (size_t i = 0; i <= tdl_routes_n; i++)
        write_durations(&metrics->route[row(i)], route_name(i), ret);
    single(ret, "treadle_http_requests_in_flight", "gauge", "Requests begun and not yet answered.",
           (double)state->in_flight);
    single(ret, "treadle_http_requests_waiting", "gauge",
           "Of them, those that wait for the disk or a worker.", (double)state->suspended);
    single(ret, "treadle_http_worker_queue", "gauge", "Requests no worker has taken up yet.",
           (double)state->worker_queue);
    single(ret, "treadle_http_body_bytes", "gauge", "Bytes of request bodies held.",
           (double)state->body_bytes);
    single(ret, "treadle_http_streams", "gauge", "Event streams open.", (double)state->streams);
    single(ret, "treadle_http_requests_limited_total", "counter",
           "Requests refused because their key or address asked too often.",
           (double)state->limited);
    single(ret, "treadle_http_connections", "gauge", "Connections open.",
           (double)state->connections);
    write_closed(state, ret);
    write_store(&state->store, read_counter(&metrics->rejected), ret);
    write_personal(metrics, ret);
    write_process(state, ret);
}
