/* An event changes the next answer with no retraining, and rewards join their decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum { ITEMS = 60, USERS = 40, SEEN = 12 };

/* Users walk along the catalogue: whoever has seen item i goes on to item i + 1. */
static void fill(client *c)
{
    tdl_buf body = {0};

    for (int u = 0; u < USERS; u++)
        for (int k = 0; k < SEEN; k++)
            tdl_buf_printf(
                &body, "%c{\"user\":\"u%d\",\"kind\":\"view\",\"item\":\"i%d\",\"time\":%lld}",
                u + k ? ',' : '[', u, (u + k) % ITEMS, 1500000000000000LL + k * 3600000000LL);
    tdl_buf_char(&body, ']');
    client_expect(c, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void train(client *c)
{
    client_expect(c, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int i = 0; i < 600; i++) {
        client_expect(c, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(c, "training.state"), "running") != 0)
            break;
        usleep(100000);
    }
    assert_string_equal(client_text(c, "training.state"), "done");
}

static bool answer_holds(const client *c, const char *item)
{
    char path[40];

    for (size_t i = 0; i < json_array_size(client_at(c, "items")); i++) {
        snprintf(path, sizeof path, "items.%zu.id", i);
        if (!strcmp(client_text(c, path), item))
            return true;
    }
    return false;
}

static void send_view(client *c, const char *user, const char *item, const char *decision_id)
{
    char body[400];

    snprintf(body, sizeof body,
             "{\"user\":\"%s\",\"kind\":\"view\",\"item\":\"%s\",\"decision_id\":\"%s\"}", user,
             item, decision_id);
    client_expect(c, 200, "POST", "/v1/events", body);
}

/* Two steps in another place of the catalogue: enough to outweigh the steps before. */
static void jump(client *c, const char *user)
{
    send_view(c, user, "i30", "");
    send_view(c, user, "i31", "");
}

static void the_next_answer_lacks_the_seen_item_and_follows_it(void **state)
{
    const server *s = *state;
    client *c = client_new(s, s->admin_key);
    char model[100], hash[40], target[100], seen[40];

    fill(c);
    train(c);
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(model, sizeof model, "%s", client_text(c, "model"));
    snprintf(seen, sizeof seen, "%s", client_text(c, "items.0.id"));
    assert_string_equal(seen, "i15"); // u3 has seen i3 ... i14
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(c, "decision_id"));
    client_expect(c, 200, "GET", target, NULL);
    snprintf(hash, sizeof hash, "%s", client_text(c, "context_hash"));
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    assert_false(answer_holds(c, "i32"));
    jump(c, "u3");
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    assert_string_equal(client_text(c, "model"), model); // no retraining
    assert_false(answer_holds(c, "i30") || answer_holds(c, "i31"));
    assert_string_equal(client_text(c, "items.0.id"), "i32");
    assert_string_equal(client_text(c, "items.0.reasons.0.item"), "i31");
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(c, "decision_id"));
    client_expect(c, 200, "GET", target, NULL);
    assert_string_not_equal(client_text(c, "context_hash"), hash);
    client_free(c);
}

static void a_stranger_becomes_known_with_the_first_event(void **state)
{
    const server *s = *state;
    client *c = client_new(s, s->admin_key);

    fill(c);
    train(c);
    client_expect(c, 200, "GET", "/v1/recommend?user=new", NULL);
    assert_string_equal(client_text(c, "fallback"), "stranger");
    send_view(c, "new", "i20", "");
    client_expect(c, 200, "GET", "/v1/recommend?user=new", NULL);
    assert_true(json_is_null(client_at(c, "fallback")));
    assert_string_equal(client_text(c, "items.0.id"), "i21");
    client_free(c);
}

/* What somebody did before signing in counts after it, under either id, and after a restart. */
static void an_identified_person_keeps_the_history_of_the_anonymous_one(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);

    fill(c);
    train(c);
    send_view(c, "anon", "i20", "");
    client_expect(c, 200, "POST", "/v1/identify",
                  "{\"userId\":\"ann\",\"anonymousId\":\"anon\",\"traits\":{\"plan\":\"pro\"}}");
    client_expect(c, 200, "GET", "/v1/recommend?user=ann", NULL);
    assert_string_equal(client_text(c, "items.0.id"), "i21");
    send_view(c, "anon", "i30", ""); // late, from the anonymous one's queue
    client_expect(c, 200, "GET", "/v1/recommend?user=ann", NULL);
    assert_string_equal(client_text(c, "items.0.id"), "i31");
    client_expect(c, 200, "GET", "/v1/events?user=anon&limit=9", NULL);
    assert_int_equal(json_array_size(client_at(c, "events")), 3);
    assert_string_equal(client_text(c, "events.0.kind"), "view");
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_start(s, 0);
    c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/recommend?user=anon", NULL);
    assert_string_equal(client_text(c, "items.0.id"), "i31");
    client_free(c);
}

static void rewards_join_the_decision_they_name(void **state)
{
    const server *s = *state;
    client *c = client_new(s, s->admin_key);
    char decision[40], item[40], target[100], body[400];

    fill(c);
    client_expect(c, 200, "GET", "/v1/recommend?user=u1&n=3", NULL);
    snprintf(decision, sizeof decision, "%s", client_text(c, "decision_id"));
    snprintf(item, sizeof item, "%s", client_text(c, "items.1.id"));
    snprintf(target, sizeof target, "/v1/decisions/%s", decision);
    client_expect(c, 200, "GET", target, NULL);
    assert_int_equal(json_array_size(client_at(c, "rewards")), 0);
    send_view(c, "u1", item, decision);
    snprintf(body, sizeof body,
             "{\"batch\":[{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u1\","
             "\"messageId\":\"m1\",\"properties\":{\"product_id\":\"%s\",\"revenue\":9.5,"
             "\"decision_id\":\"%s\"}}]}",
             item, decision);
    client_expect(c, 200, "POST", "/v1/batch", body);
    client_expect(c, 200, "GET", target, NULL);
    assert_int_equal(json_array_size(client_at(c, "rewards")), 2);
    assert_string_equal(client_text(c, "rewards.0.kind"), "view");
    assert_string_equal(client_text(c, "rewards.0.item"), item);
    assert_string_equal(client_text(c, "rewards.1.kind"), "Order Completed");
    assert_true(json_number_value(client_at(c, "rewards.1.value")) == 9.5);
    client_expect(c, 200, "GET", "/v1/decisions?user=u1&limit=1", NULL);
    assert_int_equal(json_array_size(client_at(c, "decisions.0.rewards")), 2);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    assert_int_equal(json_integer_value(client_at(c, "rewards")), 2);
    client_free(c);
}

static void what_was_learned_outlives_a_restart(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    char model[100], decision[40], target[100];

    fill(c);
    train(c);
    jump(c, "u3");
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(model, sizeof model, "%s", client_text(c, "model"));
    snprintf(decision, sizeof decision, "%s", client_text(c, "decision_id"));
    assert_int_equal(server_stop(s), 0);
    server_start(s, 0);
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    assert_string_equal(client_text(c, "model"), model);
    assert_string_equal(client_text(c, "items.0.id"), "i32");
    snprintf(target, sizeof target, "/v1/decisions/%s", decision);
    client_expect(c, 200, "GET", target, NULL);
    client_free(c);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_next_answer_lacks_the_seen_item_and_follows_it),
        EACH(a_stranger_becomes_known_with_the_first_event),
        EACH(an_identified_person_keeps_the_history_of_the_anonymous_one),
        EACH(rewards_join_the_decision_they_name),
        EACH(what_was_learned_outlives_a_restart),
    };
    return cmocka_run_group_tests_name("e2e/realtime", tests, NULL, NULL);
}
