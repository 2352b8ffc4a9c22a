#include "fixture.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../support/postgres.h"
#include "store/audit.h"

static postgres *server; /* NULL: the tests run on SQLite */
static bool sealed;      /* their stores are */

/* One statement or more, on a connection of its own; other processes' commits are announced. */
static PGresult *ask(const fixture *f, const char *sql)
{
    PGconn *conn = PQconnectdb(f->url);

    PQclear(PQexec(conn, "SET search_path = treadle; SET client_min_messages = warning"));
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(PQexec(conn, "NOTIFY treadle"));
    PQfinish(conn);
    return result;
}

int fixture_set_up_closed(void **state)
{
    const char *tmp = getenv("TMPDIR");
    fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "%s/treadle-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/treadle.db", f->dir);
    snprintf(f->url, sizeof f->url, "%s", server ? server->url : f->path);
    snprintf(f->master_key, sizeof f->master_key, "%s/master.key", f->dir);
    f->sealed = sealed;
    if ((f->on_postgres = server != NULL))
        PQclear(ask(f, "DROP SCHEMA IF EXISTS treadle CASCADE"));
    f->arena = tdl_arena_new((size_t)64 << 20);
    assert_non_null(f->arena);
    *state = f;
    return 0;
}

int fixture_set_up(void **state)
{
    fixture_set_up_closed(state);
    fixture_open(*state, NULL);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    TDL_UNUSED(status);
    TDL_UNUSED(kind);
    TDL_UNUSED(at);
    return remove(path);
}

int fixture_tear_down(void **state)
{
    fixture *f = *state;

    tdl_store_close(f->store);
    tdl_arena_free(f->arena);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

tdl_store_options fixture_options(const fixture *f, tdl_store_options options)
{
    options.master_key_file = f->sealed ? f->master_key : NULL;
    return options;
}

void fixture_open(fixture *f, const tdl_store_options *options)
{
    tdl_store_options own = fixture_options(f, options ? *options : (tdl_store_options){0});

    succeed(f, tdl_store_open(f->url, &own, &f->store, &f->why));
}

tdl_store *fixture_open_second(fixture *f)
{
    tdl_store_options own = fixture_options(f, (tdl_store_options){0});
    tdl_store *second;

    succeed(f, tdl_store_open(f->url, &own, &second, &f->why));
    return second;
}

void fixture_close(fixture *f)
{
    tdl_store_close(f->store);
    f->store = NULL;
}

void fixture_reopen(fixture *f)
{
    fixture_close(f);
    fixture_open(f, NULL);
}

void succeed(fixture *f, tdl_status status)
{
    if (status)
        fail_msg("%s: %s (%s)", tdl_status_name(status), f->why.message, f->why.hint);
}

void refuse(fixture *f, tdl_status status, tdl_status expected, const char *part)
{
    if (status != expected || f->why.status != expected || !strstr(f->why.message, part))
        fail_msg("%s: \"%s\" is not %s: \"... %s ...\"", tdl_status_name(status), f->why.message,
                 tdl_status_name(expected), part);
    f->why = (tdl_report){0};
}

tdl_event event_of(const char *message_id)
{
    return (tdl_event){.time_us = 1000000,
                       .user = TDL_STR("u"),
                       .kind = TDL_STR("view"),
                       .source = TDL_STR("test"),
                       .message_id = tdl_str_of(message_id)};
}

size_t append_one(fixture *f, const tdl_event *event)
{
    size_t new_n = 99;

    succeed(f, tdl_store_append(f->store, event, 1, &new_n, &f->why));
    return new_n;
}

const char *scanned(fixture *f, int64_t from_us)
{
    tdl_buf ids = {0};
    tdl_scan *scan;
    tdl_event event;
    bool more;

    succeed(f, tdl_scan_open(f->store, from_us, 0, &scan, &f->why));
    for (;;) {
        succeed(f, tdl_scan_next(scan, &event, NULL, &more, &f->why));
        if (!more)
            break;
        tdl_buf_printf(&ids, "%s%.*s", ids.len ? " " : "", TDL_FMT(event.message_id));
    }
    tdl_scan_close(scan);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&ids));
    tdl_buf_release(&ids);
    assert_non_null(copy.at);
    return copy.at;
}

const char *newest_entry(fixture *f)
{
    tdl_audit_row *rows;
    size_t n;

    succeed(f, tdl_store_audit_rows(f->store, 0, 1, f->arena, &rows, &n, &f->why));
    return n ? rows[0].record.at : "";
}

void outside(fixture *f, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;

    if (f->on_postgres) {
        PQclear(ask(f, sql));
        return;
    }
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &message))
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

int64_t outside_number(fixture *f, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    if (f->on_postgres) {
        PGresult *result = ask(f, sql);
        int64_t found = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        PQclear(result);
        return found;
    }
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

postgres *fixture_server(void)
{
    return server;
}

static int run_group(const char *name, const struct CMUnitTest *tests, size_t tests_n)
{
    char full[128];

    snprintf(full, sizeof full, "%s%s%s", name, server ? " on PostgreSQL" : "",
             sealed ? ", sealed" : "");
    return _cmocka_run_group_tests(full, tests, tests_n, NULL, NULL);
}

static int run_on_servers(const char *name, const struct CMUnitTest *tests, size_t tests_n,
                          bool plain)
{
    int failed = 0;

    if (!(server = postgres_start(false))) {
        print_message("[  SKIPPED ] %zu test(s) of %s\n", tests_n * (1 + plain), name);
        return 0;
    }
    if (plain)
        failed += run_group(name, tests, tests_n);
    sealed = true;
    failed += run_group(name, tests, tests_n);
    sealed = false;
    postgres_stop(server);
    server = NULL;
    return failed;
}

int run_tests_on_postgres(const char *name, const struct CMUnitTest *tests, size_t tests_n)
{
    return run_on_servers(name, tests, tests_n, true);
}

int run_tests_on_each_backend(const char *name, const struct CMUnitTest *tests, size_t tests_n)
{
    int failed = run_group(name, tests, tests_n);

    sealed = true;
    failed += run_group(name, tests, tests_n);
    sealed = false;
    return failed + run_on_servers(name, tests, tests_n, true);
}

int run_sealed_tests(const char *name, const struct CMUnitTest *tests, size_t tests_n)
{
    sealed = true;
    int failed = run_group(name, tests, tests_n);
    sealed = false;
    return failed + run_on_servers(name, tests, tests_n, false);
}
