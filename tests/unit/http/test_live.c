/* The live tail: what is told of events that are stored, to whom, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "fixture.h"

#define HELLO "\r\n\r\n: hi\n\nretry: 3000\n\n"

enum { PATIENCE_S = 20, TOLD_EACH_SECOND = 200 };

/* Everything that comes until `text` has. */
static void read_until(int fd, const char *text, char *ret, size_t ret_n)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    size_t n = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ret[0] = '\0';
    while (!strstr(ret, text)) {
        if (n + 1 >= ret_n || recv(fd, ret + n, 1, 0) != 1)
            fail_msg("got \"%s\", waiting for \"%s\"", ret, text);
        ret[++n] = '\0';
    }
}

static int watch(fixture *f, const char *query, const char *key)
{
    char request[700], head[1000];
    int fd = raw_connect(f->port);

    assert_true(fd >= 0);
    snprintf(request, sizeof request,
             "GET /v1/events/live%s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", query,
             key);
    raw_text(fd, request);
    read_until(fd, HELLO, head, sizeof head);
    assert_memory_equal(head, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(head, "\r\nContent-Type: text/event-stream\r\n"));
    return fd;
}

static void send_event(fixture *f, const char *json)
{
    assert_int_equal(fixture_call(f, "POST", "/v1/events", f->write_key, json), 200);
}

static void an_event_is_told_as_it_is_stored(void **state)
{
    fixture *f = *state;
    char told[2000];

    send_event(f, "{\"user\":\"early\",\"kind\":\"view\"}"); // before anybody looked
    int fd = watch(f, "", f->decide_key);
    send_event(f, "{\"user\":\"ann\",\"kind\":\"rating\",\"item\":\"i 1\",\"value\":4.5,"
                  "\"time\":\"2026-01-02T03:04:05Z\",\"message_id\":\"m1\","
                  "\"properties\": {\"a\": [1, \"x\\ny\"]}}");
    read_until(fd, "\n\n", told, sizeof told);
    assert_string_equal(told, "data: {\"seq\":2,\"time\":\"2026-01-02T03:04:05Z\",\"user\":\"ann\","
                              "\"kind\":\"rating\",\"item\":\"i 1\",\"value\":4.5,"
                              "\"properties\":{\"a\":[1,\"x\\ny\"]},\"cut\":false,"
                              "\"source\":\"native\",\"message_id\":\"m1\",\"decision_id\":null}"
                              "\n\n");
    send_event(f, "{\"user\":\"ann\",\"kind\":\"rating\",\"message_id\":\"m1\"}"); // a duplicate
    send_event(f, "{\"user\":\"bob\",\"kind\":\"view\",\"message_id\":\"m2\"}");
    read_until(fd, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"user\":\"bob\""));
    assert_non_null(strstr(told, "\"item\":null,\"value\":null,\"properties\":null"));
    close(fd);
}

static void each_is_told_what_it_asked_for(void **state)
{
    fixture *f = *state;
    char told[2000];
    int views = watch(f, "?kind=view", f->decide_key);
    int anns = watch(f, "?user=ann%2F1", f->admin_key);
    int both = watch(f, "?kind=view&user=ann%2F1", f->admin_key);

    send_event(f, "[{\"user\":\"ann/1\",\"kind\":\"order\"},{\"user\":\"bob\",\"kind\":\"view\"},"
                  "{\"user\":\"ann/1\",\"kind\":\"view\"}]");
    read_until(views, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"user\":\"bob\",\"kind\":\"view\""));
    read_until(views, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"user\":\"ann/1\",\"kind\":\"view\""));
    read_until(anns, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"kind\":\"order\""));
    read_until(anns, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"kind\":\"view\""));
    read_until(both, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"user\":\"ann/1\",\"kind\":\"view\""));
    close(views);
    close(anns);
    close(both);
}

static void a_tail_takes_the_right_to_decide(void **state)
{
    fixture *f = *state;
    char target[1024];

    assert_int_equal(fixture_call(f, "GET", "/v1/events/live", f->write_key, NULL), 403);
    assert_int_equal(fixture_call(f, "GET", "/v1/events/live", NULL, NULL), 401);
    snprintf(target, sizeof target, "/v1/events/live?kind=%0600d", 1);
    assert_int_equal(fixture_call(f, "GET", target, f->decide_key, NULL), 400);
}

static void a_tail_ends_when_its_key_is_revoked(void **state)
{
    fixture *f = *state;
    tdl_key_row *keys;
    size_t n;
    char byte;
    tdl_report why = {0};
    tdl_arena *arena = tdl_arena_new(1 << 20);
    int fd = watch(f, "", f->decide_key);

    assert_int_equal(tdl_store_keys(tdl_loop_store(f->loop), arena, &keys, &n, &why), TDL_OK);
    for (size_t i = 0; i < n; i++)
        if (keys[i].right == TDL_RIGHT_DECIDE)
            assert_int_equal(
                tdl_store_revoke_key(tdl_loop_store(f->loop), tdl_str_of(keys[i].id), &why),
                TDL_OK);
    while (fixture_call(f, "GET", "/v1/kinds", f->decide_key, NULL) == 200) // until it is noticed
        usleep(10000);
    send_event(f, "{\"user\":\"ann\",\"kind\":\"view\"}");
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    tdl_arena_free(arena);
}

static long number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* Counts what a tail tells: events, and those it says were left out, until they are `all`. */
static long count_told(int fd, long all)
{
    static char told[80000];
    long events = 0, dropped = 0;

    while (events + dropped < all) {
        read_until(fd, "\n\n", told, sizeof told);
        if (strstr(told, "event: dropped"))
            dropped += number_after(told, "\"dropped\":");
        else
            events += strstr(told, "data: {\"seq\"") != NULL;
    }
    assert_int_equal(events + dropped, all);
    return events;
}

static char *many_events(int n, const char *properties)
{
    size_t size = (size_t)n * (100 + strlen(properties)) + 10;
    char *json = malloc(size);
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += (size_t)snprintf(json + len, size - len, "%s{\"user\":\"u%d\",\"kind\":\"view\"%s}",
                                i ? "," : "[", i, properties);
    snprintf(json + len, size - len, "]");
    return json;
}

static void what_comes_too_fast_is_counted(void **state)
{
    enum { EVENTS = 1000 };
    fixture *f = *state;
    char *json = many_events(EVENTS, "");
    int fd = watch(f, "", f->decide_key);
    int64_t began_us = tdl_time_monotonic();

    send_event(f, json);
    long events = count_told(fd, EVENTS);
    int64_t seconds = (tdl_time_monotonic() - began_us) / 1000000;
    assert_true(events > 0);
    assert_true(events <= (seconds + 2) * TOLD_EACH_SECOND);
    close(fd);
    free(json);
}

/* One that reads nothing costs neither the writer nor the others, and is told what it missed. */
static void a_reader_that_waits_misses_events_and_is_told_how_many(void **state)
{
    enum { ROUNDS = 12, EVENTS = 100 };
    fixture *f = *state;
    char properties[3100];
    int slow = watch(f, "", f->decide_key), quick = watch(f, "?kind=never", f->decide_key);

    snprintf(properties, sizeof properties, ",\"properties\":{\"a\":\"%03000d\"}", 0);
    char *json = many_events(EVENTS, properties);
    for (int i = 0; i < ROUNDS; i++)
        send_event(f, json);
    send_event(f, "{\"user\":\"ann\",\"kind\":\"never\"}");
    char told[2000];
    read_until(quick, "\n\n", told, sizeof told);
    long events = count_told(slow, ROUNDS * EVENTS + 1);
    assert_true(events > 0 && events < ROUNDS * EVENTS); // 3.6 MB were never kept
    close(slow);
    close(quick);
    free(json);
}

static void long_properties_are_left_out(void **state)
{
    fixture *f = *state;
    char told[2000], json[6000];
    int fd = watch(f, "", f->decide_key);

    snprintf(json, sizeof json,
             "{\"user\":\"ann\",\"kind\":\"view\",\"properties\":{\"a\":\"%05000d\"}}", 0);
    send_event(f, json);
    read_until(fd, "\n\n", told, sizeof told);
    assert_non_null(strstr(told, "\"properties\":null,\"cut\":true"));
    close(fd);
}

static void there_are_only_so_many_tails(void **state)
{
    fixture *f = *state;
    int fds[64];

    for (int i = 0; i < 64; i++)
        fds[i] = watch(f, "", f->decide_key);
    assert_int_equal(fixture_call(f, "GET", "/v1/events/live", f->decide_key, NULL), 503);
    close(fds[0]);
    for (int i = 0; i < PATIENCE_S * 100; i++) { // until it is noticed
        char request[200];
        int fd = raw_connect(f->port);
        snprintf(request, sizeof request,
                 "GET /v1/events/live HTTP/1.1\r\nHost: t\r\nX-API-Key: %s\r\n\r\n", f->decide_key);
        raw_text(fd, request);
        char line[14] = {0};
        assert_int_equal(recv(fd, line, 13, MSG_WAITALL), 13);
        close(fd);
        if (!strcmp(line, "HTTP/1.1 200 "))
            break;
        assert_string_equal(line, "HTTP/1.1 503 ");
        usleep(10000);
    }
    for (int i = 1; i < 64; i++)
        close(fds[i]);
}

static void *come_and_go(void *context)
{
    fixture *f = context;

    for (int i = 0; i < 30; i++)
        close(watch(f, i % 2 ? "?kind=view" : "", f->decide_key));
    return NULL;
}

static void tails_come_and_go_while_events_are_stored(void **state)
{
    fixture *f = *state;
    pthread_t threads[2];
    char *json = many_events(20, "");

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, f), 0);
    for (int i = 0; i < 100; i++)
        send_event(f, json);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    int fd = watch(f, "", f->decide_key);
    tdl_server_stop(f->server); // with one open
    f->server = NULL;
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    free(json);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_event_is_told_as_it_is_stored),
        EACH(each_is_told_what_it_asked_for),
        EACH(a_tail_takes_the_right_to_decide),
        EACH(a_tail_ends_when_its_key_is_revoked),
        EACH(what_comes_too_fast_is_counted),
        EACH(a_reader_that_waits_misses_events_and_is_told_how_many),
        EACH(long_properties_are_left_out),
        EACH(there_are_only_so_many_tails),
        EACH(tails_come_and_go_while_events_are_stored),
    };
    return cmocka_run_group_tests_name("http/live", tests, NULL, NULL);
}
