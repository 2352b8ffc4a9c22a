/* Many clients at once, writing and asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

enum { CLIENTS = 24, ROUNDS = 40, BATCH = 5 };

typedef struct worker {
    const server *server;
    int number, failed, missing;
} worker;

/* Each client sends events of a user of its own and asks for that user in between. */
static void *work(void *context)
{
    worker *w = context;
    client *c = client_new(w->server, w->server->admin_key);
    tdl_buf body = {0};

    for (int round = 0; round < ROUNDS; round++) {
        tdl_buf_clear(&body);
        for (int i = 0; i < BATCH; i++)
            tdl_buf_printf(&body, "%c{\"user\":\"c%d\",\"kind\":\"view\",\"item\":\"i%d\"}",
                           i ? ',' : '[', w->number, round * BATCH + i);
        tdl_buf_char(&body, ']');
        w->failed += client_call(c, "POST", "/v1/events", body.at) != 200;
        w->failed += client_get(c, "/v1/recommend?user=c%d&n=3", w->number) != 200;
        w->failed += client_get(c, "/v1/events?user=c%d&limit=1000", w->number) != 200;
        w->missing += json_array_size(client_at(c, "events")) != (size_t)(round + 1) * BATCH;
    }
    tdl_buf_release(&body);
    client_free(c);
    return NULL;
}

static void everybody_is_answered_and_reads_their_own_writes(void **state)
{
    const server *s = *state;
    pthread_t threads[CLIENTS];
    worker workers[CLIENTS];
    client *c = client_new(s, s->admin_key);

    for (int i = 0; i < CLIENTS; i++) {
        workers[i] = (worker){.server = s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].failed, 0);
        assert_int_equal(workers[i].missing, 0);
    }
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    assert_int_equal(json_integer_value(client_at(c, "events.total")), CLIENTS * ROUNDS * BATCH);
    assert_int_equal(json_integer_value(client_at(c, "decisions")), CLIENTS * ROUNDS);
    assert_int_equal(json_integer_value(client_at(c, "users")), CLIENTS);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_is_answered_and_reads_their_own_writes,
                                        server_set_up, server_tear_down),
    };
    return cmocka_run_group_tests_name("e2e/clients", tests, NULL, NULL);
}
