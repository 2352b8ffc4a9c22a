/* The audit log: who changed what is written down, whoever does it, and nothing is changed once
 * somebody has tampered with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum { OUTPUT = 8000 };

static char output[OUTPUT];

/* Run `treadle ARGUMENTS... --data DATA`; up to five arguments. */
static int run(const server *s, const char *const *arguments)
{
    const char *all[10] = {0};
    size_t n = 0;

    for (; arguments[n]; n++)
        all[n] = arguments[n];
    all[n++] = "--data";
    all[n] = s->data;
    return server_command(all, output, sizeof output);
}
#define RUN(s, ...) run((s), (const char *const[]){__VA_ARGS__, NULL})

static void tamper(const server *s, const char *sql)
{
    char path[200];
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/treadle.db", s->data);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static const char flag[] = "{\"family\":\"posthog\",\"definition\":{}}";

/* The newest entry, by the API. */
static void expect_newest(client *c, const char *action, const char *actor)
{
    client_expect(c, 200, "GET", "/v1/audit?limit=1", NULL);
    assert_string_equal(client_text(c, "entries.0.record.action"), action);
    if (strncmp(client_text(c, "entries.0.record.actor"), actor, strlen(actor)) != 0)
        fail_msg("%s, not %s", client_text(c, "entries.0.record.actor"), actor);
}

static void what_is_done_by_http_and_by_commands_is_written_down(void **state)
{
    const server *s = *state;
    client *c = client_new(s, s->admin_key);
    char file[300], backup[300];

    snprintf(file, sizeof file, "%s/events.jsonl", s->folder);
    snprintf(backup, sizeof backup, "%s/monday.treadle", s->folder);
    expect_newest(c, "key.create", "server"); // the first admin key
    client_expect(c, 200, "PUT", "/v1/flags/btn", flag);
    expect_newest(c, "flag.put", "key:");
    assert_string_equal(client_text(c, "entries.0.record.flag"), "btn");
    client_expect(c, 200, "POST", "/v1/session", NULL);
    expect_newest(c, "login", "key:");
    assert_int_equal(RUN(s, "key", "create", "--label", "Ann"), 0);
    expect_newest(c, "key.create", "cli");
    assert_int_equal(RUN(s, "export", file), 0);
    expect_newest(c, "export", "cli");
    assert_string_equal(client_text(c, "entries.0.record.file"), "events.jsonl");
    assert_int_equal(RUN(s, "backup", backup), 0);
    expect_newest(c, "backup", "cli");
    client_expect(c, 200, "GET", "/v1/audit", NULL);
    assert_true(json_is_true(client_at(c, "chain.whole")));
    assert_int_equal(json_integer_value(client_at(c, "chain.entries")), 6);
    assert_null(strstr(c->body.at, "Ann"));
    assert_null(strstr(c->body.at, s->admin_key + 6)); // nor any key
    client_expect(c, 200, "GET", "/v1/audit?from=2&limit=1", NULL);
    assert_int_equal(json_integer_value(client_at(c, "entries.0.seq")), 2);
    assert_int_equal(RUN(s, "audit", "list"), 0);
    assert_non_null(strstr(output, "flag.put"));
    client_free(c);
}

static void the_log_is_for_admins_only(void **state)
{
    const server *s = *state;
    client *reader;
    char key[100];

    assert_int_equal(RUN(s, "key", "create", "--right", "decide"), 0);
    snprintf(key, sizeof key, "%.*s", (int)strcspn(output, "\n"), output);
    reader = client_new(s, key);
    for (int i = 0; i < 100 && client_call(reader, "GET", "/v1/audit", NULL) == 401; i++)
        usleep(20000); // until the server knows the key
    assert_int_equal(reader->status, 403);
    client_free(reader);
}

static void a_restored_store_has_its_log_and_says_that_it_was_restored(void **state)
{
    const server *s = *state;
    char backup[300], folder[300];

    snprintf(backup, sizeof backup, "%s/monday.treadle", s->folder);
    snprintf(folder, sizeof folder, "%s/restored", s->folder);
    server_share_key(s->data);
    assert_int_equal(RUN(s, "backup", backup), 0);
    const char *const restore[] = {"restore", backup, "--data", folder, NULL};
    assert_int_equal(server_command(restore, output, sizeof output), 0);
    const char *const verify[] = {"audit", "verify", "--json", "--data", folder, NULL};
    assert_int_equal(server_command(verify, output, sizeof output), 0);
    assert_non_null(strstr(output, "\"whole\":true,\"entries\":3"));
    const char *const list[] = {"audit", "list", "--limit", "1", "--data", folder, NULL};
    assert_int_equal(server_command(list, output, sizeof output), 0);
    assert_non_null(strstr(output, "restore"));
    unsetenv("TREADLE_MASTER_KEY_FILE");
}

static void a_broken_log_stops_changes_and_nothing_else(void **state)
{
    const server *s = *state;
    client *c = client_new(s, s->admin_key);
    char kept[300], backup[300];

    snprintf(kept, sizeof kept, "%s/audit.log", s->folder);
    snprintf(backup, sizeof backup, "%s/monday.treadle", s->folder);
    client_expect(c, 200, "PUT", "/v1/flags/btn", flag);
    client_expect(c, 200, "PUT", "/v1/flags/other", flag);
    assert_int_equal(RUN(s, "audit", "export", kept), 0);
    assert_int_equal(RUN(s, "audit", "verify", "--against", kept), 0);
    tamper(s, "UPDATE audit SET record = replace(record, 'btn', 'bin') WHERE seq = 2");
    assert_int_equal(RUN(s, "audit", "verify", "--json"), 1);
    assert_non_null(strstr(output, "\"first_bad\":2"));
    assert_int_equal(RUN(s, "audit", "verify", "--against", kept), 1);
    const char *const file[] = {"audit", "verify", "--file", kept, NULL};
    assert_int_equal(server_command(file, output, sizeof output), 0);
    client_expect(c, 200, "GET", "/v1/audit", NULL);
    assert_int_equal(json_integer_value(client_at(c, "chain.first_bad")), 2);
    assert_int_equal(RUN(s, "key", "create"), 1); // another process looks at all of it
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    client_expect(c, 200, "POST", "/v1/session", NULL);
    assert_int_equal(RUN(s, "backup", backup), 0);
    client_free(c);
}

/* A server that starts on a broken log serves, and changes nothing. */
static void a_server_starts_on_a_broken_log(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);

    client_expect(c, 200, "PUT", "/v1/flags/btn", flag);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    tamper(s, "DELETE FROM audit WHERE seq = 2"); // the last one
    server_start(s, 0);
    c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    client_expect(c, 409, "DELETE", "/v1/flags/btn", NULL);
    assert_non_null(strstr(client_text(c, "detail"), "entry 2"));
    client_expect(c, 200, "GET", "/v1/flags/btn", NULL);
    client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_done_by_http_and_by_commands_is_written_down),
        TEST(the_log_is_for_admins_only),
        TEST(a_restored_store_has_its_log_and_says_that_it_was_restored),
        TEST(a_broken_log_stops_changes_and_nothing_else),
        TEST(a_server_starts_on_a_broken_log),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
