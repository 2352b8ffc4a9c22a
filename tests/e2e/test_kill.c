/* kill -9 in the middle of ingest, many times: every acknowledged event is there once, and the
 * database opens. Slow: it starts the server more than fifty times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/rng.h"
#include "senders.h"

enum { KILLS = 50 };

static void kill_9_during_ingest_loses_no_acknowledged_event(void **state)
{
    static senders rounds[KILLS];
    server *s = server_new();
    tdl_rng rng = tdl_rng_make(20261124, 0);
    int acknowledged = 0;

    (void)state;
    for (int i = 0; i < KILLS; i++) {
        rounds[i] = (senders){.n = 4, .round = i, .max = 1000};
        server_start(s, 0);
        senders_start(&rounds[i], s);
        usleep((useconds_t)(20000 + tdl_rng_below(&rng, 150000)));
        server_kill(s);
        senders_stop(&rounds[i]);
    }
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    for (int i = 0; i < KILLS; i++)
        acknowledged += senders_check(&rounds[i], c);
    assert_true(acknowledged > KILLS * SENDERS_BATCH); // the kills did hit ingest
    print_message("%d kills, %d acknowledged events, all there\n", KILLS, acknowledged);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

static void a_sender_that_repeats_itself_after_a_crash_adds_nothing(void **state)
{
    static const char body[] = "[{\"user\":\"u\",\"kind\":\"v\",\"message_id\":\"m1\"},"
                               "{\"user\":\"u\",\"kind\":\"v\",\"message_id\":\"m2\"}]";
    server *s = server_new();

    (void)state;
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", body);
    server_kill(s);
    server_start(s, 0);
    client_expect(c, 200, "POST", "/v1/events", body);
    assert_int_equal(json_integer_value(client_at(c, "duplicates")), 2);
    client_free(c);
    server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_9_during_ingest_loses_no_acknowledged_event),
        cmocka_unit_test(a_sender_that_repeats_itself_after_a_crash_adds_nothing),
    };
    return cmocka_run_group_tests_name("e2e/kill", tests, NULL, NULL);
}
