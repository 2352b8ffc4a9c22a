/* Event streams over HTTP: their address, what a change of flags tells, and going down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "fixture.h"
#include "loop/flags.h"

#define ASK   "{\"context\":{\"targetingKey\":\"u1\"}}"
#define HELLO "\r\n\r\n: hi\n\nretry: 3000\n\n"

static void put(fixture *f, const char *key)
{
    tdl_flag_row flag = {.key = tdl_str_of(key),
                         .family = TDL_STR("posthog"),
                         .definition =
                             TDL_STR("{\"active\":true,\"filters\":{\"groups\":[{\"properties\":[],"
                                     "\"rollout_percentage\":100}]}}")};
    tdl_report why = {0};

    if (tdl_loop_put_flag(f->loop, &flag, &why))
        fail_msg("%s", why.message);
}

static void current_etag(fixture *f, char ret[40])
{
    tdl_flags_served *served = tdl_loop_flags_take(f->loop);

    snprintf(ret, 40, "%s", tdl_flag_set_etag(served->set));
    tdl_loop_flags_drop(served);
}

/* Everything that comes until `text` has. */
static void read_until(int fd, const char *text, char *ret, size_t ret_n)
{
    size_t n = 0;

    ret[0] = '\0';
    while (!strstr(ret, text)) {
        if (n + 1 >= ret_n || recv(fd, ret + n, 1, 0) != 1)
            fail_msg("got \"%s\", waiting for \"%s\"", ret, text);
        ret[++n] = '\0';
    }
}

static int open_at(fixture *f, const char *target, const char *fields)
{
    char request[500], head[1000];
    int fd = raw_connect(f->port);

    assert_true(fd >= 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n", target, fields);
    raw_text(fd, request);
    read_until(fd, HELLO, head, sizeof head);
    assert_memory_equal(head, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(head, "\r\nContent-Type: text/event-stream\r\n"));
    return fd;
}

static int open_growthbook(fixture *f)
{
    char target[200];

    snprintf(target, sizeof target, "/sub/%s", f->write_key);
    return open_at(f, target, "Origin: http://shop.example\r\n");
}

/* The address in a bulk answer. */
static void ask_for_stream(fixture *f, char ret[200])
{
    const char *at;

    assert_int_equal(fixture_call(f, "POST", "/ofrep/v1/evaluate/flags", f->write_key, ASK), 200);
    assert_non_null(at = strstr(f->answer.body, "\"requestUri\":\""));
    assert_int_equal(sscanf(at, "\"requestUri\":\"%199[^\"]", ret), 1);
}

static void expect_quiet(int fd, int ms)
{
    char byte;

    usleep((unsigned)ms * 1000);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void a_change_is_told_to_growthbooks_stream(void **state)
{
    fixture *f = *state;
    char told[500], want[200], etag[40];
    int fd = open_growthbook(f);

    put(f, "a");
    current_etag(f, etag);
    read_until(fd, "\n\n", told, sizeof told);
    snprintf(want, sizeof want, "id: %s\nevent: features-updated\ndata: {}\n\n", etag);
    assert_string_equal(told, want);
    close(fd);
}

static void a_stream_needs_a_key_or_a_token(void **state)
{
    static const char *const bad[] = {"/sub/wrong", "/ofrep/v1/stream", "/ofrep/v1/stream?c=",
                                      "/ofrep/v1/stream?c=AAZh3C0zdOfK5mlB2e"};
    fixture *f = *state;
    char address[200];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(fixture_call(f, "GET", bad[i], NULL, NULL), 401);
    ask_for_stream(f, address);
    address[strlen("/ofrep/v1/stream?c=") + 20] ^= 1; // of the part that is signed
    assert_int_equal(fixture_call(f, "GET", address, NULL, NULL), 401);
    assert_int_equal(fixture_call(f, "POST", address, NULL, ""), 405);
}

static void openfeatures_stream_tells_to_fetch_again(void **state)
{
    fixture *f = *state;
    char address[200], told[500], want[200], etag[40];

    put(f, "a");
    usleep(300000); // that one is told, and past
    ask_for_stream(f, address);
    int fd = open_at(f, address, "");
    expect_quiet(fd, 100);
    put(f, "b");
    current_etag(f, etag);
    read_until(fd, "\n\n", told, sizeof told);
    snprintf(
        want, sizeof want,
        "id: %s\nevent: message\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"\\\"%s\\\"\","
        "\"lastModified\":",
        etag, etag);
    assert_memory_equal(told, want, strlen(want));
    close(fd);
}

/* Between the answer and its stream, and between a stream and the next. */
static void a_change_while_nobody_listened_is_told_at_once(void **state)
{
    fixture *f = *state;
    char address[200], told[500], etag[40], fields[100];

    ask_for_stream(f, address);
    put(f, "a");
    usleep(300000);
    int fd = open_at(f, address, "");
    read_until(fd, "refetchEvaluation", told, sizeof told);
    close(fd);
    current_etag(f, etag);
    snprintf(fields, sizeof fields, "Last-Event-ID: %s\r\n", etag);
    fd = open_at(f, address, fields);
    expect_quiet(fd, 100);
    close(fd);
    put(f, "b");
    usleep(300000);
    fd = open_at(f, address, fields);
    read_until(fd, "refetchEvaluation", told, sizeof told);
    close(fd);
}

static void a_burst_of_changes_is_told_twice_at_most(void **state)
{
    fixture *f = *state;
    char told[500], etag[40], key[8];
    int fd = open_growthbook(f), events = 0;
    int64_t began_us = tdl_time_monotonic();

    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "f%d", i);
        put(f, key);
    }
    int64_t quarters = (tdl_time_monotonic() - began_us) / 250000;
    current_etag(f, etag);
    do { // ends with the last change, whatever came before
        read_until(fd, "\n\n", told, sizeof told);
        events++;
    } while (!strstr(told, etag));
    assert_true(events <= 2 + quarters);
    close(fd);
}

static void a_stream_outlives_what_libmicrohttpd_thinks_is_idle(void **state)
{
    fixture *f = *state;
    char told[500];

    fixture_restart(f, (tdl_server_options){.threads = 2, .idle_seconds = 1});
    int fd = open_growthbook(f);
    expect_quiet(fd, 2500);
    put(f, "a");
    read_until(fd, "features-updated", told, sizeof told);
    close(fd);
}

static void a_connection_may_have_asked_before(void **state)
{
    fixture *f = *state;
    char request[300], told[1000];
    int fd = raw_connect(f->port);

    raw_text(fd, "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    raw_receive(fd, false, &f->answer);
    assert_int_equal(f->answer.status, 200);
    snprintf(request, sizeof request, "GET /sub/%s HTTP/1.1\r\nHost: t\r\n\r\n", f->write_key);
    raw_text(fd, request);
    read_until(fd, HELLO, told, sizeof told);
    put(f, "a");
    read_until(fd, "features-updated", told, sizeof told);
    close(fd);
}

static void head_gets_the_fields_and_no_stream(void **state)
{
    fixture *f = *state;
    char target[200];

    snprintf(target, sizeof target, "/sub/%s", f->write_key);
    fixture_request(f->answer.body, sizeof f->answer.body, "HEAD", target, NULL, NULL);
    raw_exchange(f->port, f->answer.body, &f->answer);
    assert_int_equal(f->answer.status, 200);
    assert_true(raw_has(&f->answer, "Content-Type: text/event-stream"));
}

enum { STREAMS = 100 };

static void open_many(fixture *f, int fds[STREAMS])
{
    for (int i = 0; i < STREAMS; i++)
        fds[i] = open_growthbook(f);
}

static void expect_ends(int fds[STREAMS])
{
    char byte;

    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(recv(fds[i], &byte, 1, 0), 0);
        close(fds[i]);
    }
}

static void draining_ends_a_hundred_streams_at_once(void **state)
{
    fixture *f = *state;
    int fds[STREAMS];

    open_many(f, fds);
    int64_t began_us = tdl_time_monotonic();
    assert_true(tdl_server_drain(f->server, 10000));
    expect_ends(fds);
    assert_true(tdl_time_monotonic() - began_us < 5000000);
}

static void stopping_without_draining_ends_them_too(void **state)
{
    fixture *f = *state;
    int fds[STREAMS];

    open_many(f, fds);
    tdl_server_stop(f->server);
    f->server = NULL;
    expect_ends(fds);
    put(f, "a"); // nobody is told any more
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_change_is_told_to_growthbooks_stream),
        EACH(a_stream_needs_a_key_or_a_token),
        EACH(openfeatures_stream_tells_to_fetch_again),
        EACH(a_change_while_nobody_listened_is_told_at_once),
        EACH(a_burst_of_changes_is_told_twice_at_most),
        EACH(a_stream_outlives_what_libmicrohttpd_thinks_is_idle),
        EACH(a_connection_may_have_asked_before),
        EACH(head_gets_the_fields_and_no_stream),
        EACH(draining_ends_a_hundred_streams_at_once),
        EACH(stopping_without_draining_ends_them_too),
    };
    return cmocka_run_group_tests_name("http/streams", tests, NULL, NULL);
}
