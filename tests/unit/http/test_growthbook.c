/* GrowthBook's routes, as its SDKs use them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "loop/flags.h"

static const char split[] =
    "{\"defaultValue\":\"blue\",\"rules\":[{\"key\":\"btn-exp\",\"variations\":[\"blue\",\"red\","
    "\"green\"],\"weights\":[0.34,0.33,0.33],\"hashVersion\":2}]}";

static void put(fixture *f, const char *key, const char *definition)
{
    tdl_report why = {0};
    tdl_flag_row row = {.key = tdl_str_of(key),
                        .family = TDL_STR("growthbook"),
                        .definition = tdl_str_of(definition)};

    if (tdl_loop_put_flag(f->loop, &row, &why))
        fail_msg("%s", why.message);
}

static int call(fixture *f, const char *method, const char *path, const char *key, const char *body)
{
    char target[300];

    snprintf(target, sizeof target, "%s%s", path, key);
    return fixture_call(f, method, target, NULL, body);
}

static void expect_in_body(fixture *f, const char *text)
{
    if (!strstr(f->answer.body, text))
        fail_msg("%s is not in %s", text, f->answer.body);
}

static void features_are_served_for_the_key_in_the_path(void **state)
{
    fixture *f = *state;

    put(f, "button", split);
    assert_int_equal(call(f, "GET", "/api/features/", f->write_key, NULL), 200);
    expect_in_body(f, "{\"status\":200,\"features\":{\"button\":{\"defaultValue\":\"blue\"");
    assert_true(raw_has(&f->answer, "x-sse-support: enabled"));
    assert_true(raw_has(&f->answer, "Cache-Control: private, no-cache"));
    assert_non_null(strstr(f->answer.head, "ETag: \""));
}

static void a_wrong_key_learns_nothing(void **state)
{
    fixture *f = *state;

    assert_int_equal(call(f, "GET", "/api/features/", "tdl_w_wrong", NULL), 401);
    assert_null(strstr(f->answer.head, "ETag"));
    assert_int_equal(call(f, "POST", "/api/eval/", "tdl_w_wrong", "{\"broken"), 401);
    assert_int_equal(call(f, "POST", "/track?client_key=", "tdl_w_wrong", "no json"), 401);
    assert_int_equal(fixture_call(f, "POST", "/track", NULL, "[]"), 401);
    assert_int_equal(fixture_call(f, "POST", "/track?client_key=%zz", NULL, "[]"), 401);
}

static void what_is_known_is_not_sent_again_until_it_changes(void **state)
{
    fixture *f = *state;
    char request[800], etag[64] = "";

    put(f, "button", split);
    call(f, "GET", "/api/features/", f->write_key, NULL);
    assert_int_equal(sscanf(strstr(f->answer.head, "ETag: "), "ETag: %63s", etag), 1);
    snprintf(request, sizeof request,
             "GET /api/features/%s HTTP/1.1\r\nHost: t\r\nIf-None-Match: W/%s\r\n"
             "Origin: https://shop.example\r\nConnection: close\r\n\r\n",
             f->write_key, etag);
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 304);
    assert_int_equal(f->answer.body_n, 0);
    assert_true(
        raw_has(&f->answer, "Access-Control-Expose-Headers: ETag, x-sse-support, Retry-After"));
    put(f, "button", "{\"defaultValue\":1}");
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 200);
}

static void an_evaluation_is_answered_and_logged(void **state)
{
    fixture *f = *state;

    put(f, "button", split);
    put(f, "plain", "{\"defaultValue\":true}");
    assert_int_equal(
        call(f, "POST", "/api/eval/", f->write_key, "{\"attributes\":{\"id\":\"u2\"}}"), 200);
    expect_in_body(f, "\"rules\":[{\"force\":");
    expect_in_body(f, "\"tracks\":[{\"experiment\":{\"key\":\"btn-exp\"");
    expect_in_body(f, "\"plain\":{\"defaultValue\":true}");
    assert_int_equal(fixture_call(f, "GET", "/v1/decisions?user=u2", f->decide_key, NULL), 200);
    expect_in_body(f, "\"app\":\"flag\"");
    char *id = strstr(f->answer.body, "\"id\":\""), target[80];
    assert_non_null(id);
    snprintf(target, sizeof target, "/v1/decisions/%.36s", id + 6);
    assert_int_equal(fixture_call(f, "GET", target, f->decide_key, NULL), 200);
    expect_in_body(f, "\"propensity\":0.34");
    expect_in_body(f, "button@1");
    assert_null(strstr(f->answer.body, "plain@1"));
}

static void a_bad_question_is_told_so(void **state)
{
    fixture *f = *state;

    assert_int_equal(call(f, "POST", "/api/eval/", f->write_key, "{\"attributes\":[]}"), 400);
    expect_in_body(f, "attributes must be an object");
    size_t n = (size_t)513 << 10;
    char *large = malloc(n + 1);
    memset(large, ' ', n);
    large[n] = '\0';
    assert_int_equal(call(f, "POST", "/api/eval/", f->write_key, large), 413);
    free(large);
}

static void tracked_events_are_stored(void **state)
{
    fixture *f = *state;

    assert_int_equal(
        call(f, "POST", "/track?client_key=", f->write_key,
             "[{\"event_name\":\"Experiment Viewed\",\"device_id\":\"u1\","
             "\"properties_json\":{\"experimentId\":\"btn-exp\",\"variationId\":\"1\"}},"
             "{\"event_name\":5}]"),
        200);
    assert_string_equal(f->answer.body, "{\"status\":1}");
    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=u1", f->decide_key, NULL), 200);
    expect_in_body(f, "\"kind\":\"Experiment Viewed\"");
    expect_in_body(f, "\"properties\":{\"experimentId\":\"btn-exp\",\"variationId\":\"1\"},"
                      "\"source\":\"growthbook\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(features_are_served_for_the_key_in_the_path),
        TEST(a_wrong_key_learns_nothing),
        TEST(what_is_known_is_not_sent_again_until_it_changes),
        TEST(an_evaluation_is_answered_and_logged),
        TEST(a_bad_question_is_told_so),
        TEST(tracked_events_are_stored),
    };

    return cmocka_run_group_tests_name("growthbook", tests, NULL, NULL);
}
