/* The report on what was shown, and the view of an item, over HTTP. Figures are counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "fixture.h"

#include "base/timestamp.h"

/* Answer of the last call: json_decref it. */
static json_t *answer(fixture *f)
{
    json_t *ret = NULL;

    assert_int_equal(
        tdl_json_parse(tdl_str_of(f->answer.body), TDL_JSON_REFUSE_DUPLICATES, &ret, NULL), TDL_OK);
    return ret;
}

static void call(fixture *f, const char *method, const char *target, const char *key,
                 const char *body)
{
    int status = fixture_call(f, method, target, key, body);

    if (status != 200 && status != 202)
        fail_msg("%s %s: %d %s", method, target, status, f->answer.body);
}

static void stock(fixture *f)
{
    call(f, "PUT", "/v1/catalogue/items", f->write_key,
         "[{\"id\":\"shoe\",\"title\":\"Shoe\",\"price\":40},{\"id\":\"hat\",\"title\":\"Hat\"},"
         "{\"id\":\"coat\",\"title\":\"Coat\",\"available\":false}]");
}

/* Asks for a home row and clicks its first item, naming the decision or not. */
static void visit(fixture *f, const char *user, bool click, bool named)
{
    char body[300];

    snprintf(body, sizeof body, "{\"surface\":\"home\",\"user\":\"%s\",\"k\":2,\"explore\":false}",
             user);
    call(f, "POST", "/v1/recommend", f->decide_key, body);
    json_t *shown = answer(f), *first = json_array_get(json_object_get(shown, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(shown, "items")), 2);
    if (named)
        snprintf(body, sizeof body,
                 "{\"user\":\"%s\",\"kind\":\"click\",\"item\":\"%s\",\"decision_id\":\"%s\"}",
                 user, json_string_value(json_object_get(first, "id")),
                 json_string_value(json_object_get(shown, "decision_id")));
    else
        snprintf(body, sizeof body,
                 "{\"user\":\"%s\",\"kind\":\"purchase\",\"item\":\"%s\","
                 "\"value\":30}",
                 user, json_string_value(json_object_get(first, "id")));
    json_decref(shown);
    if (click)
        call(f, "POST", "/v1/events", f->write_key, body);
}

static void expect(const json_t *from, const char *outer, const char *member, double wanted)
{
    const json_t *at = outer ? json_object_get(from, outer) : from;
    double found = json_number_value(json_object_get(at, member));

    if (!(found > wanted - 1e-9 && found < wanted + 1e-9))
        fail_msg("%s is %.12g, not %.12g", member, found, wanted);
}

static void clicks_and_purchases_are_due_to_what_was_shown(void **state)
{
    fixture *f = *state;

    stock(f);
    visit(f, "u1", true, true);
    visit(f, "u2", true, false);
    visit(f, "u3", false, false);
    visit(f, "u4", false, false);
    call(f, "GET", "/v1/recommend/report", f->decide_key, NULL);
    json_t *report = answer(f);
    assert_int_equal(json_array_size(json_object_get(report, "surfaces")), 1);
    const json_t *home = json_array_get(json_object_get(report, "surfaces"), 0);
    expect(home, "answers", "n", 4);
    expect(home, "answers", "taken", 2);
    expect(home, NULL, "slots", 8);
    expect(home, NULL, "people", 4);
    expect(home, "coverage", "items", 2); // the coat is not to be had
    expect(home, "coverage", "of", 3);
    const json_t *outcomes = json_object_get(home, "outcomes");
    assert_int_equal(json_array_size(outcomes), 2);
    expect(json_array_get(outcomes, 0), NULL, "rate", .25);
    expect(json_array_get(outcomes, 1), NULL, "rate", .25);
    const json_t *positions = json_object_get(home, "positions");
    expect(json_array_get(positions, 0), NULL, "taken", 2);
    expect(json_array_get(positions, 1), NULL, "taken", 0);
    expect(report, "catalogue", "items", 3);
    expect(report, "catalogue", "available", 2);
    expect(report, "catalogue", "with_price", 1);
    json_decref(report);
}

static const json_t *find_value(const json_t *array, const char *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        const char *text = json_string_value(json_object_get(one, "value"));
        if (value ? text && !strcmp(text, value) : json_is_null(json_object_get(one, "value")))
            return one;
    }
    fail_msg("there is no value %s", value ? value : "null");
    return NULL;
}

static void people_are_told_apart_by_the_trait_that_a_policy_names(void **state)
{
    fixture *f = *state;

    stock(f);
    call(f, "PUT", "/v1/recommend/surfaces/home", f->admin_key,
         "{\"version\":0,\"policy\":{\"segment\":\"country\"}}");
    call(f, "POST", "/v1/batch", f->write_key,
         "{\"batch\":[{\"type\":\"identify\",\"userId\":\"u1\",\"traits\":{\"country\":\"PT\"}},"
         "{\"type\":\"identify\",\"userId\":\"u2\",\"traits\":{\"country\":\"PT\"}},"
         "{\"type\":\"identify\",\"userId\":\"u3\",\"traits\":{\"country\":\"NO\"}}]}");
    visit(f, "u1", true, true);
    visit(f, "u2", false, false);
    visit(f, "u3", false, false);
    visit(f, "u4", true, true); // says nothing of a country
    call(f, "GET", "/v1/recommend/report", f->decide_key, NULL);
    json_t *report = answer(f);
    const json_t *home = json_array_get(json_object_get(report, "surfaces"), 0);
    const json_t *traits = json_object_get(home, "traits");
    assert_string_equal(json_string_value(json_object_get(report, "trait")), "country");
    assert_int_equal(json_array_size(traits), 3);
    expect(find_value(traits, "PT"), NULL, "n", 2);
    expect(find_value(traits, "PT"), NULL, "rate", .5);
    expect(find_value(traits, "PT"), NULL, "slots", 4);
    expect(find_value(traits, "PT"), NULL, "items", 2);
    expect(find_value(traits, "PT"), NULL, "coverage", 2. / 3);
    expect(find_value(traits, "NO"), NULL, "rate", 0);
    expect(find_value(traits, NULL), NULL, "rate", 1);
    assert_true(json_is_null(json_object_get(home, "trait_parity"))); // none has 30 answers
    json_decref(report);
}

static void whose_items_were_shown_stands_beside_whose_items_there_are(void **state)
{
    fixture *f = *state;

    call(f, "PUT", "/v1/catalogue/items", f->write_key,
         "[{\"id\":\"shoe\",\"seller\":\"Ana\",\"categories\":[\"feet\",\"leather\"]},"
         "{\"id\":\"hat\",\"seller\":\"Bo\",\"categories\":[\"head\",\"leather\"]},"
         "{\"id\":\"coat\",\"seller\":\"Bo\",\"available\":false},{\"id\":\"sock\","
         "\"available\":false}]");
    visit(f, "u1", true, true); // the shoe and the hat, of whom one is clicked
    visit(f, "u2", false, false);
    call(f, "GET", "/v1/recommend/report", f->decide_key, NULL);
    json_t *report = answer(f);
    const json_t *home = json_array_get(json_object_get(report, "surfaces"), 0);
    const json_t *sellers = json_object_get(home, "sellers"),
                 *categories = json_object_get(home, "categories");
    assert_int_equal(json_array_size(sellers), 3);
    expect(find_value(sellers, "Ana"), NULL, "share", .5);
    expect(find_value(sellers, "Ana"), NULL, "share_of_items", .25);
    expect(find_value(sellers, "Bo"), NULL, "share", .5);
    expect(find_value(sellers, "Bo"), NULL, "share_of_items", .5);
    expect(find_value(sellers, NULL), NULL, "share", 0); // the sock's
    expect(find_value(categories, "leather"), NULL, "share", 1);
    expect(find_value(categories, "leather"), NULL, "taken", 1);
    expect(find_value(categories, "head"), NULL, "n", 2);
    json_decref(report);
}

static void the_report_says_what_is_learnt_live_and_why_the_log_cannot_compare(void **state)
{
    fixture *f = *state;
    char body[300];

    stock(f);
    visit(f, "u1", true, true);
    snprintf(
        body, sizeof body,
        "[{\"user\":\"u2\",\"kind\":\"view\",\"item\":\"hat\",\"time\":%lld},{\"user\":\"crawler\","
        "\"kind\":\"view\",\"item\":\"hat\",\"properties\":{\"bot\":true}}]",
        (long long)tdl_time_now() + 3600000000LL);
    call(f, "POST", "/v1/events", f->write_key, body);
    call(f, "GET", "/v1/recommend/report", f->decide_key, NULL);
    json_t *report = answer(f), *live = json_object_get(report, "live");
    const json_t *home = json_array_get(json_object_get(report, "surfaces"), 0);
    expect(live, NULL, "people", 3);
    expect(live, NULL, "items", 3);
    expect(live, NULL, "taken", 3);
    expect(live, NULL, "robots", 1);
    expect(live, NULL, "of_the_future", 1);
    expect(live, NULL, "lost", 0);
    assert_true(json_integer_value(json_object_get(live, "ring_bytes")) > 0);
    assert_true(json_is_null(json_object_get(report, "trait")));
    assert_int_equal(json_array_size(json_object_get(home, "traits")), 0);
    /* popularity alone answered */
    assert_int_equal(json_array_size(json_object_get(home, "what_if")), 0);
    assert_string_equal(json_string_value(json_object_get(home, "what_if_missing")), "no_parts");
    json_decref(report);
}

static void a_stretch_without_answers_is_empty_and_nonsense_is_refused(void **state)
{
    fixture *f = *state;

    stock(f);
    visit(f, "u1", true, true);
    call(f, "GET", "/v1/recommend/report?from=2020-01-01&to=2020-02-01", f->decide_key, NULL);
    json_t *report = answer(f);
    assert_int_equal(json_array_size(json_object_get(report, "surfaces")), 0);
    expect(report, NULL, "decisions", 0);
    json_decref(report);
#define STATUS(query) fixture_call(f, "GET", "/v1/recommend/report" query, f->decide_key, NULL)
    assert_int_equal(STATUS("?from=yesterday"), 400);
    assert_non_null(strstr(f->answer.body, "from"));
    assert_int_equal(STATUS("?from=2020-02-01&to=2020-01-01"), 400);
    assert_int_equal(STATUS("?from=2018-02-01&to=2020-01-01"), 400);
    assert_int_equal(STATUS("?surface=shelf"), 404);
    assert_non_null(strstr(f->answer.body, "home, similar, cart, email"));
    assert_int_equal(STATUS("?item=zebra"), 404);
    assert_int_equal(fixture_call(f, "GET", "/v1/recommend/report", f->write_key, NULL), 403);
}

static void an_item_says_who_has_it_and_why_it_is_kept_out(void **state)
{
    fixture *f = *state;

    stock(f);
    visit(f, "u1", true, true);
    call(f, "GET", "/v1/items/coat", f->decide_key, NULL);
    json_t *coat = answer(f), *known = json_object_get(coat, "recommend");
    assert_string_equal(json_string_value(json_object_get(coat, "title")), "Coat");
    expect(known, NULL, "users", 0);
    assert_true(json_is_null(json_object_get(known, "model")));
    json_t *surfaces = json_object_get(known, "surfaces");
    assert_int_equal(json_array_size(surfaces), 4);
    assert_string_equal(json_string_value(json_object_get(json_array_get(surfaces, 0), "kept_out")),
                        "unavailable");
    json_t *similar = json_object_get(json_object_get(known, "similar"), "items");
    assert_int_equal(json_array_size(similar), 2); // looked at from a page, and not logged
    json_decref(coat);
    call(f, "GET", "/v1/decisions", f->decide_key, NULL);
    json_t *log = answer(f);
    assert_int_equal(json_array_size(json_object_get(log, "decisions")), 1);
    json_decref(log);
    assert_int_equal(fixture_call(f, "GET", "/v1/items/zebra", f->decide_key, NULL), 404);
}

static void a_change_of_a_policy_is_in_the_audit_log(void **state)
{
    fixture *f = *state;

    call(f, "PUT", "/v1/recommend/surfaces/home", f->admin_key,
         "{\"version\":0,\"policy\":{\"seen\":\"7d\"}}");
    assert_int_equal(fixture_call(f, "PUT", "/v1/recommend/surfaces/home", f->admin_key,
                                  "{\"version\":0,\"policy\":{}}"),
                     409);
    call(f, "GET", "/v1/audit?limit=1", f->admin_key, NULL);
    assert_non_null(strstr(f->answer.body, "\"action\":\"surface.put\""));
    assert_non_null(strstr(f->answer.body, "\"surface\":\"home\""));
    assert_null(strstr(f->answer.body, "\"actor\":\"server\"")); // the key's own id
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(clicks_and_purchases_are_due_to_what_was_shown),
        TEST(people_are_told_apart_by_the_trait_that_a_policy_names),
        TEST(whose_items_were_shown_stands_beside_whose_items_there_are),
        TEST(the_report_says_what_is_learnt_live_and_why_the_log_cannot_compare),
        TEST(a_stretch_without_answers_is_empty_and_nonsense_is_refused),
        TEST(an_item_says_who_has_it_and_why_it_is_kept_out),
        TEST(a_change_of_a_policy_is_in_the_audit_log),
    };

    return cmocka_run_group_tests_name("http/shown", tests, NULL, NULL);
}
