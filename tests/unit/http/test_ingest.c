/* Bodies: chunked, packed, too large, announced and not sent; native and Segment's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "fixture.h"

static const char one_event[] =
    "{\"user\":\"u1\",\"kind\":\"view\",\"item\":\"i1\",\"message_id\":\"m1\"}";

static void stored_and_duplicates_are_told_apart(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, one_event), 200);
    assert_string_equal(f->answer.body, "{\"received\":1,\"stored\":1,\"duplicates\":0}");
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, one_event), 200);
    assert_string_equal(f->answer.body, "{\"received\":1,\"stored\":0,\"duplicates\":1}");
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, "[]"), 200);
    assert_string_equal(f->answer.body, "{\"received\":0,\"stored\":0,\"duplicates\":0}");
}

static void a_stored_event_is_read_back_whole(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "PUT", "/v1/catalogue/items", f->write_key,
                                  "[{\"id\":\"i1\",\"title\":\"Heat\"}]"),
                     200);
    assert_int_equal(
        fixture_call(f, "POST", "/v1/events", f->write_key,
                     "[{\"user\":\"u1\",\"kind\":\"rating\",\"item\":\"i1\",\"value\":4.5,"
                     "\"time\":\"2020-01-02T03:04:05Z\",\"properties\":{\"a\":1},"
                     "\"message_id\":\"m1\",\"decision_id\":\"d1\"},"
                     "{\"user\":\"u1\",\"kind\":\"visit\",\"time\":\"2020-01-03T00:00:00Z\","
                     "\"message_id\":\"m2\"}]"),
        200);
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u1", f->decide_key, NULL), 200);
    assert_string_equal(
        f->answer.body,
        "{\"user\":\"u1\",\"events\":[{\"time\":\"2020-01-03T00:00:00Z\",\"kind\":\"visit\","
        "\"item\":null,\"title\":null,\"value\":null,\"properties\":null,\"source\":\"native\","
        "\"message_id\":\"m2\",\"decision_id\":null},{\"time\":\"2020-01-02T03:04:05Z\","
        "\"kind\":\"rating\",\"item\":\"i1\",\"title\":\"Heat\",\"value\":4.5,"
        "\"properties\":{\"a\":1},\"source\":\"native\",\"message_id\":\"m1\","
        "\"decision_id\":\"d1\"}]}");
}

static void all_or_nothing_goes_in(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key,
                                  "[{\"user\":\"u1\",\"kind\":\"view\"},{\"user\":\"u1\"}]"),
                     400);
    assert_non_null(strstr(f->answer.body, "event 1: kind is missing"));
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u1", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"user\":\"u1\",\"events\":[]}");
}

static void chunked_bodies_are_read(void **state)
{
    fixture *f = *state;
    char request[600];

    snprintf(request, sizeof request,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\n{\r\n%zx\r\n%s\r\n0\r\n\r\n",
             f->write_key, strlen(one_event) - 1, one_event + 1);
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 200);
    assert_non_null(strstr(f->answer.body, "\"stored\":1"));
}

static void packed_bodies_are_unpacked(void **state)
{
    fixture *f = *state;
    unsigned char packed[200];
    z_stream z = {0};
    char head[400];

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)one_event;
    z.avail_in = sizeof one_event - 1;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
             f->write_key, z.total_out);
    int fd = raw_connect(f->port);
    raw_text(fd, head);
    raw_send(fd, (const char *)packed, z.total_out);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    raw_text(fd, head);
    packed[z.total_out - 1] ^= 1;
    raw_send(fd, (const char *)packed, z.total_out);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 400);
    deflateEnd(&z);
    close(fd);
}

/* 10 MB, announced and not, on one connection that is then used again. */
static void a_body_too_large_is_refused_and_the_connection_lives_on(void **state)
{
    fixture *f = *state;
    enum { LARGE = 10 * 1000 * 1000 };
    char *body = malloc(LARGE), head[400];
    int fd = raw_connect(f->port);

    memset(body, ' ', LARGE);
    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: %d\r\n\r\n",
             f->write_key, LARGE);
    raw_text(fd, head);
    raw_send(fd, body, LARGE);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 413);
    snprintf(head, sizeof head,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
             f->write_key, LARGE);
    raw_text(fd, head);
    raw_send(fd, body, LARGE);
    raw_text(fd, "\r\n0\r\n\r\n");
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 413);
    assert_non_null(strstr(f->answer.body, "larger than 8388608 bytes"));
    raw_text(fd, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    close(fd);
    free(body);
}

static void whoever_waits_for_100_gets_its_refusal_at_once(void **state)
{
    fixture *f = *state;
    char request[400];
    int fd = raw_connect(f->port);

    snprintf(request, sizeof request,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n",
             f->write_key);
    raw_text(fd, request);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 413);
    close(fd);
    fd = raw_connect(f->port);
    snprintf(request, sizeof request,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
             f->write_key, strlen(one_event));
    raw_text(fd, request);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 100);
    raw_text(fd, one_event);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    close(fd);
}

static void a_refused_body_goes_by_unread(void **state)
{
    fixture *f = *state;
    int fd = raw_connect(f->port);

    raw_text(fd, "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n"
                 "GET /healthz HTTP/1."
                 "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 401);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    assert_string_equal(f->answer.body, "{\"status\":\"ready\"}");
    close(fd);
}

static void bodies_have_a_budget_in_common(void **state)
{
    fixture *f = *state;
    char *body = malloc(5001);

    memset(body, ' ', 5000);
    body[5000] = '\0';
    fixture_restart(f, (tdl_server_options){.threads = 1, .bodies_max = 4096});
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, body), 503);
    assert_true(raw_has(&f->answer, "Retry-After: 2"));
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, one_event), 200);
    free(body);
}

static void a_client_that_leaves_does_no_harm(void **state)
{
    fixture *f = *state;
    char request[600];
    int fd = raw_connect(f->port);

    raw_text(fd, "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\nabc");
    close(fd);
    fixture_request(request, sizeof request, "POST", "/v1/events", f->write_key, one_event);
    for (int i = 0; i < 20; i++) { // gone while the store works
        fd = raw_connect(f->port);
        raw_text(fd, request);
        close(fd);
    }
    assert_int_equal(fixture_call(f, "GET", "/healthz", NULL, NULL), 200);
}

typedef struct sender {
    fixture *f;
    int number, failed;
} sender;

static void *send_many(void *context)
{
    sender *s = context;
    raw_answer *answer = malloc(sizeof *answer);
    char body[200], request[600];
    int fd = raw_connect(s->f->port);

    for (int i = 0; i < 50; i++) {
        snprintf(body, sizeof body, "{\"user\":\"u%d\",\"kind\":\"v\",\"message_id\":\"%d-%d\"}",
                 s->number, s->number, i);
        fixture_request(request, sizeof request, "POST", "/v1/events", s->f->write_key, body);
        raw_text(fd, request);
        raw_receive(fd, false, answer);
        s->failed += answer->status != 200 || !strstr(answer->body, "\"stored\":1");
    }
    close(fd);
    free(answer);
    return NULL;
}

static void many_clients_at_once_lose_nothing(void **state)
{
    enum { CLIENTS = 16 };
    fixture *f = *state;
    pthread_t threads[CLIENTS];
    sender senders[CLIENTS];
    tdl_store_counts counts;

    for (int i = 0; i < CLIENTS; i++) {
        senders[i] = (sender){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(senders[i].failed, 0);
    }
    tdl_store_count(tdl_loop_store(f->loop), &counts);
    assert_int_equal(counts.events, CLIENTS * 50);
    assert_true(counts.commits < CLIENTS * 50); // they share commits
}

/* ---- Segment ---- */

static int segment_call(fixture *f, const char *path, const char *headers, const char *body)
{
    char *request = malloc(strlen(body) + 1000);

    sprintf(request, "POST %s HTTP/1.1\r\nHost: t\r\n%sContent-Length: %zu\r\n\r\n%s", path,
            headers, strlen(body), body);
    raw_exchange(f->port, request, &f->answer);
    free(request);
    return f->answer.status;
}

static void a_batch_is_taken_with_its_bad_events_left_out(void **state)
{
    fixture *f = *state;
    char headers[300];

    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", f->write_key);
    assert_int_equal(segment_call(f, "/v1/batch", headers,
                                  "{\"batch\":[{\"type\":\"track\",\"userId\":\"u1\","
                                  "\"event\":\"view\",\"properties\":{\"item\":\"i1\"}},"
                                  "{\"type\":\"track\"}]}"),
                     200);
    assert_string_equal(f->answer.body, "{\"success\":true}");
    assert_int_equal(segment_call(f, "/v1/p/", headers, "{\"userId\":\"u1\"}"), 200);
    assert_int_equal(segment_call(f, "/v1/batch", headers, "{\"batch\":[{}]}"), 200);
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u1", f->decide_key, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\"kind\":\"view\",\"item\":\"i1\""));
    assert_non_null(strstr(f->answer.body, "\"kind\":\"$page\""));
    assert_int_equal(fixture_call(f, "GET", "/metrics", NULL, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\ntreadle_events_rejected_total 2\n"));
}

static void the_write_key_may_stand_in_the_body(void **state)
{
    fixture *f = *state;
    char body[400];

    snprintf(body, sizeof body, "{\"userId\":\"u1\",\"event\":\"e\",\"writeKey\":\"%s\"}",
             f->write_key);
    assert_int_equal(segment_call(f, "/v1/t", "", body), 200);
    assert_int_equal(segment_call(f, "/v1/t", "Authorization: Basic d3Jvbmc6\r\n", body), 401);
    snprintf(body, sizeof body, "{\"userId\":\"u2\",\"event\":\"e\",\"writeKey\":\"wrong\"}");
    assert_int_equal(segment_call(f, "/v1/t", "", body), 401);
    assert_string_equal(f->answer.body, "{\"success\":false,\"error\":{\"code\":\"unauthorized\","
                                        "\"message\":\"the key is missing or wrong\"}}");
    assert_int_equal(segment_call(f, "/v1/t", "", "not json"), 401);
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u2", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"user\":\"u2\",\"events\":[]}");
}

/* {"userId":"u3","event":"e"}, by `base64`. */
static void segment_bodies_are_unwrapped_like_all_others(void **state)
{
    fixture *f = *state;
    char headers[300];

    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", f->write_key);
    assert_int_equal(segment_call(f, "/v1/t", headers, "data=eyJ1c2VySWQiOiJ1MyIsImV2ZW50IjoiZSJ9"),
                     200);
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u3", f->decide_key, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\"source\":\"segment\""));
}

static void a_body_with_its_key_inside_may_not_be_large(void **state)
{
    fixture *f = *state;
    enum { LARGE = 600 << 10 };
    char *body = malloc(LARGE + 1);

    memset(body, ' ', LARGE);
    body[LARGE] = '\0';
    assert_int_equal(segment_call(f, "/v1/batch", "", body), 413);
    free(body);
}

static void segment_errors_have_segments_shape(void **state)
{
    fixture *f = *state;
    char headers[300];

    snprintf(headers, sizeof headers, "X-API-Key: %s\r\n", f->write_key);
    assert_int_equal(segment_call(f, "/v1/batch", headers, "{\"batch\":7}"), 400);
    assert_string_equal(f->answer.body, "{\"success\":false,\"error\":{\"code\":\"invalid\","
                                        "\"message\":\"batch must be an array, not number\"}}");
}

static void pages_of_any_origin_may_use_sdk_routes_only(void **state)
{
    fixture *f = *state;

    raw_exchange(f->port,
                 "OPTIONS /v1/t HTTP/1.1\r\nHost: t\r\nOrigin: http://shop.example\r\n"
                 "Access-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: authorization,content-type\r\n\r\n",
                 &f->answer);
    assert_int_equal(f->answer.status, 204);
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://shop.example"));
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Headers: authorization,content-type"));
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Methods: GET, POST, OPTIONS"));
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Credentials: true"));
    assert_true(raw_has(&f->answer, "Access-Control-Max-Age: 7200"));
    // an error needs the headers too
    assert_int_equal(segment_call(f, "/v1/t", "Origin: http://shop.example\r\n", "{}"), 401);
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://shop.example"));
    assert_true(raw_has(&f->answer, "Vary: Origin"));
    raw_exchange(f->port, "GET /healthz HTTP/1.1\r\nHost: t\r\nOrigin: http://a.example\r\n\r\n",
                 &f->answer);
    assert_null(strcasestr(f->answer.head, "Access-Control"));
}

static void the_browser_sdk_gets_its_settings(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/v1/projects/a%22b/settings", NULL, NULL), 200);
    assert_non_null(strstr(f->answer.body, "{\"Segment.io\":{\"apiKey\":\"a\\\"b\","));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(stored_and_duplicates_are_told_apart),
        EACH(a_stored_event_is_read_back_whole),
        EACH(all_or_nothing_goes_in),
        EACH(chunked_bodies_are_read),
        EACH(packed_bodies_are_unpacked),
        EACH(a_body_too_large_is_refused_and_the_connection_lives_on),
        EACH(whoever_waits_for_100_gets_its_refusal_at_once),
        EACH(a_refused_body_goes_by_unread),
        EACH(bodies_have_a_budget_in_common),
        EACH(a_client_that_leaves_does_no_harm),
        EACH(many_clients_at_once_lose_nothing),
        EACH(a_batch_is_taken_with_its_bad_events_left_out),
        EACH(the_write_key_may_stand_in_the_body),
        EACH(segment_bodies_are_unwrapped_like_all_others),
        EACH(a_body_with_its_key_inside_may_not_be_large),
        EACH(segment_errors_have_segments_shape),
        EACH(pages_of_any_origin_may_use_sdk_routes_only),
        EACH(the_browser_sdk_gets_its_settings),
    };
    return cmocka_run_group_tests_name("http/ingest", tests, NULL, NULL);
}
