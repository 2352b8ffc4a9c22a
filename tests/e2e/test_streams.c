/* Many event streams at once: what they cost, how soon all are told, and going down with them open.
 * TREADLE_STREAMS is how many; 10,000 is the bar's number and takes some ten seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "client.h"

enum { STREAMS = 1000, WARM = 50, PATIENCE_S = 30, BYTES_EACH = 8 << 10 };
static const int64_t FAN_OUT_US = 1000000, STOP_US = 5000000;
static const char definition[] =
    "{\"family\":\"posthog\",\"definition\":{\"active\":true,\"filters\":{\"groups\":"
    "[{\"properties\":[],\"rollout_percentage\":100}]}}}";

static int streams_wanted(void)
{
    const char *n = getenv("TREADLE_STREAMS");
    struct rlimit limit;
    int wanted = n ? atoi(n) : STREAMS;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(wanted > 0 && (rlim_t)wanted + 100 < limit.rlim_max);
    return wanted;
}

/* Read until `text` came. */
static void read_until(int fd, const char *text)
{
    char got[2000] = {0};
    size_t n = 0;

    while (!strstr(got, text)) {
        ssize_t more = n + 1 < sizeof got ? recv(fd, got + n, sizeof got - 1 - n, 0) : 0;
        if (more <= 0)
            fail_msg("got \"%s\", waiting for \"%s\"", got, text);
        n += (size_t)more;
    }
}

static int open_stream(const server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(s->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    char request[300];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int n =
        snprintf(request, sizeof request, "GET /sub/%s HTTP/1.1\r\nHost: t\r\n\r\n", s->admin_key);
    assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    read_until(fd, "retry: 3000\n\n");
    return fd;
}

static int *open_streams(const server *s, int n)
{
    int *fds = malloc((size_t)n * sizeof *fds);

    for (int i = 0; i < n; i++)
        fds[i] = open_stream(s);
    return fds;
}

static void close_streams(int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
    free(fds);
}

static long resident_bytes(const server *s)
{
    char path[64];
    long all = 0, resident = 0;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)s->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &all, &resident), 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void a_stream_costs_little_memory_and_is_told_soon(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    int n = streams_wanted();

    int *warm = open_streams(s, WARM);
    client_expect(c, 200, "PUT", "/v1/flags/a", definition);
    long before = resident_bytes(s);
    int *fds = open_streams(s, n);
    double each = (double)(resident_bytes(s) - before) / n;
    usleep(300000); // the first change is past
    client_expect(c, 200, "PUT", "/v1/flags/b", definition);
    int64_t changed_us = tdl_time_monotonic();
    for (int i = 0; i < n; i++)
        read_until(fds[i], "features-updated");
    int64_t told_us = tdl_time_monotonic() - changed_us;
    print_message("%d streams: %.0f bytes each; all told %.0f ms after the change\n", n, each,
                  (double)told_us / 1000);
    assert_true(each <= BYTES_EACH);
    assert_true(told_us <= FAN_OUT_US);
    close_streams(warm, WARM);
    close_streams(fds, n);
    client_free(c);
}

static void a_server_with_open_streams_stops_at_once_with_status_0(void **state)
{
    server *s = *state;
    int n = streams_wanted();
    int *fds = open_streams(s, n);
    char byte;

    int64_t began_us = tdl_time_monotonic();
    assert_int_equal(server_stop(s), 0);
    int64_t took_us = tdl_time_monotonic() - began_us;
    print_message("%d streams: stopped in %.0f ms\n", n, (double)took_us / 1000);
    assert_true(took_us < STOP_US);
    for (int i = 0; i < n; i++)
        assert_int_equal(recv(fds[i], &byte, 1, 0), 0);
    close_streams(fds, n);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_stream_costs_little_memory_and_is_told_soon),
        EACH(a_server_with_open_streams_stops_at_once_with_status_0),
    };
    return cmocka_run_group_tests_name("e2e/streams", tests, NULL, NULL);
}
