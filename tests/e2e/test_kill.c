/* kill -9 in the middle of ingest, many times: every acknowledged event is there once, and the
 * database opens. Slow: it starts the server more than twenty times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "client.h"

enum { KILLS = 24, CLIENTS = 4, BATCH = 4, BATCHES_MAX = 200 };

typedef struct sender {
    const server *server;
    int round, number;
    int acknowledged; /* batches 0 .. acknowledged - 1 were answered with 200 */
} sender;

/* Sends numbered batches, one after the other, until the server is gone. */
static void *send_until_killed(void *context)
{
    sender *s = context;
    client *c = client_new(s->server, s->server->admin_key);
    tdl_buf body = {0};

    while (s->acknowledged < BATCHES_MAX) {
        tdl_buf_clear(&body);
        for (int i = 0; i < BATCH; i++)
            tdl_buf_printf(&body,
                           "%c{\"user\":\"r%d-c%d\",\"kind\":\"view\",\"message_id\":\"%d-%d-%d\"}",
                           i ? ',' : '[', s->round, s->number, s->round, s->number,
                           s->acknowledged * BATCH + i);
        tdl_buf_char(&body, ']');
        if (client_call(c, "POST", "/v1/events", body.at) != 200)
            break;
        s->acknowledged++;
    }
    tdl_buf_release(&body);
    client_free(c);
    return NULL;
}

static void one_round(server *s, sender senders[CLIENTS], int round, useconds_t life_us)
{
    pthread_t threads[CLIENTS];

    server_start(s, 0);
    for (int i = 0; i < CLIENTS; i++) {
        senders[i] = (sender){.server = s, .round = round, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_until_killed, &senders[i]), 0);
    }
    usleep(life_us);
    server_kill(s);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
}

/* All acknowledged events once, and of the batch under way all or nothing. */
static void check_sender(client *c, const sender *s)
{
    bool seen[(BATCHES_MAX + 1) * BATCH] = {false};
    const json_t *event;
    size_t i, n;
    int round, number, at;

    assert_int_equal(client_get(c, "/v1/events?user=r%d-c%d&limit=1000", s->round, s->number), 200);
    n = json_array_size(client_at(c, "events"));
    json_array_foreach(client_at(c, "events"), i, event)
    {
        const char *id = json_string_value(json_object_get(event, "message_id"));
        assert_int_equal(sscanf(id, "%d-%d-%d", &round, &number, &at), 3);
        assert_true(round == s->round && number == s->number && !seen[at]);
        seen[at] = true;
    }
    for (at = 0; at < s->acknowledged * BATCH; at++)
        if (!seen[at])
            fail_msg("round %d, client %d: event %d was acknowledged and is lost", s->round,
                     s->number, at);
    assert_true(n == (size_t)s->acknowledged * BATCH || n == (size_t)(s->acknowledged + 1) * BATCH);
}

static void kill_9_during_ingest_loses_no_acknowledged_event(void **state)
{
    static sender senders[KILLS][CLIENTS];
    server *s = server_new();
    tdl_rng rng = tdl_rng_make(20261124, 0);
    int acknowledged = 0;

    (void)state;
    for (int round = 0; round < KILLS; round++)
        one_round(s, senders[round], round, (useconds_t)(20000 + tdl_rng_below(&rng, 150000)));
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    for (int round = 0; round < KILLS; round++)
        for (int i = 0; i < CLIENTS; i++) {
            check_sender(c, &senders[round][i]);
            acknowledged += senders[round][i].acknowledged * BATCH;
        }
    assert_true(acknowledged > KILLS * BATCH); // the kills did hit ingest
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
