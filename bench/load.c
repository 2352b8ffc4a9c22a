#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/timestamp.h"

enum {
    ANSWER_MAX = 1 << 16,
    CONNECTIONS_MAX = 1024,
    EVENTS_MAX = 64,
    GRACE_US = 5000000,
    TIMER_SLACK_NS = 1000,
    SLICE_NS = 100000
};

typedef struct connection {
    int fd;
    bool busy;
    int64_t due_us; /* when its request was due */
    size_t have;    /* bytes of the answer so far */
    char answer[ANSWER_MAX];
} connection;

typedef struct load {
    const tdl_load_options *options;
    connection *connections;
    int epoll_fd;
    int64_t started_us, end_us;
    size_t sent, busy_n;
    float *latency_us; /* [latency_cap] */
    size_t latency_cap;
    tdl_load_result result;
} load;

static tdl_status connect_one(load *l, connection *c, tdl_report *why)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(l->options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        return TDL_FAIL(why, TDL_E_IO, "127.0.0.1:%u: %s", l->options->port, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
        return TDL_FAIL(why, TDL_E_IO, "epoll: %s", strerror(errno));
    return TDL_OK;
}

/* Requests are far smaller than a socket buffer, so a blocking send never stalls the loop. */
static tdl_status send_request(load *l, connection *c, int64_t due_us, tdl_report *why)
{
    tdl_str request = l->options->requests[l->sent % l->options->requests_n];

    while (request.len) {
        ssize_t n = send(c->fd, request.at, request.len, MSG_NOSIGNAL);
        if (n < 0)
            return TDL_FAIL(why, TDL_E_IO, "send: %s", strerror(errno));
        request.at += n;
        request.len -= (size_t)n;
    }
    c->busy = true;
    c->due_us = due_us;
    c->have = 0;
    l->sent++;
    l->busy_n++;
    return TDL_OK;
}

/* Whole length of the answer in `c`, 0 while its headers are incomplete. */
static size_t answer_length(const connection *c)
{
    const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - c->answer) + 4;
    for (const char *line = c->answer; line < end; line++) {
        line = memchr(line, '\n', (size_t)(end - line));
        if (!line)
            break;
        if (!strncasecmp(line + 1, "content-length:", 15))
            return head + strtoul(line + 16, NULL, 10);
    }
    return head;
}

static void note_answer(load *l, connection *c)
{
    if (l->result.answered < l->latency_cap)
        l->latency_us[l->result.answered] = (float)(tdl_time_monotonic() - c->due_us);
    l->result.answered++;
    if (memcmp(c->answer, "HTTP/1.1 2", 10))
        l->result.failed++;
    c->busy = false;
    l->busy_n--;
}

static tdl_status read_answer(load *l, connection *c, tdl_report *why)
{
    ssize_t n = recv(c->fd, c->answer + c->have, sizeof c->answer - 1 - c->have, 0);

    if (n <= 0)
        return TDL_FAIL(why, TDL_E_IO, "the server closed a connection: %s",
                        n ? strerror(errno) : "end of stream");
    c->have += (size_t)n;
    c->answer[c->have] = '\0';
    size_t whole = answer_length(c);
    if (whole >= sizeof c->answer)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "an answer of %zu bytes", whole);
    if (whole && c->have >= whole)
        note_answer(l, c);
    return TDL_OK;
}

static bool may_send(const load *l)
{
    if (l->options->count && l->sent >= l->options->count)
        return false;
    return tdl_time_monotonic() < l->end_us;
}

/* When request number `sent` is due: by the rate, or now. */
static int64_t next_due_us(const load *l)
{
    if (l->options->rate <= 0)
        return tdl_time_monotonic();
    return l->started_us + (int64_t)(1e6 * (double)l->sent / l->options->rate);
}

static tdl_status send_due(load *l, tdl_report *why)
{
    for (unsigned i = 0; i < l->options->connections; i++) {
        connection *c = &l->connections[i];
        if (c->busy)
            continue;
        int64_t due_us = next_due_us(l);
        if (!may_send(l) || due_us > tdl_time_monotonic())
            return TDL_OK;
        tdl_status st = send_request(l, c, due_us, why);
        if (st)
            return st;
    }
    return TDL_OK;
}

/* Until the next request is due; with every connection busy, until an answer comes. The client
 * sleeps rather than spins: on two cores a spinning one would measure itself. */
static struct timespec wait_time(const load *l)
{
    int64_t us = 100000;

    if (l->options->rate > 0 && l->busy_n < l->options->connections) {
        us = next_due_us(l) - tdl_time_monotonic();
        us = us < 0 ? 0 : us;
    }
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

static tdl_status drive(load *l, tdl_report *why)
{
    struct epoll_event events[EVENTS_MAX];
    tdl_status st;

    while (may_send(l) || l->busy_n) {
        if (tdl_time_monotonic() > l->end_us + GRACE_US)
            return TDL_FAIL(why, TDL_E_IO, "%zu requests were never answered", l->busy_n);
        if ((st = send_due(l, why)))
            return st;
        struct timespec wait = wait_time(l);
        int n = epoll_pwait2(l->epoll_fd, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < n; i++)
            if ((st = read_answer(l, events[i].data.ptr, why)))
                return st;
    }
    return TDL_OK;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void summarise(load *l)
{
    size_t n = l->result.answered < l->latency_cap ? l->result.answered : l->latency_cap;
    double seconds = (double)(tdl_time_monotonic() - l->started_us) / 1e6;

    if (!n)
        return;
    qsort(l->latency_us, n, sizeof l->latency_us[0], compare_floats);
    l->result.per_second = (double)l->result.answered / seconds;
    l->result.p50_us = (double)l->latency_us[n / 2];
    l->result.p99_us = (double)l->latency_us[n * 99 / 100];
}

tdl_status tdl_load_run(const tdl_load_options *options, tdl_load_result *ret, tdl_report *why)
{
    load l = {.options = options, .epoll_fd = -1, .latency_cap = 4000000};
    tdl_status st = TDL_OK;

    if (!options->connections || options->connections > CONNECTIONS_MAX || !options->requests_n)
        return TDL_FAIL(why, TDL_E_INVALID, "load: no connections or no requests");
    l.connections = calloc(options->connections, sizeof *l.connections);
    l.latency_us = malloc(l.latency_cap * sizeof *l.latency_us);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!l.connections || !l.latency_us || l.epoll_fd < 0) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "load: out of memory");
        goto out;
    }
    for (unsigned i = 0; i < options->connections; i++)
        l.connections[i].fd = -1;
    for (unsigned i = 0; !st && i < options->connections; i++)
        st = connect_one(&l, &l.connections[i], why);
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS); // the default would make every request 50 us late
    tdl_slice_ask(SLICE_NS); // else the wait for a core is measured with the answer
    l.started_us = tdl_time_monotonic();
    l.end_us = l.started_us + (int64_t)(1e6 * options->seconds);
    if (!st)
        st = drive(&l, why);
    summarise(&l);
    if (!st)
        *ret = l.result;
out:
    for (unsigned i = 0; l.connections && i < options->connections; i++)
        if (l.connections[i].fd >= 0)
            close(l.connections[i].fd);
    if (l.epoll_fd >= 0)
        close(l.epoll_fd);
    free(l.connections);
    free(l.latency_us);
    return st;
}

tdl_status tdl_load_run_answered(const tdl_load_options *options, tdl_load_result *ret,
                                 tdl_report *why)
{
    tdl_status st = tdl_load_run(options, ret, why);

    if (!st && ret->answered)
        ret->per_second *= 1 - (double)ret->failed / (double)ret->answered;
    return st;
}
