#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/metrics.h"

static const tdl_route *route_named(const char *name)
{
    for (size_t i = 0; i < tdl_routes_n; i++)
        if (!strcmp(tdl_routes[i].name, name))
            return &tdl_routes[i];
    fail();
    return NULL;
}

static void assert_line(const tdl_buf *text, const char *line)
{
    char with_ends[300];
    snprintf(with_ends, sizeof with_ends, "\n%s\n", line);
    if (!strstr(text->at, with_ends))
        fail_msg("no line %s", line);
}

static void requests_are_counted_by_route_and_status(void **state)
{
    tdl_metrics *metrics = calloc(1, sizeof *metrics);
    tdl_metrics_state now = {0};
    tdl_buf text = {0};

    (void)state;
    tdl_metrics_count(metrics, route_named("recommend"), 200, 120);
    tdl_metrics_count(metrics, route_named("recommend"), 200, 130);
    tdl_metrics_count(metrics, route_named("recommend"), 401, 10);
    tdl_metrics_count(metrics, route_named("health"), 0, 10);
    tdl_metrics_count(metrics, NULL, 404, 10);
    tdl_metrics_count(metrics, NULL, 418, 10);
    tdl_metrics_write(metrics, &now, &text);
    assert_line(&text, "treadle_http_requests_total{route=\"recommend\",status=\"200\"} 2");
    assert_line(&text, "treadle_http_requests_total{route=\"recommend\",status=\"401\"} 1");
    assert_line(&text, "treadle_http_requests_total{route=\"health\",status=\"other\"} 1");
    assert_line(&text, "treadle_http_requests_total{route=\"none\",status=\"404\"} 1");
    assert_line(&text, "treadle_http_requests_total{route=\"none\",status=\"other\"} 1");
    assert_null(strstr(text.at, "route=\"similar\""));
    tdl_buf_release(&text);
    free(metrics);
}

/* Prometheus: buckets are cumulative, bounds inclusive, +Inf equals the count. */
static void durations_are_a_cumulative_histogram(void **state)
{
    tdl_metrics *metrics = calloc(1, sizeof *metrics);
    tdl_metrics_state now = {0};
    tdl_buf text = {0};

    (void)state;
    tdl_metrics_count(metrics, route_named("stats"), 200, 50);
    tdl_metrics_count(metrics, route_named("stats"), 200, 51);
    tdl_metrics_count(metrics, route_named("stats"), 200, 6000000);
    tdl_metrics_write(metrics, &now, &text);
#define ROW(end) "treadle_http_request_duration_seconds" end
    assert_line(&text, ROW("_bucket{route=\"stats\",le=\"5e-05\"} 1"));
    assert_line(&text, ROW("_bucket{route=\"stats\",le=\"0.0001\"} 2"));
    assert_line(&text, ROW("_bucket{route=\"stats\",le=\"5\"} 2"));
    assert_line(&text, ROW("_bucket{route=\"stats\",le=\"+Inf\"} 3"));
    assert_line(&text, ROW("_count{route=\"stats\"} 3"));
    assert_line(&text, ROW("_sum{route=\"stats\"} 6.000101"));
    tdl_buf_release(&text);
    free(metrics);
}

static void the_state_of_the_store_is_told(void **state)
{
    tdl_metrics *metrics = calloc(1, sizeof *metrics);
    tdl_metrics_state now = {.store = {.events = 100004, .duplicates = 3, .decisions = 7},
                             .in_flight = 2};
    tdl_buf text = {0};

    (void)state;
    atomic_fetch_add(&metrics->rejected, 5);
    tdl_metrics_write(metrics, &now, &text);
    assert_line(&text, "treadle_events_stored_total 100004");
    assert_line(&text, "treadle_events_duplicate_total 3");
    assert_line(&text, "treadle_events_rejected_total 5");
    assert_line(&text, "treadle_decisions_total 7");
    assert_line(&text, "treadle_http_requests_in_flight 2");
    assert_non_null(strstr(text.at, "\ntreadle_build_info{version=\""));
    const char *memory = strstr(text.at, "\nprocess_resident_memory_bytes ");
    assert_non_null(memory);
    assert_true(strtod(memory + 31, NULL) > 1e5);
    tdl_buf_release(&text);
    free(metrics);
}

static char *read_file(const char *name)
{
    const char *root = getenv("TREADLE_ROOT");
    char path[500], *text = calloc(1, 1 << 16);

    assert_non_null(root);
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

/* docs/metrics.md has one row for each metric, and no other. */
static void every_metric_is_in_the_table_of_the_documentation(void **state)
{
    tdl_metrics *metrics = calloc(1, sizeof *metrics);
    tdl_metrics_state now = {0};
    tdl_buf text = {0};
    char *page = read_file("docs/metrics.md"), name[100], help[200], type[20], row[400];
    int told = 0, rows = 0;

    (void)state;
    tdl_metrics_count(metrics, route_named("stats"), 200, 50);
    tdl_metrics_write(metrics, &now, &text);
    for (const char *at = text.at; (at = strstr(at, "# HELP ")); at++, told++) {
        assert_int_equal(sscanf(at, "# HELP %99s %199[^\n]\n# TYPE %*s %19s", name, help, type), 3);
        snprintf(row, sizeof row, "\n| `%s` | %s | %s |", name, type, help);
        if (!strstr(page, row))
            fail_msg("docs/metrics.md has no row%s", row);
    }
    for (const char *at = page; (at = strstr(at, "\n| `")); at++)
        rows++;
    assert_true(told > 15);
    assert_int_equal(rows, told);
    tdl_buf_release(&text);
    free(metrics);
    free(page);
}

static void *count_many(void *metrics)
{
    for (int i = 0; i < 10000; i++)
        tdl_metrics_count(metrics, &tdl_routes[0], 200, i);
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    tdl_metrics *metrics = calloc(1, sizeof *metrics);
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, metrics), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&metrics->route[0].answers[0]), 40000);
    assert_int_equal(atomic_load(&metrics->route[0].total_us), 4LL * 9999 * 10000 / 2);
    free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_by_route_and_status),
        cmocka_unit_test(durations_are_a_cumulative_histogram),
        cmocka_unit_test(the_state_of_the_store_is_told),
        cmocka_unit_test(every_metric_is_in_the_table_of_the_documentation),
        cmocka_unit_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests_name("http/metrics", tests, NULL, NULL);
}
