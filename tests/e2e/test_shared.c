/* Two servers on one PostgreSQL database: what one takes in, the other knows within a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "client.h"

enum {
    ITEMS = 60,
    USERS = 40,
    SEEN = 12,
    SECOND_US = 1000000,
    TICKS_US = 3000000,
    STEP_US = 20000
};

typedef struct pair {
    postgres *database;
    server *server[2];
    client *client[2];
} pair;

static pair shared;

static void start(int i)
{
    server *s = shared.server[i];

    snprintf(s->store, sizeof s->store, "%s", shared.database->url);
    server_start(s, 0);
    if (i) // the key is made once for all
        snprintf(s->admin_key, sizeof s->admin_key, "%s", shared.server[0]->admin_key);
    client_free(shared.client[i]);
    shared.client[i] = client_new(s, s->admin_key);
}

static int set_up(void **state)
{
    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        shared.server[i] = server_new();
        if (!i)
            server_share_key(shared.server[0]->folder);
        start(i);
    }
    return 0;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        client_free(shared.client[i]);
        server_free(shared.server[i]);
    }
    return 0;
}

/* Users walk along the catalogue: whoever has seen item i goes on to item i + 1. */
static void fill(client *c)
{
    tdl_buf body = {0};

    for (int u = 0; u < USERS; u++)
        for (int k = 0; k < SEEN; k++)
            tdl_buf_printf(&body,
                           "%c{\"user\":\"u%d\",\"kind\":\"view\",\"item\":\"i%d\",\"time\":%lld,"
                           "\"message_id\":\"%d-%d\"}",
                           u + k ? ',' : '[', u, (u + k) % ITEMS,
                           1500000000000000LL + k * 3600000000LL, u, k);
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

static void send_view(client *c, const char *user, const char *item)
{
    char body[200];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"kind\":\"view\",\"item\":\"%s\"}", user, item);
    client_expect(c, 200, "POST", "/v1/events", body);
}

/* Until the answer's member is as expected, or the time is over. */
static void expect_soon(client *c, const char *target, const char *path, const char *value,
                        int64_t patience_us)
{
    for (; patience_us > 0; patience_us -= STEP_US) {
        if (client_get(c, "%s", target) == 200 && !strcmp(client_text(c, path), value))
            return;
        usleep(STEP_US);
    }
    fail_msg("%s of %s is \"%s\", not \"%s\"", path, target, client_text(c, path), value);
}

static void a_model_trained_in_one_is_served_by_the_other(void **state)
{
    client *one = shared.client[0], *other = shared.client[1];
    char model[100];

    TDL_UNUSED(state);
    fill(one);
    train(one);
    client_expect(one, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(model, sizeof model, "%s", client_text(one, "model"));
    assert_true(model[0]);
    assert_string_equal(client_text(one, "items.0.id"), "i15"); // u3 has seen i3 ... i14
    expect_soon(other, "/v1/recommend?user=u3&n=5", "model", model, TICKS_US);
    assert_string_equal(client_text(other, "items.0.id"), "i15");
}

static void an_event_sent_to_one_is_in_the_next_answer_of_the_other(void **state)
{
    client *one = shared.client[0], *other = shared.client[1];

    TDL_UNUSED(state);
    client_expect(other, 200, "GET", "/v1/recommend?user=new", NULL);
    assert_string_equal(client_text(other, "fallback"), "stranger");
    send_view(one, "new", "i20");
    expect_soon(other, "/v1/recommend?user=new", "items.0.id", "i21", SECOND_US);
    send_view(other, "new", "i21");
    expect_soon(one, "/v1/recommend?user=new", "items.0.id", "i22", SECOND_US);
}

static void a_join_told_to_one_is_known_to_the_other(void **state)
{
    client *one = shared.client[0], *other = shared.client[1];

    TDL_UNUSED(state);
    send_view(other, "anon", "i40");
    client_expect(one, 200, "POST", "/v1/identify",
                  "{\"userId\":\"ann\",\"anonymousId\":\"anon\",\"messageId\":\"join\"}");
    expect_soon(other, "/v1/recommend?user=ann", "items.0.id", "i41", SECOND_US);
}

static void an_item_put_into_one_has_its_title_in_the_other(void **state)
{
    TDL_UNUSED(state);
    client_expect(shared.client[0], 200, "PUT", "/v1/catalogue/items",
                  "[{\"id\":\"i15\",\"title\":\"Fifteen\"}]");
    expect_soon(shared.client[1], "/v1/recommend?user=u3&n=1", "items.0.title", "Fifteen",
                TICKS_US);
}

static void a_model_activated_in_one_is_served_by_the_other(void **state)
{
    client *one = shared.client[0], *other = shared.client[1];
    char first[100], second[100], target[200];

    TDL_UNUSED(state);
    client_expect(one, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(first, sizeof first, "%s", client_text(one, "model"));
    train(other);
    client_expect(other, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(second, sizeof second, "%s", client_text(other, "model"));
    assert_string_not_equal(first, second);
    expect_soon(one, "/v1/recommend?user=u3&n=5", "model", second, TICKS_US);
    snprintf(target, sizeof target, "/v1/models/%s/activate", first);
    client_expect(one, 200, "POST", target, NULL);
    expect_soon(other, "/v1/recommend?user=u3&n=5", "model", first, TICKS_US);
}

static void a_key_made_by_one_opens_the_other(void **state)
{
    char text[2000];
    const char *store = shared.server[0]->store;
    json_t *json = NULL;
    tdl_str key;
    char copy[128];

    TDL_UNUSED(state);
    assert_int_equal(server_command((const char *[]){"key", "create", "--store", store, "--right",
                                                     "decide", "--json", NULL},
                                    text, sizeof text),
                     0);
    assert_int_equal(tdl_json_parse(tdl_str_of(text), TDL_JSON_LAST_WINS, &json, NULL), TDL_OK);
    assert_true(tdl_json_get_str(json, "key", &key));
    snprintf(copy, sizeof copy, "%.*s", TDL_FMT(key));
    client *c = client_new(shared.server[1], copy);
    expect_soon(c, "/v1/recommend?user=u3&n=1", "items.0.id", "i15", SECOND_US);
    client_free(c);
    json_decref(json);
}

static void a_decision_of_one_is_explained_by_the_other(void **state)
{
    client *one = shared.client[0], *other = shared.client[1];
    char target[100];

    TDL_UNUSED(state);
    client_expect(one, 200, "GET", "/v1/recommend?user=u5&n=3", NULL);
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(one, "decision_id"));
    client_expect(one, 200, "GET", target, NULL); // waits until it is stored
    client_expect(other, 200, "GET", target, NULL);
    assert_string_equal(client_text(other, "user"), "u5");
}

/* What was acknowledged before is there after; what comes meanwhile is refused and can be sent
 * again; both servers go on without a restart of their own. */
static void the_database_may_go_away_and_come_back(void **state)
{
    static const char event[] =
        "{\"user\":\"late\",\"kind\":\"view\",\"item\":\"i47\",\"message_id\":\"again\"}";
    client *one = shared.client[0], *other = shared.client[1];
    int status = 0;

    TDL_UNUSED(state);
    send_view(one, "early", "i44");
    postgres_halt(shared.database, true);
    assert_int_equal(client_call(one, "POST", "/v1/events", event), 503);
    client_expect(one, 200, "GET", "/v1/recommend?user=early", NULL); // deciding goes on
    postgres_resume(shared.database);
    for (int left = 100; left && status != 200; left--) {
        status = client_call(one, "POST", "/v1/events", event);
        usleep(100000);
    }
    assert_int_equal(status, 200);
    expect_soon(other, "/v1/recommend?user=late", "items.0.id", "i48", 2 * TICKS_US);
    expect_soon(other, "/v1/recommend?user=early", "items.0.id", "i45", SECOND_US);
}

static void a_server_that_starts_later_knows_all(void **state)
{
    client *one = shared.client[0];
    char model[100];

    TDL_UNUSED(state);
    client_expect(one, 200, "GET", "/v1/recommend?user=early", NULL);
    snprintf(model, sizeof model, "%s", client_text(one, "model"));
    server_kill(shared.server[1]);
    start(1);
    client_expect(shared.client[1], 200, "GET", "/v1/recommend?user=early", NULL);
    assert_string_equal(client_text(shared.client[1], "model"), model);
    assert_string_equal(client_text(shared.client[1], "items.0.id"), "i45");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_trained_in_one_is_served_by_the_other),
        cmocka_unit_test(an_event_sent_to_one_is_in_the_next_answer_of_the_other),
        cmocka_unit_test(a_join_told_to_one_is_known_to_the_other),
        cmocka_unit_test(an_item_put_into_one_has_its_title_in_the_other),
        cmocka_unit_test(a_model_activated_in_one_is_served_by_the_other),
        cmocka_unit_test(a_key_made_by_one_opens_the_other),
        cmocka_unit_test(a_decision_of_one_is_explained_by_the_other),
        cmocka_unit_test(the_database_may_go_away_and_come_back),
        cmocka_unit_test(a_server_that_starts_later_knows_all),
    };
    if (!(shared.database = postgres_start(true))) {
        print_message("[  SKIPPED ] %zu test(s)\n", sizeof tests / sizeof tests[0]);
        return 0;
    }
    int failed = cmocka_run_group_tests_name("e2e/shared", tests, set_up, tear_down);
    postgres_stop(shared.database);
    return failed;
}
