/* Strange people, strange items, strange times: a running server stays sensible and says what it
 * did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schema.h"

enum { MANY = 100000, PER_CALL = 1000, OUTPUT_BYTES = 1 << 18 };

static server *treadle;
static client *admin;
static json_t *document;

static int set_up(void **state)
{
    server_set_up(state);
    treadle = *state;
    admin = client_new(treadle, treadle->admin_key);
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

static void ask(const char *question)
{
    client_expect(admin, 200, "POST", "/v1/recommend", question);
    schema_check(document, admin, "POST", "/v1/recommend");
}

static int64_t integer_at(const char *path)
{
    return json_integer_value(client_at(admin, path));
}

/* Is it among the last answer's items? */
static bool answered(const char *id)
{
    const json_t *items = client_at(admin, "items");

    for (size_t i = 0; i < json_array_size(items); i++)
        if (!strcmp(json_string_value(json_object_get(json_array_get(items, i), "id")), id))
            return true;
    return false;
}

/* One person takes i0 .. i299 again and again, every five seconds: a bot as well. */
static void post_many(void)
{
    for (int from = 0; from < MANY; from += PER_CALL) {
        tdl_buf body = {0};
        for (int k = from; k < from + PER_CALL; k++)
            tdl_buf_printf(&body,
                           "%c{\"user\":\"big\",\"kind\":\"view\",\"item\":\"i%d\",\"time\":%lld}",
                           k > from ? ',' : '[', k % 300, 1700000000000000LL + k * 5000000LL);
        tdl_buf_char(&body, ']');
        client_expect(admin, 200, "POST", "/v1/events", body.at);
        tdl_buf_release(&body);
    }
}

/* 20 people with lives of their own: item h(p + step) of 12, a day apart. */
static void post_people(void)
{
    tdl_buf body = {0};

    for (int p = 0; p < 20; p++)
        for (int s = 0; s < 10; s++)
            tdl_buf_printf(
                &body, "%c{\"user\":\"p%d\",\"kind\":\"view\",\"item\":\"h%d\",\"time\":%lld}",
                p + s ? ',' : '[', p, (p + s) % 12, 1700000000000000LL + s * 86400000000LL + p);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void train(const char *expected)
{
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    do {
        usleep(100000);
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
    } while (strcmp(client_text(admin, "training.state"), "running") == 0);
    assert_string_equal(client_text(admin, "training.state"), expected);
}

static void nothing_is_known_at_first_and_that_is_said(void **state)
{
    (void)state;
    ask("{\"surface\":\"home\",\"user\":\"anybody\"}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 0);
    assert_string_equal(client_text(admin, "short.reason"), "empty_catalogue");
}

static void one_person_and_one_item_are_answered_but_not_learnt_from(void **state)
{
    (void)state;
    client_expect(admin, 200, "POST", "/v1/events",
                  "[{\"user\":\"only\",\"kind\":\"view\",\"item\":\"one\"}]");
    ask("{\"surface\":\"home\",\"user\":\"somebody\",\"k\":3}");
    assert_true(answered("one"));
    assert_string_equal(client_text(admin, "short.reason"), "few_eligible");
    ask("{\"surface\":\"home\",\"user\":\"only\",\"k\":3}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 0); // has it already
    assert_int_equal(integer_at("short.excluded.seen_or_excluded"), 1);
    train("failed");
    assert_true(strlen(client_text(admin, "training.error.detail")) > 0 ||
                strstr(admin->body.at, "few"));
}

static void a_person_with_100000_events_is_one_person(void **state)
{
    (void)state;
    post_people();
    post_many();
    train("done"); // big is a bot: 720 events an hour, for days
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    assert_non_null(strstr(admin->body.at, "robot"));
    ask("{\"surface\":\"home\",\"user\":\"p3\",\"k\":5}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 5);
    ask("{\"surface\":\"home\",\"user\":\"big\",\"k\":5}");
    assert_false(answered("i7")); // it has seen all 300 of them
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    assert_true(integer_at("events.total") >= MANY);
    client_expect(admin, 200, "GET", "/v1/recommend/report", NULL);
    assert_int_equal(integer_at("live.robots"), 1);
    assert_int_equal(integer_at("live.lost"), 0);
    assert_true(integer_at("live.taken") < 3000); // of big its newest 2,000 moments
}

static void items_nobody_has_heard_of_are_named_and_ignored(void **state)
{
    (void)state;
    ask("{\"surface\":\"cart\",\"items\":[\"never seen\",\"h3\"],\"k\":3}");
    assert_string_equal(client_text(admin, "warnings.0.kind"), "unknown_item");
    assert_string_equal(client_text(admin, "warnings.0.item"), "never seen");
    assert_int_equal(json_array_size(client_at(admin, "items")), 3);
    ask("{\"surface\":\"cart\",\"items\":[\"never seen\",\"nor this\"],\"k\":3}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 3); // as without items
}

static const char *const ids[] = {"товар №1",    "商品-一", "🧦🧦",   "e\\u0301",
                                  "a\\\"b\\\\c", "  x  y",  "\\u202Eevil"};
enum { IDS = sizeof ids / sizeof *ids };

static void ids_are_any_text_of_any_script(void **state)
{
    char body[512];

    (void)state;
    for (size_t i = 0; i < IDS; i++) {
        snprintf(body, sizeof body, "[{\"user\":\"%s\",\"kind\":\"view\",\"item\":\"%s\"}]", ids[i],
                 ids[i]);
        client_expect(admin, 200, "POST", "/v1/events", body);
        snprintf(body, sizeof body,
                 "{\"surface\":\"cart\",\"user\":\"%s\",\"items\":[\"%s\"],\"k\":2}", ids[i],
                 ids[i]);
        ask(body);
        assert_int_equal(json_array_size(client_at(admin, "warnings")), 0); // it is known
        assert_int_equal(json_array_size(client_at(admin, "items")), 2);
    }
}

/* Of next century: refused, and why. A clock that is ahead by hours: kept and answered from. */
static void events_of_the_future_do_no_harm(void **state)
{
    char body[512];

    (void)state;
    client_expect(admin, 400, "POST", "/v1/events",
                  "[{\"user\":\"marty\",\"kind\":\"view\",\"item\":\"h5\","
                  "\"time\":\"2099-01-01T00:00:00Z\"}]");
    assert_non_null(strstr(client_text(admin, "detail"), "in the future"));
    snprintf(body, sizeof body,
             "[{\"user\":\"marty\",\"kind\":\"view\",\"item\":\"h5\",\"time\":%lld},"
             "{\"user\":\"doc\",\"kind\":\"view\",\"item\":\"h6\","
             "\"time\":\"1985-10-26T01:21:00Z\"}]",
             ((long long)time(NULL) + 20 * 3600) * 1000000);
    client_expect(admin, 200, "POST", "/v1/events", body);
    ask("{\"surface\":\"home\",\"user\":\"marty\",\"k\":5}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 5);
    assert_false(answered("h5"));
    train("done");
    ask("{\"surface\":\"home\",\"user\":\"p3\",\"k\":5}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 5);
}

/* Feedback about what was in no answer, and about an answer that never was: stored as any event. */
static void feedback_on_what_was_never_shown_changes_no_answer(void **state)
{
    char body[512];

    (void)state;
    ask("{\"surface\":\"home\",\"user\":\"p5\",\"k\":2}");
    snprintf(body, sizeof body,
             "[{\"user\":\"p5\",\"kind\":\"click\",\"item\":\"not in the answer\","
             "\"decision_id\":\"%s\"},{\"user\":\"p5\",\"kind\":\"click\",\"item\":\"h1\","
             "\"decision_id\":\"01890000-0000-7000-8000-000000000000\"}]",
             client_text(admin, "decision_id"));
    client_expect(admin, 200, "POST", "/v1/events", body);
    client_expect(admin, 200, "GET", "/v1/recommend/report?surface=home", NULL);
    schema_check(document, admin, "GET", "/v1/recommend/report");
    assert_int_equal(integer_at("surfaces.0.answers.taken"), 1); // the answer it names, no place
    assert_int_equal(integer_at("surfaces.0.outcomes.0.slots"), 0);
    ask("{\"surface\":\"home\",\"user\":\"p5\",\"k\":2}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 2);
}

static void rules_that_leave_nothing_are_named(void **state)
{
    (void)state;
    client_expect(admin, 200, "PUT", "/v1/catalogue/items",
                  "[{\"id\":\"sock\",\"title\":\"Sock\",\"price\":5,\"stock\":0},"
                  "{\"id\":\"shoe\",\"title\":\"Shoe\",\"price\":50}]");
    client_expect(admin, 200, "PUT", "/v1/recommend/surfaces/dear",
                  "{\"version\":0,\"kind\":\"home\",\"policy\":{\"where\":\"price > 1000\"}}");
    ask("{\"surface\":\"dear\",\"user\":\"x\"}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 0);
    assert_string_equal(client_text(admin, "short.reason"), "nothing_eligible");
    assert_int_equal(integer_at("short.excluded.stock"), 1);
    assert_int_equal(integer_at("short.excluded.stock") + integer_at("short.excluded.where"),
                     integer_at("short.items"));
    ask("{\"surface\":\"home\",\"user\":\"x\",\"filter\":\"price > 1000\"}");
    assert_true(integer_at("short.excluded.filter") > 0);
    assert_null(client_at(admin, "short.excluded.where"));
}

/* What a new item has had of its guaranteed impressions is counted from the log. */
static void impressions_survive_a_restart(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":1,\"filter\":\"price == 50\"}");
    assert_true(answered("shoe"));
    client_expect(admin, 200, "GET", "/v1/items/shoe", NULL);
    int64_t before = integer_at("recommend.impressions");
    assert_true(before >= 10);
    assert_int_equal(server_stop(treadle), 0);
    server_start(treadle, 0);
    client_expect(admin, 200, "GET", "/v1/items/shoe", NULL);
    assert_int_equal(integer_at("recommend.impressions"), before);
}

static void a_catalogue_that_shrinks_to_nothing_answers_nothing(void **state)
{
    char target[64];

    (void)state;
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(target, sizeof target, "/v1/catalogue/items/i%d", i);
        (void)client_call(admin, "DELETE", target, NULL);
        snprintf(target, sizeof target, "/v1/catalogue/items/h%d", i % 12);
        (void)client_call(admin, "DELETE", target, NULL);
    }
    (void)client_call(admin, "DELETE", "/v1/catalogue/items/shoe", NULL);
    (void)client_call(admin, "DELETE", "/v1/catalogue/items/sock", NULL);
    (void)client_call(admin, "DELETE", "/v1/catalogue/items/one", NULL);
    for (int i = 0; i < IDS; i++) {
        char body[200];
        snprintf(body, sizeof body, "[{\"id\":\"%s\",\"available\":false}]", ids[i]);
        client_expect(admin, 200, "PUT", "/v1/catalogue/items", body);
    }
    client_expect(admin, 200, "PUT", "/v1/catalogue/items",
                  "[{\"id\":\"not in the answer\",\"available\":false}]");
    ask("{\"surface\":\"home\",\"user\":\"x\",\"k\":3}");
    assert_int_equal(json_array_size(client_at(admin, "items")), 0);
    assert_string_equal(client_text(admin, "short.reason"), "nothing_eligible");
    assert_int_equal(integer_at("short.excluded.unavailable"), IDS + 1);
    assert_int_equal(integer_at("short.excluded.deleted") +
                         integer_at("short.excluded.unavailable"),
                     integer_at("short.items"));
    client_expect(admin, 200, "GET", "/v1/recommend?user=p3", NULL);
    schema_check(document, admin, "GET", "/v1/recommend");
    assert_int_equal(json_array_size(client_at(admin, "items")), 0);
    client_expect(admin, 200, "GET", "/v1/items/h3/similar", NULL);
    schema_check(document, admin, "GET", "/v1/items/{id}/similar");
    assert_string_equal(client_text(admin, "short.reason"), "nothing_eligible");
}

/* Every item had by as many people, all at one moment: nothing tells them apart, all are shown. */
static void where_all_is_tied_everything_is_answered_once(void **state)
{
    tdl_buf body = {0};

    (void)state;
    for (int p = 0; p < 30; p++)
        for (int s = 0; s < 5; s++)
            tdl_buf_printf(
                &body, "%c{\"user\":\"t%d\",\"kind\":\"view\",\"item\":\"tie%d\",\"time\":%lld}",
                p + s ? ',' : '[', p, (p + 2 * s) % 10, 1700000000000000LL);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
    for (int trained = 0; trained < 2; trained++) {
        ask("{\"surface\":\"home\",\"user\":\"nobody\",\"k\":20,\"explore\":false}");
        assert_int_equal(json_array_size(client_at(admin, "items")), 10);
        for (int i = 0; i < 10; i++) {
            char id[16];
            snprintf(id, sizeof id, "tie%d", i);
            assert_true(answered(id));
        }
        assert_string_equal(client_text(admin, "short.reason"), "few_eligible");
        ask("{\"surface\":\"similar\",\"items\":[\"tie3\"],\"k\":20,\"explore\":false}");
        assert_int_equal(json_array_size(client_at(admin, "items")), 9);
        if (!trained)
            train("done");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first_and_that_is_said),
        cmocka_unit_test(one_person_and_one_item_are_answered_but_not_learnt_from),
        cmocka_unit_test(a_person_with_100000_events_is_one_person),
        cmocka_unit_test(items_nobody_has_heard_of_are_named_and_ignored),
        cmocka_unit_test(ids_are_any_text_of_any_script),
        cmocka_unit_test(events_of_the_future_do_no_harm),
        cmocka_unit_test(feedback_on_what_was_never_shown_changes_no_answer),
        cmocka_unit_test(rules_that_leave_nothing_are_named),
        cmocka_unit_test(impressions_survive_a_restart),
        cmocka_unit_test(a_catalogue_that_shrinks_to_nothing_answers_nothing),
        cmocka_unit_test(where_all_is_tied_everything_is_answered_once),
    };
    return cmocka_run_group_tests_name("e2e/recommend_bad", tests, set_up, tear_down);
}
