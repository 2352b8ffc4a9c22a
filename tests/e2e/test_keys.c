/* Keys, made and revoked by the command line while the server runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

typedef struct made_key {
    char text[100], id[40];
} made_key;

/* Run a key command with --json; the caller's reference. */
static json_t *key_command(const server *s, const char *verb, const char *option, const char *value)
{
    const char *const arguments[] = {"key", verb, "--data", s->data, "--json", option, value, NULL};
    char output[4000];
    json_t *json = NULL;

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    if (tdl_json_parse(tdl_str_trim(tdl_str_of(output)), TDL_JSON_REFUSE_DUPLICATES, &json, NULL))
        fail_msg("treadle key %s said %s", verb, output);
    return json;
}

static made_key make_key(const server *s, const char *right)
{
    json_t *made = key_command(s, "create", "--right", right);
    json_t *list = key_command(s, "list", NULL, NULL), *keys = json_object_get(list, "keys");
    const json_t *newest = json_array_get(keys, json_array_size(keys) - 1);
    made_key key;

    assert_string_equal(json_string_value(json_object_get(newest, "right")), right);
    snprintf(key.text, sizeof key.text, "%s", json_string_value(json_object_get(made, "key")));
    snprintf(key.id, sizeof key.id, "%s", json_string_value(json_object_get(newest, "id")));
    json_decref(made);
    json_decref(list);
    return key;
}

/* The status once the server has noticed, or after two seconds. */
static int settled(client *c, const char *target, int wanted)
{
    for (int i = 0; i < 200 && client_call(c, "GET", target, NULL) != wanted; i++)
        usleep(10000);
    return c->status;
}

static void a_key_works_while_it_is_valid_and_within_its_right(void **state)
{
    const server *s = *state;
    made_key write = make_key(s, "write"), decide = make_key(s, "decide");
    client *writer = client_new(s, write.text), *decider = client_new(s, decide.text);
    const char *const revoke[] = {"key", "revoke", decide.id, "--data", s->data, NULL};
    char output[500];

    assert_int_equal(settled(decider, "/v1/models", 200), 200);
    client_expect(decider, 403, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    client_expect(writer, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"v\"}");
    client_expect(writer, 403, "GET", "/v1/models", NULL);
    assert_int_equal(server_command(revoke, output, sizeof output), 0);
    assert_int_equal(settled(decider, "/v1/models", 401), 401);
    client_expect(writer, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"v\"}");
    client_free(writer);
    client_free(decider);
}

static void a_missing_wrong_and_revoked_key_look_the_same(void **state)
{
    const server *s = *state;
    client *missing = client_new(s, NULL), *wrong = client_new(s, "tdl_a_wrong");
    char detail[200];

    client_expect(missing, 401, "GET", "/v1/stats", NULL);
    snprintf(detail, sizeof detail, "%s", client_text(missing, "detail"));
    client_expect(wrong, 401, "GET", "/v1/stats", NULL);
    assert_string_equal(client_text(wrong, "detail"), detail);
    assert_true(client_has_header(wrong, "WWW-Authenticate: Bearer"));
    client_free(missing);
    client_free(wrong);
}

static void keys_outlive_a_restart_and_the_first_is_told_once(void **state)
{
    server *s = *state;
    char first[128];

    snprintf(first, sizeof first, "%s", s->admin_key);
    assert_int_equal(server_stop(s), 0);
    s->admin_key[0] = '\0';
    server_start(s, 0);
    assert_string_equal(s->admin_key, "");
    snprintf(s->admin_key, sizeof s->admin_key, "%s", first);
    client *admin = client_new(s, first);
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    client_free(admin);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_key_works_while_it_is_valid_and_within_its_right),
        EACH(a_missing_wrong_and_revoked_key_look_the_same),
        EACH(keys_outlive_a_restart_and_the_first_is_told_once),
    };
    return cmocka_run_group_tests_name("e2e/keys", tests, NULL, NULL);
}
