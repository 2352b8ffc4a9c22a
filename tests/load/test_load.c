/* Everything at once, with training beside it, and a stop in the middle: what is acknowledged is
 * there, and no answer is wrong. Under a thread sanitizer (make tsan) it is the server's race test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../e2e/senders.h"
#include "../support/postgres.h"
#include "traffic.h"

enum { TRAININGS = 2, ANSWERS = 1500, STEP_US = 20000, PATIENCE = 3000 };

static postgres *database; /* NULL: there is none */

static void train(client *c)
{
    client_expect(c, 202, "POST", "/v1/train", "{\"app\":\"recommend\"}");
    for (int left = PATIENCE; left; left--) {
        client_expect(c, 200, "GET", "/v1/stats", NULL);
        if (strcmp(client_text(c, "training.state"), "running") != 0)
            break;
        usleep(STEP_US);
    }
    assert_string_equal(client_text(c, "training.state"), "done");
}

/* Users walk along the catalogue. */
static void fill(client *c)
{
    tdl_buf body = {0};

    for (int u = 0; u < 40; u++)
        for (int k = 0; k < 12; k++)
            tdl_buf_printf(&body, "%c{\"user\":\"w%d\",\"kind\":\"view\",\"item\":\"i%d\"}",
                           u + k ? ',' : '[', u, (u + k) % 40);
    tdl_buf_char(&body, ']');
    client_expect(c, 200, "POST", "/v1/events", body.at);
    tdl_buf_release(&body);
}

static void run(const char *store)
{
    static traffic all;
    static senders sent;
    server *s = server_new();

    all = (traffic){0};
    sent = (senders){.n = 2, .max = 100000};
    snprintf(s->store, sizeof s->store, "%s", store);
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    fill(c);
    traffic_start(&all, s);
    senders_start(&sent, s);
    client_expect(c, 200, "PUT", "/v1/privacy/retention",
                  "{\"rules\":[{\"kind\":\"view\",\"days\":30}]}");
    client_expect(c, 202, "POST", "/v1/privacy/retention/run", NULL);
    for (int i = 0; i < TRAININGS; i++)
        train(c);
    for (int left = PATIENCE; left && atomic_load(&all.answered) < ANSWERS; left--)
        usleep(STEP_US);
    assert_int_equal(server_stop(s), 0); // while all of them ask
    senders_stop(&sent);
    traffic_stop(&all);
    server_start(s, 0);
    int events = senders_check(&sent, c);
    print_message("%d answers, %d streams, %d events checked\n", atomic_load(&all.answered),
                  atomic_load(&all.streams), events);
    assert_true(events > 0 && atomic_load(&all.streams) > 0);
    assert_true(atomic_load(&all.answered) >= ANSWERS);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

static void everything_at_once_on_sqlite(void **state)
{
    TDL_UNUSED(state);
    run("");
}

static void everything_at_once_on_postgresql(void **state)
{
    TDL_UNUSED(state);
    if (!database)
        skip();
    run(database->url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_at_once_on_sqlite),
        cmocka_unit_test(everything_at_once_on_postgresql),
    };
    database = postgres_start(false);
    int failed = cmocka_run_group_tests_name("load/load", tests, NULL, NULL);
    postgres_stop(database);
    return failed;
}
