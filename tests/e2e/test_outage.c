/* The shared database goes away under load and comes back, again and again: senders are refused,
 * send again, and in the end each acknowledged event is there once. No server is started anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "../support/postgres.h"
#include "senders.h"

enum { SERVERS = 2, OUTAGES = 4, STEP_US = 20000, PATIENCE = 1500 };

static postgres *database;

static void start(server *s, const server *first)
{
    snprintf(s->store, sizeof s->store, "%s", database->url);
    server_start(s, 0);
    if (first) // the key is made once for all
        snprintf(s->admin_key, sizeof s->admin_key, "%s", first->admin_key);
}

static void wait_until_stored(client *c)
{
    for (int left = PATIENCE; left; left--) {
        if (client_call(c, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}") == 200)
            return;
        assert_int_equal(c->status, 503); // a client shall come again, and not give up
        usleep(STEP_US);
    }
    fail_msg("still refused after the database has come back: %s", c->body.at);
}

static void an_outage_loses_no_acknowledged_event_and_doubles_none(void **state)
{
    static senders all[SERVERS];
    server *s[SERVERS];
    client *c[SERVERS];

    (void)state;
    for (int i = 0; i < SERVERS; i++) {
        start(s[i] = server_new(), i ? s[0] : NULL);
        c[i] = client_new(s[i], s[i]->admin_key);
        all[i] = (senders){.n = 3, .round = i, .max = 100000, .patient = true};
        senders_start(&all[i], s[i]);
    }
    for (int outage = 0; outage < OUTAGES; outage++) {
        usleep(500000);
        postgres_halt(database, outage % 2);
        usleep(300000);
        client_call(c[0], "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
        assert_int_equal(c[0]->status, 503);
        client_expect(c[0], 200, "GET", "/v1/recommend?user=u", NULL); // deciding goes on
        postgres_resume(database);
        for (int i = 0; i < SERVERS; i++)
            wait_until_stored(c[i]);
    }
    int events = 0, refused = 0;
    for (int i = 0; i < SERVERS; i++) {
        senders_stop(&all[i]);
        events += senders_check(&all[i], c[i]);
        refused += senders_refused(&all[i]);
    }
    print_message("%d outages, %d acknowledged events, all there; %d refused and sent again\n",
                  OUTAGES, events, refused);
    assert_true(events > 0 && refused > 0);
    for (int i = 0; i < SERVERS; i++) {
        client_free(c[i]);
        assert_int_equal(server_stop(s[i]), 0);
        server_free(s[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_loses_no_acknowledged_event_and_doubles_none),
    };
    if (!(database = postgres_start(true))) {
        print_message("[  SKIPPED ] %zu test(s)\n", sizeof tests / sizeof tests[0]);
        return 0;
    }
    server_share_key(database->folder);
    int failed = cmocka_run_group_tests_name("e2e/outage", tests, NULL, NULL);
    postgres_stop(database);
    return failed;
}
