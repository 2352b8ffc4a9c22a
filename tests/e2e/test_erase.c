/* Export and erasure of a person on a real server, on SQLite and on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "base/file.h"
#include "schema.h"

enum { ITEMS = 60, USERS = 30, SEEN = 12, STEP_US = 20000, PATIENCE = 1500, TOO_MANY = 100001 };

/* Each occurs in what is sent about one person, and nowhere else. */
static const char *const marks[] = {"mallory-77312", "mallory-77312@example.org", "Mallory Quux",
                                    "anon-5f1c9a"};
#define MALLORY "mallory-77312"

static postgres *database; /* NULL: SQLite */
static server *treadle;
static client *admin;
static json_t *document;

static void connect_admin(void)
{
    client_free(admin);
    admin = client_new(treadle, treadle->admin_key);
}

static void start(void)
{
    static const char *const options[] = {"--access-log", "--log-level", "debug", NULL};

    server_start_with(treadle, 0, options);
    connect_admin();
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

/* A visitor becomes a customer; one of the calls could not be taken. */
static void fill_mallory(void)
{
    client_expect(admin, 200, "POST", "/v1/events",
                  "[{\"user\":\"anon-5f1c9a\",\"kind\":\"view\",\"item\":\"i3\"},"
                  "{\"user\":\"" MALLORY "\",\"kind\":\"view\",\"item\":\"i4\",\"properties\":"
                  "{\"mail\":\"" MALLORY "@example.org\"},\"message_id\":\"" MALLORY "-1\"}]");
    client_expect(admin, 200, "POST", "/v1/batch",
                  "{\"batch\":[{\"type\":\"identify\",\"userId\":\"" MALLORY "\",\"anonymousId\":"
                  "\"anon-5f1c9a\",\"traits\":{\"email\":\"" MALLORY "@example.org\",\"name\":"
                  "\"Mallory Quux\"}},{\"type\":\"track\",\"userId\":\"" MALLORY "\"},"
                  "{\"type\":\"track\",\"anonymousId\":\"anon-5f1c9a\"}]}");
    client_expect(admin, 200, "GET", "/v1/recommend?user=" MALLORY, NULL);
    client_expect(admin, 200, "GET", "/v1/recommend?user=anon-5f1c9a", NULL);
    client_expect(admin, 200, "POST", "/v1/privacy/consent",
                  "{\"user\":\"" MALLORY "\",\"purpose\":\"sharing\",\"granted\":false}");
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
    start();
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

static const char *where(void)
{
    return database ? "--store" : "--data";
}

static const char *what(void)
{
    return database ? treadle->store : treadle->data;
}

/* The master key of a shared store is in the server's folder. */
static const char *master_key(void)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/master.key", treadle->data);
    return path;
}

static void train(void)
{
    client_expect(admin, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int i = 0; i < PATIENCE; i++) {
        client_expect(admin, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(admin, "training.state"), "running") != 0)
            break;
        usleep(STEP_US * 5);
    }
    assert_string_equal(client_text(admin, "training.state"), "done");
}

/* ---- looking for bytes ---- */

static int count_in_file(const char *path, const char *mark)
{
    tdl_buf bytes = {.limit = (size_t)1 << 30};
    int n = 0;

    if (!tdl_file_read(path, bytes.limit, &bytes, NULL))
        for (size_t i = 0; i + strlen(mark) <= bytes.len; i++)
            n += !memcmp(bytes.at + i, mark, strlen(mark));
    tdl_buf_release(&bytes);
    return n;
}

static int count_in_folder(const char *folder, const char *mark)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[1024];
    int n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        struct stat info;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (!lstat(path, &info))
            n += S_ISDIR(info.st_mode) ? count_in_folder(path, mark) : count_in_file(path, mark);
    }
    closedir(dir);
    return n;
}

/* Rows of any table that hold it, as text or as bytes. */
static int count_in_database(const char *mark)
{
    PGconn *conn = PQconnectdb(database->url);
    PGresult *tables = PQexec(conn, "SELECT table_name FROM information_schema.tables"
                                    " WHERE table_schema = 'treadle'");
    char sql[600];
    int n = 0;

    assert_true(PQntuples(tables) > 10);
    for (int i = 0; i < PQntuples(tables); i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM treadle.%s t WHERE strpos(t::text, '%s') > 0"
                 " OR strpos(t::text, encode('%s', 'hex')) > 0",
                 PQgetvalue(tables, i, 0), mark, mark);
        PGresult *rows = PQexec(conn, sql);
        assert_int_equal(PQntuples(rows), 1);
        n += atoi(PQgetvalue(rows, 0, 0));
        PQclear(rows);
    }
    PQclear(tables);
    PQfinish(conn);
    return n;
}

/* In the data folder with database, log of writes, models and runs; and in the server's log. */
static int count_everywhere(const char *mark)
{
    return count_in_folder(treadle->folder, mark) + (database ? count_in_database(mark) : 0);
}

static void assert_nothing_is_left(void)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (count_everywhere(marks[i]))
            fail_msg("\"%s\" is still there", marks[i]);
}

/* ---- what is left of somebody ---- */

static size_t stored_of(const char *user)
{
    client_get(admin, "/v1/events?user=%s&limit=1000", user);
    return json_array_size(client_at(admin, "events"));
}

static char *items_for(const char *user)
{
    client_get(admin, "/v1/recommend?user=%s", user);
    assert_int_equal(admin->status, 200);
    return json_dumps(client_at(admin, "items"), JSON_SORT_KEYS | JSON_COMPACT);
}

static bool is_as_strange_as(const char *user, const char *stranger)
{
    char *one = items_for(user), *other = items_for(stranger);
    bool same = !strcmp(one, other);

    free(one);
    free(other);
    return same;
}

static json_t *erase(const char *body)
{
    client_expect(admin, 200, "POST", "/v1/privacy/erase", body);
    schema_check(document, admin, "POST", "/v1/privacy/erase");
    return json_incref(admin->json);
}

static int64_t row(const json_t *receipt, const char *table)
{
    json_t *rows = json_object_get(json_object_get(receipt, "receipt"), "rows");

    return json_integer_value(json_object_get(rows, table));
}

/* ---- erasing ---- */

static void after_a_receipt_nothing_of_the_person_is_left(void **state)
{
    TDL_UNUSED(state);
    fill_mallory();
    train();
    assert_false(is_as_strange_as(MALLORY, "stranger-1"));
    assert_true(count_everywhere(marks[1]) > 0); // the search can find something
    json_t *receipt = erase("{\"user\":\"" MALLORY "\",\"backup_days\":30}");
    assert_int_equal(row(receipt, "events"), 3);
    assert_int_equal(row(receipt, "traits"), 2);
    assert_int_equal(row(receipt, "joins"), 1);
    assert_int_equal(row(receipt, "consents"), 1);
    assert_int_equal(row(receipt, "rejects"), 2);
    assert_true(row(receipt, "decisions") >= 3);
    json_decref(receipt);
    assert_nothing_is_left();
    assert_int_equal(stored_of("u3"), SEEN);
}

static void whoever_is_erased_is_a_stranger_and_stays_one(void **state)
{
    static const char event[] = "{\"user\":\"" MALLORY "\",\"kind\":\"view\",\"item\":\"i5\"}";
    static const char late[] = "{\"anonymousId\":\"anon-5f1c9a\",\"event\":\"late\"}";

    TDL_UNUSED(state);
    fill_mallory();
    train();
    assert_false(is_as_strange_as(MALLORY, "stranger-1"));
    json_decref(erase("{\"user\":\"" MALLORY "\"}"));
    for (int i = 0; i < 2; i++) {
        assert_true(is_as_strange_as(MALLORY, "stranger-1"));
        assert_true(is_as_strange_as("anon-5f1c9a", "stranger-1"));
        client_expect(admin, 200, "POST", "/v1/events", event);
        client_expect(admin, 200, "POST", "/v1/track", late);
        assert_int_equal(stored_of(MALLORY) + stored_of("anon-5f1c9a"), 0);
        assert_true(is_as_strange_as(MALLORY, "stranger-1"));
        assert_int_equal(server_stop(treadle), 0);
        start();
    }
    assert_false(is_as_strange_as("u3", "stranger-1"));
    assert_nothing_is_left(); // nor what was asked and sent since
}

static void models_are_stale_until_the_next_training(void **state)
{
    TDL_UNUSED(state);
    fill_mallory();
    train();
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    assert_true(json_is_null(client_at(admin, "models.0.stale_since")));
    json_t *receipt = erase("{\"user\":\"" MALLORY "\"}");
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    schema_check(document, admin, "GET", "/v1/models");
    assert_true(json_is_string(client_at(admin, "models.0.stale_since")));
    json_t *stale = json_object_get(json_object_get(receipt, "receipt"), "models_stale");
    assert_int_equal(json_array_size(stale), 1);
    assert_string_equal(json_string_value(json_array_get(stale, 0)),
                        client_text(admin, "models.0.version"));
    json_decref(receipt);
    train();
    client_expect(admin, 200, "GET", "/v1/models", NULL);
    assert_true(json_is_null(client_at(admin, "models.0.stale_since")));
}

static void a_part_of_a_person_can_go(void **state)
{
    TDL_UNUSED(state);
    json_t *receipt = erase("{\"user\":\"u3\",\"until\":\"2017-07-14T06:00:00Z\"}");
    assert_int_equal(row(receipt, "events"), 4); // at 2:40, 3:40, 4:40 and 5:40
    json_decref(receipt);
    assert_int_equal(stored_of("u3"), SEEN - 4);
    receipt = erase("{\"user\":\"u3\",\"kinds\":[\"buy\"]}");
    assert_int_equal(row(receipt, "events"), 0);
    json_decref(receipt);
    receipt = erase("{\"user\":\"u3\",\"kinds\":[\"buy\",\"view\"],\"from\":1500030000000000}");
    assert_int_equal(row(receipt, "events"), 3); // of the hours 9 to 11
    json_decref(receipt);
    client_expect(admin, 200, "POST", "/v1/events",
                  "{\"user\":\"u3\",\"kind\":\"view\",\"item\":\"i1\"}");
    assert_int_equal(stored_of("u3"), SEEN - 7 + 1);
}

static void requests_are_listed_and_stand_in_the_audit_log(void **state)
{
    char id[40], target[100], hash[80];

    TDL_UNUSED(state);
    json_decref(erase("{\"user\":\"u1\"}"));
    json_t *receipt = erase("{\"user\":\"nobody at all\"}"); // is not told from others
    json_t *said = json_object_get(receipt, "receipt");
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(said, "request")));
    client_expect(admin, 200, "GET", "/v1/privacy/requests", NULL);
    schema_check(document, admin, "GET", "/v1/privacy/requests");
    assert_int_equal(json_array_size(client_at(admin, "requests")), 2);
    assert_string_equal(client_text(admin, "requests.0.id"), id);
    assert_string_equal(client_text(admin, "requests.1.state"), "done");
    client_expect(admin, 200, "GET", "/v1/privacy/requests?limit=1", NULL);
    assert_int_equal(json_array_size(client_at(admin, "requests")), 1);
    snprintf(target, sizeof target, "/v1/privacy/requests/%s", id);
    client_expect(admin, 200, "GET", target, NULL);
    schema_check(document, admin, "GET", "/v1/privacy/requests/{id}");
    assert_true(json_equal(client_at(admin, "receipt"), receipt));
    client_expect(admin, 404, "GET", "/v1/privacy/requests/7", NULL);
    json_t *audit = json_object_get(said, "audit");
    snprintf(target, sizeof target, "/v1/audit?from=%lld&limit=1",
             (long long)json_integer_value(json_object_get(audit, "seq")));
    snprintf(hash, sizeof hash, "%s", json_string_value(json_object_get(audit, "hash")));
    client_expect(admin, 200, "GET", target, NULL);
    assert_true(json_is_true(client_at(admin, "chain.whole")));
    assert_string_equal(client_text(admin, "entries.0.hash"), hash);
    assert_string_equal(client_text(admin, "entries.0.record.action"), "person.erase");
    assert_string_equal(client_text(admin, "entries.0.record.request"), id);
    assert_string_equal(client_text(admin, "entries.0.record.subject"),
                        json_string_value(json_object_get(said, "subject")));
    json_decref(receipt);
}

static void bad_requests_are_refused_and_erase_nobody(void **state)
{
    static const char *const bodies[] = {"{}",
                                         "[]",
                                         "{\"user\":\"\"}",
                                         "{\"user\":7}",
                                         "{\"user\":\"u1\",\"kinds\":[]}",
                                         "{\"user\":\"u1\",\"kinds\":\"view\"}",
                                         "{\"user\":\"u1\",\"kinds\":[\"\"]}",
                                         "{\"user\":\"u1\",\"kinds\":[7]}",
                                         "{\"user\":\"u1\",\"until\":0}",
                                         "{\"user\":\"u1\",\"until\":\"yesterday\"}",
                                         "{\"user\":\"u1\",\"from\":-1}",
                                         "{\"user\":\"u1\",\"from\":9,\"until\":9}",
                                         "{\"user\":\"u1\",\"backup_days\":-1}",
                                         "{\"user\":\"u1\",\"backup_days\":\"7\"}",
                                         "{\"user\":\"u1\",\"kind\":\"view\"}"};
    char text[200];

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        client_expect(admin, 400, "POST", "/v1/privacy/erase", bodies[i]);
    client_expect(admin, 400, "POST", "/v1/privacy/export", "{\"user\":\"\"}");
    client_expect(admin, 400, "POST", "/v1/privacy/export", "{\"user\":\"u1\",\"kind\":\"x\"}");
    assert_int_equal(
        server_command_errors((const char *[]){"privacy", "erase", "u1", where(), what(), NULL},
                              text, sizeof text),
        2);
    assert_non_null(strstr(text, "--yes"));
    assert_int_equal(stored_of("u1"), SEEN);
}

/* ---- exporting ---- */

static void an_export_holds_what_is_stored_and_the_reasons(void **state)
{
    static char lines[1 << 16];

    TDL_UNUSED(state);
    fill_mallory();
    client_expect(admin, 200, "POST", "/v1/privacy/export", "{\"user\":\"anon-5f1c9a\"}");
    assert_true(client_has_header(admin, "Content-Type: application/x-ndjson"));
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        assert_non_null(strstr(admin->body.at, marks[i]));
    const char *decision = strstr(admin->body.at, "{\"type\":\"decision\"");
    assert_non_null(decision);
    assert_non_null(strstr(decision, "\"reasons\":[{"));
    assert_null(strstr(admin->body.at, "\"u3\""));
    assert_int_equal(server_command((const char *[]){"privacy", "export", MALLORY, where(), what(),
                                                     "--master-key-file", master_key(), NULL},
                                    lines, sizeof lines),
                     0);
    assert_non_null(strstr(lines, "\"value\":\"Mallory Quux\""));
    json_decref(erase("{\"user\":\"" MALLORY "\"}"));
    client_expect(admin, 200, "POST", "/v1/privacy/export", "{\"user\":\"" MALLORY "\"}");
    assert_ptr_equal(strchr(admin->body.at, '\n'),
                     strrchr(admin->body.at, '\n')); // the schema alone
}

static void more_than_an_answer_holds_is_for_the_command_line(void **state)
{
    char file[200], text[200];

    TDL_UNUSED(state);
    for (int i = 0; i < TOO_MANY; i += 1000) {
        tdl_buf body = {0};
        for (int k = i; k < i + 1000; k++)
            tdl_buf_printf(&body, "%c{\"user\":\"busy\",\"kind\":\"view\"}", k > i ? ',' : '[');
        tdl_buf_char(&body, ']');
        client_expect(admin, 200, "POST", "/v1/events", body.at);
        tdl_buf_release(&body);
    }
    client_expect(admin, 413, "POST", "/v1/privacy/export", "{\"user\":\"busy\"}");
    assert_non_null(strstr(admin->body.at, "treadle privacy export"));
    snprintf(file, sizeof file, "%s/busy.jsonl", treadle->folder);
    assert_int_equal(
        server_command((const char *[]){"privacy", "export", "busy", "--out", file, "--json",
                                        where(), what(), "--master-key-file", master_key(), NULL},
                       text, sizeof text),
        0);
    assert_string_equal(text, "{\"lines\":101002}\n"); // schema, id, events
}

/* ---- the command line ---- */

static void a_receipt_is_verified_without_any_store(void **state)
{
    char file[200], text[4000];

    TDL_UNUSED(state);
    json_decref(erase("{\"user\":\"u1\"}"));
    snprintf(file, sizeof file, "%s/receipt.json", treadle->folder);
    assert_int_equal(tdl_file_write(file, tdl_buf_view(&admin->body), NULL), TDL_OK);
    const char *const verify[] = {"privacy", "verify-receipt", file, NULL};
    assert_int_equal(server_command(verify, text, sizeof text), 0);
    assert_non_null(strstr(text, "events=12"));
    const char *const other[] = {"privacy", "verify-receipt", file, "--key", "00ff", NULL};
    assert_int_equal(server_command(other, text, sizeof text), 1);
    for (size_t i = 0; i < admin->body.len; i += 37) {
        admin->body.at[i] ^= 1;
        assert_int_equal(tdl_file_write(file, tdl_buf_view(&admin->body), NULL), TDL_OK);
        admin->body.at[i] ^= 1;
        if (!server_command(verify, text, sizeof text))
            fail_msg("byte %zu was changed: %s", i, admin->body.at);
    }
}

static void a_running_server_forgets_who_is_erased_on_the_command_line(void **state)
{
    char text[4000];

    TDL_UNUSED(state);
    fill_mallory();
    train();
    assert_false(is_as_strange_as(MALLORY, "stranger-1"));
    assert_int_equal(
        server_command((const char *[]){"privacy", "erase", MALLORY, "--yes", "--json", where(),
                                        what(), "--master-key-file", master_key(), NULL},
                       text, sizeof text),
        0);
    assert_non_null(strstr(text, "\"events\":3"));
    for (int i = 0; !is_as_strange_as(MALLORY, "stranger-1"); i++) {
        assert_true(i < PATIENCE);
        usleep(STEP_US);
    }
    for (int i = 0;; i++) { // a reader of the server's may be in the way at first
        client_expect(admin, 200, "GET", "/v1/privacy/requests", NULL);
        if (!strcmp(client_text(admin, "requests.0.state"), "done"))
            break;
        assert_true(i < PATIENCE);
        usleep(STEP_US);
    }
    assert_nothing_is_left();
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        EACH(after_a_receipt_nothing_of_the_person_is_left),
        EACH(whoever_is_erased_is_a_stranger_and_stays_one),
        EACH(models_are_stale_until_the_next_training),
        EACH(a_part_of_a_person_can_go),
        EACH(requests_are_listed_and_stand_in_the_audit_log),
        EACH(bad_requests_are_refused_and_erase_nobody),
        EACH(an_export_holds_what_is_stored_and_the_reasons),
        EACH(more_than_an_answer_holds_is_for_the_command_line),
        EACH(a_receipt_is_verified_without_any_store),
        EACH(a_running_server_forgets_who_is_erased_on_the_command_line),
    };

    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run("e2e/erase");

    if ((database = postgres_start(true))) {
        failed += run("e2e/erase on PostgreSQL");
        postgres_stop(database);
    }
    return failed;
}
