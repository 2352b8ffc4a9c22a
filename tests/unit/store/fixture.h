/* A store in a temporary folder, or in a PostgreSQL server of the test's own, for every test of the
 * store. */
#ifndef TDL_TESTS_STORE_FIXTURE_H
#define TDL_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "store/store.h"

typedef struct fixture {
    char dir[256], path[300]; /* path: of SQLite's database */
    char url[320];            /* what is opened */
    char master_key[300];     /* its file, made when a sealed store is opened */
    bool on_postgres, sealed;
    tdl_store *store;
    tdl_arena *arena;
    tdl_report why;
} fixture;

/* cmocka's set-up and tear-down: an open, empty store; everything removed at the end. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
/* The same without opening the store. */
int fixture_set_up_closed(void **state);

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)
#define CLOSED_TEST(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, fixture_set_up_closed, fixture_tear_down)

void fixture_open(fixture *f, const tdl_store_options *options); /* NULL: the defaults */
/* `options` as the store under test wants them: with a master key when it is sealed. */
tdl_store_options fixture_options(const fixture *f, tdl_store_options options);
/* Open one more store under the same URL. */
tdl_store *fixture_open_second(fixture *f);
void fixture_close(fixture *f);
void fixture_reopen(fixture *f);

/* Fails the test with the report unless `status` is TDL_OK. */
void succeed(fixture *f, tdl_status status);
/* Fails the test unless `status` is as expected and the report says `part`. */
void refuse(fixture *f, tdl_status status, tdl_status expected, const char *part);

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        tdl_str actual_str = (actual);                                                             \
        if (!tdl_str_is(actual_str, (expected)))                                                   \
            fail_msg("\"%.*s\" is not \"%s\"", TDL_FMT(actual_str), (expected));                   \
    } while (0)

/* A valid event of user "u", kind "view", source "test" at 1,000,000 us. */
tdl_event event_of(const char *message_id);
/* Append one such event and give how many were new. */
size_t append_one(fixture *f, const tdl_event *event);

/* Message ids in scan order, separated by blanks, in the arena. */
const char *scanned(fixture *f, int64_t from_us);

/* Record of the newest entry of the audit log, in the arena. */
const char *newest_entry(fixture *f);

/* Run the tests on SQLite, then on PostgreSQL when it is installed, on each with a plain store and
 * with a sealed one: one contract, every backend. Gives what main answers. */
#define run_on_each_backend(name, tests)                                                           \
    run_tests_on_each_backend(name, tests, sizeof(tests) / sizeof((tests)[0]))
int run_tests_on_each_backend(const char *name, const struct CMUnitTest *tests, size_t tests_n);

/* The same on PostgreSQL alone, plain and sealed. */
#define run_on_postgres(name, tests)                                                               \
    run_tests_on_postgres(name, tests, sizeof(tests) / sizeof((tests)[0]))
int run_tests_on_postgres(const char *name, const struct CMUnitTest *tests, size_t tests_n);

/* On each backend with a sealed store only. */
#define run_sealed_on_each_backend(name, tests)                                                    \
    run_sealed_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))
int run_sealed_tests(const char *name, const struct CMUnitTest *tests, size_t tests_n);
struct postgres *fixture_server(void); /* to halt and resume; NULL on SQLite */

/* Run SQL on the database from outside the store. */
void outside(fixture *f, const char *sql);
int64_t outside_number(fixture *f, const char *sql);

#endif
