/* Limits of a running server: rates, slow clients, crowds, and the time before it is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "fixture.h"

#define READY "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n"

static const char event[] = "{\"user\":\"u\",\"kind\":\"v\"}";

/* ---- before it is open ---- */

static void a_server_that_opens_answers_503_but_is_alive(void **state)
{
    fixture *f = *state;
    tdl_server_options options = {.threads = 1};
    tdl_report why = {0};

    tdl_server_stop(f->server);
    assert_int_equal(tdl_server_start(NULL, &options, &f->server, &why), TDL_OK);
    f->port = tdl_server_port(f->server);
    assert_int_equal(fixture_call(f, "GET", "/healthz", NULL, NULL), 200);
    assert_int_equal(fixture_call(f, "GET", "/readyz", NULL, NULL), 503);
    assert_string_equal(f->answer.body, "{\"status\":\"opening\"}");
    tdl_server_tell_stage(f->server, "replaying");
    assert_int_equal(fixture_call(f, "GET", "/readyz", NULL, NULL), 503);
    assert_string_equal(f->answer.body, "{\"status\":\"replaying\"}");
    static const char *const paths[] = {"/v1/stats", "/metrics", "/", "/openapi.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(fixture_call(f, "GET", paths[i], f->admin_key, NULL), 503);
        assert_true(raw_has(&f->answer, "Retry-After: 2"));
        assert_non_null(strstr(f->answer.body, "the server is replaying"));
    }
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, event), 503);
    assert_int_equal(fixture_call(f, "POST", "/v1/batch", f->write_key, event), 503);
    assert_int_equal(tdl_server_open(f->server, f->loop, &why), TDL_OK);
    assert_int_equal(fixture_call(f, "GET", "/readyz", NULL, NULL), 200);
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, event), 200);
}

/* ---- rates ---- */

static void a_key_that_asks_too_often_is_told_429_and_an_sdk_503(void **state)
{
    static const char batch[] =
        "{\"batch\":[{\"type\":\"track\",\"userId\":\"u\",\"event\":\"e\",\"messageId\":\"m\"}]}";
    char in_body[400];
    fixture *f = *state;

    fixture_restart(f, (tdl_server_options){.rate_per_key = 1, .rate_burst = 3});
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, event), 200);
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, event), 429);
    assert_true(raw_has(&f->answer, "Retry-After: 1"));
    assert_true(raw_has(&f->answer, "Content-Type: application/problem+json"));
    assert_non_null(strstr(f->answer.body, "\"code\":\"E_RATE\""));
    assert_int_equal(fixture_call(f, "POST", "/v1/batch", f->write_key, batch), 503);
    assert_true(raw_has(&f->answer, "Retry-After: 2"));
    snprintf(in_body, sizeof in_body, "{\"writeKey\":\"%s\",%s", f->write_key, batch + 1);
    assert_int_equal(fixture_call(f, "POST", "/v1/batch", NULL, in_body), 503);
    assert_int_equal(fixture_call(f, "GET", "/v1/stats", f->decide_key, NULL), 200); // another key
    assert_int_equal(fixture_call(f, "GET", "/metrics", NULL, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\ntreadle_http_requests_limited_total 3\n"));
}

/* posthog-js throws away what was answered with 429, and an OFREP client stops all evaluations. */
static void no_sdk_is_told_429(void **state)
{
    static const struct {
        const char *method, *target;
    } calls[] = {{"POST", "/v1/t"},
                 {"POST", "/batch"},
                 {"POST", "/e"},
                 {"GET", "/e"},
                 {"POST", "/capture"},
                 {"POST", "/i/v0/e"},
                 {"POST", "/flags"},
                 {"POST", "/i/v1/analytics/events"},
                 {"POST", "/decide"},
                 {"POST", "/ofrep/v1/evaluate/flags"},
                 {"POST", "/track"},
                 {"GET", "/flags/definitions"},
                 {"GET", "/api/features/k"}};
    fixture *f = *state;

    fixture_restart(f, (tdl_server_options){.rate_per_address = 1, .rate_burst = 1});
    assert_int_equal(fixture_call(f, "GET", "/v1/stats", "guess", NULL), 401);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *body = strcmp(calls[i].method, "GET") ? "{}" : NULL;
        if (fixture_call(f, calls[i].method, calls[i].target, NULL, body) != 503)
            fail_msg("%s was answered with %d", calls[i].target, f->answer.status);
        assert_true(raw_has(&f->answer, "Retry-After: 2"));
    }
}

static int call_via(fixture *f, const char *forwarded_for)
{
    char request[300];

    snprintf(request, sizeof request,
             "GET /openapi.json HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 6.6.6.6\r\n"
             "X-Forwarded-For: %s\r\n\r\n",
             forwarded_for);
    raw_exchange(f->port, request, &f->answer);
    return f->answer.status;
}

static void an_address_is_limited_also_with_wrong_keys(void **state)
{
    fixture *f = *state;

    fixture_restart(f, (tdl_server_options){.rate_per_address = 1, .rate_burst = 2});
    assert_int_equal(fixture_call(f, "GET", "/v1/stats", "guess1", NULL), 401);
    assert_int_equal(fixture_call(f, "GET", "/v1/stats", "guess2", NULL), 401);
    assert_int_equal(fixture_call(f, "GET", "/v1/stats", "guess3", NULL), 429);
    assert_int_equal(fixture_call(f, "GET", "/wp-login.php", NULL, NULL), 429);
    assert_int_equal(call_via(f, "203.0.113.1"), 429); // nobody trusts what it says
    assert_int_equal(fixture_call(f, "GET", "/healthz", NULL, NULL), 200);
    assert_int_equal(fixture_call(f, "GET", "/readyz", NULL, NULL), 200);
}

static void behind_a_trusted_proxy_each_client_is_one(void **state)
{
    fixture *f = *state;

    fixture_restart(f, (tdl_server_options){.rate_per_address = 1,
                                            .rate_burst = 1,
                                            .trusted_proxies = "10.0.0.0/8,127.0.0.1"});
    assert_int_equal(call_via(f, "203.0.113.1"), 200);
    assert_int_equal(call_via(f, "203.0.113.1"), 429);
    assert_int_equal(call_via(f, "203.0.113.1, 10.1.1.1"), 429);
    assert_int_equal(call_via(f, "203.0.113.2"), 200);
}

/* ---- slow clients ---- */

static bool has_ended(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&end, 1, 0) > 0 && recv(fd, &byte, 1, 0) <= 0;
}

/* Sends a byte every 100 ms, as slow clients do to stay; the milliseconds until the server ends
 * it, or `most_ms`. */
static int64_t drip(int fd, const char *bytes, int most_ms)
{
    int64_t began_us = tdl_time_monotonic(), took_ms = 0;

    for (size_t i = 0; took_ms < most_ms; i = bytes[i + 1] ? i + 1 : i) {
        if (send(fd, bytes + i, 1, MSG_NOSIGNAL) != 1 || has_ended(fd))
            break;
        usleep(100000);
        took_ms = (tdl_time_monotonic() - began_us) / 1000;
    }
    return took_ms;
}

static void slow(fixture *f)
{
    fixture_restart(f, (tdl_server_options){.head_seconds = 1, .body_seconds = 2, .threads = 1});
}

static void a_head_that_comes_byte_by_byte_is_ended_in_time(void **state)
{
    fixture *f = *state;
    slow(f);
    int fd = raw_connect(f->port);

    assert_in_range(drip(fd, "GET /readyz HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaa", 8000),
                    800, 4000);
    close(fd);
    fd = raw_connect(f->port); // the request line at once, the rest slowly
    raw_text(fd, "GET /readyz HTTP/1.1\r\n");
    assert_in_range(drip(fd, "X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 8000), 800,
                    4000);
    close(fd);
    assert_int_equal(fixture_call(f, "GET", "/metrics", NULL, NULL), 200);
    assert_non_null(
        strstr(f->answer.body, "\ntreadle_http_connections_closed_total{reason=\"late\"} 2\n"));
}

static void a_body_that_comes_byte_by_byte_is_ended_in_time(void **state)
{
    fixture *f = *state;
    slow(f);
    char head[300];
    int fd = raw_connect(f->port);

    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: 1000\r\n\r\n",
             f->write_key);
    raw_text(fd, head);
    assert_in_range(drip(fd, "{ ", 9000), 1800, 5000);
    close(fd);
}

static void a_steady_body_has_the_time_it_needs(void **state)
{
    enum { CHUNK = 16 << 10, CHUNKS = 9 };
    fixture *f = *state;
    slow(f);
    char head[300], *blanks = malloc(CHUNK);
    int fd = raw_connect(f->port);

    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             f->write_key, sizeof event - 1 + CHUNK * CHUNKS, event);
    memset(blanks, ' ', CHUNK);
    raw_text(fd, head);
    for (int i = 0; i < CHUNKS; i++) { // 3.6 seconds in all, at 40 KiB/s
        usleep(400000);
        raw_send(fd, blanks, CHUNK);
    }
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    free(blanks);
    close(fd);
}

static void a_slow_client_keeps_nobody_waiting(void **state)
{
    enum { SLOW = 50 };
    fixture *f = *state;
    slow(f);
    int fd[SLOW];

    for (int i = 0; i < SLOW; i++) {
        fd[i] = raw_connect(f->port);
        raw_text(fd[i], "GET /readyz HT");
    }
    int64_t began_us = tdl_time_monotonic();
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, event), 200);
    assert_true(tdl_time_monotonic() - began_us < 2 * 1000000);
    for (int i = 0; i < SLOW; i++)
        close(fd[i]);
}

/* ---- crowds ---- */

static void a_new_connection_takes_the_place_of_the_longest_idle(void **state)
{
    enum { MOST = 4 };
    fixture *f = *state;
    int fd[MOST + 1];

    fixture_restart(f, (tdl_server_options){.connections_per_address = MOST, .threads = 1});
    for (int i = 0; i <= MOST; i++) {
        fd[i] = raw_connect(f->port);
        raw_text(fd[i], READY);
        raw_receive(fd[i], false, &f->answer);
        assert_int_equal(f->answer.status, 200);
        usleep(5000); // who idles longest is a matter of microseconds otherwise
    }
    assert_true(has_ended(fd[0]));
    for (int i = 1; i <= MOST; i++)
        assert_false(has_ended(fd[i]));
    raw_text(fd[1], READY);
    raw_receive(fd[1], false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    for (int i = 0; i <= MOST; i++)
        close(fd[i]);
}

static void a_request_under_way_gives_way_to_nobody(void **state)
{
    enum { MOST = 2 };
    fixture *f = *state;
    char head[300];
    int busy[MOST];

    fixture_restart(f, (tdl_server_options){.connections_max = MOST, .threads = 1});
    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: %zu\r\n\r\n{",
             f->write_key, strlen(event));
    for (int i = 0; i < MOST; i++) {
        busy[i] = raw_connect(f->port);
        raw_text(busy[i], head);
    }
    usleep(100000); // both are under way
    int fd = raw_connect(f->port);
    send(fd, READY, strlen(READY), MSG_NOSIGNAL);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 0); // closed
    close(fd);
    for (int i = 0; i < MOST; i++) {
        raw_text(busy[i], event + 1);
        raw_receive(busy[i], false, &f->answer);
        assert_int_equal(f->answer.status, 200);
        close(busy[i]);
    }
}

static void a_wrong_list_of_proxies_or_half_a_certificate_stops_the_start(void **state)
{
    fixture *f = *state;
    tdl_server *server = NULL;
    tdl_report why = {0};

    tdl_server_options proxies = {.trusted_proxies = "10.0.0.0/40"};
    assert_int_equal(tdl_server_start(f->loop, &proxies, &server, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "10.0.0.0/40"));
    tdl_server_options half = {.tls_cert = "/nowhere.pem"};
    assert_int_equal(tdl_server_start(f->loop, &half, &server, &why), TDL_E_INVALID);
    assert_null(server);
    assert_int_equal(tdl_server_reload_tls(f->server, &why), TDL_E_INVALID);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_server_that_opens_answers_503_but_is_alive),
        EACH(a_key_that_asks_too_often_is_told_429_and_an_sdk_503),
        EACH(no_sdk_is_told_429),
        EACH(an_address_is_limited_also_with_wrong_keys),
        EACH(behind_a_trusted_proxy_each_client_is_one),
        EACH(a_head_that_comes_byte_by_byte_is_ended_in_time),
        EACH(a_body_that_comes_byte_by_byte_is_ended_in_time),
        EACH(a_steady_body_has_the_time_it_needs),
        EACH(a_slow_client_keeps_nobody_waiting),
        EACH(a_new_connection_takes_the_place_of_the_longest_idle),
        EACH(a_request_under_way_gives_way_to_nobody),
        EACH(a_wrong_list_of_proxies_or_half_a_certificate_stops_the_start),
    };
    return cmocka_run_group_tests_name("http/gate", tests, NULL, NULL);
}
