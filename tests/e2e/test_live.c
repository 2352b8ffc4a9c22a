/* What one person does changes what others are answered, at once, and can be taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "client.h"

enum { SHELVES = 3, SHELF = 40, TAKEN = 8, USERS = 40, PATIENCE = 1200 };

/* Everybody goes from shelf to shelf and takes eight things of each, in any order. What comes next
 * follows from all that was taken lately, more than from the last thing or from the whole history.
 */
static void fill(client *c)
{
    tdl_rng rng = tdl_rng_make(2, 0); // a log for which directed counts serve
    tdl_buf body = {0};

    for (int u = 0, first; u < USERS; u++) {
        first = (int)tdl_rng_below(&rng, SHELVES);
        for (int k = 0, at[SHELF]; k < SHELVES * TAKEN; k++) {
            if (k % TAKEN == 0)
                for (int i = 0; i < SHELF; i++)
                    at[i] = i;
            int pick = k % TAKEN + (int)tdl_rng_below(&rng, (uint64_t)(SHELF - k % TAKEN));
            int item = at[pick];
            at[pick] = at[k % TAKEN];
            tdl_buf_printf(&body,
                           "%c{\"user\":\"u%d\",\"kind\":\"view\",\"item\":\"%c%d\",\"time\":%lld,"
                           "\"message_id\":\"u%d-%d\"}",
                           u + k ? ',' : '[', u, 'a' + (first + k / TAKEN) % SHELVES, item,
                           1500000000000000LL + (u * 100 + k) * 3600000000LL, u, k);
        }
    }
    tdl_buf_char(&body, ']');
    client_expect(c, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void train(client *c)
{
    client_expect(c, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int i = 0; i < PATIENCE; i++) {
        client_expect(c, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(c, "training.state"), "running") != 0)
            break;
        usleep(100000);
    }
    assert_string_equal(client_text(c, "training.state"), "done");
}

static void send(client *c, const char *user, const char *item, long long time_us,
                 const char *message_id)
{
    char body[400];

    snprintf(body, sizeof body,
             "{\"user\":\"%s\",\"kind\":\"view\",\"item\":\"%s\",\"time\":%lld,"
             "\"message_id\":\"%s\"}",
             user, item, time_us, message_id);
    client_expect(c, 200, "POST", "/v1/events", body);
}

/* Items, scores and reasons of bob's answer; free it. */
static char *answer(client *c)
{
    client_expect(c, 200, "GET", "/v1/recommend?user=bob&n=10", NULL);
    return json_dumps(client_at(c, "items"), JSON_COMPACT | JSON_SORT_KEYS);
}

static void expect_answer(client *c, const char *expected)
{
    char *now = answer(c);

    assert_string_equal(now, expected);
    free(now);
}

static const long long NOW_US = 1700000000000000LL;

static void an_event_of_one_changes_the_answer_of_another_until_it_is_erased(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    char *before, *after;

    fill(c);
    client_settle_home(c);
    train(c);
    send(c, "bob", "new1", NOW_US, "b1");
    send(c, "ann", "new1", NOW_US + 1000000, "a1");
    client_expect(c, 200, "GET", "/v1/recommend?user=bob&n=10", NULL);
    send(c, "bob", "a3", NOW_US - 1000000, "b2");
    before = answer(c);
    assert_null(strstr(before, "new2"));

    send(c, "ann", "new2", NOW_US + 2000000, "a2");
    after = answer(c); // bob did nothing; neither item was there when the model was trained
    assert_string_equal(client_text(c, "items.0.id"), "new2");
    assert_string_equal(client_text(c, "items.0.reasons.0.item"), "new1");

    send(c, "ann", "new2", NOW_US + 2000000, "a2"); // the same message again
    assert_int_equal(json_integer_value(client_at(c, "duplicates")), 1);
    expect_answer(c, after);
    send(c, "ann", "new2", NOW_US + 2000000, "a3"); // the same event, told twice
    expect_answer(c, after);

    server_kill(s);
    server_start(s, 0);
    client_free(c);
    c = client_new(s, s->admin_key);
    expect_answer(c, after);

    client_expect(c, 200, "POST", "/v1/privacy/erase", "{\"user\":\"ann\"}");
    expect_answer(c, before);
    train(c);
    free(answer(c));
    assert_null(strstr(c->body.at, "new2")); // nor does the next model know
    free(before);
    free(after);
    client_free(c);
}

/* Two orders of arrival, of one person's events and of his two ids: the same answer. */
static void late_events_and_ids_joined_late_end_in_the_same_answer(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    char *joined;

    fill(c);
    client_settle_home(c);
    train(c);
    send(c, "bob", "a3", NOW_US - 1000000, "b2");
    send(c, "bob", "new1", NOW_US, "b1");
    send(c, "visitor", "new2", NOW_US + 2000000, "v2"); // ann's, before she signs in
    send(c, "ann", "new1", NOW_US + 1000000, "a1");
    free(answer(c));
    assert_null(strstr(c->body.at, "new2"));
    client_expect(c, 200, "POST", "/v1/batch",
                  "{\"batch\":[{\"type\":\"identify\",\"userId\":\"ann\",\"anonymousId\":"
                  "\"visitor\",\"messageId\":\"i1\"}]}");
    joined = answer(c);
    assert_string_equal(client_text(c, "items.0.id"), "new2");
    server_kill(s);
    server_start(s, 0);
    client_free(c);
    c = client_new(s, s->admin_key);
    expect_answer(c, joined);
    free(joined);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_event_of_one_changes_the_answer_of_another_until_it_is_erased, server_set_up,
            server_tear_down),
        cmocka_unit_test_setup_teardown(late_events_and_ids_joined_late_end_in_the_same_answer,
                                        server_set_up, server_tear_down),
    };
    return cmocka_run_group_tests_name("e2e/live", tests, NULL, NULL);
}
