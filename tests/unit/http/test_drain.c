/* Going down without losing anybody's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

static void an_idle_server_drains_at_once(void **state)
{
    fixture *f = *state;
    int idle = raw_connect(f->port);

    raw_text(idle, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(idle, false, &f->answer);
    assert_true(tdl_server_drain(f->server, 5000));
    close(idle);
}

static void a_draining_server_takes_no_new_connection(void **state)
{
    fixture *f = *state;
    int old = raw_connect(f->port);

    raw_text(old, "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(old, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    tdl_server_drain(f->server, 5000);
    assert_int_equal(raw_connect(f->port), -1);
    raw_text(old, "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(old, false, &f->answer);
    assert_int_equal(f->answer.status, 503);
    assert_string_equal(f->answer.body, "{\"status\":\"draining\"}");
    assert_true(raw_has(&f->answer, "Connection: close"));
    raw_receive(old, false, &f->answer);
    assert_int_equal(f->answer.status, 0); // closed
    close(old);
}

static void a_request_under_way_is_finished_first(void **state)
{
    fixture *f = *state;
    char request[400];
    int fd = raw_connect(f->port);
    const char body[] = "{\"user\":\"u\",\"kind\":\"v\"}";

    snprintf(request, sizeof request,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: %zu\r\n\r\n{",
             f->write_key, strlen(body));
    raw_text(fd, request);
    usleep(50000); // its head has arrived
    assert_false(tdl_server_drain(f->server, 50));
    raw_text(fd, body + 1);
    assert_true(tdl_server_drain(f->server, 10000));
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    close(fd);
}

typedef struct sender {
    fixture *f;
    int acknowledged;
} sender;

/* Sends until the server is gone; what was answered 200 counts. */
static void *send_until_gone(void *context)
{
    sender *s = context;
    char request[600];
    static const char ok[] = "HTTP/1.1 200";

    fixture_request(request, sizeof request, "POST", "/v1/events", s->f->write_key,
                    "{\"user\":\"u\",\"kind\":\"v\"}");
    for (;;) {
        char answer[1024] = {0};
        int fd = raw_connect(s->f->port);
        if (fd < 0)
            return NULL;
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) > 0 &&
            recv(fd, answer, sizeof answer - 1, 0) > 0)
            s->acknowledged += !strncmp(answer, ok, sizeof ok - 1);
        close(fd);
    }
}

static void stopping_amid_requests_loses_no_acknowledged_event(void **state)
{
    enum { SENDERS = 8 };
    fixture *f = *state;
    pthread_t threads[SENDERS];
    sender senders[SENDERS];
    tdl_store_counts counts;
    int acknowledged = 0;

    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (sender){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, send_until_gone, &senders[i]), 0);
    }
    usleep(300000);
    tdl_server_stop(f->server); // without draining
    f->server = NULL;
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        acknowledged += senders[i].acknowledged;
    }
    tdl_store_flush(tdl_loop_store(f->loop));
    tdl_store_count(tdl_loop_store(f->loop), &counts);
    assert_true(acknowledged > 0);
    assert_true(counts.events >= acknowledged);
    assert_true(counts.events <= acknowledged + SENDERS); // stored, but the answer was cut off
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_idle_server_drains_at_once),
        EACH(a_draining_server_takes_no_new_connection),
        EACH(a_request_under_way_is_finished_first),
        EACH(stopping_amid_requests_loses_no_acknowledged_event),
    };
    return cmocka_run_group_tests_name("http/drain", tests, NULL, NULL);
}
