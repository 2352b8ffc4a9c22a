/* Every route's happy path on one server, each answer checked against the server's own OpenAPI
 * document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema.h"

static server *treadle;
static client *admin;
static json_t *document;

enum { ITEMS = 40, USERS = 12, SEEN = 15 };

static void check(const char *method, const char *pattern)
{
    schema_check(document, admin, method, pattern);
}

static void put_items(void)
{
    tdl_buf body = {0};

    for (int i = 0; i < ITEMS; i++)
        tdl_buf_printf(&body, "%c{\"id\":\"i%d\",\"title\":\"Item %d\",\"attributes\":{\"n\":%d}}",
                       i ? ',' : '[', i, i, i);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "PUT", "/v1/catalogue/items", body.at);
    check("PUT", "/v1/catalogue/items");
    assert_int_equal(json_integer_value(client_at(admin, "stored")), ITEMS);
    tdl_buf_release(&body);
}

/* Each user walks through the catalogue in order from a place of their own, a day a step. */
static void send_events(void)
{
    tdl_buf body = {0};

    for (int u = 0; u < USERS; u++)
        for (int k = 0; k < SEEN; k++)
            tdl_buf_printf(&body,
                           "%c{\"user\":\"u%d\",\"kind\":\"view\",\"item\":\"i%d\","
                           "\"time\":%lld,\"message_id\":\"%d-%d\"}",
                           u + k ? ',' : '[', u, (u * 3 + k) % ITEMS,
                           1500000000000000LL + k * 86400000000LL + u, u, k);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    check("POST", "/v1/events");
    assert_int_equal(json_integer_value(client_at(admin, "stored")), USERS * SEEN);
    tdl_buf_release(&body);
}

static int set_up(void **state)
{
    server_set_up(state);
    treadle = *state;
    admin = client_new(treadle, treadle->admin_key);
    client_expect(admin, 200, "GET", "/openapi.json", NULL);
    document = json_incref(admin->json);
    put_items();
    send_events();
    return 0;
}

static int tear_down(void **state)
{
    json_decref(document);
    client_free(admin);
    return server_tear_down(state);
}

static void operation_routes_answer_without_a_key(void **state)
{
    client *anybody = client_new(treadle, NULL);

    (void)state;
    client_expect(anybody, 200, "GET", "/healthz", NULL);
    schema_check(document, anybody, "GET", "/healthz");
    client_expect(anybody, 200, "GET", "/readyz", NULL);
    assert_string_equal(client_text(anybody, "status"), "ready");
    client_expect(anybody, 200, "GET", "/metrics", NULL);
    assert_non_null(strstr(anybody->body.at, "# TYPE treadle_http_requests_total counter\n"));
    assert_int_equal(client_call(anybody, "HEAD", "/healthz", NULL), 200);
    assert_int_equal(anybody->body.len, 0);
    client_free(anybody);
}

static void a_history_is_newest_first_with_titles(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/events?user=u2&limit=3", NULL);
    check("GET", "/v1/events");
    assert_int_equal(json_array_size(client_at(admin, "events")), 3);
    assert_string_equal(client_text(admin, "events.0.item"), "i20"); // 2 * 3 + 14
    assert_string_equal(client_text(admin, "events.0.title"), "Item 20");
    assert_string_equal(client_text(admin, "events.2.item"), "i18");
}

static void an_item_is_found(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/items/i7", NULL);
    check("GET", "/v1/items/{id}");
    assert_int_equal(json_integer_value(client_at(admin, "attributes.n")), 7);
}

static void users_are_listed_by_prefix(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/users?prefix=u1&limit=20", NULL);
    check("GET", "/v1/users");
    assert_int_equal(json_array_size(client_at(admin, "users")), 3); // u1, u10, u11
    assert_string_equal(client_text(admin, "users.0.id"), "u11");    // seen last
    assert_int_equal(json_integer_value(client_at(admin, "users.0.events")), SEEN);
}

static void a_recommendation_is_logged_as_it_was_answered(void **state)
{
    char target[100], first[100];

    (void)state;
    client_expect(admin, 200, "GET", "/v1/recommend?user=u2&n=5", NULL);
    check("GET", "/v1/recommend");
    assert_int_equal(json_array_size(client_at(admin, "items")), 5);
    snprintf(first, sizeof first, "%s", client_text(admin, "items.0.id"));
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(admin, "decision_id"));
    client_expect(admin, 200, "GET", target, NULL);
    check("GET", "/v1/decisions/{id}");
    assert_string_equal(client_text(admin, "user"), "u2");
    assert_string_equal(client_text(admin, "candidates.0.id"), first);
    assert_string_equal(client_text(admin, "why.0.item"), first);
    assert_true(json_array_size(client_at(admin, "candidates")) >= 5);
    assert_true(json_is_true(client_at(admin, "candidates.4.chosen")));
    client_expect(admin, 200, "GET", "/v1/decisions?user=u2&limit=1", NULL);
    check("GET", "/v1/decisions");
    assert_string_equal(client_text(admin, "decisions.0.items.0.id"), first);
}

static void the_audit_log_is_as_described(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/audit", NULL);
    check("GET", "/v1/audit");
    assert_true(json_is_true(client_at(admin, "chain.whole")));
}

static void a_stranger_gets_popular_items(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/recommend?user=nobody%20%E4%B8%AD", NULL);
    check("GET", "/v1/recommend");
    assert_string_equal(client_text(admin, "fallback"), "stranger");
    assert_string_equal(client_text(admin, "user"), "nobody \xe4\xb8\xad");
    assert_string_equal(client_text(admin, "items.0.reasons.0.kind"), "popular");
    assert_int_equal(json_array_size(client_at(admin, "items")), 10);
}

static void similar_items_are_a_decision_too(void **state)
{
    char target[100];

    (void)state;
    client_expect(admin, 200, "GET", "/v1/items/i7/similar?n=3", NULL);
    check("GET", "/v1/items/{id}/similar");
    assert_string_equal(client_text(admin, "item"), "i7");
    assert_int_equal(json_array_size(client_at(admin, "items")), 3);
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(admin, "decision_id"));
    client_expect(admin, 200, "GET", target, NULL);
    assert_string_equal(client_text(admin, "user"), "");
}

static void wait_for_training(void)
{
    for (int i = 0; i < 600; i++) {
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        check("GET", "/v1/stats");
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        usleep(100000);
    }
    assert_string_equal(client_text(admin, "training.state"), "done");
}

static void training_makes_a_model_that_serves(void **state)
{
    char version[100], target[200];

    (void)state;
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\",\"seed\":3}");
    check("POST", "/v1/train");
    client_call(admin, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    assert_int_equal(admin->status, 409);
    check("POST", "/v1/train");
    wait_for_training();
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    check("GET", "/v1/models");
    assert_true(json_is_true(client_at(admin, "models.0.active")));
    assert_int_equal(json_integer_value(client_at(admin, "models.0.report.seed")), 3);
    snprintf(version, sizeof version, "%s", client_text(admin, "models.0.version"));
    client_expect(admin, 200, "GET", "/v1/recommend?user=u2", NULL);
    check("GET", "/v1/recommend");
    assert_string_equal(client_text(admin, "model"), version);
    assert_true(json_is_null(client_at(admin, "fallback")));
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    wait_for_training();
    snprintf(target, sizeof target, "/v1/models/%s/activate", version);
    client_expect(admin, 200, "POST", target, "");
    check("POST", "/v1/models/{version}/activate");
    client_expect(admin, 200, "GET", "/v1/recommend?user=u2", NULL);
    assert_string_equal(client_text(admin, "model"), version);
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    assert_int_equal(json_array_size(client_at(admin, "models")), 2);
    assert_string_equal(client_text(admin, "models.1.version"), version);
    assert_true(json_is_true(client_at(admin, "models.1.active")));
}

static void expect_compared(const char *a, const char *b)
{
    const char *const arguments[] = {"runs",   "compare",     a,        b,
                                     "--data", treadle->data, "--json", NULL};
    static char output[64 << 10];
    json_t *compared = NULL;

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    assert_int_equal(
        tdl_json_parse(tdl_str_of(output), TDL_JSON_REFUSE_DUPLICATES, &compared, NULL), TDL_OK);
    const json_t *seeds = json_object_get(json_object_get(compared, "differences"), "seed");
    assert_int_equal(json_integer_value(json_array_get(seeds, 0)), 3);
    assert_int_equal(json_integer_value(json_array_get(seeds, 1)), 1);
    assert_true(json_array_size(json_object_get(compared, "metrics")) > 10);
    json_decref(compared);
}

/* After the training above: over HTTP, and from the command line beside the server. */
static void each_training_is_a_run(void **state)
{
    char target[200], id[100], other[100];

    (void)state;
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    snprintf(other, sizeof other, "%s", client_text(admin, "models.0.version"));
    snprintf(id, sizeof id, "%s", client_text(admin, "models.1.version"));
    client_expect(admin, 200, "GET", "/v1/runs", NULL);
    check("GET", "/v1/runs");
    assert_int_equal(json_array_size(client_at(admin, "runs")), 2);
    assert_string_equal(client_text(admin, "runs.1.id"), id);
    assert_string_equal(client_text(admin, "runs.1.status"), "done");
    assert_int_equal(json_integer_value(client_at(admin, "runs.1.seed")), 3);
    snprintf(target, sizeof target, "/v1/runs/%s", id);
    client_expect(admin, 200, "GET", target, NULL);
    check("GET", "/v1/runs/{id}");
    assert_true(json_array_size(client_at(admin, "series")) > 10);
    client_call(admin, "GET", "/v1/runs/none", NULL);
    check("GET", "/v1/runs/{id}");
    assert_int_equal(admin->status, 404);
    expect_compared(id, other);
}

static void segments_routes_take_events(void **state)
{
    static const char *const single[] = {"track", "identify", "page", "screen", "group", "alias"};
    char target[40], body[200];

    (void)state;
    client_expect(admin, 200, "POST", "/v1/batch",
                  "{\"batch\":[{\"type\":\"track\",\"event\":\"e\",\"userId\":\"s\"}],"
                  "\"sentAt\":\"2026-01-01T00:00:00Z\"}");
    check("POST", "/v1/batch");
    client_expect(admin, 200, "POST", "/v1/b", "{\"batch\":[]}");
    for (size_t i = 0; i < 6; i++)
        for (int brief = 0; brief < 2; brief++) {
            snprintf(target, sizeof target, "/v1/%.*s", brief ? 1 : 20, single[i]);
            snprintf(body, sizeof body,
                     "{\"event\":\"e\",\"userId\":\"s\",\"messageId\":\"%zu-%d\"}", i, brief);
            client_expect(admin, 200, "POST", target, body);
            check("POST", target);
        }
    client_expect(admin, 200, "GET", "/v1/projects/any/settings", NULL);
    check("GET", "/v1/projects/{key}/settings");
    client_expect(admin, 200, "GET", "/v1/events?user=s", NULL);
    assert_int_equal(json_array_size(client_at(admin, "events")), 13);
}

static void openfeatures_questions_are_answered(void **state)
{
    static const char ask[] = "{\"context\":{\"targetingKey\":\"c\"}}";

    (void)state;
    client_expect(admin, 200, "PUT", "/v1/flags/shop",
                  "{\"family\":\"posthog\",\"definition\":{\"active\":true,\"filters\":{"
                  "\"groups\":[{\"properties\":[],\"rollout_percentage\":100}],"
                  "\"multivariate\":{\"variants\":[{\"key\":\"a\",\"rollout_percentage\":50},"
                  "{\"key\":\"b\",\"rollout_percentage\":50}]}}}}");
    client_expect(admin, 200, "POST", "/ofrep/v1/evaluate/flags/shop", ask);
    check("POST", "/ofrep/v1/evaluate/flags/{key}");
    client_expect(admin, 200, "POST", "/ofrep/v1/evaluate/flags", ask);
    check("POST", "/ofrep/v1/evaluate/flags");
    assert_int_equal(json_array_size(client_at(admin, "flags")), 1);
    client_call(admin, "POST", "/ofrep/v1/evaluate/flags/none", ask);
    check("POST", "/ofrep/v1/evaluate/flags/{key}");
    assert_int_equal(admin->status, 404);
    client_call(admin, "POST", "/ofrep/v1/evaluate/flags", "{}");
    check("POST", "/ofrep/v1/evaluate/flags");
    assert_int_equal(admin->status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operation_routes_answer_without_a_key),
        cmocka_unit_test(a_history_is_newest_first_with_titles),
        cmocka_unit_test(an_item_is_found),
        cmocka_unit_test(users_are_listed_by_prefix),
        cmocka_unit_test(a_recommendation_is_logged_as_it_was_answered),
        cmocka_unit_test(the_audit_log_is_as_described),
        cmocka_unit_test(a_stranger_gets_popular_items),
        cmocka_unit_test(similar_items_are_a_decision_too),
        cmocka_unit_test(training_makes_a_model_that_serves),
        cmocka_unit_test(each_training_is_a_run),
        cmocka_unit_test(segments_routes_take_events),
        cmocka_unit_test(openfeatures_questions_are_answered),
    };
    return cmocka_run_group_tests_name("e2e/routes", tests, set_up, tear_down);
}
