/* A disk that is full: 503 and nothing lost; once there is room again, all goes on. The limit on
 * the size of files (RLIMIT_FSIZE) stands for the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

enum { LIMIT = 512 << 10, BATCHES_MAX = 2000 };

/* Batches until one is refused; gives how many were taken. */
static int fill_up(client *c)
{
    char body[2200], padding[2001];
    int taken = 0;

    memset(padding, 'x', 2000);
    padding[2000] = '\0';
    while (taken < BATCHES_MAX) {
        snprintf(body, sizeof body,
                 "{\"user\":\"u%d\",\"kind\":\"v\",\"message_id\":\"m%d\",\"properties\":{\"p\":\"%"
                 "s\"}}",
                 taken / 500, taken, padding);
        if (client_call(c, "POST", "/v1/events", body) != 200)
            break;
        taken++;
    }
    return taken;
}

static int count_events(client *c, int users)
{
    int n = 0;

    for (int u = 0; u < users; u++) {
        assert_int_equal(client_get(c, "/v1/events?user=u%d&limit=1000", u), 200);
        n += (int)json_array_size(client_at(c, "events"));
    }
    return n;
}

static void assert_retry_later(const client *c)
{
    assert_int_equal(c->status, 503);
    assert_true(client_has_header(c, "Retry-After: 2"));
    assert_true(client_has_header(c, "Content-Type: application/problem+json"));
    assert_true(strlen(client_text(c, "detail")) > 0);
}

static void a_full_disk_is_a_503_until_there_is_room(void **state)
{
    server *s = server_new();
    char again[100];

    (void)state;
    server_start(s, LIMIT);
    client *c = client_new(s, s->admin_key);
    int taken = fill_up(c);
    assert_true(taken > 0 && taken < BATCHES_MAX);
    assert_retry_later(c);
    for (int i = 0; i < 5; i++) { // it keeps saying so, and keeps reading
        client_call(c, "POST", "/v1/events", "{\"user\":\"late\",\"kind\":\"v\"}");
        client_expect(c, 200, "GET", "/healthz", NULL);
    }
    assert_int_equal(count_events(c, taken / 500 + 1), taken);
    server_limit_files(s, 0);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u0\",\"kind\":\"v\"}");
    snprintf(again, sizeof again, "{\"user\":\"u0\",\"kind\":\"v\",\"message_id\":\"m%d\"}", taken);
    client_expect(c, 200, "POST", "/v1/events", again); // the one that was refused
    assert_int_equal(json_integer_value(client_at(c, "stored")), 1);
    server_kill(s);
    server_start(s, 0);
    assert_int_equal(count_events(c, taken / 500 + 1), taken + 2);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

static void decisions_answered_while_the_disk_was_full_are_in_the_log_later(void **state)
{
    enum { ASKED = 200 };
    static char ids[ASKED][40];
    server *s = server_new();
    int answered = 0;

    (void)state;
    server_start(s, LIMIT);
    client *c = client_new(s, s->admin_key);
    fill_up(c);
    for (int i = 0; i < ASKED; i++) {
        if (client_call(c, "GET", "/v1/recommend?user=u0", NULL) == 200)
            snprintf(ids[answered++], sizeof ids[0], "%s", client_text(c, "decision_id"));
        else
            assert_retry_later(c);
    }
    server_limit_files(s, 0);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u0\",\"kind\":\"v\"}");
    for (int i = 0; i < answered; i++) {
        assert_int_equal(client_get(c, "/v1/decisions/%s", ids[i]), 200);
    }
    print_message("%d of %d questions were answered on a full disk\n", answered, ASKED);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_a_503_until_there_is_room),
        cmocka_unit_test(decisions_answered_while_the_disk_was_full_are_in_the_log_later),
    };
    return cmocka_run_group_tests_name("e2e/disk_full", tests, NULL, NULL);
}
