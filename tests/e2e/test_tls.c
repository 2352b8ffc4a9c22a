/* HTTPS with certificates made here, and changed while the server runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

typedef struct files {
    char cert[200], key[200];
} files;

static files paths(const server *s, const char *name)
{
    files f;

    snprintf(f.cert, sizeof f.cert, "%s/%s.pem", s->folder, name);
    snprintf(f.key, sizeof f.key, "%s/%s.key", s->folder, name);
    return f;
}

/* False when there is no openssl. */
static bool make_certificate(const files *f)
{
    char command[900];

    snprintf(command, sizeof command,
             "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
             "-keyout '%s' -out '%s' -days 2 -subj /CN=treadle "
             "-addext subjectAltName=IP:127.0.0.1 2>/dev/null",
             f->key, f->cert);
    return !system(command); // NOLINT(cert-env33-c): of our own making
}

static void copy(const char *from, const char *to)
{
    char command[500];

    snprintf(command, sizeof command, "cp -p '%s' '%s'", from, to);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): of our own making
}

static int tls_set_up(void **state)
{
    server *s = server_new();
    files used = paths(s, "used"), next = paths(s, "next");
    const char *const options[] = {"--tls-cert", used.cert, "--tls-key", used.key, NULL};

    *state = s;
    if (!make_certificate(&used) || !make_certificate(&next)) {
        printf("skipped: HTTPS: no openssl to make a certificate with\n");
        return 0;
    }
    server_start_with(s, 0, options);
    return 0;
}

static server *running(void **state)
{
    server *s = *state;

    if (!s->pid)
        skip();
    return s;
}

static client *trusting(const server *s, const char *name)
{
    static char file[4][200]; // the client keeps the pointer
    static int turn;
    client *c = client_new(s, s->admin_key);

    files f = paths(s, name);
    turn = (turn + 1) % 4;
    snprintf(file[turn], sizeof file[turn], "%s", f.cert);
    c->ca_file = file[turn];
    return c;
}

static void events_and_questions_go_over_https(void **state)
{
    server *s = running(state);
    client *c = trusting(s, "used");

    assert_true(!strncmp(s->url, "https://", 8));
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    assert_true(client_has_header(c, "Strict-Transport-Security: max-age=31536000"));
    client_expect(c, 200, "GET", "/v1/events?user=u", NULL);
    assert_string_equal(client_text(c, "events.0.kind"), "view");
    client_expect(c, 200, "POST", "/v1/session", NULL);
    assert_non_null(strstr(c->head.at, "Set-Cookie: __Host-treadle_"));
    assert_non_null(strstr(c->head.at, "; HttpOnly; SameSite=Strict; Secure\r\n"));
    client_free(c);
    c = trusting(s, "next");
    assert_int_equal(client_call(c, "GET", "/healthz", NULL), 0); // not the one it trusts
    client_free(c);
}

static void plain_http_and_old_tls_are_turned_away(void **state)
{
    server *s = running(state), plain = *s;
    client *c = client_new(&plain, NULL);
    char command[300];

    snprintf(plain.url, sizeof plain.url, "http://127.0.0.1:%u", s->port);
    assert_int_equal(client_call(c, "GET", "/healthz", NULL), 0);
    client_free(c);
    snprintf(
        command, sizeof command,
        "curl -sk --tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 -o /dev/null %s/healthz",
        s->url);
    assert_int_not_equal(system(command), 0); // NOLINT(cert-env33-c): of our own making
    c = trusting(s, "used");
    client_expect(c, 200, "GET", "/healthz", NULL);
    client_free(c);
}

/* The status a new connection gets that trusts `name` only, once it is 200 or after two seconds. */
static int settled(const server *s, const char *name)
{
    int status = 0;

    for (int i = 0; i < 100 && status != 200; i++) {
        client *c = trusting(s, name);
        status = client_call(c, "GET", "/healthz", NULL);
        client_free(c);
        usleep(20000);
    }
    return status;
}

static void sighup_changes_the_certificate_and_ends_no_connection(void **state)
{
    server *s = running(state);
    files used = paths(s, "used"), next = paths(s, "next");
    client *old = trusting(s, "used"), *late = client_new(s, NULL);

    client_expect(old, 200, "GET", "/healthz", NULL);
    copy(next.cert, used.cert);
    copy(next.key, used.key);
    kill(s->pid, SIGHUP);
    assert_int_equal(settled(s, "next"), 200);
    client_expect(old, 200, "GET", "/healthz", NULL); // it is still connected
    FILE *broken = fopen(used.key, "w");
    fputs("-----BEGIN PRIVATE KEY-----\n", broken);
    fclose(broken);
    kill(s->pid, SIGHUP);
    usleep(300000);
    assert_int_equal(settled(s, "next"), 200); // the former one serves on
    client_free(old);
    client_free(late);
    assert_int_equal(server_stop(s), 0);
}

static void refused(server *s, const char *cert, const char *key, const char *words)
{
    const char *const arguments[] = {"serve",      "--data", s->data,     "--port", "0",
                                     "--tls-cert", cert,     "--tls-key", key,      NULL};
    char errors[2000];

    assert_int_not_equal(server_command_errors(arguments, errors, sizeof errors), 0);
    if (!strstr(errors, words))
        fail_msg("not \"%s\" but \"%s\"", words, errors);
}

static void a_wrong_certificate_or_key_is_named_at_the_start(void **state)
{
    server *s = running(state);
    files used = paths(s, "used"), next = paths(s, "next");

    assert_int_equal(server_stop(s), 0);
    refused(s, used.cert, next.key, "is not the private key of");
    refused(s, used.key, used.key, "no certificate");
    refused(s, used.cert, used.cert, "no private key");
    refused(s, "/nowhere/cert.pem", used.key, "/nowhere/cert.pem: No such file");
    refused(s, used.cert, "/nowhere/key.pem", "/nowhere/key.pem: No such file");
    refused(s, s->folder, used.key, "not a file");
    refused(s, used.cert, "", "belong together");
    refused(s, "", used.key, "belong together");
    chmod(used.key, 0640);
    refused(s, used.cert, used.key, "(mode 640)");
    if (geteuid()) {
        chmod(used.key, 0);
        refused(s, used.cert, used.key, "Permission denied");
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, tls_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(events_and_questions_go_over_https),
        EACH(plain_http_and_old_tls_are_turned_away),
        EACH(sighup_changes_the_certificate_and_ends_no_connection),
        EACH(a_wrong_certificate_or_key_is_named_at_the_start),
    };
    return cmocka_run_group_tests_name("e2e/tls", tests, NULL, NULL);
}
