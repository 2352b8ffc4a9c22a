/* Consent and retention on a real server, on SQLite and on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "schema.h"

enum { ITEMS = 60, USERS = 30, SEEN = 12, OLD = 11000, STEP_US = 20000, PATIENCE = 1500 };

static postgres *database; /* NULL: SQLite */
static server *treadle;
static client *admin;
static json_t *document;

static void connect_admin(void)
{
    client_free(admin);
    admin = client_new(treadle, treadle->admin_key);
}

/* Users walk along the catalogue: whoever has seen item i goes on to item i + 1. */
static void fill(void)
{
    tdl_buf body = {0};

    for (int u = 0; u < USERS; u++)
        for (int k = 0; k < SEEN; k++)
            tdl_buf_printf(
                &body, "%c{\"user\":\"u%d\",\"kind\":\"view\",\"item\":\"i%d\",\"time\":%lld}",
                u + k ? ',' : '[', u, (u + k) % ITEMS, 1500000000000000LL + k * 3600000000LL);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void empty_database(void)
{
    PGconn *conn = PQconnectdb(database->url);

    PQclear(
        PQexec(conn, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS treadle CASCADE"));
    PQfinish(conn);
}

static int set_up(void **state)
{
    TDL_UNUSED(state);
    treadle = server_new();
    if (database) {
        empty_database();
        snprintf(treadle->store, sizeof treadle->store, "%s", database->url);
    }
    server_start(treadle, 0);
    connect_admin();
    client_expect(admin, 200, "GET", "/openapi.json", NULL);
    document = json_incref(admin->json);
    fill();
    client_settle_home(admin);
    return 0;
}

static int tear_down(void **state)
{
    TDL_UNUSED(state);
    json_decref(document);
    client_free(admin);
    admin = NULL;
    server_free(treadle);
    return 0;
}

static void say(const char *user, const char *purpose, bool granted)
{
    char body[200];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"purpose\":\"%s\",\"granted\":%s}", user,
             purpose, granted ? "true" : "false");
    client_expect(admin, 200, "POST", "/v1/privacy/consent", body);
    schema_check(document, admin, "POST", "/v1/privacy/consent");
}

static int64_t stored_of(const char *user)
{
    client_get(admin, "/v1/events?user=%s&limit=1000", user);
    return (int64_t)json_array_size(client_at(admin, "events"));
}

static int64_t stat_of(const char *path)
{
    client_expect(admin, 200, "GET", "/v1/stats", NULL);
    return json_integer_value(client_at(admin, path));
}

/* Trains, and gives a number of the newest model's report. */
static int64_t train(const char *number)
{
    char path[60];

    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int i = 0; i < PATIENCE; i++) {
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        usleep(STEP_US * 5);
    }
    assert_string_equal(client_text(admin, "training.state"), "done");
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    snprintf(path, sizeof path, "models.0.report.%s", number);
    assert_true(json_is_integer(client_at(admin, path)));
    return json_integer_value(client_at(admin, path));
}

static void who_withdraws_training_gives_no_row_to_the_next_model(void **state)
{
    TDL_UNUSED(state);
    assert_int_equal(train("users"), USERS);
    int64_t rows = train("interactions");
    assert_int_equal(rows, USERS * SEEN);
    say("u7", "training", false);
    assert_int_equal(train("users"), USERS - 1);
    assert_int_equal(train("interactions"), rows - SEEN);
    assert_int_equal(stored_of("u7"), SEEN); // they are stored as before
    say("u7", "training", true);
    assert_int_equal(train("users"), USERS);
}

static void who_withdraws_personalisation_is_answered_by_popularity_at_once(void **state)
{
    char target[100];

    TDL_UNUSED(state);
    client_expect(admin, 200, "GET", "/v1/recommend?user=u3", NULL);
    assert_string_equal(client_text(admin, "items.0.id"), "i15"); // u3 has seen i3 ... i14
    say("u3", "personalisation", false);
    client_expect(admin, 200, "GET", "/v1/recommend?user=u3", NULL);
    schema_check(document, admin, "GET", "/v1/recommend");
    assert_string_equal(client_text(admin, "rung"), "popularity");
    assert_string_equal(client_text(admin, "fallback"), "no_consent");
    snprintf(target, sizeof target, "/v1/decisions/%s", client_text(admin, "decision_id"));
    client_expect(admin, 200, "GET", target, NULL);
    schema_check(document, admin, "GET", "/v1/decisions/{id}");
    assert_non_null(strstr(admin->body.at, "\"kind\":\"no_consent\""));
    say("u3", "personalisation", true);
    client_expect(admin, 200, "GET", "/v1/recommend?user=u3", NULL);
    assert_string_equal(client_text(admin, "items.0.id"), "i15");
}

static void who_withdraws_analytics_is_acknowledged_and_not_stored(void **state)
{
    TDL_UNUSED(state);
    say("u5", "analytics", false);
    client_expect(admin, 200, "POST", "/v1/events",
                  "{\"user\":\"u5\",\"kind\":\"view\",\"item\":\"i1\"}");
    client_expect(admin, 200, "POST", "/v1/track", "{\"userId\":\"u5\",\"event\":\"late\"}");
    assert_int_equal(stored_of("u5"), SEEN);
    client_expect(admin, 200, "GET", "/metrics", NULL);
    assert_non_null(strstr(admin->body.at, "\ntreadle_events_dropped_total 2\n"));
    say("u5", "analytics", true);
    client_expect(admin, 200, "POST", "/v1/events",
                  "{\"user\":\"u5\",\"kind\":\"view\",\"item\":\"i1\"}");
    assert_int_equal(stored_of("u5"), SEEN + 1);
}

static void a_banner_of_segment_is_obeyed(void **state)
{
    TDL_UNUSED(state);
    client_expect(admin, 200, "POST", "/v1/batch",
                  "{\"batch\":[{\"type\":\"track\",\"userId\":\"seg\",\"event\":\"a\",\"context\":"
                  "{\"consent\":{\"categoryPreferences\":{\"Analytics\":false}}}},"
                  "{\"type\":\"track\",\"userId\":\"seg\",\"event\":\"b\"}]}");
    assert_int_equal(stored_of("seg"), 1); // the call alone was without consent
    client_expect(admin, 200, "POST", "/v1/identify",
                  "{\"userId\":\"seg\",\"context\":{\"consent\":{\"categoryPreferences\":"
                  "{\"Analytics\":true,\"Functional\":false,\"Advertising\":false}}}}");
    client_expect(admin, 200, "GET", "/v1/privacy/consent?user=seg", NULL);
    schema_check(document, admin, "GET", "/v1/privacy/consent");
    assert_int_equal(json_array_size(client_at(admin, "words")), 3);
    assert_string_equal(client_text(admin, "words.0.source"), "segment");
    assert_true(json_is_false(client_at(admin, "allowed.sharing")));
    assert_true(json_is_true(client_at(admin, "allowed.analytics")));
    client_expect(admin, 200, "GET", "/v1/recommend?user=seg", NULL);
    assert_string_equal(client_text(admin, "fallback"), "no_consent");
}

static const char *where(void)
{
    return database ? "--store" : "--data";
}

static const char *what(void)
{
    return database ? treadle->store : treadle->data;
}

static void who_withdraws_sharing_is_not_exported(void **state)
{
    static char lines[1 << 20];

    TDL_UNUSED(state);
    say("u9", "sharing", false);
    assert_int_equal(
        server_command((const char *[]){"export", "-", where(), what(), NULL}, lines, sizeof lines),
        0);
    assert_non_null(strstr(lines, "\"user\":\"u8\""));
    assert_null(strstr(lines, "\"user\":\"u9\""));
}

static void a_word_given_on_the_command_line_reaches_the_running_server(void **state)
{
    char text[4000];

    TDL_UNUSED(state);
    assert_int_equal(
        server_command((const char *[]){"privacy", "consent", "u11", "--withdraw",
                                        "personalisation,pricing", "--json", where(), what(), NULL},
                       text, sizeof text),
        0);
    assert_non_null(strstr(text, "\"personalisation\":false"));
    for (int i = 0; i < PATIENCE; i++) {
        client_expect(admin, 200, "GET", "/v1/recommend?user=u11", NULL);
        if (!strcmp(client_text(admin, "fallback"), "no_consent"))
            return;
        usleep(STEP_US);
    }
    fail_msg("the server did not learn of it");
}

static void bad_words_are_refused(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"user\":\"u\",\"purpose\":\"love\",\"granted\":true}",
        "{\"user\":\"u\",\"purpose\":\"training\"}",
        "{\"user\":\"u\",\"purpose\":\"training\",\"granted\":\"yes\"}",
        "{\"user\":\"\",\"purpose\":\"training\",\"granted\":true}",
        "{\"user\":\"u\",\"purpose\":\"training\",\"granted\":true,\"more\":1}",
        "{\"user\":\"u\\n\",\"purpose\":\"training\",\"granted\":true}"};
    static const char *const rules[] = {
        "{}",
        "{\"rules\":[{\"kind\":\"a\"}]}",
        "{\"rules\":[{\"kind\":\"a\",\"days\":0}]}",
        "{\"rules\":[{\"kind\":\"a\",\"days\":\"7\"}]}",
        "{\"rules\":[{\"days\":7}]}",
        "{\"rules\":[{\"kind\":\"a\",\"days\":7},{\"kind\":\"a\",\"days\":8}]}"};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        client_expect(admin, 400, "POST", "/v1/privacy/consent", bodies[i]);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        client_expect(admin, 400, "PUT", "/v1/privacy/retention", rules[i]);
    client_expect(admin, 400, "GET", "/v1/privacy/consent", NULL);
}

/* ---- retention ---- */

static void send_old(int from, int n, int days_old)
{
    tdl_buf body = {0};
    long long time_us = ((long long)time(NULL) - days_old * 86400LL) * 1000000;

    for (int i = from; i < from + n; i++)
        tdl_buf_printf(&body,
                       "%c{\"user\":\"old%d\",\"kind\":\"old\",\"time\":%lld,\"message_id\":\"old%d"
                       "\"}",
                       i > from ? ',' : '[', i % 50, time_us + i, i);
    tdl_buf_char(&body, ']');
    client_expect(admin, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void put_rule(const char *kind, int days)
{
    char body[100];

    snprintf(body, sizeof body, "{\"rules\":[{\"kind\":\"%s\",\"days\":%d}]}", kind, days);
    client_expect(admin, 200, "PUT", "/v1/privacy/retention", body);
    schema_check(document, admin, "PUT", "/v1/privacy/retention");
}

/* Rows of kind "old" in the report of a run that was finished. */
static int64_t wait_for_report(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        client_expect(admin, 200, "GET", "/v1/privacy/retention", NULL);
        if (json_is_object(client_at(admin, "last_run"))) {
            schema_check(document, admin, "GET", "/v1/privacy/retention");
            assert_true(json_is_null(client_at(admin, "last_run.error")));
            return json_integer_value(client_at(admin, "last_run.rows.old"));
        }
        usleep(STEP_US);
    }
    fail_msg("no run");
    return -1;
}

static atomic_bool loading;
static atomic_int acknowledged;

static void *load(void *context)
{
    client *c = client_new(treadle, treadle->admin_key);

    TDL_UNUSED(context);
    while (atomic_load(&loading)) {
        client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"busy\",\"kind\":\"view\"}");
        atomic_fetch_add(&acknowledged, 1);
    }
    client_free(c);
    return NULL;
}

static void old_rows_go_in_chunks_while_others_are_stored(void **state)
{
    pthread_t thread;

    TDL_UNUSED(state);
    for (int i = 0; i < OLD; i += 1000)
        send_old(i, 1000, 40);
    client_expect(admin, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    int64_t before = stat_of("events.total");
    put_rule("old", 30);
    atomic_store(&acknowledged, 0);
    atomic_store(&loading, true);
    pthread_create(&thread, NULL, load, NULL);
    client_expect(admin, 202, "POST", "/v1/privacy/retention/run", NULL);
    schema_check(document, admin, "POST", "/v1/privacy/retention/run");
    int64_t removed = wait_for_report();
    atomic_store(&loading, false);
    pthread_join(thread, NULL);
    assert_int_equal(removed, OLD);
    assert_true(atomic_load(&acknowledged) > 0);
    assert_int_equal(stat_of("events.total"), before - removed + atomic_load(&acknowledged));
    usleep(1100000);    // the rule is known to whoever writes
    send_old(0, 1, 40); // sent again: too old
    assert_int_equal(stat_of("events.total"), before - removed + atomic_load(&acknowledged));
}

static void a_run_that_is_due_is_made_by_itself(void **state)
{
    static const char *const at_midnight[] = {"--retain-at", "00:00", NULL};

    TDL_UNUSED(state);
    send_old(0, 1000, 40);
    send_old(1000, 1, 1);
    put_rule("old", 30);
    assert_int_equal(server_stop(treadle), 0);
    server_start_with(treadle, 0, at_midnight);
    connect_admin();
    assert_int_equal(wait_for_report(), 1000);
}

static void the_command_line_counts_first_and_leaves_a_server_its_folder(void **state)
{
    char text[2000];

    TDL_UNUSED(state);
    send_old(0, 100, 40);
    send_old(100, 1, 1);
    assert_int_equal(server_command((const char *[]){"privacy", "retain", "set", "old", "30",
                                                     where(), what(), NULL},
                                    text, sizeof text),
                     0);
    assert_int_equal(server_command((const char *[]){"privacy", "retain", "run", "--dry-run",
                                                     "--json", where(), what(), NULL},
                                    text, sizeof text),
                     0);
    assert_string_equal(text, "{\"dry_run\":true,\"rows\":{\"old\":100}}\n");
    int status = server_command(
        (const char *[]){"privacy", "retain", "run", "--json", where(), what(), NULL}, text,
        sizeof text);
    assert_int_equal(status, database ? 0 : 1);
    if (!database) {
        server_stop(treadle);
        assert_int_equal(server_command((const char *[]){"privacy", "retain", "run", "--json",
                                                         where(), what(), NULL},
                                        text, sizeof text),
                         0);
        server_start(treadle, 0);
        connect_admin();
    }
    assert_string_equal(text, "{\"dry_run\":false,\"rows\":{\"old\":100}}\n");
    assert_int_equal(stat_of("events.total"), USERS * SEEN + 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        EACH(who_withdraws_training_gives_no_row_to_the_next_model),
        EACH(who_withdraws_personalisation_is_answered_by_popularity_at_once),
        EACH(who_withdraws_analytics_is_acknowledged_and_not_stored),
        EACH(a_banner_of_segment_is_obeyed),
        EACH(who_withdraws_sharing_is_not_exported),
        EACH(a_word_given_on_the_command_line_reaches_the_running_server),
        EACH(bad_words_are_refused),
        EACH(old_rows_go_in_chunks_while_others_are_stored),
        EACH(a_run_that_is_due_is_made_by_itself),
        EACH(the_command_line_counts_first_and_leaves_a_server_its_folder),
    };

    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run("e2e/consent");

    if ((database = postgres_start(true))) {
        server_share_key(database->folder);
        failed += run("e2e/consent on PostgreSQL");
        postgres_stop(database);
    }
    return failed;
}
