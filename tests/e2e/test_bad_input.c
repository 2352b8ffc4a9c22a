/* What the issue lists as bad input: each gets a clear error, nothing is stored, the server goes
 * on. Error answers are checked against the OpenAPI document too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema.h"

static client *admin;
static json_t *document;

static int set_up(void **state)
{
    server_set_up(state);
    admin = client_new(*state, ((server *)*state)->admin_key);
    client_expect(admin, 200, "GET", "/openapi.json", NULL);
    document = json_incref(admin->json);
    return 0;
}

static int tear_down(void **state)
{
    json_decref(document);
    client_free(admin);
    return server_tear_down(state);
}

static void refused(const char *method, const char *target, const char *pattern, const char *body,
                    int status, const char *told)
{
    client_expect(admin, status, method, target, body);
    schema_check(document, admin, method, pattern);
    if (!strstr(admin->body.at, told))
        fail_msg("%s does not tell of %s", admin->body.at, told);
}

static int64_t events_stored(void)
{
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    return json_integer_value(client_at(admin, "events.total"));
}

static void bad_events_are_refused_whole(void **state)
{
    static const struct {
        const char *body, *told;
    } cases[] = {
        {"", "the text is empty"},
        {"{\"user\":\"u\",", "line 1, column "},
        {"[{\"user\":\"u\",\"kind\":\"v\"},]", "line 1, column "},
        {"{\"user\":\"u\",\"kind\":\"v\",\"value\":NaN}", "column"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"value\":Infinity}", "column"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"value\":1e999}", "column"},
        {"{\"user\":\"\xff\xfe\",\"kind\":\"v\"}", "column"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"user\":\"w\"}", "column"},
        {"{\"user\":\"u\\u0000\",\"kind\":\"v\"}", "column"},
        {"{\"user\":5,\"kind\":\"v\"}", "event 0: user must be a string, not a number"},
        {"[{\"user\":\"u\",\"kind\":\"v\"},{\"user\":\"u\",\"kind\":\"v\",\"value\":\"5\"}]",
         "event 1: value must be a number, not a string"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"time\":\"2999-01-01T00:00:00Z\"}", "event 0: time"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"time\":\"1969-12-31T23:59:59Z\"}", "event 0: time"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"time\":\"today\"}", "event 0: time"},
        {"{\"user\":\"u\",\"kind\":\"v\",\"properties\":\"x\"}", "event 0: properties"},
        {"{\"kind\":\"v\"}", "event 0: user is missing"},
        {"{\"user\":\"u\"}", "event 0: kind is missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused("POST", "/v1/events", "/v1/events", cases[i].body, 400, cases[i].told);
    assert_int_equal(events_stored(), 0);
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 100000 };
    char *body = malloc(DEPTH + 1);

    (void)state;
    memset(body, '[', DEPTH);
    body[DEPTH] = '\0';
    refused("POST", "/v1/events", "/v1/events", body, 400, "nested deeper than 64");
    refused("POST", "/v1/batch", "/v1/batch", body, 400, "nested deeper than 64");
    free(body);
}

static void ten_megabytes_are_too_large_and_the_connection_goes_on(void **state)
{
    enum { LARGE = 10 * 1000 * 1000 };
    char *body = malloc(LARGE + 1);

    (void)state;
    memset(body, ' ', LARGE);
    body[LARGE] = '\0';
    refused("POST", "/v1/events", "/v1/events", body, 413, "larger than");
    client_expect(admin, 200, "GET", "/healthz", NULL); // the same connection
    refused("PUT", "/v1/catalogue/items", "/v1/catalogue/items", body, 413, "larger than");
    client_expect(admin, 200, "GET", "/healthz", NULL);
    free(body);
}

static void bad_items_are_refused_whole(void **state)
{
    (void)state;
    refused("PUT", "/v1/catalogue/items", "/v1/catalogue/items", "[{\"id\":\"a\"},{\"id\":7}]", 400,
            "item 1: id must be a string");
    refused("PUT", "/v1/catalogue/items", "/v1/catalogue/items", "{}", 400, "array");
    client_expect(admin, 404, "GET", "/v1/items/a", NULL);
}

static void what_does_not_exist_is_a_404(void **state)
{
    (void)state;
    refused("GET", "/v1/items/none", "/v1/items/{id}", NULL, 404, "none");
    refused("GET", "/v1/items/none/similar", "/v1/items/{id}/similar", NULL, 404, "none");
    refused("GET", "/v1/decisions/none", "/v1/decisions/{id}", NULL, 404, "none");
    refused("POST", "/v1/models/none/activate", "/v1/models/{version}/activate", "", 404, "none");
    refused("POST", "/v1/train", "/v1/train", "{\"app\":\"none\"}", 404, "none");
    client_expect(admin, 404, "GET", "/v2", NULL);
    assert_string_equal(client_text(admin, "code"), "E_NOT_FOUND");
}

static void bad_parameters_are_named(void **state)
{
    (void)state;
    refused("GET", "/v1/recommend", "/v1/recommend", NULL, 400, "parameter user");
    refused("GET", "/v1/recommend?user=u&n=0", "/v1/recommend", NULL, 400, "parameter n");
    refused("GET", "/v1/recommend?user=u&n=101", "/v1/recommend", NULL, 400, "parameter n");
    refused("GET", "/v1/recommend?user=%C3%28", "/v1/recommend", NULL, 400, "UTF-8");
    refused("GET", "/v1/events?user=u&limit=0", "/v1/events", NULL, 400, "parameter limit");
}

static void a_wrong_method_names_the_right_ones(void **state)
{
    (void)state;
    client_expect(admin, 405, "PATCH", "/v1/events", "{}");
    assert_true(client_has_header(admin, "Allow: POST, GET, HEAD"));
    assert_string_equal(client_text(admin, "title"), "Method Not Allowed");
}

static void training_on_nothing_fails_and_says_why(void **state)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    (void)state;
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int i = 0; i < 2000; i++) { // 20 s on a busy machine
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        nanosleep(&pause, NULL);
    }
    schema_check(document, admin, "GET", "/v1/stats");
    assert_string_equal(client_text(admin, "training.state"), "failed");
    assert_true(strlen(client_text(admin, "training.error")) > 0);
    client_expect(admin, 200, "GET", "/v1/recommend?user=u", NULL);
    assert_string_equal(client_text(admin, "fallback"), "stranger");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_events_are_refused_whole),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(ten_megabytes_are_too_large_and_the_connection_goes_on),
        cmocka_unit_test(bad_items_are_refused_whole),
        cmocka_unit_test(what_does_not_exist_is_a_404),
        cmocka_unit_test(bad_parameters_are_named),
        cmocka_unit_test(a_wrong_method_names_the_right_ones),
        cmocka_unit_test(training_on_nothing_fails_and_says_why),
    };
    return cmocka_run_group_tests_name("e2e/bad_input", tests, set_up, tear_down);
}
