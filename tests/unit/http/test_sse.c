/* Event streams over socket pairs, without HTTP: what is told, when, and to whom. */
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
#include "http/sse.h"

enum { PATIENCE_S = 20, BIG = 30 << 10 };
static const char head[] = "HEAD\r\n\r\n";
static const char opening[] = "HEAD\r\n\r\n: hi\n\nretry: 3000\n\n";

static tdl_sse *make(tdl_sse_options options)
{
    tdl_sse *sse;
    tdl_report why = {0};

    if (tdl_sse_new(&options, &sse, &why))
        fail_msg("%s", why.message);
    return sse;
}

static tdl_status open_stream(tdl_sse *sse, const char *channel, const char *seen, int *ret)
{
    int pair[2];
    struct timeval patience = {.tv_sec = PATIENCE_S};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    *ret = pair[0];
    const tdl_sse_end end = {.take_fd = pair[1], .head = tdl_str_of(head)};
    return tdl_sse_take(sse, &end, channel, tdl_str_of(seen), NULL);
}

static int stream(tdl_sse *sse, const char *channel, const char *seen)
{
    int fd;

    assert_int_equal(open_stream(sse, channel, seen, &fd), TDL_OK);
    return fd;
}

/* The next bytes are these. */
static void expect(int fd, const char *text)
{
    char got[400] = {0};
    size_t n = strlen(text);

    assert_true(n < sizeof got);
    assert_int_equal(recv(fd, got, n, MSG_WAITALL), (ssize_t)n);
    assert_string_equal(got, text);
}

static void expect_nothing(int fd, int ms)
{
    char byte;

    usleep((unsigned)ms * 1000);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void expect_end(int fd)
{
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        ;
    assert_int_equal(n, 0);
}

static void publish(tdl_sse *sse, const char *channel, const char *id)
{
    tdl_sse_event event = {
        .id = tdl_str_of(id), .name = TDL_STR("changed"), .data = tdl_str_of(id)};

    assert_int_equal(tdl_sse_publish(sse, channel, &event, NULL), TDL_OK);
}

static void publish_big(tdl_sse *sse)
{
    static char data[BIG];

    memset(data, 'x', sizeof data);
    tdl_sse_event event = {.id = TDL_STR("big"), .data = {data, sizeof data}};
    assert_int_equal(tdl_sse_publish(sse, "c", &event, NULL), TDL_OK);
}

static void wait_for_streams(tdl_sse *sse, size_t n)
{
    for (int i = 0; i < PATIENCE_S * 1000 && tdl_sse_streams(sse) != n; i++)
        usleep(1000);
    assert_int_equal(tdl_sse_streams(sse), n);
}

static void a_stream_begins_with_its_head_and_a_greeting(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){0});
    int fd = stream(sse, "c", "");

    (void)state;
    expect(fd, opening);
    expect_nothing(fd, 50);
    assert_int_equal(tdl_sse_streams(sse), 1);
    tdl_sse_free(sse);
    expect_end(fd);
    close(fd);
}

static void an_event_reaches_the_streams_of_its_channel_only(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){0});
    int one = stream(sse, "c", ""), two = stream(sse, "c", ""), other = stream(sse, "d", "");

    (void)state;
    publish(sse, "c", "7");
    expect(one, opening);
    expect(one, "id: 7\nevent: changed\ndata: 7\n\n");
    expect(two, opening);
    expect(two, "id: 7\nevent: changed\ndata: 7\n\n");
    expect(other, opening);
    expect_nothing(other, 50);
    tdl_sse_free(sse);
    close(one), close(two), close(other);
}

static void a_burst_is_told_once_as_its_last_event(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 200});
    int fd = stream(sse, "c", "");
    char id[12];

    (void)state;
    expect(fd, opening);
    publish(sse, "c", "first");
    expect(fd, "id: first\nevent: changed\ndata: first\n\n");
    int64_t told_us = tdl_time_monotonic();
    for (int i = 10; i <= 60; i++) {
        snprintf(id, sizeof id, "%d", i);
        publish(sse, "c", id);
    }
    expect(fd, "id: 60\nevent: changed\ndata: 60\n\n");
    assert_true(tdl_time_monotonic() - told_us > 150000); // less what the first took to get here
    expect_nothing(fd, 300);
    tdl_sse_free(sse);
    close(fd);
}

static void a_heartbeat_comes_when_nothing_else_does(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.heartbeat_ms = 100});
    int fd = stream(sse, "c", "");

    (void)state;
    expect(fd, opening);
    int64_t began_us = tdl_time_monotonic();
    expect(fd, ":\n\n:\n\n:\n\n");
    assert_true(tdl_time_monotonic() - began_us > 200000);
    tdl_sse_free(sse);
    close(fd);
}

static void who_comes_back_is_told_the_event_it_missed(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 1});

    (void)state;
    publish(sse, "c", "1");
    publish(sse, "c", "2");
    int behind = stream(sse, "c", "1"), level = stream(sse, "c", "2");
    int stranger = stream(sse, "c", "");
    expect(behind, opening);
    expect(behind, "id: 2\nevent: changed\ndata: 2\n\n");
    expect_nothing(behind, 50);
    expect(level, opening);
    expect_nothing(level, 0);
    expect(stranger, opening);
    expect_nothing(stranger, 0);
    tdl_sse_free(sse);
    close(behind), close(level), close(stranger);
}

/* 64 KiB here and 32 KiB, which Linux doubles, in the kernel: five of 30 KiB are too many. */
static void a_slow_reader_is_dropped_and_the_others_are_not(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 1});
    int slow = stream(sse, "c", ""), quick = stream(sse, "c", "");
    static char told[BIG + 64];
    const size_t event_n = strlen("id: big\nevent: \ndata: \n\n") + BIG;

    (void)state;
    expect(quick, opening);
    for (int i = 0; i < 6; i++) {
        publish_big(sse);
        assert_int_equal(recv(quick, told, event_n, MSG_WAITALL), (ssize_t)event_n);
    }
    wait_for_streams(sse, 1);
    expect_end(slow);
    tdl_sse_free(sse);
    close(slow), close(quick);
}

static void a_reader_that_takes_nothing_between_heartbeats_is_dropped(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 1, .heartbeat_ms = 200});
    int fd = stream(sse, "c", "");

    (void)state;
    for (int i = 0; i < 3; i++) { // more than its socket takes, less than is too much
        publish_big(sse);
        usleep(20000);
    }
    assert_int_equal(tdl_sse_streams(sse), 1);
    wait_for_streams(sse, 0);
    tdl_sse_free(sse);
    close(fd);
}

static void what_waited_is_told_in_order_once_there_is_room(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 1});
    int fd = stream(sse, "c", "");
    static char told[BIG + 64];
    const size_t event_n = strlen("id: big\nevent: \ndata: \n\n") + BIG;

    (void)state;
    for (int i = 0; i < 3; i++) {
        publish_big(sse);
        usleep(20000);
    }
    publish(sse, "c", "9");
    expect(fd, opening);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(recv(fd, told, event_n, MSG_WAITALL), (ssize_t)event_n);
        assert_memory_equal(told, "id: big\nevent: \ndata: xx", 24);
        assert_memory_equal(told + event_n - 3, "x\n\n", 3);
    }
    expect(fd, "id: 9\nevent: changed\ndata: 9\n\n");
    tdl_sse_free(sse);
    close(fd);
}

static void a_reader_that_hangs_up_is_forgotten(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){0});
    int gone = stream(sse, "c", ""), stays = stream(sse, "c", "");

    (void)state;
    expect(gone, opening);
    close(gone);
    wait_for_streams(sse, 1);
    publish(sse, "c", "1");
    expect(stays, opening);
    expect(stays, "id: 1\nevent: changed\ndata: 1\n\n");
    tdl_sse_free(sse);
    close(stays);
}

static void closing_ends_every_stream_and_takes_no_more(void **state)
{
    enum { STREAMS = 100 };
    tdl_sse *sse = make((tdl_sse_options){0});
    int fds[STREAMS], late;

    (void)state;
    for (int i = 0; i < STREAMS; i++)
        fds[i] = stream(sse, "c", "");
    expect(fds[STREAMS - 1], opening);
    tdl_sse_close(sse);
    for (int i = 0; i < STREAMS; i++) {
        expect_end(fds[i]);
        close(fds[i]);
    }
    assert_int_equal(open_stream(sse, "c", "", &late), TDL_E_FULL);
    expect_end(late);
    close(late);
    tdl_sse_free(sse);
}

static void there_are_no_more_streams_than_allowed(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){.streams_max = 2});
    int one = stream(sse, "c", ""), two = stream(sse, "c", ""), late;

    (void)state;
    assert_int_equal(open_stream(sse, "c", "", &late), TDL_E_FULL);
    expect_end(late);
    close(one);
    wait_for_streams(sse, 1);
    int next = stream(sse, "c", "");
    tdl_sse_free(sse);
    close(late), close(two), close(next);
}

static void an_event_that_would_break_the_stream_is_refused(void **state)
{
    tdl_sse *sse = make((tdl_sse_options){0});
    static char large[40 << 10];
    const tdl_sse_event bad[] = {
        {.id = TDL_STR("1\n"), .name = TDL_STR("n"), .data = TDL_STR("d")},
        {.id = TDL_STR("1"), .name = TDL_STR("n\r"), .data = TDL_STR("d")},
        {.id = TDL_STR("1"), .name = TDL_STR("n"), .data = TDL_STR("d\n\ndata: forged")},
        {.id = TDL_STR("1"), .name = TDL_STR("n"), .data = TDL_STR("a\0b")},
        {.id = {large, 65}, .name = TDL_STR("n"), .data = TDL_STR("d")},
        {.id = TDL_STR("1"), .name = TDL_STR("n"), .data = {large, sizeof large}},
    };

    (void)state;
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(tdl_sse_publish(sse, "c", &bad[i], NULL), TDL_E_INVALID);
    tdl_sse_free(sse);
}

static void *come_and_go(void *context)
{
    tdl_sse *sse = context;

    for (int i = 0; i < 200; i++) {
        int fd;
        if (!open_stream(sse, i % 2 ? "c" : "d", "0", &fd) && i % 3)
            expect(fd, opening);
        close(fd);
    }
    return NULL;
}

/* For the sanitizers. */
static void threads_come_go_and_publish_at_once(void **state)
{
    enum { THREADS = 4 };
    tdl_sse *sse = make((tdl_sse_options){.gap_ms = 1, .heartbeat_ms = 5});
    pthread_t threads[THREADS];
    char id[12];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, sse), 0);
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "%d", i);
        publish(sse, i % 2 ? "c" : "d", id);
        usleep(200);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for_streams(sse, 0);
    tdl_sse_free(sse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_begins_with_its_head_and_a_greeting),
        cmocka_unit_test(an_event_reaches_the_streams_of_its_channel_only),
        cmocka_unit_test(a_burst_is_told_once_as_its_last_event),
        cmocka_unit_test(a_heartbeat_comes_when_nothing_else_does),
        cmocka_unit_test(who_comes_back_is_told_the_event_it_missed),
        cmocka_unit_test(a_slow_reader_is_dropped_and_the_others_are_not),
        cmocka_unit_test(a_reader_that_takes_nothing_between_heartbeats_is_dropped),
        cmocka_unit_test(what_waited_is_told_in_order_once_there_is_room),
        cmocka_unit_test(a_reader_that_hangs_up_is_forgotten),
        cmocka_unit_test(closing_ends_every_stream_and_takes_no_more),
        cmocka_unit_test(there_are_no_more_streams_than_allowed),
        cmocka_unit_test(an_event_that_would_break_the_stream_is_refused),
        cmocka_unit_test(threads_come_go_and_publish_at_once),
    };
    return cmocka_run_group_tests_name("http/sse", tests, NULL, NULL);
}
