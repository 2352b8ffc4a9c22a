/* A team outgrows one machine: migrate, backup and restore, with servers before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "client.h"

enum { ITEMS = 60, USERS = 40, SEEN = 12 };

static postgres *database;

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

/* A server with a model, and what it answers u3. */
typedef struct before {
    server *server;
    client *client;
    char model[100], decision[100];
} before;

static void start_before(before *b)
{
    b->server = server_new();
    server_start(b->server, 0);
    b->client = client_new(b->server, b->server->admin_key);
    fill(b->client);
    train(b->client);
    client_expect(b->client, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    snprintf(b->model, sizeof b->model, "%s", client_text(b->client, "model"));
    snprintf(b->decision, sizeof b->decision, "/v1/decisions/%s",
             client_text(b->client, "decision_id"));
    client_expect(b->client, 200, "GET", b->decision, NULL); // waits until it is stored
}

static void end_before(before *b)
{
    client_free(b->client);
    server_free(b->server);
}

/* Another server gives the same answer from the same model, to the same key. */
static void expect_the_same(const before *b, server *s)
{
    server_start(s, 0);
    client *c = client_new(s, b->server->admin_key);
    client_expect(c, 200, "GET", "/v1/recommend?user=u3&n=5", NULL);
    assert_string_equal(client_text(c, "model"), b->model);
    assert_string_equal(client_text(c, "items.0.id"), "i15"); // u3 has seen i3 ... i14
    client_expect(c, 200, "GET", b->decision, NULL);
    client_free(c);
}

static int64_t number_of(const char *json_text, const char *name)
{
    json_t *json = NULL;
    int64_t n = -1;

    tdl_json_parse(tdl_str_of(json_text), TDL_JSON_LAST_WINS, &json, NULL);
    tdl_json_get_int(json, name, &n);
    json_decref(json);
    return n;
}

static void a_store_moves_to_postgres_while_it_serves(void **state)
{
    char from[300], out[1000];
    before b;
    server *after = server_new();

    TDL_UNUSED(state);
    start_before(&b);
    snprintf(from, sizeof from, "sqlite:%s/treadle.db", b.server->data);
    const char *const move[] = {"migrate",     "--from", from,      "--to",
                                database->url, "--json", "--quiet", NULL};
    assert_int_equal(server_command(move, out, sizeof out), 0);
    assert_int_equal(number_of(out, "events"), USERS * SEEN);
    assert_int_equal(number_of(out, "models"), 1);
    client_expect(b.client, 200, "POST", "/v1/events",
                  "{\"user\":\"late\",\"kind\":\"view\",\"item\":\"i7\"}");
    server_stop(b.server);
    assert_int_equal(server_command(move, out, sizeof out), 0); // the rest
    assert_int_equal(number_of(out, "events"), USERS * SEEN + 1);
    assert_int_equal(server_command(move, out, sizeof out), 0); // nothing
    assert_int_equal(number_of(out, "events"), USERS * SEEN + 1);
    snprintf(after->store, sizeof after->store, "%s", database->url);
    expect_the_same(&b, after);
    server_free(after);
    end_before(&b);
}

static void a_backup_of_a_running_server_is_restored_elsewhere(void **state)
{
    char file[200], out[1000], sum[600];
    before b;
    server *after = server_new(), *third = server_new();

    TDL_UNUSED(state);
    start_before(&b);
    snprintf(file, sizeof file, "%s/backup", b.server->folder);
    assert_int_equal(
        server_command((const char *[]){"backup", file, "--data", b.server->data, "--quiet", NULL},
                       out, sizeof out),
        0);
    snprintf(sum, sizeof sum, "cd %s && sha256sum --status -c backup.sha256", b.server->folder);
    assert_int_equal(system(sum), 0);
    assert_int_equal(
        server_command((const char *[]){"restore", file, "--data", after->data, "--quiet", NULL},
                       out, sizeof out),
        0);
    expect_the_same(&b, after);
    // A place that is taken stays as it is.
    assert_int_equal(server_command((const char *[]){"restore", file, "--data", after->data, NULL},
                                    out, sizeof out),
                     1);
    // Back from PostgreSQL: by way of the store the first test left there.
    snprintf(file, sizeof file, "%s/shared", b.server->folder);
    assert_int_equal(
        server_command((const char *[]){"backup", file, "--store", database->url, "--quiet", NULL},
                       out, sizeof out),
        0);
    assert_int_equal(
        server_command((const char *[]){"restore", file, "--data", third->data, "--quiet", NULL},
                       out, sizeof out),
        0);
    server_start(third, 0);
    assert_string_equal(third->admin_key, ""); // it has its keys
    server_free(third);
    server_free(after);
    end_before(&b);
}

/* Another database of the same server. */
static void make_database(const char *name, char ret_url[280])
{
    PGconn *conn = PQconnectdb(database->url);
    char sql[100];

    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    PGresult *result = PQexec(conn, sql);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(conn);
    const char *slash = strrchr(database->url, '/');
    snprintf(ret_url, 280, "%.*s/%s", (int)(slash - database->url), database->url, name);
}

static void a_backup_is_restored_into_a_database_and_moved_to_another(void **state)
{
    char file[200], out[1000], first[280], second[280];
    before b;
    server *after = server_new();

    TDL_UNUSED(state);
    start_before(&b);
    make_database("first", first);
    make_database("second", second);
    snprintf(file, sizeof file, "%s/backup", b.server->folder);
    const char *const backup[] = {"backup", file, "--data", b.server->data, NULL};
    const char *const restore[] = {"restore", file, "--store", first, NULL};
    const char *const move[] = {"migrate", "--from", first, "--to", second, "--json", NULL};
    assert_int_equal(server_command(backup, out, sizeof out), 0);
    assert_int_equal(server_command(restore, out, sizeof out), 0);
    assert_int_equal(server_command(move, out, sizeof out), 0);
    assert_int_equal(number_of(out, "events"), USERS * SEEN);
    snprintf(after->store, sizeof after->store, "%s", second);
    expect_the_same(&b, after); // its data folder was empty: the model came by way of both
    server_free(after);
    end_before(&b);
}

static void wrong_usage_is_told(void **state)
{
    char out[1000];
    server *s = server_new(); // not started

    TDL_UNUSED(state);
    const char *const lacking[] = {"migrate", "--from", "x", NULL};
    const char *const same[] = {"migrate", "--from", "x", "--to", "x", NULL};
    const char *const nowhere[] = {"restore", "/nowhere/backup", "--data", s->data, NULL};
    assert_int_equal(server_command(lacking, out, sizeof out), 2);
    assert_int_equal(server_command(same, out, sizeof out), 2);
    assert_int_equal(server_command(nowhere, out, sizeof out), 1);
    assert_int_not_equal(access(s->data, F_OK), 0); // nothing was made
    server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_moves_to_postgres_while_it_serves),
        cmocka_unit_test(a_backup_of_a_running_server_is_restored_elsewhere),
        cmocka_unit_test(a_backup_is_restored_into_a_database_and_moved_to_another),
        cmocka_unit_test(wrong_usage_is_told),
    };
    if (!(database = postgres_start(false))) {
        print_message("[  SKIPPED ] %zu test(s)\n", sizeof tests / sizeof tests[0]);
        return 0;
    }
    server_share_key(database->folder);
    int failed = cmocka_run_group_tests_name("e2e/move", tests, NULL, NULL);
    postgres_stop(database);
    return failed;
}
