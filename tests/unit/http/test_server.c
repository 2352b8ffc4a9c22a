/* The server as any client sees it: routes, rights, errors, and HTTP itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/uuid.h"
#include "fixture.h"

static json_t *parse_body(const fixture *f)
{
    json_t *json = NULL;
    tdl_report why = {0};

    if (tdl_json_parse((tdl_str){f->answer.body, f->answer.body_n}, TDL_JSON_REFUSE_DUPLICATES,
                       &json, &why))
        fail_msg("%s in %s", why.message, f->answer.body);
    return json;
}

static void assert_problem(fixture *f, int status, const char *code, const char *detail)
{
    json_t *json = parse_body(f);

    assert_true(raw_has(&f->answer, "Content-Type: application/problem+json"));
    assert_int_equal(json_integer_value(json_object_get(json, "status")), status);
    assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
    assert_string_equal(json_string_value(json_object_get(json, "code")), code);
    if (!strstr(json_string_value(json_object_get(json, "detail")), detail))
        fail_msg("%s does not tell of %s", f->answer.body, detail);
    assert_true(tdl_uuid_valid(tdl_str_of(json_string_value(json_object_get(json, "request_id")))));
    json_decref(json);
}

static void health_and_readiness_need_no_key(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/healthz", NULL, NULL), 200);
    assert_string_equal(f->answer.body, "{\"status\":\"ok\"}");
    assert_int_equal(fixture_call(f, "GET", "/readyz", NULL, NULL), 200);
    assert_string_equal(f->answer.body, "{\"status\":\"ready\"}");
    assert_true(raw_has(&f->answer, "Content-Type: application/json"));
    assert_true(raw_has(&f->answer, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(f->answer.head, "X-Request-Id: "));
}

static void head_gives_the_headers_of_get(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "HEAD", "/healthz", NULL, NULL), 200);
    assert_true(raw_has(&f->answer, "Content-Length: 15"));
    assert_int_equal(f->answer.body_n, 0);
}

static void the_description_is_served(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/openapi.json", NULL, NULL), 200);
    json_t *json = parse_body(f);
    assert_string_equal(json_string_value(json_object_get(json, "openapi")), "3.1.0");
    json_decref(json);
}

static void metrics_count_what_was_asked(void **state)
{
    fixture *f = *state;

    fixture_call(f, "GET", "/healthz", NULL, NULL);
    fixture_call(f, "GET", "/nothing", NULL, NULL);
    usleep(20000); // an exchange is counted once its answer is out
    assert_int_equal(fixture_call(f, "GET", "/metrics", NULL, NULL), 200);
    assert_non_null(strstr(f->answer.body, "{route=\"health\",status=\"200\"} 1\n"));
    assert_non_null(strstr(f->answer.body, "{route=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(f->answer.head, "text/plain; version=0.0.4"));
}

static void an_unknown_path_is_a_404_and_a_wrong_method_a_405(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/v1/nothing?x=1", NULL, NULL), 404);
    assert_problem(f, 404, "E_NOT_FOUND", "/v1/nothing");
    assert_int_equal(fixture_call(f, "DELETE", "/v1/events", f->admin_key, NULL), 405);
    assert_problem(f, 405, "E_INVALID", "DELETE");
    assert_true(raw_has(&f->answer, "Allow: POST, GET, HEAD"));
    assert_int_equal(fixture_call(f, "OPTIONS", "/v1/recommend", NULL, NULL), 405);
}

static void a_missing_wrong_or_weak_key_is_refused(void **state)
{
    fixture *f = *state;
    char missing[1000];

    assert_int_equal(fixture_call(f, "GET", "/v1/models", NULL, NULL), 401);
    assert_problem(f, 401, "E_UNAUTHORIZED", "missing or wrong");
    assert_true(raw_has(&f->answer, "WWW-Authenticate: Bearer"));
    snprintf(missing, sizeof missing, "%.999s", strstr(f->answer.body, "detail"));
    assert_int_equal(fixture_call(f, "GET", "/v1/models", "tdl_a_wrong", NULL), 401);
    size_t same = (size_t)(strstr(missing, "request_id") - missing);
    assert_memory_equal(strstr(f->answer.body, "detail"), missing, same);
    assert_int_equal(fixture_call(f, "GET", "/v1/models", f->write_key, NULL), 403);
    assert_problem(f, 403, "E_FORBIDDEN", "decide key is needed");
    assert_int_equal(fixture_call(f, "GET", "/v1/models", f->decide_key, NULL), 200);
    assert_int_equal(fixture_call(f, "POST", "/v1/train", f->decide_key, "{}"), 403);
    assert_int_equal(fixture_call(f, "GET", "/v1/models", f->admin_key, NULL), 200);
}

static void keys_are_taken_from_x_api_key_too(void **state)
{
    fixture *f = *state;
    char request[400];

    snprintf(request, sizeof request, "GET /v1/stats HTTP/1.1\r\nHost: t\r\nX-API-Key: %s\r\n\r\n",
             f->decide_key);
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 200);
}

static void query_parameters_are_checked(void **state)
{
    static const struct {
        const char *target, *named;
    } cases[] = {
        {"/v1/recommend", "user is missing"},
        {"/v1/recommend?user=", "user is missing"},
        {"/v1/recommend?user=u&n=0", "n: \"0\" is not an integer from 1 to 100"},
        {"/v1/recommend?user=u&n=101", "query parameter n"},
        {"/v1/recommend?user=u&n=ten", "query parameter n"},
        {"/v1/recommend?user=%ff", "query parameter user: not valid UTF-8"},
        {"/v1/recommend?user=%00", "query parameter user: control character"},
        {"/v1/recommend?user=%2", "query parameter user: broken percent-encoding"},
        {"/v1/events?limit=5", "user is missing"},
        {"/v1/events?user=u&limit=1001", "query parameter limit"},
        {"/v1/users?limit=-1", "query parameter limit"},
        {"/v1/decisions?limit=x", "query parameter limit"},
        {"/v1/items/%ff", "path: not valid UTF-8"},
        {"/v1/items/%zz/similar", "path: broken percent-encoding"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(fixture_call(f, "GET", cases[i].target, f->decide_key, NULL), 400);
        assert_problem(f, 400, "E_INVALID", cases[i].named);
    }
}

static void empty_stores_give_empty_lists(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "GET", "/v1/events?user=nobody", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"user\":\"nobody\",\"events\":[]}");
    assert_int_equal(fixture_call(f, "GET", "/v1/users", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"users\":[]}");
    assert_int_equal(fixture_call(f, "GET", "/v1/decisions", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"decisions\":[]}");
    assert_int_equal(fixture_call(f, "GET", "/v1/models", f->decide_key, NULL), 200);
    assert_string_equal(f->answer.body, "{\"models\":[]}");
    assert_int_equal(fixture_call(f, "GET", "/v1/items/nothing", f->decide_key, NULL), 404);
    assert_int_equal(fixture_call(f, "GET", "/v1/decisions/nothing", f->decide_key, NULL), 404);
    assert_int_equal(fixture_call(f, "POST", "/v1/models/nothing/activate", f->admin_key, ""), 404);
}

static void an_item_id_may_hold_a_slash(void **state)
{
    fixture *f = *state;

    assert_int_equal(fixture_call(f, "PUT", "/v1/catalogue/items", f->write_key,
                                  "[{\"id\":\"a/b c\",\"title\":\"\xc3\xa9\"}]"),
                     200);
    assert_string_equal(f->answer.body, "{\"stored\":1}");
    assert_int_equal(fixture_call(f, "GET", "/v1/items/a%2Fb%20c", f->decide_key, NULL), 200);
    static const char begins[] =
        "{\"id\":\"a/b c\",\"title\":\"\xc3\xa9\",\"attributes\":null,\"recommend\":{";
    assert_memory_equal(f->answer.body, begins, sizeof begins - 1);
    assert_int_equal(fixture_call(f, "GET", "/v1/items/a/b c", f->decide_key, NULL), 404);
}

static void training_says_what_it_does_not_understand(void **state)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {{"", 400},
                 {"[]", 400},
                 {"{}", 400},
                 {"{\"app\":7}", 400},
                 {"{\"app\":\"recommend\",\"seed\":-1}", 400},
                 {"{\"app\":\"recommend\",\"sede\":1}", 400},
                 {"{\"app\":\"nothing\"}", 404}};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(fixture_call(f, "POST", "/v1/train", f->admin_key, cases[i].body),
                         cases[i].status);
}

static void requests_follow_each_other_on_one_connection(void **state)
{
    fixture *f = *state;
    int fd = raw_connect(f->port);

    raw_text(fd,
             "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\nGET /readyz HTTP/1.1\r\nHost: t\r\n\r\n"
             "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\nGET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    static const int want[] = {200, 200, 404, 200};
    for (size_t i = 0; i < 4; i++) {
        raw_receive(fd, false, &f->answer);
        assert_int_equal(f->answer.status, want[i]);
    }
    close(fd);
}

static void garbage_closes_its_connection_only(void **state)
{
    static const char *const garbage[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Length: abc\r\n\r\n",
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        int fd = raw_connect(f->port);
        raw_text(fd, garbage[i]);
        shutdown(fd, SHUT_WR);
        raw_receive(fd, false, &f->answer);
        assert_true(f->answer.status != 200);
        close(fd);
        assert_int_equal(fixture_call(f, "GET", "/healthz", NULL, NULL), 200);
    }
}

static void the_dashboard_is_served_with_its_policy_or_says_why_not(void **state)
{
    fixture *f = *state;
    int status = fixture_call(f, "GET", "/", NULL, NULL);

    if (status == 404) {
        assert_problem(f, 404, "E_NOT_FOUND", "built without its dashboard");
        return;
    }
    assert_int_equal(status, 200);
    assert_non_null(strstr(f->answer.head, "Content-Security-Policy: default-src 'none'; "));
    assert_non_null(strcasestr(f->answer.body, "<!doctype html>")); // unpacked when not asked for
    char etag[100], request[300];
    assert_int_equal(sscanf(strstr(f->answer.head, "ETag: "), "ETag: %99s", etag), 1);
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: t\r\nIf-None-Match: %s\r\n\r\n",
             etag);
    raw_exchange(f->port, request, &f->answer);
    assert_int_equal(f->answer.status, 304);
    raw_exchange(f->port, "GET / HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n", &f->answer);
    assert_true(raw_has(&f->answer, "Content-Encoding: gzip"));
    assert_memory_equal(f->answer.body, "\x1f\x8b", 2);
    assert_int_equal(fixture_call(f, "GET", "/assets/nothing.js", NULL, NULL), 404);
}

static void a_server_knows_where_it_listens(void **state)
{
    fixture *f = *state;
    tdl_server_options taken = {.port = f->port}, wrong = {.address = "localhost.invalid"},
                       foreign = {.address = "192.0.2.1"}; // TEST-NET-1 (RFC 5737)
    tdl_server *second = NULL;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u", f->port);
    assert_string_equal(tdl_server_url(f->server), url);
    assert_int_equal(tdl_server_start(f->loop, &taken, &second, NULL), TDL_E_CONFLICT);
    assert_int_equal(tdl_server_start(f->loop, &wrong, &second, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_server_start(f->loop, &foreign, &second, NULL), TDL_E_INVALID);
    assert_null(second);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(health_and_readiness_need_no_key),
        EACH(head_gives_the_headers_of_get),
        EACH(the_description_is_served),
        EACH(metrics_count_what_was_asked),
        EACH(an_unknown_path_is_a_404_and_a_wrong_method_a_405),
        EACH(a_missing_wrong_or_weak_key_is_refused),
        EACH(keys_are_taken_from_x_api_key_too),
        EACH(query_parameters_are_checked),
        EACH(empty_stores_give_empty_lists),
        EACH(an_item_id_may_hold_a_slash),
        EACH(training_says_what_it_does_not_understand),
        EACH(requests_follow_each_other_on_one_connection),
        EACH(garbage_closes_its_connection_only),
        EACH(the_dashboard_is_served_with_its_policy_or_says_why_not),
        EACH(a_server_knows_where_it_listens),
    };
    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
