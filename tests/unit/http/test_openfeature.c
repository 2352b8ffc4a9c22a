/* OFREP over HTTP: answers, errors, ETags, and what is logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "fixture.h"
#include "loop/flags.h"

#define FLAGS "/ofrep/v1/evaluate/flags"
#define ASK   "{\"context\":{\"targetingKey\":\"c\",\"country\":\"US\"}}"
/* Everybody, with this payload. */
#define PLAIN(payload)                                                                             \
    "{\"active\":true,\"filters\":{\"groups\":[{\"properties\":[],\"rollout_percentage\":100}],"   \
    "\"payloads\":{\"true\":\"" payload "\"}}}"
/* For "local-flag", "c" is in "control": worked values of the protocol's hash. */
#define SPLIT                                                                                      \
    "{\"active\":true,\"filters\":{\"groups\":[{\"properties\":[],\"rollout_percentage\":100}],"   \
    "\"multivariate\":{\"variants\":[{\"key\":\"control\",\"rollout_percentage\":50},"             \
    "{\"key\":\"test\",\"rollout_percentage\":50}]},"                                              \
    "\"payloads\":{\"control\":\"{\\\"a\\\":1}\"}}}"

static void put(fixture *f, const char *key, const char *definition)
{
    tdl_flag_row flag = {
        .key = tdl_str_of(key), .family = TDL_STR("posthog"), .definition = tdl_str_of(definition)};
    tdl_report why = {0};

    if (tdl_loop_put_flag(f->loop, &flag, &why))
        fail_msg("%s", why.message);
}

static void put_all(fixture *f)
{
    put(f, "bool",
        "{\"active\":true,\"filters\":{\"groups\":"
        "[{\"properties\":[],\"rollout_percentage\":100}]}}");
    put(f, "off", "{\"active\":false,\"filters\":{\"groups\":[{\"rollout_percentage\":100}]}}");
    put(f, "local-flag", SPLIT);
}

static int ask(fixture *f, const char *target, const char *body)
{
    return fixture_call(f, "POST", target, f->write_key, body);
}

static bool answered(const fixture *f, const char *part)
{
    return strstr(f->answer.body, part) != NULL;
}

static void a_flag_is_answered_with_its_reason(void **state)
{
    fixture *f = *state;

    put_all(f);
    assert_int_equal(ask(f, FLAGS "/bool", ASK), 200);
    assert_string_equal(f->answer.body, "{\"key\":\"bool\",\"reason\":\"STATIC\",\"value\":true,"
                                        "\"metadata\":{\"flagVersion\":1}}");
    assert_true(raw_has(&f->answer, "Cache-Control: private, no-cache"));
    assert_int_equal(ask(f, FLAGS "/off", ASK), 200);
    assert_string_equal(f->answer.body, "{\"key\":\"off\",\"reason\":\"DISABLED\",\"value\":false,"
                                        "\"metadata\":{\"flagVersion\":1}}");
    put(f, "off", "{\"active\":true,\"filters\":{\"groups\":[{\"rollout_percentage\":100}]}}");
    assert_int_equal(ask(f, FLAGS "/off", ASK), 200);
    assert_true(answered(f, "\"value\":true,\"metadata\":{\"flagVersion\":2}"));
}

static void a_value_keeps_its_type(void **state)
{
    fixture *f = *state;

    put(f, "int", PLAIN("3"));
    put(f, "real", PLAIN("3.0"));
    put(f, "half", PLAIN("3.5"));
    put(f, "text", PLAIN("\\\"B\\\""));
    put(f, "object", PLAIN("{\\\"a\\\":[1,null]}"));
    ask(f, FLAGS "/int", ASK);
    assert_true(answered(f, "\"value\":3,"));
    ask(f, FLAGS "/real", ASK);
    assert_true(answered(f, "\"value\":3.0,"));
    ask(f, FLAGS "/half", ASK);
    assert_true(answered(f, "\"value\":3.5,"));
    ask(f, FLAGS "/text", ASK);
    assert_true(answered(f, "\"value\":\"B\","));
    ask(f, FLAGS "/object", ASK);
    assert_true(answered(f, "\"value\":{\"a\":[1,null]},"));
}

/* The decision that an answer names is in the log, with the same probability. */
static void chance_is_logged_with_its_propensity(void **state)
{
    fixture *f = *state;
    char target[100] = "/v1/decisions/";
    json_t *answer = NULL, *decision = NULL;
    tdl_str id;

    put_all(f);
    assert_int_equal(ask(f, FLAGS "/local-flag", ASK), 200);
    assert_true(answered(f, "\"reason\":\"SPLIT\",\"variant\":\"control\",\"value\":{\"a\":1}"));
    assert_true(answered(f, "\"propensity\":0.5,"));
    tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &answer, NULL);
    assert_true(tdl_json_get_str(json_object_get(answer, "metadata"), "decisionId", &id));
    strncat(target, id.at, 40);
    assert_int_equal(fixture_call(f, "GET", target, f->decide_key, NULL), 200);
    tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &decision, NULL);
    assert_string_equal(json_string_value(json_object_get(decision, "app")), "flag");
    assert_string_equal(json_string_value(json_object_get(decision, "user")), "c");
    const json_t *first = json_array_get(json_object_get(decision, "candidates"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "id")), "control");
    assert_true(json_number_value(json_object_get(first, "propensity")) == 0.5);
    json_decref(answer);
    json_decref(decision);
}

static void a_key_may_hold_slashes_and_percent_signs(void **state)
{
    fixture *f = *state;

    put(f, "shop/100%", PLAIN("1"));
    assert_int_equal(ask(f, FLAGS "/shop%2F100%25", ASK), 200);
    assert_true(answered(f, "{\"key\":\"shop/100%\","));
    assert_int_equal(ask(f, FLAGS "/shop/100%25", ASK), 200); // as some proxies pass it on
    assert_int_equal(ask(f, FLAGS "/shop/100%", ASK), 200); // ofrep-provider 0.1.3 encodes nothing
    assert_int_equal(ask(f, FLAGS "/%00", ASK), 404);
    assert_true(answered(f, "{\"key\":\"%00\","));
    assert_int_equal(ask(f, FLAGS "/\xff%", ASK), 400);
    assert_true(answered(f, "\"errorCode\":\"PARSE_ERROR\""));
}

static void each_fault_has_its_code(void **state)
{
    static const struct {
        const char *body, *code;
    } bad[] = {
        {"", "PARSE_ERROR"},
        {"{\"context\":", "PARSE_ERROR"},
        {"[]", "PARSE_ERROR"},
        {"{}", "TARGETING_KEY_MISSING"},
        {"{\"context\":{}}", "TARGETING_KEY_MISSING"},
        {"{\"context\":{\"targetingKey\":\"\"}}", "TARGETING_KEY_MISSING"},
        {"{\"context\":{\"targetingKey\":7}}", "INVALID_CONTEXT"},
        {"{\"context\":\"u1\"}", "INVALID_CONTEXT"},
    };
    fixture *f = *state;
    char want[200];

    put_all(f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ask(f, FLAGS "/bool", bad[i].body), 400);
        snprintf(want, sizeof want, "{\"key\":\"bool\",\"errorCode\":\"%s\",\"errorDetails\":\"",
                 bad[i].code);
        assert_true(answered(f, want));
        assert_int_equal(ask(f, FLAGS, bad[i].body), 400);
        snprintf(want, sizeof want, "{\"errorCode\":\"%s\",\"errorDetails\":\"", bad[i].code);
        assert_true(answered(f, want));
    }
    assert_int_equal(ask(f, FLAGS "/missing", ASK), 404);
    assert_true(answered(f, "{\"key\":\"missing\",\"errorCode\":\"FLAG_NOT_FOUND\""));
}

static void without_a_good_key_nothing_is_said(void **state)
{
    fixture *f = *state;

    put_all(f);
    assert_int_equal(fixture_call(f, "POST", FLAGS "/bool", NULL, ASK), 401);
    assert_int_equal(f->answer.body_n, 0);
    assert_int_equal(fixture_call(f, "POST", FLAGS "/missing", "wrong", ASK), 401);
    assert_int_equal(f->answer.body_n, 0);
    assert_int_equal(fixture_call(f, "POST", FLAGS, "wrong", "{"), 401);
    assert_int_equal(f->answer.body_n, 0);
}

/* As the SDK's request with If-None-Match. */
static int ask_if(fixture *f, const char *etag, const char *body)
{
    char request[1000];

    snprintf(request, sizeof request,
             "POST " FLAGS
             "?flagConfigEtag=%%22v2%%22&flagConfigLastModified=1771622898 HTTP/1.1\r\n"
             "Host: t\r\nX-API-Key: %s\r\nIf-None-Match: %s\r\nContent-Length: %zu\r\n\r\n%s",
             f->write_key, etag, strlen(body), body);
    raw_exchange(f->port, request, &f->answer);
    return f->answer.status;
}

static void etag_of(const fixture *f, char ret[100])
{
    const char *at = strstr(f->answer.head, "ETag: ");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "ETag: %99s", ret), 1);
}

static int64_t decisions(fixture *f)
{
    tdl_store_counts counts;

    tdl_store_flush(tdl_loop_store(f->loop));
    tdl_store_count(tdl_loop_store(f->loop), &counts);
    return counts.decisions;
}

static void all_flags_are_answered_at_once_and_logged(void **state)
{
    fixture *f = *state;
    json_t *answer = NULL;

    put_all(f);
    assert_int_equal(ask(f, FLAGS "/", ASK), 200);
    tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &answer, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "flags")), 3);
    assert_true(answered(f, "\"eventStreams\":[{\"type\":\"sse\",\"endpoint\":"
                            "{\"requestUri\":\"/ofrep/v1/stream?c="));
    assert_null(strstr(f->answer.body, f->write_key));
    assert_int_equal(decisions(f), 1); // of three flags, one is up to chance
    json_decref(answer);
}

static void streams_may_have_a_name_of_their_own(void **state)
{
    static const char *const wrong[] = {"events.example.com", "https://", "https://a/b", "ftp://a",
                                        "https://a\"b"};
    fixture *f = *state;

    fixture_restart(f, (tdl_server_options){.sse_origin = "https://events.example.com:8443"});
    put_all(f);
    assert_int_equal(ask(f, FLAGS, ASK), 200);
    assert_true(answered(f, "\"endpoint\":{\"origin\":\"https://events.example.com:8443\","
                            "\"requestUri\":\"/ofrep/v1/stream?c="));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const tdl_server_options options = {.sse_origin = wrong[i]};
        tdl_server *server = NULL;
        assert_int_equal(tdl_server_start(NULL, &options, &server, NULL), TDL_E_INVALID);
    }
}

static void an_answer_the_client_has_is_not_sent_nor_logged_again(void **state)
{
    fixture *f = *state;
    char etag[100], weak[110];

    put_all(f);
    assert_int_equal(ask(f, FLAGS, ASK), 200);
    etag_of(f, etag);
    snprintf(weak, sizeof weak, "\"x\", W/%s", etag);
    assert_int_equal(ask_if(f, etag, ASK), 304);
    assert_int_equal(f->answer.body_n, 0);
    assert_int_equal(ask_if(f, weak, ASK), 304);
    assert_int_equal(decisions(f), 1);
    assert_int_equal(ask_if(f, "\"x\"", ASK), 200);
    assert_int_equal(decisions(f), 2);
    put(f, "bool", "{\"active\":false,\"filters\":{\"groups\":[]}}");
    assert_int_equal(ask_if(f, etag, ASK), 200);
}

static void a_tag_is_of_one_person_and_one_run_of_the_server(void **state)
{
    fixture *f = *state;
    char etag[100];

    put_all(f);
    assert_int_equal(ask(f, FLAGS, ASK), 200);
    etag_of(f, etag);
    assert_int_equal(ask_if(f, etag, "{\"context\":{\"targetingKey\":\"d\"}}"), 200);
    assert_int_equal(ask_if(f, etag, ASK), 304);
    fixture_restart(f, (tdl_server_options){.threads = 1}); // its tokens open nothing any more
    assert_int_equal(ask_if(f, etag, ASK), 200);
}

static void packed_and_large_contexts_are_read(void **state)
{
    fixture *f = *state;
    static char body[100 << 10];
    int n = snprintf(body, sizeof body, "{\"context\":{\"targetingKey\":\"c\",\"long\":\"");

    put_all(f);
    memset(body + n, 'x', sizeof body - 100); // past what the event thread decodes itself
    strcpy(body + n + sizeof body - 100, "\"}}");
    assert_int_equal(ask(f, FLAGS "/bool", body), 200);
    assert_int_equal(ask(f, FLAGS "/local-flag", body), 200);
    assert_true(answered(f, "\"variant\":\"control\""));
}

static void a_page_elsewhere_may_ask(void **state)
{
    fixture *f = *state;

    raw_exchange(f->port,
                 "OPTIONS " FLAGS " HTTP/1.1\r\nHost: t\r\nOrigin: http://shop.example\r\n"
                 "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
                 "authorization,content-type,if-none-match\r\n\r\n",
                 &f->answer);
    assert_int_equal(f->answer.status, 204);
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Headers: "
                                    "authorization,content-type,if-none-match"));
    raw_exchange(f->port,
                 "POST " FLAGS " HTTP/1.1\r\nHost: t\r\nOrigin: http://shop.example\r\n"
                 "Content-Length: 2\r\n\r\n{}",
                 &f->answer);
    assert_int_equal(f->answer.status, 401);
    assert_true(raw_has(&f->answer, "Access-Control-Allow-Origin: http://shop.example"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_flag_is_answered_with_its_reason),
        EACH(a_value_keeps_its_type),
        EACH(chance_is_logged_with_its_propensity),
        EACH(a_key_may_hold_slashes_and_percent_signs),
        EACH(each_fault_has_its_code),
        EACH(without_a_good_key_nothing_is_said),
        EACH(all_flags_are_answered_at_once_and_logged),
        EACH(streams_may_have_a_name_of_their_own),
        EACH(an_answer_the_client_has_is_not_sent_nor_logged_again),
        EACH(a_tag_is_of_one_person_and_one_run_of_the_server),
        EACH(packed_and_large_contexts_are_read),
        EACH(a_page_elsewhere_may_ask),
    };
    return cmocka_run_group_tests_name("http/openfeature", tests, NULL, NULL);
}
