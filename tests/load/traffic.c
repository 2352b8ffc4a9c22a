#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "traffic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { USERS = 50, ITEMS = 40, STREAMS = 16, PAUSE_US = 50000 };

/* In `target` and `body` %1$d is a user, %2$d an item, %3$d a number of its own, %4$s the key. */
static const struct {
    const char *method, *target, *body;
} questions[] = {
    {"POST", "/v1/events", "[{\"user\":\"u%1$d\",\"kind\":\"view\",\"item\":\"i%2$d\"}]"},
    {"GET", "/v1/recommend?user=u%1$d&n=5", NULL},
    {"POST", "/flags/?v=2", "{\"token\":\"%4$s\",\"distinct_id\":\"u%1$d\"}"},
    {"POST", "/batch/",
     "{\"api_key\":\"%4$s\",\"batch\":[{\"event\":\"look\",\"distinct_id\":\"u%1$d\",\"uuid\":"
     "\"load-%3$d\",\"properties\":{\"$set\":{\"plan\":\"p%2$d\"}}}]}"},
    {"POST", "/ofrep/v1/evaluate/flags/f1", "{\"context\":{\"targetingKey\":\"u%1$d\"}}"},
    {"POST", "/v1/batch",
     "{\"writeKey\":\"%4$s\",\"batch\":[{\"type\":\"identify\",\"userId\":\"u%1$d\","
     "\"anonymousId\":"
     "\"a%3$d\",\"messageId\":\"seg-%3$d\"}]}"},
    {"GET", "/v1/stats", NULL},
    {"POST", "/ofrep/v1/evaluate/flags", "{\"context\":{\"targetingKey\":\"u%1$d\"}}"},
    {"GET", "/v1/events?user=u%1$d&limit=20", NULL},
    {"POST", "/v1/flags/f0/evaluate", "{\"id\":\"u%1$d\"}"},
    {"GET", "/metrics", NULL},
    {"GET", "/api/features/%4$s", NULL},
    {"GET", "/v1/decisions?user=u%1$d", NULL},
    {"PUT", "/v1/catalogue/items", "[{\"id\":\"i%2$d\",\"title\":\"Title %3$d\"}]"},
    {"GET", "/v1/users?limit=10", NULL},
    {"POST", "/v1/insights/query", "{\"report\":\"trend\",\"kinds\":[\"view\"]}"},
    {"POST", "/v1/privacy/consent",
     "{\"user\":\"u%1$d\",\"purpose\":\"personalisation\",\"granted\":false}"},
    {"POST", "/v1/events", "[{\"user\":\"gone%2$d\",\"kind\":\"view\",\"item\":\"i%1$d\"}]"},
    {"POST", "/v1/privacy/export", "{\"user\":\"u%1$d\"}"},
    {"POST", "/v1/privacy/erase", "{\"user\":\"gone%2$d\"}"},
    {"GET", "/v1/audit", NULL},
    {"PUT", "/v1/flags/f%2$d",
     "{\"family\":\"posthog\",\"definition\":{\"active\":true,\"filters\":{\"groups\":"
     "[{\"properties\":[],\"rollout_percentage\":%1$d}]}}}"},
};
enum { QUESTIONS = sizeof questions / sizeof questions[0] };

static void note_wrong(traffic *t, const client *c, const char *method, const char *target)
{
    pthread_mutex_lock(&t->lock);
    if (!t->wrong[0])
        snprintf(t->wrong, sizeof t->wrong, "%s %s answered %d: %.400s", method, target, c->status,
                 c->body.len ? c->body.at : "");
    pthread_mutex_unlock(&t->lock);
}

static void fill_in(char *ret, size_t ret_n, const char *format, const traffic *t, int number)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(ret, ret_n, format, number * 7 % USERS, number / QUESTIONS % ITEMS, number,
             t->server->admin_key);
#pragma GCC diagnostic pop
}

static void *ask(void *context)
{
    traffic *t = context;
    client *c = client_new(t->server, t->server->admin_key);
    char target[300], body[600];

    while (!atomic_load(&t->stop)) {
        int number = atomic_fetch_add(&t->next, 1), q = number % QUESTIONS;
        fill_in(target, sizeof target, questions[q].target, t, number);
        if (questions[q].body)
            fill_in(body, sizeof body, questions[q].body, t, number);
        client_call(c, questions[q].method, target, questions[q].body ? body : NULL);
        if (c->status == 200 || c->status == 202)
            atomic_fetch_add(&t->answered, 1);
        else if (c->status && c->status != 503)
            note_wrong(t, c, questions[q].method, target);
        else
            usleep(PAUSE_US);
    }
    client_free(c);
    return NULL;
}

/* A stream that has sent its head, or -1. */
static int open_stream(const traffic *t, const char *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(t->server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    char text[400];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", target,
                     t->server->admin_key);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof address) &&
        send(fd, text, (size_t)n, MSG_NOSIGNAL) == n && recv(fd, text, sizeof text, 0) > 12 &&
        !memcmp(text, "HTTP/1.1 200", 12))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The oldest of them goes when the next one comes. */
static void *stream(void *context)
{
    traffic *t = context;
    char flags[200];
    int fd[STREAMS];

    snprintf(flags, sizeof flags, "/sub/%s", t->server->admin_key);
    for (int i = 0; i < STREAMS; i++)
        fd[i] = -1;
    for (int i = 0; !atomic_load(&t->stop); i = (i + 1) % STREAMS) {
        if (fd[i] >= 0)
            close(fd[i]);
        fd[i] = open_stream(t, i % 2 ? flags : "/v1/events/live");
        atomic_fetch_add(&t->streams, fd[i] >= 0);
        usleep(PAUSE_US);
    }
    for (int i = 0; i < STREAMS; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    return NULL;
}

/* Those that are asked for by name. */
static void put_flags(const server *s)
{
    client *c = client_new(s, s->admin_key);

    client_expect(c, 200, "PUT", "/v1/flags/f0",
                  "{\"family\":\"posthog\",\"definition\":{\"active\":true}}");
    client_expect(c, 200, "PUT", "/v1/flags/f1",
                  "{\"family\":\"growthbook\",\"definition\":{\"defaultValue\":true}}");
    client_free(c);
}

void traffic_start(traffic *t, const server *s)
{
    put_flags(s);
    t->server = s;
    atomic_store(&t->stop, false);
    pthread_mutex_init(&t->lock, NULL);
    for (int i = 0; i < TRAFFIC_ASKERS; i++)
        assert_int_equal(pthread_create(&t->asker[i], NULL, ask, t), 0);
    assert_int_equal(pthread_create(&t->streamer, NULL, stream, t), 0);
}

void traffic_stop(traffic *t)
{
    atomic_store(&t->stop, true);
    for (int i = 0; i < TRAFFIC_ASKERS; i++)
        pthread_join(t->asker[i], NULL);
    pthread_join(t->streamer, NULL);
    pthread_mutex_destroy(&t->lock);
    if (t->wrong[0])
        fail_msg("%s", t->wrong);
}
