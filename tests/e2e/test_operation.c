/* What whoever runs the server relies on: settings, the access log, limits, one store for one
 * process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

/* ---- settings ---- */

static json_t *shown(const char *const *arguments)
{
    char output[8000];
    json_t *json = NULL;

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    if (tdl_json_parse(tdl_str_trim(tdl_str_of(output)), TDL_JSON_REFUSE_DUPLICATES, &json, NULL))
        fail_msg("config show said %s", output);
    return json;
}

static void assert_setting(json_t *json, const char *name, const char *value, const char *origin)
{
    json_t *setting = json_object_get(json, name), *found = json_object_get(setting, "value");
    char text[100] = "";

    if (json_is_integer(found))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(found));
    else if (json_is_boolean(found))
        snprintf(text, sizeof text, "%s", json_is_true(found) ? "true" : "false");
    else if (json_is_string(found))
        snprintf(text, sizeof text, "%s", json_string_value(found));
    assert_string_equal(text, value);
    assert_string_equal(json_string_value(json_object_get(setting, "origin")), origin);
}

static void settings_are_shown_with_where_they_come_from(void **state)
{
    const char *const arguments[] = {
        "config", "show", "--json", "--threads", "3", "--data", "pg://me:hidden@host/db", NULL};

    (void)state;
    setenv("TREADLE_PORT", "9000", 1);
    setenv("TREADLE_THREADS", "7", 1); // the command line wins
    setenv("TREADLE_ACCESS_LOG", "1", 1);
    json_t *json = shown(arguments);
    unsetenv("TREADLE_PORT");
    unsetenv("TREADLE_THREADS");
    unsetenv("TREADLE_ACCESS_LOG");
    assert_setting(json, "port", "9000", "TREADLE_PORT");
    assert_setting(json, "threads", "3", "--threads");
    assert_setting(json, "access-log", "true", "TREADLE_ACCESS_LOG");
    assert_setting(json, "address", "127.0.0.1", "default");
    assert_setting(json, "rate-per-key", "0", "default");
    assert_setting(json, "data", "pg://me:***@host/db", "--data");
    assert_null(json_object_get(json, "help"));
    json_decref(json);
}

static void every_option_of_serve_is_a_setting(void **state)
{
    const char *const help[] = {"serve", "--help", NULL};
    const char *const show[] = {"config", "show", "--origin", NULL};
    char options[8000], settings[8000], line[100];
    int found = 0;

    (void)state;
    assert_int_equal(server_command(help, options, sizeof options), 0);
    assert_int_equal(server_command(show, settings, sizeof settings), 0);
    for (const char *at = options; (at = strstr(at, "\n  --")); at++) {
        char name[60];
        assert_int_equal(sscanf(at + 5, "%59[a-z-]", name), 1);
        if (!strcmp(name, "json") || !strcmp(name, "quiet") || !strcmp(name, "help"))
            continue;
        snprintf(line, sizeof line, "%s ", name);
        const char *row = strstr(settings, line);
        if (!row || (row != settings && row[-1] != '\n'))
            fail_msg("config show says nothing of --%s", name);
        found++;
    }
    assert_true(found > 10);
}

/* ---- the access log ---- */

static void read_log(const server *s, char *ret, size_t ret_n)
{
    FILE *file = fopen(s->log, "r");
    size_t n = fread(ret, 1, ret_n - 1, file);

    ret[n] = '\0';
    fclose(file);
}

static void the_access_log_names_the_key_and_never_shows_it(void **state)
{
    server *s = server_new();
    const char *const options[] = {"--access-log", "--log-json", NULL};
    static char log[20000];

    *state = s;
    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"secret-user\",\"kind\":\"view\"}");
    client_expect(c, 200, "GET", "/v1/events?user=secret-user", NULL);
    size_t bytes = c->body.len;
    client_expect(c, 404, "GET", "/nothing/secret-user", NULL);
    client_free(c);
    const char *const list[] = {"key", "list", "--json", "--data", s->data, NULL};
    char keys[2000], id[17], want[200];
    assert_int_equal(server_command(list, keys, sizeof keys), 0);
    assert_int_equal(sscanf(keys, "{\"keys\":[{\"id\":\"%16[0-9a-f]", id), 1);
    assert_int_equal(server_stop(s), 0);
    read_log(s, log, sizeof log);
    snprintf(want, sizeof want,
             "\"method\":\"GET\",\"route\":\"user_events\",\"status\":200,"
             "\"bytes\":%zu,\"us\":",
             bytes);
    assert_non_null(strstr(log, want));
    assert_non_null(strstr(log, "\"method\":\"GET\",\"route\":\"none\",\"status\":404,"));
    snprintf(want, sizeof want, "\"key\":\"%s\"}", id);
    if (!strstr(log, want))
        fail_msg("no %s in %s", want, log);
    assert_null(strstr(log, s->admin_key));
    assert_null(strstr(log, "secret-user"));
}

static void without_it_requests_are_not_logged(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    static char log[20000];

    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    read_log(s, log, sizeof log);
    assert_non_null(strstr(log, "INFO listening"));
    assert_null(strstr(log, "route=stats"));
}

/* ---- limits ---- */

static void the_options_of_the_rates_reach_the_server(void **state)
{
    server *s = server_new();
    const char *const options[] = {"--rate-per-key", "1", "--rate-burst", "2", NULL};

    *state = s;
    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_expect(c, 429, "GET", "/v1/stats", NULL);
    assert_true(client_has_header(c, "Retry-After: 1"));
    sleep(1); // as it was told
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_free(c);
}

/* ---- one process ---- */

static void a_second_process_on_the_same_store_is_refused_and_says_why(void **state)
{
    server *s = *state;
    const char *const arguments[] = {"serve", "--data", s->data, "--port", "0", NULL};
    char errors[1000], holder[100];

    assert_int_equal(server_command_errors(arguments, errors, sizeof errors), 1);
    snprintf(holder, sizeof holder, "is in use by another treadle (process %d)", (int)s->pid);
    assert_non_null(strstr(errors, holder));
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    client_free(c);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_shown_with_where_they_come_from),
        cmocka_unit_test(every_option_of_serve_is_a_setting),
        cmocka_unit_test_teardown(the_access_log_names_the_key_and_never_shows_it,
                                  server_tear_down),
        EACH(without_it_requests_are_not_logged),
        cmocka_unit_test_teardown(the_options_of_the_rates_reach_the_server, server_tear_down),
        EACH(a_second_process_on_the_same_store_is_refused_and_says_why),
    };
    return cmocka_run_group_tests_name("e2e/operation", tests, NULL, NULL);
}
