/* Answers of databases into frames. */
#include "frame_case.h"

#include <libpq-fe.h>
#include <sqlite3.h>

#include "../../support/postgres.h"

static void run_sqlite(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static tdl_status ask(const char *source, const char *query, tdl_frame *ret, tdl_report *why)
{
    tdl_read_options o = {.query = query};

    return tdl_frame_read(source, &o, ret, NULL, why);
}

static void refuse(const char *source, const char *query, tdl_status expected, const char *message)
{
    tdl_frame f = {0};
    tdl_report why = {0};
    tdl_status st = ask(source, query, &f, &why);

    if (st != expected || !strstr(why.message, message))
        fail_msg("got %d: %s (%s)", (int)st, why.message, why.hint);
    assert_null(strstr(why.message, "s3cret"));
}

static void an_sqlite_file_is_asked_and_never_written(void **state)
{
    char path[64], source[80];
    tdl_frame f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    write_file(path, ".db", "", 0);
    snprintf(source, sizeof source, "sqlite:%s", path);
    run_sqlite(path, "create table t(n real, i integer, s text, d text, b blob);"
                     "insert into t values (0.1, 1, 'a', '2020-01-02', x'ff'),"
                     "(1e300, null, '城', '2020-01-03 04:05', null), (9e999, 3, 'a', null, 'x')");
    if (ask(source, "select n, i, s, d, i + 1 as j from t; ", &f, &why))
        fail_msg("%s", why.message);
    assert_int_equal(f.rows, 3);
    assert_true(column_of(&f, "n")->number[0] == 0.1);
    assert_true(column_of(&f, "n")->number[1] == 1e300);
    assert_int_equal(column_of(&f, "n")->infinite, 1);
    assert_cells(&f, "i", "1||3");
    assert_cells(&f, "s", "a|城|a");
    assert_type(&f, "d", "date");
    assert_cells(&f, "j", "2||4");
    tdl_frame_release(&f);
    refuse(source, NULL, TDL_E_USAGE, "needs a query");
    refuse(source, "select b from t", TDL_E_INVALID, "row 1: column 'b' holds bytes");
    refuse(source, "delete from t", TDL_E_INVALID, "only reads");
    refuse(source, "select 1; delete from t", TDL_E_INVALID, "one statement");
    refuse(source, "", TDL_E_INVALID, "only reads");
    refuse(source, "select nowhere", TDL_E_INVALID, "no such column");
    refuse(source, "select i, i from t", TDL_E_INVALID, "both called 'i'");
    refuse("sqlite:/nowhere/x.db", "select 1", TDL_E_NOT_FOUND, "/nowhere/x.db");
    unlink(path);
    write_file(path, ".db", "this is no database, although it is long enough to be one.......", 64);
    snprintf(source, sizeof source, "sqlite:%s", path);
    refuse(source, "select * from t", TDL_E_CORRUPT, "not a database");
    unlink(path);
}

static void a_postgres_server_is_asked_and_never_written(void **state)
{
    postgres *server = postgres_start(false);
    tdl_frame f = {0};
    tdl_report why = {0};

    TDL_UNUSED(state);
    if (!server)
        skip();
    if (ask(server->url,
            "select i, i / 3.0::float8 as x, i % 2 = 0 as even, case when i > 2 then 'b' end as s,"
            "timestamptz '2020-01-02 03:04:05.5+00' + i * interval '1 hour' as t "
            "from generate_series(1, 5000) i",
            &f, &why))
        fail_msg("%s", why.message);
    assert_int_equal(f.rows, 5000);
    assert_true(column_of(&f, "x")->number[0] == 1 / 3.0);
    assert_type(&f, "even", "boolean");
    assert_int_equal(column_of(&f, "s")->missing, 2);
    assert_type(&f, "t", "date");
    assert_true(column_of(&f, "t")->number[0] == 1577937845.5); /* date -ud '2020-01-02T04:04:05' */
    tdl_frame_release(&f);
    refuse(server->url, "create table treadle_t(i int)", TDL_E_INVALID, "read-only");
    refuse(server->url, "select 1; select 2", TDL_E_INVALID, "multiple commands");
    refuse(server->url, "select nothing", TDL_E_INVALID, "nothing");
    refuse(server->url, "select 1 as a, 2 as a", TDL_E_INVALID, "both called 'a'");
    postgres_stop(server);
}

static void a_password_is_in_no_message(void **state)
{
    TDL_UNUSED(state);
    refuse("postgres://me:s3cret@127.0.0.1:1/none", "select 1", TDL_E_IO, "connecting");
    refuse("postgres://me:s3cret@127.0.0.1:1/none?s3cret=1", "select 1", TDL_E_USAGE, "URL");
    refuse("postgres://me:s3cret@127.0.0.1:1/none", NULL, TDL_E_USAGE, "needs a query");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_sqlite_file_is_asked_and_never_written),
        cmocka_unit_test(a_postgres_server_is_asked_and_never_written),
        cmocka_unit_test(a_password_is_in_no_message),
    };

    return cmocka_run_group_tests_name("table/read_database", tests, NULL, NULL);
}
