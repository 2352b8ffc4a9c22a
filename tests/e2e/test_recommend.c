/* Surfaces on a running server: rules, what an answer says of itself, and what its row keeps. Every
 * answer is checked against the server's own OpenAPI document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema.h"

static server *treadle;
static client *admin;
static json_t *document;

static void ask(const char *question)
{
    client_expect(admin, 200, "POST", "/v1/recommend", question);
    schema_check(document, admin, "POST", "/v1/recommend");
}

/* The ids of the last answer, one after the other. */
static void expect_items(const char *expected)
{
    const json_t *items = client_at(admin, "items");
    char found[256] = "";

    for (size_t i = 0; i < json_array_size(items); i++) {
        strncat(found, i ? " " : "", sizeof found - strlen(found) - 1);
        strncat(found, json_string_value(json_object_get(json_array_get(items, i), "id")),
                sizeof found - strlen(found) - 1);
    }
    assert_string_equal(found, expected);
}

static int64_t integer_at(const char *path)
{
    return json_integer_value(client_at(admin, path));
}

/* Eight items, each taken by as many as stands in `takers`: a is the most popular. */
static int set_up(void **state)
{
    static const char *const items =
        "[{\"id\":\"a\",\"title\":\"A\",\"price\":40,\"seller\":\"s1\",\"categories\":[\"shoes\"]},"
        "{\"id\":\"b\",\"title\":\"B\",\"price\":60,\"seller\":\"s1\",\"categories\":[\"shoes\"]},"
        "{\"id\":\"c\",\"title\":\"C\",\"price\":10,\"seller\":\"s2\",\"stock\":0},"
        "{\"id\":\"d\",\"title\":\"D\",\"price\":15,\"seller\":\"s2\"},"
        "{\"id\":\"e\",\"title\":\"E\",\"price\":5,\"tags\":[\"new\"],\"regions\":[\"PT\"]},"
        "{\"id\":\"f\",\"title\":\"F\",\"expires_at\":\"2020-01-01T00:00:00Z\"},"
        "{\"id\":\"g\",\"title\":\"G\",\"available\":false},"
        "{\"id\":\"h\",\"title\":\"H\",\"price\":90,\"attributes\":{\"variant_of\":\"a\"}}]";
    static const int takers[] = {8, 7, 6, 5, 4, 3, 2, 1};
    tdl_buf body = {0};

    server_set_up(state);
    treadle = *state;
    admin = client_new(treadle, treadle->admin_key);
    client_expect(admin, 200, "GET", "/openapi.json", NULL);
    document = json_incref(admin->json);
    client_expect(admin, 200, "PUT", "/v1/catalogue/items", items);
    for (int i = 0; i < 8; i++)
        for (int u = 0; u < takers[i]; u++)
            tdl_buf_printf(&body, "%c{\"user\":\"v%d\",\"kind\":\"view\",\"item\":\"%c\"}",
                           i + u ? ',' : '[', u, 'a' + i);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
    return 0;
}

static int tear_down(void **state)
{
    json_decref(document);
    client_free(admin);
    return server_tear_down(state);
}

static void put(const char *name, const char *policy)
{
    char target[100], body[2048];

    snprintf(target, sizeof target, "/v1/recommend/surfaces/%s", name);
    int status = client_call(admin, "GET", target, NULL);
    snprintf(body, sizeof body, "{\"version\":%lld,\"kind\":\"home\",\"policy\":%s}",
             status == 200 ? (long long)integer_at("version") : 0, policy);
    client_expect(admin, 200, "PUT", target, body);
    schema_check(document, admin, "PUT", "/v1/recommend/surfaces/{name}");
}

static void what_may_not_be_shown_is_not_ranked(void **state)
{
    (void)state;
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":8,\"explore\":false}");
    // c is out of stock, f has expired, g is not available; region is not said
    assert_int_equal(json_array_size(client_at(admin, "items")), 5);
    assert_int_equal(integer_at("short.eligible"), 5);
    assert_string_equal(client_text(admin, "short.reason"), "few_eligible");
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":4,\"explore\":false,"
        "\"context\":{\"region\":\"ES\"}}");
    assert_null(strstr(admin->body.at, "\"id\":\"e\"")); // sold in Portugal alone
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":1,\"explore\":false,"
        "\"filter\":\"tag('new')\",\"context\":{\"region\":\"PT\"}}");
    expect_items("e"); // filtered before the best are taken
    ask("{\"surface\":\"home\",\"user\":\"x\",\"explore\":false,\"filter\":\"price > 1000\"}");
    expect_items("");
    assert_string_equal(client_text(admin, "short.reason"), "nothing_eligible");
}

static void what_was_seen_and_what_is_excluded_stay_away(void **state)
{
    (void)state;
    ask("{\"surface\":\"home\",\"user\":\"v7\",\"k\":8,\"explore\":false,\"exclude\":[\"b\"]}");
    assert_null(strstr(admin->body.at, "\"id\":\"a\"")); // v7 has taken it
    assert_null(strstr(admin->body.at, "\"id\":\"b\""));
}

static void rules_change_the_answer_and_are_named_in_it(void **state)
{
    (void)state;
    put("shelf", "{\"diversity\":{\"kind\":\"off\"},\"explore\":{\"kind\":\"off\"},"
                 "\"where\":\"price < 80\","
                 "\"boost\":[{\"name\":\"cheap\",\"when\":\"price < 10\",\"by\":9}],"
                 "\"pin\":[{\"name\":\"first\",\"slot\":1,\"item\":\"d\"}],"
                 "\"cap\":[{\"name\":\"one each\",\"attribute\":\"seller\",\"most\":1}]}");
    ask("{\"surface\":\"shelf\",\"user\":\"x\",\"k\":3}");
    expect_items("d e a");
    assert_string_equal(client_text(admin, "items.0.source"), "pin");
    assert_string_equal(client_text(admin, "items.0.rules.0"), "first");
    assert_string_equal(client_text(admin, "items.1.rules.0"), "cheap");
    assert_string_equal(client_text(admin, "items.1.why.1.effect"), "boost");
    assert_true(json_real_value(client_at(admin, "items.2.propensity")) == 1 ||
                integer_at("items.2.propensity") == 1);
}

static void a_decision_keeps_each_place_with_its_draw(void **state)
{
    char target[100];

    (void)state;
    put("lottery", "{\"explore\":{\"kind\":\"plackett_luce\",\"temperature\":2,\"from_slot\":1},"
                   "\"diversity\":{\"kind\":\"off\"},"
                   "\"pin\":[{\"name\":\"p\",\"slot\":2,\"item\":\"d\"}]}");
    ask("{\"surface\":\"lottery\",\"user\":\"x\",\"k\":3}");
    double propensity = json_number_value(client_at(admin, "items.0.propensity"));
    assert_true(propensity > 0 && propensity < 1);
    assert_string_equal(client_text(admin, "items.1.id"), "d");
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(admin, "decision_id"));
    client_expect(admin, 200, "GET", target, NULL);
    schema_check(document, admin, "GET", "/v1/decisions/{id}");
    assert_true(fabs(json_number_value(client_at(admin, "candidates.0.propensity")) - propensity) <
                1e-8);
    double u = json_number_value(client_at(admin, "why.0.slot.u"));
    assert_true(u > 0 && u < 1);
    assert_int_equal(integer_at("why.0.slot.pool"), 4); // a, b, e, h; d is pinned
    assert_true(json_is_true(client_at(admin, "why.1.slot.forced")));
    assert_string_equal(client_text(admin, "why.1.rules.0"), "p");
}

static void similar_leaves_out_the_item_and_its_variants(void **state)
{
    (void)state;
    ask("{\"surface\":\"similar\",\"items\":[\"a\",\"nothing\"],\"k\":8,\"explore\":false}");
    expect_items("b d e"); // h is a in another colour
    assert_string_equal(client_text(admin, "warnings.0.item"), "nothing");
    ask("{\"surface\":\"cart\",\"items\":[\"b\",\"d\"],\"k\":8,\"explore\":false}");
    expect_items("a e h");
}

static void an_email_repeats_nothing_and_is_not_sent_too_often(void **state)
{
    (void)state;
    ask("{\"surface\":\"email\",\"user\":\"m\",\"k\":2,\"explore\":false}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 2);
    const char *first = client_text(admin, "items.0.id");
    char id[8];
    snprintf(id, sizeof id, "%s", first);
    ask("{\"surface\":\"email\",\"user\":\"m\",\"k\":2,\"explore\":false}");
    assert_string_not_equal(client_text(admin, "items.0.id"), id);
    assert_string_not_equal(client_text(admin, "items.1.id"), id);
    ask("{\"surface\":\"email\",\"user\":\"m\",\"k\":2}");
    assert_string_equal(client_text(admin, "suppressed"), "frequency");
    expect_items("");
    client_expect(admin, 200, "POST", "/v1/events",
                  "[{\"user\":\"n\",\"kind\":\"$identify\",\"traits\":{\"unsubscribed\":true}}]");
    ask("{\"surface\":\"email\",\"user\":\"n\",\"k\":2}");
    assert_string_equal(client_text(admin, "suppressed"), "rule");
    client_expect(admin, 400, "POST", "/v1/recommend", "{\"surface\":\"email\"}");
}

static void a_stale_version_and_contradicting_rules_are_refused(void **state)
{
    const char *target = "/v1/recommend/surfaces/cart";

    (void)state;
    client_expect(admin, 200, "PUT", target, "{\"version\":0,\"policy\":{\"seen\":\"1d\"}}");
    client_expect(admin, 409, "PUT", target, "{\"version\":0,\"policy\":{}}");
    schema_check(document, admin, "PUT", "/v1/recommend/surfaces/{name}");
    client_expect(admin, 400, "PUT", target,
                  "{\"version\":1,\"policy\":{\"pin\":[{\"name\":\"p\",\"slot\":1,\"item\":\"a\"},"
                  "{\"name\":\"q\",\"slot\":1,\"item\":\"b\"}]}}");
    assert_non_null(strstr(client_text(admin, "detail"), "\"p\" and \"q\""));
    client_expect(admin, 400, "PUT", target,
                  "{\"version\":1,\"policy\":{\"where\":\"prize < 3\"}}");
    assert_non_null(strstr(client_text(admin, "detail"), "at position 1 (nearest: price)"));
    client_expect(admin, 404, "GET", "/v1/recommend/surfaces/none", NULL);
    client_expect(admin, 200, "GET", "/v1/recommend/surfaces", NULL);
    schema_check(document, admin, "GET", "/v1/recommend/surfaces");
    client_expect(admin, 200, "GET", target, NULL);
    schema_check(document, admin, "GET", "/v1/recommend/surfaces/{name}");
    assert_int_equal(integer_at("version"), 1);
}

static void policies_survive_a_restart(void **state)
{
    (void)state;
    put("kept", "{\"where\":\"price < 12\",\"explore\":{\"kind\":\"off\"}}");
    assert_int_equal(server_stop(treadle), 0);
    server_start(treadle, 0);
    ask("{\"surface\":\"kept\",\"user\":\"x\",\"k\":2}");
    expect_items("e");
    assert_int_equal(integer_at("policy"), 1);
}

static void a_preview_shows_a_draft_and_leaves_nothing_behind(void **state)
{
    (void)state;
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    int64_t decisions = integer_at("store.decisions");
    client_expect(admin, 200, "POST", "/v1/recommend/preview",
                  "{\"surface\":\"home\",\"user\":\"x\",\"k\":2,"
                  "\"policy\":{\"where\":\"price < 12\"}}");
    schema_check(document, admin, "POST", "/v1/recommend/preview");
    expect_items("e");
    assert_non_null(strstr(admin->body.at, "\"reason\":\"where\""));
    assert_true(json_is_null(client_at(admin, "decision_id")));
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    assert_int_equal(integer_at("store.decisions"), decisions);
    client_expect(admin, 400, "POST", "/v1/recommend/preview",
                  "{\"surface\":\"home\",\"policy\":{\"where\":\"(\"}}");
}

static void a_bad_line_of_a_batch_fails_alone(void **state)
{
    (void)state;
    assert_int_equal(client_call(admin, "POST", "/v1/recommend/batch",
                                 "{\"surface\":\"home\",\"user\":\"x\",\"k\":1}\n"
                                 "{\"surface\":\"home\",\"k\":0}\n\n"
                                 "nonsense\n"
                                 "{\"surface\":\"home\",\"user\":\"y\",\"k\":1}"),
                     200);
    size_t lines = 0, bad = 0, good = 0;
    for (char *line = strtok(admin->body.at, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        json_t *answer = json_loads(line, 0, NULL);
        assert_non_null(answer);
        bad += json_object_get(answer, "error") != NULL;
        good += json_is_string(json_object_get(answer, "decision_id"));
        json_decref(answer);
    }
    assert_int_equal(lines, 4);
    assert_int_equal(bad, 2);
    assert_int_equal(good, 2);
}

static void report_and_item_view_are_what_the_document_says(void **state)
{
    (void)state;
    ask("{\"surface\":\"home\",\"user\":\"v1\",\"k\":2}");
    client_expect(admin, 200, "GET", "/v1/recommend/report", NULL);
    schema_check(document, admin, "GET", "/v1/recommend/report");
    client_expect(admin, 200, "GET", "/v1/recommend/report?surface=home&item=a", NULL);
    schema_check(document, admin, "GET", "/v1/recommend/report");
    assert_true(integer_at("surfaces.0.answers.n") > 0);
    assert_int_equal(integer_at("item.users"), 8);
    client_expect(admin, 404, "GET", "/v1/recommend/report?surface=none", NULL);
    schema_check(document, admin, "GET", "/v1/recommend/report");
    client_expect(admin, 200, "GET", "/v1/items/g", NULL);
    schema_check(document, admin, "GET", "/v1/items/{id}");
    assert_string_equal(client_text(admin, "recommend.surfaces.0.kept_out"), "unavailable");
    client_expect(admin, 404, "GET", "/v1/items/none/similar", NULL);
    schema_check(document, admin, "GET", "/v1/items/{id}/similar");
}

/* Beside the running server, on its folder. */
static void expect_command(const char *const *arguments, int status, const char *part)
{
    char output[8192];
    int found = status ? server_command_errors(arguments, output, sizeof output)
                       : server_command(arguments, output, sizeof output);

    if (found != status || !strstr(output, part))
        fail_msg("%d, and \"%s\" is not in: %s", found, part, output);
}

#define COMMAND(status, part, ...)                                                                 \
    expect_command((const char *const[]){"recommend", __VA_ARGS__, "--data", treadle->data, NULL}, \
                   status, part)

static void the_command_line_says_the_same(void **state)
{
    (void)state;
    COMMAND(0, "\"surface\":\"home\"", "--user", "v1", "--surface", "home", "-k", "2", "--json");
    COMMAND(0, "decision ", "--user", "v1", "-k", "2");
    COMMAND(0, "  1  b ", "--surface", "similar", "--items", "a", "--filter", "price == 60");
    COMMAND(0, "email", "surfaces");
    COMMAND(0, "\"surfaces\":[{\"name\":\"home\"", "surfaces", "--json");
    COMMAND(0, "home\n", "report", "--days", "1");
    COMMAND(0, "a: 8 people have it", "report", "--item", "a");
    COMMAND(0, "\"surfaces\":[{\"surface\":", "report", "--json");
    setenv("TREADLE_LANG", "zh", 1);
    COMMAND(0, "决策 ", "--user", "v1", "-k", "2");
    COMMAND(0, "推荐位", "surfaces");
    COMMAND(0, "个回答", "report");
    COMMAND(0, "为哪位用户", "--help");
    unsetenv("TREADLE_LANG");
    COMMAND(1, "there is no surface \"nowhere\"", "--surface", "nowhere");
    COMMAND(1, "there is no surface \"nowhere\"", "report", "--surface", "nowhere");
    COMMAND(2, "did you mean \"treadle recommend report\"?", "repord");
    COMMAND(2, "options begin with two dashes", "-kk", "2");
    COMMAND(2, "--k", "-k", "0");
}

static void questions_that_make_no_sense_are_refused_by_name(void **state)
{
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"[]", "must be an object"},
        {"{}", "surface is missing"},
        {"{\"surface\":\"nowhere\",\"k\":101}", "k must be an integer from 1 to 100"},
        {"{\"surface\":\"home\",\"k\":0}", "k must be an integer from 1 to 100"},
        {"{\"surface\":\"home\",\"k\":\"3\"}", "k must be an integer"},
        {"{\"surface\":\"home\",\"items\":\"a\"}", "items must be an array"},
        {"{\"surface\":\"home\",\"exclude\":[3]}", "exclude: element 0 must be an id"},
        {"{\"surface\":\"home\",\"context\":[]}", "context must be an object"},
        {"{\"surface\":\"home\",\"filter\":\"price <\"}", "filter: the expression ends too early"},
        {"{\"surface\":\"home\",\"filter\":\"colour == 1\"}", "filter: no item has the attribute"},
        {"{\"surface\":\"home\",\"explain\":9}", "explain must be an integer from 0 to 3"},
        {"{\"surface\":\"home\",\"explore\":1}", "explore must be true or false"},
        {"{\"surface\":\"home\",\"policy\":{}}", "there is no field \"policy\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        client_expect(admin, 400, "POST", "/v1/recommend", cases[i].body);
        if (!strstr(client_text(admin, "detail"), cases[i].message))
            fail_msg("%s: %s", cases[i].body, client_text(admin, "detail"));
    }
    client_expect(admin, 404, "POST", "/v1/recommend", "{\"surface\":\"nowhere\"}");
    assert_non_null(strstr(client_text(admin, "detail"), "home, similar, cart, email"));
}

static void items_are_changed_deleted_and_imported(void **state)
{
    (void)state;
    client_expect(admin, 200, "PATCH", "/v1/catalogue/items/h",
                  "{\"price\":3,\"attributes\":{\"variant_of\":null}}");
    schema_check(document, admin, "PATCH", "/v1/catalogue/items/{id}");
    assert_true(json_is_null(client_at(admin, "attributes")));
    client_expect(admin, 200, "DELETE", "/v1/catalogue/items/h", NULL);
    schema_check(document, admin, "DELETE", "/v1/catalogue/items/{id}");
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":8,\"explore\":false}");
    assert_null(strstr(admin->body.at, "\"id\":\"h\""));
    client_expect(admin, 200, "GET", "/v1/catalogue/items/h", NULL);
    schema_check(document, admin, "GET", "/v1/catalogue/items/{id}");
    assert_string_equal(client_text(admin, "title"), "H"); // what refers to it has its name
    client_expect(admin, 200, "PATCH", "/v1/catalogue/items/h", "{}");
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":8,\"explore\":false}");
    assert_non_null(strstr(admin->body.at, "\"id\":\"h\""));
    client_expect(admin, 404, "PATCH", "/v1/catalogue/items/none", "{}");
    client_expect(admin, 400, "PATCH", "/v1/catalogue/items/h", "{\"price\":-1}");

    client_expect(admin, 200, "POST", "/v1/catalogue/import",
                  "id,title,price,tags,size\ni1,One,3,new|red,4\ni2,Two,-3,,\ni1,Again,4,,\n");
    schema_check(document, admin, "POST", "/v1/catalogue/import");
    assert_int_equal(integer_at("stored"), 1);
    assert_int_equal(integer_at("refused"), 2);
    assert_int_equal(integer_at("rejected.0.line"), 3);
    client_expect(admin, 200, "POST", "/v1/catalogue/import?replace=true",
                  "{\"id\":\"i3\",\"price\":1}\n{\"id\":\"i3\",\"price\":2}\n{\"id\"\n");
    assert_int_equal(integer_at("stored"), 1);
    assert_int_equal(integer_at("rejected.0.line"), 3);
    client_expect(admin, 200, "GET", "/v1/items/i3", NULL);
    assert_int_equal(integer_at("price"), 2);
    client_expect(admin, 400, "POST", "/v1/catalogue/import", "");
}

/* Twelve people walk through the same forty items in order; the model learns what comes next. */
static void a_trained_model_answers_with_its_reasons(void **state)
{
    char target[100];
    tdl_buf body = {0};

    (void)state;
    for (int u = 0; u < 12; u++)
        for (int k = 0; k < 15; k++)
            tdl_buf_printf(
                &body, "%c{\"user\":\"t%d\",\"kind\":\"view\",\"item\":\"m%d\",\"time\":%lld}",
                u + k ? ',' : '[', u, (u * 3 + k) % 40, 1500000000000000LL + k * 86400000000LL + u);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    do {
        usleep(100000);
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
    } while (strcmp(client_text(admin, "training.state"), "running") == 0);
    assert_string_equal(client_text(admin, "training.state"), "done");

    ask("{\"surface\":\"home\",\"user\":\"t2\",\"k\":3,\"explain\":2,\"explore\":false}");
    assert_string_equal(client_text(admin, "items.0.id"), "m21"); // t2 went from m6 to m20
    assert_string_equal(client_text(admin, "items.0.why.0.item"), "m20");
    assert_string_not_equal(client_text(admin, "items.0.source"), "popularity");
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(admin, "decision_id"));
    client_expect(admin, 200, "GET", target, NULL);
    schema_check(document, admin, "GET", "/v1/decisions/{id}");
    assert_string_equal(client_text(admin, "why.0.reasons.0.item"), "m20");
    ask("{\"surface\":\"cart\",\"items\":[\"m9\",\"m10\"],\"k\":1,\"explore\":false}");
    expect_items("m11");
    ask("{\"surface\":\"home\",\"user\":\"t2\",\"k\":1,\"explore\":false,"
        "\"filter\":\"price < 10\"}");
    expect_items("e"); // far below what the model knows
    assert_string_equal(client_text(admin, "items.0.source"), "popularity");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_be_shown_is_not_ranked),
        cmocka_unit_test(what_was_seen_and_what_is_excluded_stay_away),
        cmocka_unit_test(rules_change_the_answer_and_are_named_in_it),
        cmocka_unit_test(a_decision_keeps_each_place_with_its_draw),
        cmocka_unit_test(similar_leaves_out_the_item_and_its_variants),
        cmocka_unit_test(an_email_repeats_nothing_and_is_not_sent_too_often),
        cmocka_unit_test(a_stale_version_and_contradicting_rules_are_refused),
        cmocka_unit_test(a_preview_shows_a_draft_and_leaves_nothing_behind),
        cmocka_unit_test(a_bad_line_of_a_batch_fails_alone),
        cmocka_unit_test(report_and_item_view_are_what_the_document_says),
        cmocka_unit_test(the_command_line_says_the_same),
        cmocka_unit_test(questions_that_make_no_sense_are_refused_by_name),
        cmocka_unit_test(policies_survive_a_restart),
        cmocka_unit_test(items_are_changed_deleted_and_imported),
        cmocka_unit_test(a_trained_model_answers_with_its_reasons),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
