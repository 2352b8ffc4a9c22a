/* Event streams where the server does TLS itself: told, bounded and ended as others are. The client
 * is GnuTLS's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "fixture.h"
#include "loop/flags.h"

enum { STREAMS = 30 };

static gnutls_certificate_credentials_t trust; /* none: the certificate is of our own making */

typedef struct client {
    int fd;
    gnutls_session_t session;
} client;

static bool make_certificate(const fixture *f)
{
    char command[600];

    snprintf(command, sizeof command,
             "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
             "-keyout '%s/k.pem' -out '%s/c.pem' -days 2 -subj /CN=treadle 2>/dev/null",
             f->dir, f->dir);
    return !system(command); // NOLINT(cert-env33-c): of our own making
}

static void serve(fixture *f, tdl_server_options options)
{
    char cert[100], key[100];

    snprintf(cert, sizeof cert, "%s/c.pem", f->dir);
    snprintf(key, sizeof key, "%s/k.pem", f->dir);
    options.tls_cert = cert;
    options.tls_key = key;
    options.threads = 2;
    fixture_restart(f, options);
}

static int set_up(void **state)
{
    fixture_set_up(state);
    assert_true(make_certificate(*state));
    serve(*state, (tdl_server_options){0});
    return 0;
}

static client connect_to(fixture *f)
{
    client c = {.fd = raw_connect(f->port)};
    int status;

    assert_true(c.fd >= 0);
    assert_int_equal(gnutls_init(&c.session, GNUTLS_CLIENT), 0);
    gnutls_set_default_priority(c.session);
    gnutls_credentials_set(c.session, GNUTLS_CRD_CERTIFICATE, trust);
    gnutls_transport_set_int(c.session, c.fd);
    do
        status = gnutls_handshake(c.session);
    while (status < 0 && !gnutls_error_is_fatal(status));
    assert_int_equal(status, 0);
    return c;
}

static void hang_up(client *c)
{
    close(c->fd);
    gnutls_deinit(c->session);
}

static void say(client *c, const char *text)
{
    assert_int_equal(gnutls_record_send(c->session, text, strlen(text)), (ssize_t)strlen(text));
}

/* Bytes come; 0 = the other side has ended. */
static size_t hear(client *c, char *to, size_t max)
{
    ssize_t n;

    do
        n = gnutls_record_recv(c->session, to, max);
    while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
    return n < 0 ? 0 : (size_t)n;
}

/* Everything that comes until `text` has; chunked, so that what lies across a border of chunks is
 * not found: whoever sends one event at a time sends it whole. */
static void read_until(client *c, const char *text, char *ret, size_t ret_n)
{
    size_t n = 0;

    ret[0] = '\0';
    while (!strstr(ret, text)) {
        size_t more = n + 1 < ret_n ? hear(c, ret + n, ret_n - 1 - n) : 0;
        if (!more)
            fail_msg("got \"%s\", waiting for \"%s\"", ret, text);
        n += more;
        ret[n] = '\0';
    }
}

static client open_at(fixture *f, const char *target, const char *key)
{
    client c = connect_to(f);
    char request[500], told[4000];

    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n\r\n", target, key);
    say(&c, request);
    read_until(&c, ": hi\n\nretry: 3000\n\n", told, sizeof told);
    assert_memory_equal(told, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(told, "\r\nContent-Type: text/event-stream\r\n"));
    assert_non_null(strstr(told, "\r\nX-Accel-Buffering: no\r\n"));
    return c;
}

static client open_growthbook(fixture *f)
{
    char target[200];

    snprintf(target, sizeof target, "/sub/%s", f->write_key);
    return open_at(f, target, f->write_key);
}

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

static void append(fixture *f, int n, const char *properties)
{
    static int next;
    tdl_event event = {.time_us = tdl_time_now(),
                       .user = TDL_STR("ann"),
                       .kind = TDL_STR("view"),
                       .source = TDL_STR("test"),
                       .properties = tdl_str_of(properties)};
    char id[20];
    tdl_report why = {0};

    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof id, "m%d", next++);
        event.message_id = tdl_str_of(id);
        if (tdl_store_append(tdl_loop_store(f->loop), &event, 1, NULL, &why))
            fail_msg("%s", why.message);
    }
}

static void a_change_is_told(void **state)
{
    fixture *f = *state;
    char told[2000];
    client c = open_growthbook(f);

    put(f, "a");
    read_until(&c, "event: features-updated\ndata: {}\n\n", told, sizeof told);
    usleep(300000);
    put(f, "b"); // it was suspended, and woke
    read_until(&c, "event: features-updated\ndata: {}\n\n", told, sizeof told);
    hang_up(&c);
}

static void answers_say_that_there_are_streams(void **state)
{
    fixture *f = *state;
    client c = connect_to(f);
    char request[500], told[4000];

    snprintf(request, sizeof request,
             "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: 35\r\n\r\n{\"context\":{\"targetingKey\":\"u1\"}}  ",
             f->write_key);
    say(&c, request);
    read_until(&c, "\"requestUri\":\"/ofrep/v1/stream?c=", told, sizeof told);
    hang_up(&c);
}

static void events_are_told_as_they_are_stored(void **state)
{
    fixture *f = *state;
    char told[4000];
    client c = open_at(f, "/v1/events/live?user=ann", f->decide_key);

    append(f, 1, "{\"a\":1}");
    read_until(&c, "\"properties\":{\"a\":1}", told, sizeof told);
    append(f, 1, "{\"a\":2}");
    read_until(&c, "\"properties\":{\"a\":2}", told, sizeof told);
    hang_up(&c);
}

/* More than the socket and 64 KiB hold, while nobody reads. */
static void a_reader_that_waits_misses_events_and_is_told_how_many(void **state)
{
    enum { EVENTS = 1500 };
    static char told[EVENTS * 4000];
    fixture *f = *state;
    char properties[3100];
    client c = open_at(f, "/v1/events/live", f->decide_key);

    snprintf(properties, sizeof properties, "{\"a\":\"%03000d\"}", 0);
    append(f, EVENTS, properties);
    read_until(&c, "event: dropped", told, sizeof told);
    hang_up(&c);
    append(f, 1, ""); // nobody is there: nothing comes of it
}

static void a_stream_outlives_what_libmicrohttpd_thinks_is_idle(void **state)
{
    fixture *f = *state;
    char told[2000];

    serve(f, (tdl_server_options){.idle_seconds = 1});
    client c = open_growthbook(f);
    usleep(2500000);
    put(f, "a");
    read_until(&c, "features-updated", told, sizeof told);
    usleep(2500000);
    put(f, "b");
    read_until(&c, "features-updated", told, sizeof told);
    hang_up(&c);
}

static void head_gets_the_fields_and_no_stream(void **state)
{
    fixture *f = *state;
    client c = connect_to(f);
    char request[300], told[2000];

    snprintf(request, sizeof request,
             "HEAD /sub/%s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", f->write_key);
    say(&c, request);
    read_until(&c, "\r\n\r\n", told, sizeof told);
    assert_non_null(strstr(told, "Content-Type: text/event-stream"));
    assert_int_equal(hear(&c, told, sizeof told), 0);
    hang_up(&c);
}

static void expect_ends(client clients[STREAMS])
{
    char bytes[1000];

    for (int i = 0; i < STREAMS; i++) {
        while (hear(&clients[i], bytes, sizeof bytes))
            ;
        hang_up(&clients[i]);
    }
}

static void draining_ends_all_streams_at_once(void **state)
{
    fixture *f = *state;
    client clients[STREAMS];

    for (int i = 0; i < STREAMS; i++)
        clients[i] = open_growthbook(f);
    assert_true(tdl_server_drain(f->server, 10000));
    expect_ends(clients);
}

static void stopping_without_draining_ends_them_too(void **state)
{
    fixture *f = *state;
    client clients[STREAMS];

    for (int i = 0; i < STREAMS; i++)
        clients[i] = i % 2 ? open_growthbook(f) : open_at(f, "/v1/events/live", f->decide_key);
    tdl_server_stop(f->server);
    f->server = NULL;
    expect_ends(clients);
    put(f, "a"); // nobody is told any more
}

static void *come_and_go(void *context)
{
    fixture *f = context;

    for (int i = 0; i < 15; i++) {
        client c = i % 2 ? open_growthbook(f) : open_at(f, "/v1/events/live", f->decide_key);
        hang_up(&c);
    }
    return NULL;
}

static void streams_come_and_go_while_there_is_much_to_tell(void **state)
{
    fixture *f = *state;
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, f), 0);
    for (int i = 0; i < 30; i++) {
        append(f, 10, "");
        put(f, i % 2 ? "a" : "b");
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_change_is_told),
        EACH(answers_say_that_there_are_streams),
        EACH(events_are_told_as_they_are_stored),
        EACH(a_reader_that_waits_misses_events_and_is_told_how_many),
        EACH(a_stream_outlives_what_libmicrohttpd_thinks_is_idle),
        EACH(head_gets_the_fields_and_no_stream),
        EACH(draining_ends_all_streams_at_once),
        EACH(stopping_without_draining_ends_them_too),
        EACH(streams_come_and_go_while_there_is_much_to_tell),
    };
    if (system("command -v openssl >/dev/null")) { // NOLINT(cert-env33-c): ours
        printf("skipped: streams under TLS: no openssl to make a certificate with\n");
        return 0;
    }
    gnutls_certificate_allocate_credentials(&trust);
    int failed = cmocka_run_group_tests_name("http/tls_streams", tests, NULL, NULL);
    gnutls_certificate_free_credentials(trust);
    return failed;
}
