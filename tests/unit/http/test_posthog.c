/* PostHog's capture routes over a real connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "fixture.h"

/* One request with its own header lines; gives the status. */
static int call(fixture *f, const char *method, const char *target, const char *headers,
                const char *body)
{
    char *request = malloc(strlen(body) + strlen(target) + 1000);

    sprintf(request, "%s %s HTTP/1.1\r\nHost: t\r\n%sContent-Length: %zu\r\n\r\n%s", method, target,
            headers, strlen(body), body);
    raw_exchange(f->port, request, &f->answer);
    free(request);
    return f->answer.status;
}

/* The same with each KEY in `text` replaced. */
static int post(fixture *f, const char *target, const char *text, const char *key)
{
    tdl_buf body = {0};

    for (const char *next; (next = strstr(text, "KEY")); text = next + strlen("KEY")) {
        tdl_buf_add(&body, text, (size_t)(next - text));
        tdl_buf_text(&body, key);
    }
    tdl_buf_text(&body, text);
    int status = call(f, "POST", target, "Content-Type: text/plain\r\n", body.at);
    tdl_buf_release(&body);
    return status;
}

/* What is stored of a user. */
static const char *events_of(fixture *f, const char *user)
{
    char target[200];

    snprintf(target, sizeof target, "/v1/events?user=%s", user);
    assert_int_equal(fixture_call(f, "GET", target, f->decide_key, NULL), 200);
    return f->answer.body;
}

static int64_t events_n(const fixture *f)
{
    tdl_store_counts counts;

    tdl_store_count(tdl_loop_store(f->loop), &counts);
    return counts.events;
}

static void every_capture_route_takes_every_shape(void **state)
{
    static const char *const routes[] = {"/batch/",       "/batch",   "/e/",
                                         "/i/v0/e/?ip=1", "/capture", "/i/v0/e"};
    static const char *const shapes[] = {
        "{\"api_key\":\"KEY\",\"batch\":[{\"event\":\"a\",\"distinct_id\":\"u1\"}]}",
        "{\"token\":\"KEY\",\"event\":\"b\",\"distinct_id\":\"u1\"}",
        "[{\"event\":\"c\",\"distinct_id\":\"u1\",\"properties\":{\"token\":\"KEY\"}}]",
        ("data=%7B%22api_key%22%3A%22KEY%22%2C%22event%22%3A%22d%22%2C"
         "%22distinct_id%22%3A%22u1%22%7D"),
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            assert_int_equal(post(f, routes[i], shapes[k], f->write_key), 200);
            assert_string_equal(f->answer.body, "{\"status\":1}");
        }
    assert_int_equal(events_n(f), 24);
    assert_non_null(strstr(events_of(f, "u1"), "\"source\":\"posthog\""));
    assert_null(strstr(f->answer.body, f->write_key)); // no key is stored
}

static void the_query_may_stand_for_the_body(void **state)
{
    static const char *const before[] = {
        "/e/?_=1795449378435&data=", "/capture?data=", "/batch/?data=", "/i/v0/e?ip=1&data="};
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    fixture *f = *state;
    char json[300] = "", base64[500] = "", target[600];

    for (int i = 0; i < 4; i++) {
        memset(json, 0, sizeof json);
        snprintf(json, sizeof json,
                 "{\"api_key\":\"%s\",\"event\":\"e\",\"distinct_id\":\"u1\",\"uuid\":\"%d\"}  ",
                 f->write_key, i);
        size_t len = strlen(json) / 3 * 3, n = 0;
        for (size_t k = 0; k < len; k += 3) {
            uint32_t bits =
                (uint32_t)json[k] << 16 | (uint32_t)json[k + 1] << 8 | (uint32_t)json[k + 2];
            for (int shift = 18; shift >= 0; shift -= 6)
                base64[n++] = digits[bits >> shift & 63];
        }
        base64[n] = '\0';
        snprintf(target, sizeof target, "%s%s&ip=1", before[i], base64);
        assert_int_equal(call(f, "GET", target, "", ""), 200);
        assert_string_equal(f->answer.body, "{\"status\":1}");
    }
    assert_int_equal(events_n(f), 4);
    assert_int_equal(call(f, "GET", "/e/", "", ""), 400);
    assert_int_equal(call(f, "GET", "/e/?data=", "", ""), 400);
    assert_int_equal(call(f, "GET", "/e/?data=%zz", "", ""), 400);
}

/* As posthog-js sends it: gzip that calls itself text and says nothing of packing. */
static void gzip_is_known_by_its_bytes(void **state)
{
    fixture *f = *state;
    unsigned char packed[400];
    char text[300], head[200];
    z_stream z = {0};
    int fd = raw_connect(f->port);

    snprintf(text, sizeof text, "{\"api_key\":\"%s\",\"event\":\"e\",\"distinct_id\":\"u1\"}",
             f->write_key);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)text;
    z.avail_in = (uInt)strlen(text);
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    snprintf(head, sizeof head,
             "POST /e/?compression=gzip-js HTTP/1.1\r\nHost: t\r\nContent-Type: text/plain\r\n"
             "Content-Length: %lu\r\n\r\n",
             z.total_out);
    raw_text(fd, head);
    raw_send(fd, (const char *)packed, z.total_out);
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    assert_int_equal(events_n(f), 1);
    deflateEnd(&z);
    close(fd);
}

static void a_bad_event_never_kills_its_batch(void **state)
{
    fixture *f = *state;

    assert_int_equal(post(f, "/batch/",
                          "{\"api_key\":\"KEY\",\"batch\":[{\"event\":\"a\",\"distinct_id\":\"u1\","
                          "\"uuid\":\"no uuid at all\"},{\"event\":\"b\"},7]}",
                          f->write_key),
                     200);
    assert_int_equal(events_n(f), 1);
    assert_non_null(strstr(events_of(f, "u1"), "\"message_id\":\"no uuid at all\""));
    assert_int_equal(fixture_call(f, "GET", "/metrics", NULL, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\ntreadle_events_rejected_total 2\n"));
}

static void what_was_sent_before_is_stored_once(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 3; i++) {
        char body[400];
        snprintf(body, sizeof body,
                 "{\"api_key\":\"%s\",\"sent_at\":\"2026-11-2%dT00:00:00Z\",\"batch\":["
                 "{\"event\":\"e\",\"distinct_id\":\"u1\",\"uuid\":\"m1\"},"
                 "{\"event\":\"e\",\"distinct_id\":\"u1\",\"properties\":{\"$insert_id\":\"m2\"}},"
                 "{\"event\":\"e\",\"distinct_id\":\"u1\",\"uuid\":\"m1\"}]}",
                 f->write_key, i);
        assert_int_equal(call(f, "POST", "/batch", "", body), 200);
    }
    assert_int_equal(events_n(f), 2);
}

static void a_login_makes_one_person_whatever_comes_first(void **state)
{
    fixture *f = *state;

    assert_int_equal(post(f, "/i/v0/e/",
                          "{\"api_key\":\"KEY\",\"event\":\"$identify\",\"distinct_id\":\"u1\","
                          "\"properties\":{\"$anon_distinct_id\":\"a1\"}}",
                          f->write_key),
                     200);
    assert_int_equal(post(f, "/i/v0/e/",
                          "{\"api_key\":\"KEY\",\"batch\":[{\"event\":\"purchase\","
                          "\"distinct_id\":\"a1\"},{\"event\":\"$groupidentify\","
                          "\"distinct_id\":\"u1\",\"properties\":{\"$group_type\":\"company\","
                          "\"$group_key\":\"acme\",\"$group_set\":{\"seats\":5}}}]}",
                          f->write_key),
                     200);
    for (int i = 0; i < 2; i++) {
        const char *answer = events_of(f, i ? "u1" : "a1");
        assert_non_null(strstr(answer, "\"kind\":\"purchase\""));
        assert_non_null(strstr(answer, "\"kind\":\"$identify\""));
        assert_non_null(strstr(answer, "$groupidentify")); // told by u1, and about nobody
    }
}

static void what_is_left_out_of_a_good_request_is_kept_without_its_key(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        post(f, "/batch/",
             "{\"api_key\":\"KEY\",\"batch\":[{\"event\":\"good\",\"distinct_id\":\"u\"},"
             "{\"event\":\"bad\",\"api_key\":\"KEY\",\"properties\":{\"a\":1,"
             "\"token\":\"KEY\"}}]}",
             f->write_key),
        200);
    assert_int_equal(events_n(f), 1);
    assert_int_equal(fixture_call(f, "GET", "/v1/rejects", f->decide_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", "/v1/rejects", f->admin_key, NULL), 200);
    assert_non_null(strstr(f->answer.body, "\"reason\":\"user is missing\",\"count\":1,"));
    assert_non_null(strstr(f->answer.body, "\"source\":\"posthog\""));
    assert_non_null(strstr(f->answer.body, "{\\\"event\\\":\\\"bad\\\",\\\"properties\\\":"
                                           "{\\\"a\\\":1}}"));
    assert_null(strstr(f->answer.body, f->write_key));
}

static void keys_are_checked_wherever_they_stand(void **state)
{
    static const char unauthorized[] = "{\"error\":{\"code\":\"unauthorized\",\"message\":"
                                       "\"the key is missing or wrong\"}}";
    fixture *f = *state;
    char headers[300], body[300];

    assert_int_equal(post(f, "/batch/", "{\"api_key\":\"KEY\",\"batch\":[]}", "wrong"), 401);
    assert_string_equal(f->answer.body, unauthorized);
    assert_int_equal(post(f, "/batch/", "{\"batch\":[]}", ""), 401);
    assert_string_equal(f->answer.body, unauthorized);
    assert_int_equal(post(f, "/batch/", "{\"api_key\":\"KEY\",\"batch\":7}", "wrong"), 401);
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", f->write_key);
    assert_int_equal(call(f, "POST", "/e", headers, "{\"event\":\"e\",\"distinct_id\":\"u1\"}"),
                     200);
    assert_int_equal(call(f, "POST", "/e", "Authorization: Bearer wrong\r\n", "{}"), 401);
    snprintf(body, sizeof body,
             "[{\"event\":\"e\",\"distinct_id\":\"u2\",\"token\":\"%s\"},"
             "{\"event\":\"e\",\"distinct_id\":\"u2\",\"token\":\"%s\"}]",
             f->write_key, f->admin_key);
    assert_int_equal(call(f, "POST", "/e", "", body), 401);
    assert_non_null(strstr(f->answer.body, "two different keys"));
    assert_int_equal(events_n(f), 1);
}

static void what_cannot_be_read_is_a_400(void **state)
{
    fixture *f = *state;

    assert_int_equal(call(f, "POST", "/batch/", "", "not json"), 400);
    assert_non_null(strstr(f->answer.body, "{\"error\":{\"code\":\"invalid\",\"message\":"));
    assert_int_equal(call(f, "POST", "/batch/", "", "\x1f\x8b nonsense"), 400);
    assert_int_equal(call(f, "POST", "/batch/", "", ""), 400);
    assert_int_equal(call(f, "POST", "/e/", "Content-Encoding: br\r\n", "{}"), 400);
    assert_int_equal(post(f, "/e/", "{\"api_key\":\"KEY\",\"distinct_id\":\"u\"}", f->write_key),
                     400);
    assert_non_null(strstr(f->answer.body, "neither a batch nor an event"));
}

static void each_event_of_the_second_protocol_is_answered(void **state)
{
    fixture *f = *state;
    char headers[400];

    snprintf(headers, sizeof headers,
             "Authorization: Bearer %s\r\nPostHog-Sdk-Info: posthog-node/5.70.0\r\n"
             "PostHog-Request-Timestamp: 2020-01-01T00:00:05Z\r\nPostHog-Attempt: 1\r\n",
             f->write_key);
    assert_int_equal(call(f, "POST", "/i/v1/analytics/events", headers,
                          "{\"created_at\":\"2020-01-01T00:00:00Z\",\"batch\":[{\"event\":\"e\","
                          "\"uuid\":\"m1\",\"distinct_id\":\"u1\",\"session_id\":\"s1\","
                          "\"timestamp\":\"2020-01-01T00:00:00Z\"},{\"uuid\":\"m2\"}]}"),
                     200);
    assert_string_equal(f->answer.body,
                        "{\"results\":{\"m1\":{\"result\":\"ok\"},\"m2\":{\"details\":"
                        "\"user is missing\",\"result\":\"drop\"}}}");
    assert_null(strstr(events_of(f, "u1"), "\"time\":\"2020-")); // the clock was years behind
    assert_non_null(strstr(f->answer.body, "\"$lib_version\":\"5.70.0\",\"$session_id\":\"s1\""));
    assert_int_equal(call(f, "POST", "/i/v1/analytics/events", headers, "{\"batch\":"), 400);
}

static void each_route_has_its_own_limit(void **state)
{
    fixture *f = *state;
    enum { LARGE = 3 << 20 };
    char *body = malloc(LARGE + 1);

    memset(body, ' ', LARGE);
    body[LARGE] = '\0';
    memcpy(body, "[]", 2);
    assert_int_equal(call(f, "POST", "/e/", "Origin: http://shop.example\r\n", body), 413);
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://shop.example"));
    assert_int_equal(call(f, "POST", "/batch/", "", body), 401); // read whole, and has no key
    fixture_restart(f, (tdl_server_options){.threads = 1, .body_max = 1 << 20});
    assert_int_equal(call(f, "POST", "/batch/", "", body), 413); // whoever runs it may say less
    free(body);
}

static void overload_says_when_to_come_again(void **state)
{
    fixture *f = *state;
    char *body = malloc(5001);

    memset(body, ' ', 5000);
    body[5000] = '\0';
    fixture_restart(f, (tdl_server_options){.threads = 1, .bodies_max = 4096});
    assert_int_equal(call(f, "POST", "/batch/", "Origin: http://shop.example\r\n", body), 503);
    assert_true(raw_has(&f->answer, "Retry-After: 2"));
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://shop.example"));
    free(body);
}

static void what_is_not_kept_still_needs_a_key(void **state)
{
    static const char *const routes[] = {"/s/", "/engage"};
    fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(post(f, routes[i],
                              "{\"event\":\"$snapshot\",\"properties\":{"
                              "\"token\":\"KEY\"}}",
                              f->write_key),
                         200);
        assert_string_equal(f->answer.body, "{\"status\":1}");
        assert_int_equal(post(f, routes[i], "{\"$token\":\"KEY\",\"$set\":{}}", "wrong"), 401);
        assert_int_equal(post(f, routes[i], "what?", ""), 400);
    }
    assert_int_equal(events_n(f), 0);
}

static void the_browser_sdk_gets_its_configuration(void **state)
{
    fixture *f = *state;

    assert_int_equal(call(f, "GET", "/array/phc_x/config?ip=0", "Origin: http://a.example\r\n", ""),
                     200);
    assert_non_null(strstr(f->answer.body, "\"analytics\":{\"endpoint\":\"/i/v0/e/\"}"));
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://a.example"));
    assert_int_equal(call(f, "GET", "/array/a%22%5Db/config.js", "", ""), 200);
    assert_true(raw_has(&f->answer, "Content-Type: application/javascript"));
    assert_non_null(strstr(f->answer.body, "c[\"a\\\"]b\"]={config:{\"supportedCompression\""));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(every_capture_route_takes_every_shape),
        EACH(the_query_may_stand_for_the_body),
        EACH(gzip_is_known_by_its_bytes),
        EACH(a_bad_event_never_kills_its_batch),
        EACH(what_was_sent_before_is_stored_once),
        EACH(a_login_makes_one_person_whatever_comes_first),
        EACH(what_is_left_out_of_a_good_request_is_kept_without_its_key),
        EACH(keys_are_checked_wherever_they_stand),
        EACH(what_cannot_be_read_is_a_400),
        EACH(each_event_of_the_second_protocol_is_answered),
        EACH(each_route_has_its_own_limit),
        EACH(overload_says_when_to_come_again),
        EACH(what_is_not_kept_still_needs_a_key),
        EACH(the_browser_sdk_gets_its_configuration),
    };
    return cmocka_run_group_tests_name("http/posthog", tests, NULL, NULL);
}
